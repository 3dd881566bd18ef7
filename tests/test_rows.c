/* SPDX-License-Identifier: Apache-2.0 */
/* Gathering rows and adding them back. */
#include "support_test.h"

static void check(struct clb_device *device, int64_t picked, int64_t tokens, int64_t hidden)
{
    struct support_call call = support_open(device);
    double *out = support_floats(&call, picked, hidden), *x = support_floats(&call, tokens, hidden);
    int32_t *rows = support_ints(&call, picked);
    for (int64_t r = 0; r < picked; r++) rows[r] = (int32_t)((r + 1) * tokens / picked - 1);
    support_upload(&call);
    OK(clb_gather_rows(&call.t[0], &call.t[1], &call.t[2]));
    for (int64_t e = 0; e < picked * hidden; e++)
        out[e] = x[rows[e / hidden] * hidden + e % hidden];
    support_expect_same(&call, 0, out);
    OK(clb_scatter_add_rows(&call.t[1], &call.t[0], &call.t[2])); /* doubles those rows */
    for (int64_t e = 0; e < picked * hidden; e++)
        x[rows[e / hidden] * hidden + e % hidden] += out[e];
    support_expect_same(&call, 1, x);
    support_close(&call);
}

static void rows_on(struct clb_device *device)
{
    check(device, 1, 1, 1);
    check(device, 1, 5, 7);
    check(device, 5, 5, 130);
    check(device, 77, 300, 257);
}

static void test_rows(void **state)
{
    (void)state;
    support_on_devices(rows_on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};
    return cmocka_run_group_tests_name("rows", tests, NULL, support_close_devices);
}
