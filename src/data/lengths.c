/* SPDX-License-Identifier: Apache-2.0 */
#include "data/lengths.h"

#include <stdlib.h>

static int by_length(const void *a, const void *b)
{
    const struct length_place *x = a, *y = b;
    if (x->length != y->length) return x->length < y->length ? 1 : -1;
    return (x->sequence > y->sequence) - (x->sequence < y->sequence);
}

void lengths_sort(struct length_place *places, int64_t count)
{
    qsort(places, (size_t)count, sizeof *places, by_length);
}

int64_t lengths_fit(const struct length_place *places, int64_t count, const struct clb_batch *batch)
{
    int64_t fit = 0, tokens = 0;
    while (fit < count && fit < batch->max_sequences &&
           places[fit].length <= batch->max_tokens - tokens)
        tokens += places[fit++].length;
    return fit;
}
