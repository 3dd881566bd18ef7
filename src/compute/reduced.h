/* SPDX-License-Identifier: Apache-2.0 */
/* One number of a type that products take, on the host. The first two are for those of 16 bits. */
#ifndef COMPUTE_REDUCED_H
#define COMPUTE_REDUCED_H

#include "base/narrow.h"

#include <clbert/device.h>

/* To the nearest, as clb_cast. */
static inline uint16_t reduced_of(enum clb_type type, float x)
{
    return type == CLB_BF16 ? base_bf16_of(x) : base_fp16_of(x);
}

static inline float reduced_widen(enum clb_type type, uint16_t bits)
{
    return type == CLB_BF16 ? base_bf16_widen(bits) : base_fp16_widen(bits);
}

/* Puts x at element `index`, as it lies in memory, and gives what products take of it. */
static inline float reduced_put(void *to, enum clb_type type, int64_t index, float x)
{
    if (clb_type_stored(type) == CLB_F32) {
        ((float *)to)[index] = x;
        return type == CLB_TF32 ? base_tf32_of(x) : x;
    }
    const uint16_t bits = reduced_of(type, x);
    ((uint16_t *)to)[index] = bits;
    return reduced_widen(type, bits);
}

#endif
