/* SPDX-License-Identifier: Apache-2.0 */
/* The whole model against Hugging Face's BertForPreTraining in double precision (golden files by
 * tools/make_golden_model.py): logits, losses, every gradient, five AdamW steps. */
#include "base/json.h"
#include "support_devices.h"
#include "train/train.h"

#include <clbert/model.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { LOGITS_KEPT = 8 }; /* of each masked row, in facts.json */

struct golden {
    const char *directory;
    json_t *facts;
    struct clb_device *device;
    struct clb_config config;
    struct clb_batch *batch;
    struct clb_model *model;
};

static int32_t *ints(const json_t *array)
{
    int32_t *values = calloc(json_array_size(array), sizeof *values);
    for (size_t i = 0; i < json_array_size(array); i++)
        values[i] = (int32_t)json_integer_value(json_array_get(array, i));
    return values;
}

static void load_batch(struct golden *g)
{
    const json_t *sequences = json_object_get(g->facts, "sequences");
    OK(clb_batch_create(8, 256, &g->batch));
    for (size_t s = 0; s < json_array_size(sequences); s++) {
        const json_t *sequence = json_array_get(sequences, s),
                     *ids = json_object_get(sequence, "input_ids");
        int32_t *input_ids = ints(ids), *labels = ints(json_object_get(sequence, "labels"));
        int32_t *types = ints(json_object_get(sequence, "token_type_ids"));
        OK(clb_batch_append_pair(
            g->batch, (int32_t)json_array_size(ids), input_ids, types, labels,
            (int32_t)json_integer_value(json_object_get(sequence, "next_sentence_label"))));
        free(input_ids);
        free(labels);
        free(types);
    }
    OK(clb_batch_finish(g->batch));
}

static struct golden open_golden(const char *directory, const char *device)
{
    struct golden g = {.directory = directory};
    char path[512];
    snprintf(path, sizeof path, "%s/facts.json", directory);
    OK(base_json_read(path, "golden values", &g.facts));
    snprintf(path, sizeof path, "%s/config.json", directory);
    OK(clb_config_read(path, &g.config));
    OK(clb_device_open(device, 0, &g.device));
    load_batch(&g);
    const struct clb_model_limits limits = {
        .max_sequences = 8, .max_tokens = 256, .max_masked = 64, .training = true};
    OK(clb_model_create(g.device, &g.config, &limits, &g.model));
    OK(clb_model_commit(g.model));
    OK(clb_model_load(g.model, directory, 0));
    return g;
}

static void close_golden(struct golden *g)
{
    clb_model_destroy(g->model);
    clb_batch_destroy(g->batch);
    clb_device_close(g->device);
    json_decref(g->facts);
}

static double fact(const struct golden *g, int step, const char *key)
{
    const json_t *steps = json_object_get(g->facts, "steps");
    return json_real_value(json_object_get(json_array_get(steps, (size_t)step), key));
}

static void assert_near(double actual, double expected, double tolerance, const char *what)
{
    if (fabs(actual - expected) <= tolerance) return;
    print_error("%s: %.9g, expected %.9g, off by %.3g\n", what, actual, expected,
                fabs(actual - expected));
    fail();
}

/* Each parameter's largest difference, relative to the largest value in the tensor. */
static void assert_parameters(const struct golden *g, const struct clb_parameter *actual,
                              const char *file, double tolerance)
{
    struct clb_arena *arena;
    struct clb_parameter *expected;
    int count;
    char path[512];
    snprintf(path, sizeof path, "%s/%s", g->directory, file);
    OK(clb_arena_create(g->device, "golden", &arena));
    OK(clb_model_like_parameters(g->model, arena, &expected, &count));
    OK(clb_arena_commit(arena));
    const struct clb_tensor_list list = {"", expected, count};
    OK(clb_tensors_load(path, &list, 1));
    for (int i = 0; i < count; i++) {
        int64_t n = clb_tensor_elements(actual[i].tensor);
        float *a = malloc((size_t)n * sizeof *a), *e = malloc((size_t)n * sizeof *e);
        double scale = 0, worst = 0;
        OK(clb_tensor_read(actual[i].tensor, a, n));
        OK(clb_tensor_read(expected[i].tensor, e, n));
        for (int64_t k = 0; k < n; k++) {
            scale = fmax(scale, fabs((double)e[k]));
            worst = fmax(worst, fabs((double)a[k] - (double)e[k]));
        }
        assert_true(scale > 0);
        assert_near(worst / scale, 0, tolerance, actual[i].name);
        free(a);
        free(e);
    }
    clb_arena_destroy(arena);
    free(expected);
}

static void check_forward(const char *directory, const char *device)
{
    struct golden g = open_golden(directory, device);
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
            assert_near(
                mlm[r * vocab + k],
                json_real_value(json_array_get(json_array_get(mlm_facts, (size_t)r), (size_t)k)),
                2e-5, "mlm logit");
    for (int b = 0; b < g.batch->sequences; b++)
        for (int k = 0; k < 2; k++)
            assert_near(
                nsp[b][k],
                json_real_value(json_array_get(json_array_get(nsp_facts, (size_t)b), (size_t)k)),
                2e-5, "nsp logit");
    free(mlm);
    close_golden(&g);
}

static void check_losses(const struct golden *g, int step, double tolerance)
{
    struct clb_losses losses;
    OK(clb_model_read_losses(g->model, &losses));
    OK(clb_model_write_losses(g->model, NULL));
    assert_int_equal(losses.count, 2);
    for (int i = 0; i < 2; i++) {
        char key[32];
        snprintf(key, sizeof key, "%s_loss", losses.loss[i].name);
        const double expected = fact(g, step, key);
        assert_near(clb_loss_mean(&losses.loss[i]), expected, tolerance * expected, key);
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
    struct golden g = open_golden(directory, device);
    const struct clb_step_batches batches = {.count = 1, .batches = &g.batch};
    int count, left;
    clb_model_gradients(g.model, &left);
    clb_model_on_gradients(g.model, note_ready, &left);
    OK(train_gradients(g.model, &batches, 0));
    assert_int_equal(left, 0);
    check_losses(&g, 0, 1e-5);
    assert_parameters(&g, clb_model_gradients(g.model, &count), "gradients.safetensors", 1e-5);
    close_golden(&g);
}

static void check_steps(const char *directory, const char *device)
{
    struct golden g = open_golden(directory, device);
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
        assert_near(norm, fact(&g, step, "grad_norm"), 2e-5 * norm, "gradient norm");
    }
    /* Adam turns a relative error of a gradient near 0 into as large a share of the rate. */
    assert_parameters(&g, clb_model_parameters(g.model, &count), "after.safetensors", 1e-4);
    train_optimizer_destroy(optimizer);
    close_golden(&g);
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
