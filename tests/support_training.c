/* SPDX-License-Identifier: Apache-2.0 */
#include "support_training.h"

#include "compute/backend.h"
#include "support_test.h"

enum { TOKENS = 8 };

struct support_training support_training_open(const char *device, int64_t cap,
                                              enum clb_optimizer_kind kind, enum clb_type operands)
{
    const struct clb_model_limits limits = {.max_sequences = 1,
                                            .max_tokens = TOKENS,
                                            .max_masked = TOKENS,
                                            .training = true,
                                            .operands = operands};
    const int32_t ids[TOKENS] = {2, 5, 6, 3, 7, 8, 9, 3}, types[TOKENS] = {0, 0, 0, 0, 1, 1, 1, 1};
    const int32_t labels[TOKENS] = {-100, 5, -100, -100, -100, -100, 9, -100};
    struct clb_config config;
    struct support_training t;
    OK(clb_device_open(device, 1, &t.device));
    if (cap) t.device->info.max_allocation_bytes = cap;
    OK(clb_config_named("tiny", 100, &config));
    OK(clb_model_create(t.device, &config, &limits, &t.model));
    OK(train_optimizer_create(t.model, kind, &t.optimizer));
    OK(clb_model_commit(t.model));
    OK(train_optimizer_commit(t.optimizer, t.model, 0.01f));
    OK(clb_model_initialize(t.model, 1));
    OK(clb_batch_create(1, TOKENS, &t.batch));
    OK(clb_batch_append_pair(t.batch, TOKENS, ids, types, labels, 0));
    OK(clb_batch_finish(t.batch));
    return t;
}

void support_training_close(struct support_training *t)
{
    clb_batch_destroy(t->batch);
    train_optimizer_destroy(t->optimizer);
    clb_model_destroy(t->model);
    clb_device_close(t->device);
}

enum clb_status support_training_step(struct support_training *t, int64_t step,
                                      const struct clb_training_options *options,
                                      double learning_rate)
{
    const struct clb_step_batches batches = {.step = step, .count = 1, .batches = &t->batch};
    return train_step(t->model, t->optimizer, &batches, options, learning_rate);
}
