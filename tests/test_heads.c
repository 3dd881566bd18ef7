/* SPDX-License-Identifier: Apache-2.0 */
/* The heads for sequences, tokens and spans against Hugging Face's classes in double precision:
 * logits, losses, every gradient; dropout; what is refused. */
#include "support_devices.h"
#include "support_golden.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Which logits are of every token; whose golden values have a loss, too. */
static const struct head {
    const char *name, *directory;
    bool has_loss, of_tokens;
} heads[] = {
    {"sequence", TEST_GOLDEN "/model-sequence", true, false},
    {"token", TEST_GOLDEN "/model-token", true, true},
    {"span", TEST_GOLDEN "/model-span", false, true},
};
enum { HEADS = sizeof heads / sizeof *heads };

/* The golden sequences, with or without the head's labels. */
static void fill_batch(struct support_golden *g, const struct head *head, bool labelled)
{
    const json_t *sequences = json_object_get(g->facts, "sequences");
    clb_batch_clear(g->batch);
    for (size_t s = 0; s < json_array_size(sequences); s++) {
        const json_t *sequence = json_array_get(sequences, s);
        const json_t *ids = json_object_get(sequence, "input_ids");
        int32_t *input_ids = support_golden_ints(ids);
        int32_t *types = support_golden_ints(json_object_get(sequence, "token_type_ids"));
        int32_t *labels = support_golden_ints(json_object_get(sequence, "labels"));
        const int32_t length = (int32_t)json_array_size(ids), first = g->batch->total_tokens;
        OK(clb_batch_append(g->batch, length, input_ids, types));
        if (labelled && strcmp(head->name, "span") == 0)
            OK(clb_batch_label_span(g->batch, first, 1, length - 1));
        else if (labelled && !head->of_tokens)
            OK(clb_batch_label(g->batch, head->name, first,
                               (int32_t)json_integer_value(json_object_get(sequence, "label"))));
        for (int32_t i = 0; labelled && strcmp(head->name, "token") == 0 && i < length; i++)
            if (labels[i] >= 0) OK(clb_batch_label(g->batch, head->name, first + i, labels[i]));
        free(input_ids);
        free(types);
        free(labels);
    }
    OK(clb_batch_finish(g->batch));
}

static struct support_golden open_head(const struct head *head, const char *device, bool training)
{
    struct support_golden g = support_golden_open(head->directory, device, training);
    fill_batch(&g, head, true);
    return g;
}

/* ---- against Hugging Face ---- */

static void check_logits(const struct head *head, const char *device, bool labelled)
{
    struct support_golden g = support_golden_open(head->directory, device, false);
    const json_t *facts = json_object_get(g.facts, "logits");
    const size_t columns = json_array_size(json_array_get(facts, 0));
    float logits[256 * 8];
    fill_batch(&g, head, labelled);
    const int32_t rows = head->of_tokens ? g.batch->total_tokens : g.batch->sequences;
    assert_int_equal(json_array_size(facts), rows);
    OK(clb_model_predict(g.model, g.batch, head->name, logits));
    for (size_t i = 0; i < (size_t)rows * columns; i++)
        support_near(
            logits[i],
            json_real_value(json_array_get(json_array_get(facts, i / columns), i % columns)), 2e-5,
            head->name);
    assert_int_equal(clb_model_predict(g.model, g.batch, "mlm", logits), CLB_ERROR_ARGUMENT);
    assert_int_equal(clb_model_predict(g.model, g.batch, "pooler", logits), CLB_ERROR_ARGUMENT);
    support_golden_close(&g);
}

static void test_logits(void **state)
{
    (void)state;
    for (int d = 0; d < support_device_count(); d++)
        for (int h = 0; h < HEADS; h++) {
            check_logits(&heads[h], support_device(d), false);
            check_logits(&heads[h], support_device(d), true);
        }
}

static void check_loss(const struct support_golden *g, double tolerance)
{
    const double expected = json_real_value(json_object_get(g->facts, "loss"));
    struct clb_losses losses;
    OK(clb_model_read_losses(g->model, &losses));
    assert_int_equal(losses.count, 1);
    support_near(clb_loss_mean(&losses.loss[0]), expected, tolerance * expected, "loss");
}

static void check_gradients(const struct head *head, const char *device)
{
    struct support_golden g = open_head(head, device, true);
    const int32_t labels = clb_batch_label_count(g.batch, head->name);
    const struct clb_loss_scales scales = {{1.0f / (float)labels}};
    int count;
    OK(clb_model_evaluate(g.model, g.batch));
    check_loss(&g, 1e-5);
    OK(clb_model_write_losses(g.model, NULL));
    OK(clb_model_train(g.model, g.batch, 1, 0, scales));
    check_loss(&g, 1e-5);
    support_golden_parameters(&g, clb_model_gradients(g.model, &count), 0, "gradients.safetensors",
                              1e-5);
    support_golden_close(&g);
}

static void test_gradients(void **state)
{
    (void)state;
    for (int d = 0; d < support_device_count(); d++)
        for (int h = 0; h < HEADS; h++)
            if (heads[h].has_loss) check_gradients(&heads[h], support_device(d));
}

/* ---- dropout ---- */

static double loss_of(struct clb_model *model, const struct clb_batch *batch, uint32_t stream)
{
    const struct clb_loss_scales scales = {{1.0f}};
    struct clb_losses losses;
    OK(clb_model_write_losses(model, NULL));
    OK(clb_model_train(model, batch, 1, stream, scales));
    OK(clb_model_read_losses(model, &losses));
    return losses.loss[0].sum;
}

static void fill_tensor(const struct clb_parameter *parameter, const float *values)
{
    OK(clb_tensor_write(parameter->tensor, values, clb_tensor_elements(parameter->tensor)));
}

/* The gradient at parameter `name` is that of the loss with the same mask: by differences along the
 * gradient itself. */
static void check_slope(const struct support_golden *g, struct clb_model *model, const char *name)
{
    const struct clb_tensor gradients = clb_model_gradients_whole(model);
    int count, at = 0;
    const struct clb_parameter *weights = clb_model_parameters(model, &count);
    while (strcmp(weights[at].name, name) != 0) assert_true(++at < count);
    const int64_t n = clb_tensor_elements(weights[at].tensor);
    float *weight = malloc((size_t)n * sizeof *weight),
          *gradient = malloc((size_t)n * sizeof *gradient),
          *moved = malloc((size_t)n * sizeof *moved);
    double square = 0, ends[2];
    OK(clb_fill(&gradients, 0.0f));
    loss_of(model, g->batch, 5);
    OK(clb_tensor_read(weights[at].tensor, weight, n));
    OK(clb_tensor_read(clb_model_gradients(model, &count)[at].tensor, gradient, n));
    for (int64_t i = 0; i < n; i++) square += (double)gradient[i] * (double)gradient[i];
    assert_true(square > 0);
    const double step = 0.01 / sqrt(square);
    for (int side = 0; side < 2; side++) {
        for (int64_t i = 0; i < n; i++)
            moved[i] = (float)((double)weight[i] + (side ? step : -step) * (double)gradient[i]);
        fill_tensor(&weights[at], moved);
        ends[side] = loss_of(model, g->batch, 5);
    }
    fill_tensor(&weights[at], weight);
    support_near((ends[1] - ends[0]) / (2 * step) / square, 1, 5e-3, name);
    free(weight);
    free(gradient);
    free(moved);
}

/* The head's model with other dropout. */
static struct clb_model *dropping(const struct support_golden *g, float classifier, float hidden)
{
    const struct clb_model_limits limits = {
        .max_sequences = 8, .max_tokens = 256, .max_masked = 1, .training = true};
    struct clb_config config = g->config;
    struct clb_model *model;
    config.classifier_dropout = classifier;
    config.hidden_dropout_prob = hidden;
    OK(clb_model_create(g->device, &config, &limits, &model));
    OK(clb_model_commit(model));
    OK(clb_model_load(model, g->directory, 0));
    return model;
}

/* Another stream has another loss, and its gradients are exact. */
static void check_dropout(const struct support_golden *g, float classifier, float hidden)
{
    struct clb_model *model = dropping(g, classifier, hidden);
    const bool drops = classifier > 0 || hidden > 0;
    assert_true(loss_of(model, g->batch, 5) == loss_of(model, g->batch, 5));
    assert_true((loss_of(model, g->batch, 5) != loss_of(model, g->batch, 6)) == drops);
    check_slope(g, model, "classifier.weight");
    check_slope(g, model, "bert.encoder.layer.1.output.dense.weight");
    clb_model_destroy(model);
}

/* The encoder's serves where the classifier has none of its own. */
static void check_default(const struct support_golden *g)
{
    struct clb_model *none = dropping(g, -1.0f, 0.2f), *same = dropping(g, 0.2f, 0.2f),
                     *other = dropping(g, 0.0f, 0.2f);
    const double loss = loss_of(none, g->batch, 5);
    assert_true(loss == loss_of(same, g->batch, 5));
    assert_true(loss != loss_of(other, g->batch, 5));
    clb_model_destroy(none);
    clb_model_destroy(same);
    clb_model_destroy(other);
}

static void test_dropout(void **state)
{
    (void)state;
    for (int d = 0; d < support_device_count(); d++)
        for (int h = 0; h < HEADS; h++) {
            if (!heads[h].has_loss) continue;
            struct support_golden g = open_head(&heads[h], support_device(d), true);
            check_dropout(&g, 0.4f, 0.0f);
            check_dropout(&g, 0.0f, 0.0f);
            check_dropout(&g, -1.0f, 0.2f);
            check_default(&g);
            support_golden_close(&g);
        }
}

/* ---- what is refused ---- */

static void said(const char *word)
{
    if (!strstr(clb_error_message(), word)) fail_msg("no \"%s\" in: %s", word, clb_error_message());
}

static void test_training(void **state)
{
    (void)state;
    struct clb_model_limits limits = {
        .max_sequences = 1, .max_tokens = 8, .max_masked = 8, .training = true};
    struct clb_device *device;
    struct clb_config config;
    struct clb_model *model;
    OK(clb_device_open("cpu", 1, &device));
    OK(clb_config_named("tiny", 100, &config));
    config.architecture = CLB_BERT_MODEL;
    assert_int_equal(clb_model_create(device, &config, &limits, &model), CLB_ERROR_ARGUMENT);
    said("BertModel has no loss");
    config.architecture = CLB_BERT_FOR_QUESTION_ANSWERING;
    for (int frozen = -1; frozen <= config.num_hidden_layers + 2;
         frozen += config.num_hidden_layers + 3) {
        limits.frozen_modules = frozen;
        assert_int_equal(clb_model_create(device, &config, &limits, &model), CLB_ERROR_ARGUMENT);
        said("modules cannot be frozen");
    }
    clb_device_close(device);
}

static void refuses(struct support_golden *g, const char *word)
{
    const struct clb_loss_scales scales = {{1.0f}};
    assert_int_equal(clb_model_train(g->model, g->batch, 1, 0, scales), CLB_ERROR_ARGUMENT);
    said(word);
    assert_int_equal(clb_model_evaluate(g->model, g->batch), CLB_ERROR_ARGUMENT);
    said(word);
}

static void test_wrong_labels(void **state)
{
    (void)state;
    struct support_golden g = open_head(&heads[0], "cpu", true);
    struct clb_labels *labels = (struct clb_labels *)clb_batch_labels(g.batch, "sequence");
    labels->values[1] = 3;
    refuses(&g, "num_labels is 3");
    labels->values[1] = 2;
    labels->rows[1]++;
    refuses(&g, "where none begins");
    labels->rows[1]--;
    labels->count--;
    refuses(&g, "3 of 4 sequences");
    support_golden_close(&g);
    g = open_head(&heads[1], "cpu", true);
    labels = (struct clb_labels *)clb_batch_labels(g.batch, "token");
    labels->values[2] = 5;
    refuses(&g, "num_labels is 5");
    support_golden_close(&g);
    g = open_head(&heads[2], "cpu", true);
    labels = (struct clb_labels *)clb_batch_labels(g.batch, "span");
    labels->values[1] = 17;
    refuses(&g, "a span at row 17 of a sequence of 17 tokens");
    labels->values[1] = 16;
    labels->rows[1]++;
    refuses(&g, "where none begins");
    labels->rows[1]--;
    labels->count--;
    refuses(&g, "3 of 4 sequences");
    support_golden_close(&g);
}

/* Without labels there is no loss and no gradient. */
static void test_unlabelled(void **state)
{
    (void)state;
    for (int h = 0; h < HEADS; h++) {
        struct support_golden g = open_head(&heads[h], "cpu", true);
        fill_batch(&g, &heads[h], false);
        assert_true(loss_of(g.model, g.batch, 1) == 0);
        const struct clb_tensor gradients = clb_model_gradients_whole(g.model);
        float *values = malloc((size_t)clb_tensor_elements(gradients) * sizeof *values);
        OK(clb_tensor_read(gradients, values, clb_tensor_elements(gradients)));
        for (int64_t i = 0; i < clb_tensor_elements(gradients); i++) assert_true(values[i] == 0);
        free(values);
        support_golden_close(&g);
    }
}

/* Each of the four sequences with so many numbers, the first as given. */
static void fill_numbers(struct support_golden *g, int32_t width, float first)
{
    const float numbers[] = {first, 0, 1, 0.5f};
    fill_batch(g, &heads[0], false);
    for (int32_t i = 0; i < g->batch->sequences; i++)
        OK(clb_batch_label_numbers(g->batch, "sequence", g->batch->cu_seqlens[i], width, numbers));
}

/* Labels are what the model's problem_type says. */
static void test_problems(void **state)
{
    (void)state;
    static const enum clb_problem_type others[] = {CLB_PROBLEM_REGRESSION,
                                                   CLB_PROBLEM_MULTI_LABEL_CLASSIFICATION};
    const struct clb_model_limits limits = {
        .max_sequences = 8, .max_tokens = 256, .max_masked = 1, .training = true};
    const struct clb_loss_settings settings = {.label_smoothing = 0.1f};
    for (int i = 0; i < 2; i++) {
        struct support_golden g = open_head(&heads[0], "cpu", true);
        fill_numbers(&g, 3, 0);
        refuses(&g, "the model's are classes");
        clb_model_destroy(g.model);
        g.config.problem_type = others[i];
        OK(clb_model_create(g.device, &g.config, &limits, &g.model));
        OK(clb_model_commit(g.model));
        OK(clb_model_evaluate(g.model, g.batch));
        assert_int_equal(clb_model_set_loss(g.model, &settings), CLB_ERROR_ARGUMENT);
        OK(clb_model_set_loss(g.model, NULL));
        fill_numbers(&g, 2, 0);
        refuses(&g, "num_labels is 3");
        fill_numbers(&g, 3, 2);
        if (others[i] == CLB_PROBLEM_MULTI_LABEL_CLASSIFICATION) refuses(&g, "in 0 .. 1");
        fill_batch(&g, &heads[0], true);
        refuses(&g, "sequence labels are classes");
        support_golden_close(&g);
    }
}

static void test_settings(void **state)
{
    (void)state;
    struct support_golden g = open_head(&heads[0], "cpu", true);
    const float bad[][3] = {{1, -1, 1}, {1, 1, NAN}, {INFINITY, 1, 1}};
    struct clb_loss_settings settings = {.label_smoothing = 1};
    const double plain = loss_of(g.model, g.batch, 5);
    assert_int_equal(clb_model_set_loss(g.model, &settings), CLB_ERROR_ARGUMENT);
    said("label smoothing 1");
    for (int i = 0; i < 3; i++) {
        settings = (struct clb_loss_settings){0, bad[i]};
        assert_int_equal(clb_model_set_loss(g.model, &settings), CLB_ERROR_ARGUMENT);
        said("the weight of class");
    }
    assert_true(loss_of(g.model, g.batch, 5) == plain);
    settings = (struct clb_loss_settings){0, (const float[]){2, 2, 2}};
    OK(clb_model_set_loss(g.model, &settings));
    support_near(loss_of(g.model, g.batch, 5), 2 * plain, 1e-5, "twice the loss");
    assert_true(clb_model_label_weight(g.model, 0, g.batch) == 2.0 * g.batch->sequences);
    struct clb_losses losses, again;
    OK(clb_model_read_losses(g.model, &losses)); /* and they go on as they were */
    assert_true(losses.loss[0].weight == 2.0 * (double)losses.loss[0].count);
    OK(clb_model_write_losses(g.model, &losses));
    OK(clb_model_read_losses(g.model, &again));
    assert_true(again.loss[0].sum == losses.loss[0].sum);
    assert_true(again.loss[0].weight == losses.loss[0].weight);
    OK(clb_model_set_loss(g.model, NULL));
    assert_true(loss_of(g.model, g.batch, 5) == plain);
    support_golden_close(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_logits),       cmocka_unit_test(test_gradients),
        cmocka_unit_test(test_dropout),      cmocka_unit_test(test_training),
        cmocka_unit_test(test_wrong_labels), cmocka_unit_test(test_unlabelled),
        cmocka_unit_test(test_problems),     cmocka_unit_test(test_settings),
    };
    return cmocka_run_group_tests_name("heads", tests, NULL, NULL);
}
