/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "compute/opencl/ocl.h"

enum clb_status ocl_norm_forward(const struct clb_tensor *out, const struct clb_tensor *copy,
                                 const struct clb_tensor *sum, const struct clb_tensor *stats,
                                 const struct clb_tensor *y, const struct clb_tensor *bias,
                                 const struct clb_tensor *residual, const struct clb_tensor *gamma,
                                 const struct clb_tensor *beta, float eps,
                                 struct clb_dropout dropout)
{
    struct ocl_device *device = ocl_device(out->device);
    char options[OCL_SOURCE_OPTIONS_SIZE];
    ocl_norm_options(out->columns, copy ? copy->type : CLB_F32, options, sizeof options);
    return OCL_RUN_WITH(
        device, OCL_NORM, options, "norm_forward", ocl_over_rows(device, out->rows, 1),
        OCL_TENSOR(out), OCL_OPTIONAL(device, copy), OCL_TENSOR(sum), OCL_TENSOR(stats),
        OCL_TENSOR(y), OCL_OPTIONAL(device, bias), OCL_OPTIONAL(device, residual),
        OCL_TENSOR(gamma), OCL_TENSOR(beta), OCL_I32(copy != NULL), OCL_I32(bias != NULL),
        OCL_I32(residual != NULL), OCL_F32(eps), OCL_DROPOUT_ARGS(dropout));
}

enum clb_status ocl_norm_backward(const struct clb_tensor *d_sum, const struct clb_tensor *d_y,
                                  const struct clb_tensor *d_gamma, const struct clb_tensor *d_beta,
                                  const struct clb_tensor *d_bias, const struct clb_tensor *d_out,
                                  const struct clb_tensor *sum, const struct clb_tensor *stats,
                                  const struct clb_tensor *gamma, struct clb_dropout dropout)
{
    struct ocl_device *device = ocl_device(d_sum->device);
    const struct clb_tensor *const sums[OCL_PARTIAL_SUMS] = {d_gamma, d_beta, d_bias};
    const int64_t rows = d_sum->rows, hidden = d_sum->columns, chunks = ocl_row_chunks(rows);
    char options[OCL_SOURCE_OPTIONS_SIZE];
    cl_mem partial;
    enum clb_status status;
    if (rows == 0) return CLB_OK;
    ocl_norm_options(hidden, d_y ? d_y->type : CLB_F32, options, sizeof options);
    CLB_TRY(ocl_workspace(device, 4 * OCL_PARTIAL_SUMS * chunks * hidden, &partial));
    CLB_TRY(OCL_RUN_WITH(
        device, OCL_NORM, options, "norm_backward", ocl_over_rows(device, chunks, 1),
        OCL_TENSOR(d_sum), OCL_OPTIONAL(device, d_y), OCL_MEM(partial), OCL_TENSOR(d_out),
        OCL_TENSOR(sum), OCL_TENSOR(stats), OCL_TENSOR(gamma), OCL_I64(rows),
        OCL_I64((rows + chunks - 1) / chunks), OCL_I32(d_y != NULL), OCL_DROPOUT_ARGS(dropout)));
    CLB_TRY(ocl_add_partials(device, sums, d_bias ? 3 : 2, partial, chunks, hidden));
cleanup:
    return status;
}
