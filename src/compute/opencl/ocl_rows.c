/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/opencl/ocl.h"

enum clb_status ocl_gather_rows(const struct clb_tensor *out, const struct clb_tensor *x,
                                const struct clb_tensor *rows)
{
    struct ocl_device *device = ocl_device(out->device);
    return OCL_RUN(device, OCL_ROWS, "gather_rows", ocl_over_rows(device, out->rows, 1),
                   OCL_TENSOR(out), OCL_TENSOR(x), OCL_TENSOR(rows), OCL_I64(out->columns));
}

enum clb_status ocl_scatter_add_rows(const struct clb_tensor *d_x, const struct clb_tensor *d_out,
                                     const struct clb_tensor *rows)
{
    struct ocl_device *device = ocl_device(d_x->device);
    return OCL_RUN(device, OCL_ROWS, "scatter_add_rows", ocl_over_rows(device, d_out->rows, 1),
                   OCL_TENSOR(d_x), OCL_TENSOR(d_out), OCL_TENSOR(rows), OCL_I64(d_out->columns));
}
