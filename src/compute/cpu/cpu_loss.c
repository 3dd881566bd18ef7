/* SPDX-License-Identifier: Apache-2.0 */
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

enum clb_status CPU_RENAMED(cross_entropy)(struct clb_device *device, const struct clb_tensor *sums,
                                           const struct clb_tensor *logits,
                                           const struct clb_tensor *labels, float gradient_scale)
{
    const int64_t rows = logits->rows, n = logits->columns;
    float *results = cpu_workspace(device, CPU_WORKSPACE_THREADS, 2 * rows);
    if (!results) return CLB_ERROR_MEMORY;
#pragma omp parallel for schedule(static) num_threads(cpu_threads(device))
    for (int64_t r = 0; r < rows; r++)
        loss_row(cpu_floats(logits) + r * n, n, cpu_ints(labels)[r], gradient_scale,
                 &results[2 * r], &results[2 * r + 1]);
    double loss = 0, correct = 0;
    for (int64_t r = 0; r < rows; r++) {
        loss += (double)results[2 * r];
        correct += (double)results[2 * r + 1];
    }
    cpu_floats(sums)[0] += (float)loss;
    cpu_floats(sums)[1] += (float)correct;
    return CLB_OK;
}
