/* SPDX-License-Identifier: Apache-2.0 */
/* What the device's multiply-adds reach on registers alone, for clb_device_peak.
 *
 * Every work-item runs PEAK_CHAINS recurrences x = x * factor + term, which do not wait for one
 * another: 12 hide the latency of a multiply-add (4 or 5 cycles, two at once) and fit into 16
 * registers with factor and term. A work-item does 2 * PEAK_CHAINS * PEAK_VECTOR
 * operations a round. PEAK_VECTOR: the device's own vector width on a CPU; 4 on a GPU, where a lane
 * does one number at a time. Both come as -D from ocl_peak_options. EACH_CHAIN makes every chain a
 * variable of its own: an array may end up in memory. Rounds are unrolled, since Intel's compiler
 * copies every chain once a round of what remains a loop. */
#if !defined(PEAK_VECTOR) || !defined(PEAK_CHAINS)
#error "compile with the options of ocl_peak_options"
#endif
#if PEAK_CHAINS != 12
#error "EACH_CHAIN has 12 chains"
#endif
#define EACH_CHAIN(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)
typedef JOIN(float, PEAK_VECTOR) peak_vec;

/* The sum keeps the compiler from dropping the chains. */
kernel void peak(global float *out, float seed, int rounds)
{
    const long item = (long)get_global_id(0);
    const peak_vec factor = (peak_vec)(0.999f + 1e-6f * seed), term = (peak_vec)(1e-3f);
#define BEGIN(c) peak_vec chain##c = (peak_vec)(seed + c + item);
    EACH_CHAIN(BEGIN)
    UNROLL_BY(8) for (int round = 0; round < rounds; round++) {
#define ADVANCE(c) chain##c = fma(chain##c, factor, term);
        EACH_CHAIN(ADVANCE)
    }
    peak_vec sum = (peak_vec)(0.0f);
#define ADD(c) sum += chain##c;
    EACH_CHAIN(ADD)
    float lanes[PEAK_VECTOR], total = 0.0f;
    JOIN(vstore, PEAK_VECTOR)(sum, 0, lanes);
    for (int i = 0; i < PEAK_VECTOR; i++) total += lanes[i];
    out[item] = total;
}
