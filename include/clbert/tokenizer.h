/* SPDX-License-Identifier: Apache-2.0 */
/* WordPiece as Hugging Face's BertTokenizerFast. */
#ifndef CLBERT_TOKENIZER_H
#define CLBERT_TOKENIZER_H

#include <clbert/api.h>
#include <clbert/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

CLB_BEGIN_DECLS

struct clb_tokenizer;

/* Opens DIR/vocab.txt with DIR/tokenizer_config.json (do_lower_case, strip_accents,
 * tokenize_chinese_chars; defaults as BertTokenizerFast; added_tokens_decoder), or
 * DIR/tokenizer.json, which decides where both are there and must then have the same vocabulary. It
 * may have added tokens, any BertNormalizer, none, or a sequence of NFD, Lowercase and
 * StripAccents. What would give other tokens than Hugging Face's is refused by the name of the
 * setting, and a vocabulary without [PAD], [UNK], [CLS], [SEP] or [MASK] by theirs:
 * CLB_ERROR_FORMAT. The caller closes with clb_tokenizer_close. */
CLB_API enum clb_status clb_tokenizer_open(const char *directory, struct clb_tokenizer **tokenizer);
CLB_API void clb_tokenizer_close(struct clb_tokenizer *tokenizer);

/* Writes vocab.txt and tokenizer_config.json, and tokenizer.json where these do not say all or an
 * older one is to be replaced, into a directory (made where it is missing): together or not at all.
 */
CLB_API enum clb_status clb_tokenizer_save(const struct clb_tokenizer *tokenizer,
                                           const char *directory);

struct clb_special_ids {
    int32_t pad, unk, cls, sep, mask;
};

CLB_API struct clb_special_ids clb_tokenizer_special_ids(const struct clb_tokenizer *tokenizer);
CLB_API int32_t clb_tokenizer_vocab_size(const struct clb_tokenizer *tokenizer);
/* The token of an id, owned by the tokenizer; "[UNK]"'s where the id is out of range. */
CLB_API const char *clb_tokenizer_token(const struct clb_tokenizer *tokenizer, int32_t id);
/* -1 where the vocabulary has no such token. */
CLB_API int32_t clb_tokenizer_id(const struct clb_tokenizer *tokenizer, const char *token);
/* Whether the token goes on from the piece before it ("##..."). */
CLB_API bool clb_tokenizer_is_continuation(const struct clb_tokenizer *tokenizer, int32_t id);
/* Whether it is one of the special tokens, or an added one that was called special. */
CLB_API bool clb_tokenizer_is_special(const struct clb_tokenizer *tokenizer, int32_t id);
/* A hash of the vocabulary and the normaliser's settings: two tokenizers with the same one give
 * the same ids. */
CLB_API uint64_t clb_tokenizer_hash(const struct clb_tokenizer *tokenizer);

/* Ids of a growing kind: reuse it between calls; release with clb_ids_free. */
struct clb_ids {
    int32_t *ids;
    size_t count, capacity;
};
CLB_API void clb_ids_free(struct clb_ids *ids);

/* Appends the ids of `size` bytes of UTF-8, without [CLS] and [SEP]. Invalid bytes count as
 * U+FFFD (and are removed with it, as Hugging Face does). Literal special and added tokens map to
 * their ids. Thread-safe on one tokenizer. */
CLB_API enum clb_status clb_tokenizer_encode(const struct clb_tokenizer *tokenizer,
                                             const char *text, size_t size, struct clb_ids *ids);

/* Where in a text an id comes from: bytes begin .. end - 1. */
struct clb_offset {
    size_t begin, end;
};
/* Of a growing kind, as clb_ids; release with clb_offsets_free. */
struct clb_offsets {
    struct clb_offset *offsets;
    size_t count, capacity;
};
CLB_API void clb_offsets_free(struct clb_offsets *offsets);

/* Appends the ids that clb_tokenizer_encode gives and, for each, its place in the text, as Hugging
 * Face's return_offsets_mapping does: of a piece from its first character's beginning to its last
 * one's end, so that accents that were stripped count only where something of the word follows
 * them; of [UNK] the word; of an added token also the white space that it takes. Places ascend;
 * pieces of one character have the same. Slower than encode. Thread-safe on one tokenizer. */
CLB_API enum clb_status clb_tokenizer_encode_offsets(const struct clb_tokenizer *tokenizer,
                                                     const char *text, size_t size,
                                                     struct clb_ids *ids,
                                                     struct clb_offsets *offsets);
/* Turns `count` places of a text, which ascend, from bytes into code points, in one pass: what
 * Hugging Face's are counted in. What is not UTF-8 counts as the U+FFFD that it is decoded to. */
CLB_API void clb_offsets_to_code_points(const char *text, size_t size, struct clb_offset *offsets,
                                        size_t count);

/* The malloc'd text of ids: pieces joined, punctuation closed up, as Hugging Face's decode with
 * clean_up_tokenization_spaces; special tokens left out if skip_special. */
CLB_API enum clb_status clb_tokenizer_decode(const struct clb_tokenizer *tokenizer,
                                             const int32_t *ids, size_t count, bool skip_special,
                                             char **text);

CLB_END_DECLS

#endif
