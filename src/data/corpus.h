/* The inside of a corpus, for the stream. */
#ifndef DATA_CORPUS_H
#define DATA_CORPUS_H

#include "data/indexed.h"

#include <clbert/corpus.h>

const struct indexed *corpus_split(const struct clb_corpus *corpus, enum clb_split split);

#endif
