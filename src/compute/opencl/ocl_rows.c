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

enum clb_status ocl_pool(const struct clb_tensor *out, const struct clb_tensor *x,
                         const struct clb_tensor *cu_seqlens, enum clb_pooling kind)
{
    struct ocl_device *device = ocl_device(out->device);
    const struct clb_tensor first = clb_tensor_first_rows(*cu_seqlens, out->rows);
    if (kind == CLB_POOLING_FIRST) return ocl_gather_rows(out, x, &first);
    return OCL_RUN(device, OCL_ROWS, kind == CLB_POOLING_MEAN ? "pool_mean" : "pool_max",
                   ocl_over_rows(device, out->rows, 1), OCL_TENSOR(out), OCL_TENSOR(x),
                   OCL_TENSOR(cu_seqlens), OCL_I64(out->columns));
}
