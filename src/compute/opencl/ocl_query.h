/* SPDX-License-Identifier: Apache-2.0 */
/* What the drivers say: platforms, devices, and what a device is. A call that fails is an error
 * that names the call and its code. */
#ifndef OCL_QUERY_H
#define OCL_QUERY_H

#include "compute/opencl/ocl.h"

/* malloc'd array of *count; none is no error. */
enum clb_status ocl_platforms(cl_platform_id **platforms, cl_uint *count);
/* All devices of platform number p, alike. */
enum clb_status ocl_devices(cl_platform_id platform, unsigned p, cl_device_id **devices,
                            cl_uint *count);

struct ocl_found {
    cl_platform_id platform;
    cl_device_id id;
    struct clb_device_info info; /* without `gemm` */
    const struct ocl_shape *shape;
    struct ocl_limits limits;
    char lacks[96]; /* what the kernels need and it has not; "" where it is usable */
};

/* Asks device number d of platform number p for all of this. */
enum clb_status ocl_find(cl_platform_id platform, cl_device_id id, unsigned p, unsigned d,
                         struct ocl_found *found);

#endif
