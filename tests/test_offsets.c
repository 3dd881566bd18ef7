/* SPDX-License-Identifier: Apache-2.0 */
/* Where in the text every id comes from, against Hugging Face's tokenizers (golden file by
 * tools/make_golden_offsets.py), and that the ids are the same as without. */
#include "base/files.h"
#include "support_devices.h"

#include <clbert/demo_text.h>
#include <clbert/random.h>
#include <clbert/tokenizer.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const kinds[] = {"uncased",          "cased",           "characters-uncased",
                                    "characters-cased", "characters-json", "added",
                                    "unnormalized",     "sequence"};
enum { KINDS = sizeof kinds / sizeof *kinds };

static struct clb_tokenizer *open_kind(int kind)
{
    struct clb_tokenizer *tokenizer;
    char *directory = base_format("%s/text/%s", TEST_GOLDEN, kinds[kind]);
    OK(clb_tokenizer_open(directory, &tokenizer));
    free(directory);
    return tokenizer;
}

static bool is_row(const json_t *row, const struct clb_ids *ids)
{
    bool same = json_array_size(row) == ids->count;
    for (size_t i = 0; same && i < ids->count; i++)
        same = json_integer_value(json_array_get(row, i)) == ids->ids[i];
    return same;
}

/* The first id whose offsets differ; -1: none. */
static int first_difference(const json_t *row, const struct clb_offsets *offsets)
{
    assert_int_equal(json_array_size(row), 2 * offsets->count);
    for (size_t i = 0; i < offsets->count; i++)
        if (json_integer_value(json_array_get(row, 2 * i)) !=
                (json_int_t)offsets->offsets[i].begin ||
            json_integer_value(json_array_get(row, 2 * i + 1)) !=
                (json_int_t)offsets->offsets[i].end)
            return (int)i;
    return -1;
}

static void check_text(const struct clb_tokenizer *tokenizer, const char *kind, const json_t *text,
                       const json_t *ids, const json_t *offsets)
{
    const char *bytes = json_string_value(text);
    const size_t size = json_string_length(text);
    struct clb_ids got = {0};
    struct clb_offsets places = {0};
    OK(clb_tokenizer_encode_offsets(tokenizer, bytes, size, &got, &places));
    assert_int_equal(places.count, got.count);
    if (!is_row(ids, &got)) fail_msg("%s: ids differ: %s", kind, bytes);
    for (size_t i = 0; i < places.count; i++) { /* no character is cut in the middle */
        assert_int_not_equal(bytes[places.offsets[i].begin] & 0xC0, 0x80);
        assert_int_not_equal(bytes[places.offsets[i].end] & 0xC0, 0x80);
    }
    clb_offsets_to_code_points(bytes, size, places.offsets, places.count);
    const int at = first_difference(offsets, &places);
    if (at >= 0)
        fail_msg("%s: %s: id %d, \"%s\", is %zu .. %zu, should be %d .. %d", kind, bytes, at,
                 clb_tokenizer_token(tokenizer, got.ids[at]), places.offsets[at].begin,
                 places.offsets[at].end,
                 (int)json_integer_value(json_array_get(offsets, 2 * (size_t)at)),
                 (int)json_integer_value(json_array_get(offsets, 2 * (size_t)at + 1)));
    clb_ids_free(&got);
    clb_offsets_free(&places);
}

static void test_golden(void **state)
{
    (void)state;
    json_error_t error;
    json_t *golden = json_load_file(TEST_GOLDEN "/text/offsets.json", JSON_ALLOW_NUL, &error);
    const json_t *texts = json_object_get(golden, "texts");
    assert_true(json_array_size(texts) > 100);
    for (int kind = 0; kind < KINDS; kind++) {
        const json_t *wanted = json_object_get(golden, kinds[kind]);
        struct clb_tokenizer *tokenizer = open_kind(kind);
        assert_non_null(wanted);
        for (size_t i = 0; i < json_array_size(texts); i++)
            check_text(tokenizer, kinds[kind], json_array_get(texts, i),
                       json_array_get(json_object_get(wanted, "ids"), i),
                       json_array_get(json_object_get(wanted, "offsets"), i));
        clb_tokenizer_close(tokenizer);
    }
    json_decref(golden);
}

/* ---- the same ids as without, and places that ascend within the text ---- */

static void check_ids(const struct clb_tokenizer *tokenizer, const char *text, size_t size)
{
    struct clb_ids plain = {0}, ids = {0};
    struct clb_offsets offsets = {0};
    OK(clb_tokenizer_encode(tokenizer, text, size, &plain));
    OK(clb_tokenizer_encode_offsets(tokenizer, text, size, &ids, &offsets));
    assert_int_equal(ids.count, plain.count);
    assert_int_equal(ids.count, offsets.count);
    if (ids.count) assert_memory_equal(ids.ids, plain.ids, ids.count * sizeof *ids.ids);
    for (size_t i = 0; i < offsets.count; i++) {
        const struct clb_offset at = offsets.offsets[i];
        assert_true(at.begin < at.end && at.end <= size);
        if (i) assert_true(at.begin >= offsets.offsets[i - 1].begin);
        if (i) assert_true(at.end >= offsets.offsets[i - 1].end);
    }
    clb_ids_free(&plain);
    clb_ids_free(&ids);
    clb_offsets_free(&offsets);
}

static void test_practice_text(void **state)
{
    (void)state;
    char *text;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    OK(clb_demo_text(1, 400, stream));
    fclose(stream);
    for (int kind = 0; kind < KINDS; kind++) {
        struct clb_tokenizer *tokenizer = open_kind(kind);
        check_ids(tokenizer, text, size);
        clb_tokenizer_close(tokenizer);
    }
    free(text);
}

/* Any bytes, valid or not, with something to find among them. */
static size_t random_text(struct clb_random random, char *text, size_t size)
{
    static const char *const words[] = {
        " ", "saya ",  "[MASK]", "é", "e\u0301",    "İ", "漢", "\u0301", "\u302e", "が", "각",
        "ﬁ", "\u200d", "हि",     "😀", "\U0001d165", "A", ",",  "<gap>",  "foo-bar"};
    size_t at = 0;
    for (uint64_t i = 0; at + 8 < size; i += 2) {
        const uint32_t which = clb_random_below(random, i, 2 * sizeof words / sizeof *words);
        if (which >= sizeof words / sizeof *words) {
            text[at++] = (char)clb_random_below(random, i + 1, 256);
            continue;
        }
        memcpy(text + at, words[which], strlen(words[which]));
        at += strlen(words[which]);
    }
    return at;
}

static void test_random_bytes(void **state)
{
    (void)state;
    char text[200];
    for (int kind = 0; kind < KINDS; kind++) {
        struct clb_tokenizer *tokenizer = open_kind(kind);
        for (uint32_t i = 0; i < 500; i++)
            check_ids(tokenizer, text,
                      random_text((struct clb_random){1, 1, i}, text, sizeof text));
        clb_tokenizer_close(tokenizer);
    }
}

static void test_invalid_bytes(void **state)
{
    (void)state;
    static const char text[] = "\xff"
                               "ma\xff\xc3kan \xe2\x82nasi\x80";
    struct clb_tokenizer *tokenizer = open_kind(0);
    struct clb_ids ids = {0};
    struct clb_offsets offsets = {0};
    OK(clb_tokenizer_encode_offsets(tokenizer, text, sizeof text - 1, &ids, &offsets));
    assert_true(offsets.count >= 2);
    assert_int_equal(offsets.offsets[0].begin, 1);
    assert_int_equal(offsets.offsets[offsets.count - 1].end, 15);
    clb_offsets_to_code_points(text, sizeof text - 1, offsets.offsets, offsets.count);
    assert_int_equal(offsets.offsets[0].begin, 1);
    assert_int_equal(offsets.offsets[offsets.count - 1].end, 14);
    clb_ids_free(&ids);
    clb_offsets_free(&offsets);
    clb_tokenizer_close(tokenizer);
}

/* Where accents stay, the lower case of one character may be two pieces: both come from it, as
 * Hugging Face's tokenizers have it. */
static void test_two_pieces_of_one(void **state)
{
    (void)state;
    static const char vocabulary[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\ni\n##\u0307\n##x\nx\n";
    static const char settings[] = "{\"do_lower_case\": true, \"strip_accents\": false}";
    static const char text[] = "\u0130x x\u0130";
    static const struct clb_offset wanted[] = {{0, 2}, {0, 2}, {2, 3}, {4, 7}};
    char directory[] = "/tmp/clbert-test-XXXXXX";
    struct clb_tokenizer *tokenizer;
    struct clb_ids ids = {0};
    struct clb_offsets offsets = {0};
    assert_non_null(mkdtemp(directory));
    char *vocab = base_format("%s/vocab.txt", directory);
    char *config = base_format("%s/tokenizer_config.json", directory);
    OK(base_file_write(vocab, vocabulary, sizeof vocabulary - 1));
    OK(base_file_write(config, settings, sizeof settings - 1));
    OK(clb_tokenizer_open(directory, &tokenizer));
    OK(clb_tokenizer_encode_offsets(tokenizer, text, sizeof text - 1, &ids, &offsets));
    assert_int_equal(offsets.count, sizeof wanted / sizeof *wanted);
    assert_memory_equal(offsets.offsets, wanted, sizeof wanted);
    clb_ids_free(&ids);
    clb_offsets_free(&offsets);
    clb_tokenizer_close(tokenizer);
    OK(base_remove_tree(directory));
    free(vocab);
    free(config);
}

/* Appended to what is there; nothing of nothing. */
static void test_appended(void **state)
{
    (void)state;
    struct clb_tokenizer *tokenizer = open_kind(0);
    struct clb_ids ids = {0};
    struct clb_offsets offsets = {0};
    OK(clb_tokenizer_encode_offsets(tokenizer, "", 0, &ids, &offsets));
    assert_int_equal(offsets.count, 0);
    OK(clb_tokenizer_encode_offsets(tokenizer, "saya", 4, &ids, &offsets));
    const size_t before = offsets.count;
    OK(clb_tokenizer_encode_offsets(tokenizer, "[SEP]", 5, &ids, &offsets));
    assert_int_equal(offsets.count, before + 1);
    assert_int_equal(ids.count, offsets.count);
    assert_int_equal(offsets.offsets[before].begin, 0);
    assert_int_equal(offsets.offsets[before].end, 5);
    clb_ids_free(&ids);
    clb_offsets_free(&offsets);
    clb_tokenizer_close(tokenizer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_practice_text),
        cmocka_unit_test(test_random_bytes),
        cmocka_unit_test(test_invalid_bytes),
        cmocka_unit_test(test_two_pieces_of_one),
        cmocka_unit_test(test_appended),
    };
    return cmocka_run_group_tests_name("offsets", tests, NULL, NULL);
}
