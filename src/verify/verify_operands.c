/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/verify_ops.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct verify_operand *add(struct verify_plan *plan, const char *name, enum clb_type type,
                                  int64_t rows, int64_t columns)
{
    struct verify_operand *operand = &plan->operands[plan->count++];
    *operand = (struct verify_operand){.name = name,
                                       .shape = {.rows = rows, .columns = columns, .type = type}};
    operand->values = malloc((size_t)(4 * rows * columns));
    if (!operand->values) plan->out_of_memory = true;
    return operand;
}

static struct clb_random random_of(const struct verify_plan *plan)
{
    return (struct clb_random){(uint64_t)plan->seed << 32 | plan->number, CLB_PURPOSE_TEST,
                               (uint32_t)plan->count};
}

static struct verify_operand *add_random(struct verify_plan *plan, const char *name, int64_t rows,
                                         int64_t columns, bool positive)
{
    struct verify_operand *operand = add(plan, name, CLB_F32, rows, columns);
    const struct clb_random random = random_of(plan);
    float *values = operand->values;
    uint32_t bits[4];
    for (int64_t i = 0; values && i < rows * columns; i++) {
        if (i % 4 == 0) clb_philox(random, (uint64_t)i / 4, bits);
        const float u = clb_uniform_from_bits(bits[i % 4]);
        values[i] = positive ? u : 2.0f * u - 1.0f;
    }
    return operand;
}

void verify_in(struct verify_plan *plan, const char *name, int64_t rows, int64_t columns)
{
    add_random(plan, name, rows, columns, false);
}

void verify_in_positive(struct verify_plan *plan, const char *name, int64_t rows, int64_t columns)
{
    add_random(plan, name, rows, columns, true);
}

void verify_in_ints(struct verify_plan *plan, const char *name, const int32_t *values,
                    int64_t count)
{
    struct verify_operand *operand = add(plan, name, CLB_I32, count, 1);
    if (operand->values) memcpy(operand->values, values, (size_t)(4 * count));
}

void verify_in_floats(struct verify_plan *plan, const char *name, const float *values,
                      int64_t count)
{
    struct verify_operand *operand = add(plan, name, CLB_F32, count, 1);
    if (operand->values) memcpy(operand->values, values, (size_t)(4 * count));
}

int32_t *verify_in_zero_ints(struct verify_plan *plan, const char *name, int64_t count)
{
    struct verify_operand *operand = add(plan, name, CLB_I32, count, 1);
    if (operand->values) memset(operand->values, 0, (size_t)(4 * count));
    return operand->values;
}

/* Distinct ones by going through 0 .. bound - 1 and taking each with the chance that fills `count`.
 */
void verify_in_random_ints(struct verify_plan *plan, const char *name, int64_t count, int32_t bound,
                           bool distinct)
{
    struct verify_operand *operand = add(plan, name, CLB_I32, count, 1);
    int32_t *values = operand->values, value = 0;
    for (int64_t i = 0; values && i < count;) {
        uint32_t draw = clb_random_below(random_of(plan), (uint64_t)(distinct ? value : i),
                                         (uint32_t)(distinct ? bound - value : bound));
        if (!distinct)
            values[i++] = (int32_t)draw;
        else if (value++, draw < (uint32_t)(count - i))
            values[i++] = value - 1;
    }
    if (!values || distinct) return;
    values[count - 1] = 0;
    values[0] = bound - 1;
}

struct verify_sequences verify_sequences(const struct verify_case *c)
{
    const int64_t rounds = c->m ? c->m : 1;
    struct verify_sequences s = {.longest = 1, .shortest = c->lengths[0]};
    for (int i = 0; c->lengths[i]; i++) {
        if (c->lengths[i] > s.longest) s.longest = c->lengths[i];
        if (c->lengths[i] < s.shortest) s.shortest = c->lengths[i];
        s.tokens += rounds * c->lengths[i];
        s.count += rounds;
    }
    return s;
}

void verify_in_cu_seqlens(struct verify_plan *plan, const struct verify_case *c)
{
    const int64_t count = verify_sequences(c).count;
    int32_t *cu_seqlens = verify_in_zero_ints(plan, "cu_seqlens", count + 1);
    for (int64_t b = 0, i = 0; cu_seqlens && b < count; b++) {
        cu_seqlens[b + 1] = cu_seqlens[b] + c->lengths[i++];
        if (!c->lengths[i]) i = 0;
    }
}

void verify_scratch(struct verify_plan *plan, const char *name, int64_t rows, int64_t columns)
{
    add_random(plan, name, rows, columns, false)->use = VERIFY_SCRATCH;
}

void verify_plan_free(struct verify_plan *plan)
{
    for (int i = 0; i < plan->count; i++) free(plan->operands[i].values);
}

/* ---- what is compared ---- */

static double tolerance(const struct verify_plan *plan, double ulps, int64_t terms)
{
    if (ulps == VERIFY_BITS) return -1.0;
    if (plan->which->inputs == VERIFY_INTEGERS) return 0.0;
    return 0x1p-24 * (ulps + 2.0 * sqrt((double)terms));
}

static int64_t width_of(const struct verify_operand *operand)
{
    return operand->shape.columns == 1 ? operand->shape.rows : operand->shape.columns;
}

static void compare(const struct verify_plan *plan, struct verify_operand *operand, double ulps,
                    int64_t terms)
{
    operand->use = VERIFY_OUT;
    operand->parts[0] =
        (struct verify_part){.count = width_of(operand), .tolerance = tolerance(plan, ulps, terms)};
    operand->part_count = 1;
}

void verify_out(struct verify_plan *plan, const char *name, int64_t rows, int64_t columns,
                double ulps, int64_t terms)
{
    compare(plan, add_random(plan, name, rows, columns, false), ulps, terms);
}

void verify_out_positive(struct verify_plan *plan, const char *name, int64_t rows, int64_t columns,
                         double ulps, int64_t terms)
{
    compare(plan, add_random(plan, name, rows, columns, true), ulps, terms);
}

void verify_part(struct verify_plan *plan, const char *name, int64_t count, double ulps,
                 int64_t terms)
{
    struct verify_operand *operand = &plan->operands[plan->count - 1];
    const bool whole = operand->part_count == 1 && !operand->parts[0].name;
    if (whole) operand->part_count = 0;
    const struct verify_part *before = whole ? NULL : &operand->parts[operand->part_count - 1];
    operand->parts[operand->part_count++] =
        (struct verify_part){.name = name,
                             .first = before ? before->first + before->count : 0,
                             .count = count,
                             .tolerance = tolerance(plan, ulps, terms)};
}

void verify_floor(struct verify_plan *plan, double floor)
{
    struct verify_operand *operand = &plan->operands[plan->count - 1];
    operand->parts[operand->part_count - 1].floor = floor;
}

void verify_reduced(struct verify_plan *plan, enum clb_type type)
{
    struct verify_operand *operand = &plan->operands[plan->count - 1];
    float *values = operand->values;
    operand->shape.type = type;
    for (int64_t e = 0;
         clb_type_size(type) < 4 && values && e < clb_tensor_elements(operand->shape); e++)
        values[e] = reduced_widen(type, reduced_of(type, values[e]));
}

void verify_multiplied(struct verify_plan *plan)
{
    const enum clb_type type = verify_case_operands(plan->which);
    if (type != CLB_F32) verify_reduced(plan, type);
}

void verify_result(struct verify_plan *plan)
{
    if (verify_case_operands(plan->which) == CLB_F32) return;
    if (plan->which->variant & VERIFY_FP32_RESULT) return;
    verify_multiplied(plan);
    plan->operands[plan->count - 1].rounded = verify_case_operands(plan->which) != CLB_TF32;
}

/* ---- what the numbers are ---- */

void verify_each(struct verify_plan *plan,
                 float (*f)(const struct verify_case *c, int64_t e, float u))
{
    const struct verify_operand *operand = &plan->operands[plan->count - 1];
    float *values = operand->values;
    for (int64_t e = 0; values && e < clb_tensor_elements(operand->shape); e++)
        values[e] = f(plan->which, e, values[e]);
}

float verify_integer(const struct verify_case *c, int64_t e, float u)
{
    (void)e;
    return rintf((verify_case_operands(c) == CLB_F32 ? 2.5f : 15.5f) * u);
}

float verify_small(const struct verify_case *c, int64_t e, float u)
{
    (void)c;
    (void)e;
    return 1e-3f * u;
}

float verify_zero(const struct verify_case *c, int64_t e, float u)
{
    (void)c;
    (void)e;
    (void)u;
    return 0.0f;
}

/* Few enough that most rows have none. */
float verify_special(const struct verify_case *c, int64_t e, float u)
{
    (void)c;
    switch (e % 101) {
    case 5:
        return NAN;
    case 13:
        return INFINITY;
    case 17:
        return -INFINITY;
    case 42:
        return 0x1p-140f; /* a denormal */
    case 57:
        return -0.0f;
    }
    return u;
}

void verify_usual(struct verify_plan *plan)
{
    switch (plan->which->inputs) {
    case VERIFY_INTEGERS:
        verify_each(plan, verify_integer);
        break;
    case VERIFY_NEAR:
        verify_each(plan, verify_small);
        break;
    case VERIFY_ZEROS:
        verify_each(plan, verify_zero);
        break;
    case VERIFY_SPECIAL:
        verify_each(plan, verify_special);
        break;
    default:
        break;
    }
}
