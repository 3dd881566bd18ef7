/* SPDX-License-Identifier: Apache-2.0 */
/* Rows picked out of a batch: masked positions, [CLS].
 *
 *   gather_rows       out[r] = x[rows[r]]
 *   scatter_add_rows  d_x[rows[r]] += d_out[r]
 *
 * A work-group takes one row r of the R picked; its work-items take the columns (vectors.cl). The
 * rows are distinct, so no two groups write to the same one and nothing needs atomics. */
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
