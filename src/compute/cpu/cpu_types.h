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

/* Eight at a time by the instructions for it, if there are any. They treat NaN otherwise than
 * narrow.h, whose bits count. */
#ifdef __F16C__
static inline bool has_nan(__m256 x)
{
    return _mm256_movemask_ps(_mm256_cmp_ps(x, x, _CMP_UNORD_Q)) != 0;
}

static inline bool widen_eight(float *to, const uint16_t *x)
{
    const __m256 wide = _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)x));
    _mm256_storeu_ps(to, wide);
    return !has_nan(wide);
}

static inline bool narrow_eight(uint16_t *to, const float *x)
{
    const __m256 wide = _mm256_loadu_ps(x);
    _mm_storeu_si128((__m128i *)to, _mm256_cvtps_ph(wide, _MM_FROUND_TO_NEAREST_INT));
    return !has_nan(wide);
}
#else
static inline bool widen_eight(float *to, const uint16_t *x)
{
    (void)to, (void)x;
    return false;
}

static inline bool narrow_eight(uint16_t *to, const float *x)
{
    (void)to, (void)x;
    return false;
}
#endif

static inline void cpu_widen_fp16(float *to, const uint16_t *x, int64_t n)
{
    while (n > 0) {
        const int64_t some = n < 8 ? n : 8;
        if (some < 8 || !widen_eight(to, x))
            for (int64_t j = 0; j < some; j++) to[j] = base_fp16_widen(x[j]);
        to += some, x += some, n -= some;
    }
}

static inline void cpu_narrow_fp16(uint16_t *to, const float *x, int64_t n)
{
    while (n > 0) {
        const int64_t some = n < 8 ? n : 8;
        if (some < 8 || !narrow_eight(to, x))
            for (int64_t j = 0; j < some; j++) to[j] = base_fp16_of(x[j]);
        to += some, x += some, n -= some;
    }
}

/* Where element `index` lies. */
static inline void *cpu_element(const void *x, enum clb_type type, int64_t index)
{
    return (char *)(uintptr_t)x + index * clb_type_size(type);
}

/* to[i] = x[i] for n elements, as they are in memory. */
static inline void cpu_widen(float *to, const void *x, enum clb_type type, int64_t n)
{
    const uint16_t *narrow = x;
    if (clb_type_stored(type) == CLB_F32)
        memcpy(to, x, (size_t)n * sizeof *to);
    else if (type == CLB_BF16)
        for (int64_t i = 0; i < n; i++) to[i] = base_bf16_widen(narrow[i]);
    else
        cpu_widen_fp16(to, narrow, n);
}

/* to[i] = x[i] as products and attention take it. */
static inline void cpu_take(float *to, const void *x, enum clb_type type, int64_t n)
{
    const float *wide = x;
    if (type == CLB_TF32)
        for (int64_t i = 0; i < n; i++) to[i] = base_tf32_of(wide[i]);
    else
        cpu_widen(to, x, type, n);
}

/* to[i] = x[i], rounded to what the type has in memory. */
static inline void cpu_narrow(void *to, enum clb_type type, const float *x, int64_t n)
{
    uint16_t *narrow = to;
    if (clb_type_stored(type) == CLB_F32)
        memcpy(to, x, (size_t)n * sizeof *x);
    else if (type == CLB_BF16)
        for (int64_t i = 0; i < n; i++) narrow[i] = base_bf16_of(x[i]);
    else
        cpu_narrow_fp16(narrow, x, n);
}

#endif
