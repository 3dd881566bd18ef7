/* SPDX-License-Identifier: Apache-2.0 */
/* Layer normalisation, with the bias, dropout and residual that stand before it:
 *
 *   sum = dropout(y + bias) + residual;   x = (sum - mean) rstd;   out = x gamma + beta
 *   d_sum = rstd (g - mean(g) - x mean(g x)),   g = d_out gamma;   d_y = dropout(d_sum)
 *   d_gamma += sum over t of d_out x;   d_beta += sum over t of d_out
 *   d_bias += sum over t of d_y
 *
 * Rows are tasks; a row is summed in vectors, then these by halves, then what is left behind the
 * last whole vector. The variance is of differences to the mean: E[x^2] - mean^2 would cancel. For
 * d_gamma and d_beta a task has CPU_SUM_COLUMNS columns and walks down all rows. No order depends
 * on the number of threads. */
#include "compute/cpu/cpu_kernels.h"
#include "compute/cpu/cpu_types.h"
#include "compute/cpu/cpu_vector.h"

enum { COLUMNS = CPU_SUM_COLUMNS };

/* ---- rows ---- */

static void *row_of(const struct clb_tensor *x, int64_t t)
{
    return cpu_element(x->memory, x->type, t * x->columns);
}

static float row_sum(const float *x, int64_t n)
{
    cpu_vec sum = {0};
    int64_t i = 0;
    for (; i + CPU_LANES <= n; i += CPU_LANES) sum += vec_load(x + i);
    if (i < n) sum += vec_load_part(x + i, n - i);
    return vec_sum(sum);
}

static float row_square_distance(const float *x, float mean, int64_t n)
{
    cpu_vec sum = {0};
    int64_t i = 0;
    for (; i + CPU_LANES <= n; i += CPU_LANES) {
        cpu_vec d = vec_load(x + i) - mean;
        sum += d * d;
    }
    float rest = 0;
    for (; i < n; i++) rest += (x[i] - mean) * (x[i] - mean);
    return vec_sum(sum) + rest;
}

/* to = x * the dropout factors of elements first, first + 1, ..., rounded to the type. */
static void drop_row(struct clb_dropout dropout, uint64_t first, const float *x, void *to,
                     enum clb_type type, int64_t n)
{
    float factors[CPU_DROPOUT_CHUNK];
    if (dropout.probability == 0) {
        if (to != x) cpu_narrow(to, type, x, n);
        return;
    }
    for (int64_t begin = 0; begin < n; begin += CPU_DROPOUT_CHUNK) {
        const int64_t count = n - begin < CPU_DROPOUT_CHUNK ? n - begin : CPU_DROPOUT_CHUNK;
        cpu_dropout_factors(dropout, first + (uint64_t)begin, count, factors);
        for (int64_t i = 0; i < count; i++) factors[i] *= x[begin + i];
        cpu_narrow(cpu_element(to, type, begin), type, factors, count);
    }
}

/* ---- forward ---- */

struct norm_forward {
    float *out, *sum, *stats;
    const struct clb_tensor *copy;
    const float *y, *bias, *residual, *gamma, *beta;
    int64_t n;
    float eps;
    struct clb_dropout dropout;
};

static void forward_row(const struct norm_forward *a, int64_t t)
{
    const int64_t n = a->n;
    const float *y = a->y + t * n;
    float *sum = a->sum + t * n, *out = a->out + t * n;
    if (a->bias)
        for (int64_t i = 0; i < n; i++) sum[i] = y[i] + a->bias[i];
    else if (sum != y)
        memcpy(sum, y, (size_t)n * sizeof *sum);
    drop_row(a->dropout, (uint64_t)t * (uint64_t)n, sum, sum, CLB_F32, n);
    if (a->residual)
        for (int64_t i = 0; i < n; i++) sum[i] += a->residual[t * n + i];
    const float mean = row_sum(sum, n) / (float)n;
    const float rstd = 1.0f / sqrtf(row_square_distance(sum, mean, n) / (float)n + a->eps);
    a->stats[2 * t] = mean;
    a->stats[2 * t + 1] = rstd;
    for (int64_t i = 0; i < n; i++) out[i] = (sum[i] - mean) * rstd * a->gamma[i] + a->beta[i];
    if (a->copy) cpu_narrow(row_of(a->copy, t), a->copy->type, out, n);
}

static void forward_rows(const void *context, int64_t begin, int64_t end, int thread)
{
    (void)thread;
    for (int64_t t = begin; t < end; t++) forward_row(context, t);
}

enum clb_status
CPU_RENAMED(norm_forward)(const struct clb_tensor *out, const struct clb_tensor *copy,
                          const struct clb_tensor *sum, const struct clb_tensor *stats,
                          const struct clb_tensor *y, const struct clb_tensor *bias,
                          const struct clb_tensor *residual, const struct clb_tensor *gamma,
                          const struct clb_tensor *beta, float eps, struct clb_dropout dropout)
{
    struct clb_device *device = out->device;
    const struct norm_forward a = {cpu_floats(out),
                                   cpu_floats(sum),
                                   cpu_floats(stats),
                                   copy,
                                   cpu_floats(y),
                                   cpu_floats(bias),
                                   cpu_floats(residual),
                                   cpu_floats(gamma),
                                   cpu_floats(beta),
                                   out->columns,
                                   eps,
                                   dropout};
    cpu_parallel(device, out->rows, 0, forward_rows, &a);
    return CLB_OK;
}

/* ---- backward ---- */

struct norm_backward {
    float *d_sum, *d_gamma, *d_beta;
    const struct clb_tensor *d_y;
    const float *d_out, *sum, *stats, *gamma;
    int64_t rows, n;
    struct clb_dropout dropout;
};

/* d_gamma += sum of d_out * normalised, d_beta += sum of d_out, for some columns. */
static void weight_columns(float *d_gamma, float *d_beta, const float *d_out, const float *sum,
                           const float *stats, int64_t rows, int64_t n, int64_t column)
{
    const int64_t width = n - column < COLUMNS ? n - column : COLUMNS;
    float gamma_sums[COLUMNS] = {0}, beta_sums[COLUMNS] = {0};
    for (int64_t t = 0; t < rows; t++) {
        const float *d = d_out + t * n + column, *s = sum + t * n + column;
        const float mean = stats[2 * t], rstd = stats[2 * t + 1];
        for (int64_t i = 0; i < width; i++) {
            gamma_sums[i] += d[i] * ((s[i] - mean) * rstd);
            beta_sums[i] += d[i];
        }
    }
    for (int64_t i = 0; i < width; i++) {
        d_gamma[column + i] += gamma_sums[i];
        d_beta[column + i] += beta_sums[i];
    }
}

/* d_sum = rstd (g - mean(g) - x mean(g x)), where g = d_out gamma and x the normalised row. */
static void backward_row(float *d_sum, const float *d_out, const float *sum, const float *gamma,
                         float mean, float rstd, int64_t n)
{
    cpu_vec g_sum = {0}, gx_sum = {0};
    int64_t i = 0;
    for (; i + CPU_LANES <= n; i += CPU_LANES) {
        cpu_vec g = vec_load(d_out + i) * vec_load(gamma + i);
        g_sum += g;
        gx_sum += g * ((vec_load(sum + i) - mean) * rstd);
    }
    float g_rest = 0, gx_rest = 0;
    for (; i < n; i++) {
        float g = d_out[i] * gamma[i];
        g_rest += g;
        gx_rest += g * ((sum[i] - mean) * rstd);
    }
    const float g_mean = (vec_sum(g_sum) + g_rest) / (float)n;
    const float gx_mean = (vec_sum(gx_sum) + gx_rest) / (float)n;
    for (i = 0; i < n; i++)
        d_sum[i] = rstd * (d_out[i] * gamma[i] - g_mean - (sum[i] - mean) * rstd * gx_mean);
}

static void backward_columns(const void *context, int64_t begin, int64_t end, int thread)
{
    const struct norm_backward *a = context;
    (void)thread;
    for (int64_t column = begin * COLUMNS; column < end * COLUMNS && column < a->n;
         column += COLUMNS)
        weight_columns(a->d_gamma, a->d_beta, a->d_out, a->sum, a->stats, a->rows, a->n, column);
}

static void backward_rows(const void *context, int64_t begin, int64_t end, int thread)
{
    const struct norm_backward *a = context;
    const int64_t n = a->n;
    (void)thread;
    for (int64_t t = begin; t < end; t++) {
        float *row = a->d_sum + t * n;
        backward_row(row, a->d_out + t * n, a->sum + t * n, a->gamma, a->stats[2 * t],
                     a->stats[2 * t + 1], n);
        if (a->d_y)
            drop_row(a->dropout, (uint64_t)t * (uint64_t)n, row, row_of(a->d_y, t), a->d_y->type,
                     n);
    }
}

enum clb_status
CPU_RENAMED(norm_backward)(const struct clb_tensor *d_sum, const struct clb_tensor *d_y,
                           const struct clb_tensor *d_gamma, const struct clb_tensor *d_beta,
                           const struct clb_tensor *d_bias, const struct clb_tensor *d_out,
                           const struct clb_tensor *sum, const struct clb_tensor *stats,
                           const struct clb_tensor *gamma, struct clb_dropout dropout)
{
    struct clb_device *device = d_sum->device;
    const struct norm_backward a = {cpu_floats(d_sum),
                                    cpu_floats(d_gamma),
                                    cpu_floats(d_beta),
                                    d_y,
                                    cpu_floats(d_out),
                                    cpu_floats(sum),
                                    cpu_floats(stats),
                                    cpu_floats(gamma),
                                    d_sum->rows,
                                    d_sum->columns,
                                    dropout};
    /* First all columns' sums: d_sum may overwrite d_out. */
    cpu_parallel(device, (a.n + COLUMNS - 1) / COLUMNS, 1, backward_columns, &a);
    cpu_parallel(device, a.rows, 0, backward_rows, &a);
    if (d_bias) cpu_column_sums(d_y ? d_y : d_sum, d_bias);
    return CLB_OK;
}
