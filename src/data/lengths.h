/* SPDX-License-Identifier: Apache-2.0 */
/* Sequences by length: batches of like ones have the least work, and the first is the largest. */
#ifndef DATA_LENGTHS_H
#define DATA_LENGTHS_H

#include <clbert/batch.h>
#include <stdint.h>

/* A sequence, and how long it is. */
struct length_place {
    int32_t length;
    int64_t sequence;
};

/* The longest first; of equal ones that with the smaller number. */
void lengths_sort(struct length_place *places, int64_t count);

/* How many of them, from the first on, fit into an empty batch. */
int64_t lengths_fit(const struct length_place *places, int64_t count,
                    const struct clb_batch *batch);

#endif
