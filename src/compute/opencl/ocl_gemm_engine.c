/* SPDX-License-Identifier: Apache-2.0 */
/* Matrix engines: which of them a device promises, and which keeps the promise. Drivers claim what
 * they lack and compilers refuse what their hardware has: an engine is used where it compiled and a
 * product by it was compared with the host's. */
#include "base/error.h"
#include "base/log.h"
#include "compute/opencl/ocl_gemm.h"

#include <CL/cl_ext.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what a device promises ---- */

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
    cl_ulong local = 0;
    clGetDeviceInfo(device->id, CL_DEVICE_LOCAL_MEM_SIZE, sizeof local, &local, NULL);
    if (local < OCL_ENGINE_LOCAL_BYTES) return 0;
    return (unsigned)nvidia_ampere(device) << OCL_ENGINE_MMA |
           (unsigned)amd_target(device, cdna) << OCL_ENGINE_MFMA |
           (unsigned)amd_target(device, rdna3) << OCL_ENGINE_WMMA |
           (unsigned)(lanes == 16) << OCL_ENGINE_DPAS16 |
           (unsigned)(lanes == 8) << OCL_ENGINE_DPAS8;
}

#define HAS(name, engine)                                                                          \
    bool name(const struct ocl_device *device)                                                     \
    {                                                                                              \
        return device->engines >> (engine)&1u;                                                     \
    }
HAS(ocl_has_mma, OCL_ENGINE_MMA)
HAS(ocl_has_mfma, OCL_ENGINE_MFMA)
HAS(ocl_has_wmma, OCL_ENGINE_WMMA)
HAS(ocl_has_dpas16, OCL_ENGINE_DPAS16)
HAS(ocl_has_dpas8, OCL_ENGINE_DPAS8)

/* ---- what it keeps ---- */

static void note(struct ocl_gemm *gemm, const struct ocl_gemm_candidate *candidate,
                 enum clb_type operands, const char *what)
{
    const size_t length = strlen(gemm->text);
    snprintf(gemm->text + length, sizeof gemm->text - length, "; %s: %s%s", clb_type_name(operands),
             candidate->name, what);
}

/* Whether it may be used. */
static bool probe(struct ocl_device *device, const struct ocl_gemm_candidate *candidate,
                  enum clb_type operands)
{
    bool right = false;
    if (ocl_gemm_check(device, candidate, operands, &right) != CLB_OK) {
        base_warn("%s failed while it was probed with %s: %s", candidate->name,
                  clb_type_name(operands), clb_error_message());
        note(device->gemm, candidate, operands, " failed here");
        return false;
    }
    note(device->gemm, candidate, operands, right ? "" : " is wrong here");
    return right;
}

const struct ocl_gemm_candidate *ocl_gemm_engine(struct ocl_device *device, enum clb_type operands)
{
    struct ocl_gemm *gemm = device->gemm;
    for (int i = 0; i < OCL_GEMM_CANDIDATES && !gemm->probed[operands]; i++) {
        const struct ocl_gemm_candidate *candidate = &ocl_gemm_candidates[i];
        if (!candidate->tile || !candidate->tile->engine || !candidate->available(device)) continue;
        if (!(candidate->types >> operands & 1u) || !probe(device, candidate, operands)) continue;
        gemm->engines[operands] = candidate;
        gemm->probed[operands] = true;
    }
    gemm->probed[operands] = true;
    return gemm->engines[operands];
}
