/* SPDX-License-Identifier: Apache-2.0 */
/* Heads in model directories: which an architecture has, that they are read and written whole, what
 * is made up where they are missing, and the names of classes. */
#include "base/files.h"
#include "base/json.h"
#include "support_devices.h"
#include "support_golden.h"
#include "support_models.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- files ---- */

static float *weights_of(const struct clb_model *model, int64_t *count)
{
    const struct clb_tensor whole = clb_model_weights_whole(model);
    *count = clb_tensor_elements(whole);
    float *values = malloc((size_t)*count * sizeof *values);
    OK(clb_tensor_read(whole, values, *count));
    return values;
}

static void assert_same_weights(const struct clb_model *a, const struct clb_model *b)
{
    int64_t a_count, b_count;
    float *x = weights_of(a, &a_count), *y = weights_of(b, &b_count);
    assert_int_equal(a_count, b_count);
    assert_memory_equal(x, y, (size_t)a_count * sizeof *x);
    free(x);
    free(y);
}

static json_t *read_config(const char *directory)
{
    json_t *config;
    char *path = base_format("%s/config.json", directory);
    OK(base_json_read(path, "configuration", &config));
    free(path);
    return config;
}

/* What config.json said of the classes, it says when written, and of the architecture. */
static void check_config(const char *before, const char *after)
{
    static const char *const kept[] = {"architectures", "id2label", "label2id", "problem_type",
                                       "classifier_dropout"};
    json_t *a = read_config(before), *b = read_config(after);
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        const json_t *x = json_object_get(a, kept[i]), *y = json_object_get(b, kept[i]);
        if (json_is_null(x)) x = NULL;
        if (x != y && !json_equal(x, y)) fail_msg("%s: %s", before, kept[i]);
    }
    json_decref(a);
    json_decref(b);
}

static void check_round_trip(const char *directory, int bits)
{
    char saved[] = "/tmp/clbert-test-XXXXXX";
    struct support_golden g = support_golden_open(directory, "cpu", false);
    int count;
    assert_non_null(mkdtemp(saved));
    assert_int_equal(clb_model_heads(g.model), bits);
    if (bits) /* the encoder's names are without "bert." */
        support_golden_parameters(&g, clb_model_parameters(g.model, &count), 0, "model.safetensors",
                                  0);
    OK(clb_model_save(g.model, saved));
    struct support_golden again = support_golden_open(saved, "cpu", false);
    assert_int_equal(clb_model_heads(again.model), bits);
    assert_same_weights(g.model, again.model);
    check_config(directory, saved);
    OK(base_remove_tree(saved));
    support_golden_close(&again);
    support_golden_close(&g);
}

static void test_files(void **state)
{
    (void)state;
    check_round_trip(TEST_GOLDEN "/model-sequence", CLB_HEAD_SEQUENCE);
    check_round_trip(TEST_GOLDEN "/model-token", CLB_HEAD_TOKEN);
    check_round_trip(TEST_GOLDEN "/model-span", CLB_HEAD_SPAN);
    check_round_trip(TEST_GOLDEN "/model-encoder", 0);
}

/* A model of `architecture` in a directory of another, and what it says. */
static struct support_golden open_as(const char *directory, enum clb_architecture architecture,
                                     int32_t num_labels, uint64_t seed, char **said)
{
    struct support_golden g = {.directory = directory};
    const struct clb_model_limits limits = {
        .max_sequences = 8, .max_tokens = 256, .max_masked = 1, .training = true};
    char *messages = NULL;
    size_t size;
    FILE *real = stderr;
    OK(clb_model_read_config(directory, &g.config));
    g.config.architecture = architecture;
    g.config.num_labels = num_labels;
    OK(clb_device_open("cpu", 1, &g.device));
    OK(clb_model_create(g.device, &g.config, &limits, &g.model));
    OK(clb_model_commit(g.model));
    stderr = open_memstream(&messages, &size);
    OK(clb_model_load(g.model, directory, seed));
    fclose(stderr);
    stderr = real;
    *said = messages;
    return g;
}

static const struct clb_parameter *find(const struct clb_model *model, const char *name)
{
    int count, i = 0;
    const struct clb_parameter *list = clb_model_parameters(model, &count);
    while (strcmp(list[i].name, name) != 0) assert_true(++i < count);
    return &list[i];
}

/* Fine-tuning begins so: the encoder is read, the classifier made up, and that is said. */
static void test_missing_head(void **state)
{
    (void)state;
    char *said, *said_again;
    float a[5 * 24], b[5 * 24], zero[5] = {0}, bias[5];
    struct support_golden g =
        open_as(TEST_GOLDEN "/model-gelu", CLB_BERT_FOR_SEQUENCE_CLASSIFICATION, 5, 7, &said);
    struct support_golden again =
        open_as(TEST_GOLDEN "/model-gelu", CLB_BERT_FOR_SEQUENCE_CLASSIFICATION, 5, 8, &said_again);
    assert_non_null(strstr(said, "has no classifier.weight; initialised"));
    assert_non_null(strstr(said, "has no classifier.bias; initialised"));
    assert_null(strstr(said, "pooler"));
    assert_int_equal(clb_model_heads(g.model), 0);
    OK(clb_tensor_read(find(g.model, "classifier.weight")->tensor, a, 5 * 24));
    OK(clb_tensor_read(find(again.model, "classifier.weight")->tensor, b, 5 * 24));
    OK(clb_tensor_read(find(g.model, "classifier.bias")->tensor, bias, 5));
    assert_memory_not_equal(a, b, sizeof a);
    assert_memory_equal(bias, zero, sizeof bias);
    for (int i = 0; i < 5 * 24; i++) assert_true(fabsf(a[i]) <= 2 * g.config.initializer_range);
    OK(clb_model_initialize(g.model, 7));
    assert_int_equal(clb_model_heads(g.model), CLB_HEAD_SEQUENCE);
    free(said);
    free(said_again);
    support_golden_close(&g);
    support_golden_close(&again);
}

/* And pretraining from a model that has other heads. */
static void test_other_head(void **state)
{
    (void)state;
    char *said;
    struct support_golden g =
        open_as(TEST_GOLDEN "/model-token", CLB_BERT_FOR_PRETRAINING, 2, 7, &said);
    assert_non_null(strstr(said, "has no bert.pooler.dense.weight; initialised"));
    assert_non_null(strstr(said, "has no cls.predictions.bias; initialised"));
    assert_int_equal(clb_model_heads(g.model), 0);
    assert_null(clb_model_label(g.model, 0)); /* of five classes */
    free(said);
    support_golden_close(&g);
}

/* ---- the names of classes ---- */

static void test_labels(void **state)
{
    (void)state;
    static const char *const names[] = {"satu", "dua", "ti\"ga"}, *const bad[] = {"a", "b", "\xff"};
    char saved[] = "/tmp/clbert-test-XXXXXX";
    struct support_golden g = support_golden_open(TEST_GOLDEN "/model-sequence", "cpu", false);
    assert_int_equal(g.config.num_labels, 3);
    assert_string_equal(clb_model_label(g.model, 0), "negatif");
    assert_string_equal(clb_model_label(g.model, 2), "positif");
    assert_null(clb_model_label(g.model, 3));
    assert_null(clb_model_label(g.model, -1));
    assert_int_equal(clb_model_set_labels(g.model, bad), CLB_ERROR_ARGUMENT);
    assert_string_equal(clb_model_label(g.model, 1), "netral");
    OK(clb_model_set_labels(g.model, names));
    assert_non_null(mkdtemp(saved));
    OK(clb_model_save(g.model, saved));
    struct support_golden again = support_golden_open(saved, "cpu", false);
    for (int i = 0; i < 3; i++) assert_string_equal(clb_model_label(again.model, i), names[i]);
    OK(base_remove_tree(saved));
    support_golden_close(&again);
    support_golden_close(&g);
}

/* A thousand classes without names, and what a config.json may say of them. */
static void test_label_counts(void **state)
{
    (void)state;
    static const struct {
        const char *key, *value;
        int32_t classes; /* 0: refused */
    } settings[] = {
        {"num_labels", "1000", 1000},
        {"num_labels", "null", 2},
        {"num_labels", "0", 0},
        {"num_labels", "-1", 0},
        {"num_labels", "2000000", 0},
        {"num_labels", "\"3\"", 0},
        {"id2label", "{\"0\": \"a\"}", 1},
        {"id2label", "{\"0\": 0, \"1\": 1, \"2\": 2}", 3},
        {"id2label", "{}", 0},
        {"id2label", "null", 2},
        {"id2label", "[\"a\"]", 0},
        {"label2id", "3", 0},
    };
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        struct support_model f = support_model_open();
        struct clb_config config;
        char *path = support_model_path(&f, "config.json");
        support_model_set(&f, settings[i].key, settings[i].value);
        support_model_write_config(&f);
        const enum clb_status status = clb_config_read(path, &config);
        if ((status == CLB_OK) != (settings[i].classes > 0))
            fail_msg("%s %s", settings[i].key, settings[i].value);
        if (status == CLB_OK) {
            assert_int_equal(config.num_labels, settings[i].classes);
            OK(clb_config_write(&config, path));
            OK(clb_config_read(path, &config));
            assert_int_equal(config.num_labels, settings[i].classes);
        }
        free(path);
        support_model_close(&f);
    }
}

/* ---- architectures ---- */

static void test_architectures(void **state)
{
    (void)state;
    static const struct {
        const char *key, *value, *word; /* NULL: good */
    } settings[] = {
        {"architectures", "[\"BertForMultipleChoice\"]", "BertForQuestionAnswering or BertModel"},
        {"architectures", "[\"BertForNextSentencePrediction\"]", NULL},
        {"architectures", "[\"BertModel\"]", NULL},
        {"architectures", "[]", NULL},
        {"architectures", "null", NULL},
        {"problem_type", "\"guessing\"", "problem_type"},
        {"problem_type", "\"regression\"", NULL},
        {"problem_type", "null", NULL},
        {"classifier_dropout", "0.5", NULL},
        {"classifier_dropout", "1.0", "dropout"},
        {"classifier_dropout", "-0.5", "dropout"},
        {"classifier_dropout", "true", "classifier_dropout"},
    };
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        struct support_model f = support_model_open();
        support_model_set(&f, settings[i].key, settings[i].value);
        support_model_write(&f);
        if (settings[i].word)
            support_model_refused(&f, settings[i].word);
        else
            OK(support_model_load(&f, NULL, NULL));
        support_model_close(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),        cmocka_unit_test(test_missing_head),
        cmocka_unit_test(test_other_head),   cmocka_unit_test(test_labels),
        cmocka_unit_test(test_label_counts), cmocka_unit_test(test_architectures),
    };
    return cmocka_run_group_tests_name("head_files", tests, NULL, NULL);
}
