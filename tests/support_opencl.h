/* SPDX-License-Identifier: Apache-2.0 */
/* OpenCL calls that a test makes fail: the library's calls come to support_opencl.c first, which
 * passes them on to the loader, or to a machine that is made up. */
#ifndef SUPPORT_OPENCL_H
#define SUPPORT_OPENCL_H

#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl.h>
#include <stdbool.h>

/* A device of the machine that is made up: one GPU a platform. */
struct support_gpu {
    const char *name, *version;
    cl_uint units;
    size_t largest_group;
};

struct support_opencl {
    /* The machine that is made up; 0: the real one. */
    int gpu_count;
    struct support_gpu gpus[4];
    const char *platform_name; /* instead of the real one's; NULL: none */
    const char *extensions;    /* likewise, of every device; and sub-groups of 16 */

    /* The call of this name fails with `error`, `times` times (-1: always). For clGetDeviceInfo,
     * where `what` is asked for (0: whatever); for clGetDeviceIDs, on platform `what`; for
     * clEnqueueNDRangeKernel, of the kernel of that name. "CLBlast" is its product, which otherwise
     * does nothing. */
    const char *failing, *kernel;
    cl_uint what;
    cl_int error;
    int times;
    int calls, sources, binaries; /* all of OpenCL; programs made of sources, of binaries */
};
extern struct support_opencl support_opencl;

#endif
