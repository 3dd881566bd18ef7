/* SPDX-License-Identifier: Apache-2.0 */
/* The benchmark gives figures on every device; how large they are is not a test's business. */
#include "support_devices.h"
#include "verify/verify_ops.h"

#include <clbert/bench.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int64_t calls_of(struct clb_device *device, const char *operation)
{
    int count;
    const struct clb_profile_entry *entries = clb_device_profile_entries(device, &count);
    for (int i = 0; i < count; i++)
        if (strcmp(entries[i].operation, operation) == 0) return entries[i].calls;
    return 0;
}

static void bench_device(const char *selector)
{
    struct clb_bench_options options = {.batch_size = 2,
                                        .max_seq_length = 16,
                                        .mlm_probability = 0.15f,
                                        .steps = 1,
                                        .profile = true};
    struct clb_bench_result result;
    struct clb_device *device;
    OK(clb_config_named("tiny", 100, &options.config));
    OK(clb_device_open(selector, 0, &device));
    OK(clb_benchmark(device, &options, &result));
    assert_true(result.seconds_per_step > 0 && isfinite(result.tokens_per_second));
    assert_true(result.gflops > 0 && isfinite(result.peak_gflops) && result.peak_gflops > 0);
    assert_int_equal(calls_of(device, "attention_forward"), options.config.num_hidden_layers);
    assert_int_equal(calls_of(device, "adamw"), 1);
    clb_device_close(device);
}

/* An operation of every kind at a model's shapes: products in operations, others in bytes. */
static void bench_operations(const char *selector)
{
    struct clb_bench_options options = {
        .batch_size = 2, .max_seq_length = 16, .mlm_probability = 0.15f, .steps = 2};
    struct clb_bench_operations list;
    struct clb_device *device;
    OK(clb_config_named("tiny", 100, &options.config));
    OK(clb_device_open(selector, 0, &device));
    OK(clb_benchmark_operations(device, &options, "_forward", &list));
    assert_int_equal(list.count, 8); /* five linear, attention, norm, embedding */
    for (int i = 0; i < list.count; i++) {
        const struct clb_bench_operation *b = &list.operations[i];
        assert_true(b->seconds > 0 && b->rate > 0 && b->share > 0 && isfinite(b->share));
        assert_int_equal(b->multiplies, !strstr(b->name, "norm") && !strstr(b->name, "embedding"));
        assert_true(fabs(b->share * (b->multiplies ? list.peak_gflops : list.stream_gigabytes) -
                         b->rate) < 1e-9 * b->rate);
    }
    assert_string_equal(list.operations[0].name, "linear_forward 32x128x384 bias");
    assert_true(fabs(list.operations[0].rate * list.operations[0].seconds * 1e9 -
                     2.0 * 32 * 128 * 384) < 1);
    assert_string_equal(list.operations[4].name, "attention_forward 2x2x64 dropout 0.1 first 16");
    assert_true(fabs(list.operations[4].rate * list.operations[4].seconds * 1e9 -
                     4.0 * 2 * 16 * 16 * 128) < 1);
    clb_bench_operations_free(&list);
    clb_device_close(device);
}

/* Whatever verify has cases of can be timed. */
static void test_all_operations(void **state)
{
    (void)state;
    struct clb_bench_options options = {
        .batch_size = 2, .max_seq_length = 8, .mlm_probability = 0.15f, .steps = 1};
    struct clb_bench_operations list;
    struct clb_device *device;
    const struct verify_case *c;
    OK(clb_config_named("tiny", 100, &options.config));
    OK(clb_device_open("cpu", 0, &device));
    assert_int_equal(clb_benchmark_operations(device, &options, "no such", &list),
                     CLB_ERROR_ARGUMENT);
    assert_int_equal(list.count, 0);
    clb_bench_operations_free(&list);
    for (int i = 0; (c = verify_case(i)); i++)
        assert_non_null(strstr(clb_error_message(), c->operation->name));
    OK(clb_benchmark_operations(device, &options, "", &list));
    assert_true(list.count > 30);
    for (int i = 0; i < list.count; i++) assert_true(list.operations[i].rate > 0);
    clb_bench_operations_free(&list);
    clb_device_close(device);
}

static void test_every_device(void **state)
{
    (void)state;
    for (int i = 0; i < support_device_count(); i++) {
        bench_device(support_device(i));
        bench_operations(support_device(i));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_device),
        cmocka_unit_test(test_all_operations),
    };
    return cmocka_run_group_tests_name("benchmark", tests, NULL, NULL);
}
