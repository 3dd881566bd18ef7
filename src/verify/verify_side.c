/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "verify/verify_ops.h"

#include <stdlib.h>
#include <string.h>

enum { GUARD = CLB_BLOCK }; /* elements behind every tensor that nobody may write */

/* A NaN, so that reading what is not there shows in the result. */
static const uint32_t guard_bits = 0x7fc0dead;

void verify_side_close(struct verify_side *side)
{
    clb_arena_destroy(side->arena);
    free(side->before);
    free(side->after);
    for (int i = 0; i < VERIFY_OPERANDS; i++) free(side->widened[i]);
    *side = (struct verify_side){0};
}

static uint16_t *at(uint16_t *image, const struct clb_tensor *tensor)
{
    return image + tensor->offset / (int64_t)sizeof *image;
}

static void put_values(uint16_t *to, const struct clb_tensor *tensor, const void *values)
{
    const float *numbers = values;
    const int64_t count = clb_tensor_elements(*tensor);
    if (clb_type_size(tensor->type) == 4)
        memcpy(to, values, (size_t)(4 * count));
    else
        for (int64_t e = 0; e < count; e++) to[e] = reduced_of(tensor->type, numbers[e]);
}

/* Padding and guards hold the pattern; behind integers 0, since a wild index would end the driver
 * and not the test. */
static void fill_image(struct verify_side *side, const struct verify_plan *plan)
{
    const int64_t bytes = clb_tensor_bytes(side->whole);
    for (int64_t b = 0; b < bytes; b += 4)
        memcpy((char *)side->before + b, &guard_bits, sizeof guard_bits);
    for (int i = 0; i < plan->count; i++) {
        const struct clb_tensor *t = &side->tensors[i], *guard = &side->guards[i];
        uint16_t *to = at(side->before, t);
        if (t->type == CLB_I32)
            memset(to, 0, (size_t)(guard->offset + clb_tensor_bytes(*guard) - t->offset));
        put_values(to, t, plan->operands[i].values);
    }
}

enum clb_status verify_side_plan(struct verify_side *side, const struct verify_plan *plan,
                                 struct clb_device *device)
{
    enum clb_status status;
    CLB_TRY(clb_arena_create(device, "verify", &side->arena));
    for (int i = 0; i < plan->count; i++) {
        const struct clb_tensor *shape = &plan->operands[i].shape;
        const bool as_fp32 = side->is_reference && plan->operands[i].rounded;
        CLB_TRY(clb_arena_add(side->arena, as_fp32 ? CLB_F32 : shape->type, shape->rows,
                              shape->columns, &side->tensors[i]));
        CLB_TRY(clb_arena_add(side->arena, CLB_F32, GUARD, 1, &side->guards[i]));
    }
cleanup:
    return status;
}

enum clb_status verify_side_open(struct verify_side *side, const struct verify_plan *plan)
{
    enum clb_status status;
    CLB_TRY(clb_arena_commit(side->arena));
    side->whole = clb_arena_whole(side->arena);
    side->before = malloc((size_t)clb_tensor_bytes(side->whole));
    if (!side->before) CLB_TRY(clb_fail(CLB_ERROR_MEMORY, "verify: out of memory"));
    fill_image(side, plan);
cleanup:
    return status;
}

static enum clb_status widen(struct verify_side *side, int operand)
{
    const struct clb_tensor *t = &side->tensors[operand];
    const int64_t count = clb_tensor_elements(*t);
    const uint16_t *from = at(side->after, t);
    if (clb_type_size(t->type) == 4) return CLB_OK;
    float *to = side->widened[operand] = malloc((size_t)count * sizeof *to);
    if (!to) return clb_fail(CLB_ERROR_MEMORY, "verify: out of memory");
    for (int64_t e = 0; e < count; e++) to[e] = reduced_widen(t->type, from[e]);
    return CLB_OK;
}

enum clb_status verify_side_write(const struct verify_side *side)
{
    return clb_tensor_write(side->whole, side->before, clb_tensor_elements(side->whole));
}

enum clb_status verify_side_run(struct verify_side *side, const struct verify_plan *plan)
{
    enum clb_status status;
    side->after = malloc((size_t)clb_tensor_bytes(side->whole));
    if (!side->after) CLB_TRY(clb_fail(CLB_ERROR_MEMORY, "verify: out of memory"));
    CLB_TRY(verify_side_write(side));
    CLB_TRY(plan->which->operation->run(plan->which, side->tensors));
    CLB_TRY(clb_tensor_read(side->whole, side->after, clb_tensor_elements(side->whole)));
    for (int i = 0; i < plan->count; i++) CLB_TRY(widen(side, i));
cleanup:
    return status;
}

const float *verify_side_result(const struct verify_side *side, int operand)
{
    if (side->widened[operand]) return side->widened[operand];
    return (const float *)at(side->after, &side->tensors[operand]);
}
