/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of any type, as fp32 and back: what kernels do with reduced tensors at their edges. */
#ifndef CPU_TYPES_H
#define CPU_TYPES_H

#include "base/narrow.h"

#include <clbert/device.h>
#include <string.h>
#ifdef __F16C__
#include <immintrin.h>
#endif

/* Compilers do not make vectors of the loops of narrow.h for fp16 that are as fast as the
 * instructions; these keep a NaN's digits, and are otherwise the same. */
static inline void cpu_widen_fp16(float *to, const uint16_t *x, int64_t n)
{
    int64_t i = 0;
#ifdef __F16C__
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(to + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(x + i))));
#endif
    for (; i < n; i++) to[i] = base_fp16_widen(x[i]);
}

static inline void cpu_narrow_fp16(uint16_t *to, const float *x, int64_t n)
{
    int64_t i = 0;
#ifdef __F16C__
    for (; i + 8 <= n; i += 8)
        _mm_storeu_si128((__m128i *)(to + i),
                         _mm256_cvtps_ph(_mm256_loadu_ps(x + i), _MM_FROUND_TO_NEAREST_INT));
#endif
    for (; i < n; i++) to[i] = base_fp16_of(x[i]);
}

/* Where element `index` lies. */
static inline void *cpu_element(const void *x, enum clb_type type, int64_t index)
{
    return (char *)(uintptr_t)x + index * clb_type_size(type);
}

/* to[i] = x[i] for n elements. */
static inline void cpu_widen(float *to, const void *x, enum clb_type type, int64_t n)
{
    const uint16_t *narrow = x;
    if (type == CLB_F32)
        memcpy(to, x, (size_t)n * sizeof *to);
    else if (type == CLB_BF16)
        for (int64_t i = 0; i < n; i++) to[i] = base_bf16_widen(narrow[i]);
    else
        cpu_widen_fp16(to, narrow, n);
}

/* to[i] = x[i], rounded to the type. */
static inline void cpu_narrow(void *to, enum clb_type type, const float *x, int64_t n)
{
    uint16_t *narrow = to;
    if (type == CLB_F32)
        memcpy(to, x, (size_t)n * sizeof *x);
    else if (type == CLB_BF16)
        for (int64_t i = 0; i < n; i++) narrow[i] = base_bf16_of(x[i]);
    else
        cpu_narrow_fp16(narrow, x, n);
}

#endif
