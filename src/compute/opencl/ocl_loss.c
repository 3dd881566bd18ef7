/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "compute/opencl/ocl.h"

enum clb_status ocl_cross_entropy(const struct clb_tensor *sums, const struct clb_tensor *logits,
                                  const struct clb_tensor *labels, float gradient_scale)
{
    struct ocl_device *device = ocl_device(sums->device);
    const int64_t rows = logits->rows;
    cl_mem row_sums;
    enum clb_status status;
    if (rows == 0) return CLB_OK;
    CLB_TRY(ocl_workspace(device, 8 * rows, &row_sums));
    CLB_TRY(OCL_RUN(device, OCL_LOSS, "cross_entropy", ocl_over_rows(device, rows, 1),
                    OCL_MEM(row_sums), OCL_TENSOR(logits), OCL_TENSOR(labels),
                    OCL_I64(logits->columns), OCL_F32(gradient_scale)));
    CLB_TRY(OCL_RUN(device, OCL_LOSS, "loss_sums", ocl_over_rows(device, 2, 1), OCL_TENSOR(sums),
                    OCL_MEM(row_sums), OCL_I64(rows)));
cleanup:
    return status;
}
