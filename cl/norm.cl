/* SPDX-License-Identifier: Apache-2.0 */
/* Layer normalisation, with the bias, dropout and residual that stand before it.
 *
 *   sum  = dropout(y + bias) + residual
 *   mean = mean over the row of sum;   rstd = 1 / sqrt(mean of (sum - mean)^2 + eps)
 *   out  = x gamma + beta,   x = (sum - mean) rstd                     stats[t] = (mean, rstd)
 *   copy = out, rounded to RESULT: an operand of products
 *
 *   d_sum = rstd (g - mean(g) - x mean(g x)),   g = d_out gamma
 *   d_y   = dropout(d_sum), rounded to RESULT      the mask comes from Philox's counters again
 *   d_gamma += sum over t of d_out x;   d_beta += sum over t of d_out;   d_bias += sum over t of d_y
 *
 * A work-group takes whole rows, whose length the compiler knows: a work-item has W columns of each
 * part of a row (vectors.cl), all of them at once, so that a row is read once and written once. The
 * variance is of differences to the mean: E[x^2] - mean^2 would cancel.
 *
 *              COLUMNS, W a work-item, GROUP W a part
 *    chunk 0 |  row  |  row  |         norm_forward: a row a group; norm_backward: chunk_rows rows a
 *            |  row  |  row  |         group, one after the other, whose terms of the three sums over
 *    chunk 1 |  row  |  row  |         rows it adds up as they come by and leaves in partial
 *                                      [3, chunks, COLUMNS]; linear.cl's add_partials adds the chunks
 *
 * Chunks are a function of the number of rows alone: a fixed order. d_sum may be d_out: a row is read
 * before it is written. Up to 4 parts fit a GPU's registers; wide work-items have theirs in the
 * cache, and are not unrolled. Local memory: 2 GROUP floats. */
#ifndef COLUMNS
#error "compile with the options of ocl_norm_options"
#endif
#define ROW_PARTS ((COLUMNS + GROUP * W - 1) / (GROUP * W))
#if GROUP == 1
#define EACH_PART(i) for (int i = 0; i < ROW_PARTS; i++)
#else
#define EACH_PART(i) UNROLL for (int i = 0; i < ROW_PARTS; i++)
#endif
/* The work-item's first column of part i. */
#define COLUMN(i) ((i) * GROUP * W + (long)get_local_id(0) * W)

ROW_KERNEL norm_forward(global float *out, global result *copy, global float *sum,
                        global float *stats, const global float *y, const global float *bias,
                        const global float *residual, const global float *gamma,
                        const global float *beta, int has_copy, int has_bias, int has_residual,
                        float eps, DROPOUT_PARAMETERS(drop))
{
    SHARED(shared);
    const long t = (long)get_group_id(0), row = t * COLUMNS;
    vec x[ROW_PARTS], total = (vec)(0.0f), square = (vec)(0.0f);
    EACH_PART(i) {
        const long c = COLUMN(i), n = COLUMNS - c;
        x[i] = load_part(y + row + c, n);
        if (has_bias) x[i] += load_part(bias + c, n);
        if (drops(DROPOUT(drop))) x[i] *= dropout_lanes(DROPOUT(drop), (ulong)(row + c));
        if (has_residual) x[i] += load_part(residual + row + c, n);
        store_part(x[i], sum + row + c, n);
        total += x[i];
    }
    const float mean = group_sum(sum_lanes(total), shared) / COLUMNS;
    EACH_PART(i) {
        x[i] = keep_lanes(x[i] - mean, COLUMNS - COLUMN(i), 0.0f);
        square += x[i] * x[i];
    }
    const float rstd = 1.0f / sqrt(group_sum(sum_lanes(square), shared) / COLUMNS + eps);
    EACH_PART(i) {
        const long c = COLUMN(i), n = COLUMNS - c;
        x[i] = x[i] * rstd * load_part(gamma + c, n) + load_part(beta + c, n);
        store_part(x[i], out + row + c, n);
        if (has_copy) result_store_part(x[i], copy + row + c, n);
    }
    if (get_local_id(0) == 0) {
        stats[2 * t] = mean;
        stats[2 * t + 1] = rstd;
    }
}

ROW_KERNEL norm_backward(global float *d_sum, global result *d_y, global float *partial,
                         const global float *d_out, const global float *sum,
                         const global float *stats, const global float *gamma, long rows,
                         long chunk_rows, int has_d_y, DROPOUT_PARAMETERS(drop))
{
    SHARED_PAIRS(shared);
    const long chunk = (long)get_group_id(0), chunks = (long)get_num_groups(0);
    const long end = min((chunk + 1) * chunk_rows, rows);
    vec d_gamma[ROW_PARTS], d_beta[ROW_PARTS], d_bias[ROW_PARTS];
    EACH_PART(i) d_gamma[i] = d_beta[i] = d_bias[i] = (vec)(0.0f);
    for (long t = chunk * chunk_rows; t < end; t++) {
        const long row = t * COLUMNS;
        const float mean = stats[2 * t], rstd = stats[2 * t + 1];
        vec g[ROW_PARTS], x[ROW_PARTS], plain = (vec)(0.0f), weighted = (vec)(0.0f);
        EACH_PART(i) {
            const long c = COLUMN(i), n = COLUMNS - c;
            g[i] = load_part(d_out + row + c, n);
            x[i] = (load_or(sum + row + c, n, mean) - mean) * rstd;
            d_gamma[i] += g[i] * x[i];
            d_beta[i] += g[i];
            g[i] *= load_part(gamma + c, n);
            plain += g[i];
            weighted += g[i] * x[i];
        }
        const float2 mean_of =
            group_sums((float2)(sum_lanes(plain), sum_lanes(weighted)), shared) / COLUMNS;
        EACH_PART(i) {
            const long c = COLUMN(i), n = COLUMNS - c;
            vec d = rstd * (g[i] - mean_of.x - x[i] * mean_of.y);
            store_part(d, d_sum + row + c, n);
            if (drops(DROPOUT(drop))) d *= dropout_lanes(DROPOUT(drop), (ulong)(row + c));
            if (has_d_y) result_store_part(d, d_y + row + c, n);
            d_bias[i] += result_rounded(d);
        }
    }
    EACH_PART(i) {
        const long c = COLUMN(i), n = COLUMNS - c;
        store_part(d_gamma[i], partial + chunk * COLUMNS + c, n);
        store_part(d_beta[i], partial + (chunks + chunk) * COLUMNS + c, n);
        store_part(d_bias[i], partial + (2 * chunks + chunk) * COLUMNS + c, n);
    }
}
