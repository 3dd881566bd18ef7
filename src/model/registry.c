/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "compute/arena.h"
#include "compute/upload.h"
#include "model/registry_inside.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- life ---- */

static enum clb_status out_of_memory(void)
{
    return clb_fail(CLB_ERROR_MEMORY, "model: out of memory");
}

void registry_note(struct registry *r, enum clb_status status)
{
    if (status == CLB_OK || r->status != CLB_OK) return;
    r->status = status;
    snprintf(r->message, sizeof r->message, "%s", clb_error_message());
}

/* What is used by its tensors, or part by part. */
static enum clb_status create_arena(struct clb_device *device, const char *name,
                                    struct clb_arena **arena)
{
    const enum clb_status status = clb_arena_create(device, name, arena);
    if (status == CLB_OK) clb_arena_in_parts(*arena);
    return status;
}

enum clb_status registry_create(struct clb_device *device, const struct clb_model_limits *limits,
                                struct registry **out)
{
    struct registry *r = calloc(1, sizeof *r);
    if (!r) return out_of_memory();
    *r = (struct registry){.device = device,
                           .training = limits->training,
                           .checkpointing = limits->training && limits->gradient_checkpointing,
                           .operands = limits->operands,
                           .frozen_modules = limits->frozen_modules};
    enum clb_status status = CLB_OK;
    if (device) {
        CLB_TRY(create_arena(device, "weights", &r->weight_arena));
        if (r->training) CLB_TRY(create_arena(device, "gradients", &r->gradient_arena));
        if (clb_type_stored(r->operands) != CLB_F32)
            CLB_TRY(create_arena(device, "reduced weights", &r->operand_arena));
        CLB_TRY(clb_arena_create(device, "batch", &r->input_arena));
    }
    *out = r;
    return CLB_OK;
cleanup:
    registry_destroy(r);
    return status;
}

void registry_destroy(struct registry *r)
{
    if (!r) return;
    clb_arena_destroy(r->weight_arena);
    clb_arena_destroy(r->gradient_arena);
    clb_arena_destroy(r->operand_arena);
    clb_arena_destroy(r->input_arena);
    for (int i = 0; i < r->activation_arena_count; i++) clb_arena_destroy(r->activation_arenas[i]);
    free(r->activation_arenas);
    free(r->parameters);
    free(r->weights);
    free(r->gradients);
    free(r->modules);
    free(r->activations);
    free(r->slots);
    free(r->layers);
    for (int i = 0; i < r->input_list_count; i++) free(r->input_lists[i]);
    free(r->input_lists);
    upload_destroy(r->upload);
    free(r);
}

void registry_module(struct registry *r, int module)
{
    r->module = module;
}

/* ---- parameters ---- */

/* Makes room for one more than `count` elements, doubling at powers of two; NULL: there is none,
 * and the array stays as it is. */
static void *grow(struct registry *r, void *array, int count, size_t size)
{
    if (count & (count - 1)) return array;
    void *more = realloc(array, (count ? 2 * (size_t)count : 1) * size);
    if (!more) registry_note(r, out_of_memory());
    return more;
}

static bool grow_parameters(struct registry *r)
{
    const int count = r->parameter_count;
    void *parameters = grow(r, r->parameters, count, sizeof *r->parameters);
    if (parameters) r->parameters = parameters;
    void *weights = grow(r, r->weights, count, sizeof *r->weights);
    if (weights) r->weights = weights;
    void *modules = grow(r, r->modules, count, sizeof *r->modules);
    if (modules) r->modules = modules;
    return parameters && weights && modules;
}

void registry_parameter(struct registry *r, struct parameter *parameter, enum parameter_kind kind,
                        int64_t rows, int64_t columns, const char *format, ...)
{
    if (r->status != CLB_OK || !grow_parameters(r)) return;
    if (r->device)
        registry_note(r,
                      clb_arena_add(r->weight_arena, CLB_F32, rows, columns, &parameter->weight));
    if (r->gradient_arena)
        registry_note(
            r, clb_arena_add(r->gradient_arena, CLB_F32, rows, columns, &parameter->gradient));
    if (r->operand_arena)
        registry_note(
            r, clb_arena_add(r->operand_arena, r->operands, rows, columns, &parameter->operand));
    const bool stacked = kind == STACKED_MATRIX || kind == STACKED_BIAS;
    const bool matrix = kind == MATRIX || kind == STACKED_MATRIX;
    struct clb_parameter *listed = &r->weights[r->parameter_count];
    *listed = (struct clb_parameter){
        .tensor = {.device = r->device, .rows = rows, .columns = columns, .type = CLB_F32},
        .parts = stacked ? 3 : 1,
        .decay = matrix,
        .frozen = r->module < r->frozen_modules,
        .init = matrix          ? CLB_INIT_NORMAL
                : kind == GAMMA ? CLB_INIT_ONE
                                : CLB_INIT_ZERO,
    };
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(listed->name, sizeof listed->name, format, arguments);
    va_end(arguments);
    r->parameters[r->parameter_count] = parameter;
    r->modules[r->parameter_count++] = r->module;
}

/* The lists that are given out, with memory. */
static enum clb_status fill_lists(struct registry *r)
{
    const size_t size = (size_t)r->parameter_count * sizeof *r->gradients;
    if (r->training && !(r->gradients = malloc(size))) return out_of_memory();
    if (r->training) memcpy(r->gradients, r->weights, size);
    for (int i = 0; i < r->parameter_count; i++) {
        r->weights[i].tensor = r->parameters[i]->weight;
        if (!r->operand_arena) {
            r->parameters[i]->operand = r->parameters[i]->weight;
            r->parameters[i]->operand.type = r->operands;
        }
        if (r->training) r->gradients[i].tensor = r->parameters[i]->gradient;
    }
    return CLB_OK;
}

const struct clb_parameter *registry_weights(const struct registry *r, int *count)
{
    *count = r->parameter_count;
    return r->weights;
}

const struct clb_parameter *registry_gradients(const struct registry *r, int *count)
{
    *count = r->gradients ? r->parameter_count : 0;
    return r->gradients;
}

int registry_module_of(const struct registry *r, int index)
{
    return r->modules[index];
}

const struct clb_arena *registry_weight_arena(const struct registry *r)
{
    return r->weight_arena;
}

const struct clb_arena *registry_gradient_arena(const struct registry *r)
{
    return r->gradient_arena;
}

/* ---- activations ---- */

static bool is_kept(const struct registry *r, enum lifetime lifetime)
{
    switch (lifetime) {
    case SAVED:
        return r->training;
    case RECOMPUTED:
        return r->training && !r->checkpointing;
    case OUTPUT:
        return r->checkpointing;
    case SCRATCH:
        break;
    }
    return false;
}

/* The memory of that name, of the module or SHARED; -1: there is no room for another. */
static int find_slot(struct registry *r, const char *name, int module)
{
    for (int i = 0; i < r->slot_count; i++)
        if (r->slots[i].module == module && strcmp(r->slots[i].name, name) == 0) return i;
    struct slot *slots = grow(r, r->slots, r->slot_count, sizeof *slots);
    if (!slots) return -1;
    r->slots = slots;
    r->slots[r->slot_count] = (struct slot){.name = name, .module = module};
    return r->slot_count++;
}

static void add_activation(struct registry *r, struct clb_tensor *tensor, const char *name,
                           enum clb_type type, int64_t rows, int64_t columns,
                           enum lifetime lifetime)
{
    if (r->status != CLB_OK || !r->device) return;
    struct activation *more = grow(r, r->activations, r->activation_count, sizeof *more);
    if (more) r->activations = more;
    const int slot = more ? find_slot(r, name, is_kept(r, lifetime) ? r->module : SHARED) : -1;
    if (slot < 0) return;
    const int64_t bytes = rows * columns * clb_type_size(type);
    if (bytes > r->slots[slot].bytes) r->slots[slot].bytes = bytes;
    r->activations[r->activation_count++] = (struct activation){tensor, type, rows, columns, slot};
}

void registry_activation(struct registry *r, struct clb_tensor *tensor, const char *name,
                         int64_t rows, int64_t columns, enum lifetime lifetime)
{
    add_activation(r, tensor, name, CLB_F32, rows, columns, lifetime);
}

void registry_operand(struct registry *r, struct clb_tensor *tensor, const char *name, int64_t rows,
                      int64_t columns, enum lifetime lifetime)
{
    add_activation(r, tensor, name, r->operands, rows, columns, lifetime);
}

void registry_layer(struct registry *r, enum clb_type operands, int64_t rows, int64_t outputs,
                    int64_t inputs)
{
    if (r->status != CLB_OK || !r->device) return;
    struct clb_layer *layers = grow(r, r->layers, r->layer_count, sizeof *layers);
    if (!layers) return;
    r->layers = layers;
    r->layers[r->layer_count++] = (struct clb_layer){operands, rows, outputs, inputs, r->training};
}

void registry_copy(struct registry *r, struct clb_tensor *tensor, const char *name, int64_t rows,
                   int64_t columns, enum lifetime lifetime)
{
    tensor->type = r->operands;
    if (registry_copies(r)) add_activation(r, tensor, name, r->operands, rows, columns, lifetime);
}

bool registry_copies(const struct registry *r)
{
    return clb_type_stored(r->operands) != CLB_F32;
}

const struct clb_tensor *registry_optional(const struct clb_tensor *copy)
{
    return copy->memory ? copy : NULL;
}

struct clb_tensor registry_taken(const struct clb_tensor *copy, const struct clb_tensor *x)
{
    struct clb_tensor taken = copy->memory ? *copy : *x;
    taken.type = copy->type;
    return taken;
}

enum clb_status registry_cast(const struct clb_tensor *copy, const struct clb_tensor *x)
{
    return copy->memory ? clb_cast(copy, x) : CLB_OK;
}

enum clb_status registry_cast_weights(struct registry *r)
{
    enum clb_status status = CLB_OK;
    if (!r->operand_arena || r->weights_cast == arena_writes(r->weight_arena)) return CLB_OK;
    for (int i = 0; i < clb_arena_parts(r->weight_arena) && status == CLB_OK; i++) {
        const struct clb_tensor operands = clb_arena_part(r->operand_arena, i);
        const struct clb_tensor weights = clb_arena_part(r->weight_arena, i);
        status = clb_cast(&operands, &weights);
    }
    if (status == CLB_OK) r->weights_cast = arena_writes(r->weight_arena);
    return status;
}

void registry_input(struct registry *r, struct clb_tensor *tensor, int64_t count)
{
    if (r->status == CLB_OK && r->device)
        registry_note(r, clb_arena_add(r->input_arena, CLB_I32, count, 1, tensor));
}

void registry_input_numbers(struct registry *r, struct clb_tensor *tensor, int64_t rows,
                            int64_t columns)
{
    if (r->status == CLB_OK && r->device)
        registry_note(r, clb_arena_add(r->input_arena, CLB_F32, rows, columns, tensor));
}

struct clb_tensor *registry_inputs(struct registry *r, int tensors, int64_t count)
{
    struct clb_tensor **lists = grow(r, r->input_lists, r->input_list_count, sizeof *lists);
    struct clb_tensor *list = lists ? calloc((size_t)tensors, sizeof *list) : NULL;
    if (lists) r->input_lists = lists;
    if (!list) {
        registry_note(r, out_of_memory());
        return NULL;
    }
    r->input_lists[r->input_list_count++] = list;
    for (int i = 0; i < tensors; i++) registry_input(r, &list[i], count);
    return list;
}

/* ---- memory ---- */

/* The slots of one module, or the shared ones, in an arena of their own: a device's cap on one
 * allocation is then met by a module, not by the whole. */
static enum clb_status plan_arena(struct registry *r, int module, const char *name)
{
    struct clb_arena **arena = &r->activation_arenas[r->activation_arena_count];
    enum clb_status status = CLB_OK;
    for (int i = 0; i < r->slot_count && status == CLB_OK; i++) {
        struct slot *slot = &r->slots[i];
        if (slot->module != module) continue;
        if (!*arena) {
            CLB_TRY(create_arena(r->device, name, arena));
            r->activation_arena_count++;
        }
        CLB_TRY(clb_arena_add(*arena, CLB_F32, (slot->bytes + 3) / 4, 1, &slot->tensor));
    }
cleanup:
    return status;
}

enum clb_status registry_check(const struct registry *r)
{
    return r->status == CLB_OK ? CLB_OK : clb_fail(r->status, "%s", r->message);
}

enum clb_status registry_plan(struct registry *r)
{
    enum clb_status status;
    CLB_TRY(registry_check(r));
    CLB_TRY(clb_device_expect(r->device, r->layers, r->layer_count));
    r->activation_arenas = calloc((size_t)r->module + 2, sizeof(struct clb_arena *));
    if (!r->activation_arenas) return out_of_memory();
    CLB_TRY(plan_arena(r, SHARED, "activations"));
    for (int m = 0; m <= r->module; m++) CLB_TRY(plan_arena(r, m, "activations of a module"));
cleanup:
    return status;
}

enum clb_status registry_commit(struct registry *r)
{
    enum clb_status status;
    CLB_TRY(clb_arena_commit(r->weight_arena));
    if (r->training) CLB_TRY(clb_arena_commit(r->gradient_arena));
    if (r->operand_arena) CLB_TRY(clb_arena_commit(r->operand_arena));
    CLB_TRY(fill_lists(r));
    CLB_TRY(clb_arena_commit(r->input_arena));
    CLB_TRY(upload_create(r->device, clb_arena_bytes(r->input_arena), &r->upload));
    for (int i = 0; i < r->activation_arena_count; i++)
        CLB_TRY(clb_arena_commit(r->activation_arenas[i]));
    for (int i = 0; i < r->activation_count; i++) {
        const struct activation *a = &r->activations[i];
        *a->tensor = clb_tensor_reshape(r->slots[a->slot].tensor, a->rows, a->columns);
        a->tensor->type = a->type;
        a->tensor->capacity = r->slots[a->slot].bytes / clb_type_size(a->type);
    }
cleanup:
    return status;
}

struct clb_memory_plan registry_memory(const struct registry *r)
{
    struct clb_memory_plan plan = {
        .weights = clb_arena_bytes(r->weight_arena) +
                   (r->operand_arena ? clb_arena_bytes(r->operand_arena) : 0),
        .gradients = r->gradient_arena ? clb_arena_bytes(r->gradient_arena) : 0,
        .batch = clb_arena_bytes(r->input_arena),
        .scratch = clb_device_info(r->device)->scratch_bytes,
    };
    for (int i = 0; i < r->activation_arena_count; i++)
        plan.activations += clb_arena_bytes(r->activation_arenas[i]);
    return plan;
}

/* ---- a batch ---- */

enum clb_status registry_begin_batch(struct registry *r)
{
    void *memory;
    const enum clb_status status = upload_next(r->upload, &memory);
    r->staged = memory;
    r->staged_end = 0;
    return status;
}

/* Both are of 4 bytes. */
void registry_stage(struct registry *r, const struct clb_tensor *input, const void *values,
                    int64_t count)
{
    const int64_t begin = input->offset / clb_type_size(input->type);
    if (count == 0) return;
    memcpy(r->staged + begin, values, (size_t)count * sizeof *r->staged);
    if (begin + count > r->staged_end) r->staged_end = begin + count;
}

enum clb_status registry_send_batch(struct registry *r)
{
    return upload_send(r->upload, clb_arena_whole(r->input_arena), r->staged_end);
}
