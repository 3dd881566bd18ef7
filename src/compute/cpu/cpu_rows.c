/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/cpu/cpu_kernels.h"

#include <string.h>

enum clb_status CPU_RENAMED(gather_rows)(struct clb_device *device, const struct clb_tensor *out,
                                         const struct clb_tensor *x, const struct clb_tensor *rows)
{
    const int64_t n = x->columns;
    const int32_t *from = cpu_ints(rows);
#pragma omp parallel for schedule(static) num_threads(cpu_threads(device))
    for (int64_t r = 0; r < out->rows; r++)
        memcpy(cpu_floats(out) + r * n, cpu_floats(x) + from[r] * n, (size_t)n * sizeof(float));
    return CLB_OK;
}

enum clb_status CPU_RENAMED(scatter_add_rows)(struct clb_device *device,
                                              const struct clb_tensor *d_x,
                                              const struct clb_tensor *d_out,
                                              const struct clb_tensor *rows)
{
    const int64_t n = d_x->columns;
    const int32_t *to = cpu_ints(rows);
#pragma omp parallel for schedule(static) num_threads(cpu_threads(device))
    for (int64_t r = 0; r < d_out->rows; r++) {
        const float *from = cpu_floats(d_out) + r * n;
        float *sum = cpu_floats(d_x) + to[r] * n;
        for (int64_t i = 0; i < n; i++) sum[i] += from[i];
    }
    return CLB_OK;
}
