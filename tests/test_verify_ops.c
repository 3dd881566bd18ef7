/* SPDX-License-Identifier: Apache-2.0 */
/* Every operation on every device against the CPU path, by the list that `clbert verify` uses; and
 * that the comparison notices a difference. */
#include "support_devices.h"
#include "verify/verify_ops.h"

#include <clbert/ops.h>
#include <clbert/verify.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

static void run_device(const char *selector, bool tiny)
{
    struct clb_device *device, *reference;
    struct clb_verify_report report = {0};
    OK(clb_device_open(selector, 0, &device));
    OK(clb_device_open("cpu", 1, &reference));
    const struct clb_verify_options options = {.tiny = tiny};
    OK(clb_verify_operations(device, reference, &options, &report));
    for (int i = 0; i < report.count; i++) {
        const struct clb_verify_check *check = &report.checks[i];
        if (!check->passed)
            print_error("%s: %s: error %.3g, tolerance %.3g\n%s", selector, check->name,
                        check->error, check->tolerance, check->map ? check->map : "");
    }
    print_message("%s (%s): %d checks, %d failed\n", selector, clb_device_info(device)->name,
                  report.count, report.failed);
    assert_true(report.count > 30);
    assert_int_equal(report.failed, 0);
    clb_verify_report_free(&report);
    clb_device_close(device);
    clb_device_close(reference);
}

static void operations_agree(void **state)
{
    (void)state;
    const bool tiny = getenv("CLBERT_TEST_TINY") != NULL;
    for (int i = 0; i < support_device_count(); i++) run_device(support_device(i), tiny);
}

static void report_counts_failures(void **state)
{
    (void)state;
    struct clb_verify_report report = {0};
    OK(clb_verify_report_add(&report, "within", 1e-7, 2e-7));
    OK(clb_verify_report_add(&report, "beyond", 3e-7, 2e-7));
    OK(clb_verify_report_add(&report, "not a number", 0.0 / 0.0, 2e-7));
    OK(clb_verify_report_add(&report, "same bits", 0.0, 0.0));
    assert_int_equal(report.count, 4);
    assert_int_equal(report.failed, 2);
    assert_true(report.checks[0].passed && report.checks[3].passed);
    clb_verify_report_free(&report);
}

/* Parts have their own scale, NaN and infinities their place, and a map shows what differs. */
static void comparison_notices(void **state)
{
    (void)state;
    const float reference[] = {1000, 1, NAN, 0, 1000, 1, INFINITY, 0};
    float x[8];
    const struct verify_operand operand = {.name = "out", .shape = {.rows = 2, .columns = 4}};
    const struct verify_part all = {.count = 4, .tolerance = 1e-3},
                             second = {.first = 1, .count = 1, .tolerance = 1e-3},
                             bits = {.count = 4, .tolerance = -1};
    memcpy(x, reference, sizeof x);
    assert_true(verify_difference(&operand, &all, x, reference) == 0.0);
    assert_true(verify_difference(&operand, &bits, x, reference) == 0.0);
    x[5] = 1.5f;
    assert_true(verify_difference(&operand, &all, x, reference) <= all.tolerance);
    assert_true(verify_difference(&operand, &second, x, reference) == 0.5);
    assert_true(verify_difference(&operand, &bits, x, reference) > 0.0);
    char *map = verify_map(&operand, &second, x, reference, false);
    assert_non_null(strstr(map, "1 of 2 differ"));
    assert_non_null(strstr(map, "(1, 1): 1.5 instead of 1\n"));
    assert_non_null(strstr(map, "0 .\n"));
    assert_non_null(strstr(map, "1 x\n"));
    free(map);
    x[2] = 0;
    assert_true(isinf(verify_difference(&operand, &all, x, reference)));
    x[2] = NAN, x[6] = -INFINITY;
    assert_true(isinf(verify_difference(&operand, &all, x, reference)));
}

static double rounded_difference(enum clb_type type, double tolerance, float x, float reference)
{
    const struct verify_operand operand = {
        .name = "out", .shape = {.rows = 1, .columns = 1, .type = type}, .rounded = true};
    const struct verify_part part = {.count = 1, .tolerance = tolerance, .floor = 1.0};
    return verify_difference(&operand, &part, &x, &reference);
}

/* What is rounded to either neighbour of a boundary passes, a further one does not; where sums are
 * exact only the one of them does. */
static void rounding_is_noticed(void **state)
{
    (void)state;
    const float boundary = 1.0f + 0x1p-8f, near = 0x1p-20f; /* of bf16: 1 and 1 + 2^-7 */
    assert_true(rounded_difference(CLB_BF16, 1e-7, 1.0f, boundary) == 0.0);
    assert_true(rounded_difference(CLB_BF16, 1e-7, 1.0f + 0x1p-7f, boundary) == 0.0);
    assert_true(rounded_difference(CLB_BF16, 1e-7, 1.0f, boundary + near) > 0.9 * 0x1p-20);
    assert_true(rounded_difference(CLB_BF16, 1e-7, -1.0f, -boundary - near) < 1.1 * 0x1p-20);
    assert_true(rounded_difference(CLB_BF16, 1e-7, 1.0f - 0x1p-8f, 1.0f) > 0.0);
    assert_true(rounded_difference(CLB_BF16, 0, 1.0f, boundary) == 0.0);
    assert_true(rounded_difference(CLB_BF16, 0, 1.0f + 0x1p-7f, boundary) > 0.0);
    assert_true(rounded_difference(CLB_F16, 1e-7, 65504.0f, 65519.0f) == 0.0);
    assert_true(rounded_difference(CLB_F16, 1e-7, 65504.0f, 65521.0f) > 0.0);
    assert_true(rounded_difference(CLB_F16, 1e-7, INFINITY, 65521.0f) == 0.0);
    assert_true(rounded_difference(CLB_F16, 1e-7, -INFINITY, -65519.0f) > 0.0);
    assert_true(rounded_difference(CLB_F16, 1e-7, -INFINITY, 65521.0f) > 1.0);
    assert_true(rounded_difference(CLB_F16, 0, 65504.0f, 65520.0f) > 0.0);
    assert_true(rounded_difference(CLB_F16, 1e-7, 0.0f, 0x1p-25f) == 0.0);
    assert_true(rounded_difference(CLB_F16, 1e-7, -0.0f, 0x1p-24f) == 0x1p-25);
    assert_true(rounded_difference(CLB_F16, 1e-7, 0x1p-24f, 0x1p-25f) == 0.0);
    assert_true(isinf(rounded_difference(CLB_F16, 1e-7, NAN, 1.0f)));
    assert_true(isinf(rounded_difference(CLB_F16, 1e-7, 65504.0f, INFINITY)));
}

/* Each family's cases of each type are run where both devices multiply it. */
static void reduced_cases_are_run(void **state)
{
    (void)state;
    static const char *const names[] = {
        "linear_forward 5x7x9 bias gelu bf16: pre",
        "linear_backward_input 5x7x9 fp16: d_x",
        "linear_backward_weight 5x7x9 bf16: d_bias",
        "activation_backward 3x7x0 gelu in place fp16: d_x",
        "attention_forward 0x1x3 bf16 to fp32 first 1: out",
        "attention_backward 0x2x4 fp16 dropout 0.25 first 5: d_qkv dK"};
    struct clb_device *device;
    struct clb_verify_report report = {0};
    const struct clb_verify_options options = {.tiny = true, .only = "16"};
    OK(clb_device_open("cpu", 1, &device));
    OK(clb_verify_operations(device, device, &options, &report));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        int found = 0;
        for (int j = 0; j < report.count; j++)
            found += strcmp(report.checks[j].name, names[i]) == 0;
        if (found != 1) fail_msg("%s: %d times", names[i], found);
    }
    clb_verify_report_free(&report);
    clb_device_close(device);
}

/* A case is run alone with the numbers that it has among all, others with another seed. */
static void cases_are_chosen(void **state)
{
    (void)state;
    struct clb_device *device;
    struct clb_verify_report report = {0};
    struct clb_verify_options options = {.only = "norm_backward 37x129x0"};
    OK(clb_device_open("cpu", 1, &device));
    OK(clb_verify_operations(device, device, &options, &report));
    assert_int_equal(report.count, 6);
    assert_non_null(strstr(report.checks[5].name, "the rest untouched"));
    options.only = "no such case";
    OK(clb_verify_operations(device, device, &options, &report));
    assert_int_equal(report.count, 6);
    clb_verify_report_free(&report);
    clb_device_close(device);

    struct verify_plan plans[2] = {{.which = verify_case(0)}, {.which = verify_case(0), .seed = 1}};
    for (int i = 0; i < 2; i++) verify_in(&plans[i], "x", 3, 3);
    assert_true(memcmp(plans[0].operands[0].values, plans[1].operands[0].values, 36) != 0);
    for (int i = 0; i < 2; i++) free(plans[i].operands[0].values);
}

/* The cases of --large, at a size that is not: on every device, with what is past the end. */
static void large_cases_agree(void **state)
{
    (void)state;
    for (int i = 0; i < support_device_count(); i++) {
        const struct clb_verify_options options = {.tiny = false};
        struct clb_verify_report report = {0};
        struct clb_device *device;
        OK(clb_device_open(support_device(i), 0, &device));
        OK(verify_large(device, 18, &options, &report));
        for (int j = 0; j < report.count; j++)
            if (!report.checks[j].passed)
                print_error("%s: %s\n%s", support_device(i), report.checks[j].name,
                            report.checks[j].map);
        assert_int_equal(report.count, 11 * 5 + 1);
        assert_int_equal(report.failed, 0);
        clb_verify_report_free(&report);
        clb_device_close(device);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(report_counts_failures), cmocka_unit_test(comparison_notices),
        cmocka_unit_test(rounding_is_noticed),    cmocka_unit_test(reduced_cases_are_run),
        cmocka_unit_test(cases_are_chosen),       cmocka_unit_test(operations_agree),
        cmocka_unit_test(large_cases_agree),
    };
    return cmocka_run_group_tests_name("verify_ops", tests, NULL, NULL);
}
