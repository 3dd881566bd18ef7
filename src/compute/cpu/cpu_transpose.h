/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CPU_TRANSPOSE_H
#define CPU_TRANSPOSE_H

#include <stdint.h>
#include <string.h>

typedef float cpu_four __attribute__((vector_size(16)));

/* to[c * to_row + r] = from[r * from_row + c] for 4 x 4 units of four bytes; strides in bytes. */
static inline void transpose_4x4(const void *from, int64_t from_row, void *to, int64_t to_row)
{
    cpu_four r[4], low01, high01, low23, high23;
    for (int i = 0; i < 4; i++) memcpy(&r[i], (const char *)from + i * from_row, sizeof r[i]);
    low01 = __builtin_shufflevector(r[0], r[1], 0, 4, 1, 5);
    high01 = __builtin_shufflevector(r[0], r[1], 2, 6, 3, 7);
    low23 = __builtin_shufflevector(r[2], r[3], 0, 4, 1, 5);
    high23 = __builtin_shufflevector(r[2], r[3], 2, 6, 3, 7);
    r[0] = __builtin_shufflevector(low01, low23, 0, 1, 4, 5);
    r[1] = __builtin_shufflevector(low01, low23, 2, 3, 6, 7);
    r[2] = __builtin_shufflevector(high01, high23, 0, 1, 4, 5);
    r[3] = __builtin_shufflevector(high01, high23, 2, 3, 6, 7);
    for (int i = 0; i < 4; i++) memcpy((char *)to + i * to_row, &r[i], sizeof r[i]);
}

#endif
