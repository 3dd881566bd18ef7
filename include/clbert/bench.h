/* SPDX-License-Identifier: Apache-2.0 */
/* Training speed on a device, by whole steps on synthetic batches of full sequences. */
#ifndef CLBERT_BENCH_H
#define CLBERT_BENCH_H

#include <clbert/api.h>
#include <clbert/config.h>
#include <clbert/device.h>
#include <stdbool.h>

CLB_BEGIN_DECLS

struct clb_bench_options {
    struct clb_config config;
    int32_t batch_size, max_seq_length;
    float mlm_probability;
    int32_t steps; /* timed, after two that are not */
    bool profile;  /* also each operation's time, every call waited for */
};

struct clb_bench_result {
    double seconds_per_step; /* the median */
    double tokens_per_second;
    double gflops;      /* of the model's products, as clb_config_flops_per_token counts */
    double peak_gflops; /* what the device reaches in a loop of multiply-adds, measured now */
    struct clb_traffic traffic; /* of the timed steps, without the wait that times them */
};

/* With `profile`, the device's profile entries hold the times of one more step. */
CLB_API enum clb_status clb_benchmark(struct clb_device *device,
                                      const struct clb_bench_options *options,
                                      struct clb_bench_result *result);

CLB_END_DECLS

#endif
