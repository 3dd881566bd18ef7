/* SPDX-License-Identifier: Apache-2.0 */
/* Sums over the rows of a matrix x [rows, columns], in two steps: the gradient of a bias,
 * d_bias[c] += sum over t of d_out[t][c], where the product does not take it along (gemm.cl), and
 * the second step of norm.cl's three sums.
 *
 *              columns, W a work-item
 *            +-----+-----+-----+--
 *    chunk 0 |  0  |  1  |  2  |      column_partials: a work-group has ACROSS W columns of a chunk of
 *            | A+0 | A+1 | A+2 |      chunk_rows rows; a work-item walks down every DEEP-th row, and
 *            |  0  |  1  |  2  |      the DEEP of a column add up in local memory, in the order of
 *            +-----+-----+-----+--    their first rows, to partial[chunk][c].
 *    chunk 1 |  0  |  1  |  2  |
 *            | A+0 | A+1 | A+2 |      add_partials: the chunks of up to three matrices, a second
 *            +-----+-----+-----+--    dimension of groups, likewise, to sums[c] +=
 *
 * Neighbours read side by side, DEEP = COLUMN_GROUP / ACROSS rows at once. The number of chunks
 * (ocl_row_chunks) is a function of `rows` alone: the same bits every time, without atomics.
 * Workspace: chunks * columns floats; local memory: COLUMN_GROUP W floats. OPERANDS: the type of x
 * (types.cl). */
#define ACROSS COLUMN_ACROSS
#define DEEP (COLUMN_GROUP / ACROSS)
#define COLUMN_KERNEL kernel __attribute__((reqd_work_group_size(COLUMN_GROUP, 1, 1))) void
#define FIRST_COLUMN (((long)get_group_id(0) * ACROSS + (long)get_local_id(0) % ACROSS) * W)
#define FIRST_ROW ((long)get_local_id(0) / ACROSS)

/* The sum of the DEEP work-items that have the same columns, for the first of them. */
#if DEEP == 1
#define SHARED_COLUMNS(name)
#define column_sum(x, shared) (x)
#else
#define SHARED_COLUMNS(name) local vec name[COLUMN_GROUP]
#define column_sum(x, shared) column_sum_of(x, shared)
INLINE vec column_sum_of(vec x, local vec *shared)
{
    const int lane = (int)get_local_id(0);
    shared[lane] = x;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int i = 1; i < DEEP && lane < ACROSS; i++) x += shared[i * ACROSS + lane];
    return x;
}
#endif

/* partial[chunk * columns + c] = sum over the rows of a chunk. */
COLUMN_KERNEL column_partials(global float *partial, const global operand *x, long rows,
                              long columns, long chunk_rows)
{
    SHARED_COLUMNS(shared);
    const long c = FIRST_COLUMN, n = columns - c, chunk = (long)get_group_id(1);
    const long end = min((chunk + 1) * chunk_rows, rows);
    vec sum = (vec)(0.0f);
    for (long r = chunk * chunk_rows + FIRST_ROW; r < end; r += DEEP)
        sum += operand_load_part(x + r * columns + c, n);
    sum = column_sum(sum, shared);
    if (FIRST_ROW == 0) store_part(sum, partial + chunk * columns + c, n);
}

static inline void add_part(vec x, global float *sums, long n)
{
    store_part(load_part(sums, n) + x, sums, n);
}

/* partial: [matrices, chunks, columns], a matrix for each of the sums that are given. */
COLUMN_KERNEL add_partials(global float *sums0, global float *sums1, global float *sums2,
                           const global float *partial, long chunks, long columns)
{
    SHARED_COLUMNS(shared);
    const long c = FIRST_COLUMN, n = columns - c, matrix = (long)get_group_id(1);
    vec sum = (vec)(0.0f);
    partial += matrix * chunks * columns + c;
    UNROLL_BY(4) for (long p = FIRST_ROW; p < chunks; p += DEEP)
        sum += load_part(partial + p * columns, n);
    sum = column_sum(sum, shared);
    if (FIRST_ROW > 0) return;
    if (matrix == 0) add_part(sum, sums0 + c, n);
    if (matrix == 1) add_part(sum, sums1 + c, n);
    if (matrix == 2) add_part(sum, sums2 + c, n);
}
