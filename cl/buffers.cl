/* SPDX-License-Identifier: Apache-2.0 */
kernel void fill(global float *x, long count, float value)
{
    FOR_ELEMENTS(e, count) store_part((vec)(value), x + e, count - e);
}

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
