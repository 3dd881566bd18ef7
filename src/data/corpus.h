/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a corpus, for the stream. */
#ifndef DATA_CORPUS_H
#define DATA_CORPUS_H

#include "data/indexed.h"

#include <clbert/corpus.h>

/* "version" in corpus.json; it changes when older programs could not read what is written. */
enum { CORPUS_VERSION = 1 };

/* The next corpus of a blend; NULL after the last. */
const struct clb_corpus *corpus_next(const struct clb_corpus *corpus);
/* As it was given; 0: by size. */
double corpus_weight(const struct clb_corpus *corpus);
const struct indexed *corpus_split(const struct clb_corpus *corpus, enum clb_split split);

#endif
