/* SPDX-License-Identifier: Apache-2.0 */
/* Next sentence prediction: the two segments of an example, as ranges of a corpus's tokens.
 *
 * An epoch goes through anchors. An anchor is the run of sentences of one document that begin in
 * one stretch of half a sequence, or, in a sentence longer than that, the sentence's part in the
 * stretch. Stretches are laid anew every epoch. Each anchor is segment A of one example, so that an
 * epoch shows every sentence; B is what follows it (IsNext) or a run of another document (NotNext),
 * and what room is left goes to the text before A. */
#ifndef DATA_PAIRS_H
#define DATA_PAIRS_H

#include "data/stretches.h"

#include <clbert/random.h>

struct pairs {
    const struct indexed *set;
    uint64_t seed;
    int32_t max_tokens; /* of A and B together: the sequence without [CLS] and two [SEP] */
    float short_probability;
    int64_t stretch; /* tokens */
    int64_t anchors; /* in an epoch */
};

/* `set` has at least two documents. */
void pairs_begin(struct pairs *pairs, const struct indexed *set, uint64_t seed,
                 int32_t max_seq_length, float short_probability);

struct pair {
    struct token_range a, b;
    int32_t label; /* 0 IsNext, 1 NotNext; -1: there is no B */
};

/* Example `index` of an epoch. A document of a single token gives NotNext whatever is drawn. */
struct pair pairs_at(const struct pairs *pairs, uint32_t epoch, int64_t index);

#endif
