/* SPDX-License-Identifier: Apache-2.0 */
/* Measures the candidates for one type of operands. All are checked first, and timed at small
 * products, to learn what the device can; what is far behind there is not tried further. Then they
 * take turns at each shape, since what else runs on the machine disturbs for seconds at a time. */
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "compute/opencl/ocl_gemm.h"

#include <math.h>

static const struct ocl_gemm_shape ladder[] = {{OCL_GEMM_NT, 64, 64, 64},
                                               {OCL_GEMM_NT, 256, 256, 128},
                                               {OCL_GEMM_NT, 512, 512, 256},
                                               {OCL_GEMM_NT, 1024, 1024, 512}};
enum {
    LADDER = sizeof ladder / sizeof *ladder,
    TRIES = 2,  /* what fails may have met a moment's lack of something */
    ROUNDS = 2, /* of all candidates at each shape, the best of which counts */
    FEWEST_ROWS = 128,
};
/* No single product may be expected to take longer: of large ones on slow devices fewer rows are
 * measured, and a candidate that collapses there must not hold up the start. */
static const double patience = 0.05;  /* seconds */
static const double behind = 3.0;     /* so many times slower is not tried any more, */
static const double collapsed = 10.0; /* at small products, which do not fill a device */
static const double budget = 10.0;    /* seconds of timing; shapes beyond take the nearest */

/* One candidate on its way. */
struct runner {
    const struct ocl_gemm_candidate *candidate;
    bool out[OCL_GEMM_KINDS]; /* of the race */
    double gflops;            /* the most so far */
};

struct race {
    struct ocl_device *device;
    struct ocl_gemm_bench *bench;
    json_t *results;
    struct runner runners[OCL_GEMM_CANDIDATES];
    int count;
    double best; /* of all, GFLOP/s so far */
    bool *failed;
};

static void leave(struct runner *runner)
{
    for (int kind = 0; kind < OCL_GEMM_KINDS; kind++) runner->out[kind] = true;
}

static void say(const struct race *race, const struct runner *runner)
{
    base_log_progress("%s: measuring matrix products: %s", race->device->base.info.selector,
                      runner->candidate->name);
}

static void note_failure(struct race *race, struct runner *runner)
{
    base_warn("%s failed while it was measured: %s", runner->candidate->name, clb_error_message());
    ocl_gemm_note(race->results, "failed", runner->candidate->name);
    *race->failed = true;
    leave(runner);
}

static void note_wrong(struct race *race, struct runner *runner)
{
    ocl_gemm_note(race->results, "wrong", runner->candidate->name);
    leave(runner);
}

/* ---- the beginning ---- */

static enum clb_status begin(struct race *race, struct runner *runner, bool *right)
{
    enum clb_status status;
    runner->gflops = 0.0;
    CLB_TRY(ocl_gemm_bench_check(race->bench, runner->candidate, right));
    for (int i = 0; i < LADDER && *right; i++) {
        double gflops;
        if (runner->gflops > 0.0 && ocl_gemm_gflop(&ladder[i]) > patience * runner->gflops) break;
        CLB_TRY(ocl_gemm_bench_spot_check(race->bench, runner->candidate, &ladder[i], right));
        CLB_TRY(ocl_gemm_bench_time(race->bench, runner->candidate, &ladder[i], runner->gflops,
                                    &gflops));
        runner->gflops = fmax(runner->gflops, gflops);
    }
cleanup:
    return status;
}

static void begin_all(struct race *race)
{
    for (int i = 0; i < race->count; i++) {
        struct runner *runner = &race->runners[i];
        enum clb_status status = CLB_ERROR_DEVICE;
        bool right = true;
        say(race, runner);
        for (int try = 0; try < TRIES && status != CLB_OK; try++)
            status = begin(race, runner, &right);
        if (status != CLB_OK)
            note_failure(race, runner);
        else if (!right)
            note_wrong(race, runner);
        else
            race->best = fmax(race->best, runner->gflops);
    }
    for (int i = 0; i < race->count; i++)
        if (collapsed * race->runners[i].gflops < race->best) leave(&race->runners[i]);
}

/* ---- a shape ---- */

struct ocl_gemm_shape ocl_gemm_shorten(struct ocl_gemm_shape s, double gflops)
{
    int64_t *rows = s.kind == OCL_GEMM_TN ? &s.k : &s.m;
    while (*rows >= 2 * FEWEST_ROWS && ocl_gemm_gflop(&s) > patience * gflops) *rows /= 2;
    return s;
}

static enum clb_status turn(struct race *race, struct runner *runner,
                            const struct ocl_gemm_shape *shape, double *best)
{
    bool right = true;
    double gflops = 0.0;
    enum clb_status status = CLB_OK;
    say(race, runner);
    if (*best == 0.0)
        CLB_TRY(ocl_gemm_bench_spot_check(race->bench, runner->candidate, shape, &right));
    if (right)
        CLB_TRY(
            ocl_gemm_bench_time(race->bench, runner->candidate, shape, runner->gflops, &gflops));
    else
        note_wrong(race, runner);
    *best = fmax(*best, gflops);
    runner->gflops = fmax(runner->gflops, gflops);
    race->best = fmax(race->best, gflops);
cleanup:
    return status;
}

/* What is out of the race is kept with the rate that it had when it left. */
static void keep_rates(struct race *race, const struct ocl_gemm_shape *shape, const double *rates)
{
    json_t *kept = ocl_gemm_rates(race->results, shape, true);
    double best = 0.0;
    for (int i = 0; i < race->count; i++) best = fmax(best, rates[i]);
    for (int i = 0; i < race->count; i++) {
        struct runner *runner = &race->runners[i];
        const char *name = runner->candidate->name;
        if (ocl_gemm_is_noted(race->results, "wrong", name) ||
            ocl_gemm_is_noted(race->results, "failed", name))
            continue;
        json_object_set_new(kept, name,
                            json_real(rates[i] > 0.0 ? rates[i] : fmin(runner->gflops, best / 2)));
        if (behind * rates[i] < best) runner->out[shape->kind] = true;
    }
}

static void measure_shape(struct race *race, const struct ocl_gemm_shape *shape)
{
    const struct ocl_gemm_shape timed = ocl_gemm_shorten(*shape, race->best);
    double rates[OCL_GEMM_CANDIDATES] = {0};
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < race->count; i++) {
            struct runner *runner = &race->runners[i];
            if (!runner->out[shape->kind] && turn(race, runner, &timed, &rates[i]) != CLB_OK &&
                round == ROUNDS - 1)
                note_failure(race, runner);
        }
    keep_rates(race, shape, rates);
}

enum clb_status ocl_gemm_measure(struct ocl_device *device, enum clb_type type,
                                 const struct ocl_gemm_shape *shapes, int count, json_t *results,
                                 bool *failed)
{
    struct race race = {.device = device, .results = results, .failed = failed};
    enum clb_status status;
    *failed = false;
    CLB_TRY(ocl_gemm_bench_open(device, type, &race.bench));
    for (int i = 0; i < OCL_GEMM_CANDIDATES; i++) {
        const struct ocl_gemm_candidate *candidate = ocl_gemm_candidate(device, i);
        if (ocl_gemm_takes(device, candidate, type) &&
            !ocl_gemm_is_noted(results, "wrong", candidate->name))
            race.runners[race.count++].candidate = candidate;
    }
    begin_all(&race);
    const double start = base_seconds();
    for (int i = 0; i < count; i++)
        if (i < OCL_GEMM_KINDS || base_seconds() - start < budget)
            measure_shape(&race, &shapes[i]);
        else
            ocl_gemm_rates(results, &shapes[i], true);
cleanup:
    base_log_progress(NULL);
    ocl_gemm_bench_close(race.bench);
    return status;
}
