/* SPDX-License-Identifier: Apache-2.0 */
/* Whole buffers: FLAT elements a work-item (FOR_ELEMENTS of vectors.cl), and a sum of squares.
 *
 *   fill  x = value      add  out += x      scale  x *= factor
 *   cast_narrow          fp32 to bf16 or fp16, to the nearest, ties to even; by integers alone:
 *   cast_widen           not every device has a type fp16, and the bits are those of the host
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

/* ---- types: clb_cast, the same bits as src/base/narrow.h ---- */

static inline ushort bf16_of(uint bits)
{
    const uint rounded = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
    return (ushort)((bits & 0x7fffffffu) > 0x7f800000u ? bits >> 16 | 0x40u : rounded);
}

static inline ushort fp16_of(uint bits)
{
    const uint magnitude = bits & 0x7fffffffu;
    const uint subnormal = as_uint(as_float(magnitude) + 0.5f) - 0x3f000000u;
    const uint normal = (magnitude + 0xfffu + (magnitude >> 13 & 1u) - (112u << 23)) >> 13;
    uint narrow = magnitude < 0x38800000u ? subnormal : normal;
    if (magnitude >= 0x477ff000u) narrow = 0x7c00u;
    if (magnitude > 0x7f800000u) narrow = 0x7e00u;
    return (ushort)((bits >> 16 & 0x8000u) | narrow);
}

static inline uint fp16_widen(ushort half_bits)
{
    const uint sign = (uint)(half_bits & 0x8000u) << 16, rest = half_bits & 0x7fffu;
    uint wide = rest < 0x400u ? as_uint((float)rest * 0x1p-24f) : (rest << 13) + (112u << 23);
    if (rest >= 0x7c00u) wide = rest << 13 | 0x7f800000u;
    return sign | wide;
}

kernel void cast_narrow(global ushort *out, const global uint *x, long count, int is_fp16)
{
    FOR_ELEMENTS(first, count)
        for (long e = first; e < min(first + W, count); e++)
            out[e] = is_fp16 ? fp16_of(x[e]) : bf16_of(x[e]);
}

kernel void cast_widen(global uint *out, const global ushort *x, long count, int is_fp16)
{
    FOR_ELEMENTS(first, count)
        for (long e = first; e < min(first + W, count); e++)
            out[e] = is_fp16 ? fp16_widen(x[e]) : (uint)x[e] << 16;
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
