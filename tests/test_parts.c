/* SPDX-License-Identifier: Apache-2.0 */
/* A model on a device whose cap on one allocation is below its weights: their memory, and that of
 * gradients and moments, is in parts, and training gives the same bits. */
#include "compute/backend.h"
#include "support_test.h"
#include "support_training.h"

enum { STEPS = 3 };

/* Without a limit of the norm, whose last digit depends on the parts. */
static void train(struct support_training *t)
{
    struct clb_training_options options = clb_training_defaults();
    options.max_grad_norm = 0.0f;
    for (int step = 0; step < STEPS; step++) OK(support_training_step(t, step, &options, 1e-2));
}

static double norm_of(const struct support_training *t)
{
    double norm;
    OK(train_optimizer_norms(t->optimizer, STEPS - 1, 1, &norm));
    return norm;
}

static void assert_same_weights(const struct support_training *a, const struct support_training *b)
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
    struct support_training whole = support_training_open(device, 0, kind, operands);
    struct support_training parts = support_training_open(device, 300 << 10, kind, operands);
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
    support_training_close(&whole);
    support_training_close(&parts);
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
