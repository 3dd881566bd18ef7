/* SPDX-License-Identifier: Apache-2.0 */
/* Training a WordPiece vocabulary, as Hugging Face's BertWordPieceTrainer. */
#ifndef CLBERT_VOCAB_H
#define CLBERT_VOCAB_H

#include <clbert/api.h>
#include <clbert/status.h>
#include <clbert/text.h>
#include <stdbool.h>
#include <stdint.h>

CLB_BEGIN_DECLS

struct clb_vocab_options {
    int32_t vocab_size;     /* 30000 */
    int64_t min_frequency;  /* 2: pairs rarer than this are not merged */
    int32_t limit_alphabet; /* 1000 characters at most, the most frequent */
    bool lower_case, strip_accents, chinese_chars;
    int threads;    /* 0: all. The vocabulary does not depend on it */
    int64_t memory; /* bytes; 4 GiB */
    bool overwrite; /* a vocabulary that is there */
};

CLB_API struct clb_vocab_options clb_vocab_defaults(void);

struct clb_vocab_report {
    int64_t words, distinct_words, bytes;
    int32_t tokens, alphabet;
    double seconds;
    struct clb_text_report texts;
    int spilled;                     /* counts that went to a temporary file, one table a time */
    int64_t left_out, left_out_most; /* distinct words, and how often the most frequent occurs */
};

/* Counts the words of the texts and merges the most frequent pairs. Writes
 * DIR/vocab.txt and DIR/tokenizer_config.json, together, making DIR; a vocabulary that is there,
 * unless it may be overwritten, is CLB_ERROR_ARGUMENT. Ties go to the pair with the smaller
 * ids, and words are taken in order of their bytes, so that the same text gives the same
 * vocabulary.
 *
 * Memory stays within options->memory, beside some tens of MiB for reading. Counts that do not fit
 * go to temporary files in $TMPDIR (/var/tmp), which have no name and so vanish however the program
 * ends: the vocabulary does not depend on them. Merging needs about 8 bytes a character of each
 * distinct word: should that not fit, the rarest words are left out, as the report says. */
CLB_API enum clb_status clb_vocab_train(const struct clb_vocab_options *options,
                                        const struct clb_texts *texts, const char *directory,
                                        struct clb_vocab_report *report);

CLB_END_DECLS

#endif
