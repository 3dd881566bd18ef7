/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "compute/opencl/ocl.h"

const char *ocl_error_name(cl_int error)
{
    switch (error) {
#define OCL_NAME(name)                                                                             \
    case name:                                                                                     \
        return #name;
        OCL_NAME(CL_DEVICE_NOT_FOUND)
        OCL_NAME(CL_DEVICE_NOT_AVAILABLE)
        OCL_NAME(CL_COMPILER_NOT_AVAILABLE)
        OCL_NAME(CL_MEM_OBJECT_ALLOCATION_FAILURE)
        OCL_NAME(CL_OUT_OF_RESOURCES)
        OCL_NAME(CL_OUT_OF_HOST_MEMORY)
        OCL_NAME(CL_BUILD_PROGRAM_FAILURE)
        OCL_NAME(CL_MISALIGNED_SUB_BUFFER_OFFSET)
        OCL_NAME(CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST)
        OCL_NAME(CL_INVALID_VALUE)
        OCL_NAME(CL_INVALID_DEVICE_TYPE)
        OCL_NAME(CL_INVALID_PLATFORM)
        OCL_NAME(CL_INVALID_DEVICE)
        OCL_NAME(CL_INVALID_CONTEXT)
        OCL_NAME(CL_INVALID_BINARY)
        OCL_NAME(CL_INVALID_BUFFER_SIZE)
        OCL_NAME(CL_INVALID_BUILD_OPTIONS)
        OCL_NAME(CL_INVALID_COMMAND_QUEUE)
        OCL_NAME(CL_INVALID_KERNEL_NAME)
        OCL_NAME(CL_INVALID_KERNEL_ARGS)
        OCL_NAME(CL_INVALID_ARG_INDEX)
        OCL_NAME(CL_INVALID_ARG_VALUE)
        OCL_NAME(CL_INVALID_ARG_SIZE)
        OCL_NAME(CL_INVALID_MEM_OBJECT)
        OCL_NAME(CL_INVALID_WORK_GROUP_SIZE)
        OCL_NAME(CL_INVALID_WORK_ITEM_SIZE)
        OCL_NAME(CL_INVALID_GLOBAL_WORK_SIZE)
#undef OCL_NAME
    default:
        return "error";
    }
}

enum clb_status ocl_check(struct ocl_device *device, cl_int error, const char *what)
{
    if (error == CL_SUCCESS) return CLB_OK;
    bool memory = error == CL_MEM_OBJECT_ALLOCATION_FAILURE || error == CL_OUT_OF_HOST_MEMORY ||
                  error == CL_INVALID_BUFFER_SIZE;
    return clb_fail(memory ? CLB_ERROR_MEMORY : CLB_ERROR_DEVICE, "%s (%s): cannot %s: %s (%d)",
                    device->base.info.selector, device->base.info.name, what, ocl_error_name(error),
                    error);
}
