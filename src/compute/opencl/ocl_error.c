/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "compute/opencl/ocl.h"

#define OCL_ERROR(name)                                                                            \
    {                                                                                              \
        name, #name                                                                                \
    }
static const struct {
    cl_int error;
    const char *name;
} errors[] = {
    OCL_ERROR(CL_DEVICE_NOT_FOUND),
    OCL_ERROR(CL_DEVICE_NOT_AVAILABLE),
    OCL_ERROR(CL_COMPILER_NOT_AVAILABLE),
    OCL_ERROR(CL_MEM_OBJECT_ALLOCATION_FAILURE),
    OCL_ERROR(CL_OUT_OF_RESOURCES),
    OCL_ERROR(CL_OUT_OF_HOST_MEMORY),
    OCL_ERROR(CL_BUILD_PROGRAM_FAILURE),
    OCL_ERROR(CL_MISALIGNED_SUB_BUFFER_OFFSET),
    OCL_ERROR(CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST),
    OCL_ERROR(CL_INVALID_VALUE),
    OCL_ERROR(CL_INVALID_DEVICE_TYPE),
    OCL_ERROR(CL_INVALID_PLATFORM),
    OCL_ERROR(CL_INVALID_DEVICE),
    OCL_ERROR(CL_INVALID_CONTEXT),
    OCL_ERROR(CL_INVALID_BINARY),
    OCL_ERROR(CL_INVALID_BUFFER_SIZE),
    OCL_ERROR(CL_INVALID_BUILD_OPTIONS),
    OCL_ERROR(CL_INVALID_COMMAND_QUEUE),
    OCL_ERROR(CL_INVALID_KERNEL_NAME),
    OCL_ERROR(CL_INVALID_KERNEL_ARGS),
    OCL_ERROR(CL_INVALID_ARG_INDEX),
    OCL_ERROR(CL_INVALID_ARG_VALUE),
    OCL_ERROR(CL_INVALID_ARG_SIZE),
    OCL_ERROR(CL_INVALID_MEM_OBJECT),
    OCL_ERROR(CL_INVALID_WORK_GROUP_SIZE),
    OCL_ERROR(CL_INVALID_WORK_ITEM_SIZE),
    OCL_ERROR(CL_INVALID_GLOBAL_WORK_SIZE),
};

const char *ocl_error_name(cl_int error)
{
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (errors[i].error == error) return errors[i].name;
    return "error";
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
