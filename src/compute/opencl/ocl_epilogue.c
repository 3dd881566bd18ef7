/* SPDX-License-Identifier: Apache-2.0 */
/* What follows a product, in kernels of its own. */
#include "base/error.h"
#include "compute/opencl/ocl_gemm.h"

int ocl_epilogue_args(struct ocl_device *device, const struct ocl_then *then,
                      struct ocl_arg args[OCL_EPILOGUE_ARGS])
{
    switch (then->epilogue) {
    case OCL_FORWARD:
        args[0] = OCL_OPTIONAL(device, then->bias);
        args[1] = OCL_I32(then->bias != NULL);
        args[2] = OCL_OPTIONAL(device, then->saved);
        args[3] = OCL_I32(then->saved != NULL);
        return 4;
    case OCL_SLOPE:
        args[0] = OCL_TENSOR(then->saved);
        args[1] = OCL_OPTIONAL(device, then->input);
        args[2] = OCL_I32(then->input != NULL);
        return 3;
    case OCL_SUMS:
        args[0] = OCL_TENSOR(then->bias);
        return 1;
    default:
        return 0;
    }
}

enum clb_status ocl_finish_product(struct ocl_device *device, const struct ocl_product *p,
                                   cl_mem parts, int64_t splits)
{
    enum { OWN = 5 };
    const int64_t columns = (int64_t)device->shape->group * device->shape->vector;
    const int64_t groups = device->shape->wide ? 1 : (p->n + columns - 1) / columns;
    struct ocl_arg args[OWN + OCL_EPILOGUE_ARGS] = {OCL_MEM(p->c), OCL_MEM(parts), OCL_I64(p->n),
                                                    OCL_I32(splits), OCL_I32(p->accumulate)};
    char options[OCL_SOURCE_OPTIONS_SIZE];
    ocl_epilogue_options(p->then.saved ? p->then.saved->type : CLB_F32, p->type, p->then.epilogue,
                         p->then.activation, options, sizeof options);
    return ocl_launch(device, OCL_ACTIVATION, options, "finish_product",
                      ocl_over_rows(device, p->m, groups),
                      OWN + ocl_epilogue_args(device, &p->then, args + OWN), args);
}
