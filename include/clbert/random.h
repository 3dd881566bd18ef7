/* SPDX-License-Identifier: Apache-2.0 */
/* The one random number generator: Philox4x32-10, counter-based.
 * Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
 *
 * A random number is a pure function of (seed, purpose, stream, index): `seed` is the key, and the
 * counter is { block low, block high, purpose, stream }, where number `index` is lane index % 4 of
 * block index / 4. The same bits come out of C and of OpenCL C (cl/philox.cl). */
#ifndef CLBERT_RANDOM_H
#define CLBERT_RANDOM_H

#include <clbert/api.h>
#include <stdint.h>

CLB_BEGIN_DECLS

/* What random numbers are for: the third word of the counter. Within a range the low bits say which
 * one (a tensor, a dropout site). */
enum clb_purpose {
    CLB_PURPOSE_INIT = 0x01000000,      /* of a tensor: by its name, as clb_random_named */
    CLB_PURPOSE_DROPOUT = 0x02000000,   /* of a site: likewise; stream = step and micro-batch */
    CLB_PURPOSE_PAIRING = 0x03000000,   /* + draw; stream = epoch */
    CLB_PURPOSE_MASKING = 0x04000000,   /* + draw; stream = epoch */
    CLB_PURPOSE_ORDER = 0x05000000,     /* stream = epoch */
    CLB_PURPOSE_SPLIT = 0x06000000,     /* train or validation */
    CLB_PURPOSE_DEMO_TEXT = 0x07000000, /* the practice corpus */
    CLB_PURPOSE_TEST = 0x08000000,      /* tests, verify and benchmarks */
};

/* Where a family of random numbers begins. */
struct clb_random {
    uint64_t seed;
    uint32_t purpose;
    uint32_t stream;
};

/* The family of something that has a name, within a purpose and a stream: XXH3's 64 bits of the
 * name, the low 24 added to the purpose, the high 32 laid over the stream. What else there is, and
 * in which order, does not matter. */
CLB_API struct clb_random clb_random_named(uint64_t seed, uint32_t purpose, uint32_t stream,
                                           const char *name);

/* out[4] = Philox4x32-10 of counter { block, block >> 32, purpose, stream } under key seed. */
CLB_API void clb_philox(struct clb_random random, uint64_t block, uint32_t out[4]);

/* Number `index` of the family: 32 random bits. */
CLB_API uint32_t clb_random_u32(struct clb_random random, uint64_t index);

/* Number `index` of the family as a uniform integer in [0, bound), bound > 0, below 2^32. */
CLB_API uint32_t clb_random_below(struct clb_random random, uint64_t index, uint32_t bound);

/* A uniform float in (0, 1) from the upper 23 bits: ((bits >> 9) + 0.5) * 2^-23, exactly. */
CLB_API float clb_uniform_from_bits(uint32_t bits);

/* Inverse of the normal distribution cut at two standard deviations; u in (0, 1), result in
 * [-2, 2], within 5e-6. Made of + - * alone, so that every device gives the same bits; contraction
 * to fused multiply-add must be off where it is compiled. */
CLB_API float clb_truncated_normal_from_uniform(float u);

CLB_END_DECLS

#endif
