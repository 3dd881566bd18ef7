/* SPDX-License-Identifier: Apache-2.0 */
/* The engine of AVX512-BF16: vdpbf16ps adds the two products of a pair of bf16 to an fp32 sum, as
 * cpu_engine_f32.c's tile with a pair for a number: panels are [KC / 2][MR] and [KC / 2][NR] units
 * of pairs. The instruction takes denormal numbers for 0. */
#include "compute/cpu/cpu_pack_bf16.h"

#include <immintrin.h>

enum { MR = 14, NR = 32, KC = 512, LANES = 16 };

static void pack_a(const struct cpu_operand *a, int64_t line, int64_t k0, int64_t kc, void *panel)
{
    pack_units(a, line, k0, kc, (kc + 1) / 2, panel, MR);
}

static void pack_b(const struct cpu_operand *b, int64_t line, int64_t k0, int64_t kc, void *panel)
{
    pack_units(b, line, k0, kc, (kc + 1) / 2, panel, NR);
}

static void multiply(const void *panel_a, const void *panel_b, int64_t kc, float *sums,
                     int64_t stride, bool add)
{
    const int32_t *a = panel_a, *b = panel_b;
    __m512 acc[MR][2];
    CPU_UNROLL
    for (int i = 0; i < MR; i++) acc[i][0] = acc[i][1] = _mm512_setzero_ps();
    for (int64_t p = 0; p < kc; p += 2) {
        const __m512bh b0 = (__m512bh)_mm512_loadu_si512(b);
        const __m512bh b1 = (__m512bh)_mm512_loadu_si512(b + LANES);
        CPU_UNROLL
        for (int i = 0; i < MR; i++) {
            const __m512bh both = (__m512bh)_mm512_set1_epi32(a[i]);
            acc[i][0] = _mm512_dpbf16_ps(acc[i][0], both, b0);
            acc[i][1] = _mm512_dpbf16_ps(acc[i][1], both, b1);
        }
        a += MR;
        b += NR;
    }
    CPU_UNROLL
    for (int i = 0; i < MR; i++)
        for (int half = 0; half < 2; half++) {
            float *to = sums + i * stride + half * LANES;
            const __m512 sum = acc[i][half];
            _mm512_storeu_ps(to, add ? _mm512_add_ps(sum, _mm512_loadu_ps(to)) : sum);
        }
}

const struct cpu_engine cpu_engine_bf16_dot = {
    .mr = MR,
    .nr = NR,
    .kc = KC,
    .step = 2,
    .bytes = 2,
    .task_rows = 12 * MR,
    .task_columns = 8 * NR,
    .pack_a = pack_a,
    .pack_b = pack_b,
    .multiply = multiply,
};
