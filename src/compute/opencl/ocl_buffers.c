/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "compute/opencl/ocl.h"

/* A kernel and not clEnqueueFillBuffer: Oclgrind would take what that fills for uninitialised. */
enum clb_status ocl_fill(const struct clb_tensor *x, float value)
{
    struct ocl_device *device = ocl_device(x->device);
    const int64_t count = clb_tensor_elements(*x);
    return OCL_RUN(device, OCL_BUFFERS, "fill", ocl_over_elements(device, count), OCL_TENSOR(x),
                   OCL_I64(count), OCL_F32(value));
}

enum clb_status ocl_copy(const struct clb_tensor *out, const struct clb_tensor *x)
{
    struct ocl_device *device = ocl_device(out->device);
    const size_t bytes = 4 * (size_t)clb_tensor_elements(*x);
    if (bytes == 0) return CLB_OK;
    device->base.traffic.launches++;
    return ocl_check(
        device,
        clEnqueueCopyBuffer(device->queue, x->memory, out->memory, 0, 0, bytes, 0, NULL, NULL),
        "copy");
}

enum clb_status ocl_cast(const struct clb_tensor *out, const struct clb_tensor *x)
{
    struct ocl_device *device = ocl_device(out->device);
    const int64_t count = clb_tensor_elements(*out);
    const bool narrow = x->type == CLB_F32;
    if (out->type == x->type) return ocl_copy(out, x);
    if (out->type == CLB_TF32 || x->type == CLB_TF32)
        return OCL_RUN(device, OCL_BUFFERS, "cast_tf32", ocl_over_elements(device, count),
                       OCL_TENSOR(out), OCL_TENSOR(x), OCL_I64(count));
    return OCL_RUN(device, OCL_BUFFERS, narrow ? "cast_narrow" : "cast_widen",
                   ocl_over_elements(device, count), OCL_TENSOR(out), OCL_TENSOR(x), OCL_I64(count),
                   OCL_I32((narrow ? out : x)->type == CLB_F16));
}

enum clb_status ocl_add(const struct clb_tensor *out, const struct clb_tensor *x)
{
    struct ocl_device *device = ocl_device(out->device);
    const int64_t count = clb_tensor_elements(*out);
    return OCL_RUN(device, OCL_BUFFERS, "add", ocl_over_elements(device, count), OCL_TENSOR(out),
                   OCL_TENSOR(x), OCL_I64(count));
}

enum clb_status ocl_scale(const struct clb_tensor *x, float factor)
{
    struct ocl_device *device = ocl_device(x->device);
    const int64_t count = clb_tensor_elements(*x);
    return OCL_RUN(device, OCL_BUFFERS, "scale", ocl_over_elements(device, count), OCL_TENSOR(x),
                   OCL_I64(count), OCL_F32(factor));
}

/* Chunks of a fixed size in a fixed order, so that the sum has the same bits every time. */
enum clb_status ocl_sum_of_squares(const struct clb_tensor *out, const struct clb_tensor *x)
{
    struct ocl_device *device = ocl_device(out->device);
    const int64_t count = clb_tensor_elements(*x);
    const int64_t chunks = (count + OCL_SQUARES_CHUNK - 1) / OCL_SQUARES_CHUNK;
    cl_mem partial;
    enum clb_status status;
    if (chunks == 0) return ocl_fill(out, 0.0f);
    CLB_TRY(ocl_workspace(device, 4 * chunks, &partial));
    CLB_TRY(OCL_RUN(device, OCL_BUFFERS, "square_partials", ocl_over_rows(device, chunks, 1),
                    OCL_MEM(partial), OCL_TENSOR(x), OCL_I64(count), OCL_I64(OCL_SQUARES_CHUNK)));
    CLB_TRY(OCL_RUN(device, OCL_BUFFERS, "sum_partials", ocl_over_rows(device, 1, 1),
                    OCL_TENSOR(out), OCL_MEM(partial), OCL_I64(chunks)));
cleanup:
    return status;
}
