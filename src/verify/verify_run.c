/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "verify/verify_ops.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the report ---- */

enum clb_status clb_verify_report_add(struct clb_verify_report *report, const char *name,
                                      double error, double tolerance)
{
    if (report->count == report->capacity) {
        int capacity = report->capacity ? 2 * report->capacity : 64;
        struct clb_verify_check *checks =
            realloc(report->checks, (size_t)capacity * sizeof *report->checks);
        if (!checks) return clb_fail(CLB_ERROR_MEMORY, "verify: out of memory");
        report->checks = checks;
        report->capacity = capacity;
    }
    struct clb_verify_check *check = &report->checks[report->count++];
    *check = (struct clb_verify_check){.error = error, .tolerance = tolerance};
    snprintf(check->name, sizeof check->name, "%s", name);
    check->passed = error <= tolerance; /* not for NaN */
    report->failed += !check->passed;
    return CLB_OK;
}

void clb_verify_report_free(struct clb_verify_report *report)
{
    free(report->checks);
    *report = (struct clb_verify_report){0};
}

/* ---- operands ---- */

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
    return (struct clb_random){plan->number, CLB_PURPOSE_TEST, (uint32_t)plan->count};
}

static struct verify_operand *add_random(struct verify_plan *plan, const char *name, int64_t rows,
                                         int64_t columns, bool positive)
{
    struct verify_operand *operand = add(plan, name, CLB_F32, rows, columns);
    float *values = operand->values;
    for (int64_t i = 0; values && i < rows * columns; i++) {
        float u = clb_uniform_from_bits(clb_random_u32(random_of(plan), (uint64_t)i));
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

static void compare(struct verify_operand *operand, double ulps, int64_t terms)
{
    operand->compared = true;
    operand->tolerance = 0x1p-24 * (ulps + 2.0 * sqrt((double)terms));
}

void verify_out(struct verify_plan *plan, const char *name, int64_t rows, int64_t columns,
                double ulps, int64_t terms)
{
    compare(add_random(plan, name, rows, columns, false), ulps, terms);
}

void verify_out_positive(struct verify_plan *plan, const char *name, int64_t rows, int64_t columns,
                         double ulps, int64_t terms)
{
    compare(add_random(plan, name, rows, columns, true), ulps, terms);
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
}

/* ---- running a case ---- */

struct side {
    struct clb_arena *arena;
    struct clb_tensor tensors[VERIFY_OPERANDS];
    void *results[VERIFY_OPERANDS];
};

static void side_close(struct side *side)
{
    clb_arena_destroy(side->arena);
    for (int i = 0; i < VERIFY_OPERANDS; i++) free(side->results[i]);
    *side = (struct side){0};
}

static enum clb_status side_open(struct side *side, const struct verify_plan *plan,
                                 struct clb_device *device)
{
    enum clb_status status;
    CLB_TRY(clb_arena_create(device, "verify", &side->arena));
    for (int i = 0; i < plan->count; i++) {
        const struct clb_tensor *shape = &plan->operands[i].shape;
        CLB_TRY(clb_arena_add(side->arena, shape->type, shape->rows, shape->columns,
                              &side->tensors[i]));
        side->results[i] = malloc((size_t)(4 * clb_tensor_elements(*shape)));
        if (!side->results[i]) CLB_TRY(clb_fail(CLB_ERROR_MEMORY, "verify: out of memory"));
    }
    CLB_TRY(clb_arena_commit(side->arena));
cleanup:
    return status;
}

static enum clb_status side_run(struct side *side, const struct verify_plan *plan)
{
    enum clb_status status;
    for (int i = 0; i < plan->count; i++)
        CLB_TRY(clb_tensor_write(side->tensors[i], plan->operands[i].values,
                                 clb_tensor_elements(side->tensors[i])));
    CLB_TRY(plan->which->operation->run(plan->which, side->tensors));
    for (int i = 0; i < plan->count; i++)
        if (plan->operands[i].compared)
            CLB_TRY(clb_tensor_read(side->tensors[i], side->results[i],
                                    clb_tensor_elements(side->tensors[i])));
cleanup:
    return status;
}

/* Largest difference over largest magnitude. */
static double difference(const float *x, const float *reference, int64_t count)
{
    double error = 0.0, scale = 0.0;
    for (int64_t i = 0; i < count; i++) {
        double d = fabs((double)x[i] - reference[i]);
        if (!(d <= error)) error = d;
        if (isnan(d)) return INFINITY;
        scale = fmax(scale, fabs((double)reference[i]));
    }
    if (error == 0.0) return 0.0; /* zeros of either sign */
    return scale > 0.0 ? error / scale : INFINITY;
}

static void describe(const struct verify_case *c, const char *operand, char *name, size_t size)
{
    int length = snprintf(name, size, "%s %lldx%lldx%lld", c->operation->name, (long long)c->m,
                          (long long)c->n, (long long)c->k);
    if (c->variant && length < (int)size)
        length += snprintf(name + length, size - (size_t)length, " variant %d", c->variant);
    if (c->dropout > 0.0f && length < (int)size)
        length += snprintf(name + length, size - (size_t)length, " dropout %g", c->dropout);
    if (c->lengths && length < (int)size)
        length += snprintf(name + length, size - (size_t)length, " first %d", c->lengths[0]);
    if (length < (int)size) snprintf(name + length, size - (size_t)length, ": %s", operand);
}

static enum clb_status compare_sides(const struct verify_plan *plan, const struct side *tested,
                                     const struct side *again, const struct side *reference,
                                     struct clb_verify_report *report)
{
    for (int i = 0; i < plan->count; i++) {
        const struct verify_operand *operand = &plan->operands[i];
        const int64_t count = clb_tensor_elements(operand->shape);
        char name[sizeof report->checks->name];
        if (!operand->compared) continue;
        describe(plan->which, operand->name, name, sizeof name);
        double error = difference(tested->results[i], reference->results[i], count);
        if (memcmp(tested->results[i], again->results[i], (size_t)(4 * count)) != 0) {
            const size_t length = strlen(name);
            snprintf(name + length, sizeof name - length, ", other bits the second time");
            error = INFINITY;
        }
        enum clb_status status = clb_verify_report_add(report, name, error, operand->tolerance);
        if (status != CLB_OK) return status;
    }
    return CLB_OK;
}

static enum clb_status run_case(const struct verify_case *c, uint32_t number,
                                struct clb_device *device, struct clb_device *reference,
                                struct clb_verify_report *report)
{
    struct verify_plan plan = {.which = c, .number = number};
    struct side tested = {0}, again = {0}, truth = {0};
    enum clb_status status;
    c->operation->plan(&plan, c);
    if (plan.out_of_memory) CLB_TRY(clb_fail(CLB_ERROR_MEMORY, "verify: out of memory"));
    CLB_TRY(side_open(&tested, &plan, device));
    CLB_TRY(side_open(&again, &plan, device));
    CLB_TRY(side_open(&truth, &plan, reference));
    CLB_TRY(side_run(&tested, &plan));
    CLB_TRY(side_run(&again, &plan));
    CLB_TRY(side_run(&truth, &plan));
    CLB_TRY(compare_sides(&plan, &tested, &again, &truth, report));
cleanup:
    if (status != CLB_OK) clb_fail_context(status, "%s", c->operation->name);
    side_close(&tested);
    side_close(&again);
    side_close(&truth);
    for (int i = 0; i < plan.count; i++) free(plan.operands[i].values);
    return status;
}

enum clb_status clb_verify_operations(struct clb_device *device, struct clb_device *reference,
                                      bool tiny, struct clb_verify_report *report)
{
    int count;
    const struct verify_case *cases = verify_cases(&count);
    for (int i = 0; i < count; i++) {
        if (tiny && !cases[i].tiny) continue;
        enum clb_status status = run_case(&cases[i], (uint32_t)i, device, reference, report);
        if (status != CLB_OK) return status;
    }
    return CLB_OK;
}
