/* SPDX-License-Identifier: Apache-2.0 */
/* Layer normalisation, with the bias, dropout and residual that stand before it.
 *
 *   sum  = dropout(y + bias) + residual
 *   mean = mean over the row of sum;   rstd = 1 / sqrt(mean of (sum - mean)^2 + eps)
 *   out  = x gamma + beta,   x = (sum - mean) rstd                     stats[t] = (mean, rstd)
 *
 *   d_sum = rstd (g - mean(g) - x mean(g x)),   g = d_out gamma
 *   d_y   = dropout(d_sum)                         the mask comes from Philox's counters again
 *   d_gamma += sum over t of d_out x;   d_beta += sum over t of d_out
 *
 * norm_forward, norm_backward: a work-group takes row t (vectors.cl). Forward walks it three times:
 * for sum and mean, for the variance (of differences to the mean: E[x^2] - mean^2 would cancel) and
 * for out; backward twice. A row stays in the cache, and a work-item reads back only what it wrote
 * itself, so that no barriers stand between the passes but those of group_sum.
 *
 * norm_partials: sums over rows as in linear.cl, two at once:
 *
 *              columns, W a work-item
 *    chunk 0 |  v  |  v  |  v  |       a work-item walks down chunk_rows rows;
 *    chunk 1 |  v  |  v  |  v  |       partial: [chunks, hidden] for d_gamma, the same for d_beta;
 *            +-----+-----+-----+       linear.cl's add_partials adds the chunks
 *
 * It runs before norm_backward, whose d_sum may overwrite d_out. Chunks are a function of the
 * number of rows alone: a fixed order. Workspace: 2 * chunks * hidden floats; local memory: GROUP
 * floats. */

ROW_KERNEL norm_forward(global float *out, global float *sum, global float *stats,
                        const global float *y, const global float *bias,
                        const global float *residual, const global float *gamma,
                        const global float *beta, long hidden, int has_bias, int has_residual,
                        float eps, DROPOUT_PARAMETERS(drop))
{
    SHARED(shared);
    const long t = (long)get_group_id(0), row = t * hidden;
    vec total = (vec)(0.0f), square = (vec)(0.0f);
    FOR_COLUMNS(c, hidden) {
        const long n = hidden - c;
        vec x = load_part(y + row + c, n);
        if (has_bias) x += load_part(bias + c, n);
        if (drops(DROPOUT(drop))) x *= dropout_lanes(DROPOUT(drop), (ulong)(row + c));
        if (has_residual) x += load_part(residual + row + c, n);
        x = keep_lanes(x, n, 0.0f);
        store_part(x, sum + row + c, n);
        total += x;
    }
    const float mean = group_sum(sum_lanes(total), shared) / (float)hidden;
    FOR_COLUMNS(c, hidden) {
        const vec x = load_or(sum + row + c, hidden - c, mean) - mean;
        square += x * x;
    }
    const float variance = group_sum(sum_lanes(square), shared) / (float)hidden;
    const float rstd = 1.0f / sqrt(variance + eps);
    FOR_COLUMNS(c, hidden) {
        const long n = hidden - c;
        const vec x = (load_part(sum + row + c, n) - mean) * rstd;
        store_part(x * load_part(gamma + c, n) + load_part(beta + c, n), out + row + c, n);
    }
    if (get_local_id(0) == 0) {
        stats[2 * t] = mean;
        stats[2 * t + 1] = rstd;
    }
}

/* Partial sums over rows for d_gamma (at 0) and d_beta (at `beta_offset`). */
kernel void norm_partials(global float *partial, long beta_offset, const global float *d_out,
                          const global float *sum, const global float *stats, long rows,
                          long hidden, long chunk_rows)
{
    const long c = (long)get_global_id(0) * W, chunk = (long)get_group_id(1), n = hidden - c;
    const long end = min((chunk + 1) * chunk_rows, rows);
    vec d_gamma = (vec)(0.0f), d_beta = (vec)(0.0f);
    if (c >= hidden) return;
    for (long t = chunk * chunk_rows; t < end; t++) {
        const vec g = load_part(d_out + t * hidden + c, n);
        d_gamma += g * ((load_part(sum + t * hidden + c, n) - stats[2 * t]) * stats[2 * t + 1]);
        d_beta += g;
    }
    store_part(d_gamma, partial + chunk * hidden + c, n);
    store_part(d_beta, partial + beta_offset + chunk * hidden + c, n);
}

ROW_KERNEL norm_backward(global float *d_sum, global float *d_y, const global float *d_out,
                         const global float *sum, const global float *stats,
                         const global float *gamma, long hidden, int has_d_y,
                         DROPOUT_PARAMETERS(drop))
{
    SHARED(shared);
    const long t = (long)get_group_id(0), row = t * hidden;
    const float mean = stats[2 * t], rstd = stats[2 * t + 1];
    vec plain = (vec)(0.0f), weighted = (vec)(0.0f);
    FOR_COLUMNS(c, hidden) {
        const long n = hidden - c;
        const vec g = load_part(d_out + row + c, n) * load_part(gamma + c, n);
        plain += g;
        weighted += g * ((load_or(sum + row + c, n, mean) - mean) * rstd);
    }
    const float a = group_sum(sum_lanes(plain), shared) / (float)hidden;
    const float b = group_sum(sum_lanes(weighted), shared) / (float)hidden;
    FOR_COLUMNS(c, hidden) {
        const long n = hidden - c;
        const vec g = load_part(d_out + row + c, n) * load_part(gamma + c, n);
        const vec x = (load_part(sum + row + c, n) - mean) * rstd;
        const vec d = rstd * (g - a - x * b);
        store_part(d, d_sum + row + c, n);
        if (!has_d_y) continue;
        const vec keep = !drops(DROPOUT(drop)) ? (vec)(1.0f)
                                            : dropout_lanes(DROPOUT(drop), (ulong)(row + c));
        store_part(d * keep, d_y + row + c, n);
    }
}
