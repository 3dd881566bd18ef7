/* SPDX-License-Identifier: Apache-2.0 */
/* Every operation on every device against the CPU path, by the list that `clbert verify` uses; and
 * that the comparison notices a difference. */
#include "support_devices.h"

#include <clbert/ops.h>
#include <clbert/verify.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(report_counts_failures),
        cmocka_unit_test(operations_agree),
    };
    return cmocka_run_group_tests_name("verify_ops", tests, NULL, NULL);
}
