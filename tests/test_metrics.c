/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics against scikit-learn, scipy, seqeval and SQuAD's definition
 * (tools/make_golden_metrics.py). */
#include "support_devices.h"
#include "support_golden.h"

#include "base/json.h"
#include "tasks/metrics.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static json_t *golden;

static int load(void **state)
{
    (void)state;
    OK(base_json_read(TEST_GOLDEN "/metrics.json", "golden values", &golden));
    return 0;
}

static int unload(void **state)
{
    (void)state;
    json_decref(golden);
    return 0;
}

/* ---- comparing with a case ---- */

static void near(const json_t *c, double actual, const json_t *wanted, const char *what)
{
    const double expected = json_is_null(wanted) ? NAN : json_number_value(wanted);
    assert_non_null(wanted);
    if (isnan(expected) ? isnan(actual) : fabs(actual - expected) <= 1e-12) return;
    char *text = json_dumps(c, JSON_COMPACT);
    fail_msg("%s is %.17g, not %.17g: %s", what, actual, expected, text);
}

static void near_member(const json_t *c, double actual, const char *key)
{
    near(c, actual, json_object_get(c, key), key);
}

/* At `at` of a list. */
static void near_f1(const json_t *c, struct tasks_f1 actual, const json_t *wanted, size_t at,
                    const char *what)
{
    near(c, actual.precision, json_array_get(wanted, at), what);
    near(c, actual.recall, json_array_get(wanted, at + 1), what);
    near(c, actual.f1, json_array_get(wanted, at + 2), what);
}

static void near_f1_member(const json_t *c, struct tasks_f1 actual, const char *key)
{
    near_f1(c, actual, json_object_get(c, key), 0, key);
}

static float *floats(const json_t *array)
{
    float *values = calloc(json_array_size(array) + 1, sizeof *values);
    for (size_t i = 0; i < json_array_size(array); i++) {
        values[i] = (float)json_number_value(json_array_get(array, i));
        assert_true((double)values[i] == json_number_value(json_array_get(array, i)));
    }
    return values;
}

static const char **strings(const json_t *array)
{
    const char **values = calloc(json_array_size(array) + 1, sizeof *values);
    for (size_t i = 0; i < json_array_size(array); i++)
        values[i] = json_string_value(json_array_get(array, i));
    return values;
}

/* The cases of a kind: at least so many. */
static const json_t *cases_of(const char *kind, size_t least)
{
    const json_t *cases = json_object_get(golden, kind);
    assert_true(json_array_size(cases) >= least);
    return cases;
}

/* ---- each kind ---- */

static void test_classes(void **state)
{
    (void)state;
    const json_t *cases = cases_of("classes", 80);
    json_t *c;
    size_t i;
    json_array_foreach(cases, i, c)
    {
        const int classes = (int)json_integer_value(json_object_get(c, "classes"));
        const int64_t count = (int64_t)json_array_size(json_object_get(c, "truth"));
        const json_t *wanted = json_object_get(c, "confusion");
        int32_t *truth = support_golden_ints(json_object_get(c, "truth"));
        int32_t *guess = support_golden_ints(json_object_get(c, "guess"));
        int64_t *confusion = calloc((size_t)(classes * classes), sizeof *confusion);
        const int64_t half = count / 2; /* in two batches */
        tasks_confusion_add(truth, guess, half, classes, confusion);
        tasks_confusion_add(truth + half, guess + half, count - half, classes, confusion);
        for (size_t k = 0; k < (size_t)(classes * classes); k++)
            assert_int_equal(confusion[k], json_integer_value(json_array_get(wanted, k)));
        const struct tasks_class_scores s = tasks_class_scores(confusion, classes);
        near_member(c, s.accuracy, "accuracy");
        near_f1_member(c, s.macro, "macro");
        near_f1_member(c, s.micro, "micro");
        near_f1_member(c, s.binary, "binary");
        near_member(c, s.matthews, "matthews");
        free(truth);
        free(guess);
        free(confusion);
    }
    const int64_t none[4] = {0};
    assert_true(isnan(tasks_class_scores(none, 2).accuracy));
    assert_true(isnan(tasks_class_scores(none, 2).macro.f1));
}

static void test_labels(void **state)
{
    (void)state;
    const json_t *cases = cases_of("labels", 60);
    json_t *c;
    size_t i;
    json_array_foreach(cases, i, c)
    {
        const int classes = (int)json_integer_value(json_object_get(c, "classes"));
        const double threshold = json_number_value(json_object_get(c, "threshold"));
        const size_t size = json_array_size(json_object_get(c, "truth"));
        float *truth = floats(json_object_get(c, "truth"));
        float *scores = floats(json_object_get(c, "scores"));
        struct tasks_label_scores s;
        OK(tasks_label_scores(scores, truth, (int64_t)size / classes, classes, (float)threshold,
                              &s));
        near_f1_member(c, s.macro, "macro");
        near_f1_member(c, s.micro, "micro");
        near_member(c, s.subset_accuracy, "subset_accuracy");
        near_member(c, s.auc_macro, "auc_macro");
        near_member(c, s.auc_micro, "auc_micro");
        near_member(c, s.auc_left_out, "auc_left_out");
        free(truth);
        free(scores);
    }
    struct tasks_label_scores s;
    OK(tasks_label_scores(NULL, NULL, 0, 3, 0, &s));
    assert_true(isnan(s.subset_accuracy) && isnan(s.auc_macro) && isnan(s.auc_micro));
    assert_int_equal(s.auc_left_out, 3);
}

static void test_numbers(void **state)
{
    (void)state;
    const json_t *cases = cases_of("numbers", 60);
    json_t *c;
    size_t i;
    json_array_foreach(cases, i, c)
    {
        float *truth = floats(json_object_get(c, "truth"));
        float *guess = floats(json_object_get(c, "guess"));
        struct tasks_number_scores s;
        OK(tasks_number_scores(truth, guess, (int64_t)json_array_size(json_object_get(c, "truth")),
                               &s));
        near_member(c, s.mean_squared_error, "mean_squared_error");
        near_member(c, s.pearson, "pearson");
        near_member(c, s.spearman, "spearman");
        free(truth);
        free(guess);
    }
}

static void check_types(const json_t *c, const struct tasks_entity_scores *s)
{
    const json_t *types = json_object_get(c, "types");
    assert_int_equal(s->types, json_array_size(types));
    for (int t = 0; t < s->types; t++) {
        const json_t *type = json_array_get(types, (size_t)t);
        assert_string_equal(s->by_type[t].name, json_string_value(json_array_get(type, 0)));
        near_f1(c, s->by_type[t].scores, type, 1, s->by_type[t].name);
        near(c, (double)s->by_type[t].true_count, json_array_get(type, 4), "the count");
    }
}

static void test_entities(void **state)
{
    (void)state;
    const json_t *cases = cases_of("entities", 100);
    json_t *c;
    size_t i;
    json_array_foreach(cases, i, c)
    {
        const json_t *truth = json_object_get(c, "truth"), *guess = json_object_get(c, "guess");
        const size_t count = json_array_size(truth);
        struct tasks_tagged *sentences = calloc(count, sizeof *sentences);
        struct tasks_entity_scores s;
        for (size_t k = 0; k < count; k++) {
            sentences[k].truth = strings(json_array_get(truth, k));
            sentences[k].guess = strings(json_array_get(guess, k));
            sentences[k].count = (int64_t)json_array_size(json_array_get(truth, k));
        }
        OK(tasks_entity_scores(sentences, (int64_t)count, &s));
        near_f1_member(c, s.all, "all");
        near_member(c, s.accuracy, "accuracy");
        check_types(c, &s);
        tasks_entity_scores_free(&s);
        for (size_t k = 0; k < count; k++) {
            free((void *)sentences[k].truth);
            free((void *)sentences[k].guess);
        }
        free(sentences);
    }
}

static void near_part(const json_t *c, struct tasks_answer_part part, const char *key)
{
    const json_t *wanted = json_object_get(c, key);
    near(c, (double)part.count, json_array_get(wanted, 0), key);
    near(c, part.exact, json_array_get(wanted, 1), key);
    near(c, part.f1, json_array_get(wanted, 2), key);
}

static void test_answers(void **state)
{
    (void)state;
    const json_t *cases = cases_of("answers", 60);
    json_t *c;
    size_t i;
    json_array_foreach(cases, i, c)
    {
        const json_t *questions = json_object_get(c, "questions");
        const size_t count = json_array_size(questions);
        struct tasks_answer *answers = calloc(count + 1, sizeof *answers);
        struct tasks_answer_scores s;
        for (size_t k = 0; k < count; k++) {
            const json_t *question = json_array_get(questions, k);
            const json_t *gold = json_array_get(question, 1);
            answers[k].guess = json_string_value(json_array_get(question, 0));
            answers[k].gold = strings(gold);
            answers[k].gold_count = (int)json_array_size(gold);
        }
        OK(tasks_answer_scores(answers, (int64_t)count, &s));
        near_part(c, s.all, "all");
        near_part(c, s.answerable, "answerable");
        near_part(c, s.unanswerable, "unanswerable");
        for (size_t k = 0; k < count; k++) free((void *)answers[k].gold);
        free(answers);
    }
}

static void test_normal_answers(void **state)
{
    (void)state;
    const json_t *cases = cases_of("normal", 60);
    json_t *c;
    size_t i;
    char *normal;
    json_array_foreach(cases, i, c)
    {
        OK(tasks_normal_answer(json_string_value(json_array_get(c, 0)), &normal));
        assert_string_equal(normal, json_string_value(json_array_get(c, 1)));
        free(normal);
    }
    OK(tasks_normal_answer("A \xff the\xe4\xb8", &normal));
    assert_string_equal(normal, "\xEF\xBF\xBD \xEF\xBF\xBD");
    free(normal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classes), cmocka_unit_test(test_labels),
        cmocka_unit_test(test_numbers), cmocka_unit_test(test_entities),
        cmocka_unit_test(test_answers), cmocka_unit_test(test_normal_answers),
    };
    return cmocka_run_group_tests_name("metrics", tests, load, unload);
}
