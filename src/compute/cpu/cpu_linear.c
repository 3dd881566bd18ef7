/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/cpu/cpu_kernels.h"

enum clb_status
CPU_RENAMED(linear_forward)(const struct clb_tensor *out, const struct clb_tensor *pre,
                            const struct clb_tensor *x, const struct clb_tensor *weight,
                            const struct clb_tensor *bias, enum clb_activation activation)
{
    struct clb_device *device = out->device;
    const int64_t inputs = x->columns;
    const struct cpu_product product = {.m = x->rows,
                                        .n = weight->rows,
                                        .k = inputs,
                                        .a = cpu_floats(x),
                                        .a_row = inputs,
                                        .a_column = 1,
                                        .b = cpu_floats(weight),
                                        .b_row = 1,
                                        .b_column = inputs,
                                        .c = cpu_floats(out),
                                        .c_row = weight->rows,
                                        .bias = cpu_floats(bias),
                                        .pre = cpu_floats(pre),
                                        .activation = activation};
    return cpu_gemm(device, &product);
}

enum clb_status CPU_RENAMED(linear_backward_input)(const struct clb_tensor *d_x,
                                                   const struct clb_tensor *d_out,
                                                   const struct clb_tensor *weight, bool accumulate)
{
    struct clb_device *device = d_x->device;
    const int64_t inputs = weight->columns, outputs = weight->rows;
    const struct cpu_product product = {.m = d_out->rows,
                                        .n = inputs,
                                        .k = outputs,
                                        .a = cpu_floats(d_out),
                                        .a_row = outputs,
                                        .a_column = 1,
                                        .b = cpu_floats(weight),
                                        .b_row = inputs,
                                        .b_column = 1,
                                        .c = cpu_floats(d_x),
                                        .c_row = inputs,
                                        .accumulate = accumulate};
    return cpu_gemm(device, &product);
}

/* ---- the gradient of a bias ---- */

enum { COLUMNS = CPU_SUM_COLUMNS }; /* a task */

struct columns {
    const float *x; /* [rows, n] */
    float *out;
    int64_t rows, n;
};

/* A task owns some columns and walks down all rows: one order for every number of threads. */
static void sum_columns(const void *context, int64_t begin, int64_t end, int thread)
{
    const struct columns *c = context;
    (void)thread;
    for (int64_t column = begin * COLUMNS; column < end * COLUMNS && column < c->n;
         column += COLUMNS) {
        const int64_t width = c->n - column < COLUMNS ? c->n - column : COLUMNS;
        float sums[COLUMNS] = {0};
        for (int64_t row = 0; row < c->rows; row++) {
            const float *from = c->x + row * c->n + column;
            for (int64_t i = 0; i < width; i++) sums[i] += from[i];
        }
        for (int64_t i = 0; i < width; i++) c->out[column + i] += sums[i];
    }
}

/* out[n] += column sums of x [rows, n]. */
static void column_sums(struct clb_device *device, const float *x, int64_t rows, int64_t n,
                        float *out)
{
    const struct columns columns = {x, out, rows, n};
    cpu_parallel(device, (n + COLUMNS - 1) / COLUMNS, 1, sum_columns, &columns);
}

enum clb_status CPU_RENAMED(linear_backward_weight)(const struct clb_tensor *d_weight,
                                                    const struct clb_tensor *d_bias,
                                                    const struct clb_tensor *d_out,
                                                    const struct clb_tensor *x)
{
    struct clb_device *device = d_weight->device;
    const int64_t inputs = x->columns, outputs = d_out->columns;
    const struct cpu_product product = {.m = outputs,
                                        .n = inputs,
                                        .k = x->rows,
                                        .a = cpu_floats(d_out),
                                        .a_row = 1,
                                        .a_column = outputs,
                                        .b = cpu_floats(x),
                                        .b_row = inputs,
                                        .b_column = 1,
                                        .c = cpu_floats(d_weight),
                                        .c_row = inputs,
                                        .accumulate = true};
    if (d_bias) column_sums(device, cpu_floats(d_out), x->rows, outputs, cpu_floats(d_bias));
    return cpu_gemm(device, &product);
}
