/* SPDX-License-Identifier: Apache-2.0 */
/* The whole model against Hugging Face's BertForPreTraining in double precision (golden files by
 * tools/make_golden_model.py): logits, losses, every gradient, five AdamW steps. */
#include "support_devices.h"
#include "support_golden.h"
#include "train/train.h"

#include <clbert/model.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { LOGITS_KEPT = 8 }; /* of each masked row, in facts.json */

static void load_batch(struct support_golden *g)
{
    const json_t *sequences = json_object_get(g->facts, "sequences");
    for (size_t s = 0; s < json_array_size(sequences); s++) {
        const json_t *sequence = json_array_get(sequences, s),
                     *ids = json_object_get(sequence, "input_ids");
        int32_t *input_ids = support_golden_ints(ids),
                *labels = support_golden_ints(json_object_get(sequence, "labels"));
        int32_t *types = support_golden_ints(json_object_get(sequence, "token_type_ids"));
        OK(clb_batch_append_pair(
            g->batch, (int32_t)json_array_size(ids), input_ids, types, labels,
            (int32_t)json_integer_value(json_object_get(sequence, "next_sentence_label"))));
        free(input_ids);
        free(labels);
        free(types);
    }
    OK(clb_batch_finish(g->batch));
}

static struct support_golden open_golden(const char *directory, const char *device)
{
    struct support_golden g = support_golden_open(directory, device, true);
    load_batch(&g);
    return g;
}

static double fact(const struct support_golden *g, int step, const char *key)
{
    const json_t *steps = json_object_get(g->facts, "steps");
    return json_real_value(json_object_get(json_array_get(steps, (size_t)step), key));
}

static void check_forward(const char *directory, const char *device)
{
    struct support_golden g = open_golden(directory, device);
    const int32_t vocab = g.config.vocab_size;
    const int32_t masked = clb_batch_label_count(g.batch, "mlm");
    float *mlm = malloc((size_t)masked * (size_t)vocab * sizeof *mlm), nsp[8][2];
    const json_t *mlm_facts = json_object_get(g.facts, "mlm_logits");
    const json_t *nsp_facts = json_object_get(g.facts, "nsp_logits");
    OK(clb_model_predict(g.model, g.batch, "mlm", mlm));
    OK(clb_model_predict(g.model, g.batch, "nsp", &nsp[0][0]));
    assert_int_equal(json_array_size(mlm_facts), masked);
    for (int r = 0; r < masked; r++)
        for (int k = 0; k < LOGITS_KEPT; k++)
            support_near(
                mlm[r * vocab + k],
                json_real_value(json_array_get(json_array_get(mlm_facts, (size_t)r), (size_t)k)),
                2e-5, "mlm logit");
    for (int b = 0; b < g.batch->sequences; b++)
        for (int k = 0; k < 2; k++)
            support_near(
                nsp[b][k],
                json_real_value(json_array_get(json_array_get(nsp_facts, (size_t)b), (size_t)k)),
                2e-5, "nsp logit");
    free(mlm);
    support_golden_close(&g);
}

static void check_losses(const struct support_golden *g, int step, double tolerance)
{
    struct clb_losses losses;
    OK(clb_model_read_losses(g->model, &losses));
    OK(clb_model_write_losses(g->model, NULL));
    assert_int_equal(losses.count, 2);
    for (int i = 0; i < 2; i++) {
        char key[32];
        snprintf(key, sizeof key, "%s_loss", losses.loss[i].name);
        const double expected = fact(g, step, key);
        support_near(clb_loss_mean(&losses.loss[i]), expected, tolerance * expected, key);
    }
}

/* The stretches of the list of gradients come from its end to its beginning, each once. */
static void note_ready(void *context, int first, int count)
{
    int *left = context;
    assert_int_equal(first + count, *left);
    *left = first;
}

static void check_gradients(const char *directory, const char *device)
{
    struct support_golden g = open_golden(directory, device);
    const struct clb_step_batches batches = {.count = 1, .batches = &g.batch};
    int count, left;
    clb_model_gradients(g.model, &left);
    clb_model_on_gradients(g.model, note_ready, &left);
    OK(train_gradients(g.model, &batches, 0, 1.0f));
    assert_int_equal(left, 0);
    check_losses(&g, 0, 1e-5);
    support_golden_parameters(&g, clb_model_gradients(g.model, &count), 0, "gradients.safetensors",
                              1e-5);
    support_golden_close(&g);
}

static void check_steps(const char *directory, const char *device)
{
    struct support_golden g = open_golden(directory, device);
    struct clb_training_options options = clb_training_defaults();
    struct train_optimizer *optimizer;
    int count;
    OK(train_optimizer_create(g.model, CLB_OPTIMIZER_ADAMW, &optimizer));
    OK(train_optimizer_commit(optimizer, g.model, 0.01f));
    for (int step = 0; step < 5; step++) {
        const struct clb_step_batches batches = {.step = step, .count = 1, .batches = &g.batch};
        double norm;
        OK(train_step(g.model, optimizer, &batches, &options, 1e-3));
        OK(train_optimizer_norms(optimizer, step, 1, &norm));
        check_losses(&g, step, 2e-5);
        support_near(norm, fact(&g, step, "grad_norm"), 2e-5 * norm, "gradient norm");
    }
    /* Adam turns a relative error of a gradient near 0 into as large a share of the rate. */
    support_golden_parameters(&g, clb_model_parameters(g.model, &count), 0, "after.safetensors",
                              1e-4);
    train_optimizer_destroy(optimizer);
    support_golden_close(&g);
}

static void on_all(void (*check)(const char *, const char *))
{
    for (int d = 0; d < support_device_count(); d++) {
        check(TEST_GOLDEN "/model-gelu", support_device(d));
        check(TEST_GOLDEN "/model-gelu-new", support_device(d));
    }
}

static void test_forward(void **state)
{
    (void)state;
    on_all(check_forward);
}

static void test_gradients(void **state)
{
    (void)state;
    on_all(check_gradients);
}

static void test_five_steps(void **state)
{
    (void)state;
    on_all(check_steps);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forward),
        cmocka_unit_test(test_gradients),
        cmocka_unit_test(test_five_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
