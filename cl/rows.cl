/* SPDX-License-Identifier: Apache-2.0 */
/* Rows picked out of a batch: masked positions, [CLS]; and one row for all of a sequence.
 *
 *   gather_rows       out[r] = x[rows[r]]
 *   scatter_add_rows  d_x[rows[r]] += d_out[r]
 *   pool_mean, _max   out[b] = mean or largest of x[cu_seqlens[b] .. cu_seqlens[b + 1] - 1], by column
 *
 * A work-group takes one row r of the R picked, or sequence b; its work-items take the columns
 * (vectors.cl), and of a sequence each walks down its own, in the order of rows. The rows picked are
 * distinct, so no two groups write to the same one and nothing needs atomics. */
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

ROW_KERNEL pool_mean(global float *out, const global float *x, const global int *cu_seqlens,
                     long columns)
{
    const long b = (long)get_group_id(0), begin = cu_seqlens[b], end = cu_seqlens[b + 1];
    FOR_COLUMNS(c, columns) {
        vec sum = (vec)(0.0f);
        for (long t = begin; t < end; t++) sum += load_part(x + t * columns + c, columns - c);
        store_part(sum / (float)(end - begin), out + b * columns + c, columns - c);
    }
}

ROW_KERNEL pool_max(global float *out, const global float *x, const global int *cu_seqlens,
                    long columns)
{
    const long b = (long)get_group_id(0), begin = cu_seqlens[b], end = cu_seqlens[b + 1];
    FOR_COLUMNS(c, columns) {
        vec most = load_part(x + begin * columns + c, columns - c);
        for (long t = begin + 1; t < end; t++)
            most = fmax(most, load_part(x + t * columns + c, columns - c));
        store_part(most, out + b * columns + c, columns - c);
    }
}
