/* SPDX-License-Identifier: Apache-2.0 */
/* Stretches of equal length, laid over the tokens of a corpus: how an epoch's examples are found
 * without a list of them. */
#ifndef DATA_STRETCHES_H
#define DATA_STRETCHES_H

#include "data/indexed.h"

struct token_range {
    int64_t first, count;
};

struct stretches {
    const struct indexed *set;
    int64_t length; /* tokens */
    int64_t shift;  /* 0 .. length - 1: how much of the first stretch lies before the corpus */
};

/* Keys are below this, whatever the shift. */
int64_t stretches_most(const struct indexed *set, int64_t length);

/* The key of a sentence of a document: which stretch it begins in, plus its document's number, so
 * that a document never shares a key with the one before it. Keys never fall. */
int64_t stretches_key(const struct stretches *s, int64_t sentence, int64_t document);
/* The key of a document's first sentence. */
int64_t stretches_document_key(const struct stretches *s, int64_t document);
/* The last document whose first key is at most `key`; 0 where there is none. */
int64_t stretches_document(const struct stretches *s, int64_t key);

/* Tokens of a document. */
struct token_range stretches_document_range(const struct indexed *set, int64_t document);

#endif
