/* SPDX-License-Identifier: Apache-2.0 */
/* Gradients of a bias: sums over the rows of a product's gradient, in a fixed order. */

/* partial[offset + part * columns + c] = sum over the rows of a part. */
kernel void column_partials(global float *partial, long offset, const global float *x, long rows,
                            long columns, long part_rows)
{
    const long c = (long)get_global_id(0) * W, part = (long)get_group_id(1);
    const long end = min((part + 1) * part_rows, rows);
    vec sum = (vec)(0.0f);
    if (c >= columns) return;
    for (long r = part * part_rows; r < end; r++) sum += load_part(x + r * columns + c, columns - c);
    store_part(sum, partial + offset + part * columns + c, columns - c);
}

kernel void add_partials(global float *sums, const global float *partial, long offset, long parts,
                         long columns)
{
    const long c = (long)get_global_id(0) * W;
    vec sum = (vec)(0.0f);
    if (c >= columns) return;
    for (long p = 0; p < parts; p++)
        sum += load_part(partial + offset + p * columns + c, columns - c);
    store_part(load_part(sums + c, columns - c) + sum, sums + c, columns - c);
}
