/* SPDX-License-Identifier: Apache-2.0 */
/* Fine-tuning against Hugging Face's classes in double precision (tools/make_golden_tasks.py): of
 * every task the losses and norms of five AdamW steps, the gradients of the first, also by
 * micro-batches, and the weights after the last; hidden states and what is pooled of them; modules
 * that are frozen. */
#include "base/json.h"
#include "support_devices.h"
#include "support_golden.h"
#include "train/train.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define TASKS TEST_GOLDEN "/tasks"
enum { STEPS = 5, SEQUENCES = 4, COLUMNS = 4 };

static const char *const tasks[] = {"sequence", "weighted", "regression",
                                    "several",  "token",    "span"};
enum { TASK_COUNT = sizeof tasks / sizeof *tasks };

/* ---- a task's model, and its batches ---- */

static const struct clb_model_limits usual = {
    .max_sequences = 8, .max_tokens = 256, .max_masked = 1, .training = true};

/* The encoder that all start from, and the task's head. */
static void load(const struct support_golden *g)
{
    char path[512];
    int count, first = 0;
    OK(clb_model_load(g->model, TASKS "/start", 0));
    const struct clb_parameter *parameters = clb_model_parameters(g->model, &count);
    while (strncmp(parameters[first].name, "bert.", 5) == 0) first++;
    const struct clb_tensor_list head = {"", parameters + first, count - first};
    snprintf(path, sizeof path, "%s/head.safetensors", g->directory);
    OK(clb_tensors_load(path, &head, 1));
}

static void take_settings(const struct support_golden *g)
{
    const json_t *weights = json_object_get(g->facts, "class_weights");
    float class_weights[8];
    if (!json_is_array(weights)) return;
    for (size_t c = 0; c < json_array_size(weights); c++)
        class_weights[c] = (float)json_real_value(json_array_get(weights, c));
    const struct clb_loss_settings settings = {
        (float)json_real_value(json_object_get(g->facts, "label_smoothing")), class_weights};
    OK(clb_model_set_loss(g->model, &settings));
}

static struct support_golden open_task(const char *task, const char *device,
                                       const struct clb_model_limits *limits)
{
    struct support_golden g = {0};
    char *directory = malloc(512), path[600];
    snprintf(directory, 512, "%s/%s", TASKS, task);
    g.directory = directory;
    snprintf(path, sizeof path, "%s/facts.json", directory);
    OK(base_json_read(path, "golden values", &g.facts));
    snprintf(path, sizeof path, "%s/config.json", directory);
    OK(clb_config_read(path, &g.config));
    OK(clb_device_open(device, 0, &g.device));
    OK(clb_batch_create(8, 256, &g.batch));
    OK(clb_model_create(g.device, &g.config, limits, &g.model));
    take_settings(&g);
    OK(clb_model_commit(g.model));
    load(&g);
    return g;
}

static void close_task(struct support_golden *g)
{
    free((char *)g->directory);
    support_golden_close(g);
}

static void label_numbers(struct clb_batch *batch, int32_t row, const json_t *numbers)
{
    float values[8];
    for (size_t i = 0; i < json_array_size(numbers); i++)
        values[i] = (float)json_number_value(json_array_get(numbers, i));
    OK(clb_batch_label_numbers(batch, "sequence", row, (int32_t)json_array_size(numbers), values));
}

static void label(const struct support_golden *g, struct clb_batch *batch, int32_t first,
                  const json_t *sequence)
{
    const char *kind = json_string_value(json_object_get(g->facts, "kind"));
    const json_t *tokens = json_object_get(sequence, "labels");
    int32_t *span = support_golden_ints(json_object_get(sequence, "span"));
    if (strcmp(kind, "class") == 0)
        OK(clb_batch_label(batch, "sequence", first,
                           (int32_t)json_integer_value(json_object_get(sequence, "label"))));
    if (strcmp(kind, "regression") == 0)
        label_numbers(batch, first, json_object_get(sequence, "numbers"));
    if (strcmp(kind, "several") == 0)
        label_numbers(batch, first, json_object_get(sequence, "several"));
    if (strcmp(kind, "span") == 0) OK(clb_batch_label_span(batch, first, span[0], span[1]));
    for (size_t i = 0; strcmp(kind, "token") == 0 && i < json_array_size(tokens); i++) {
        const int32_t class = (int32_t)json_integer_value(json_array_get(tokens, i));
        if (class >= 0) OK(clb_batch_label(batch, "token", first + (int32_t)i, class));
    }
    free(span);
}

/* The golden sequences first .. end - 1. */
static void fill(const struct support_golden *g, struct clb_batch *batch, size_t first, size_t end)
{
    clb_batch_clear(batch);
    for (size_t s = first; s < end; s++) {
        const json_t *sequence = json_array_get(json_object_get(g->facts, "sequences"), s);
        const json_t *ids = json_object_get(sequence, "input_ids");
        int32_t *input_ids = support_golden_ints(ids);
        int32_t *types = support_golden_ints(json_object_get(sequence, "token_type_ids"));
        const int32_t begin = batch->total_tokens;
        OK(clb_batch_append(batch, (int32_t)json_array_size(ids), input_ids, types));
        label(g, batch, begin, sequence);
        free(input_ids);
        free(types);
    }
    OK(clb_batch_finish(batch));
}

/* ---- losses and gradients ---- */

static double fact(const struct support_golden *g, int step, const char *key)
{
    const json_t *steps = json_object_get(g->facts, "steps");
    return json_real_value(json_object_get(json_array_get(steps, (size_t)step), key));
}

static void check_loss(const struct support_golden *g, int step, double tolerance)
{
    const double expected = fact(g, step, "loss");
    struct clb_losses losses;
    OK(clb_model_read_losses(g->model, &losses));
    OK(clb_model_write_losses(g->model, NULL));
    assert_int_equal(losses.count, 1);
    const struct clb_loss *loss = &losses.loss[0];
    support_near(clb_loss_mean(loss), expected, tolerance * expected, "loss");
    assert_true(loss->correct <= (double)loss->count);
    assert_true(isnan(clb_loss_accuracy(loss)) == loss->numeric);
    assert_true(loss->numeric == (strcmp(strrchr(g->directory, '/'), "/regression") == 0));
}

/* As one batch, and as two that are added up: the denominators are those of the whole step. */
static void check_gradients(const char *task, const char *device)
{
    struct support_golden g = open_task(task, device, &usual);
    struct clb_batch *halves[2];
    const struct clb_step_batches whole = {.count = 1, .batches = &g.batch},
                                  two = {.count = 2, .batches = halves};
    int count;
    fill(&g, g.batch, 0, SEQUENCES);
    OK(clb_model_evaluate(g.model, g.batch));
    check_loss(&g, 0, 1e-5);
    OK(train_gradients(g.model, &whole, 0, 1.0f));
    check_loss(&g, 0, 1e-5);
    support_golden_parameters(&g, clb_model_gradients(g.model, &count), 0, "gradients.safetensors",
                              1e-5);
    for (int i = 0; i < 2; i++) {
        OK(clb_batch_create(8, 256, &halves[i]));
        fill(&g, halves[i], i ? 1 : 0, i ? SEQUENCES : 1);
    }
    OK(train_gradients(g.model, &two, 0, 1.0f));
    check_loss(&g, 0, 1e-5);
    support_golden_parameters(&g, clb_model_gradients(g.model, &count), 0, "gradients.safetensors",
                              1e-5);
    for (int i = 0; i < 2; i++) clb_batch_destroy(halves[i]);
    close_task(&g);
}

static void check_steps(const char *task, const char *device)
{
    struct support_golden g = open_task(task, device, &usual);
    struct clb_training_options options = clb_training_defaults();
    struct train_optimizer *optimizer;
    int count;
    options.adam_epsilon = 1e-3f;
    fill(&g, g.batch, 0, SEQUENCES);
    OK(train_optimizer_create(g.model, CLB_OPTIMIZER_ADAMW, &optimizer));
    OK(train_optimizer_commit(optimizer, g.model, 0.01f));
    for (int step = 0; step < STEPS; step++) {
        const struct clb_step_batches batches = {.step = step, .count = 1, .batches = &g.batch};
        double norm;
        OK(train_step(g.model, optimizer, &batches, &options, 1e-3));
        OK(train_optimizer_norms(optimizer, step, 1, &norm));
        check_loss(&g, step, 2e-5);
        support_near(norm, fact(&g, step, "grad_norm"), 2e-5 * norm, "gradient norm");
    }
    support_golden_parameters(&g, clb_model_parameters(g.model, &count), 0, "after.safetensors",
                              1e-4);
    train_optimizer_destroy(optimizer);
    close_task(&g);
}

static void test_gradients(void **state)
{
    (void)state;
    for (int d = 0; d < support_device_count(); d++)
        for (int t = 0; t < TASK_COUNT; t++) check_gradients(tasks[t], support_device(d));
}

static void test_five_steps(void **state)
{
    (void)state;
    for (int d = 0; d < support_device_count(); d++)
        for (int t = 0; t < TASK_COUNT; t++) check_steps(tasks[t], support_device(d));
}

/* ---- hidden states ---- */

static void check_hidden(const struct support_golden *g)
{
    const int64_t h = g->config.hidden_size, t = g->batch->total_tokens;
    float *hidden = malloc((size_t)(t * h) * sizeof *hidden);
    for (int layer = 0; layer <= g->config.num_hidden_layers; layer++) {
        const json_t *expected = json_array_get(json_object_get(g->facts, "hidden"), (size_t)layer);
        OK(clb_model_hidden(g->model, g->batch, layer, hidden));
        assert_int_equal(json_array_size(expected), t * COLUMNS);
        for (int64_t e = 0; e < t * COLUMNS; e++)
            support_near((double)hidden[e / COLUMNS * h + e % COLUMNS],
                         json_real_value(json_array_get(expected, (size_t)e)), 1e-5, "hidden");
    }
    assert_int_equal(clb_model_hidden(g->model, g->batch, -1, hidden), CLB_ERROR_ARGUMENT);
    assert_int_equal(clb_model_hidden(g->model, g->batch, 3, hidden), CLB_ERROR_ARGUMENT);
    free(hidden);
}

static void check_embeddings(struct clb_model *model, const struct support_golden *g)
{
    static const char *const names[] = {"mean", "max", "first"};
    const int64_t n = SEQUENCES * g->config.hidden_size;
    float *embedding = malloc((size_t)n * sizeof *embedding);
    for (int kind = CLB_POOLING_MEAN; kind <= CLB_POOLING_FIRST; kind++) {
        const json_t *expected =
            json_object_get(json_object_get(g->facts, "embeddings"), names[kind]);
        OK(clb_model_embed(model, g->batch, (enum clb_pooling)kind, embedding));
        assert_int_equal(json_array_size(expected), n);
        for (int64_t e = 0; e < n; e++)
            support_near((double)embedding[e], json_real_value(json_array_get(expected, (size_t)e)),
                         1e-5, names[kind]);
    }
    free(embedding);
}

/* Of whatever the encoder is beneath, also where files have no pooler. */
static void check_bare(const struct support_golden *g)
{
    char directory[] = "/tmp/clbert-bare-XXXXXX", path[64];
    struct clb_model_limits limits = usual;
    struct clb_config config = g->config;
    struct clb_model *bare;
    int count, encoder = 0;
    const struct clb_parameter *parameters = clb_model_parameters(g->model, &count);
    while (strncmp(parameters[encoder].name, "bert.pooler.", 12) != 0) encoder++;
    const struct clb_tensor_list list = {"", parameters, encoder};
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/model.safetensors", directory);
    OK(clb_tensors_save(path, &list, 1));
    limits.training = false;
    config.architecture = CLB_BERT_MODEL;
    OK(clb_model_create(g->device, &config, &limits, &bare));
    OK(clb_model_commit(bare));
    OK(clb_model_load(bare, directory, 0));
    check_embeddings(bare, g);
    clb_model_destroy(bare);
    unlink(path);
    rmdir(directory);
}

static void test_hidden(void **state)
{
    (void)state;
    for (int d = 0; d < support_device_count(); d++) {
        struct support_golden g = open_task("sequence", support_device(d), &usual);
        fill(&g, g.batch, 0, SEQUENCES);
        check_hidden(&g);
        check_embeddings(g.model, &g);
        check_bare(&g);
        close_task(&g);
    }
}

/* ---- what is not trained ---- */

static float *read_all(const struct clb_parameter *parameter)
{
    const int64_t n = clb_tensor_elements(parameter->tensor);
    float *values = malloc((size_t)n * sizeof *values);
    OK(clb_tensor_read(parameter->tensor, values, n));
    return values;
}

/* Whether the parameter is as it was: bit for bit. */
static bool is_same(const struct clb_parameter *parameter, const float *before)
{
    float *after = read_all(parameter);
    const size_t bytes = (size_t)clb_tensor_elements(parameter->tensor) * sizeof *after;
    const bool same = memcmp(after, before, bytes) == 0;
    free(after);
    return same;
}

/* A step with weight decay, after which `same` of the first parameters are as they were. */
static void check_step(struct support_golden *g, struct train_optimizer *optimizer, int same)
{
    const struct clb_step_batches batches = {.count = 1, .batches = &g->batch};
    struct clb_training_options options = clb_training_defaults();
    int count;
    const struct clb_parameter *parameters = clb_model_parameters(g->model, &count);
    float **before = calloc((size_t)count, sizeof *before);
    for (int i = 0; i < count; i++) before[i] = read_all(&parameters[i]);
    OK(train_step(g->model, optimizer, &batches, &options, 1e-3));
    for (int i = 0; i < count; i++) {
        assert_true(is_same(&parameters[i], before[i]) == (i < same));
        free(before[i]);
    }
    free(before);
}

/* Gradients of what is trained are as without, those of others 0. */
static void check_frozen(const char *task, const char *device, int modules, bool checkpointing)
{
    struct clb_model_limits limits = usual;
    limits.frozen_modules = modules;
    limits.gradient_checkpointing = checkpointing;
    struct support_golden g = open_task(task, device, &limits);
    struct train_optimizer *optimizer;
    const struct clb_step_batches batches = {.count = 1, .batches = &g.batch};
    int count, frozen = 0;
    fill(&g, g.batch, 0, SEQUENCES);
    OK(train_gradients(g.model, &batches, 0, 1.0f));
    const struct clb_parameter *gradients = clb_model_gradients(g.model, &count);
    for (; frozen < count && gradients[frozen].frozen; frozen++) {
        float *values = read_all(&gradients[frozen]);
        const int64_t n = clb_tensor_elements(gradients[frozen].tensor);
        for (int64_t e = 0; e < n; e++) assert_true(values[e] == 0);
        free(values);
    }
    assert_int_equal(frozen, modules ? 5 + 12 * (modules - 1) : 0);
    for (int i = frozen; i < count; i++) assert_false(gradients[i].frozen);
    support_golden_parameters(&g, gradients, frozen, "gradients.safetensors", 1e-5);
    OK(train_optimizer_create(g.model, CLB_OPTIMIZER_ADAMW, &optimizer));
    OK(train_optimizer_commit(optimizer, g.model, 0.01f));
    check_step(&g, optimizer, frozen);
    train_optimizer_destroy(optimizer);
    close_task(&g);
}

static void test_frozen(void **state)
{
    (void)state;
    for (int d = 0; d < support_device_count(); d++)
        for (int modules = 0; modules <= 3; modules++) {
            check_frozen("token", support_device(d), modules, false);
            check_frozen("weighted", support_device(d), modules, true);
        }
}

static void test_rates(void **state)
{
    (void)state;
    struct support_golden g = open_task("span", "cpu", &usual);
    struct train_optimizer *optimizer;
    float rates[64] = {0};
    int count;
    fill(&g, g.batch, 0, SEQUENCES);
    clb_model_parameters(g.model, &count);
    OK(train_optimizer_create(g.model, CLB_OPTIMIZER_LAMB, &optimizer));
    OK(train_optimizer_commit(optimizer, g.model, 0.01f));
    check_step(&g, optimizer, 0);
    for (int i = 7; i < count; i++) rates[i] = 0.5f;
    OK(train_optimizer_set_rates(optimizer, g.model, rates));
    check_step(&g, optimizer, 7);
    OK(train_optimizer_set_rates(optimizer, g.model, NULL));
    check_step(&g, optimizer, 0);
    train_optimizer_destroy(optimizer);
    close_task(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradients), cmocka_unit_test(test_five_steps),
        cmocka_unit_test(test_hidden),    cmocka_unit_test(test_frozen),
        cmocka_unit_test(test_rates),
    };
    return cmocka_run_group_tests_name("tasks golden", tests, NULL, NULL);
}
