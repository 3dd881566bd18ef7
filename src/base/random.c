/* SPDX-License-Identifier: Apache-2.0 */
#include "base/inverse_normal.h"

#include <clbert/random.h>
#include <string.h>
#include <xxhash.h>

static void philox_round(uint32_t c[4], const uint32_t k[2])
{
    uint64_t a = (uint64_t)0xD2511F53u * c[0];
    uint64_t b = (uint64_t)0xCD9E8D57u * c[2];
    uint32_t c1 = c[1], c3 = c[3];
    c[0] = (uint32_t)(b >> 32) ^ c1 ^ k[0];
    c[1] = (uint32_t)b;
    c[2] = (uint32_t)(a >> 32) ^ c3 ^ k[1];
    c[3] = (uint32_t)a;
}

void clb_philox(struct clb_random random, uint64_t block, uint32_t out[4])
{
    uint32_t k[2] = {(uint32_t)random.seed, (uint32_t)(random.seed >> 32)};
    out[0] = (uint32_t)block;
    out[1] = (uint32_t)(block >> 32);
    out[2] = random.purpose;
    out[3] = random.stream;
    for (int round = 0; round < 10; round++) {
        philox_round(out, k);
        k[0] += 0x9E3779B9u;
        k[1] += 0xBB67AE85u;
    }
}

uint32_t clb_random_u32(struct clb_random random, uint64_t index)
{
    uint32_t out[4];
    clb_philox(random, index / 4, out);
    return out[index % 4];
}

uint32_t clb_random_below(struct clb_random random, uint64_t index, uint32_t bound)
{
    return (uint32_t)(((uint64_t)clb_random_u32(random, index) * bound) >> 32);
}

float clb_uniform_from_bits(uint32_t bits)
{
    return ((float)(bits >> 9) + 0.5f) * 0x1p-23f;
}

static const float inverse_normal[16] = {BASE_INVERSE_NORMAL};

float clb_truncated_normal_from_uniform(float u)
{
    float t = 2.0f * u - 1.0f;
    float y = 2.0f * (t * t) - 1.0f;
    float b1 = 0.0f, b2 = 0.0f;
    for (int k = 15; k >= 1; k--) { /* Clenshaw's recurrence */
        float b = 2.0f * y * b1 - b2 + inverse_normal[k];
        b2 = b1;
        b1 = b;
    }
    return t * (y * b1 - b2 + inverse_normal[0]);
}

struct clb_random clb_random_named(uint64_t seed, uint32_t purpose, uint32_t stream,
                                   const char *name)
{
    const uint64_t hash = XXH3_64bits(name, strlen(name));
    return (struct clb_random){seed, purpose + (uint32_t)(hash & 0xffffff),
                               stream ^ (uint32_t)(hash >> 32)};
}
