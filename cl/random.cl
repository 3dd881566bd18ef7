/* SPDX-License-Identifier: Apache-2.0 */
kernel void fill_uniform(global float *x, long count, RANDOM)
{
    FOR_ELEMENTS(e, count) store_part(uniform_lanes(RANDOM_ARGS, (ulong)e), x + e, count - e);
}

kernel void fill_truncated_normal(global float *x, long count, float deviation, RANDOM)
{
    FOR_ELEMENTS(e, count)
        store_part(deviation * truncated_normal_lanes(RANDOM_ARGS, (ulong)e), x + e, count - e);
}

kernel void dropout_apply(global float *out, const global float *x, long count, DROPOUT)
{
    FOR_ELEMENTS(e, count) {
        vec v = load_part(x + e, count - e);
        if (keep_scale != 1.0f) v *= dropout_lanes(DROPOUT_ARGS, (ulong)e);
        store_part(v, out + e, count - e);
    }
}
