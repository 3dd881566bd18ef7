/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/cpu/cpu_kernels.h"
#include "compute/cpu/cpu_types.h"
#include "compute/cpu/cpu_vector.h"

enum { TASK = CPU_SUM_ELEMENTS };

/* What an elementwise operation works on. */
struct elements {
    float *to;
    const float *from;
    float value;
    int64_t n;
};

static void fill_range(const void *context, int64_t begin, int64_t end, int thread)
{
    const struct elements *x = context;
    (void)thread;
    for (int64_t i = begin; i < end; i++) x->to[i] = x->value;
}

enum clb_status CPU_RENAMED(fill)(const struct clb_tensor *out, float value)
{
    struct clb_device *device = out->device;
    const struct elements x = {
        .to = cpu_floats(out), .value = value, .n = clb_tensor_elements(*out)};
    cpu_parallel(device, x.n, TASK, fill_range, &x);
    return CLB_OK;
}

enum clb_status CPU_RENAMED(copy)(const struct clb_tensor *out, const struct clb_tensor *x)
{
    memcpy(cpu_floats(out), cpu_floats(x), (size_t)clb_tensor_elements(*out) * sizeof(float));
    return CLB_OK;
}

/* ---- types ---- */

struct cast {
    void *to;
    const void *from;
    enum clb_type to_type, from_type;
};

static void cast_range(const void *context, int64_t begin, int64_t end, int thread)
{
    const struct cast *c = context;
    void *to = cpu_element(c->to, c->to_type, begin);
    const void *from = cpu_element(c->from, c->from_type, begin);
    (void)thread;
    if (clb_type_stored(c->to_type) != CLB_F32)
        cpu_narrow(to, c->to_type, from, end - begin);
    else
        cpu_take(to, from, c->from_type == CLB_F32 ? c->to_type : c->from_type, end - begin);
}

enum clb_status CPU_RENAMED(cast)(const struct clb_tensor *out, const struct clb_tensor *x)
{
    const struct cast c = {out->memory, x->memory, out->type, x->type};
    if (out->type == x->type) return CPU_RENAMED(copy)(out, x);
    cpu_parallel(out->device, clb_tensor_elements(*out), TASK, cast_range, &c);
    return CLB_OK;
}

/* ---- arithmetic ---- */

static void add_range(const void *context, int64_t begin, int64_t end, int thread)
{
    const struct elements *x = context;
    (void)thread;
    for (int64_t i = begin; i < end; i++) x->to[i] += x->from[i];
}

enum clb_status CPU_RENAMED(add)(const struct clb_tensor *out, const struct clb_tensor *in)
{
    struct clb_device *device = out->device;
    const struct elements x = {
        .to = cpu_floats(out), .from = cpu_floats(in), .n = clb_tensor_elements(*out)};
    cpu_parallel(device, x.n, TASK, add_range, &x);
    return CLB_OK;
}

static void scale_range(const void *context, int64_t begin, int64_t end, int thread)
{
    const struct elements *x = context;
    (void)thread;
    for (int64_t i = begin; i < end; i++) x->to[i] *= x->value;
}

enum clb_status CPU_RENAMED(scale)(const struct clb_tensor *out, float factor)
{
    struct clb_device *device = out->device;
    const struct elements x = {
        .to = cpu_floats(out), .value = factor, .n = clb_tensor_elements(*out)};
    cpu_parallel(device, x.n, TASK, scale_range, &x);
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

struct squares {
    const float *x;
    int64_t n;
    double *partial; /* by task */
};

static void square_tasks(const void *context, int64_t begin, int64_t end, int thread)
{
    const struct squares *s = context;
    (void)thread;
    for (int64_t t = begin; t < end; t++) {
        const int64_t left = s->n - t * TASK;
        s->partial[t] = square_task(s->x + t * TASK, left < TASK ? left : TASK);
    }
}

enum clb_status CPU_RENAMED(sum_of_squares)(const struct clb_tensor *out,
                                            const struct clb_tensor *x)
{
    struct clb_device *device = out->device;
    const int64_t n = clb_tensor_elements(*x), tasks = (n + TASK - 1) / TASK;
    double *partial = (double *)cpu_workspace(device, CPU_WORKSPACE_THREADS, 2 * tasks), sum = 0;
    if (!partial) return CLB_ERROR_MEMORY;
    const struct squares squares = {cpu_floats(x), n, partial};
    cpu_parallel(device, tasks, 0, square_tasks, &squares);
    for (int64_t t = 0; t < tasks; t++) sum += partial[t];
    *cpu_floats(out) = (float)sum;
    return CLB_OK;
}
