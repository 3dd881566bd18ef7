/* SPDX-License-Identifier: Apache-2.0 */
/* Whole buffers of random numbers (philox.cl), FLAT elements a work-item; element e takes number e,
 * so that who computes it makes no difference.
 *
 *   fill_uniform           x[e] = u(e), in (0, 1)
 *   fill_truncated_normal  x[e] = deviation * z(u(e)), a normal variable cut at two deviations
 *   dropout_apply          out[e] = x[e] / (1 - p) where number e >= threshold, else 0
 *
 * The same bits on every device: uniform_lanes and truncated_normal_lanes forbid contraction. */
kernel void fill_uniform(global float *x, long count, RANDOM_PARAMETERS(random))
{
    FOR_ELEMENTS(e, count) store_part(uniform_lanes(RANDOM(random), (ulong)e), x + e, count - e);
}

kernel void fill_truncated_normal(global float *x, long count, float deviation,
                                  RANDOM_PARAMETERS(random))
{
    FOR_ELEMENTS(e, count)
        store_part(deviation * truncated_normal_lanes(RANDOM(random), (ulong)e), x + e, count - e);
}

kernel void dropout_apply(global float *out, const global float *x, long count,
                          DROPOUT_PARAMETERS(drop))
{
    FOR_ELEMENTS(e, count) {
        vec v = load_part(x + e, count - e);
        if (drops(DROPOUT(drop))) v *= dropout_lanes(DROPOUT(drop), (ulong)e);
        store_part(v, out + e, count - e);
    }
}
