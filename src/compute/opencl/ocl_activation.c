/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/opencl/ocl.h"

enum clb_status ocl_activation_backward(const struct clb_tensor *d_x,
                                        const struct clb_tensor *d_out,
                                        const struct clb_tensor *saved,
                                        enum clb_activation activation)
{
    struct ocl_device *device = ocl_device(d_x->device);
    const int64_t count = clb_tensor_elements(*d_x);
    char options[OCL_SOURCE_OPTIONS_SIZE];
    ocl_type_options(d_out->type, d_x->type, options, sizeof options);
    return OCL_RUN_WITH(device, OCL_ACTIVATION, options, "activation_backward",
                        ocl_over_elements(device, count), OCL_TENSOR(d_x), OCL_TENSOR(d_out),
                        OCL_TENSOR(saved), OCL_I64(count), OCL_I32(activation));
}
