/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/cpu/cpu_kernels.h"

#include <math.h>
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

struct pool {
    float *out;
    const float *x;
    const int32_t *cu_seqlens;
    int64_t n;
    enum clb_pooling kind;
};

/* One row for the rows of a sequence, in their order. */
static void pool_sequence(const struct pool *a, int64_t b)
{
    const int64_t n = a->n, begin = a->cu_seqlens[b], end = a->cu_seqlens[b + 1];
    float *out = a->out + b * n;
    memcpy(out, a->x + begin * n, (size_t)n * sizeof *out);
    if (a->kind == CLB_POOLING_FIRST) return;
    for (int64_t t = begin + 1; t < end; t++) {
        const float *x = a->x + t * n;
        for (int64_t i = 0; i < n; i++)
            out[i] = a->kind == CLB_POOLING_MEAN ? out[i] + x[i] : fmaxf(out[i], x[i]);
    }
    for (int64_t i = 0; a->kind == CLB_POOLING_MEAN && i < n; i++) out[i] /= (float)(end - begin);
}

static void pool_sequences(const void *context, int64_t begin, int64_t end, int thread)
{
    const struct pool *a = context;
    (void)thread;
    for (int64_t b = begin; b < end; b++) pool_sequence(a, b);
}

enum clb_status CPU_RENAMED(pool)(const struct clb_tensor *out, const struct clb_tensor *x,
                                  const struct clb_tensor *cu_seqlens, enum clb_pooling kind)
{
    struct clb_device *device = out->device;
    const struct pool a = {cpu_floats(out), cpu_floats(x), cpu_ints(cu_seqlens), out->columns,
                           kind};
    cpu_parallel(device, out->rows, 0, pool_sequences, &a);
    return CLB_OK;
}
