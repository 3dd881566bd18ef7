/* SPDX-License-Identifier: Apache-2.0 */
/* A model on a device whose cap on one allocation is below its weights: their memory, and that of
 * gradients and moments, is in parts, and training gives the same bits. */
#include "compute/backend.h"
#include "support_test.h"
#include "train/train.h"

#include <clbert/model.h>

enum { STEPS = 3, TOKENS = 8 };

struct trained {
    struct clb_device *device;
    struct clb_model *model;
    struct train_optimizer *optimizer;
    struct clb_batch *batch;
};

/* `cap` 0: the device's own. */
static struct trained open_trained(const char *device, int64_t cap, enum clb_optimizer_kind kind,
                                   enum clb_type operands)
{
    const struct clb_model_limits limits = {.max_sequences = 1,
                                            .max_tokens = TOKENS,
                                            .max_masked = TOKENS,
                                            .training = true,
                                            .operands = operands};
    const int32_t ids[TOKENS] = {2, 5, 6, 3, 7, 8, 9, 3}, types[TOKENS] = {0, 0, 0, 0, 1, 1, 1, 1};
    const int32_t labels[TOKENS] = {-100, 5, -100, -100, -100, -100, 9, -100};
    struct clb_config config;
    struct trained t;
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

static void close_trained(struct trained *t)
{
    clb_batch_destroy(t->batch);
    train_optimizer_destroy(t->optimizer);
    clb_model_destroy(t->model);
    clb_device_close(t->device);
}

/* Without a limit of the norm, whose last digit depends on the parts. */
static void train(struct trained *t)
{
    struct clb_training_options options = clb_training_defaults();
    options.max_grad_norm = 0.0f;
    for (int step = 0; step < STEPS; step++) {
        const struct clb_step_batches batches = {.step = step, .count = 1, .batches = &t->batch};
        OK(train_step(t->model, t->optimizer, &batches, &options, 1e-2));
    }
}

static double norm_of(const struct trained *t)
{
    double norm;
    OK(train_optimizer_norms(t->optimizer, STEPS - 1, 1, &norm));
    return norm;
}

static void assert_same_weights(const struct trained *a, const struct trained *b)
{
    int count;
    const struct clb_parameter *ours = clb_model_parameters(a->model, &count),
                               *theirs = clb_model_parameters(b->model, &count);
    for (int i = 0; i < count; i++) {
        const int64_t elements = clb_tensor_elements(ours[i].tensor);
        float *x = malloc((size_t)elements * sizeof *x), *y = malloc((size_t)elements * sizeof *y);
        OK(clb_tensor_read(ours[i].tensor, x, elements));
        OK(clb_tensor_read(theirs[i].tensor, y, elements));
        if (memcmp(x, y, (size_t)elements * sizeof *x) != 0) fail_msg("%s differs", ours[i].name);
        free(x);
        free(y);
    }
}

static void compare(const char *device, enum clb_optimizer_kind kind, enum clb_type operands)
{
    struct trained whole = open_trained(device, 0, kind, operands);
    struct trained parts = open_trained(device, 300 << 10, kind, operands);
    double norms[2];
    assert_int_equal(clb_model_parts(whole.model), 1);
    assert_true(clb_model_parts(parts.model) > 3);
    assert_null(clb_model_weights_whole(parts.model).memory);
    train(&whole);
    train(&parts);
    assert_same_weights(&whole, &parts);
    assert_true(fabs(norm_of(&whole) - norm_of(&parts)) < 1e-6 * norm_of(&whole));
    OK(train_optimizer_weights_norm(whole.optimizer, whole.model, &norms[0]));
    OK(train_optimizer_weights_norm(parts.optimizer, parts.model, &norms[1]));
    assert_true(fabs(norms[0] - norms[1]) < 1e-6 * norms[0]);
    close_trained(&whole);
    close_trained(&parts);
}

static void test_same_bits(void **state)
{
    (void)state;
    for (int d = 0; d < support_device_count(); d++) {
        compare(support_device(d), CLB_OPTIMIZER_ADAMW, CLB_BF16);
        compare(support_device(d), CLB_OPTIMIZER_BERT_ADAM, CLB_F16);
        compare(support_device(d), CLB_OPTIMIZER_LAMB, CLB_F32);
    }
}

/* What no part can hold, and what the device has not got. */
static void test_too_large(void **state)
{
    (void)state;
    struct clb_device *device;
    struct clb_arena *arena;
    struct clb_tensor tensor;
    OK(clb_device_open("cpu", 1, &device));
    for (int i = 0; i < 2; i++) {
        device->info.max_allocation_bytes = i == 0 ? 3 * 4 * CLB_BLOCK : 1 << 20;
        device->info.memory_bytes = 3 * 4 * CLB_BLOCK;
        OK(clb_arena_create(device, "numbers", &arena));
        clb_arena_in_parts(arena);
        OK(clb_arena_add(arena, CLB_F32, CLB_BLOCK, 4, &tensor));
        if (i == 0) device->info.memory_bytes = 1 << 20;
        assert_int_equal(clb_arena_commit(arena), CLB_ERROR_MEMORY);
        assert_non_null(strstr(clb_error_message(), i == 0 ? "in one allocation" : "cpu has"));
        clb_arena_destroy(arena);
    }
    clb_device_close(device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_too_large),
    };
    setenv("CLBERT_GEMM", "tile", 0); /* nothing is measured */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
