/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VERIFY_BENCHMARK_H
#define VERIFY_BENCHMARK_H

#include <clbert/bench.h>

/* What is timed, step by step: the beginning of a struct of its own. */
struct bench {
    const struct clb_bench_options *options;
    struct clb_device *device;
    enum clb_status (*step)(struct bench *bench, int64_t number); /* queues it, at least */
    void (*close)(struct bench *bench);
    double tokens, sequences, flops; /* of a step, known after the first */
    struct clb_traffic queued;       /* up to the end of the last step, before the wait for it */
};

/* The caller calls `close`. */
enum clb_status bench_training(struct clb_device *device, const struct clb_bench_options *options,
                               struct bench **bench);
enum clb_status bench_embedding(struct clb_device *device, const struct clb_bench_options *options,
                                struct bench **bench);

/* Steps, batch size and length are numbers that can be. */
enum clb_status bench_check(const struct clb_bench_options *options);

/* Of `count` times, which it sorts. */
double bench_median(double *seconds, int count);

/* What operations that stream are compared with. */
enum clb_status bench_stream(struct clb_device *device, const struct clb_bench_options *options,
                             double *gigabytes);

/* Adds an operation's work, done in its `seconds`, beside the roofs that `results` has; there is
 * room for it. */
void bench_add(struct clb_bench_operations *results, const char *name,
               const struct clb_profile_entry *work);

#endif
