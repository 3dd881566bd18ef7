/* SPDX-License-Identifier: Apache-2.0 */
#include "support_reference.h"

#include <math.h>
#include <stdlib.h>

/* p = softmax of n numbers, `step` apart. Returns where the first of the largest is. */
static int64_t softmax(double *p, const double *x, int64_t n, int64_t step)
{
    int64_t winner = 0;
    double total = 0;
    for (int64_t c = 1; c < n; c++)
        if (x[c * step] > x[winner * step]) winner = c;
    for (int64_t c = 0; c < n; c++) total += exp(x[c * step] - x[winner * step]);
    for (int64_t c = 0; c < n; c++) p[c] = exp(x[c * step] - x[winner * step]) / total;
    return winner;
}

/* A loss sum of t[c] (-log p[c]), whatever the t: its gradient is p sum t - t. */
static void take_targets(double *sums, double *x, const double *p, const double *t, double scale,
                         int64_t n, int64_t step)
{
    double all = 0;
    for (int64_t c = 0; c < n; c++) {
        all += t[c];
        if (t[c] > 0) sums[0] -= t[c] * log(p[c]);
    }
    for (int64_t c = 0; scale != 0 && c < n; c++) x[c * step] = scale * (p[c] * all - t[c]);
}

void reference_class_loss(double *sums, double *logits, const int32_t *labels,
                          const double *weights, double smoothing, double scale, int64_t rows,
                          int64_t classes)
{
    double *p = malloc((size_t)classes * sizeof *p), *t = malloc((size_t)classes * sizeof *t);
    for (int64_t r = 0; r < rows; r++) {
        double *x = logits + r * classes;
        sums[1] += softmax(p, x, classes, 1) == labels[r];
        for (int64_t c = 0; c < classes; c++)
            t[c] = (weights ? weights[c] : 1) *
                   (smoothing / (double)classes + (c == labels[r] ? 1 - smoothing : 0));
        take_targets(sums, x, p, t, scale, classes, 1);
    }
    free(p);
    free(t);
}

void reference_span_loss(double *sums, double *logits, const int32_t *cu_seqlens,
                         const int32_t *spans, double scale, int64_t sequences)
{
    for (int64_t i = 0; i < 2 * sequences; i++) {
        const int64_t begin = cu_seqlens[i / 2], n = cu_seqlens[i / 2 + 1] - begin;
        double *x = logits + 2 * begin + i % 2;
        double *p = malloc((size_t)n * sizeof *p), *t = calloc((size_t)n, sizeof *t);
        const int64_t winner = softmax(p, x, n, 2);
        if (spans[i] >= 0) t[spans[i]] = 1;
        sums[1] += winner == spans[i];
        take_targets(sums, x, p, t, scale, n, 2);
        free(p);
        free(t);
    }
}

void reference_binary_cross_entropy(double *sums, double *logits, const double *targets,
                                    double scale, int64_t count)
{
    for (int64_t e = 0; e < count; e++) {
        const double x = logits[e], t = targets[e];
        sums[0] += t * log1p(exp(-x)) + (1 - t) * log1p(exp(x));
        sums[1] += (x > 0) == (t > 0.5);
        if (scale != 0) logits[e] = scale * (1 / (1 + exp(-x)) - t);
    }
}

void reference_squared_error(double *sums, double *values, const double *targets, double scale,
                             int64_t count)
{
    for (int64_t e = 0; e < count; e++) {
        const double d = values[e] - targets[e];
        sums[0] += d * d;
        if (scale != 0) values[e] = scale * 2 * d;
    }
}
