/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/cpu/cpu_kernels.h"

enum clb_status CPU_RENAMED(linear_forward)(struct clb_device *device, const struct clb_tensor *out,
                                            const struct clb_tensor *pre,
                                            const struct clb_tensor *x,
                                            const struct clb_tensor *weight,
                                            const struct clb_tensor *bias,
                                            enum clb_activation activation)
{
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

enum clb_status CPU_RENAMED(linear_backward_input)(struct clb_device *device,
                                                   const struct clb_tensor *d_x,
                                                   const struct clb_tensor *d_out,
                                                   const struct clb_tensor *weight, bool accumulate)
{
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

enum clb_status CPU_RENAMED(linear_backward_weight)(struct clb_device *device,
                                                    const struct clb_tensor *d_weight,
                                                    const struct clb_tensor *d_bias,
                                                    const struct clb_tensor *d_out,
                                                    const struct clb_tensor *x)
{
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
    if (d_bias) cpu_column_sums(device, cpu_floats(d_out), x->rows, outputs, cpu_floats(d_bias));
    return cpu_gemm(device, &product);
}
