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

#define MODEL(settings)                                                                            \
    "\"model\": {\"type\": \"WordPiece\", \"vocab\": {" VOCABULARY "}" settings "}"
#define VOCABULARY "\"[PAD]\": 0, \"[UNK]\": 1, \"[CLS]\": 2, \"[SEP]\": 3, \"[MASK]\": 4, \"a\": 5"
#define BERT "\"pre_tokenizer\": {\"type\": \"BertPreTokenizer\"}"
#define STEPS(steps)                                                                               \
    "{" MODEL("") ", " BERT ", \"normalizer\": {\"type\": \"Sequence\", \"normalizers\": [" steps  \
                  "]}}"
#define STEP(name) "{\"type\": \"" name "\"}"
#define ADDED(tokens) "{" MODEL("") ", " BERT ", \"added_tokens\": [" tokens "]}"

static void refuses_json(const char *directory, const char *text, const char *word)
{
    struct clb_tokenizer *tokenizer;
    write_json(directory, text);
    enum clb_status status = clb_tokenizer_open(directory, &tokenizer);
    if (status != CLB_ERROR_FORMAT || !strstr(clb_error_message(), word))
        fail_msg("%d \"%s\", not \"%s\", of %s", status, clb_error_message(), word, text);
}

/* tokenizer.json instead of vocab.txt: its settings are followed, or it is refused. */
static void test_tokenizer_json(void **state)
{
    (void)state;
    check_directory(TEST_GOLDEN "/text/characters-json");
    check_directory(TEST_GOLDEN "/text/added");
    check_directory(TEST_GOLDEN "/text/unnormalized");
    check_directory(TEST_GOLDEN "/text/sequence");
    static const char *const wanted[][2] = {
        {"{\"model\": {\"type\": \"BPE\", \"vocab\": {}}}", "is not a WordPiece tokenizer"},
        {"{\"model\": {\"type\": \"WordPiece\", \"vocab\": {\"a\": 1}}}", "0, 1, 2"},
        {"{\"model\": {\"vocab\": {\"a\": 0, \"b\": 0}}}", "0, 1, 2"},
        {"{\"model\": {\"vocab\": {\"a\": -1}}}", "0, 1, 2"},
        {"{\"model\": {\"vocab\": {\"a\": 0.0}}}", "0, 1, 2"},
        {"{\"model\": {\"vocab\": {\"a\": \"0\"}}}", "0, 1, 2"},
        {"{\"model\": {\"vocab\": {}, \"continuing_subword_prefix\": \"@@\"}}",
         "continuing_subword_prefix is not \"##\""},
        {"{\"model\": {\"vocab\": {}, \"max_input_chars_per_word\": 200}}",
         "max_input_chars_per_word"},
        {"{" MODEL("") ", " BERT ", \"normalizer\": {\"type\": \"NFKC\"}}", "normalizer is NFKC"},
        {STEPS(STEP("NFD") ", " STEP("Replace")), "normalizer is Replace"},
        {STEPS(STEP("StripAccents") ", " STEP("NFD")), "normalizer is NFD"},
        {STEPS(STEP("Lowercase") ", " STEP("StripAccents")), "normalizer is StripAccents"},
        {STEPS(STEP("BertNormalizer") ", " STEP("NFD")), "normalizer is BertNormalizer"},
        {"{" MODEL("") "}", "pre_tokenizer is null"},
        {"{" MODEL("") ", \"pre_tokenizer\": {\"type\": \"Whitespace\"}}",
         "pre_tokenizer is Whitespace"},
        {"{" MODEL("") ", \"pre_tokenizer\": {\"type\": \"WhitespaceSplit\"}}",
         "pre_tokenizer is WhitespaceSplit"},
        {ADDED("{\"id\": 7, \"content\": \"foo\"}"), "\"foo\" has id 7 where 6 is right"},
        {ADDED("{\"id\": 6, \"content\": \"a\"}"), "\"a\" has id 6 where 5 is right"},
        {ADDED("{\"id\": 6.0, \"content\": \"foo\"}"), "\"id\" should be an integer"},
        {ADDED("{\"id\": 6, \"content\": \"b\"}, {\"id\": 6, \"content\": \"b\"}"), "twice"},
        {"{" MODEL("") ", " BERT ", \"normalizer\": {\"type\": \"BertNormalizer\"}, "
                       "\"added_tokens\": [{\"id\": 6, \"content\": \"\u0301\"}]}",
         "nothing is left"},
        {"{\"model\": ", "tokenizer.json"},
    };
    char directory[] = "/tmp/clbert-test-XXXXXX";
    assert_non_null(mkdtemp(directory));
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        refuses_json(directory, wanted[i][0], wanted[i][1]);
    OK(base_remove_tree(directory));
}

/* A copy of a golden tokenizer.json with another normaliser. */
static void copy_json(const char *from, const char *normalizer, const char *directory)
{
    json_t *json, *value = json_loads(normalizer, JSON_DECODE_ANY, NULL);
    char *path = base_format("%s/tokenizer.json", from);
    OK(base_json_read(path, "tokenizer", &json));
    free(path);
    assert_int_equal(json_object_set_new(json, "normalizer", value), 0);
    path = base_format("%s/tokenizer.json", directory);
    OK(base_json_write(path, json));
    json_decref(json);
    free(path);
}

static uint64_t hash_of(const char *directory)
{
    struct clb_tokenizer *tokenizer;
    OK(clb_tokenizer_open(directory, &tokenizer));
    const uint64_t hash = clb_tokenizer_hash(tokenizer);
    clb_tokenizer_close(tokenizer);
    return hash;
}

/* Orders of steps that come to the same, and those that come to something else. */
static void test_sequences(void **state)
{
    (void)state;
    static const char golden[] = TEST_GOLDEN "/text/sequence";
    static const char *const same[] = {
        STEP("NFD") ", " STEP("StripAccents") ", " STEP("Lowercase"),
        STEP("Lowercase") ", " STEP("NFD") ", " STEP("StripAccents"),
        "{\"type\": \"Sequence\", \"normalizers\": [" STEP("NFD") ", " STEP(
            "Lowercase") "]}, " STEP("StripAccents")};
    char directory[] = "/tmp/clbert-test-XXXXXX";
    assert_non_null(mkdtemp(directory));
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        char *steps = base_format("{\"type\": \"Sequence\", \"normalizers\": [%s]}", same[i]);
        copy_json(golden, steps, directory);
        assert_int_equal(hash_of(directory), hash_of(golden));
        free(steps);
    }
    copy_json(golden, "{\"type\": \"Sequence\", \"normalizers\": [" STEP("NFD") "]}", directory);
    assert_int_not_equal(hash_of(directory), hash_of(golden));
    OK(base_remove_tree(directory));
}

/* Saved and opened again, it is the same, and what vocab.txt cannot say is in tokenizer.json. */
static void test_round_trip(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool json;
        uint64_t hash; /* of 0.1.0; 0: it had none like it */
    } kinds[] = {{"uncased", false, 0x5e7fcf71a5c84da2},
                 {"cased", false, 0x5d7c8685e79ec115},
                 {"characters-json", false, 0x1747645dbce9bd09},
                 {"added", true, 0},
                 {"unnormalized", true, 0},
                 {"sequence", true, 0}};
    char directory[] = "/tmp/clbert-test-XXXXXX";
    assert_non_null(mkdtemp(directory));
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        char *golden = base_format("%s/text/%s", TEST_GOLDEN, kinds[i].name);
        char *saved = base_format("%s/%s", directory, kinds[i].name);
        char *json = base_format("%s/tokenizer.json", saved);
        char *expected = base_format("%s/expected.json", golden), *bytes;
        struct clb_tokenizer *tokenizer;
        size_t size;
        OK(clb_tokenizer_open(golden, &tokenizer));
        OK(clb_tokenizer_save(tokenizer, saved));
        if (kinds[i].hash) assert_int_equal(clb_tokenizer_hash(tokenizer), kinds[i].hash);
        assert_int_equal(clb_tokenizer_hash(tokenizer), hash_of(saved));
        assert_int_equal(base_exists(json), kinds[i].json);
        OK(base_file_read(expected, "ids", 1 << 20, &bytes, &size));
        free(expected);
        expected = base_format("%s/expected.json", saved);
        OK(base_file_write(expected, bytes, size));
        check_directory(saved);
        clb_tokenizer_close(tokenizer);
        free(golden);
        free(saved);
        free(json);
        free(expected);
        free(bytes);
    }
    OK(base_remove_tree(directory));
}

static void write_text(const char *directory, const char *name, const char *text)
{
    char *path = base_format("%s/%s", directory, name);
    OK(base_file_write(path, text, strlen(text)));
    free(path);
}

static void refuses(const char *directory, const char *word)
{
    struct clb_tokenizer *tokenizer;
    assert_int_equal(clb_tokenizer_open(directory, &tokenizer), CLB_ERROR_FORMAT);
    if (!strstr(clb_error_message(), word))
        fail_msg("\"%s\", not \"%s\"", clb_error_message(), word);
}

/* Several files that describe one tokenizer must agree. */
static void test_files_that_differ(void **state)
{
    (void)state;
    static const char words[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n";
    static const char json[] =
        "{" MODEL("") ", " BERT ", \"normalizer\": {\"type\": \"BertNormalizer\"}}";
    char directory[] = "/tmp/clbert-test-XXXXXX";
    struct clb_tokenizer *tokenizer;
    assert_non_null(mkdtemp(directory));
    write_text(directory, "vocab.txt", words);
    const uint64_t hash = hash_of(directory);
    write_json(directory, json);
    assert_int_equal(hash_of(directory), hash);
    write_text(directory, "vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nb\n");
    refuses(directory, "is not that of the vocab.txt");
    write_text(directory, "vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n");
    refuses(directory, "has no \"b\"");
    write_text(directory, "vocab.txt", words);
    write_text(directory, "tokenizer_config.json", "{\"do_lower_case\": false}");
    refuses(directory, "do_lower_case is false");
    char *path = base_format("%s/tokenizer.json", directory);
    assert_int_equal(remove(path), 0);
    free(path);
    /* Added tokens without a tokenizer.json. */
    write_text(
        directory, "tokenizer_config.json",
        "{\"added_tokens_decoder\": {\"7\": {\"content\": \"<c>\", \"special\": true}, "
        "\"6\": {\"content\": \"foo\"}, \"4\": {\"content\": \"[MASK]\", \"special\": true}}}");
    OK(clb_tokenizer_open(directory, &tokenizer));
    struct clb_ids ids = {0};
    const int32_t expected[] = {6, 5, 7, 6};
    OK(clb_tokenizer_encode(tokenizer, "FOO a<c>foo", 11, &ids));
    assert_int_equal(ids.count, 4);
    assert_memory_equal(ids.ids, expected, sizeof expected);
    assert_int_equal(clb_tokenizer_vocab_size(tokenizer), 8);
    assert_true(clb_tokenizer_is_special(tokenizer, 7));
    assert_false(clb_tokenizer_is_special(tokenizer, 6));
    clb_ids_free(&ids);
    clb_tokenizer_close(tokenizer);
    write_text(directory, "added_tokens.json", "{\"foo\": 6, \"bar\": 8}");
    refuses(directory, "\"bar\" is neither");
    OK(base_remove_tree(directory));
}

/* 60 million blank lines are a text, not a vocabulary: refused by their number. */
static void test_many_lines(void **state)
{
    (void)state;
    char directory[] = "/tmp/clbert-test-XXXXXX";
    assert_non_null(mkdtemp(directory));
    char *lines = malloc((60 << 20) + 1);
    memset(lines, '\n', 60 << 20);
    lines[60 << 20] = 0;
    write_text(directory, "vocab.txt", lines);
    free(lines);
    refuses(directory, "62914560 lines");
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
        cmocka_unit_test(test_sequences),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_files_that_differ),
        cmocka_unit_test(test_many_lines),
        cmocka_unit_test(test_invalid_bytes_are_dropped),
        cmocka_unit_test(test_decode),
        cmocka_unit_test(test_vocabulary_without_mask),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
