/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/opencl/ocl.h"

enum clb_status ocl_finish(struct clb_device *base)
{
    struct ocl_device *device = ocl_device(base);
    return ocl_check(device, clFinish(device->queue), "finish");
}

enum clb_status ocl_allocate(struct clb_device *base, int64_t bytes, void **memory)
{
    struct ocl_device *device = ocl_device(base);
    cl_int error;
    *memory = clCreateBuffer(device->context, CL_MEM_READ_WRITE, (size_t)bytes, NULL, &error);
    return ocl_check(device, error, "allocate");
}

enum clb_status ocl_slice(struct clb_device *base, void *memory, int64_t offset, int64_t bytes,
                          void **slice)
{
    cl_buffer_region region = {(size_t)offset, (size_t)bytes};
    cl_int error;
    *slice =
        clCreateSubBuffer(memory, CL_MEM_READ_WRITE, CL_BUFFER_CREATE_TYPE_REGION, &region, &error);
    return ocl_check(ocl_device(base), error, "create a sub-buffer");
}

void ocl_release(struct clb_device *base, void *memory)
{
    (void)base;
    clReleaseMemObject(memory);
}

enum clb_status ocl_write(struct clb_device *base, void *memory, const void *host, int64_t bytes)
{
    struct ocl_device *device = ocl_device(base);
    return ocl_check(
        device,
        clEnqueueWriteBuffer(device->queue, memory, CL_TRUE, 0, (size_t)bytes, host, 0, NULL, NULL),
        "write");
}

enum clb_status ocl_read(struct clb_device *base, void *memory, int64_t offset, void *host,
                         int64_t bytes)
{
    struct ocl_device *device = ocl_device(base);
    return ocl_check(device,
                     clEnqueueReadBuffer(device->queue, memory, CL_TRUE, (size_t)offset,
                                         (size_t)bytes, host, 0, NULL, NULL),
                     "read");
}

/* ---- sending without waiting ---- */

/* Pinned memory, where the driver has such: only from there can a device fetch by itself. */
enum clb_status ocl_allocate_host(struct clb_device *base, int64_t bytes, void **handle,
                                  void **host)
{
    struct ocl_device *device = ocl_device(base);
    cl_int error;
    cl_mem buffer =
        clCreateBuffer(device->context, CL_MEM_ALLOC_HOST_PTR, (size_t)bytes, NULL, &error);
    enum clb_status status = ocl_check(device, error, "allocate host memory");
    if (status != CLB_OK) return status;
    *host = clEnqueueMapBuffer(device->queue, buffer, CL_TRUE, CL_MAP_READ | CL_MAP_WRITE, 0,
                               (size_t)bytes, 0, NULL, NULL, &error);
    status = ocl_check(device, error, "map host memory");
    if (status != CLB_OK)
        clReleaseMemObject(buffer);
    else
        *handle = buffer;
    return status;
}

void ocl_release_host(struct clb_device *base, void *handle, void *host)
{
    clEnqueueUnmapMemObject(ocl_device(base)->queue, handle, host, 0, NULL, NULL);
    clReleaseMemObject(handle);
}

enum clb_status ocl_send(struct clb_device *base, void *memory, const void *host, int64_t bytes,
                         void **sent)
{
    struct ocl_device *device = ocl_device(base);
    cl_event event = NULL;
    enum clb_status status = ocl_check(device,
                                       clEnqueueWriteBuffer(device->queue, memory, CL_FALSE, 0,
                                                            (size_t)bytes, host, 0, NULL, &event),
                                       "send");
    *sent = event;
    return status == CLB_OK ? ocl_flush(base) : status;
}

enum clb_status ocl_wait_sent(struct clb_device *base, void *sent)
{
    struct ocl_device *device = ocl_device(base);
    cl_event event = sent;
    cl_int state = CL_COMPLETE;
    if (!event) return CLB_OK;
    cl_int error =
        clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof state, &state, NULL);
    if (error == CL_SUCCESS && state > CL_COMPLETE) {
        base->traffic.held++;
        error = clWaitForEvents(1, &event);
    } else if (error == CL_SUCCESS && state < CL_COMPLETE) {
        error = state;
    }
    clReleaseEvent(event);
    return ocl_check(device, error, "send");
}

enum clb_status ocl_flush(struct clb_device *base)
{
    struct ocl_device *device = ocl_device(base);
    return ocl_check(device, clFlush(device->queue), "flush");
}

/* What is queued keeps a released buffer alive, so growing needs no wait. */
static enum clb_status grow(struct ocl_device *device, struct ocl_scratch *scratch, int64_t bytes,
                            cl_mem *memory)
{
    if (bytes > scratch->bytes) {
        cl_int error;
        cl_mem grown =
            clCreateBuffer(device->context, CL_MEM_READ_WRITE, (size_t)bytes, NULL, &error);
        enum clb_status status = ocl_check(device, error, "allocate scratch");
        if (status != CLB_OK) return status;
        if (scratch->memory) clReleaseMemObject(scratch->memory);
        *scratch = (struct ocl_scratch){grown, bytes};
    }
    *memory = scratch->memory;
    return CLB_OK;
}

enum clb_status ocl_workspace(struct ocl_device *device, int64_t bytes, cl_mem *workspace)
{
    return grow(device, &device->workspace, bytes, workspace);
}

enum clb_status ocl_wide_numbers(struct ocl_device *device, int64_t count, cl_mem *numbers)
{
    return grow(device, &device->wide, 4 * count, numbers);
}
