/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "compute/cpu/cpu_kernels.h"
#include "compute/cpu/cpu_vector.h"

enum { CHAINS = 12, ROUNDS = 1 << 16, TRIES = 20 };

/* Independent chains of multiply-adds in registers; the result keeps the compiler from dropping
 * them. */
static float run_chains(float seed)
{
    cpu_vec acc[CHAINS], factor = vec_set(0.999f + 1e-6f * seed), term = vec_set(1e-3f);
    CPU_UNROLL
    for (int c = 0; c < CHAINS; c++) acc[c] = vec_set(seed + (float)c);
    for (int round = 0; round < ROUNDS; round++) {
        CPU_UNROLL
        for (int c = 0; c < CHAINS; c++) acc[c] = acc[c] * factor + term;
    }
    for (int c = 1; c < CHAINS; c++) acc[0] += acc[c];
    return vec_sum(acc[0]);
}

struct peak {
    float *sink; /* by task */
    int seed;
};

static void run_tasks(const void *context, int64_t begin, int64_t end, int thread)
{
    const struct peak *a = context;
    (void)thread;
    for (int64_t t = begin; t < end; t++) a->sink[t] = run_chains((float)(t + a->seed));
}

enum clb_status CPU_RENAMED(peak)(struct clb_device *device, double *gflops)
{
    const int threads = cpu_threads(device);
    double best = 1e30;
    float *sink = cpu_workspace(device, CPU_WORKSPACE_THREADS, threads);
    if (!sink) return CLB_ERROR_MEMORY;
    for (int try = 0; try < TRIES; try++) {
        double begin = base_seconds();
        const struct peak a = {sink, try};
        cpu_parallel(device, threads, 1, run_tasks, &a);
        double seconds = base_seconds() - begin;
        if (seconds < best) best = seconds;
    }
    *gflops = 1e-9 * 2.0 * CPU_LANES * CHAINS * (double)ROUNDS * threads / best;
    return CLB_OK;
}
