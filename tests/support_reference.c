/* SPDX-License-Identifier: Apache-2.0 */
#include "support_reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double pi = 3.14159265358979323846;

double reference_dropout(struct clb_dropout dropout, uint64_t element)
{
    const double threshold = floor((double)dropout.probability * 4294967296.0);
    if (dropout.probability == 0) return 1;
    if ((double)clb_random_u32(dropout.random, element) < threshold) return 0;
    return 1 / (1 - (double)dropout.probability);
}

/* ---- activations ---- */

double reference_activation(enum clb_activation activation, double x)
{
    switch (activation) {
    case CLB_ACTIVATION_GELU:
        return x * 0.5 * erfc(-x / sqrt(2));
    case CLB_ACTIVATION_GELU_TANH:
        return 0.5 * x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x * x * x)));
    case CLB_ACTIVATION_TANH:
        return tanh(x);
    case CLB_ACTIVATION_NONE:
        break;
    }
    return x;
}

double reference_slope(enum clb_activation activation, double x)
{
    switch (activation) {
    case CLB_ACTIVATION_GELU:
        return 0.5 * erfc(-x / sqrt(2)) + x * exp(-x * x / 2) / sqrt(2 * pi);
    case CLB_ACTIVATION_GELU_TANH: {
        const double u = tanh(sqrt(2 / pi) * (x + 0.044715 * x * x * x));
        return 0.5 * (1 + u) + 0.5 * x * (1 - u * u) * sqrt(2 / pi) * (1 + 3 * 0.044715 * x * x);
    }
    case CLB_ACTIVATION_TANH:
        return 1 - tanh(x) * tanh(x);
    case CLB_ACTIVATION_NONE:
        break;
    }
    return 1;
}

/* ---- linear layers ---- */

void reference_linear(double *out, const double *x, const double *weight, const double *bias,
                      int64_t t, int64_t i, int64_t o)
{
    for (int64_t row = 0; row < t; row++)
        for (int64_t column = 0; column < o; column++) {
            double sum = bias ? bias[column] : 0;
            for (int64_t k = 0; k < i; k++) sum += x[row * i + k] * weight[column * i + k];
            out[row * o + column] = sum;
        }
}

void reference_linear_backward_input(double *d_x, const double *d_out, const double *weight,
                                     bool accumulate, int64_t t, int64_t i, int64_t o)
{
    for (int64_t row = 0; row < t; row++)
        for (int64_t column = 0; column < i; column++) {
            double sum = accumulate ? d_x[row * i + column] : 0;
            for (int64_t k = 0; k < o; k++) sum += d_out[row * o + k] * weight[k * i + column];
            d_x[row * i + column] = sum;
        }
}

void reference_linear_backward_weight(double *d_weight, double *d_bias, const double *d_out,
                                      const double *x, int64_t t, int64_t i, int64_t o)
{
    for (int64_t row = 0; row < o; row++) {
        for (int64_t column = 0; column < i; column++)
            for (int64_t k = 0; k < t; k++)
                d_weight[row * i + column] += d_out[k * o + row] * x[k * i + column];
        for (int64_t k = 0; d_bias && k < t; k++) d_bias[row] += d_out[k * o + row];
    }
}

/* ---- embeddings ---- */

void reference_embedding(double *out, const double *word, const double *position,
                         const double *segment, const int32_t *ids, const int32_t *positions,
                         const int32_t *segments, int64_t t, int64_t h)
{
    for (int64_t row = 0; row < t; row++)
        for (int64_t c = 0; c < h; c++)
            out[row * h + c] = word[ids[row] * h + c] + position[positions[row] * h + c] +
                               segment[segments[row] * h + c];
}

void reference_embedding_backward(double *d_table, const double *d_out, const int32_t *ids,
                                  int64_t t, int64_t h)
{
    for (int64_t row = 0; row < t; row++)
        for (int64_t c = 0; c < h; c++) d_table[ids[row] * h + c] += d_out[row * h + c];
}

/* ---- add and norm ---- */

void reference_norm(double *out, double *sum, double *stats, const double *y, const double *bias,
                    const double *residual, const double *gamma, const double *beta, double eps,
                    struct clb_dropout dropout, int64_t t, int64_t h)
{
    for (int64_t row = 0; row < t; row++) {
        double mean = 0, variance = 0;
        for (int64_t c = 0; c < h; c++) {
            const int64_t e = row * h + c;
            double value = (y[e] + (bias ? bias[c] : 0)) * reference_dropout(dropout, (uint64_t)e);
            sum[e] = value + (residual ? residual[e] : 0);
            mean += sum[e] / (double)h;
        }
        for (int64_t c = 0; c < h; c++)
            variance += (sum[row * h + c] - mean) * (sum[row * h + c] - mean) / (double)h;
        stats[2 * row] = mean;
        stats[2 * row + 1] = 1 / sqrt(variance + eps);
        for (int64_t c = 0; c < h; c++)
            out[row * h + c] = (sum[row * h + c] - mean) * stats[2 * row + 1] * gamma[c] + beta[c];
    }
}

void reference_norm_backward(double *d_sum, double *d_y, double *d_gamma, double *d_beta,
                             const double *d_out, const double *sum, const double *stats,
                             const double *gamma, struct clb_dropout dropout, int64_t t, int64_t h)
{
    for (int64_t row = 0; row < t; row++) {
        const double mean = stats[2 * row], rstd = stats[2 * row + 1];
        double g_mean = 0, gx_mean = 0;
        for (int64_t c = 0; c < h; c++) {
            const int64_t e = row * h + c;
            const double x = (sum[e] - mean) * rstd, g = d_out[e] * gamma[c];
            d_gamma[c] += d_out[e] * x;
            d_beta[c] += d_out[e];
            g_mean += g / (double)h;
            gx_mean += g * x / (double)h;
        }
        for (int64_t c = 0; c < h; c++) {
            const int64_t e = row * h + c;
            const double x = (sum[e] - mean) * rstd;
            d_sum[e] = rstd * (d_out[e] * gamma[c] - g_mean - x * gx_mean);
            if (d_y) d_y[e] = d_sum[e] * reference_dropout(dropout, (uint64_t)e);
        }
    }
}

/* ---- attention ---- */

/* Where a query's work lies. */
struct query {
    int64_t row, first, length, head, stride; /* stride of qkv's rows */
    const double *q, *k, *v;                  /* k and v at the sequence's first row */
};

static double dot(const double *a, const double *b, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

/* p[j] = softmax over the sequence's keys; gives log-sum-exp. */
static double probabilities(const struct reference_attention *a, const struct query *u, double *p)
{
    double largest = -INFINITY, total = 0;
    for (int64_t j = 0; j < u->length; j++) {
        p[j] = dot(u->q, u->k + j * u->stride, a->size) / sqrt((double)a->size);
        largest = fmax(largest, p[j]);
    }
    for (int64_t j = 0; j < u->length; j++) total += exp(p[j] - largest);
    for (int64_t j = 0; j < u->length; j++) p[j] = exp(p[j] - largest) / total;
    return largest + log(total);
}

static double factor_of(const struct reference_attention *a, const struct query *u, int64_t j)
{
    const int64_t tokens = a->cu_seqlens[a->sequences];
    return reference_dropout(a->dropout, (uint64_t)((u->head * tokens + u->row) * 65536 + j));
}

static struct query query_of(const struct reference_attention *a, int64_t b, int64_t row,
                             int64_t head)
{
    const int64_t hidden = a->heads * a->size;
    struct query u = {.row = row, .first = a->cu_seqlens[b], .head = head, .stride = 3 * hidden};
    u.length = a->cu_seqlens[b + 1] - u.first;
    u.q = a->qkv + row * u.stride + head * a->size;
    u.k = a->qkv + u.first * u.stride + hidden + head * a->size;
    u.v = u.k + hidden;
    return u;
}

static void attend(const struct reference_attention *a, const struct query *u, double *p,
                   double *out, double *lse)
{
    const int64_t tokens = a->cu_seqlens[a->sequences];
    double *to = out + u->row * a->heads * a->size + u->head * a->size;
    lse[u->head * tokens + u->row] = probabilities(a, u, p);
    memset(to, 0, (size_t)a->size * sizeof *to);
    for (int64_t j = 0; j < u->length; j++)
        for (int64_t d = 0; d < a->size; d++)
            to[d] += p[j] * factor_of(a, u, j) * u->v[j * u->stride + d];
}

/* d_p[j] = d_out . v_j * factor; d_score = p (d_p - sum of p d_p). */
static void attend_backward(const struct reference_attention *a, const struct query *u, double *p,
                            double *d_p, double *d_qkv, const double *d_out)
{
    const int64_t hidden = a->heads * a->size;
    const double *d = d_out + u->row * hidden + u->head * a->size,
                 scale = 1 / sqrt((double)a->size);
    double *d_q = d_qkv + (u->q - a->qkv), *d_k = d_qkv + (u->k - a->qkv), *d_v = d_k + hidden;
    double sum = 0;
    probabilities(a, u, p);
    for (int64_t j = 0; j < u->length; j++) {
        d_p[j] = dot(d, u->v + j * u->stride, a->size) * factor_of(a, u, j);
        sum += p[j] * d_p[j];
    }
    for (int64_t j = 0; j < u->length; j++) {
        const double d_score = p[j] * (d_p[j] - sum) * scale;
        for (int64_t i = 0; i < a->size; i++) {
            d_q[i] += d_score * u->k[j * u->stride + i];
            d_k[j * u->stride + i] += d_score * u->q[i];
            d_v[j * u->stride + i] += p[j] * factor_of(a, u, j) * d[i];
        }
    }
}

static void each_query(const struct reference_attention *a, double *out, double *lse, double *d_qkv,
                       const double *d_out)
{
    const int64_t tokens = a->cu_seqlens[a->sequences];
    double *p = calloc((size_t)tokens, sizeof *p), *d_p = calloc((size_t)tokens, sizeof *d_p);
    if (!p || !d_p) abort();
    for (int64_t b = 0; b < a->sequences; b++)
        for (int64_t row = a->cu_seqlens[b]; row < a->cu_seqlens[b + 1]; row++)
            for (int64_t head = 0; head < a->heads; head++) {
                const struct query u = query_of(a, b, row, head);
                if (out)
                    attend(a, &u, p, out, lse);
                else
                    attend_backward(a, &u, p, d_p, d_qkv, d_out);
            }
    free(p);
    free(d_p);
}

void reference_attention(const struct reference_attention *a, double *out, double *lse)
{
    each_query(a, out, lse, NULL, NULL);
}

void reference_attention_backward(const struct reference_attention *a, double *d_qkv,
                                  const double *d_out)
{
    const int64_t tokens = a->cu_seqlens[a->sequences];
    memset(d_qkv, 0, (size_t)(tokens * 3 * a->heads * a->size) * sizeof *d_qkv);
    each_query(a, NULL, NULL, d_qkv, d_out);
}

/* ---- loss ---- */

void reference_cross_entropy(double *sums, double *logits, const int32_t *labels, double scale,
                             int64_t rows, int64_t classes)
{
    for (int64_t r = 0; r < rows; r++) {
        double *x = logits + r * classes, total = 0;
        int64_t winner = 0;
        for (int64_t c = 1; c < classes; c++)
            if (x[c] > x[winner]) winner = c;
        const double largest = x[winner];
        for (int64_t c = 0; c < classes; c++) total += exp(x[c] - largest);
        sums[0] += largest + log(total) - x[labels[r]];
        sums[1] += winner == labels[r];
        for (int64_t c = 0; scale != 0 && c < classes; c++)
            x[c] = (exp(x[c] - largest) / total - (c == labels[r])) * scale;
    }
}
