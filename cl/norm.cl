/* SPDX-License-Identifier: Apache-2.0 */
/* sum = dropout(y + bias) + residual; stats = mean, 1 / sqrt(variance + eps); out = normalised. A
 * work-item reads back only what it wrote itself, so no barrier stands between the passes. */
ROW_KERNEL norm_forward(global float *out, global float *sum, global float *stats,
                        const global float *y, const global float *bias,
                        const global float *residual, const global float *gamma,
                        const global float *beta, long hidden, int has_bias, int has_residual,
                        float eps, DROPOUT)
{
    SHARED(shared);
    const long t = (long)get_group_id(0), row = t * hidden;
    vec total = (vec)(0.0f), square = (vec)(0.0f);
    FOR_COLUMNS(c, hidden) {
        const long n = hidden - c;
        vec x = load_part(y + row + c, n);
        if (has_bias) x += load_part(bias + c, n);
        if (keep_scale != 1.0f) x *= dropout_lanes(DROPOUT_ARGS, (ulong)(row + c));
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
                          long hidden, long part_rows)
{
    const long c = (long)get_global_id(0) * W, part = (long)get_group_id(1), n = hidden - c;
    const long end = min((part + 1) * part_rows, rows);
    vec d_gamma = (vec)(0.0f), d_beta = (vec)(0.0f);
    if (c >= hidden) return;
    for (long t = part * part_rows; t < end; t++) {
        const vec g = load_part(d_out + t * hidden + c, n);
        d_gamma += g * ((load_part(sum + t * hidden + c, n) - stats[2 * t]) * stats[2 * t + 1]);
        d_beta += g;
    }
    store_part(d_gamma, partial + part * hidden + c, n);
    store_part(d_beta, partial + beta_offset + part * hidden + c, n);
}

ROW_KERNEL norm_backward(global float *d_sum, global float *d_y, const global float *d_out,
                         const global float *sum, const global float *stats,
                         const global float *gamma, long hidden, int has_d_y, DROPOUT)
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
        const vec keep = keep_scale == 1.0f ? (vec)(1.0f)
                                            : dropout_lanes(DROPOUT_ARGS, (ulong)(row + c));
        store_part(d * keep, d_y + row + c, n);
    }
}
