/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/cpu/cpu_kernels.h"
#include "compute/cpu/cpu_types.h"

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
                                        .operands = x->type,
                                        .c_type = out->type,
                                        .pre_type = pre ? pre->type : CLB_F32,
                                        .a = x->memory,
                                        .a_row = inputs,
                                        .a_column = 1,
                                        .b = weight->memory,
                                        .b_row = 1,
                                        .b_column = inputs,
                                        .c = out->memory,
                                        .c_row = weight->rows,
                                        .bias = cpu_floats(bias),
                                        .pre = pre ? pre->memory : NULL,
                                        .activation = activation};
    return cpu_gemm(device, &product);
}

enum clb_status CPU_RENAMED(linear_backward_input)(const struct clb_tensor *d_x,
                                                   const struct clb_tensor *d_out,
                                                   const struct clb_tensor *weight,
                                                   const struct clb_tensor *saved,
                                                   const struct clb_tensor *x,
                                                   enum clb_activation activation, bool accumulate)
{
    struct clb_device *device = d_x->device;
    const int64_t inputs = weight->columns, outputs = weight->rows;
    const struct cpu_product product = {.m = d_out->rows,
                                        .n = inputs,
                                        .k = outputs,
                                        .operands = d_out->type,
                                        .c_type = d_x->type,
                                        .a = d_out->memory,
                                        .a_row = outputs,
                                        .a_column = 1,
                                        .b = weight->memory,
                                        .b_row = inputs,
                                        .b_column = 1,
                                        .c = d_x->memory,
                                        .c_row = inputs,
                                        .accumulate = accumulate,
                                        .saved = saved ? saved->memory : NULL,
                                        .input = x ? x->memory : NULL,
                                        .saved_type = saved ? saved->type : CLB_F32,
                                        .activation = activation};
    return cpu_gemm(device, &product);
}

/* ---- the gradient of a bias ---- */

enum { COLUMNS = CPU_SUM_COLUMNS }; /* a task */

struct columns {
    const void *x; /* [rows, n] */
    enum clb_type type;
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
            const void *at = cpu_element(c->x, c->type, row * c->n + column);
            float wide[COLUMNS];
            const float *from = c->type == CLB_F32 ? at : wide;
            if (from == wide) cpu_widen(wide, at, c->type, width);
            for (int64_t i = 0; i < width; i++) sums[i] += from[i];
        }
        for (int64_t i = 0; i < width; i++) c->out[column + i] += sums[i];
    }
}

void cpu_column_sums(const struct clb_tensor *x, const struct clb_tensor *out)
{
    const struct columns columns = {x->memory, x->type, cpu_floats(out), x->rows, x->columns};
    cpu_parallel(x->device, (x->columns + COLUMNS - 1) / COLUMNS, 1, sum_columns, &columns);
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
                                        .operands = x->type,
                                        .a = d_out->memory,
                                        .a_row = 1,
                                        .a_column = outputs,
                                        .b = x->memory,
                                        .b_row = inputs,
                                        .b_column = 1,
                                        .c = d_weight->memory,
                                        .c_row = inputs,
                                        .accumulate = true};
    if (d_bias) cpu_column_sums(d_out, d_bias);
    return cpu_gemm(device, &product);
}
