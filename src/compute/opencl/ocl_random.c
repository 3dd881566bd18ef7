/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/opencl/ocl.h"

enum clb_status ocl_fill_uniform(const struct clb_tensor *x, struct clb_random random)
{
    struct ocl_device *device = ocl_device(x->device);
    const int64_t count = clb_tensor_elements(*x);
    return OCL_RUN(device, OCL_RANDOM, "fill_uniform", ocl_over_elements(device, count),
                   OCL_TENSOR(x), OCL_I64(count), OCL_RANDOM_ARGS(random));
}

enum clb_status ocl_fill_truncated_normal(const struct clb_tensor *x, float deviation,
                                          struct clb_random random)
{
    struct ocl_device *device = ocl_device(x->device);
    const int64_t count = clb_tensor_elements(*x);
    return OCL_RUN(device, OCL_RANDOM, "fill_truncated_normal", ocl_over_elements(device, count),
                   OCL_TENSOR(x), OCL_I64(count), OCL_F32(deviation), OCL_RANDOM_ARGS(random));
}

enum clb_status ocl_dropout_apply(const struct clb_tensor *out, const struct clb_tensor *x,
                                  struct clb_dropout dropout)
{
    struct ocl_device *device = ocl_device(out->device);
    const int64_t count = clb_tensor_elements(*out);
    return OCL_RUN(device, OCL_RANDOM, "dropout_apply", ocl_over_elements(device, count),
                   OCL_TENSOR(out), OCL_TENSOR(x), OCL_I64(count), OCL_DROPOUT_ARGS(dropout));
}
