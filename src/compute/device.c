/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "compute/backend.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum clb_status clb_device_list(struct clb_device_info **infos, int *count)
{
    *count = 0;
    *infos = calloc(1, sizeof **infos);
    if (!*infos) return clb_fail(CLB_ERROR_MEMORY, "device list: out of memory");
    cpu_device_describe(0, &(*infos)[0]);
    *count = 1;
    enum clb_status status = ocl_device_list(infos, count);
    if (status != CLB_OK) {
        free(*infos);
        *infos = NULL;
        *count = 0;
    }
    return status;
}

/* ---- choosing ---- */

static void append(char *text, size_t size, const char *what)
{
    size_t length = strlen(text);
    snprintf(text + length, size - length, "%s", what);
}

static enum clb_status fail_with_choices(const char *selector, const char *why,
                                         const struct clb_device_info *infos, int count)
{
    char choices[700] = "";
    for (int i = 0; i < count; i++) {
        char line[300];
        snprintf(line, sizeof line, "%s%s (%s)", i ? ", " : "", infos[i].selector, infos[i].name);
        append(choices, sizeof choices, line);
    }
    return clb_fail(CLB_ERROR_ARGUMENT, "device \"%s\" %s; there are: auto, opencl, %s", selector,
                    why, choices);
}

/* The best OpenCL device: a GPU before anything else, then the most compute units. -1: none. */
static int best_opencl(const struct clb_device_info *infos, int count)
{
    int best = -1;
    for (int i = 0; i < count; i++) {
        if (infos[i].is_cpu_path) continue;
        if (best < 0 || (infos[i].is_gpu && !infos[best].is_gpu) ||
            (infos[i].is_gpu == infos[best].is_gpu &&
             infos[i].compute_units > infos[best].compute_units))
            best = i;
    }
    return best;
}

static int choose_auto(const struct clb_device_info *infos, int count, char *reason, size_t size)
{
    int best = best_opencl(infos, count);
    if (best >= 0 && infos[best].is_gpu) {
        snprintf(reason, size, "%s: a GPU, found by OpenCL", infos[best].name);
        return best;
    }
    snprintf(reason, size, "the CPU path: no GPU among %d OpenCL devices", count - 1);
    return 0;
}

static bool mentions(const struct clb_device_info *info, const char *selector)
{
    return strcasestr(info->name, selector) || strcasestr(info->platform, selector);
}

static enum clb_status choose(const char *selector, const struct clb_device_info *infos, int count,
                              int *chosen, char *reason, size_t size)
{
    if (strcmp(selector, "auto") == 0) {
        *chosen = choose_auto(infos, count, reason, size);
        return CLB_OK;
    }
    if (strcmp(selector, "opencl") == 0) {
        *chosen = best_opencl(infos, count);
        if (*chosen < 0)
            return clb_fail(CLB_ERROR_ARGUMENT,
                            "device \"opencl\": no OpenCL device on this machine; install the "
                            "vendor's driver, or pocl-opencl-icd, or use --device cpu");
        snprintf(reason, size, "%s: the best of %d OpenCL devices", infos[*chosen].name, count - 1);
        return CLB_OK;
    }
    *chosen = -1;
    snprintf(reason, size, "asked for by \"%s\"", selector);
    for (int i = 0; i < count; i++)
        if (strcmp(selector, infos[i].selector) == 0) *chosen = i;
    if (*chosen >= 0) return CLB_OK;
    for (int i = 0; i < count && *selector; i++) {
        if (!mentions(&infos[i], selector) || infos[i].is_cpu_path) continue;
        if (*chosen >= 0) return fail_with_choices(selector, "is ambiguous", infos, count);
        *chosen = i;
    }
    return *chosen >= 0 ? CLB_OK : fail_with_choices(selector, "is unknown", infos, count);
}

enum clb_status clb_device_open(const char *selector, int threads, struct clb_device **device)
{
    struct clb_device_info *infos = NULL;
    int count = 0, chosen = 0;
    char reason[sizeof(*device)->reason];
    enum clb_status status;
    if (threads < 0) return clb_fail(CLB_ERROR_ARGUMENT, "%d threads cannot be", threads);
    CLB_TRY(clb_device_list(&infos, &count));
    CLB_TRY(choose(selector, infos, count, &chosen, reason, sizeof reason));
    if (infos[chosen].is_cpu_path)
        CLB_TRY(cpu_device_open(threads, device));
    else
        CLB_TRY(ocl_device_open(infos[chosen].selector, device));
    memcpy((*device)->reason, reason, sizeof reason);
cleanup:
    free(infos);
    return status;
}

void clb_device_close(struct clb_device *device)
{
    if (device) device->backend->close(device);
}

const struct clb_device_info *clb_device_info(const struct clb_device *device)
{
    struct clb_device *open = (struct clb_device *)device; /* `gemm` becomes known with use */
    open->backend->describe(open);
    return &device->info;
}

const char *clb_device_reason(const struct clb_device *device)
{
    return device->reason;
}

enum clb_status clb_device_finish(struct clb_device *device)
{
    return device->backend->finish(device);
}

enum clb_status clb_device_peak(struct clb_device *device, double *gflops)
{
    return device->backend->peak(device, gflops);
}

/* ---- profile ---- */

void clb_device_profile(struct clb_device *device, bool enabled)
{
    static const char *const names[CLB_OPERATION_COUNT] = {
#define CLB_OPERATION_NAME(name) #name,
        CLB_OPERATION_LIST(CLB_OPERATION_NAME)
#undef CLB_OPERATION_NAME
    };
    device->profiling = enabled;
    for (int i = 0; i < CLB_OPERATION_COUNT; i++)
        device->profile[i] = (struct clb_profile_entry){.operation = names[i]};
}

const struct clb_profile_entry *clb_device_profile_entries(const struct clb_device *device,
                                                           int *count)
{
    *count = CLB_OPERATION_COUNT;
    return device->profile;
}

/* ---- tensors ---- */

struct clb_tensor clb_tensor_first_rows(struct clb_tensor tensor, int64_t rows)
{
    tensor.rows = rows;
    return tensor;
}

struct clb_tensor clb_tensor_reshape(struct clb_tensor tensor, int64_t rows, int64_t columns)
{
    tensor.rows = rows;
    tensor.columns = columns;
    return tensor;
}

static enum clb_status check_transfer(struct clb_tensor tensor, int64_t count)
{
    if (!tensor.memory) return clb_fail(CLB_ERROR_ARGUMENT, "a tensor without memory");
    if (count < 0 || count > clb_tensor_elements(tensor))
        return clb_fail(CLB_ERROR_ARGUMENT, "%lld elements for a tensor of %lld x %lld",
                        (long long)count, (long long)tensor.rows, (long long)tensor.columns);
    return CLB_OK;
}

enum clb_status clb_tensor_write(struct clb_tensor tensor, const void *host, int64_t count)
{
    enum clb_status status = check_transfer(tensor, count);
    if (status != CLB_OK || count == 0) return status;
    return tensor.device->backend->write(tensor.device, tensor.memory, host, 4 * count);
}

enum clb_status clb_tensor_read(struct clb_tensor tensor, void *host, int64_t count)
{
    enum clb_status status = check_transfer(tensor, count);
    if (status != CLB_OK || count == 0) return status;
    return tensor.device->backend->read(tensor.device, tensor.memory, host, 4 * count);
}
