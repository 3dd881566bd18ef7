/* SPDX-License-Identifier: Apache-2.0 */
/* What a model of a task says of texts, against Hugging Face's pipelines
 * (tools/make_golden_answers.py). */
#include "base/files.h"
#include "predict/task_model.h"
#include "support_golden.h"
#include "support_test.h"

#include <clbert/device.h>

static const double tolerance = 1e-5;

static bool is_same(const json_t *a, const json_t *b)
{
    const char *key;
    json_t *member;
    if (json_is_real(b))
        return json_is_number(a) && fabs(json_number_value(a) - json_real_value(b)) <= tolerance;
    if (json_is_array(b)) {
        bool same = json_is_array(a) && json_array_size(a) == json_array_size(b);
        for (size_t i = 0; i < json_array_size(b) && same; i++)
            same = is_same(json_array_get(a, i), json_array_get(b, i));
        return same;
    }
    if (!json_is_object(b)) return json_equal(a, b);
    if (json_object_size(a) != json_object_size(b)) return false;
    json_object_foreach((json_t *)b, key, member)
    {
        if (!is_same(json_object_get(a, key), member)) return false;
    }
    return true;
}

struct expected {
    const json_t *answers;
    size_t seen;
};

static enum clb_status compare(void *context, const json_t *record, const json_t *answer)
{
    struct expected *e = context;
    const json_t *golden = json_array_get(e->answers, e->seen++);
    if (!is_same(answer, golden))
        fail_msg("of %s\nclbert: %s\nHugging Face: %s", json_dumps(record, 0),
                 json_dumps(answer, JSON_ENCODE_ANY), json_dumps(golden, JSON_ENCODE_ANY));
    return CLB_OK;
}

static int number_of(const json_t *c, const char *key, int otherwise)
{
    const json_t *value = json_object_get(c, key);
    return json_is_integer(value) ? (int)json_integer_value(value) : otherwise;
}

static void check_case(struct clb_device *device, const char *directory, const json_t *c)
{
    const struct task_model_settings settings = {.batch_size = 2,
                                                 .max_seq_length =
                                                     number_of(c, "max_seq_length", 0),
                                                 .doc_stride = number_of(c, "doc_stride", -1),
                                                 .max_answer_length = 30};
    const struct task_answers how = {.top_k = number_of(c, "top_k", 0),
                                     .threshold = 0.5,
                                     .grouping = (enum task_grouping)number_of(c, "grouping", 0),
                                     .max_answer_length = number_of(c, "max_answer_length", 30),
                                     .no_answer = json_is_true(json_object_get(c, "no_answer"))};
    const json_t *records = json_object_get(c, "records");
    const size_t count = json_array_size(records);
    json_t **asked = malloc(count * sizeof *asked);
    struct expected expected = {json_object_get(c, "answers"), 0};
    struct task_model *model;
    assert_non_null(asked);
    for (size_t i = 0; i < count; i++) asked[i] = json_array_get(records, i);
    OK(task_model_open(device, directory, &settings, &model));
    OK(task_model_ask(model, asked, (int)count, &how, compare, &expected));
    assert_int_equal(expected.seen, count);
    task_model_close(model);
    free(asked);
}

static void check_directory(const char *name)
{
    char *directory = base_format("%s/answers/%s", TEST_GOLDEN, name);
    char *path = base_format("%s/answers.json", directory);
    json_t *cases = json_load_file(path, 0, NULL);
    struct clb_device *device;
    assert_true(json_array_size(cases) > 0);
    OK(clb_device_open("cpu", 2, &device));
    for (size_t i = 0; i < json_array_size(cases); i++)
        check_case(device, directory, json_array_get(cases, i));
    clb_device_close(device);
    json_decref(cases);
    free(path);
    free(directory);
}

static void test_pairs(void **state)
{
    (void)state;
    check_directory("pairs");
}

static void test_several_labels(void **state)
{
    (void)state;
    check_directory("several");
}

static void test_numbers(void **state)
{
    (void)state;
    check_directory("number");
    check_directory("numbers");
}

static void test_tokens(void **state)
{
    (void)state;
    check_directory("tokens");
}

static void test_questions(void **state)
{
    (void)state;
    check_directory("questions");
}

/* A number is compared with a number. */
static void test_several_numbers_are_not_measured(void **state)
{
    (void)state;
    const struct task_model_settings settings = {.batch_size = 2, .doc_stride = -1};
    const struct clb_examples examples = {.columns = clb_task_columns_usual()};
    struct clb_device *device;
    struct task_model *model;
    struct task_set *set;
    float *logits;
    OK(clb_device_open("cpu", 1, &device));
    OK(task_model_open(device, TEST_GOLDEN "/answers/numbers", &settings, &model));
    assert_int_equal(task_model_evaluate(model, &examples, &set, &logits), CLB_ERROR_ARGUMENT);
    assert_non_null(strstr(clb_error_message(), "3 numbers"));
    task_model_close(model);
    clb_device_close(device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pairs),     cmocka_unit_test(test_several_labels),
        cmocka_unit_test(test_numbers),   cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_questions), cmocka_unit_test(test_several_numbers_are_not_measured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
