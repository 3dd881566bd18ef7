/* SPDX-License-Identifier: Apache-2.0 */
#include "data/permutation.h"

enum { ROUNDS = 6 };

uint64_t permutation_at(struct clb_random random, uint64_t size, uint64_t index)
{
    int half = 1;
    while (half < 32 && 1ull << 2 * half < size) half++;
    const uint64_t mask = (1ull << half) - 1;
    do {
        uint64_t left = index >> half, right = index & mask;
        for (uint64_t round = 0; round < ROUNDS; round++) {
            uint32_t out[4];
            clb_philox(random, round << 32 | right, out);
            uint64_t mixed = left ^ (out[0] & mask);
            left = right;
            right = mixed;
        }
        index = left << half | right;
    } while (index >= size);
    return index;
}
