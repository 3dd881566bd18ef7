/* SPDX-License-Identifier: Apache-2.0 */
/* Whole buffers. (Random fills: test_random.c.) */
#include "support_test.h"

static const int64_t sizes[] = {1, 7, 1024, 1025, 40000};
enum { SIZES = sizeof sizes / sizeof *sizes };

static void check_arithmetic(struct clb_device *device, int64_t n)
{
    struct support_call call = support_open(device);
    double *filled = support_floats(&call, n, 1), *copied = support_floats(&call, n, 1);
    double *added = support_floats(&call, n, 1), *scaled = support_floats(&call, n, 1);
    const double *x = support_floats(&call, n, 1);
    support_upload(&call);
    OK(clb_fill(&call.t[0], -1.5f));
    OK(clb_copy(&call.t[1], &call.t[4]));
    OK(clb_add(&call.t[2], &call.t[4]));
    OK(clb_scale(&call.t[3], 0.3f));
    for (int64_t e = 0; e < n; e++) {
        filled[e] = -1.5;
        copied[e] = x[e];
        added[e] += x[e]; /* one rounding: the same fp32 number */
        scaled[e] *= (double)0.3f;
    }
    support_expect_same(&call, 0, filled);
    support_expect_same(&call, 1, copied);
    support_expect_same(&call, 2, added);
    support_expect_same(&call, 3, scaled);
    support_close(&call);
}

/* Better than a plain fp32 sum: a few units whatever the length, of any mix of sizes. */
static void check_squares(struct clb_device *device, int64_t n, double first)
{
    struct support_call call = support_open(device);
    double *out = support_floats(&call, 1, 1), *x = support_floats(&call, n, 1);
    x[0] = first;
    support_upload(&call);
    OK(clb_sum_of_squares(&call.t[0], &call.t[1]));
    out[0] = support_dot(x, x, n);
    support_expect(&call, 0, out, NULL, 16, 0);
    support_close(&call);
}

static void buffers_on(struct clb_device *device)
{
    for (int i = 0; i < SIZES; i++) {
        check_arithmetic(device, sizes[i]);
        check_squares(device, sizes[i], 0.5);
        check_squares(device, sizes[i], 1024);
    }
    check_squares(device, 700001, 0.5);
    check_squares(device, 16384, 65536); /* beside its square a plain sum loses all others */
}

static void test_buffers(void **state)
{
    (void)state;
    support_on_devices(buffers_on);
}

static void not_finite_on(struct clb_device *device)
{
    static const double bad[] = {(double)NAN, (double)INFINITY, 3e38};
    for (int which = 0; which < 3; which++) {
        struct support_call call = support_open(device);
        float square;
        support_floats(&call, 1, 1);
        support_floats(&call, 5000, 1)[4321] = bad[which];
        support_upload(&call);
        OK(clb_sum_of_squares(&call.t[0], &call.t[1]));
        OK(clb_tensor_read(call.t[0], &square, 1));
        assert_false(isfinite(square));
        support_close(&call);
    }
}

static void test_not_finite(void **state)
{
    (void)state;
    support_on_devices(not_finite_on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buffers),
        cmocka_unit_test(test_not_finite),
    };
    return cmocka_run_group_tests_name("buffers", tests, NULL, support_close_devices);
}
