/* SPDX-License-Identifier: Apache-2.0 */
/* The tokenizer against Hugging Face's, on text in many scripts (golden files by
 * tools/make_golden_text.py). */
#include "base/files.h"
#include "base/json.h"
#include "support_devices.h"

#include <clbert/tokenizer.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void check_ids(const struct clb_tokenizer *tokenizer, const json_t *wanted)
{
    const json_t *text = json_object_get(wanted, "text"), *ids = json_object_get(wanted, "ids");
    struct clb_ids actual = {0};
    OK(clb_tokenizer_encode(tokenizer, json_string_value(text), json_string_length(text), &actual));
    bool same = actual.count == json_array_size(ids);
    for (size_t i = 0; same && i < actual.count; i++)
        same = actual.ids[i] == json_integer_value(json_array_get(ids, i));
    if (!same) {
        print_error("ids differ: %.60s\n", json_string_value(text));
        fail();
    }
    clb_ids_free(&actual);
}

static void check_directory(const char *directory)
{
    struct clb_tokenizer *tokenizer;
    json_t *cases;
    char *path = base_format("%s/expected.json", directory);
    json_error_t error;
    OK(clb_tokenizer_open(directory, &tokenizer));
    cases = json_load_file(path, JSON_ALLOW_NUL, &error);
    assert_true(json_array_size(cases) > 20);
    for (size_t i = 0; i < json_array_size(cases); i++)
        check_ids(tokenizer, json_array_get(cases, i));
    json_decref(cases);
    clb_tokenizer_close(tokenizer);
    free(path);
}

static void test_uncased(void **state)
{
    (void)state;
    check_directory(TEST_GOLDEN "/text/uncased");
}

static void test_cased(void **state)
{
    (void)state;
    check_directory(TEST_GOLDEN "/text/cased");
}

/* Normalisation, case, emoji, code points of every plane. */
static void test_characters(void **state)
{
    (void)state;
    check_directory(TEST_GOLDEN "/text/characters-uncased");
    check_directory(TEST_GOLDEN "/text/characters-cased");
}

static void write_json(const char *directory, const char *text)
{
    char *path = base_format("%s/tokenizer.json", directory);
    OK(base_file_write(path, text, strlen(text)));
    free(path);
}

/* tokenizer.json instead of vocab.txt: its settings are followed, or it is refused. */
static void test_tokenizer_json(void **state)
{
    (void)state;
    check_directory(TEST_GOLDEN "/text/characters-json");
    static const char *const wanted[][2] = {
        {"{\"model\": {\"type\": \"BPE\", \"vocab\": {}}}", "is not a WordPiece tokenizer"},
        {"{\"model\": {\"type\": \"WordPiece\", \"vocab\": {\"a\": 1}}}", "0 .. 0"},
        {"{\"model\": {\"vocab\": {}, \"continuing_subword_prefix\": \"@@\"}}",
         "continuing_subword_prefix is not \"##\""},
        {"{\"model\": {\"vocab\": {}, \"max_input_chars_per_word\": 200}}",
         "max_input_chars_per_word"},
        {"{\"model\": {\"vocab\": {}}, \"normalizer\": {\"type\": \"NFKC\"}}", "BertNormalizer"},
        {"{\"model\": {\"vocab\": {}}, \"pre_tokenizer\": {\"type\": \"Whitespace\"}}",
         "BertPreTokenizer"},
        {"{\"model\": ", "tokenizer.json"},
    };
    char directory[] = "/tmp/clbert-test-XXXXXX";
    struct clb_tokenizer *tokenizer;
    assert_non_null(mkdtemp(directory));
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        write_json(directory, wanted[i][0]);
        assert_int_equal(clb_tokenizer_open(directory, &tokenizer), CLB_ERROR_FORMAT);
        assert_non_null(strstr(clb_error_message(), wanted[i][1]));
    }
    OK(base_remove_tree(directory));
}

static void test_invalid_bytes_are_dropped(void **state)
{
    (void)state;
    struct clb_tokenizer *tokenizer;
    struct clb_ids clean = {0}, dirty = {0};
    const char text[] = "ma\xff\xc3kan \xe2\x82", plain[] = "makan ";
    OK(clb_tokenizer_open(TEST_GOLDEN "/text/uncased", &tokenizer));
    OK(clb_tokenizer_encode(tokenizer, plain, sizeof plain - 1, &clean));
    OK(clb_tokenizer_encode(tokenizer, text, sizeof text - 1, &dirty));
    assert_int_equal(clean.count, dirty.count);
    assert_memory_equal(clean.ids, dirty.ids, clean.count * sizeof *clean.ids);
    clb_ids_free(&clean);
    clb_ids_free(&dirty);
    clb_tokenizer_close(tokenizer);
}

static void test_decode(void **state)
{
    (void)state;
    struct clb_tokenizer *tokenizer;
    struct clb_ids ids = {0};
    char *text;
    const char *sentence = "saya makan nasi di warung . [MASK] , lalu tidur";
    OK(clb_tokenizer_open(TEST_GOLDEN "/text/uncased", &tokenizer));
    OK(clb_tokenizer_encode(tokenizer, sentence, strlen(sentence), &ids));
    OK(clb_tokenizer_decode(tokenizer, ids.ids, ids.count, true, &text));
    assert_string_equal(text, "saya makan nasi di warung., lalu tidur");
    free(text);
    clb_ids_free(&ids);
    clb_tokenizer_close(tokenizer);
}

static void test_vocabulary_without_mask(void **state)
{
    (void)state;
    struct clb_tokenizer *tokenizer;
    char directory[] = "/tmp/clbert-test-XXXXXX";
    assert_non_null(mkdtemp(directory));
    char *path = base_format("%s/vocab.txt", directory);
    const char vocabulary[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\nsaya\n";
    OK(base_file_write(path, vocabulary, sizeof vocabulary - 1));
    assert_int_equal(clb_tokenizer_open(directory, &tokenizer), CLB_ERROR_FORMAT);
    assert_non_null(strstr(clb_error_message(), "[MASK]"));
    assert_non_null(strstr(clb_error_message(), path));
    assert_int_equal(clb_tokenizer_open("/nonexistent", &tokenizer), CLB_ERROR_IO);
    OK(base_remove_tree(directory));
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_uncased),
        cmocka_unit_test(test_cased),
        cmocka_unit_test(test_characters),
        cmocka_unit_test(test_tokenizer_json),
        cmocka_unit_test(test_invalid_bytes_are_dropped),
        cmocka_unit_test(test_decode),
        cmocka_unit_test(test_vocabulary_without_mask),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
