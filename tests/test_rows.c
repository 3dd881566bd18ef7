/* SPDX-License-Identifier: Apache-2.0 */
/* Gathering rows and adding them back; one row for all of a sequence. */
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

/* Sequences of 1, 2, 40 and 3 rows. */
static double pooled(const double *x, const int32_t *cu_seqlens, int64_t e, int64_t hidden,
                     enum clb_pooling kind)
{
    const int64_t b = e / hidden, c = e % hidden, begin = cu_seqlens[b], end = cu_seqlens[b + 1];
    double sum = 0, most = x[begin * hidden + c];
    for (int64_t t = begin; t < end; t++) {
        sum += x[t * hidden + c];
        most = fmax(most, x[t * hidden + c]);
    }
    if (kind == CLB_POOLING_MEAN) return sum / (double)(end - begin);
    return kind == CLB_POOLING_MAX ? most : x[begin * hidden + c];
}

static void check_pool(struct clb_device *device, int64_t hidden, enum clb_pooling kind)
{
    enum { B = 4, T = 46 };
    static const int32_t begins[B + 1] = {0, 1, 3, 43, T};
    struct support_call call = support_open(device);
    double *out = support_floats(&call, B, hidden), *x = support_floats(&call, T, hidden);
    memcpy(support_ints(&call, B + 1), begins, sizeof begins);
    support_upload(&call);
    OK(clb_pool(&call.t[0], &call.t[1], &call.t[2], kind));
    for (int64_t e = 0; e < B * hidden; e++) out[e] = pooled(x, begins, e, hidden, kind);
    if (kind == CLB_POOLING_MEAN)
        support_expect(&call, 0, out, NULL, 4, 40);
    else
        support_expect_same(&call, 0, out);
    assert_int_equal(clb_pool(&call.t[0], &call.t[1], &call.t[2], (enum clb_pooling)3),
                     CLB_ERROR_ARGUMENT);
    support_close(&call);
}

static void pool_on(struct clb_device *device)
{
    for (int kind = CLB_POOLING_MEAN; kind <= CLB_POOLING_FIRST; kind++) {
        check_pool(device, 1, (enum clb_pooling)kind);
        check_pool(device, 130, (enum clb_pooling)kind);
    }
}

static void test_pool(void **state)
{
    (void)state;
    support_on_devices(pool_on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_pool)};
    return cmocka_run_group_tests_name("rows", tests, NULL, support_close_devices);
}
