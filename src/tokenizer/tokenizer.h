/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a tokenizer, for the rooms that need words rather than ids. */
#ifndef TOKENIZER_TOKENIZER_H
#define TOKENIZER_TOKENIZER_H

#include "tokenizer/added_tokens.h"
#include "tokenizer/words.h"

#include <clbert/tokenizer.h>

/* More is no vocabulary of a language model. */
enum { TOKENIZER_MOST_TOKENS = 1 << 22 };

/* What a tokenizer is made of. */
struct tokenizer_parts {
    char **tokens;      /* by id; malloc'd, of malloc'd strings */
    int32_t count;      /* of them */
    int32_t vocabulary; /* WordPiece's own; behind them come added ones */
    struct tokenizer_rules rules;
    struct tokenizer_added_token *added; /* malloc'd; special tokens that are not in it are added */
    int added_count;
};

enum { TOKENIZER_SPECIALS = 5 };

struct clb_tokenizer {
    struct tokenizer_parts parts;
    int32_t special[TOKENIZER_SPECIALS]; /* ids of [PAD], [UNK], [CLS], [SEP], [MASK] */
    struct tokenizer_trie *trie;
    struct tokenizer_matcher *raw, *normalized; /* of added tokens; `normalized` is mostly NULL */
    bool plain;
    uint64_t hash;
};

void tokenizer_parts_free(struct tokenizer_parts *parts);

/* Takes the parts over, also where it fails. `where` names the source in messages. */
enum clb_status tokenizer_create(struct tokenizer_parts *parts, const char *where,
                                 struct clb_tokenizer **tokenizer);

const struct tokenizer_parts *tokenizer_parts(const struct clb_tokenizer *tokenizer);
/* Whether vocab.txt and tokenizer_config.json say all of it. */
bool tokenizer_is_plain(const struct clb_tokenizer *tokenizer);

/* The malloc'd text of tokens, as clb_tokenizer_decode has it. */
enum clb_status tokenizer_join(const char *const *tokens, size_t count, char **text);

/* Writes the tokenizer's files into `directory`, from where they will be moved to `destination`:
 * tokenizer.json, too, where the others do not say all, or where there is one to be replaced. */
enum clb_status tokenizer_write(const struct clb_tokenizer *tokenizer, const char *directory,
                                const char *destination);

#endif
