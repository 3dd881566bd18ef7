/* SPDX-License-Identifier: Apache-2.0 */
/* Softmax and cross-entropy. */
#include "support_test.h"

struct shape {
    int64_t rows, classes;
    double range, scale;
};

static const struct shape shapes[] = {
    {1, 1, 1, 1},       {1, 2, 1, 0},      {77, 2, 5, 0.01}, {3, 7, 1, 0.25},
    {20, 101, 30, 0.5}, {9, 4001, 8, 0.1}, {9, 4001, 8, 0},  {5, 1000, 300, 1},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static void check(struct clb_device *device, const struct shape *s)
{
    struct support_call call = support_open(device);
    double *sums = support_floats(&call, 2, 1),
           *logits = support_floats(&call, s->rows, s->classes);
    int32_t *labels = support_ints(&call, s->rows);
    const int64_t n = s->rows * s->classes;
    const float scale = (float)s->scale;
    for (int64_t r = 0; r < s->rows; r++) labels[r] = (int32_t)(r * 31 % s->classes);
    for (int64_t e = 0; e < n; e++) logits[e] = (double)(float)(logits[e] * s->range);
    sums[0] = 2; /* what is there stays */
    sums[1] = 3;
    support_upload(&call);
    OK(clb_cross_entropy(&call.t[0], &call.t[1], &call.t[2], scale));
    const double before = sums[0];
    reference_cross_entropy(sums, logits, labels, (double)scale, s->rows, s->classes);
    /* A probability's relative error is its exponent's: range units; the rest is the sum. */
    double *magnitude = support_copy(logits, n);
    for (int64_t e = 0; e < n; e++) magnitude[e] = s->scale;
    if (s->scale != 0)
        support_expect(&call, 1, logits, magnitude, 8 + s->range, (double)s->classes);
    else
        support_expect_same(&call, 1, logits);
    const double size[] = {before + sums[0] + s->range, 1};
    support_expect(&call, 0, sums, size, 8, (double)(s->rows + s->classes));
    free(magnitude);
    support_close(&call);
}

static void loss_on(struct clb_device *device)
{
    for (int i = 0; i < SHAPES; i++) check(device, &shapes[i]);
}

static void test_loss(void **state)
{
    (void)state;
    support_on_devices(loss_on);
}

/* Of equal logits the first wins, wherever vectors begin and end. */
static void ties_on(struct clb_device *device)
{
    enum { ROWS = 4, CLASSES = 37 };
    static const int at[ROWS][2] = {{0, 36}, {5, 6}, {3, 35}, {15, 16}};
    for (int which = 0; which < 2; which++) {
        struct support_call call = support_open(device);
        float sums[2];
        memset(support_floats(&call, 2, 1), 0, 2 * sizeof(double));
        double *logits = support_floats(&call, ROWS, CLASSES);
        int32_t *labels = support_ints(&call, ROWS);
        for (int r = 0; r < ROWS; r++) {
            logits[r * CLASSES + at[r][0]] = logits[r * CLASSES + at[r][1]] = 2;
            labels[r] = at[r][which];
        }
        support_upload(&call);
        OK(clb_cross_entropy(&call.t[0], &call.t[1], &call.t[2], 0));
        OK(clb_tensor_read(call.t[0], sums, 2));
        assert_int_equal((int)sums[1], which == 0 ? ROWS : 0);
        support_close(&call);
    }
}

static void test_ties(void **state)
{
    (void)state;
    support_on_devices(ties_on);
}

/* A NaN or an infinity among the logits must show in the loss and in the row's gradient. */
static void not_finite_on(struct clb_device *device)
{
    static const double bad[] = {(double)NAN, (double)INFINITY};
    for (int which = 0; which < 2; which++) {
        struct support_call call = support_open(device);
        float sums[2], gradient[2 * 40];
        support_floats(&call, 2, 1);
        support_floats(&call, 2, 40)[21] = bad[which];
        support_ints(&call, 2);
        support_upload(&call);
        OK(clb_cross_entropy(&call.t[0], &call.t[1], &call.t[2], 1));
        OK(clb_tensor_read(call.t[0], sums, 2));
        OK(clb_tensor_read(call.t[1], gradient, 2 * 40));
        bool seen = false;
        for (int i = 0; i < 40; i++) seen |= !isfinite(gradient[i]);
        assert_false(isfinite(sums[0]));
        assert_true(seen);
        for (int i = 40; i < 80; i++) assert_true(isfinite(gradient[i]));
        support_close(&call);
    }
}

static void test_not_finite(void **state)
{
    (void)state;
    support_on_devices(not_finite_on);
}

/* The same call gives the same bits every time, whichever thread takes which rows. */
static void repeat_on(struct clb_device *device)
{
    enum { ROWS = 77, CLASSES = 2, CALLS = 400 };
    struct support_call call = support_open(device);
    float first[2], sums[2];
    double *start = support_floats(&call, 2, 1), *x = support_floats(&call, ROWS, CLASSES);
    int32_t *labels = support_ints(&call, ROWS);
    memset(start, 0, 2 * sizeof *start);
    for (int r = 0; r < ROWS; r++) labels[r] = r % CLASSES;
    for (int e = 0; e < ROWS * CLASSES; e++) x[e] *= 5;
    support_upload(&call);
    for (int i = 0; i < CALLS; i++) {
        OK(clb_fill(&call.t[0], 0));
        OK(clb_cross_entropy(&call.t[0], &call.t[1], &call.t[2], 0));
        OK(clb_tensor_read(call.t[0], i == 0 ? first : sums, 2));
        if (i > 0) assert_memory_equal(sums, first, sizeof first);
    }
    support_close(&call);
}

static void test_repeat(void **state)
{
    (void)state;
    support_on_devices(repeat_on);
}

/* ---- the reference's own gradient ---- */

static const int32_t small_labels[] = {2, 0, 4};

static double small_loss(void *context)
{
    double logits[15], sums[2] = {0, 0};
    memcpy(logits, context, sizeof logits);
    reference_cross_entropy(sums, logits, small_labels, 0, 3, 5);
    return 0.5 * sums[0];
}

static void test_reference(void **state)
{
    (void)state;
    double logits[15], gradient[15], sums[2] = {0, 0};
    for (int e = 0; e < 15; e++) logits[e] = gradient[e] = 2 * sin(3.0 * e + 1);
    reference_cross_entropy(sums, gradient, small_labels, 0.5, 3, 5);
    support_check_gradient(small_loss, logits, logits, gradient, 15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference), cmocka_unit_test(test_loss),
        cmocka_unit_test(test_ties),      cmocka_unit_test(test_not_finite),
        cmocka_unit_test(test_repeat),
    };
    return cmocka_run_group_tests_name("loss", tests, NULL, support_close_devices);
}
