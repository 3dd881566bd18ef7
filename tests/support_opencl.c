/* SPDX-License-Identifier: Apache-2.0 */
#include "support_opencl.h"

#include <CL/cl_ext.h>
#include <clblast_c.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

struct support_opencl support_opencl;

/* The loader's own function. */
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* Whether this call is to fail. */
static bool fails(const char *call)
{
    support_opencl.calls++;
    if (!support_opencl.failing || strcmp(support_opencl.failing, call) != 0) return false;
    if (support_opencl.times == 0) return false;
    if (support_opencl.times > 0) support_opencl.times--;
    return true;
}

/* ---- the machine that is made up: its platforms and devices are pointers to gpus ---- */

static int number_of(const void *handle)
{
    for (int i = 0; i < support_opencl.gpu_count; i++)
        if (handle == &support_opencl.gpus[i]) return i;
    return -1;
}

static cl_int give(const void *value, size_t size, size_t room, void *out, size_t *needed)
{
    if (needed) *needed = size;
    if (!out) return CL_SUCCESS;
    if (room < size) return CL_INVALID_VALUE;
    memcpy(out, value, size);
    return CL_SUCCESS;
}

static cl_int describe(const struct support_gpu *gpu, cl_device_info what, size_t room, void *out,
                       size_t *needed)
{
    const cl_ulong memory = (cl_ulong)8 << 30, local = 32768, type = CL_DEVICE_TYPE_GPU;
    const cl_uint clock = 2000, yes = CL_TRUE, no = CL_FALSE;
    switch (what) {
    case CL_DEVICE_NAME:
        return give(gpu->name, strlen(gpu->name) + 1, room, out, needed);
    case CL_DEVICE_VERSION:
        return give(gpu->version, strlen(gpu->version) + 1, room, out, needed);
    case CL_DEVICE_VENDOR:
    case CL_DRIVER_VERSION:
        return give("made up", 8, room, out, needed);
    case CL_DEVICE_TYPE:
        return give(&type, sizeof type, room, out, needed);
    case CL_DEVICE_GLOBAL_MEM_SIZE:
    case CL_DEVICE_MAX_MEM_ALLOC_SIZE:
        return give(&memory, sizeof memory, room, out, needed);
    case CL_DEVICE_LOCAL_MEM_SIZE:
        return give(&local, sizeof local, room, out, needed);
    case CL_DEVICE_MAX_COMPUTE_UNITS:
        return give(&gpu->units, sizeof gpu->units, room, out, needed);
    case CL_DEVICE_MAX_CLOCK_FREQUENCY:
        return give(&clock, sizeof clock, room, out, needed);
    case CL_DEVICE_HOST_UNIFIED_MEMORY:
        return give(&no, sizeof no, room, out, needed);
    case CL_DEVICE_AVAILABLE:
    case CL_DEVICE_COMPILER_AVAILABLE:
    case CL_DEVICE_ENDIAN_LITTLE:
        return give(&yes, sizeof yes, room, out, needed);
    case CL_DEVICE_MAX_WORK_GROUP_SIZE:
        return give(&gpu->largest_group, sizeof gpu->largest_group, room, out, needed);
    default:
        return CL_INVALID_VALUE;
    }
}

/* ---- the calls ---- */

cl_int clGetPlatformIDs(cl_uint room, cl_platform_id *platforms, cl_uint *count)
{
    if (fails("clGetPlatformIDs")) return support_opencl.error;
    if (support_opencl.gpu_count == 0) return REAL(clGetPlatformIDs)(room, platforms, count);
    if (count) *count = (cl_uint)support_opencl.gpu_count;
    for (cl_uint i = 0; platforms && i < room; i++)
        platforms[i] = (cl_platform_id)(void *)&support_opencl.gpus[i];
    return CL_SUCCESS;
}

cl_int clGetPlatformInfo(cl_platform_id platform, cl_platform_info what, size_t room, void *out,
                         size_t *needed)
{
    if (fails("clGetPlatformInfo")) return support_opencl.error;
    if (support_opencl.platform_name && what == CL_PLATFORM_NAME)
        return give(support_opencl.platform_name, strlen(support_opencl.platform_name) + 1, room,
                    out, needed);
    if (number_of(platform) >= 0) return give("made up", 8, room, out, needed);
    return REAL(clGetPlatformInfo)(platform, what, room, out, needed);
}

cl_int clGetDeviceIDs(cl_platform_id platform, cl_device_type type, cl_uint room,
                      cl_device_id *devices, cl_uint *count)
{
    const int number = number_of(platform);
    if ((number < 0 || (cl_uint)number == support_opencl.what) && fails("clGetDeviceIDs"))
        return support_opencl.error;
    if (number < 0) return REAL(clGetDeviceIDs)(platform, type, room, devices, count);
    if (count) *count = 1;
    if (devices && room) devices[0] = (cl_device_id)(void *)platform;
    return CL_SUCCESS;
}

cl_int clGetDeviceInfo(cl_device_id device, cl_device_info what, size_t room, void *out,
                       size_t *needed)
{
    const int number = number_of(device);
    if ((support_opencl.what == 0 || support_opencl.what == what) && fails("clGetDeviceInfo"))
        return support_opencl.error;
    const size_t lanes = 16;
    if (support_opencl.extensions && what == CL_DEVICE_EXTENSIONS)
        return give(support_opencl.extensions, strlen(support_opencl.extensions) + 1, room, out,
                    needed);
    if (support_opencl.extensions && what == CL_DEVICE_SUB_GROUP_SIZES_INTEL)
        return give(&lanes, sizeof lanes, room, out, needed);
    if (number < 0) return REAL(clGetDeviceInfo)(device, what, room, out, needed);
    return describe(&support_opencl.gpus[number], what, room, out, needed);
}

cl_program clCreateProgramWithSource(cl_context context, cl_uint count, const char **texts,
                                     const size_t *sizes, cl_int *error)
{
    support_opencl.sources++;
    return REAL(clCreateProgramWithSource)(context, count, texts, sizes, error);
}

cl_program clCreateProgramWithBinary(cl_context context, cl_uint count, const cl_device_id *devices,
                                     const size_t *sizes, const unsigned char **binaries,
                                     cl_int *status, cl_int *error)
{
    support_opencl.binaries++;
    if (fails("clCreateProgramWithBinary")) {
        *error = support_opencl.error;
        return NULL;
    }
    return REAL(clCreateProgramWithBinary)(context, count, devices, sizes, binaries, status, error);
}

cl_int clBuildProgram(cl_program program, cl_uint count, const cl_device_id *devices,
                      const char *options, void(CL_CALLBACK *notify)(cl_program, void *),
                      void *argument)
{
    if (fails("clBuildProgram")) return support_opencl.error;
    return REAL(clBuildProgram)(program, count, devices, options, notify, argument);
}

cl_int clEnqueueNDRangeKernel(cl_command_queue queue, cl_kernel kernel, cl_uint dimensions,
                              const size_t *offset, const size_t *global, const size_t *local,
                              cl_uint event_count, const cl_event *events, cl_event *event)
{
    char name[64] = "";
    clGetKernelInfo(kernel, CL_KERNEL_FUNCTION_NAME, sizeof name - 1, name, NULL);
    if (support_opencl.kernel && strcmp(name, support_opencl.kernel) == 0 &&
        fails("clEnqueueNDRangeKernel"))
        return support_opencl.error;
    return REAL(clEnqueueNDRangeKernel)(queue, kernel, dimensions, offset, global, local,
                                        event_count, events, event);
}

/* Never the real one, which compiles for seconds: it fails, or does nothing, which is wrong. */
CLBlastStatusCode CLBlastSgemmWithTempBuffer(
    const CLBlastLayout layout, const CLBlastTranspose a_transpose,
    const CLBlastTranspose b_transpose, const size_t m, const size_t n, const size_t k,
    const float alpha, const cl_mem a, const size_t a_offset, const size_t a_stride, const cl_mem b,
    const size_t b_offset, const size_t b_stride, const float beta, cl_mem c, const size_t c_offset,
    const size_t c_stride, cl_command_queue *queue, cl_event *event, cl_mem temporary)
{
    (void)layout, (void)a_transpose, (void)b_transpose, (void)m, (void)n, (void)k, (void)alpha,
        (void)a;
    (void)a_offset, (void)a_stride, (void)b, (void)b_offset, (void)b_stride, (void)beta, (void)c;
    (void)c_offset, (void)c_stride, (void)queue, (void)event, (void)temporary;
    return fails("CLBlast") ? (CLBlastStatusCode)support_opencl.error : CLBlastSuccess;
}

CLBlastStatusCode CLBlastOverrideParameters(const cl_device_id device, const char *kernel,
                                            const CLBlastPrecision precision, const size_t count,
                                            const char **names, const size_t *values)
{
    (void)device, (void)kernel, (void)precision, (void)count, (void)names, (void)values;
    return fails("CLBlastOverrideParameters") ? (CLBlastStatusCode)support_opencl.error
                                              : CLBlastSuccess;
}
