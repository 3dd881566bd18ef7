/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "compute/opencl/ocl_gemm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void release_slice(struct clb_device *device, void *slice)
{
    ocl_release(device, slice);
}

static void close_device(struct clb_device *base)
{
    struct ocl_device *device = ocl_device(base);
    if (device->queue) clFinish(device->queue);
    ocl_gemm_close(device);
    ocl_programs_release(device);
    if (device->workspace) clReleaseMemObject(device->workspace);
    if (device->empty) clReleaseMemObject(device->empty);
    if (device->queue) clReleaseCommandQueue(device->queue);
    if (device->context) clReleaseContext(device->context);
    free(device);
}

static const struct clb_backend backend = {.name = "opencl",
                                           .close = close_device,
                                           .finish = ocl_finish,
                                           .describe = ocl_gemm_describe,
                                           .peak = ocl_peak,
                                           .allocate = ocl_allocate,
                                           .slice = ocl_slice,
                                           .release_slice = release_slice,
                                           .release = ocl_release,
                                           .write = ocl_write,
                                           .read = ocl_read,
#define OCL_ENTRY(name) .name = ocl_##name,
                                           CLB_OPERATION_LIST(OCL_ENTRY)
#undef OCL_ENTRY
};

/* ---- what a device is ---- */

static void text(cl_device_id id, cl_device_info what, char *out, size_t size)
{
    char *value = NULL;
    size_t length = 0;
    out[0] = 0;
    if (clGetDeviceInfo(id, what, 0, NULL, &length) != CL_SUCCESS) return;
    value = calloc(1, length + 1);
    if (value && clGetDeviceInfo(id, what, length, value, NULL) == CL_SUCCESS) {
        const char *begin = value + strspn(value, " \t");
        snprintf(out, size, "%s", begin);
        for (size_t n = strlen(out); n > 0 && out[n - 1] == ' '; n--) out[n - 1] = 0;
    }
    free(value);
}

static cl_ulong number(cl_device_id id, cl_device_info what, size_t size)
{
    union {
        cl_uint u32;
        cl_ulong u64;
        size_t size;
    } value = {.u64 = 0};
    if (clGetDeviceInfo(id, what, size, &value, NULL) != CL_SUCCESS) return 0;
    return size == sizeof(cl_uint) ? value.u32 : value.u64;
}

#define OCL_NUMBER(id, what, type) number(id, what, sizeof(type))

/* Whether the device has what every kernel needs. */
static bool usable(cl_device_id id)
{
    char version[64];
    int major = 0, minor = 0;
    text(id, CL_DEVICE_VERSION, version, sizeof version);
    return sscanf(version, "OpenCL %d.%d", &major, &minor) == 2 &&
           (major > 1 || (major == 1 && minor >= 2)) &&
           OCL_NUMBER(id, CL_DEVICE_AVAILABLE, cl_bool) &&
           OCL_NUMBER(id, CL_DEVICE_COMPILER_AVAILABLE, cl_bool) &&
           OCL_NUMBER(id, CL_DEVICE_ENDIAN_LITTLE, cl_bool) &&
           OCL_NUMBER(id, CL_DEVICE_LOCAL_MEM_SIZE, cl_ulong) >= 32 * 1024 &&
           OCL_NUMBER(id, CL_DEVICE_MAX_WORK_GROUP_SIZE, size_t) >= 64;
}

static void describe(cl_platform_id platform, cl_device_id id, unsigned p, unsigned d,
                     struct clb_device_info *info)
{
    memset(info, 0, sizeof *info);
    snprintf(info->selector, sizeof info->selector, "opencl:%u.%u", p, d);
    text(id, CL_DEVICE_NAME, info->name, sizeof info->name);
    text(id, CL_DEVICE_VENDOR, info->vendor, sizeof info->vendor);
    text(id, CL_DRIVER_VERSION, info->driver, sizeof info->driver);
    text(id, CL_DEVICE_VERSION, info->version, sizeof info->version);
    char name[sizeof info->platform] = "";
    if (clGetPlatformInfo(platform, CL_PLATFORM_NAME, sizeof name - 1, name, NULL) == CL_SUCCESS)
        memcpy(info->platform, name, sizeof name);
    info->memory_bytes = (int64_t)OCL_NUMBER(id, CL_DEVICE_GLOBAL_MEM_SIZE, cl_ulong);
    info->max_allocation_bytes = (int64_t)OCL_NUMBER(id, CL_DEVICE_MAX_MEM_ALLOC_SIZE, cl_ulong);
    info->compute_units = (int32_t)OCL_NUMBER(id, CL_DEVICE_MAX_COMPUTE_UNITS, cl_uint);
    info->is_gpu = (OCL_NUMBER(id, CL_DEVICE_TYPE, cl_device_type) & CL_DEVICE_TYPE_GPU) != 0;
}

/* llvmpipe calls itself a CPU, but splits wide vectors into scalars and runs work-items in its own
 * vector lanes: to be treated as a GPU. CLBERT_OPENCL_SHAPE=wide|group overrules, for tests. */
static struct ocl_shape choose_shape(cl_device_id id, const struct clb_device_info *info)
{
    const char *forced = getenv("CLBERT_OPENCL_SHAPE");
    cl_ulong type = OCL_NUMBER(id, CL_DEVICE_TYPE, cl_device_type);
    bool wide = (type & CL_DEVICE_TYPE_CPU) && !(type & CL_DEVICE_TYPE_GPU) &&
                !strstr(info->name, "llvmpipe");
    if (forced) wide = strcmp(forced, "wide") == 0;
    if (wide)
        return (struct ocl_shape){.wide = true, .vector = 16, .group = 1, .flat = 4096, .tile = 1};
    return (struct ocl_shape){.wide = false, .vector = 4, .group = 64, .flat = 4, .tile = 64};
}

/* ---- listing and opening ---- */

/* Calls `visit` for every usable device until it returns true. */
static enum clb_status
each_device(bool (*visit)(cl_platform_id, cl_device_id, unsigned, unsigned, void *), void *argument)
{
    cl_platform_id *platforms = NULL;
    cl_device_id *devices = NULL;
    cl_uint platform_count = 0;
    enum clb_status status = CLB_OK;
    bool done = false;
    if (clGetPlatformIDs(0, NULL, &platform_count) != CL_SUCCESS || platform_count == 0)
        return CLB_OK;
    platforms = calloc(platform_count, sizeof *platforms);
    if (!platforms) return clb_fail(CLB_ERROR_MEMORY, "OpenCL platforms: out of memory");
    if (clGetPlatformIDs(platform_count, platforms, NULL) != CL_SUCCESS) platform_count = 0;
    for (cl_uint p = 0; p < platform_count && !done; p++) {
        cl_uint count = 0;
        if (clGetDeviceIDs(platforms[p], CL_DEVICE_TYPE_ALL, 0, NULL, &count) != CL_SUCCESS ||
            count == 0)
            continue;
        free(devices);
        devices = calloc(count, sizeof *devices);
        if (!devices) {
            status = clb_fail(CLB_ERROR_MEMORY, "OpenCL devices: out of memory");
            break;
        }
        if (clGetDeviceIDs(platforms[p], CL_DEVICE_TYPE_ALL, count, devices, NULL) != CL_SUCCESS)
            continue;
        for (cl_uint d = 0; d < count && !done; d++)
            if (usable(devices[d])) done = visit(platforms[p], devices[d], p, d, argument);
    }
    free(devices);
    free(platforms);
    return status;
}

struct listing {
    struct clb_device_info **infos;
    int *count;
    bool out_of_memory;
};

static bool append(cl_platform_id platform, cl_device_id id, unsigned p, unsigned d, void *argument)
{
    struct listing *listing = argument;
    size_t count = (size_t)*listing->count;
    struct clb_device_info *infos = realloc(*listing->infos, (count + 1) * sizeof *infos);
    listing->out_of_memory = !infos;
    if (!infos) return true;
    describe(platform, id, p, d, &infos[count]);
    ocl_gemm_describe_cached(&infos[count]);
    *listing->infos = infos;
    *listing->count += 1;
    return false;
}

enum clb_status ocl_device_list(struct clb_device_info **infos, int *count)
{
    struct listing listing = {infos, count, false};
    enum clb_status status = each_device(append, &listing);
    if (status == CLB_OK && listing.out_of_memory)
        return clb_fail(CLB_ERROR_MEMORY, "device list: out of memory");
    return status;
}

struct search {
    const char *selector;
    struct ocl_device *device; /* its ids and description, when found */
    bool found;
};

static bool match(cl_platform_id platform, cl_device_id id, unsigned p, unsigned d, void *argument)
{
    struct search *search = argument;
    char selector[32];
    snprintf(selector, sizeof selector, "opencl:%u.%u", p, d);
    if (strcmp(selector, search->selector) != 0) return false;
    search->device->platform = platform;
    search->device->id = id;
    describe(platform, id, p, d, &search->device->base.info);
    search->found = true;
    return true;
}

static enum clb_status open_queue(struct ocl_device *device)
{
    cl_context_properties properties[] = {CL_CONTEXT_PLATFORM,
                                          (cl_context_properties)device->platform, 0};
    cl_int error;
    enum clb_status status;
    device->context = clCreateContext(properties, 1, &device->id, NULL, NULL, &error);
    CLB_TRY(ocl_check(device, error, "create a context"));
    device->queue = clCreateCommandQueue(device->context, device->id, 0, &error);
    CLB_TRY(ocl_check(device, error, "create a queue"));
    device->empty = clCreateBuffer(device->context, CL_MEM_READ_WRITE, 64, NULL, &error);
    CLB_TRY(ocl_check(device, error, "allocate"));
cleanup:
    return status;
}

enum clb_status ocl_device_open(const char *selector, struct clb_device **out)
{
    struct ocl_device *device = calloc(1, sizeof *device);
    if (!device) return clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", selector);
    struct search search = {selector, device, false};
    enum clb_status status;
    device->base.backend = &backend;
    CLB_TRY(each_device(match, &search));
    if (!search.found)
        CLB_TRY(clb_fail(CLB_ERROR_ARGUMENT,
                         "%s: no such usable OpenCL device; `clbert devices` "
                         "lists them",
                         selector));
    device->shape = choose_shape(device->id, &device->base.info);
    CLB_TRY(open_queue(device));
    *out = &device->base;
    return CLB_OK;
cleanup:
    close_device(&device->base);
    return status;
}
