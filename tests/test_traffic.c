/* SPDX-License-Identifier: Apache-2.0 */
/* The host runs ahead of the device: a batch goes up in one piece, nothing is waited for between
 * two looks at the results, and the gradient norms of all steps come back in one read. */
#include "support_devices.h"

#include "train/train.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { LENGTH = 16, SEQUENCES = 2, MICRO_BATCHES = 3, STEPS = 7 };
enum { BALLAST = 8 << 20, LOADS = 20 };

struct run {
    struct clb_device *device;
    struct clb_model *model;
    struct train_optimizer *optimizer;
    struct clb_batch *batches[MICRO_BATCHES];
    struct clb_training_options options;
    struct clb_arena *arena;
    struct clb_tensor ballast;
};

/* Batches that differ, and more a step than there are places for: one that was written over another
 * would show. */
static struct clb_batch *make_batch(int32_t first_id)
{
    struct clb_batch *batch;
    OK(clb_batch_create(SEQUENCES, SEQUENCES * LENGTH, &batch));
    for (int32_t s = 0; s < SEQUENCES; s++) {
        int32_t ids[LENGTH], types[LENGTH] = {0}, labels[LENGTH];
        for (int32_t i = 0; i < LENGTH; i++) {
            ids[i] = first_id + (s * LENGTH + i) % 40;
            labels[i] = i % 4 == 1 ? ids[i] : -100;
        }
        OK(clb_batch_append_pair(batch, LENGTH, ids, types, labels, s % 2));
    }
    OK(clb_batch_finish(batch));
    return batch;
}

static struct run open_run(const char *selector)
{
    const struct clb_model_limits limits = {.max_sequences = SEQUENCES,
                                            .max_tokens = SEQUENCES * LENGTH,
                                            .max_masked = SEQUENCES * LENGTH,
                                            .training = true};
    struct run run = {.options = clb_training_defaults()};
    struct clb_config config;
    OK(clb_device_open(selector, 0, &run.device));
    OK(clb_config_named("tiny", 100, &config));
    OK(clb_model_create(run.device, &config, &limits, &run.model));
    OK(train_optimizer_create(run.model, CLB_OPTIMIZER_ADAMW, &run.optimizer));
    OK(clb_model_commit(run.model));
    OK(clb_model_initialize(run.model, 1));
    OK(train_optimizer_commit(run.optimizer, run.model, 0.01f));
    for (int i = 0; i < MICRO_BATCHES; i++) run.batches[i] = make_batch(30 * i);
    OK(clb_arena_create(run.device, "ballast", &run.arena));
    OK(clb_arena_add(run.arena, CLB_F32, BALLAST, 1, &run.ballast));
    OK(clb_arena_commit(run.arena));
    return run;
}

static void close_run(struct run *run)
{
    for (int i = 0; i < MICRO_BATCHES; i++) clb_batch_destroy(run->batches[i]);
    clb_arena_destroy(run->arena);
    train_optimizer_destroy(run->optimizer);
    clb_model_destroy(run->model);
    clb_device_close(run->device);
}

static void step(struct run *run, int64_t number)
{
    const struct clb_step_batches batches = {
        .step = number, .count = MICRO_BATCHES, .batches = run->batches};
    OK(train_step(run->model, run->optimizer, &batches, &run->options, 1e-3));
}

/* Work that the device is busy with while the host goes on. */
static void load(struct run *run)
{
    for (int i = 0; i < LOADS; i++) OK(clb_scale(&run->ballast, 1.0f));
}

/* The norms and losses of some steps, `hurried` or with a wait after each. */
static void run_steps(const char *selector, bool hurried, double norms[STEPS], double loss[2])
{
    struct run run = open_run(selector);
    struct clb_losses losses;
    struct clb_traffic before, after;
    step(&run, 0); /* compiles kernels, measures products */
    OK(clb_device_finish(run.device));
    OK(clb_model_write_losses(run.model, NULL));
    before = clb_device_traffic(run.device);
    if (hurried) load(&run);
    for (int s = 1; s < STEPS; s++) {
        step(&run, s);
        if (!hurried) OK(clb_device_finish(run.device));
    }
    after = clb_device_traffic(run.device);
    assert_int_equal(after.writes - before.writes, (STEPS - 1) * MICRO_BATCHES);
    assert_int_equal(after.waits - before.waits, hurried ? 0 : STEPS - 1);
    OK(train_optimizer_norms(run.optimizer, 0, STEPS, norms));
    assert_int_equal(clb_device_traffic(run.device).waits - after.waits, 1);
    OK(clb_model_read_losses(run.model, &losses));
    for (int i = 0; i < 2; i++) loss[i] = losses.loss[i].sum;
    close_run(&run);
}

static void test_runs_ahead(void **state)
{
    (void)state;
    for (int d = 0; d < support_device_count(); d++) {
        double norms[2][STEPS], loss[2][2];
        run_steps(support_device(d), true, norms[0], loss[0]);
        run_steps(support_device(d), false, norms[1], loss[1]);
        for (int s = 0; s < STEPS; s++) {
            assert_true(norms[0][s] > 0);
            assert_true(norms[0][s] == norms[1][s]);
        }
        assert_memory_equal(loss[0], loss[1], sizeof loss[0]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runs_ahead),
    };
    return cmocka_run_group_tests_name("traffic", tests, NULL, NULL);
}
