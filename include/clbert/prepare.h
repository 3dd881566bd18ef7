/* SPDX-License-Identifier: Apache-2.0 */
/* Turning text into a corpus to train on. */
#ifndef CLBERT_PREPARE_H
#define CLBERT_PREPARE_H

#include <clbert/api.h>
#include <clbert/status.h>
#include <clbert/text.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

CLB_BEGIN_DECLS

struct clb_prepare_options {
    const char *tokenizer; /* a directory with vocab.txt or tokenizer.json */
    const char *output;    /* the corpus directory */
    struct clb_texts texts;
    const char *language;        /* whose abbreviations do not end a sentence; NULL: none */
    bool one_sentence_per_line;  /* the text is split already */
    bool deduplicate;            /* a document with the same lines as one before is left out */
    double validation_fraction;  /* of the documents; 0.01 */
    int threads;                 /* 0: all. The bytes written do not depend on it */
    bool overwrite;              /* a corpus that is there */
    volatile sig_atomic_t *stop; /* set by a signal: nothing is left; may be NULL */
};

struct clb_prepare_counts {
    int64_t documents, sentences, tokens;
};

struct clb_prepare_report {
    struct clb_prepare_counts train, validation;
    int64_t bytes;      /* of text */
    int64_t words;      /* pieces that begin a word */
    int64_t unknown;    /* [UNK] */
    int64_t replaced;   /* byte sequences that were not UTF-8 */
    int64_t longest;    /* tokens of the longest sentence */
    int64_t cut;        /* places where a line of more than 1 MiB was cut */
    int64_t duplicates; /* documents left out */
    struct clb_text_report texts;
    double seconds;
};

/* Writes DIR/{train,validation}.{bin,idx}, the vocabulary and corpus.json. Which documents are held
 * out is a pure function of their number; of two or more documents the second always is one of
 * them, unless the fraction is 0. Interrupted by *stop: CLB_ERROR_INTERRUPTED. The files appear
 * together, in the place of an older corpus's; where it fails, or is killed, that stands, and a
 * directory that it made is gone (or swept by the next). */
CLB_API enum clb_status clb_prepare(const struct clb_prepare_options *options,
                                    struct clb_prepare_report *report);

CLB_END_DECLS

#endif
