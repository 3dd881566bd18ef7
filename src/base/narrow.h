/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of 16 bits: bf16, the upper half of an fp32 number, and fp16, IEEE 754's binary16; and
 * tf32, fp32 numbers whose last 13 bits are zero. Narrowing is to the nearest, of two equally near
 * to the even one; what is too large becomes infinite, and NaN stays NaN. Widening is exact. By
 * integers, so that every machine gives the same bits, and without branches that a compiler could
 * not turn into vectors. */
#ifndef BASE_NARROW_H
#define BASE_NARROW_H

#include <stdint.h>
#include <string.h>

static inline uint32_t base_bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float base_float_of(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline uint16_t base_bf16_of(float x)
{
    const uint32_t bits = base_bits_of(x);
    const uint32_t rounded = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
    return (uint16_t)((bits & 0x7fffffffu) > 0x7f800000u ? bits >> 16 | 0x40u : rounded);
}

static inline float base_bf16_widen(uint16_t bits)
{
    return base_float_of((uint32_t)bits << 16);
}

static inline uint16_t base_fp16_of(float x)
{
    const uint32_t bits = base_bits_of(x), magnitude = bits & 0x7fffffffu;
    /* 0.5 has a last digit of 2^-24, that of fp16's subnormal numbers. */
    const uint32_t subnormal = base_bits_of(base_float_of(magnitude) + 0.5f) - 0x3f000000u;
    const uint32_t normal =
        (magnitude + 0xfffu + (magnitude >> 13 & 1u) - (112u << 23)) >> 13; /* the bias: 127 - 15 */
    uint32_t narrow = magnitude < 0x38800000u ? subnormal : normal;         /* 2^-14 */
    if (magnitude >= 0x477ff000u) narrow = 0x7c00u;                         /* 65520 */
    if (magnitude > 0x7f800000u) narrow = 0x7e00u;
    return (uint16_t)((bits >> 16 & 0x8000u) | narrow);
}

static inline float base_fp16_widen(uint16_t half)
{
    const uint32_t sign = (uint32_t)(half & 0x8000u) << 16, rest = half & 0x7fffu;
    const uint32_t subnormal = base_bits_of((float)rest * 0x1p-24f);
    const uint32_t normal = (rest << 13) + (112u << 23);
    uint32_t wide = rest < 0x400u ? subnormal : normal;
    if (rest >= 0x7c00u) wide = rest << 13 | 0x7f800000u;
    return base_float_of(sign | wide);
}

static inline float base_tf32_of(float x)
{
    const uint32_t bits = base_bits_of(x);
    const uint32_t rounded = bits + 0xfffu + (bits >> 13 & 1u);
    return base_float_of(((bits & 0x7fffffffu) > 0x7f800000u ? bits | 0x400000u : rounded) &
                         ~0x1fffu);
}

#endif
