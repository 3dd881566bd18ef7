/* SPDX-License-Identifier: Apache-2.0 */
/* Without next sentence prediction: an example is one segment, filled with consecutive sentences
 * of one document (RoBERTa's FULL-SENTENCES, but no document's end is crossed).
 *
 * A document that fits is one example. A longer one is cut every `stretch` tokens, at places that
 * are drawn anew every epoch; a cut moves back to where its sentence begins, if that is no further
 * than `slack`. So examples follow each other without a gap, none is longer than a sequence, and
 * most begin and end with a sentence. An epoch shows every token of the corpus (but what a short
 * sequence leaves out). It has a few places more than there are examples: these show one of
 * them again, any as likely as any other. */
#ifndef DATA_PACKING_H
#define DATA_PACKING_H

#include "data/stretches.h"

#include <clbert/random.h>

struct packing {
    const struct indexed *set;
    uint64_t seed;
    int32_t max_tokens; /* of the segment: the sequence without [CLS] and [SEP] */
    float short_probability;
    int64_t slack, stretch; /* together max_tokens */
    int64_t examples;       /* in an epoch */
};

void packing_begin(struct packing *packing, const struct indexed *set, uint64_t seed,
                   int32_t max_seq_length, float short_probability);

/* Example `index` of an epoch. */
struct token_range packing_at(const struct packing *packing, uint32_t epoch, int64_t index);

#endif
