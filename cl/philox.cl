/* SPDX-License-Identifier: Apache-2.0 */
/* Prelude: Philox4x32-10 (Salmon et al., SC 2011) and what is made of it, the same bits as
 * src/base/random.c: verify compares them for every function here.
 *
 * The generator has no state. Four 32-bit numbers come from a key and a counter by ten rounds of
 * two multiplications:
 *
 *     key = seed (64 bits)      counter = block (64 bits), purpose (32), stream (32)
 *     number of index e = word e % 4 of block e / 4
 *
 * so any work-item computes number e by itself, in any order, and backward gets the dropout mask of
 * forward again without its being kept. A vector of W numbers from a multiple of 4 is W / 4 blocks;
 * random_lanes also takes one that begins inside a block.
 *
 * RANDOM_PARAMETERS(r) and DROPOUT_PARAMETERS(d) are parameters of a kernel (the host's
 * OCL_RANDOM_ARGS and OCL_DROPOUT_ARGS), RANDOM(r) and DROPOUT(d) the structures made of them.
 * Structures are no parameters themselves: nothing then depends on how a driver lays them out. */
struct random {
    ulong seed;
    uint purpose, stream;
};

struct dropout {
    struct random random;
    uint threshold;   /* clb_dropout_threshold: numbers below it are dropped */
    float keep_scale; /* 1 / (1 - probability); 1: nothing is dropped */
};

#define RANDOM_PARAMETERS(r) ulong r##_seed, uint r##_purpose, uint r##_stream
#define RANDOM(r) ((struct random){r##_seed, r##_purpose, r##_stream})
#define DROPOUT_PARAMETERS(d) RANDOM_PARAMETERS(d), uint d##_threshold, float d##_keep_scale
#define DROPOUT(d) ((struct dropout){RANDOM(d), d##_threshold, d##_keep_scale})

static inline int drops(struct dropout d)
{
    return d.keep_scale != 1.0f;
}

/* Rounds on counters of any vector type UINT. */
#define PHILOX_ROUNDS(UINT, c0, c1, c2, c3, seed)                          \
    do {                                                                   \
        uint k0 = (uint)(seed), k1 = (uint)((seed) >> 32);                 \
        for (int round = 0; round < 10; round++) {                         \
            const UINT high_a = mul_hi(c0, (UINT)(0xD2511F53u));           \
            const UINT low_a = c0 * 0xD2511F53u;                           \
            const UINT high_b = mul_hi(c2, (UINT)(0xCD9E8D57u));           \
            const UINT low_b = c2 * 0xCD9E8D57u;                           \
            c0 = high_b ^ c1 ^ k0;                                         \
            c1 = low_b;                                                    \
            c2 = high_a ^ c3 ^ k1;                                         \
            c3 = low_a;                                                    \
            k0 += 0x9E3779B9u;                                             \
            k1 += 0xBB67AE85u;                                             \
        }                                                                  \
    } while (0)

static inline uint4 philox(struct random r, ulong block)
{
    uint c0 = (uint)block, c1 = (uint)(block >> 32), c2 = r.purpose, c3 = r.stream;
    PHILOX_ROUNDS(uint, c0, c1, c2, c3, r.seed);
    return (uint4)(c0, c1, c2, c3);
}

static inline uint random_u32(struct random r, ulong index)
{
    const uint4 four = philox(r, index >> 2);
    const uint2 two = index & 2 ? four.zw : four.xy;
    return index & 1 ? two.y : two.x;
}

#if W == 16
/* Numbers 4 * block .. 4 * block + 15. */
static inline uvec random_vector(struct random r, ulong block)
{
    const ulong4 blocks = block + (ulong4)(0, 1, 2, 3);
    uint4 c0 = convert_uint4(blocks), c1 = convert_uint4(blocks >> 32);
    uint4 c2 = (uint4)(r.purpose), c3 = (uint4)(r.stream);
    PHILOX_ROUNDS(uint4, c0, c1, c2, c3, r.seed);
    return (uvec)(c0.x, c1.x, c2.x, c3.x, c0.y, c1.y, c2.y, c3.y,
                  c0.z, c1.z, c2.z, c3.z, c0.w, c1.w, c2.w, c3.w);
}
#elif W == 8
static inline uvec random_vector(struct random r, ulong block)
{
    return (uvec)(philox(r, block), philox(r, block + 1));
}
#else
#define random_vector philox
#endif

/* Random numbers e .. e + W - 1. */
static inline uvec random_lanes(struct random r, ulong e)
{
    if ((e & 3) == 0) return random_vector(r, e >> 2);
#if W == 4
    const uint4 a = philox(r, e >> 2), b = philox(r, (e >> 2) + 1);
    const bool one = (e & 3) == 1, two = (e & 3) == 2;
    return (uint4)(one ? a.y : two ? a.z : a.w, one ? a.z : two ? a.w : b.x,
                   one ? a.w : two ? b.x : b.y, one ? b.x : two ? b.y : b.z);
#else
    uint lanes[W];
    for (int i = 0; i < W; i++) lanes[i] = random_u32(r, e + i);
    return JOIN(vload, W)(0, lanes);
#endif
}

/* What elements e .. e + W - 1 are multiplied by: keep_scale where kept, else 0. */
static inline vec dropout_lanes(struct dropout d, ulong e)
{
    if (d.threshold == 0) return (vec)(d.keep_scale);
    return select((vec)(0.0f), (vec)(d.keep_scale), random_lanes(d.random, e) >= d.threshold);
}

static inline vec uniform_lanes(struct random r, ulong e)
{
#pragma OPENCL FP_CONTRACT OFF
    return (JOIN(convert_float, W)(random_lanes(r, e) >> 9) + 0.5f) * 0x1p-23f;
}

/* Chebyshev coefficients: src/base/inverse_normal.h, by ocl_prelude. */
constant float inverse_normal[16] = {INVERSE_NORMAL};

static inline vec truncated_normal_lanes(struct random r, ulong e)
{
#pragma OPENCL FP_CONTRACT OFF
    const vec t = 2.0f * uniform_lanes(r, e) - 1.0f;
    const vec y = 2.0f * (t * t) - 1.0f;
    vec b1 = (vec)(0.0f), b2 = (vec)(0.0f);
    for (int k = 15; k >= 1; k--) { /* Clenshaw's recurrence */
        const vec b = 2.0f * y * b1 - b2 + inverse_normal[k];
        b2 = b1;
        b1 = b;
    }
    return t * (y * b1 - b2 + inverse_normal[0]);
}
