/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/cpu/cpu_kernels.h"
#include "compute/cpu/cpu_vector.h"

enum { TASK = 16384 }; /* elements a task */

enum clb_status CPU_RENAMED(fill)(struct clb_device *device, const struct clb_tensor *x,
                                  float value)
{
    const int64_t n = clb_tensor_elements(*x);
    float *out = cpu_floats(x);
#pragma omp parallel for schedule(static) num_threads(cpu_threads(device)) if (n > TASK)
    for (int64_t i = 0; i < n; i++) out[i] = value;
    return CLB_OK;
}

enum clb_status CPU_RENAMED(copy)(struct clb_device *device, const struct clb_tensor *out,
                                  const struct clb_tensor *x)
{
    (void)device;
    memcpy(cpu_floats(out), cpu_floats(x), (size_t)clb_tensor_elements(*out) * sizeof(float));
    return CLB_OK;
}

enum clb_status CPU_RENAMED(add)(struct clb_device *device, const struct clb_tensor *out,
                                 const struct clb_tensor *x)
{
    const int64_t n = clb_tensor_elements(*out);
    float *to = cpu_floats(out);
    const float *from = cpu_floats(x);
#pragma omp parallel for schedule(static) num_threads(cpu_threads(device)) if (n > TASK)
    for (int64_t i = 0; i < n; i++) to[i] += from[i];
    return CLB_OK;
}

enum clb_status CPU_RENAMED(scale)(struct clb_device *device, const struct clb_tensor *x,
                                   float factor)
{
    const int64_t n = clb_tensor_elements(*x);
    float *out = cpu_floats(x);
#pragma omp parallel for schedule(static) num_threads(cpu_threads(device)) if (n > TASK)
    for (int64_t i = 0; i < n; i++) out[i] *= factor;
    return CLB_OK;
}

static double square_task(const float *x, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i += 256) {
        cpu_vec part = {0};
        int64_t end = n - i < 256 ? n : i + 256, j = i;
        for (; j + CPU_LANES <= end; j += CPU_LANES) {
            cpu_vec v = vec_load(x + j);
            part += v * v;
        }
        if (j < end) {
            cpu_vec v = vec_load_part(x + j, end - j);
            part += v * v;
        }
        sum += (double)vec_sum(part);
    }
    return sum;
}

enum clb_status CPU_RENAMED(sum_of_squares)(struct clb_device *device, const struct clb_tensor *out,
                                            const struct clb_tensor *x)
{
    const int64_t n = clb_tensor_elements(*x), tasks = (n + TASK - 1) / TASK;
    double *partial = (double *)cpu_workspace(device, CPU_WORKSPACE_THREADS, 2 * tasks), sum = 0;
    if (!partial) return CLB_ERROR_MEMORY;
#pragma omp parallel for schedule(static) num_threads(cpu_threads(device))
    for (int64_t t = 0; t < tasks; t++)
        partial[t] =
            square_task(cpu_floats(x) + t * TASK, n - t * TASK < TASK ? n - t * TASK : TASK);
    for (int64_t t = 0; t < tasks; t++) sum += partial[t];
    *cpu_floats(out) = (float)sum;
    return CLB_OK;
}

/* A task owns some columns and walks down all rows: one order for every number of threads. */
void cpu_column_sums(struct clb_device *device, const float *x, int64_t rows, int64_t n, float *out)
{
    enum { WIDTH = 64 };
#pragma omp parallel for schedule(static) num_threads(cpu_threads(device))
    for (int64_t column = 0; column < n; column += WIDTH) {
        const int64_t width = n - column < WIDTH ? n - column : WIDTH;
        float sums[WIDTH] = {0};
        for (int64_t row = 0; row < rows; row++) {
            const float *from = x + row * n + column;
            for (int64_t i = 0; i < width; i++) sums[i] += from[i];
        }
        for (int64_t i = 0; i < width; i++) out[column + i] += sums[i];
    }
}
