/* Random numbers with the same bits as src/base/random.c, many at once. Compiled without
 * contraction to fused multiply-add. */
#include "compute/cpu/cpu_kernels.h"

enum { BLOCKS = 16, CHUNK = 4 * BLOCKS }; /* Philox blocks side by side; numbers they give */

/* One round on BLOCKS counters: plain loops that the compiler turns into vectors. */
static inline void philox_round(uint32_t c[4][BLOCKS], uint32_t k0, uint32_t k1)
{
    for (int i = 0; i < BLOCKS; i++) {
        uint64_t a = (uint64_t)0xD2511F53u * c[0][i];
        uint64_t b = (uint64_t)0xCD9E8D57u * c[2][i];
        uint32_t c1 = c[1][i], c3 = c[3][i];
        c[0][i] = (uint32_t)(b >> 32) ^ c1 ^ k0;
        c[1][i] = (uint32_t)b;
        c[2][i] = (uint32_t)(a >> 32) ^ c3 ^ k1;
        c[3][i] = (uint32_t)a;
    }
}

static void philox_chunk(struct clb_random random, uint64_t block, uint32_t out[CHUNK])
{
    uint32_t c[4][BLOCKS];
    uint32_t k0 = (uint32_t)random.seed, k1 = (uint32_t)(random.seed >> 32);
    for (int i = 0; i < BLOCKS; i++) {
        c[0][i] = (uint32_t)(block + (uint64_t)i);
        c[1][i] = (uint32_t)((block + (uint64_t)i) >> 32);
        c[2][i] = random.purpose;
        c[3][i] = random.stream;
    }
    for (int round = 0; round < 10; round++) {
        philox_round(c, k0, k1);
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    for (int i = 0; i < BLOCKS; i++)
        for (int lane = 0; lane < 4; lane++) out[4 * i + lane] = c[lane][i];
}

void cpu_random_bits(struct clb_random random, uint64_t first, int64_t n, uint32_t *out)
{
    for (int64_t i = 0; i < n; i += CHUNK)
        philox_chunk(random, (first + (uint64_t)i) / 4, out + i);
}

void cpu_dropout_factors(struct clb_dropout dropout, uint64_t first, int64_t n, float *factors)
{
    uint32_t bits[CPU_DROPOUT_CHUNK + 2 * CHUNK];
    const uint32_t threshold = clb_dropout_threshold(dropout.probability);
    const float scale = 1.0f / (1.0f - dropout.probability);
    const uint64_t skip = first % 4; /* a row may begin inside a block */
    cpu_random_bits(dropout.random, first - skip, n + (int64_t)skip, bits);
    for (int64_t i = 0; i < n; i++) factors[i] = bits[(uint64_t)i + skip] >= threshold ? scale : 0.0f;
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

enum clb_status CPU_RENAMED(fill_truncated_normal)(struct clb_device *device, const struct clb_tensor *x,
                                                   float deviation, struct clb_random random)
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
