/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/cpu/cpu_kernels.h"

#include <string.h>

/* Row r of `picked` is row rows[r] of `all`. */
struct rows {
    float *picked, *all;
    const int32_t *rows;
    int64_t n;
};

static void gather(const void *context, int64_t begin, int64_t end, int thread)
{
    const struct rows *a = context;
    (void)thread;
    for (int64_t r = begin; r < end; r++)
        memcpy(a->picked + r * a->n, a->all + a->rows[r] * a->n, (size_t)a->n * sizeof(float));
}

enum clb_status CPU_RENAMED(gather_rows)(const struct clb_tensor *out, const struct clb_tensor *x,
                                         const struct clb_tensor *rows)
{
    struct clb_device *device = out->device;
    const struct rows a = {cpu_floats(out), cpu_floats(x), cpu_ints(rows), x->columns};
    cpu_parallel(device, out->rows, 0, gather, &a);
    return CLB_OK;
}

static void scatter_add(const void *context, int64_t begin, int64_t end, int thread)
{
    const struct rows *a = context;
    (void)thread;
    for (int64_t r = begin; r < end; r++) {
        const float *from = a->picked + r * a->n;
        float *sum = a->all + a->rows[r] * a->n;
        for (int64_t i = 0; i < a->n; i++) sum[i] += from[i];
    }
}

enum clb_status CPU_RENAMED(scatter_add_rows)(const struct clb_tensor *d_x,
                                              const struct clb_tensor *d_out,
                                              const struct clb_tensor *rows)
{
    struct clb_device *device = d_x->device;
    const struct rows a = {cpu_floats(d_out), cpu_floats(d_x), cpu_ints(rows), d_x->columns};
    cpu_parallel(device, d_out->rows, 0, scatter_add, &a);
    return CLB_OK;
}
