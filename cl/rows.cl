/* SPDX-License-Identifier: Apache-2.0 */
ROW_KERNEL gather_rows(global float *out, const global float *x, const global int *rows,
                       long columns)
{
    const long r = (long)get_group_id(0), from = rows[r] * columns;
    FOR_COLUMNS(c, columns)
        store_part(load_part(x + from + c, columns - c), out + r * columns + c, columns - c);
}

ROW_KERNEL scatter_add_rows(global float *d_x, const global float *d_out, const global int *rows,
                            long columns)
{
    const long r = (long)get_group_id(0), to = rows[r] * columns;
    FOR_COLUMNS(c, columns)
        store_part(load_part(d_x + to + c, columns - c) +
                       load_part(d_out + r * columns + c, columns - c),
                   d_x + to + c, columns - c);
}
