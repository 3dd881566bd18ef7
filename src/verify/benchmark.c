/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/benchmark.h"

#include "base/clock.h"
#include "base/error.h"

#include <stdio.h>
#include <stdlib.h>

enum { WARMUP_STEPS = 2 };

static enum clb_status one_step(struct bench *b, int64_t step)
{
    enum clb_status status = b->step(b, step);
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
    const bool embeds = options->task == CLB_BENCH_EMBEDDING; /* zeros leave the choice to it */
    if (options->steps < 1 || options->batch_size < !embeds ||
        options->max_seq_length < (options->input ? 0 : 2))
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
    struct bench *b = NULL;
    enum clb_status status;
    *result = (struct clb_bench_result){0};
    CLB_TRY(bench_check(options));
    if (options->profile) /* its buffers go before the model comes */
        CLB_TRY(bench_stream(device, options, &result->profile.stream_gigabytes));
    CLB_TRY(options->task == CLB_BENCH_EMBEDDING ? bench_embedding(device, options, &b)
                                                 : bench_training(device, options, &b));
    CLB_TRY(time_steps(b, result));
    CLB_TRY(clb_device_peak(device, &result->peak_gflops));
    result->tokens_per_second = b->tokens / result->seconds_per_step;
    result->sequences_per_second = b->sequences / result->seconds_per_step;
    result->gflops = 1e-9 * b->flops / result->seconds_per_step;
    result->profile.peak_gflops = result->peak_gflops;
    if (options->profile) CLB_TRY(profile_steps(b, &result->profile));
cleanup:
    if (b) b->close(b);
    return status;
}
