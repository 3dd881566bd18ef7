/* SPDX-License-Identifier: Apache-2.0 */
/* What a step has in memory is what the plan said. */
#include "support_test.h"
#include "train/train.h"

#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

enum { SEQUENCES = 8, LENGTH = 128, TOKENS = SEQUENCES * LENGTH, MASKED = 20 };

static int64_t resident_bytes(void)
{
    long whole, resident = 0;
    FILE *stream = fopen("/proc/self/statm", "r");
    assert_non_null(stream);
    assert_int_equal(fscanf(stream, "%ld %ld", &whole, &resident), 2);
    fclose(stream);
    return resident * sysconf(_SC_PAGESIZE);
}

static struct clb_batch *make_batch(void)
{
    int32_t ids[LENGTH], types[LENGTH], labels[LENGTH];
    struct clb_batch *batch;
    for (int i = 0; i < LENGTH; i++) {
        ids[i] = 5 + i;
        types[i] = i >= LENGTH / 2;
        labels[i] = i < MASKED ? ids[i] : -100;
    }
    OK(clb_batch_create(SEQUENCES, TOKENS, &batch));
    for (int s = 0; s < SEQUENCES; s++)
        OK(clb_batch_append_pair(batch, LENGTH, ids, types, labels, s % 2));
    OK(clb_batch_finish(batch));
    return batch;
}

/* One step on the CPU path, whose memory is the process's. */
static void compare(const char *size, bool checkpointing)
{
    const struct clb_model_limits limits = {.max_sequences = SEQUENCES,
                                            .max_tokens = TOKENS,
                                            .max_masked = TOKENS,
                                            .training = true,
                                            .gradient_checkpointing = checkpointing};
    const struct clb_training_options options = clb_training_defaults();
    struct clb_batch *batch = make_batch();
    const struct clb_step_batches batches = {.count = 1, .batches = &batch};
    struct clb_device *device;
    struct clb_config config;
    struct clb_model *model;
    struct train_optimizer *optimizer;
    malloc_trim(0);
    const int64_t before = resident_bytes();
    OK(clb_device_open("cpu", 2, &device));
    OK(clb_config_named(size, 30522, &config));
    OK(clb_model_create(device, &config, &limits, &model));
    OK(train_optimizer_create(model, CLB_OPTIMIZER_ADAMW, &optimizer));
    OK(clb_model_commit(model));
    OK(train_optimizer_commit(optimizer, model, 0.01f));
    OK(clb_model_initialize(model, 1));
    OK(train_step(model, optimizer, &batches, &options, 1e-4));
    const struct clb_memory_plan plan = clb_model_memory(model);
    const double planned = (double)(plan.weights + plan.gradients + plan.activations + plan.batch +
                                    plan.scratch + train_optimizer_bytes(optimizer)) /
                           (1 << 20);
    const double measured = (double)(resident_bytes() - before) / (1 << 20);
    print_message("%s%s: planned %.1f MiB, measured %.1f\n", size,
                  checkpointing ? " with checkpointing" : "", planned, measured);
    assert_true(measured > 0.95 * planned);
    assert_true(measured < 1.05 * planned);
    train_optimizer_destroy(optimizer);
    clb_model_destroy(model);
    clb_device_close(device);
    clb_batch_destroy(batch);
}

static void test_plan(void **state)
{
    (void)state;
    compare("tiny", false);
    compare("mini", true);
    compare("mini", false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_plan)};
    return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
