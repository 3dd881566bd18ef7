/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VERIFY_BENCHMARK_H
#define VERIFY_BENCHMARK_H

#include <clbert/bench.h>

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
