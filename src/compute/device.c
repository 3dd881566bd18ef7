/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "compute/arena.h"
#include "compute/call.h"
#include "compute/device_choice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The list, and what failed while it was made. */
static enum clb_status list_devices(struct clb_device_info **infos, int *count,
                                    struct base_failure *problem)
{
    *count = 0;
    *infos = calloc(1, sizeof **infos);
    if (!*infos) return clb_fail(CLB_ERROR_MEMORY, "device list: out of memory");
    cpu_device_describe(0, &(*infos)[0]);
    *count = 1;
    enum clb_status status = ocl_device_list(infos, count, problem);
    if (status != CLB_OK) {
        free(*infos);
        *infos = NULL;
        *count = 0;
    }
    return status;
}

enum clb_status clb_device_list(struct clb_device_info **infos, int *count)
{
    struct base_failure problem = {CLB_OK, ""};
    return list_devices(infos, count, &problem);
}

static enum clb_status open_listed(const char *selector, int threads, struct clb_device **device,
                                   char *reason, size_t size)
{
    struct base_failure problem = {CLB_OK, ""};
    struct clb_device_info *infos = NULL;
    int count = 0, chosen = 0;
    enum clb_status status;
    CLB_TRY(list_devices(&infos, &count, &problem));
    CLB_TRY(device_choose(selector, infos, count, &problem, &chosen, reason, size));
    if (infos[chosen].is_cpu_path)
        CLB_TRY(cpu_device_open(threads, device));
    else
        CLB_TRY(ocl_device_open(infos[chosen].selector, device));
cleanup:
    free(infos);
    return status;
}

/* What is named by its number is opened without a look at the others: a driver that is broken
 * cannot be in the way of those that are not. */
enum clb_status clb_device_open(const char *selector, int threads, struct clb_device **device)
{
    char reason[sizeof(*device)->reason];
    unsigned platform, number;
    enum clb_status status;
    if (threads < 0) return clb_fail(CLB_ERROR_ARGUMENT, "%d threads cannot be", threads);
    snprintf(reason, sizeof reason, "asked for by \"%.80s\"", selector);
    if (device_is_word(selector, "cpu"))
        CLB_TRY(cpu_device_open(threads, device));
    else if (device_is_index(selector, &platform, &number))
        CLB_TRY(ocl_device_open(selector, device));
    else
        CLB_TRY(open_listed(selector, threads, device, reason, sizeof reason));
    memcpy((*device)->reason, reason, sizeof reason);
cleanup:
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

enum clb_status clb_device_expect(struct clb_device *device, const struct clb_layer *layers,
                                  int count)
{
    return device->backend->expect ? device->backend->expect(device, layers, count) : CLB_OK;
}

enum clb_status clb_device_tune(struct clb_device *device, const struct clb_tuning_options *options,
                                struct clb_tuning *result)
{
    *result = (struct clb_tuning){0};
    if (!device->backend->tune)
        return clb_fail(CLB_ERROR_ARGUMENT, "%s multiplies in one way: there is nothing to tune",
                        device->info.selector);
    const enum clb_status status = clb_device_check_precision(device, options->operands);
    if (status != CLB_OK) return status;
    return device->backend->tune(device, options, result);
}

enum clb_status clb_device_products(const struct clb_device *device, char **record)
{
    if (device->backend->products) return device->backend->products(device, record);
    *record = strdup("");
    return *record ? CLB_OK : clb_fail(CLB_ERROR_MEMORY, "products: out of memory");
}

/* The record comes from a file and goes into messages: what no device writes is not shown. */
enum clb_status clb_device_use_products(struct clb_device *device, const char *record,
                                        bool *honoured)
{
    enum clb_status status = CLB_OK;
    char *text = strdup(record);
    if (!text) return clb_fail(CLB_ERROR_MEMORY, "products: out of memory");
    for (char *c = text; *c; c++)
        if (*c < ' ' || *c > '~') *c = '?';
    *honoured = *text == 0;
    if (device->backend->use_products)
        status = device->backend->use_products(device, text, honoured);
    else if (!*honoured)
        clb_fail(CLB_ERROR_DEVICE, "the products of before were another device's: %.300s", text);
    free(text);
    return status;
}

enum clb_status clb_device_finish(struct clb_device *device)
{
    device->traffic.waits++;
    return device->backend->finish(device);
}

enum clb_status clb_device_flush(struct clb_device *device)
{
    return device->backend->flush(device);
}

struct clb_traffic clb_device_traffic(const struct clb_device *device)
{
    return device->traffic;
}

enum clb_status clb_device_peak(struct clb_device *device, double *gflops)
{
    return device->backend->peak(device, gflops);
}

/* ---- profile ---- */

void clb_device_profile(struct clb_device *device, bool enabled)
{
    device->profiling = enabled;
    if (!enabled) return;
    for (int i = 0; i < CLB_OPERATION_COUNT; i++)
        device->profile[i] =
            (struct clb_profile_entry){.operation = call_operation_name((enum clb_operation)i)};
}

const struct clb_profile_entry *clb_device_profile_entries(const struct clb_device *device,
                                                           int *count)
{
    *count = CLB_OPERATION_COUNT;
    return device->profile;
}

/* ---- types ---- */

const char *clb_type_name(enum clb_type type)
{
    static const char *const names[] = {[CLB_F32] = "fp32",
                                        [CLB_I32] = "int32",
                                        [CLB_BF16] = "bf16",
                                        [CLB_F16] = "fp16",
                                        [CLB_TF32] = "tf32"};
    return names[type];
}

enum clb_status clb_precision_named(const char *name, enum clb_type *type)
{
    static const enum clb_type precisions[] = {CLB_F32, CLB_TF32, CLB_BF16, CLB_F16};
    for (size_t i = 0; i < sizeof precisions / sizeof *precisions; i++)
        if (strcmp(name, clb_type_name(precisions[i])) == 0) {
            *type = precisions[i];
            return CLB_OK;
        }
    return clb_fail(CLB_ERROR_ARGUMENT, "precision \"%s\" is neither fp32, tf32, bf16 nor fp16",
                    name);
}

bool clb_device_multiplies(const struct clb_device *device, enum clb_type type)
{
    return device->backend->multiplies >> type & 1;
}

enum clb_status clb_device_check_precision(const struct clb_device *device, enum clb_type type)
{
    if (clb_device_multiplies(device, type)) return CLB_OK;
    return clb_fail(CLB_ERROR_ARGUMENT, "%s does not multiply %s: choose another precision",
                    device->info.selector, clb_type_name(type));
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

static enum clb_status check_transfer(struct clb_tensor tensor, int64_t first, int64_t count)
{
    const int64_t elements = clb_tensor_elements(tensor);
    const int64_t most = elements < tensor.capacity ? elements : tensor.capacity;
    if (!tensor.memory) return clb_fail(CLB_ERROR_ARGUMENT, "a tensor without memory");
    if (count < 0 || first < 0 || first > most || count > most - first)
        return clb_fail(CLB_ERROR_ARGUMENT, "%lld elements for a tensor of %lld x %lld",
                        (long long)count, (long long)tensor.rows, (long long)tensor.columns);
    return CLB_OK;
}

enum clb_status clb_tensor_write(struct clb_tensor tensor, const void *host, int64_t count)
{
    enum clb_status status = check_transfer(tensor, 0, count);
    if (status != CLB_OK || count == 0) return status;
    struct clb_device *device = tensor.device;
    const int64_t bytes = count * clb_type_size(tensor.type);
    arena_note_write(tensor.arena);
    device->traffic.writes++;
    device->traffic.bytes += bytes;
    device->traffic.waits++;
    return device->backend->write(device, tensor.memory, host, bytes);
}

enum clb_status clb_tensor_read_from(struct clb_tensor tensor, int64_t first, void *host,
                                     int64_t count)
{
    const int64_t size = clb_type_size(tensor.type);
    const enum clb_status status = check_transfer(tensor, first, count);
    if (status != CLB_OK || count == 0) return status;
    tensor.device->traffic.waits++;
    return tensor.device->backend->read(tensor.device, tensor.memory, first * size, host,
                                        count * size);
}

enum clb_status clb_tensor_read(struct clb_tensor tensor, void *host, int64_t count)
{
    return clb_tensor_read_from(tensor, 0, host, count);
}
