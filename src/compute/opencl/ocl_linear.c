/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "compute/opencl/ocl_gemm.h"

int64_t ocl_row_chunks(int64_t rows)
{
    int64_t chunks = (rows + OCL_ROWS_CHUNK - 1) / OCL_ROWS_CHUNK;
    return chunks < OCL_ROWS_CHUNKS ? chunks : OCL_ROWS_CHUNKS;
}

enum clb_status ocl_add_partials(struct ocl_device *device, const struct clb_tensor *const *sums,
                                 int count, cl_mem partial, int64_t chunks, int64_t columns)
{
    const struct clb_tensor *second = count > 1 ? sums[1] : NULL;
    const struct clb_tensor *third = count > 2 ? sums[2] : NULL;
    return OCL_RUN(device, OCL_LINEAR, "add_partials", ocl_over_columns(device, columns, count),
                   OCL_TENSOR(sums[0]), OCL_OPTIONAL(device, second), OCL_OPTIONAL(device, third),
                   OCL_MEM(partial), OCL_I64(chunks), OCL_I64(columns));
}

enum clb_status ocl_column_sums(struct ocl_device *device, const struct clb_tensor *sums, cl_mem x,
                                enum clb_type type, int64_t rows, int64_t columns)
{
    const int64_t chunks = ocl_row_chunks(rows);
    char options[OCL_SOURCE_OPTIONS_SIZE];
    cl_mem partial;
    enum clb_status status;
    ocl_type_options(type, CLB_F32, options, sizeof options);
    CLB_TRY(ocl_workspace(device, 4 * chunks * columns, &partial));
    CLB_TRY(OCL_RUN_WITH(device, OCL_LINEAR, options, "column_partials",
                         ocl_over_columns(device, columns, chunks), OCL_MEM(partial), OCL_MEM(x),
                         OCL_I64(rows), OCL_I64(columns), OCL_I64((rows + chunks - 1) / chunks)));
    CLB_TRY(ocl_add_partials(device, &sums, 1, partial, chunks, columns));
cleanup:
    return status;
}

enum clb_status ocl_linear_forward(const struct clb_tensor *out, const struct clb_tensor *pre,
                                   const struct clb_tensor *x, const struct clb_tensor *weight,
                                   const struct clb_tensor *bias, enum clb_activation activation)
{
    const bool more = bias || activation != CLB_ACTIVATION_NONE;
    const struct ocl_product p = {
        .kind = OCL_GEMM_NT,
        .m = out->rows,
        .n = out->columns,
        .k = x->columns,
        .a = x->memory,
        .b = weight->memory,
        .c = out->memory,
        .operands = x->type,
        .type = clb_type_stored(out->type),
        .then = {more ? OCL_FORWARD : OCL_NO_EPILOGUE, activation, bias, pre, NULL}};
    return ocl_gemm(ocl_device(out->device), &p);
}

enum clb_status ocl_linear_backward_input(const struct clb_tensor *d_x,
                                          const struct clb_tensor *d_out,
                                          const struct clb_tensor *weight,
                                          const struct clb_tensor *saved,
                                          const struct clb_tensor *x,
                                          enum clb_activation activation, bool accumulate)
{
    const struct ocl_product p = {
        .kind = OCL_GEMM_NN,
        .m = d_x->rows,
        .n = d_x->columns,
        .k = d_out->columns,
        .a = d_out->memory,
        .b = weight->memory,
        .c = d_x->memory,
        .accumulate = accumulate,
        .operands = d_out->type,
        .type = clb_type_stored(d_x->type),
        .then = {saved ? OCL_SLOPE : OCL_NO_EPILOGUE, activation, NULL, saved, x}};
    return ocl_gemm(ocl_device(d_x->device), &p);
}

enum clb_status ocl_linear_backward_weight(const struct clb_tensor *d_weight,
                                           const struct clb_tensor *d_bias,
                                           const struct clb_tensor *d_out,
                                           const struct clb_tensor *x)
{
    const struct ocl_product p = {
        .kind = OCL_GEMM_TN,
        .m = d_out->columns,
        .n = x->columns,
        .k = d_out->rows,
        .a = d_out->memory,
        .b = x->memory,
        .c = d_weight->memory,
        .accumulate = true,
        .operands = x->type,
        .type = CLB_F32,
        .then = {d_bias ? OCL_SUMS : OCL_NO_EPILOGUE, CLB_ACTIVATION_NONE, d_bias, NULL, NULL}};
    return ocl_gemm(ocl_device(d_weight->device), &p);
}
