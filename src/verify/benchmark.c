/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/benchmark.h"

#include "base/clock.h"
#include "base/error.h"
#include "data/masking.h"

#include <clbert/random.h>
#include <clbert/train.h>
#include <stdio.h>
#include <stdlib.h>

#include "train/train.h"

enum { WARMUP_STEPS = 2 };

struct bench {
    const struct clb_bench_options *options;
    struct clb_device *device;
    struct clb_model *model;
    struct train_optimizer *optimizer;
    struct clb_batch *batch;
    struct clb_training_options training;
    struct clb_traffic queued; /* up to the end of the last step, before the wait for it */
};

/* Of a sequence. */
static int32_t masked_tokens(const struct bench *b)
{
    return masking_most(b->options->mlm_probability, MASKING_TOKENS, b->options->max_seq_length);
}

/* Full sequences of random ids, two halves each, the first tokens of every sequence masked: where
 * the masks are does not matter to the time. */
static enum clb_status fill_batch(struct bench *b)
{
    const int32_t length = b->options->max_seq_length, vocab = b->options->config.vocab_size;
    const int32_t masked = masked_tokens(b);
    const struct clb_random random = {1, CLB_PURPOSE_TEST, 0};
    int32_t *ids = malloc(3 * (size_t)length * sizeof *ids);
    if (!ids) return clb_fail(CLB_ERROR_MEMORY, "benchmark: out of memory");
    int32_t *types = ids + length, *labels = types + length;
    enum clb_status status;
    CLB_TRY(clb_batch_create(b->options->batch_size, b->options->batch_size * length, &b->batch));
    for (int32_t s = 0; s < b->options->batch_size; s++) {
        for (int32_t i = 0; i < length; i++) {
            ids[i] = (int32_t)clb_random_below(random, (uint64_t)s * (uint64_t)length + (uint64_t)i,
                                               (uint32_t)vocab);
            types[i] = i >= length / 2;
            labels[i] = i < masked ? ids[i] : -100;
        }
        CLB_TRY(clb_batch_append_pair(b->batch, length, ids, types, labels, s % 2));
    }
    CLB_TRY(clb_batch_finish(b->batch));
cleanup:
    free(ids);
    return status;
}

static enum clb_status set_up(struct bench *b)
{
    const int32_t tokens = b->options->batch_size * b->options->max_seq_length;
    const struct clb_model_limits limits = {.max_sequences = b->options->batch_size,
                                            .max_tokens = tokens,
                                            .max_masked = b->options->batch_size * masked_tokens(b),
                                            .training = true,
                                            .operands = b->options->precision};
    enum clb_status status;
    CLB_TRY(clb_model_create(b->device, &b->options->config, &limits, &b->model));
    CLB_TRY(train_optimizer_create(b->model, CLB_OPTIMIZER_ADAMW, &b->optimizer));
    CLB_TRY(clb_model_commit(b->model));
    CLB_TRY(train_optimizer_commit(b->optimizer, b->model, 0.01f));
    CLB_TRY(clb_model_initialize(b->model, 1));
    CLB_TRY(fill_batch(b));
cleanup:
    return status;
}

static enum clb_status one_step(struct bench *b, int64_t step)
{
    const struct clb_step_batches batches = {.step = step, .count = 1, .batches = &b->batch};
    enum clb_status status = train_step(b->model, b->optimizer, &batches, &b->training, 1e-4);
    b->queued = clb_device_traffic(b->device);
    return status == CLB_OK ? clb_device_finish(b->device) : status;
}

/* What went on between two looks is added to `sum`. */
static void add_traffic(struct clb_traffic *sum, struct clb_traffic from, struct clb_traffic to)
{
    sum->launches += to.launches - from.launches;
    sum->writes += to.writes - from.writes;
    sum->bytes += to.bytes - from.bytes;
    sum->waits += to.waits - from.waits;
    sum->held += to.held - from.held;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_median(double *seconds, int count)
{
    qsort(seconds, (size_t)count, sizeof *seconds, by_size);
    return seconds[count / 2];
}

static enum clb_status time_steps(struct bench *b, struct clb_bench_result *result)
{
    const int32_t steps = b->options->steps;
    double *seconds = malloc((size_t)steps * sizeof *seconds);
    if (!seconds) return clb_fail(CLB_ERROR_MEMORY, "benchmark: out of memory");
    enum clb_status status = CLB_OK;
    for (int32_t step = 0; step < WARMUP_STEPS + steps; step++) {
        const struct clb_traffic before = clb_device_traffic(b->device);
        const double begin = base_seconds();
        CLB_TRY(one_step(b, step));
        if (step < WARMUP_STEPS) continue;
        seconds[step - WARMUP_STEPS] = base_seconds() - begin;
        add_traffic(&result->traffic, before, b->queued);
    }
    result->seconds_per_step = bench_median(seconds, steps);
cleanup:
    free(seconds);
    return status;
}

enum clb_status bench_check(const struct clb_bench_options *options)
{
    if (options->steps < 1 || options->batch_size < 1 || options->max_seq_length < 2)
        return clb_fail(CLB_ERROR_ARGUMENT,
                        "benchmark: steps, batch size and length should be above 0");
    return CLB_OK;
}

void bench_add(struct clb_bench_operations *results, const char *name,
               const struct clb_profile_entry *work)
{
    struct clb_bench_operation *o = &results->operations[results->count++];
    snprintf(o->name, sizeof o->name, "%s", name);
    o->calls = work->calls;
    o->seconds = work->seconds;
    o->multiplies = work->flops > 0.0;
    o->rate = 1e-9 * (o->multiplies ? work->flops : work->bytes) / work->seconds;
    o->share = o->rate / (o->multiplies ? results->peak_gflops : results->stream_gigabytes);
}

/* seconds[operation * steps + step] */
static enum clb_status time_operations(struct bench *b, double *seconds)
{
    const int32_t steps = b->options->steps;
    enum clb_status status = CLB_OK;
    for (int32_t step = 0; step < steps && status == CLB_OK; step++) {
        int count;
        clb_device_profile(b->device, true);
        status = one_step(b, WARMUP_STEPS + steps + step);
        clb_device_profile(b->device, false);
        const struct clb_profile_entry *entries = clb_device_profile_entries(b->device, &count);
        for (int i = 0; i < count; i++) seconds[i * steps + step] = entries[i].seconds;
    }
    return status;
}

static enum clb_status profile_steps(struct bench *b, struct clb_bench_operations *profile)
{
    int count;
    const struct clb_profile_entry *entries = clb_device_profile_entries(b->device, &count);
    const int32_t steps = b->options->steps;
    double total = 0, *seconds = malloc((size_t)count * (size_t)steps * sizeof *seconds);
    enum clb_status status = CLB_OK;
    profile->operations = calloc((size_t)count, sizeof *profile->operations);
    if (!seconds || !profile->operations)
        CLB_TRY(clb_fail(CLB_ERROR_MEMORY, "benchmark: out of memory"));
    CLB_TRY(time_operations(b, seconds));
    for (int i = 0; i < count; i++) {
        struct clb_profile_entry entry = entries[i];
        if (!entry.calls) continue;
        entry.seconds = bench_median(seconds + i * steps, steps);
        bench_add(profile, entry.operation, &entry);
        total += entry.seconds;
    }
    for (int i = 0; i < profile->count; i++)
        profile->operations[i].step_share = profile->operations[i].seconds / total;
cleanup:
    free(seconds);
    return status;
}

enum clb_status clb_benchmark(struct clb_device *device, const struct clb_bench_options *options,
                              struct clb_bench_result *result)
{
    struct bench b = {.options = options, .device = device, .training = clb_training_defaults()};
    enum clb_status status;
    *result = (struct clb_bench_result){0};
    CLB_TRY(bench_check(options));
    if (options->profile) /* its buffers go before the model comes */
        CLB_TRY(bench_stream(device, options, &result->profile.stream_gigabytes));
    CLB_TRY(set_up(&b));
    CLB_TRY(time_steps(&b, result));
    CLB_TRY(clb_device_peak(device, &result->peak_gflops));
    double tokens = b.batch->total_tokens, share = clb_batch_label_count(b.batch, "mlm") / tokens;
    result->tokens_per_second = tokens / result->seconds_per_step;
    result->gflops = 1e-9 * result->tokens_per_second *
                     clb_config_flops_per_token(&options->config, options->max_seq_length, share);
    result->profile.peak_gflops = result->peak_gflops;
    if (options->profile) CLB_TRY(profile_steps(&b, &result->profile));
cleanup:
    clb_batch_destroy(b.batch);
    train_optimizer_destroy(b.optimizer);
    clb_model_destroy(b.model);
    return status;
}
