/* SPDX-License-Identifier: Apache-2.0 */
/* The benchmark gives figures on every device; how large they are is not a test's business. */
#include "support_devices.h"
#include "verify/verify_ops.h"

#include <clbert/bench.h>
#include <clbert/ops.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct clb_profile_entry entry_of(struct clb_device *device, const char *operation)
{
    int count;
    const struct clb_profile_entry *entries = clb_device_profile_entries(device, &count);
    for (int i = 0; i < count; i++)
        if (strcmp(entries[i].operation, operation) == 0) return entries[i];
    return (struct clb_profile_entry){.calls = 0};
}

/* Every entry that was called, beside the roofs; what they do of a step is all of it. */
static void check_profile(struct clb_device *device, const struct clb_bench_result *result)
{
    const struct clb_bench_operations *profile = &result->profile;
    double share = 0;
    assert_true(profile->count > 10 && profile->stream_gigabytes > 0);
    assert_true(profile->peak_gflops == result->peak_gflops);
    for (int i = 0; i < profile->count; i++) {
        const struct clb_bench_operation *o = &profile->operations[i];
        const struct clb_profile_entry entry = entry_of(device, o->name);
        const double work = o->multiplies ? entry.flops : entry.bytes;
        assert_true(o->calls == entry.calls && o->calls > 0 && o->seconds > 0 && entry.bytes > 0);
        assert_true(fabs(1e9 * o->rate * o->seconds - work) < 1e-9 * work);
        assert_true(
            fabs(o->share * (o->multiplies ? profile->peak_gflops : profile->stream_gigabytes) -
                 o->rate) < 1e-9 * o->rate);
        share += o->step_share;
    }
    assert_true(fabs(share - 1.0) < 1e-9);
}

/* What a step of bench_device multiplies: 32 tokens, two layers of 128 with 512 inside, two
 * sequences of 16; and of 4 masked tokens the head with its 100 words, of 2 [CLS] the pooler and
 * two classes. */
static void check_work(struct clb_device *device)
{
    const double layer = 32.0 * 128 * (3 * 128 + 128 + 2 * 512);
    const double ends = 4.0 * 128 * (128 + 100) + 2.0 * 128 * (128 + 2);
    const double flops = 2 * (2 * layer + ends), pairs = 2.0 * 2 * 16 * 16 * 128;
    assert_true(entry_of(device, "linear_forward").flops == flops);
    assert_true(entry_of(device, "linear_backward_input").flops == flops);
    assert_true(entry_of(device, "linear_backward_weight").flops == flops);
    assert_true(entry_of(device, "attention_forward").flops == 2 * 2 * pairs);
    assert_true(entry_of(device, "attention_backward").flops == 2 * 5 * pairs);
    assert_true(entry_of(device, "norm_forward").flops == 0);
}

static void bench_device(const char *selector)
{
    struct clb_bench_options options = {.batch_size = 2,
                                        .max_seq_length = 16,
                                        .mlm_probability = 0.15f,
                                        .steps = 2,
                                        .profile = true};
    struct clb_bench_result result;
    struct clb_device *device;
    OK(clb_config_named("tiny", 100, &options.config));
    OK(clb_device_open(selector, 0, &device));
    OK(clb_benchmark(device, &options, &result));
    assert_true(result.seconds_per_step > 0 && isfinite(result.tokens_per_second));
    assert_true(result.gflops > 0 && isfinite(result.peak_gflops) && result.peak_gflops > 0);
    assert_int_equal(entry_of(device, "attention_forward").calls, options.config.num_hidden_layers);
    assert_int_equal(entry_of(device, "adamw").calls, 1);
    check_profile(device, &result);
    check_work(device);
    clb_bench_operations_free(&result.profile);
    clb_device_close(device);
}

/* Embeddings: forward alone, no heads, and the work of sequences of many lengths. */
static void embed_device(const char *selector)
{
    struct clb_bench_options options = {
        .task = CLB_BENCH_EMBEDDING, .max_seq_length = 64, .steps = 2, .profile = true};
    struct clb_bench_result result;
    struct clb_device *device;
    OK(clb_config_named("tiny", 100, &options.config));
    OK(clb_device_open(selector, 0, &device));
    OK(clb_benchmark(device, &options, &result));
    assert_true(result.sequences_per_second > 0 && result.gflops > 0);
    const double tokens = result.tokens_per_second * result.seconds_per_step;
    assert_true(fabs(result.sequences_per_second * result.seconds_per_step - 128) < 1e-6);
    assert_true(tokens > 128 * 5 && tokens < 128 * 64);
    const struct clb_profile_entry e = entry_of(device, "linear_forward");
    const double layer = tokens * 128 * (3 * 128 + 128 + 2 * 512);
    assert_true(fabs(e.flops - 2 * 2 * layer) < 1e-6 * e.flops);
    assert_int_equal(entry_of(device, "linear_backward_input").calls, 0);
    assert_true(entry_of(device, "pool").calls > 0);
    /* attention's own flops in the profile are an upper bound */
    const double flops = 1e9 * result.gflops * result.seconds_per_step;
    assert_true(flops > e.flops && flops <= e.flops + entry_of(device, "attention_forward").flops);
    clb_bench_operations_free(&result.profile);
    clb_device_close(device);
}

/* What calls multiply and move, by their shapes alone. */
static void test_work(void **state)
{
    (void)state;
    struct clb_device *device;
    struct clb_arena *arena, *ints;
    struct clb_tensor x, weight, out, bias, table, rows, few;
    OK(clb_device_open("cpu", 1, &device));
    OK(clb_arena_create(device, "work", &arena));
    OK(clb_arena_create(device, "rows", &ints));
    OK(clb_arena_add(arena, CLB_F32, 5, 7, &x));
    OK(clb_arena_add(arena, CLB_F32, 11, 7, &weight));
    OK(clb_arena_add(arena, CLB_F32, 11, 1, &bias));
    OK(clb_arena_add(arena, CLB_F32, 5, 11, &out));
    OK(clb_arena_add(arena, CLB_F32, 1000, 7, &table));
    OK(clb_arena_add(arena, CLB_F32, 3, 7, &few));
    OK(clb_arena_add(ints, CLB_I32, 3, 1, &rows));
    OK(clb_arena_commit(arena));
    OK(clb_arena_commit(ints));
    OK(clb_linear_forward(&out, NULL, &x, &weight, &bias, CLB_ACTIVATION_NONE)); /* not seen */
    clb_device_profile(device, true);
    OK(clb_linear_forward(&out, NULL, &x, &weight, &bias, CLB_ACTIVATION_NONE));
    OK(clb_linear_forward(&out, NULL, &x, &weight, NULL, CLB_ACTIVATION_NONE));
    OK(clb_linear_backward_weight(&weight, &bias, &out, &x));
    OK(clb_gather_rows(&few, &table, &rows));
    OK(clb_scale(&x, 1.0f));
    clb_device_profile(device, false);
    OK(clb_scale(&x, 1.0f));
    struct clb_profile_entry e = entry_of(device, "linear_forward");
    assert_true(e.calls == 2 && e.flops == 2 * 2 * 5 * 7 * 11);
    assert_true(e.bytes == 4 * (2 * (5 * 7 + 11 * 7 + 5 * 11) + 11));
    e = entry_of(device, "linear_backward_weight");
    assert_true(e.flops == 2 * 5 * 7 * 11);
    assert_true(e.bytes == 4 * (5 * 7 + 5 * 11 + 2 * 11 * 7 + 2 * 11)); /* gradients are added to */
    e = entry_of(device, "gather_rows");
    assert_true(e.flops == 0 && e.bytes == 4 * (2 * 3 * 7 + 3)); /* of the table three rows */
    e = entry_of(device, "scale");
    assert_true(e.calls == 1 && e.bytes == 4 * 2 * 5 * 7);
    clb_arena_destroy(arena);
    clb_arena_destroy(ints);
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
        embed_device(support_device(i));
        bench_operations(support_device(i));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_work),
        cmocka_unit_test(test_every_device),
        cmocka_unit_test(test_all_operations),
    };
    return cmocka_run_group_tests_name("benchmark", tests, NULL, NULL);
}
