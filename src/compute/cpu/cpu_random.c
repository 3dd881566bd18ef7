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

enum { FILL_TASK = CPU_ELEMENTS };

struct fill {
    struct clb_random random;
    float *out;
    int64_t n;
    float deviation;
};

static void uniform_tasks(const void *context, int64_t begin, int64_t end, int thread)
{
    const struct fill *a = context;
    (void)thread;
    for (int64_t at = begin * FILL_TASK; at < end * FILL_TASK && at < a->n; at += FILL_TASK) {
        uint32_t bits[FILL_TASK];
        const int64_t count = a->n - at < FILL_TASK ? a->n - at : FILL_TASK;
        cpu_random_bits(a->random, (uint64_t)at, count, bits);
        for (int64_t i = 0; i < count; i++) a->out[at + i] = clb_uniform_from_bits(bits[i]);
    }
}

enum clb_status CPU_RENAMED(fill_uniform)(const struct clb_tensor *x, struct clb_random random)
{
    struct clb_device *device = x->device;
    const struct fill a = {random, cpu_floats(x), clb_tensor_elements(*x), 1.0f};
    cpu_parallel(device, (a.n + FILL_TASK - 1) / FILL_TASK, 0, uniform_tasks, &a);
    return CLB_OK;
}

static void normal_range(const void *context, int64_t begin, int64_t end, int thread)
{
    const struct fill *a = context;
    (void)thread;
    for (int64_t i = begin; i < end; i++)
        a->out[i] = a->deviation * clb_truncated_normal_from_uniform(a->out[i]);
}

enum clb_status CPU_RENAMED(fill_truncated_normal)(const struct clb_tensor *x, float deviation,
                                                   struct clb_random random)
{
    struct clb_device *device = x->device;
    const struct fill a = {random, cpu_floats(x), clb_tensor_elements(*x), deviation};
    CPU_RENAMED(fill_uniform)(x, random);
    cpu_parallel(device, a.n, 0, normal_range, &a);
    return CLB_OK;
}

struct drop {
    struct clb_dropout dropout;
    float *out;
    const float *x;
    int64_t n;
};

static void drop_chunks(const void *context, int64_t begin, int64_t end, int thread)
{
    const struct drop *a = context;
    (void)thread;
    for (int64_t at = begin * CPU_DROPOUT_CHUNK; at < end * CPU_DROPOUT_CHUNK && at < a->n;
         at += CPU_DROPOUT_CHUNK) {
        float factors[CPU_DROPOUT_CHUNK];
        const int64_t count = a->n - at < CPU_DROPOUT_CHUNK ? a->n - at : CPU_DROPOUT_CHUNK;
        cpu_dropout_factors(a->dropout, (uint64_t)at, count, factors);
        for (int64_t i = 0; i < count; i++) a->out[at + i] = a->x[at + i] * factors[i];
    }
}

enum clb_status CPU_RENAMED(dropout_apply)(const struct clb_tensor *out, const struct clb_tensor *x,
                                           struct clb_dropout dropout)
{
    struct clb_device *device = out->device;
    const int64_t n = clb_tensor_elements(*out);
    if (dropout.probability == 0.0f) {
        if (out->memory != x->memory) return CPU_RENAMED(copy)(out, x);
        return CLB_OK;
    }
    const struct drop a = {dropout, cpu_floats(out), cpu_floats(x), n};
    cpu_parallel(device, (n + CPU_DROPOUT_CHUNK - 1) / CPU_DROPOUT_CHUNK, 0, drop_chunks, &a);
    return CLB_OK;
}
