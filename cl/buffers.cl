/* SPDX-License-Identifier: Apache-2.0 */
/* Whole buffers: FLAT elements a work-item (FOR_ELEMENTS of vectors.cl), and a sum of squares.
 *
 *   fill  x = value      add  out += x      scale  x *= factor
 *   cast_narrow          fp32 to bf16 or fp16, and back (types.cl)
 *   cast_widen
 *   cast_tf32            fp32 to fp32 that is rounded to tf32
 *
 *   sum of squares: out[0] = sum of x[e]^2, in two steps
 *
 *      x: | chunk 0 | chunk 1 | ... |     square_partials: a work-group takes chunk_elements
 *              |         |                (OCL_SQUARES_CHUNK) and leaves partial[chunk]
 *              v         v
 *         partial[0], partial[1], ...     sum_partials: one work-group adds them all
 *
 * Every lane of every work-item sums by Kahan's method: `lost` is what the last addition rounded
 * away and the next one takes back, so that a billion squares do not lose the small ones. Chunks
 * are a function of `count` alone: a fixed order, the same bits every time. */
kernel void fill(global float *x, long count, float value)
{
    FOR_ELEMENTS(e, count) store_part((vec)(value), x + e, count - e);
}

/* ---- types: clb_cast ---- */

kernel void cast_narrow(global ushort *out, const global float *x, long count, int is_fp16)
{
    FOR_ELEMENTS(e, count) {
        const vec numbers = load_part(x + e, count - e);
        if (is_fp16)
            fp16_store_part(numbers, out + e, count - e);
        else
            bf16_store_part(numbers, out + e, count - e);
    }
}

kernel void cast_widen(global float *out, const global ushort *x, long count, int is_fp16)
{
    FOR_ELEMENTS(e, count)
        store_part(is_fp16 ? fp16_load_part(x + e, count - e) : bf16_load_part(x + e, count - e),
                   out + e, count - e);
}

kernel void cast_tf32(global float *out, const global float *x, long count)
{
    FOR_ELEMENTS(e, count) store_part(tf32_load_part(x + e, count - e), out + e, count - e);
}

/* ---- arithmetic ---- */

kernel void add(global float *out, const global float *x, long count)
{
    FOR_ELEMENTS(e, count)
        store_part(load_part(out + e, count - e) + load_part(x + e, count - e), out + e, count - e);
}

kernel void scale(global float *x, long count, float factor)
{
    FOR_ELEMENTS(e, count) store_part(load_part(x + e, count - e) * factor, x + e, count - e);
}

ROW_KERNEL square_partials(global float *partial, const global float *x, long count,
                           long chunk_elements)
{
    SHARED(shared);
    const long chunk = (long)get_group_id(0), begin = chunk * chunk_elements;
    const long size = min(chunk_elements, count - begin);
    vec sum = (vec)(0.0f), lost = (vec)(0.0f);
    FOR_COLUMNS(c, size) {
        const vec v = load_part(x + begin + c, size - c), term = v * v - lost, next = sum + term;
        lost = (next - sum) - term;
        sum = next;
    }
    const float total = group_sum(sum_lanes(sum), shared);
    if (get_local_id(0) == 0) partial[chunk] = total;
}

ROW_KERNEL sum_partials(global float *out, const global float *partial, long chunks)
{
    SHARED(shared);
    vec sum = (vec)(0.0f), lost = (vec)(0.0f);
    FOR_COLUMNS(p, chunks) {
        const vec term = load_part(partial + p, chunks - p) - lost, next = sum + term;
        lost = (next - sum) - term;
        sum = next;
    }
    const float total = group_sum(sum_lanes(sum), shared);
    if (get_local_id(0) == 0) out[0] = total;
}
