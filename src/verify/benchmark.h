/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VERIFY_BENCHMARK_H
#define VERIFY_BENCHMARK_H

#include <clbert/bench.h>

/* Steps, batch size and length are numbers that can be. */
enum clb_status bench_check(const struct clb_bench_options *options);

/* Of `count` times, which it sorts. */
double bench_median(double *seconds, int count);

#endif
