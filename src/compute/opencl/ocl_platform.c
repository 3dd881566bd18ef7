/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/log.h"
#include "compute/device_choice.h"
#include "compute/opencl/ocl_gemm.h"
#include "compute/opencl/ocl_query.h"

#include <stdlib.h>

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
    if (device->workspace.memory) clReleaseMemObject(device->workspace.memory);
    if (device->wide.memory) clReleaseMemObject(device->wide.memory);
    if (device->empty) clReleaseMemObject(device->empty);
    if (device->queue) clReleaseCommandQueue(device->queue);
    if (device->context) clReleaseContext(device->context);
    free(device);
}

static const struct clb_backend backend = {.name = "opencl",
                                           .close = close_device,
                                           .finish = ocl_finish,
                                           .describe = ocl_gemm_describe,
                                           .expect = ocl_gemm_expect,
                                           .products = ocl_gemm_products,
                                           .use_products = ocl_gemm_use_products,
                                           .tune = ocl_gemm_tune,
                                           .peak = ocl_peak,
                                           .allocate = ocl_allocate,
                                           .slice = ocl_slice,
                                           .release_slice = release_slice,
                                           .release = ocl_release,
                                           .write = ocl_write,
                                           .read = ocl_read,
                                           .allocate_host = ocl_allocate_host,
                                           .release_host = ocl_release_host,
                                           .send = ocl_send,
                                           .wait_sent = ocl_wait_sent,
                                           .flush = ocl_flush,
                                           .multiplies = OCL_GEMM_ALL_TYPES,
#define OCL_ENTRY(name) .name = ocl_##name,
                                           CLB_OPERATION_LIST(OCL_ENTRY)
#undef OCL_ENTRY
};

/* ---- listing ---- */

static void warn_of(struct base_failure *problem, enum clb_status status)
{
    base_warn("%s", clb_error_message());
    base_failure_note(problem, status);
}

static enum clb_status append(const struct ocl_found *found, struct clb_device_info **infos,
                              int *count)
{
    struct clb_device_info *grown = realloc(*infos, ((size_t)*count + 1) * sizeof *grown);
    if (!grown) return clb_fail(CLB_ERROR_MEMORY, "device list: out of memory");
    *infos = grown;
    grown[*count] = found->info;
    ocl_gemm_describe_cached(&grown[*count], found->shape);
    *count += 1;
    return CLB_OK;
}

static enum clb_status list_platform(cl_platform_id platform, unsigned p,
                                     struct clb_device_info **infos, int *count,
                                     struct base_failure *problem)
{
    cl_device_id *devices = NULL;
    cl_uint device_count = 0;
    enum clb_status status = ocl_devices(platform, p, &devices, &device_count);
    if (status != CLB_OK) {
        warn_of(problem, status);
        status = CLB_OK;
        device_count = 0;
    }
    for (cl_uint d = 0; d < device_count; d++) {
        struct ocl_found found;
        status = ocl_find(platform, devices[d], p, d, &found);
        if (status != CLB_OK)
            warn_of(problem, status);
        else if (!found.lacks[0])
            CLB_TRY(append(&found, infos, count));
        status = CLB_OK;
    }
cleanup:
    free(devices);
    return status;
}

enum clb_status ocl_device_list(struct clb_device_info **infos, int *count,
                                struct base_failure *problem)
{
    cl_platform_id *platforms = NULL;
    cl_uint platform_count = 0;
    enum clb_status status = ocl_platforms(&platforms, &platform_count);
    if (status != CLB_OK) {
        warn_of(problem, status);
        status = CLB_OK;
        platform_count = 0;
    }
    for (cl_uint p = 0; p < platform_count; p++)
        CLB_TRY(list_platform(platforms[p], p, infos, count, problem));
cleanup:
    free(platforms);
    return status;
}

/* ---- opening ---- */

/* Device number d of platform number p. */
static enum clb_status find_device(unsigned p, unsigned d, struct ocl_found *found)
{
    cl_platform_id *platforms = NULL;
    cl_device_id *devices = NULL;
    cl_uint platform_count = 0, device_count = 0;
    enum clb_status status;
    CLB_TRY(ocl_platforms(&platforms, &platform_count));
    if (p >= platform_count)
        CLB_TRY(
            clb_fail(CLB_ERROR_ARGUMENT,
                     "device \"opencl:%u.%u\" is unknown: there are %u OpenCL platforms, counted "
                     "from 0; `clbert devices` lists their devices",
                     p, d, platform_count));
    CLB_TRY(ocl_devices(platforms[p], p, &devices, &device_count));
    if (d >= device_count)
        CLB_TRY(clb_fail(CLB_ERROR_ARGUMENT,
                         "device \"opencl:%u.%u\" is unknown: platform %u has %u devices, counted "
                         "from 0; `clbert devices` lists them",
                         p, d, p, device_count));
    CLB_TRY(ocl_find(platforms[p], devices[d], p, d, found));
    if (found->lacks[0])
        CLB_TRY(clb_fail(CLB_ERROR_ARGUMENT,
                         "device \"opencl:%u.%u\" (%s) cannot be used: it lacks %s", p, d,
                         found->info.name, found->lacks));
cleanup:
    free(devices);
    free(platforms);
    return status;
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
    device->engines = ocl_engines_of(device);
cleanup:
    return status;
}

enum clb_status ocl_device_open(const char *selector, struct clb_device **out)
{
    struct ocl_device *device = calloc(1, sizeof *device);
    struct ocl_found found;
    unsigned platform, number;
    enum clb_status status;
    if (!device) return clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", selector);
    device->base.backend = &backend;
    if (!device_is_index(selector, &platform, &number))
        CLB_TRY(clb_fail(CLB_ERROR_ARGUMENT, "%s is no opencl:P.D", selector));
    CLB_TRY(find_device(platform, number, &found));
    device->platform = found.platform;
    device->id = found.id;
    device->base.info = found.info;
    device->shape = found.shape;
    device->limits = found.limits;
    CLB_TRY(open_queue(device));
    CLB_TRY(ocl_gemm_open(device));
    *out = &device->base;
    return CLB_OK;
cleanup:
    close_device(&device->base);
    return status;
}
