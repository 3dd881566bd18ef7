/* SPDX-License-Identifier: Apache-2.0 */
/* The benchmark gives figures on every device; how large they are is not a test's business. */
#include "support_devices.h"

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

static void test_every_device(void **state)
{
    (void)state;
    for (int i = 0; i < support_device_count(); i++) bench_device(support_device(i));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_device),
    };
    return cmocka_run_group_tests_name("benchmark", tests, NULL, NULL);
}
