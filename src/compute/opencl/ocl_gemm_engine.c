/* SPDX-License-Identifier: Apache-2.0 */
/* Matrix engines: which of them a device promises. Drivers claim what they lack and compilers
 * refuse what their hardware has: as every candidate, an engine is used only where it compiled and
 * its products are the host's. */
#include "compute/opencl/ocl_gemm.h"

#include <CL/cl_ext.h>
#include <stdlib.h>
#include <string.h>

static bool has_extension(const struct ocl_device *device, const char *name)
{
    size_t size = 0;
    char *text = NULL;
    bool found = false;
    if (clGetDeviceInfo(device->id, CL_DEVICE_EXTENSIONS, 0, NULL, &size) == CL_SUCCESS)
        text = calloc(1, size + 1);
    if (text && clGetDeviceInfo(device->id, CL_DEVICE_EXTENSIONS, size, text, NULL) == CL_SUCCESS)
        found = strstr(text, name) != NULL;
    free(text);
    return found;
}

/* mma.sync of bf16 came with compute capability 8.0. */
static bool nvidia_ampere(const struct ocl_device *device)
{
    cl_uint major = 0;
    return has_extension(device, "cl_nv_device_attribute_query") &&
           clGetDeviceInfo(device->id, CL_DEVICE_COMPUTE_CAPABILITY_MAJOR_NV, sizeof major, &major,
                           NULL) == CL_SUCCESS &&
           major >= 8;
}

/* ROCm names a device by its instruction set, as "gfx90a:sramecc+:xnack-". */
static bool amd_target(const struct ocl_device *device, const char *const *prefixes)
{
    for (; *prefixes; prefixes++)
        if (strncmp(device->base.info.name, *prefixes, strlen(*prefixes)) == 0) return true;
    return false;
}

/* The smallest sub-group is the engine's; 0: there is no engine. */
static size_t intel_lanes(const struct ocl_device *device)
{
    size_t sizes[8] = {0}, bytes = 0, smallest = 0;
    if (!has_extension(device, "cl_intel_subgroup_matrix_multiply_accumulate") ||
        clGetDeviceInfo(device->id, CL_DEVICE_SUB_GROUP_SIZES_INTEL, sizeof sizes, sizes, &bytes) !=
            CL_SUCCESS)
        return 0;
    for (size_t i = 0; i < bytes / sizeof *sizes; i++)
        if (smallest == 0 || sizes[i] < smallest) smallest = sizes[i];
    return smallest;
}

unsigned ocl_engines_of(const struct ocl_device *device)
{
    static const char *const cdna[] = {"gfx90a", "gfx94", "gfx950", NULL};
    static const char *const rdna3[] = {"gfx11", NULL};
    const size_t lanes = intel_lanes(device);
    return (unsigned)nvidia_ampere(device) << OCL_ENGINE_MMA |
           (unsigned)amd_target(device, cdna) << OCL_ENGINE_MFMA |
           (unsigned)amd_target(device, rdna3) << OCL_ENGINE_WMMA |
           (unsigned)(lanes == 16) << OCL_ENGINE_DPAS16 |
           (unsigned)(lanes == 8) << OCL_ENGINE_DPAS8;
}

bool ocl_has_engine(const struct ocl_device *device, enum ocl_engine engine)
{
    return engine == OCL_NO_ENGINE || device->engines >> engine & 1u;
}
