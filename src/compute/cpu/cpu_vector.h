/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors of CPU_LANES floats (GNU vector extensions) and the functions the model needs of them. */
#ifndef CPU_VECTOR_H
#define CPU_VECTOR_H

#include "compute/cpu/cpu_isa.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

typedef float cpu_vec __attribute__((vector_size(4 * CPU_LANES)));
typedef int32_t cpu_ivec __attribute__((vector_size(4 * CPU_LANES)));

static inline cpu_vec vec_load(const float *p)
{
    cpu_vec v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline void vec_store(float *p, cpu_vec v)
{
    memcpy(p, &v, sizeof v);
}

/* The first n lanes, zero behind them. */
static inline cpu_vec vec_load_part(const float *p, int64_t n)
{
    cpu_vec v = {0};
    memcpy(&v, p, (size_t)n * sizeof *p);
    return v;
}

static inline void vec_store_part(float *p, cpu_vec v, int64_t n)
{
    memcpy(p, &v, (size_t)n * sizeof *p);
}

static inline cpu_vec vec_set(float x)
{
    return (cpu_vec){0} + x;
}

static inline cpu_vec vec_select(cpu_ivec mask, cpu_vec yes, cpu_vec no)
{
    return (cpu_vec)((mask & (cpu_ivec)yes) | (~mask & (cpu_ivec)no));
}

static inline cpu_vec vec_max(cpu_vec a, cpu_vec b)
{
    return vec_select(a > b, a, b);
}

static inline cpu_vec vec_abs(cpu_vec a)
{
    return (cpu_vec)((cpu_ivec)a & 0x7fffffff);
}

/* Sum of the lanes, by halves: a fixed order. */
static inline float vec_sum(cpu_vec v)
{
    float lanes[CPU_LANES];
    vec_store(lanes, v);
    for (int half = CPU_LANES / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++) lanes[i] += lanes[i + half];
    return lanes[0];
}

static inline float vec_largest(cpu_vec v)
{
    float lanes[CPU_LANES], largest;
    vec_store(lanes, v);
    largest = lanes[0];
    for (int i = 1; i < CPU_LANES; i++) largest = lanes[i] > largest ? lanes[i] : largest;
    return largest;
}

/* exp(x) within 2 units in the last place; 0 below -87, NaN of NaN. x = n ln 2 + r. */
static inline cpu_vec vec_exp(cpu_vec x)
{
    const float magic =
        12582912.0f; /* 1.5 * 2^23: adding it rounds to an integer, in the low bits */
    const cpu_ivec underflow = x < -87.0f;
    cpu_vec y = vec_select(underflow, vec_set(-87.0f), x);
    y = vec_select(y > 88.0f, vec_set(88.0f), y);
    const cpu_vec shifted = y * 1.44269504f + magic, n = shifted - magic;
    cpu_vec r = y - n * 0.693359375f + n * 2.12194440e-4f; /* ln 2 in two parts */
    r = r * 1.44269504f;                                   /* 2^r, |r| <= 0.5 */
    cpu_vec p = vec_set(0.000154614447f);
    p = p * r + 0.00134004282f;
    p = p * r + 0.00961805668f;
    p = p * r + 0.0555032723f;
    p = p * r + 0.240226509f;
    p = p * r + 0.693147207f;
    p = p * r + 1.0f;
    const cpu_ivec exponent = (cpu_ivec)shifted << 23;
    const cpu_vec result = (cpu_vec)((cpu_ivec)p + exponent);
    return vec_select(underflow, vec_set(0.0f), result);
}

/* Phi(x), the normal distribution, within 1e-7; and exp(-x^2 / 2) as a by-product of callers that
 * need both. erfc(z) = t exp(-z^2 + P(t)), t = 2 / (2 + z), P fitted to 6e-8 for z in [0, 12]. */
static inline cpu_vec vec_normal_cdf(cpu_vec x)
{
    cpu_vec z = vec_abs(x) * 0.707106781f;
    cpu_vec t = 2.0f / (2.0f + z);
    cpu_vec p = vec_set(0.162216509f);
    p = p * t - 0.773530857f;
    p = p * t + 1.3710548f;
    p = p * t - 0.975716879f;
    p = p * t + 0.145437676f;
    p = p * t - 0.11539792f;
    p = p * t + 0.0730403772f;
    p = p * t + 0.378886068f;
    p = p * t + 0.999499013f;
    p = p * t - 1.26548872f;
    cpu_vec tail = 0.5f * t * vec_exp(p - z * z); /* Phi(-|x|) */
    return vec_select(x < 0.0f, tail, 1.0f - tail);
}

/* tanh(x) within 1e-7. */
static inline cpu_vec vec_tanh(cpu_vec x)
{
    cpu_vec a = vec_abs(x), e = vec_exp(-2.0f * a);
    cpu_vec t = (1.0f - e) / (1.0f + e), s = a * a;
    /* Near 0 the difference above loses digits: Taylor to a^9. */
    cpu_vec near = vec_set(0.0218694885f);
    near = near * s - 0.0539682540f;
    near = near * s + 0.133333333f;
    near = near * s - 0.333333333f;
    near = a + a * s * near;
    t = vec_select(a < 0.25f, near, t);
    return vec_select(x < 0.0f, -t, t);
}

#endif
