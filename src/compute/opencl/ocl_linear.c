/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "compute/opencl/ocl_gemm.h"

int64_t ocl_row_chunks(int64_t rows)
{
    int64_t chunks = (rows + OCL_ROWS_CHUNK - 1) / OCL_ROWS_CHUNK;
    return chunks < OCL_ROWS_CHUNKS ? chunks : OCL_ROWS_CHUNKS;
}

enum clb_status ocl_add_partials(struct ocl_device *device, const struct clb_tensor *sums,
                                 cl_mem partial, int64_t offset, int64_t chunks, int64_t columns)
{
    return OCL_RUN(device, OCL_LINEAR, "add_partials", ocl_over_columns(device, columns, 1),
                   OCL_TENSOR(sums), OCL_MEM(partial), OCL_I64(offset), OCL_I64(chunks),
                   OCL_I64(columns));
}

/* Where the fp32 product is, whose bias and activation are still to come: in a result that is fp32,
 * or in scratch. */
static enum clb_status product_of(const struct clb_tensor *out, const struct clb_tensor *pre,
                                  cl_mem *product)
{
    if (pre && pre->type == CLB_F32)
        *product = pre->memory;
    else if (out->type == CLB_F32)
        *product = out->memory;
    else
        return ocl_wide_numbers(ocl_device(out->device), clb_tensor_elements(*out), product);
    return CLB_OK;
}

enum clb_status ocl_linear_forward(const struct clb_tensor *out, const struct clb_tensor *pre,
                                   const struct clb_tensor *x, const struct clb_tensor *weight,
                                   const struct clb_tensor *bias, enum clb_activation activation)
{
    struct ocl_device *device = ocl_device(out->device);
    const bool more = bias || activation != CLB_ACTIVATION_NONE;
    struct ocl_product p = {OCL_GEMM_NT,    out->rows,   out->columns, x->columns, x->memory,
                            weight->memory, out->memory, false,        x->type,    out->type};
    char options[OCL_SOURCE_OPTIONS_SIZE];
    enum clb_status status;
    if (more) {
        CLB_TRY(product_of(out, pre, &p.c));
        p.type = CLB_F32;
    }
    CLB_TRY(ocl_gemm(device, &p));
    ocl_type_options(pre ? pre->type : CLB_F32, out->type, options, sizeof options);
    if (more)
        CLB_TRY(OCL_RUN_WITH(device, OCL_ACTIVATION, options, "bias_activation",
                             ocl_over_rows(device, out->rows, 1), OCL_TENSOR(out),
                             OCL_OPTIONAL(device, pre), OCL_MEM(p.c), OCL_OPTIONAL(device, bias),
                             OCL_I64(out->columns), OCL_I32(bias != NULL), OCL_I32(pre != NULL),
                             OCL_I32(activation)));
cleanup:
    return status;
}

enum clb_status ocl_linear_backward_input(const struct clb_tensor *d_x,
                                          const struct clb_tensor *d_out,
                                          const struct clb_tensor *weight, bool accumulate)
{
    const struct ocl_product p = {OCL_GEMM_NN,   d_x->rows,      d_x->columns, d_out->columns,
                                  d_out->memory, weight->memory, d_x->memory,  accumulate,
                                  d_out->type,   d_x->type};
    return ocl_gemm(ocl_device(d_x->device), &p);
}

enum clb_status ocl_linear_backward_weight(const struct clb_tensor *d_weight,
                                           const struct clb_tensor *d_bias,
                                           const struct clb_tensor *d_out,
                                           const struct clb_tensor *x)
{
    struct ocl_device *device = ocl_device(d_weight->device);
    const int64_t rows = d_out->rows, columns = d_out->columns, chunks = ocl_row_chunks(rows);
    const struct ocl_product p = {OCL_GEMM_TN, columns,          x->columns, rows,    d_out->memory,
                                  x->memory,   d_weight->memory, true,       x->type, CLB_F32};
    char options[OCL_SOURCE_OPTIONS_SIZE];
    cl_mem partial;
    enum clb_status status;
    CLB_TRY(ocl_gemm(device, &p));
    if (!d_bias) return CLB_OK;
    ocl_type_options(d_out->type, CLB_F32, options, sizeof options);
    CLB_TRY(ocl_workspace(device, 4 * chunks * columns, &partial));
    CLB_TRY(OCL_RUN_WITH(device, OCL_LINEAR, options, "column_partials",
                         ocl_over_columns(device, columns, chunks), OCL_MEM(partial), OCL_I64(0),
                         OCL_TENSOR(d_out), OCL_I64(rows), OCL_I64(columns),
                         OCL_I64((rows + chunks - 1) / chunks)));
    CLB_TRY(ocl_add_partials(device, d_bias, partial, 0, chunks, columns));
cleanup:
    return status;
}
