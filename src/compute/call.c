/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/call.h"

#include "base/clock.h"
#include "base/error.h"
#include "compute/arena.h"

const char *call_operation_name(enum clb_operation operation)
{
    static const char *const names[CLB_OPERATION_COUNT] = {
#define CLB_OPERATION_NAME(name) #name,
        CLB_OPERATION_LIST(CLB_OPERATION_NAME)
#undef CLB_OPERATION_NAME
    };
    return names[operation];
}

struct call call_begin(enum clb_operation operation, const struct clb_tensor *tensor)
{
    struct call call = {.operation = operation, .operands = CLB_I32};
    if (tensor) call.device = tensor->device;
    if (!call.device)
        call.status = clb_fail(CLB_ERROR_ARGUMENT, "%s: no device", call_operation_name(operation));
    return call;
}

void call_expect(struct call *call, bool holds, const char *what)
{
    if (!holds && call_is_right(call))
        call->status =
            clb_fail(CLB_ERROR_ARGUMENT, "%s: %s", call_operation_name(call->operation), what);
}

/* Everything but its type, which the caller has looked at. */
static void see(struct call *call, const struct clb_tensor *tensor, const char *name, int64_t rows,
                int64_t columns, bool written)
{
    if (!call_is_right(call)) return;
    const char *operation = call_operation_name(call->operation);
    if (tensor->rows != rows || tensor->columns != columns)
        call->status =
            clb_fail(CLB_ERROR_ARGUMENT, "%s: %s is %lld x %lld and should be %lld x %lld",
                     operation, name, (long long)tensor->rows, (long long)tensor->columns,
                     (long long)rows, (long long)columns);
    else if (rows < 0 || columns < 0 || (columns > 0 && rows > tensor->capacity / columns))
        call->status = clb_fail(
            CLB_ERROR_ARGUMENT, "%s: %s is %lld x %lld and has memory for %lld elements", operation,
            name, (long long)rows, (long long)columns, (long long)tensor->capacity);
    if (!call_is_right(call)) return;
    call->seen[call->count].tensor = tensor;
    call->seen[call->count].name = name;
    call->seen[call->count++].written = written;
}

/* There is such a tensor, on this device. */
static bool exists(struct call *call, const struct clb_tensor *tensor, const char *name)
{
    if (!call_is_right(call)) return false;
    const char *operation = call_operation_name(call->operation);
    if (!tensor || !tensor->memory)
        call->status = clb_fail(CLB_ERROR_ARGUMENT, "%s: %s has no memory", operation, name);
    else if (tensor->device != call->device)
        call->status = clb_fail(CLB_ERROR_ARGUMENT, "%s: %s is on another device", operation, name);
    return call_is_right(call);
}

static void wrong_type(struct call *call, const struct clb_tensor *tensor, const char *name,
                       enum clb_type type)
{
    call->status = clb_fail(CLB_ERROR_ARGUMENT, "%s: %s is %s and should be %s",
                            call_operation_name(call->operation), name, clb_type_name(tensor->type),
                            clb_type_name(type));
}

static void of_type(struct call *call, const struct clb_tensor *tensor, const char *name,
                    enum clb_type type, int64_t rows, int64_t columns, bool written)
{
    if (!exists(call, tensor, name)) return;
    if (tensor->type != type) wrong_type(call, tensor, name, type);
    see(call, tensor, name, rows, columns, written);
}

void call_input(struct call *call, const struct clb_tensor *tensor, const char *name, int64_t rows,
                int64_t columns)
{
    of_type(call, tensor, name, CLB_F32, rows, columns, false);
}

void call_output(struct call *call, const struct clb_tensor *tensor, const char *name, int64_t rows,
                 int64_t columns)
{
    of_type(call, tensor, name, CLB_F32, rows, columns, true);
}

void call_indices(struct call *call, const struct clb_tensor *tensor, const char *name,
                  int64_t count)
{
    of_type(call, tensor, name, CLB_I32, count, 1, false);
}

void call_index_pairs(struct call *call, const struct clb_tensor *tensor, const char *name,
                      int64_t count)
{
    of_type(call, tensor, name, CLB_I32, count, 2, false);
}

static bool is_first_operand(const struct call *call)
{
    return call->operands == CLB_I32;
}

void call_operand(struct call *call, const struct clb_tensor *tensor, const char *name,
                  int64_t rows, int64_t columns)
{
    if (!exists(call, tensor, name)) return;
    if (is_first_operand(call) && clb_device_multiplies(call->device, tensor->type))
        call->operands = tensor->type;
    else if (is_first_operand(call))
        call->status = clb_fail(CLB_ERROR_ARGUMENT, "%s: %s is %s, which %s does not multiply",
                                call_operation_name(call->operation), name,
                                clb_type_name(tensor->type), call->device->info.selector);
    else if (tensor->type != call->operands)
        wrong_type(call, tensor, name, call->operands);
    see(call, tensor, name, rows, columns, false);
}

void call_result(struct call *call, const struct clb_tensor *tensor, const char *name, int64_t rows,
                 int64_t columns)
{
    if (!exists(call, tensor, name)) return;
    if (tensor->type != CLB_F32 && tensor->type != call->operands)
        wrong_type(call, tensor, name, call->operands);
    see(call, tensor, name, rows, columns, true);
}

void call_numbers(struct call *call, const struct clb_tensor *tensor, const char *name,
                  int64_t rows, int64_t columns, bool written)
{
    if (!exists(call, tensor, name)) return;
    if (tensor->type == CLB_I32) wrong_type(call, tensor, name, CLB_F32);
    see(call, tensor, name, rows, columns, written);
}

void call_dropout(struct call *call, struct clb_dropout dropout)
{
    call_expect(call, dropout.probability >= 0.0f && dropout.probability < 1.0f,
                "dropout probability is not in [0, 1)");
}

/* ---- memory that is shared ---- */

void call_allow_in_place(struct call *call, const struct clb_tensor *out,
                         const struct clb_tensor *in)
{
    call->written_over = out;
    call->read_before = in;
}

static bool is_same(const struct clb_tensor *a, const struct clb_tensor *b)
{
    return a->memory == b->memory && clb_tensor_bytes(*a) == clb_tensor_bytes(*b);
}

static bool overlap(const struct clb_tensor *a, const struct clb_tensor *b)
{
    if (a->memory == b->memory) return true;
    return a->arena && a->arena == b->arena && a->offset < b->offset + clb_tensor_bytes(*b) &&
           b->offset < a->offset + clb_tensor_bytes(*a);
}

/* What is written shares no memory with anything else. */
static void expect_apart(struct call *call)
{
    for (int i = 0; i < call->count && call_is_right(call); i++)
        for (int j = 0; j < call->count; j++) {
            const struct clb_tensor *out = call->seen[i].tensor, *other = call->seen[j].tensor;
            if (i == j || !call->seen[i].written || !overlap(out, other)) continue;
            if (out == call->written_over && other == call->read_before && is_same(out, other))
                continue;
            call->status = clb_fail(CLB_ERROR_ARGUMENT, "%s: %s shares memory with %s",
                                    call_operation_name(call->operation), call->seen[i].name,
                                    call->seen[j].name);
            return;
        }
}

/* ---- the backend's work ---- */

bool call_is_ready(struct call *call)
{
    expect_apart(call);
    for (int i = 0; i < call->count && call_is_right(call); i++)
        if (call->seen[i].written) arena_note_write(call->seen[i].tensor->arena);
    if (call_is_right(call) && call->device->profiling) call->begin = base_seconds();
    return call_is_right(call);
}

enum clb_status call_end(const struct call *call, enum clb_status status)
{
    struct clb_device *device = call->device;
    if (!device->profiling) return status;
    if (status == CLB_OK) status = device->backend->finish(device);
    struct clb_profile_entry *entry = &device->profile[call->operation];
    entry->seconds += base_seconds() - call->begin;
    entry->calls++;
    call_count_work(call, entry);
    return status;
}
