/* SPDX-License-Identifier: Apache-2.0 */
/* Losses, and their gradients in place. Softmax and cross-entropy of rows of logits x [R, V]:
 *
 *   m = max x;   s = sum of exp(x[c] - m);   loss = log s + m - x[label]
 *   correct = the first of the largest logits is at the label
 *   x[c] = (exp(x[c] - m) / s - (c == label)) * gradient_scale
 *
 * The others are formulas of cl/loss.cl. A row is one thread's; of a vocabulary's, what stands
 * behind the last whole vector is summed in double precision. Losses are added up in the order of
 * rows, in double precision, by the calling thread. */
#include "compute/cpu/cpu_kernels.h"
#include "compute/cpu/cpu_vector.h"

/* Loss and whether the label won, of one row; and its gradient in place where scale is not 0. */
static void loss_row(float *x, int64_t n, int32_t label, float scale, float *loss, float *correct)
{
    cpu_vec largest = vec_set(-INFINITY), sum = {0};
    int64_t whole = n / CPU_LANES * CPU_LANES;
    for (int64_t i = 0; i < whole; i += CPU_LANES) largest = vec_max(vec_load(x + i), largest);
    float most = vec_largest(largest);
    for (int64_t i = whole; i < n; i++) most = x[i] > most ? x[i] : most;
    for (int64_t i = 0; i < whole; i += CPU_LANES) sum += vec_exp(vec_load(x + i) - most);
    double total = (double)vec_sum(sum);
    for (int64_t i = whole; i < n; i++) total += exp((double)x[i] - (double)most);
    int64_t winner = 0;
    while (winner < n - 1 && !(x[winner] == most)) winner++;
    *loss = (float)(log(total) + (double)most - (double)x[label]);
    *correct = winner == label ? 1.0f : 0.0f;
    if (scale == 0.0f) return;
    const float factor = (float)((double)scale / total);
    for (int64_t i = 0; i < whole; i += CPU_LANES)
        vec_store(x + i, vec_exp(vec_load(x + i) - most) * factor);
    for (int64_t i = whole; i < n; i++) x[i] = (float)exp((double)x[i] - (double)most) * factor;
    x[label] -= scale;
}

/* ---- rows, and their sum ---- */

struct losses {
    float *x;       /* logits */
    int64_t n;      /* columns */
    float scale;    /* of the gradient */
    float *results; /* [rows, 2] loss, hits */
    const int32_t *labels, *cu_seqlens;
    const float *weights, *targets; /* of classes, or NULL; [rows, n] */
    double smoothing;
};

/* Losses and hits of all rows, in their order. */
static enum clb_status add_up(const struct clb_tensor *sums, int64_t rows, struct losses *a,
                              cpu_work *work)
{
    struct clb_device *device = sums->device;
    double loss = 0, hits = 0;
    a->results = cpu_workspace(device, CPU_WORKSPACE_THREADS, 2 * rows);
    if (!a->results) return CLB_ERROR_MEMORY;
    cpu_parallel(device, rows, 0, work, a);
    for (int64_t r = 0; r < rows; r++) {
        loss += (double)a->results[2 * r];
        hits += (double)a->results[2 * r + 1];
    }
    cpu_floats(sums)[0] += (float)loss;
    cpu_floats(sums)[1] += (float)hits;
    return CLB_OK;
}

static void loss_rows(const void *context, int64_t begin, int64_t end, int thread)
{
    const struct losses *a = context;
    (void)thread;
    for (int64_t r = begin; r < end; r++)
        loss_row(a->x + r * a->n, a->n, a->labels[r], a->scale, &a->results[2 * r],
                 &a->results[2 * r + 1]);
}

enum clb_status CPU_RENAMED(cross_entropy)(const struct clb_tensor *sums,
                                           const struct clb_tensor *logits,
                                           const struct clb_tensor *labels, float gradient_scale)
{
    struct losses a = {.x = cpu_floats(logits),
                       .n = logits->columns,
                       .scale = gradient_scale,
                       .labels = cpu_ints(labels)};
    return add_up(sums, logits->rows, &a, loss_rows);
}

/* ---- few classes, and rows of a sequence: in double precision ---- */

/* Of n numbers, `step` apart; NaN is none. */
static int64_t first_largest(const float *x, int64_t n, int64_t step)
{
    int64_t winner = 0;
    float most = -INFINITY;
    for (int64_t i = 0; i < n; i++)
        if (x[i * step] > most) {
            most = x[i * step];
            winner = i;
        }
    return winner;
}

static void class_row(const struct losses *a, int64_t r)
{
    const int64_t n = a->n, label = a->labels[r];
    float *x = a->x + r * n;
    const int64_t winner = first_largest(x, n, 1);
    const double most = (double)x[winner], share = a->smoothing / (double)n;
    const double own = (1.0 - a->smoothing) * (a->weights ? (double)a->weights[label] : 1.0);
    double total = 0, all = 0, away = 0;
    for (int64_t c = 0; c < n; c++) {
        const double below = (double)x[c] - most, w = a->weights ? (double)a->weights[c] : 1.0;
        total += exp(below);
        all += w;
        away -= w * below;
    }
    const double smooth = a->smoothing > 0 ? share * (all * log(total) + away) : 0;
    a->results[2 * r] = (float)(own * (log(total) + most - (double)x[label]) + smooth);
    a->results[2 * r + 1] = winner == label ? 1.0f : 0.0f;
    const double scale = (double)a->scale, factor = (own + share * all) / total;
    for (int64_t c = 0; scale != 0 && c < n; c++) {
        const double w = a->weights ? (double)a->weights[c] : 1.0;
        const double target = (c == label ? own : 0) + share * w;
        x[c] = (float)(scale * (exp((double)x[c] - most) * factor - target));
    }
}

static void class_rows(const void *context, int64_t begin, int64_t end, int thread)
{
    (void)thread;
    for (int64_t r = begin; r < end; r++) class_row(context, r);
}

enum clb_status CPU_RENAMED(class_loss)(const struct clb_tensor *sums,
                                        const struct clb_tensor *logits,
                                        const struct clb_tensor *labels,
                                        const struct clb_tensor *class_weights, float smoothing,
                                        float gradient_scale)
{
    struct losses a = {.x = cpu_floats(logits),
                       .n = logits->columns,
                       .scale = gradient_scale,
                       .labels = cpu_ints(labels),
                       .weights = cpu_floats(class_weights),
                       .smoothing = (double)smoothing};
    return add_up(sums, logits->rows, &a, class_rows);
}

/* Column which % 2 of the rows of sequence which / 2. */
static void span_column(const struct losses *a, int64_t which)
{
    const int64_t begin = a->cu_seqlens[which / 2], n = a->cu_seqlens[which / 2 + 1] - begin;
    const int64_t label = a->labels[which];
    float *x = a->x + 2 * begin + which % 2, *results = &a->results[2 * which];
    const int64_t winner = first_largest(x, n, 2);
    const double most = (double)x[2 * winner], scale = (double)a->scale;
    double total = 0;
    for (int64_t t = 0; t < n; t++) total += exp((double)x[2 * t] - most);
    results[0] = label < 0 ? 0.0f : (float)(log(total) + most - (double)x[2 * label]);
    results[1] = winner == label ? 1.0f : 0.0f;
    for (int64_t t = 0; scale != 0 && t < n; t++) {
        const double p = exp((double)x[2 * t] - most) / total;
        x[2 * t] = label < 0 ? 0.0f : (float)(scale * (p - (t == label)));
    }
}

static void span_columns(const void *context, int64_t begin, int64_t end, int thread)
{
    (void)thread;
    for (int64_t which = begin; which < end; which++) span_column(context, which);
}

enum clb_status CPU_RENAMED(span_loss)(const struct clb_tensor *sums,
                                       const struct clb_tensor *logits,
                                       const struct clb_tensor *cu_seqlens,
                                       const struct clb_tensor *spans, float gradient_scale)
{
    struct losses a = {.x = cpu_floats(logits),
                       .scale = gradient_scale,
                       .labels = cpu_ints(spans),
                       .cu_seqlens = cpu_ints(cu_seqlens)};
    return add_up(sums, 2 * spans->rows, &a, span_columns);
}

/* ---- numbers, element by element: in double precision ---- */

static void binary_rows(const void *context, int64_t begin, int64_t end, int thread)
{
    const struct losses *a = context;
    (void)thread;
    for (int64_t r = begin; r < end; r++) {
        double loss = 0, hits = 0;
        for (int64_t e = r * a->n; e < (r + 1) * a->n; e++) {
            const double x = (double)a->x[e], t = (double)a->targets[e], small = exp(-fabs(x));
            loss += fmax(x, 0) - x * t + log1p(small);
            hits += (x > 0) == (t > 0.5);
            if (a->scale != 0.0f)
                a->x[e] = (float)((double)a->scale * ((x >= 0 ? 1 : small) / (1 + small) - t));
        }
        a->results[2 * r] = (float)loss;
        a->results[2 * r + 1] = (float)hits;
    }
}

static void squared_rows(const void *context, int64_t begin, int64_t end, int thread)
{
    const struct losses *a = context;
    (void)thread;
    for (int64_t r = begin; r < end; r++) {
        double loss = 0;
        for (int64_t e = r * a->n; e < (r + 1) * a->n; e++) {
            const double d = (double)a->x[e] - (double)a->targets[e];
            loss += d * d;
            if (a->scale != 0.0f) a->x[e] = (float)(2 * d * (double)a->scale);
        }
        a->results[2 * r] = (float)loss;
        a->results[2 * r + 1] = 0.0f;
    }
}

static struct losses by_element(const struct clb_tensor *x, const struct clb_tensor *targets,
                                float scale)
{
    return (struct losses){
        .x = cpu_floats(x), .n = x->columns, .scale = scale, .targets = cpu_floats(targets)};
}

enum clb_status CPU_RENAMED(binary_cross_entropy)(const struct clb_tensor *sums,
                                                  const struct clb_tensor *logits,
                                                  const struct clb_tensor *targets,
                                                  float gradient_scale)
{
    struct losses a = by_element(logits, targets, gradient_scale);
    return add_up(sums, logits->rows, &a, binary_rows);
}

enum clb_status CPU_RENAMED(squared_error)(const struct clb_tensor *sums,
                                           const struct clb_tensor *values,
                                           const struct clb_tensor *targets, float gradient_scale)
{
    struct losses a = by_element(values, targets, gradient_scale);
    return add_up(sums, values->rows, &a, squared_rows);
}
