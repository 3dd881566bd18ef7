/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/cpu/cpu_kernels.h"

enum clb_status
CPU_RENAMED(embedding_forward)(struct clb_device *device, const struct clb_tensor *out,
                               const struct clb_tensor *word, const struct clb_tensor *position,
                               const struct clb_tensor *segment, const struct clb_tensor *ids,
                               const struct clb_tensor *positions,
                               const struct clb_tensor *segments)
{
    const int64_t n = out->columns;
#pragma omp parallel for schedule(static) num_threads(cpu_threads(device))
    for (int64_t t = 0; t < out->rows; t++) {
        const float *w = cpu_floats(word) + cpu_ints(ids)[t] * n;
        const float *p = cpu_floats(position) + cpu_ints(positions)[t] * n;
        const float *s = cpu_floats(segment) + cpu_ints(segments)[t] * n;
        float *sum = cpu_floats(out) + t * n;
        for (int64_t i = 0; i < n; i++) sum[i] = w[i] + p[i] + s[i];
    }
    return CLB_OK;
}

/* A task is one group and some columns: long groups ([MASK], [SEP], the two segments) are shared
 * out by columns. */
enum clb_status CPU_RENAMED(embedding_backward)(struct clb_device *device,
                                                const struct clb_tensor *d_table,
                                                const struct clb_tensor *d_out,
                                                const struct clb_row_groups *groups)
{
    enum { WIDTH = 64 };
    const int64_t n = d_table->columns, across = (n + WIDTH - 1) / WIDTH;
    const int32_t *order = cpu_ints(&groups->order), *begin = cpu_ints(&groups->begin);
#pragma omp parallel for schedule(dynamic, 8) num_threads(cpu_threads(device))
    for (int64_t task = 0; task < groups->row.rows * across; task++) {
        const int64_t g = task / across, column = task % across * WIDTH;
        const int64_t width = n - column < WIDTH ? n - column : WIDTH;
        float sums[WIDTH] = {0};
        for (int32_t r = begin[g]; r < begin[g + 1]; r++) {
            const float *from = cpu_floats(d_out) + order[r] * n + column;
            for (int64_t i = 0; i < width; i++) sums[i] += from[i];
        }
        float *to = cpu_floats(d_table) + cpu_ints(&groups->row)[g] * n + column;
        for (int64_t i = 0; i < width; i++) to[i] += sums[i];
    }
    return CLB_OK;
}
