/* SPDX-License-Identifier: Apache-2.0 */
/* Softmax and cross-entropy of rows of logits x [R, V], and its gradient in place:
 *
 *   m = max x;   s = sum of exp(x[c] - m);   loss = log s + m - x[label]
 *   correct = the first of the largest logits is at the label
 *   x[c] = (exp(x[c] - m) / s - (c == label)) * gradient_scale
 *
 * A row is one thread's; what stands behind its last whole vector is summed in double precision.
 * Losses are added up in the order of rows, in double precision, by the calling thread. */
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

struct losses {
    float *logits;
    const int32_t *labels;
    int64_t n;
    float scale;
    float *results; /* [rows, 2] loss, correct */
};

static void loss_rows(const void *context, int64_t begin, int64_t end, int thread)
{
    const struct losses *a = context;
    (void)thread;
    for (int64_t r = begin; r < end; r++)
        loss_row(a->logits + r * a->n, a->n, a->labels[r], a->scale, &a->results[2 * r],
                 &a->results[2 * r + 1]);
}

enum clb_status CPU_RENAMED(cross_entropy)(const struct clb_tensor *sums,
                                           const struct clb_tensor *logits,
                                           const struct clb_tensor *labels, float gradient_scale)
{
    struct clb_device *device = sums->device;
    const int64_t rows = logits->rows;
    float *results = cpu_workspace(device, CPU_WORKSPACE_THREADS, 2 * rows);
    if (!results) return CLB_ERROR_MEMORY;
    const struct losses a = {cpu_floats(logits), cpu_ints(labels), logits->columns, gradient_scale,
                             results};
    cpu_parallel(device, rows, 0, loss_rows, &a);
    double loss = 0, correct = 0;
    for (int64_t r = 0; r < rows; r++) {
        loss += (double)results[2 * r];
        correct += (double)results[2 * r + 1];
    }
    cpu_floats(sums)[0] += (float)loss;
    cpu_floats(sums)[1] += (float)correct;
    return CLB_OK;
}
