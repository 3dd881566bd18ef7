/* SPDX-License-Identifier: Apache-2.0 */
/* Philox against the known answers of its authors (Random123's kat_vectors), and what is made of
 * it. */
#include "support_test.h"

#include <stdio.h>

static void check_known(struct clb_random random, uint64_t block, const uint32_t expected[4])
{
    uint32_t out[4];
    clb_philox(random, block, out);
    assert_memory_equal(out, expected, sizeof out);
}

static void test_known_answers(void **state)
{
    (void)state;
    const uint32_t zeros[4] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
    const uint32_t ones[4] = {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd};
    const uint32_t pi[4] = {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1};
    check_known((struct clb_random){0, 0, 0}, 0, zeros);
    check_known((struct clb_random){UINT64_MAX, UINT32_MAX, UINT32_MAX}, UINT64_MAX, ones);
    check_known((struct clb_random){0x299f31d0a4093822, 0x13198a2e, 0x03707344}, 0x85a308d3243f6a88,
                pi);
}

static void test_ranges(void **state)
{
    (void)state;
    assert_true(clb_uniform_from_bits(0) > 0.0f);
    assert_true(clb_uniform_from_bits(UINT32_MAX) < 1.0f);
    assert_true(clb_truncated_normal_from_uniform(clb_uniform_from_bits(0)) >= -2.0f);
    assert_true(clb_truncated_normal_from_uniform(clb_uniform_from_bits(UINT32_MAX)) <= 2.0f);
}

/* Phi(z) recovers the uniform: Phi(-2) + u (Phi(2) - Phi(-2)). */
static void test_truncated_normal(void **state)
{
    (void)state;
    const double low = 0.5 * erfc(2 / sqrt(2.0)), span = 1 - 2 * low;
    for (int i = 1; i < 1000; i++) {
        const float u = (float)i / 1000;
        const double z = (double)clb_truncated_normal_from_uniform(u);
        assert_true(fabs(0.5 * erfc(-z / sqrt(2.0)) - (low + (double)u * span)) < 5e-6);
    }
}

enum { COUNT = 5000 };

static void check_device(const char *selector)
{
    const struct clb_random random = {0x123456789abcdef, CLB_PURPOSE_TEST, 7};
    static float uniform[COUNT], normal[COUNT];
    struct clb_device *device;
    struct clb_arena *arena;
    struct clb_tensor x;
    OK(clb_device_open(selector, 0, &device));
    OK(clb_arena_create(device, "test", &arena));
    OK(clb_arena_add(arena, CLB_F32, COUNT, 1, &x));
    OK(clb_arena_commit(arena));
    OK(clb_fill_uniform(&x, random));
    OK(clb_tensor_read(x, uniform, COUNT));
    OK(clb_fill_truncated_normal(&x, 0.02f, random));
    OK(clb_tensor_read(x, normal, COUNT));
    for (uint64_t i = 0; i < COUNT; i++) {
        const float u = clb_uniform_from_bits(clb_random_u32(random, i));
        const float z = 0.02f * clb_truncated_normal_from_uniform(u);
        assert_memory_equal(&uniform[i], &u, sizeof u);
        assert_memory_equal(&normal[i], &z, sizeof z);
    }
    clb_arena_destroy(arena);
    clb_device_close(device);
}

static void test_same_bits_on_devices(void **state)
{
    (void)state;
    for (int d = 0; d < support_device_count(); d++) check_device(support_device(d));
}

/* ---- dropout ---- */

static const struct clb_random site = {77, CLB_PURPOSE_DROPOUT + 3, 5};

static void check_dropout(struct clb_device *device, int64_t rows, int64_t columns,
                          float probability, bool in_place)
{
    const struct clb_dropout dropout = {probability, site};
    const int64_t n = rows * columns;
    struct support_call call = support_open(device);
    double *out = support_floats(&call, rows, columns), *x = support_floats(&call, rows, columns);
    int64_t kept = 0;
    support_upload(&call);
    OK(clb_dropout_apply(&call.t[0], in_place ? &call.t[0] : &call.t[1], dropout));
    for (int64_t e = 0; e < n; e++) {
        const double factor = reference_dropout(dropout, (uint64_t)e);
        kept += factor > 0;
        out[e] = (in_place ? out : x)[e] * factor;
    }
    if (probability > 0) {
        /* An element itself, so that a dropped one is exactly 0. */
        double *magnitude = support_copy(out, n);
        for (int64_t e = 0; e < n; e++) magnitude[e] = fabs(out[e]);
        support_expect(&call, 0, out, magnitude, 2, 0);
        free(magnitude);
    } else {
        support_expect_same(&call, 0, out);
    }
    const double share = 1 - (double)probability, deviation = sqrt(share * (1 - share) * (double)n);
    assert_true(fabs((double)kept - share * (double)n) <= 5 * deviation);
    support_close(&call);
}

static void dropout_on(struct clb_device *device)
{
    check_dropout(device, 3, 7, 0.5f, false);
    check_dropout(device, 301, 129, 0.1f, true);
    check_dropout(device, 77, 100, 0.9f, false);
    check_dropout(device, 40, 10, 0, false);
    check_dropout(device, 40, 10, 0, true);
}

static void test_dropout(void **state)
{
    (void)state;
    support_on_devices(dropout_on);
}

/* The numbers are those of Python's xxhash; and no two names of a large model's share a family. */
static void test_names(void **state)
{
    (void)state;
    static const char *const sites[] = {"attention.self.dropout", "attention.output.dropout",
                                        "output.dropout"};
    enum { LAYERS = 48, SITES = 3 };
    uint32_t purposes[LAYERS * SITES];
    const struct clb_random one =
        clb_random_named(5, CLB_PURPOSE_DROPOUT, 7, "bert.embeddings.dropout");
    assert_true(one.seed == 5 && one.purpose == 0x24046a8 && one.stream == 0x723048ca);
    for (int i = 0; i < LAYERS * SITES; i++) {
        char name[80];
        snprintf(name, sizeof name, "bert.encoder.layer.%d.%s", i / SITES, sites[i % SITES]);
        purposes[i] = clb_random_named(0, CLB_PURPOSE_DROPOUT, 0, name).purpose;
        for (int j = 0; j < i; j++) assert_int_not_equal(purposes[i], purposes[j]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answers),    cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_truncated_normal), cmocka_unit_test(test_same_bits_on_devices),
        cmocka_unit_test(test_dropout),          cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests_name("random", tests, NULL, support_close_devices);
}
