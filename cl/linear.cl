/* SPDX-License-Identifier: Apache-2.0 */
/* Sums over the rows of a matrix x [rows, columns], in two steps: the gradient of a bias,
 * d_bias[c] += sum over t of d_out[t][c]; add_partials serves norm.cl's sums, too.
 *
 *              columns, W a work-item
 *            +-----+-----+-----+--
 *    chunk 0 |  |  |  |  |  |  |      column_partials: a work-item walks down one chunk
 *            |  v  |  v  |  v  |      of chunk_rows rows and leaves partial[chunk][c];
 *            +-----+-----+-----+--
 *    chunk 1 |  |  |  |  |  |  |      add_partials: a work-item adds the chunks of its
 *            |  v  |  v  |  v  |      columns, one after the other, to sums[c].
 *            +-----+-----+-----+--
 *
 * Neighbours read side by side. The number of chunks (ocl_row_chunks: at least OCL_ROWS_CHUNK rows
 * each, at most OCL_ROWS_CHUNKS of them) keeps a GPU busy where columns are few, and is a function
 * of `rows` alone: rows are added in their order within a chunk, chunks in theirs, without atomics.
 * Workspace: chunks * columns floats. OPERANDS: the type of x (types.cl). */

/* partial[offset + chunk * columns + c] = sum over the rows of a chunk. */
kernel void column_partials(global float *partial, long offset, const global operand *x, long rows,
                            long columns, long chunk_rows)
{
    const long c = (long)get_global_id(0) * W, chunk = (long)get_group_id(1);
    const long end = min((chunk + 1) * chunk_rows, rows);
    vec sum = (vec)(0.0f);
    if (c >= columns) return;
    for (long r = chunk * chunk_rows; r < end; r++)
        sum += operand_load_part(x + r * columns + c, columns - c);
    store_part(sum, partial + offset + chunk * columns + c, columns - c);
}

kernel void add_partials(global float *sums, const global float *partial, long offset, long chunks,
                         long columns)
{
    const long c = (long)get_global_id(0) * W;
    vec sum = (vec)(0.0f);
    if (c >= columns) return;
    for (long p = 0; p < chunks; p++)
        sum += load_part(partial + offset + p * columns + c, columns - c);
    store_part(load_part(sums + c, columns - c) + sum, sums + c, columns - c);
}
