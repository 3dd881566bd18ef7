/* SPDX-License-Identifier: Apache-2.0 */
/* One number of a reduced type, CLB_BF16 or CLB_F16, on the host. */
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

#endif
