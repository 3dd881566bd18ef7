/* SPDX-License-Identifier: Apache-2.0 */
/* Random numbers with the same bits as src/base/random.c, many at once. Compiled without
 * contraction to fused multiply-add. */
#include "compute/cpu/cpu_kernels.h"

#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { BLOCKS = 16, CHUNK = 4 * BLOCKS }; /* Philox blocks side by side; numbers they give */

/* Counters stand in 64-bit lanes of which only the lower halves count: a product's upper half is
 * then one shift away, and nothing needs to be masked or shuffled between rounds. */
typedef uint64_t wide __attribute__((vector_size(4 * CPU_LANES)));
enum { WIDE_LANES = CPU_LANES / 2, VECTORS = BLOCKS / WIDE_LANES };

/* Product of the lower halves. GCC 12 does not find the instruction by itself. */
static inline wide multiply(wide x, uint32_t factor)
{
    const wide y = (wide){0} + (uint64_t)factor;
#if defined(__AVX512F__)
    return (wide)_mm512_mul_epu32((__m512i)x, (__m512i)y);
#elif defined(__AVX2__)
    return (wide)_mm256_mul_epu32((__m256i)x, (__m256i)y);
#elif defined(__SSE2__)
    return (wide)_mm_mul_epu32((__m128i)x, (__m128i)y);
#else
    return (x & 0xffffffffu) * y;
#endif
}

static inline wide join(wide low, wide high)
{
    return (low & 0xffffffffu) | (high << 32);
}

/* Numbers 4 * block .. 4 * (block + BLOCKS) - 1. */
static void philox_chunk(struct clb_random random, uint64_t block, uint32_t out[CHUNK])
{
    wide c0[VECTORS], c1[VECTORS], c2[VECTORS], c3[VECTORS];
    uint32_t k0 = (uint32_t)random.seed, k1 = (uint32_t)(random.seed >> 32);
    for (int v = 0; v < VECTORS; v++) {
        for (int i = 0; i < WIDE_LANES; i++) c0[v][i] = block + (uint64_t)(v * WIDE_LANES + i);
        c1[v] = c0[v] >> 32;
        c2[v] = (wide){0} + (uint64_t)random.purpose;
        c3[v] = (wide){0} + (uint64_t)random.stream;
    }
    for (int round = 0; round < 10; round++) {
        CPU_UNROLL
        for (int v = 0; v < VECTORS; v++) {
            const wide a = multiply(c0[v], 0xD2511F53u), b = multiply(c2[v], 0xCD9E8D57u);
            c0[v] = (b >> 32) ^ c1[v] ^ (uint64_t)k0;
            c1[v] = b;
            c2[v] = (a >> 32) ^ c3[v] ^ (uint64_t)k1;
            c3[v] = a;
        }
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    for (int v = 0; v < VECTORS; v++) {
        const wide low = join(c0[v], c1[v]), high = join(c2[v], c3[v]);
        for (int i = 0; i < WIDE_LANES; i++) {
            const uint64_t pair[2] = {low[i], high[i]}; /* little endian, as the whole project */
            memcpy(out + 4 * (v * WIDE_LANES + i), pair, sizeof pair);
        }
    }
}

void cpu_random_bits(struct clb_random random, uint64_t first, int64_t n, uint32_t *out)
{
    for (int64_t i = 0; i < n; i += CHUNK) philox_chunk(random, (first + (uint64_t)i) / 4, out + i);
}

void cpu_dropout_factors(struct clb_dropout dropout, uint64_t first, int64_t n, float *factors)
{
    uint32_t bits[CPU_DROPOUT_CHUNK + 2 * CHUNK];
    const uint32_t threshold = clb_dropout_threshold(dropout.probability);
    const float scale = 1.0f / (1.0f - dropout.probability);
    const uint64_t skip = first % 4; /* a row may begin inside a block */
    cpu_random_bits(dropout.random, first - skip, n + (int64_t)skip, bits);
    for (int64_t i = 0; i < n; i++)
        factors[i] = bits[(uint64_t)i + skip] >= threshold ? scale : 0.0f;
}

enum { FILL_TASK = 4096 };

enum clb_status CPU_RENAMED(fill_uniform)(struct clb_device *device, const struct clb_tensor *x,
                                          struct clb_random random)
{
    const int64_t n = clb_tensor_elements(*x);
    float *out = cpu_floats(x);
#pragma omp parallel for schedule(static) num_threads(cpu_threads(device))
    for (int64_t begin = 0; begin < n; begin += FILL_TASK) {
        uint32_t bits[FILL_TASK];
        const int64_t count = n - begin < FILL_TASK ? n - begin : FILL_TASK;
        cpu_random_bits(random, (uint64_t)begin, count, bits);
        for (int64_t i = 0; i < count; i++) out[begin + i] = clb_uniform_from_bits(bits[i]);
    }
    return CLB_OK;
}

enum clb_status CPU_RENAMED(fill_truncated_normal)(struct clb_device *device,
                                                   const struct clb_tensor *x, float deviation,
                                                   struct clb_random random)
{
    const int64_t n = clb_tensor_elements(*x);
    float *out = cpu_floats(x);
    CPU_RENAMED(fill_uniform)(device, x, random);
#pragma omp parallel for schedule(static) num_threads(cpu_threads(device))
    for (int64_t i = 0; i < n; i++) out[i] = deviation * clb_truncated_normal_from_uniform(out[i]);
    return CLB_OK;
}

enum clb_status CPU_RENAMED(dropout_apply)(struct clb_device *device, const struct clb_tensor *out,
                                           const struct clb_tensor *x, struct clb_dropout dropout)
{
    const int64_t n = clb_tensor_elements(*out);
    if (dropout.probability == 0.0f) {
        if (out->memory != x->memory) return CPU_RENAMED(copy)(device, out, x);
        return CLB_OK;
    }
#pragma omp parallel for schedule(static) num_threads(cpu_threads(device))
    for (int64_t begin = 0; begin < n; begin += CPU_DROPOUT_CHUNK) {
        float factors[CPU_DROPOUT_CHUNK];
        const int64_t count = n - begin < CPU_DROPOUT_CHUNK ? n - begin : CPU_DROPOUT_CHUNK;
        const float *in = cpu_floats(x) + begin;
        float *to = cpu_floats(out) + begin;
        cpu_dropout_factors(dropout, (uint64_t)begin, count, factors);
        for (int64_t i = 0; i < count; i++) to[i] = in[i] * factors[i];
    }
    return CLB_OK;
}
