/* SPDX-License-Identifier: Apache-2.0 */
/* A keyed bijection of [0, size): any element in constant time, without a table. */
#ifndef DATA_PERMUTATION_H
#define DATA_PERMUTATION_H

#include <clbert/random.h>
#include <stdint.h>

/* A Feistel network on the next even number of bits, walked until the result is in range. */
uint64_t permutation_at(struct clb_random random, uint64_t size, uint64_t index);

#endif
