/* SPDX-License-Identifier: Apache-2.0 */
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

/* partial[part] = sum of squares of a part of x, Kahan's way in every lane. */
ROW_KERNEL square_partials(global float *partial, const global float *x, long count,
                           long part_elements)
{
    SHARED(shared);
    const long part = (long)get_group_id(0), begin = part * part_elements;
    const long size = min(part_elements, count - begin);
    vec sum = (vec)(0.0f), lost = (vec)(0.0f);
    FOR_COLUMNS(c, size) {
        const vec v = load_part(x + begin + c, size - c), term = v * v - lost, next = sum + term;
        lost = (next - sum) - term;
        sum = next;
    }
    const float total = group_sum(sum_lanes(sum), shared);
    if (get_local_id(0) == 0) partial[part] = total;
}

ROW_KERNEL sum_partials(global float *out, const global float *partial, long parts)
{
    SHARED(shared);
    vec sum = (vec)(0.0f), lost = (vec)(0.0f);
    FOR_COLUMNS(p, parts) {
        const vec term = load_part(partial + p, parts - p) - lost, next = sum + term;
        lost = (next - sum) - term;
        sum = next;
    }
    const float total = group_sum(sum_lanes(sum), shared);
    if (get_local_id(0) == 0) out[0] = total;
}
