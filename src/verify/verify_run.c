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
    for (int i = 0; i < report->count; i++) free(report->checks[i].map);
    free(report->checks);
    *report = (struct clb_verify_report){0};
}

/* ---- comparison ---- */

enum clb_status verify_add_check(struct clb_verify_report *report, const char *name, double error,
                                 double tolerance, char *map)
{
    enum clb_status status = clb_verify_report_add(report, name, error, tolerance);
    if (status == CLB_OK)
        report->checks[report->count - 1].map = map;
    else
        free(map);
    return status;
}

static enum clb_status
compare_part(const struct verify_plan *plan, int number, const struct verify_part *part,
             const struct verify_side *tested, const struct verify_side *again,
             const struct verify_side *reference, struct clb_verify_report *report)
{
    const struct verify_operand *operand = &plan->operands[number];
    const size_t bytes = (size_t)(4 * clb_tensor_elements(operand->shape));
    const float *x = verify_side_result(tested, number), *same = verify_side_result(again, number);
    const float *expected = verify_side_result(reference, number);
    const double tolerance = fmax(part->tolerance, 0.0);
    double error = verify_difference(operand, part, x, expected);
    char name[sizeof report->checks->name], which[96];
    char *map = NULL;
    verify_case_name(plan->which, which, sizeof which);
    snprintf(name, sizeof name, "%s: %s%s%s", which, operand->name, part->name ? " " : "",
             part->name ? part->name : "");
    if (!(error <= tolerance))
        map = verify_map(operand, part, x, expected, false);
    else if (memcmp(x, same, bytes) != 0) {
        const size_t length = strlen(name);
        snprintf(name + length, sizeof name - length, ", other bits the second time");
        error = (double)INFINITY;
        map = verify_map(operand, part, x, same, true);
    }
    return verify_add_check(report, name, error, tolerance, map);
}

/* Where the arena is not as it was, but for outputs and scratch: its first such byte; -1: none.
 * *count units of 2 bytes. */
static int64_t changed(const struct verify_plan *plan, const struct verify_side *side,
                       int64_t *count)
{
    const int64_t bytes = clb_tensor_bytes(side->whole);
    int64_t first = -1, skip = 0;
    int next = 0;
    *count = 0;
    for (int64_t b = 0; b < bytes; b += 2) {
        for (; next < plan->count && side->tensors[next].offset == b; next++)
            if (plan->operands[next].use != VERIFY_IN)
                skip = b + clb_tensor_bytes(side->tensors[next]);
        if (b < skip || side->before[b / 2] == side->after[b / 2]) continue;
        if (first < 0) first = b;
        ++*count;
    }
    return first;
}

static char *describe_change(const struct verify_plan *plan, const struct verify_side *side,
                             int64_t first, int64_t count)
{
    char text[256];
    int i = plan->count - 1;
    while (i > 0 && side->tensors[i].offset > first) i--;
    const struct clb_tensor *t = &side->tensors[i];
    const int64_t element = (first - t->offset) / clb_type_size(t->type);
    const int64_t past = element - clb_tensor_elements(*t);
    if (past < 0)
        snprintf(text, sizeof text, "  %lld bytes changed, the first in %s[%lld], an input\n",
                 2 * (long long)count, plan->operands[i].name, (long long)element);
    else
        snprintf(text, sizeof text,
                 "  %lld bytes changed, the first %lld elements past the end of %s\n",
                 2 * (long long)count, (long long)past, plan->operands[i].name);
    return strdup(text);
}

static enum clb_status check_untouched(const struct verify_plan *plan,
                                       const struct verify_side *tested,
                                       struct clb_verify_report *report)
{
    int64_t count;
    const int64_t first = changed(plan, tested, &count);
    char name[sizeof report->checks->name], which[96];
    verify_case_name(plan->which, which, sizeof which);
    snprintf(name, sizeof name, "%s: the rest untouched", which);
    return verify_add_check(report, name, (double)count, 0.0,
                            first < 0 ? NULL : describe_change(plan, tested, first, count));
}

static enum clb_status run_case(const struct verify_case *c, uint32_t number, uint32_t seed,
                                struct clb_device *device, struct clb_device *reference,
                                struct clb_verify_report *report)
{
    struct verify_plan plan = {.which = c, .number = number, .seed = seed};
    enum { TESTED, AGAIN, REFERENCE, SIDES };
    struct verify_side sides[SIDES] = {[REFERENCE] = {.is_reference = true}};
    enum clb_status status;
    c->operation->plan(&plan, c);
    if (plan.out_of_memory) CLB_TRY(clb_fail(CLB_ERROR_MEMORY, "verify: out of memory"));
    for (int i = 0; i < SIDES; i++) {
        CLB_TRY(verify_side_plan(&sides[i], &plan, i == REFERENCE ? reference : device));
        CLB_TRY(verify_side_open(&sides[i], &plan));
    }
    for (int i = 0; i < SIDES; i++) CLB_TRY(verify_side_run(&sides[i], &plan));
    for (int i = 0; i < plan.count; i++)
        for (int part = 0; part < plan.operands[i].part_count; part++)
            CLB_TRY(compare_part(&plan, i, &plan.operands[i].parts[part], &sides[TESTED],
                                 &sides[AGAIN], &sides[REFERENCE], report));
    CLB_TRY(check_untouched(&plan, &sides[TESTED], report));
cleanup:
    if (status != CLB_OK) clb_fail_context(status, "%s", c->operation->name);
    for (int i = 0; i < SIDES; i++) verify_side_close(&sides[i]);
    verify_plan_free(&plan);
    return status;
}

enum clb_status clb_verify_operations(struct clb_device *device, struct clb_device *reference,
                                      const struct clb_verify_options *options,
                                      struct clb_verify_report *report)
{
    const struct verify_case *c;
    for (int i = 0; (c = verify_case(i)); i++) {
        char name[sizeof report->checks->name];
        verify_case_name(c, name, sizeof name);
        if (options->tiny && !c->tiny) continue;
        if (options->only && !strstr(name, options->only)) continue;
        const enum clb_type operands = verify_case_operands(c);
        if (!clb_device_multiplies(device, operands)) continue;
        if (!clb_device_multiplies(reference, operands)) continue;
        enum clb_status status = run_case(c, (uint32_t)i, options->seed, device, reference, report);
        if (status != CLB_OK) return status;
    }
    return CLB_OK;
}
