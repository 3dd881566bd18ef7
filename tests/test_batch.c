/* SPDX-License-Identifier: Apache-2.0 */
/* What a batch refuses to hold, and a model to take. */
#include "support_devices.h"

#include <clbert/batch.h>
#include <clbert/model.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { LENGTH = 4 };

static const int32_t ids[LENGTH] = {2, 5, 6, 3}, types[LENGTH] = {0, 0, 1, 1},
                     labels[LENGTH] = {-100, 5, -100, -100};

static void refuses(struct clb_batch *batch, enum clb_status status, const char *word)
{
    assert_int_equal(status, CLB_ERROR_ARGUMENT);
    if (!strstr(clb_error_message(), word))
        fail_msg("\"%s\", not \"%s\"", clb_error_message(), word);
    assert_int_equal(batch->sequences, 0);
    assert_int_equal(batch->total_tokens, 0);
    assert_int_equal(clb_batch_label_count(batch, "mlm"), 0);
}

static void test_sequences(void **state)
{
    (void)state;
    struct clb_batch *batch;
    OK(clb_batch_create(2, 2 * LENGTH, &batch));
    const int32_t negative[LENGTH] = {2, -1, 6, 3}, label[LENGTH] = {-100, -1, -100, -100};
    refuses(batch, clb_batch_append_pair(batch, LENGTH, ids, types, labels, 2), "sentence label 2");
    refuses(batch, clb_batch_append_pair(batch, LENGTH, ids, types, labels, -2),
            "sentence label -2");
    refuses(batch, clb_batch_append_pair(batch, LENGTH, negative, types, labels, 0), "token id -1");
    refuses(batch, clb_batch_append_pair(batch, LENGTH, ids, negative, labels, 0), "type id -1");
    refuses(batch, clb_batch_append_pair(batch, LENGTH, ids, types, label, 0), "label -1");
    OK(clb_batch_append_pair(batch, LENGTH, ids, types, labels, -1));
    OK(clb_batch_append_pair(batch, LENGTH, ids, types, NULL, 1));
    clb_batch_destroy(batch);
}

static void fails(enum clb_status status, const char *word)
{
    assert_int_equal(status, CLB_ERROR_ARGUMENT);
    if (!strstr(clb_error_message(), word))
        fail_msg("\"%s\", not \"%s\"", clb_error_message(), word);
}

/* Numbers and spans: one a sequence, all of one form until the batch is cleared. */
static void test_wide_labels(void **state)
{
    (void)state;
    const float numbers[] = {0.5f, -1, INFINITY};
    struct clb_batch *batch;
    OK(clb_batch_create(2, 2 * LENGTH, &batch));
    for (int i = 0; i < 2; i++) OK(clb_batch_append(batch, LENGTH, ids, types));
    OK(clb_batch_label_numbers(batch, "sequence", 0, 2, numbers));
    fails(clb_batch_label_numbers(batch, "sequence", 0, 2, numbers), "out of order");
    fails(clb_batch_label_numbers(batch, "sequence", LENGTH, 1, numbers), "all be 2 numbers");
    fails(clb_batch_label_numbers(batch, "sequence", LENGTH, 2, numbers + 1), "not finite");
    fails(clb_batch_label_numbers(batch, "sequence", LENGTH, 0, numbers), "of 0 numbers");
    fails(clb_batch_label(batch, "sequence", LENGTH, 1), "all be 2 numbers");
    OK(clb_batch_label_numbers(batch, "sequence", LENGTH, 2, numbers));
    fails(clb_batch_label_numbers(batch, "sequence", LENGTH + 1, 2, numbers), "one a sequence");
    const struct clb_labels *labels = clb_batch_labels(batch, "sequence");
    assert_true(labels->count == 2 && labels->width == 2 && !labels->values);
    assert_true(labels->numbers[0] == 0.5f && labels->numbers[3] == -1);
    OK(clb_batch_label_span(batch, 0, 1, -1));
    fails(clb_batch_label_span(batch, LENGTH, -2, 1), "from -2 to 1");
    OK(clb_batch_label_span(batch, LENGTH, 0, 3));
    fails(clb_batch_label(batch, "span", LENGTH + 1, 1), "all be 2 integers");
    labels = clb_batch_labels(batch, "span");
    assert_true(labels->width == 2 && labels->values[1] == -1 && labels->values[3] == 3);
    clb_batch_clear(batch);
    OK(clb_batch_append(batch, LENGTH, ids, types));
    OK(clb_batch_label(batch, "sequence", 0, 7));
    labels = clb_batch_labels(batch, "sequence");
    assert_true(labels->width == 1 && labels->values[0] == 7 && !labels->numbers);
    clb_batch_destroy(batch);
}

static struct clb_model *make_model(struct clb_device *device)
{
    struct clb_config config;
    struct clb_model *model;
    OK(clb_config_named("tiny", 100, &config));
    const struct clb_model_limits limits = {
        .max_sequences = 2, .max_tokens = 2 * LENGTH, .max_masked = 2 * LENGTH, .training = true};
    OK(clb_model_create(device, &config, &limits, &model));
    OK(clb_model_commit(model));
    OK(clb_model_initialize(model, 1));
    return model;
}

static void model_refuses(struct clb_model *model, const struct clb_batch *batch, const char *word)
{
    const struct clb_loss_scales scales = {{1, 1}};
    assert_int_equal(clb_model_train(model, batch, 1, 0, scales), CLB_ERROR_ARGUMENT);
    assert_int_equal(clb_model_evaluate(model, batch), CLB_ERROR_ARGUMENT);
    assert_int_equal(clb_model_predict(model, batch, "mlm", NULL), CLB_ERROR_ARGUMENT);
    if (!strstr(clb_error_message(), word))
        fail_msg("\"%s\", not \"%s\"", clb_error_message(), word);
}

static void test_model(void **state)
{
    (void)state;
    const struct clb_loss_scales scales = {{1, 1}};
    struct clb_device *device;
    struct clb_batch *batch;
    OK(clb_device_open("cpu", 1, &device));
    struct clb_model *model = make_model(device);
    OK(clb_batch_create(2, 2 * LENGTH, &batch));
    OK(clb_batch_append_pair(batch, LENGTH, ids, types, labels, 0));
    model_refuses(model, batch, "not finished");
    OK(clb_batch_finish(batch));
    OK(clb_model_train(model, batch, 1, 0, scales));
    OK(clb_batch_append_pair(batch, LENGTH, ids, types, labels, 1));
    model_refuses(model, batch, "not finished");
    OK(clb_batch_finish(batch));
    OK(clb_model_evaluate(model, batch));
    struct clb_labels *mlm = &batch->labels[0], *nsp = &batch->labels[1];
    nsp->values[1] = 100000000;
    model_refuses(model, batch, "sentence label 100000000");
    nsp->values[1] = 1;
    nsp->count = 1;
    model_refuses(model, batch, "1 of 2 sequences");
    nsp->count = 2;
    mlm->values[1] = 100;
    model_refuses(model, batch, "label 100");
    /* A head without labels has no loss, and no gradient. */
    struct clb_losses losses;
    clb_batch_clear(batch);
    OK(clb_batch_append_pair(batch, LENGTH, ids, types, labels, -1));
    OK(clb_batch_finish(batch));
    OK(clb_model_write_losses(model, NULL));
    OK(clb_model_train(model, batch, 1, 0, scales));
    OK(clb_model_read_losses(model, &losses));
    assert_int_equal(losses.count, 2);
    assert_true(losses.loss[0].count > 0 && losses.loss[0].sum > 0);
    assert_true(losses.loss[1].count == 0 && losses.loss[1].sum == 0);
    clb_batch_destroy(batch);
    clb_model_destroy(model);
    clb_device_close(device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sequences),
        cmocka_unit_test(test_wide_labels),
        cmocka_unit_test(test_model),
    };
    return cmocka_run_group_tests_name("batch", tests, NULL, NULL);
}
