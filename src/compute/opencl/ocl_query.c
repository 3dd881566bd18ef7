/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/opencl/ocl_query.h"

#include "base/error.h"

#include <CL/cl_ext.h> /* CL_PLATFORM_NOT_FOUND_KHR */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum clb_status failed(const char *call, const char *what, cl_int error)
{
    return clb_fail(CLB_ERROR_DEVICE, "%s(%s): %s (%d); mend or remove its OpenCL driver", call,
                    what, ocl_error_name(error), error);
}

/* ---- platforms and devices ---- */

enum clb_status ocl_platforms(cl_platform_id **platforms, cl_uint *count)
{
    cl_int error = clGetPlatformIDs(0, NULL, count);
    *platforms = NULL;
    if (error == CL_PLATFORM_NOT_FOUND_KHR) *count = 0;
    if (error == CL_PLATFORM_NOT_FOUND_KHR || (error == CL_SUCCESS && *count == 0)) return CLB_OK;
    if (error != CL_SUCCESS) return failed("clGetPlatformIDs", "", error);
    *platforms = calloc(*count, sizeof **platforms);
    if (!*platforms) return clb_fail(CLB_ERROR_MEMORY, "OpenCL platforms: out of memory");
    error = clGetPlatformIDs(*count, *platforms, NULL);
    return error == CL_SUCCESS ? CLB_OK : failed("clGetPlatformIDs", "", error);
}

enum clb_status ocl_devices(cl_platform_id platform, unsigned p, cl_device_id **devices,
                            cl_uint *count)
{
    char name[24];
    cl_int error = clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 0, NULL, count);
    snprintf(name, sizeof name, "platform %u", p);
    *devices = NULL;
    if (error == CL_DEVICE_NOT_FOUND) *count = 0;
    if (error == CL_DEVICE_NOT_FOUND || (error == CL_SUCCESS && *count == 0)) return CLB_OK;
    if (error != CL_SUCCESS) return failed("clGetDeviceIDs", name, error);
    *devices = calloc(*count, sizeof **devices);
    if (!*devices) return clb_fail(CLB_ERROR_MEMORY, "OpenCL devices: out of memory");
    error = clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, *count, *devices, NULL);
    return error == CL_SUCCESS ? CLB_OK : failed("clGetDeviceIDs", name, error);
}

/* ---- what a device is ---- */

/* A driver's text goes to terminals and into files: printable ASCII, without blanks around it. */
static void take_text(char *out, size_t size, const char *value)
{
    snprintf(out, size, "%s", value + strspn(value, " \t\n"));
    for (char *c = out; *c; c++)
        if ((unsigned char)*c < ' ' || (unsigned char)*c > '~') *c = '?';
    for (size_t n = strlen(out); n > 0 && out[n - 1] == ' '; n--) out[n - 1] = 0;
}

static enum clb_status get_text(cl_device_id id, cl_device_info what, const char *what_name,
                                char *out, size_t size)
{
    size_t length = 0;
    char *value = NULL;
    cl_int error = clGetDeviceInfo(id, what, 0, NULL, &length);
    if (error != CL_SUCCESS) return failed("clGetDeviceInfo", what_name, error);
    value = calloc(1, length + 1);
    if (!value) return clb_fail(CLB_ERROR_MEMORY, "OpenCL devices: out of memory");
    error = clGetDeviceInfo(id, what, length, value, NULL);
    if (error == CL_SUCCESS) take_text(out, size, value);
    free(value);
    return error == CL_SUCCESS ? CLB_OK : failed("clGetDeviceInfo", what_name, error);
}

static enum clb_status get(cl_device_id id, cl_device_info what, const char *what_name, size_t size,
                           void *value)
{
    cl_int error = clGetDeviceInfo(id, what, size, value, NULL);
    return error == CL_SUCCESS ? CLB_OK : failed("clGetDeviceInfo", what_name, error);
}

#define TEXT(id, what, out) get_text(id, what, #what, out, sizeof(out))
#define GET(id, what, value) get(id, what, #what, sizeof *(value), value)

static enum clb_status describe(cl_platform_id platform, cl_device_id id,
                                struct clb_device_info *info)
{
    char name[sizeof info->platform] = "";
    cl_ulong memory, allocation;
    cl_uint units, clock;
    cl_bool unified;
    cl_device_type type;
    enum clb_status status;
    cl_int error = clGetPlatformInfo(platform, CL_PLATFORM_NAME, sizeof name - 1, name, NULL);
    if (error != CL_SUCCESS) CLB_TRY(failed("clGetPlatformInfo", "CL_PLATFORM_NAME", error));
    take_text(info->platform, sizeof info->platform, name);
    CLB_TRY(TEXT(id, CL_DEVICE_NAME, info->name));
    CLB_TRY(TEXT(id, CL_DEVICE_VENDOR, info->vendor));
    CLB_TRY(TEXT(id, CL_DRIVER_VERSION, info->driver));
    CLB_TRY(TEXT(id, CL_DEVICE_VERSION, info->version));
    CLB_TRY(GET(id, CL_DEVICE_TYPE, &type));
    CLB_TRY(GET(id, CL_DEVICE_GLOBAL_MEM_SIZE, &memory));
    CLB_TRY(GET(id, CL_DEVICE_MAX_MEM_ALLOC_SIZE, &allocation));
    CLB_TRY(GET(id, CL_DEVICE_MAX_COMPUTE_UNITS, &units));
    CLB_TRY(GET(id, CL_DEVICE_MAX_CLOCK_FREQUENCY, &clock));
    CLB_TRY(GET(id, CL_DEVICE_HOST_UNIFIED_MEMORY, &unified));
    info->memory_bytes = (int64_t)memory;
    info->max_allocation_bytes = (int64_t)allocation;
    info->compute_units = (int32_t)units;
    info->clock_mhz = (int32_t)clock;
    info->is_gpu = (type & CL_DEVICE_TYPE_GPU) != 0;
    info->is_integrated = info->is_gpu && unified;
cleanup:
    return status;
}

/* llvmpipe calls itself a CPU, but splits wide vectors into scalars and runs work-items in its own
 * vector lanes: to be treated as a GPU. CLBERT_OPENCL_SHAPE=wide|group overrules, for tests. */
static enum clb_status choose_shape(cl_device_id id, const struct clb_device_info *info,
                                    const struct ocl_shape **shape)
{
    const char *forced = getenv("CLBERT_OPENCL_SHAPE");
    cl_device_type type;
    enum clb_status status;
    CLB_TRY(GET(id, CL_DEVICE_TYPE, &type));
    bool wide = (type & CL_DEVICE_TYPE_CPU) && !(type & CL_DEVICE_TYPE_GPU) &&
                !strstr(info->name, "llvmpipe");
    if (forced) wide = strcmp(forced, ocl_shapes[OCL_SHAPE_WIDE].name) == 0;
    *shape = &ocl_shapes[wide ? OCL_SHAPE_WIDE : OCL_SHAPE_GROUP];
cleanup:
    return status;
}

static enum clb_status find_lacks(cl_device_id id, struct ocl_found *found)
{
    int major = 0, minor = 0;
    cl_bool available, compiler, little;
    cl_ulong local;
    size_t group, needed = found->shape->wide ? 1 : OCL_LEAST_GROUP;
    enum clb_status status;
    char *lacks = found->lacks;
    CLB_TRY(GET(id, CL_DEVICE_AVAILABLE, &available));
    CLB_TRY(GET(id, CL_DEVICE_COMPILER_AVAILABLE, &compiler));
    CLB_TRY(GET(id, CL_DEVICE_ENDIAN_LITTLE, &little));
    CLB_TRY(GET(id, CL_DEVICE_LOCAL_MEM_SIZE, &local));
    CLB_TRY(GET(id, CL_DEVICE_MAX_WORK_GROUP_SIZE, &group));
    found->limits = (struct ocl_limits){(int64_t)group, (int64_t)local};
    if (sscanf(found->info.version, "OpenCL %d.%d", &major, &minor) != 2 || 10 * major + minor < 12)
        snprintf(lacks, sizeof found->lacks, "OpenCL 1.2 (it has %.40s)", found->info.version);
    else if (!available || !compiler)
        snprintf(lacks, sizeof found->lacks, "%s", available ? "a compiler" : "availability");
    else if (!little)
        snprintf(lacks, sizeof found->lacks, "little-endian order of bytes");
    else if (local < OCL_LOCAL_BYTES)
        snprintf(lacks, sizeof found->lacks, "%d KiB of local memory (it has %llu)",
                 OCL_LOCAL_BYTES >> 10, (unsigned long long)local >> 10);
    else if (group < needed)
        snprintf(lacks, sizeof found->lacks, "work-groups of %zu (it has %zu)", needed, group);
cleanup:
    return status;
}

enum clb_status ocl_find(cl_platform_id platform, cl_device_id id, unsigned p, unsigned d,
                         struct ocl_found *found)
{
    enum clb_status status;
    *found = (struct ocl_found){.platform = platform, .id = id};
    snprintf(found->info.selector, sizeof found->info.selector, "opencl:%u.%u", p, d);
    CLB_TRY(describe(platform, id, &found->info));
    CLB_TRY(choose_shape(id, &found->info, &found->shape));
    CLB_TRY(find_lacks(id, found));
cleanup:
    if (status != CLB_OK) clb_fail_context(status, "opencl:%u.%u", p, d);
    return status;
}
