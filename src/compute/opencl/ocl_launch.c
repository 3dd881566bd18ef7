/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "compute/opencl/ocl.h"

struct ocl_range ocl_over_groups(int64_t x, int64_t y, int64_t z, size_t local)
{
    return (struct ocl_range){{(size_t)x * local, (size_t)y, (size_t)z}, {local, 1, 1}};
}

struct ocl_range ocl_over_elements(const struct ocl_device *device, int64_t elements)
{
    const struct ocl_shape *shape = device->shape;
    const size_t local = (size_t)shape->flat_group;
    int64_t items = (elements + shape->flat - 1) / shape->flat;
    return ocl_over_groups((items + (int64_t)local - 1) / (int64_t)local, 1, 1, local);
}

struct ocl_range ocl_over_rows(const struct ocl_device *device, int64_t rows, int64_t count)
{
    return ocl_over_groups(rows, count, 1, (size_t)device->shape->group);
}

struct ocl_range ocl_over_columns(const struct ocl_device *device, int64_t columns, int64_t count)
{
    const struct ocl_shape *shape = device->shape;
    const int64_t width = (int64_t)shape->across * shape->vector;
    return ocl_over_groups((columns + width - 1) / width, count, 1, (size_t)shape->column_group);
}

enum clb_status ocl_launch(struct ocl_device *device, enum ocl_source source, const char *options,
                           const char *name, struct ocl_range range, int count,
                           const struct ocl_arg *args)
{
    cl_kernel kernel;
    if (range.global[0] == 0 || range.global[1] == 0 || range.global[2] == 0) return CLB_OK;
    enum clb_status status = ocl_kernel(device, source, options, name, &kernel);
    if (status != CLB_OK) return status;
    for (int i = 0; i < count; i++) {
        cl_int error = clSetKernelArg(kernel, (cl_uint)i, args[i].size, &args[i].value);
        if (error != CL_SUCCESS)
            return clb_fail_context(ocl_check(device, error, "set an argument"), "%s, argument %d",
                                    name, i);
    }
    device->base.traffic.launches++;
    return ocl_check(device,
                     clEnqueueNDRangeKernel(device->queue, kernel, 3, NULL, range.global,
                                            range.local, 0, NULL, NULL),
                     name);
}
