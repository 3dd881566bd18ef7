/* SPDX-License-Identifier: Apache-2.0 */
/* What the device's multiply-adds reach on registers alone. */
#ifndef PEAK_VECTOR
#define PEAK_VECTOR 4
#endif

#define EACH_CHAIN(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)
typedef JOIN(float, PEAK_VECTOR) peak_vec;

/* Twelve independent chains; the sum keeps the compiler from dropping them. */
kernel void peak(global float *out, float seed, int rounds)
{
    const long item = (long)get_global_id(0);
    const peak_vec factor = (peak_vec)(0.999f + 1e-6f * seed), term = (peak_vec)(1e-3f);
#define BEGIN(c) peak_vec chain##c = (peak_vec)(seed + c + item);
    EACH_CHAIN(BEGIN)
    for (int round = 0; round < rounds; round++) {
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
