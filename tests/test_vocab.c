/* SPDX-License-Identifier: Apache-2.0 */
/* The vocabulary trainer against Hugging Face's BertWordPieceTrainer on the same text (golden files
 * by tools/make_golden_text.py). Theirs orders equal counts by a hash: what does not depend on that
 * must be equal, and the rest nearly so. */
#include "base/files.h"
#include "support_devices.h"

#include <clbert/random.h>
#include <clbert/tokenizer.h>
#include <clbert/vocab.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct clb_tokenizer *train(const char *directory, bool cased,
                                   struct clb_vocab_report *report)
{
    const char *texts[] = {TEST_GOLDEN "/text/sample.txt"};
    struct clb_vocab_options options = clb_vocab_defaults();
    struct clb_tokenizer *tokenizer;
    options.vocab_size = 900;
    options.limit_alphabet = 600;
    options.lower_case = options.strip_accents = !cased;
    OK(clb_vocab_train(&options, &(struct clb_texts){.paths = texts, .count = 1}, directory,
                       report));
    OK(clb_tokenizer_open(directory, &tokenizer));
    return tokenizer;
}

static void check(bool cased, const char *golden)
{
    char directory[] = "/tmp/clbert-test-XXXXXX";
    struct clb_vocab_report report;
    struct clb_tokenizer *expected, *actual;
    assert_non_null(mkdtemp(directory));
    actual = train(directory, cased, &report);
    OK(clb_tokenizer_open(golden, &expected));
    assert_int_equal(clb_tokenizer_vocab_size(actual), clb_tokenizer_vocab_size(expected));
    int32_t same = 0, size = clb_tokenizer_vocab_size(expected);
    /* Special tokens and the alphabet have an order of their own. */
    for (int32_t id = 0; id < 5 + report.alphabet; id++)
        assert_string_equal(clb_tokenizer_token(actual, id), clb_tokenizer_token(expected, id));
    for (int32_t id = 0; id < size; id++)
        same += clb_tokenizer_id(actual, clb_tokenizer_token(expected, id)) >= 0;
    print_message("%d of %d tokens are the same\n", same, size);
    assert_true(same >= size * 95 / 100);
    clb_tokenizer_close(expected);
    clb_tokenizer_close(actual);
    OK(base_remove_tree(directory));
}

static void test_uncased(void **state)
{
    (void)state;
    check(false, TEST_GOLDEN "/text/uncased");
}

static void test_cased(void **state)
{
    (void)state;
    check(true, TEST_GOLDEN "/text/cased");
}

/* Merges by hand: "abab" 3 times, "abc" twice. */
static void test_merge_order(void **state)
{
    (void)state;
    char directory[] = "/tmp/clbert-test-XXXXXX";
    struct clb_vocab_options options = clb_vocab_defaults();
    struct clb_vocab_report report;
    struct clb_tokenizer *tokenizer;
    assert_non_null(mkdtemp(directory));
    char *path = base_format("%s/text.txt", directory);
    const char text[] = "abab abab abab abc abc\n";
    OK(base_file_write(path, text, sizeof text - 1));
    options.vocab_size = 100;
    OK(clb_vocab_train(&options,
                       &(struct clb_texts){.paths = (const char *const *)&path, .count = 1},
                       directory, &report));
    OK(clb_tokenizer_open(directory, &tokenizer));
    const char *const expected[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a",    "b",  "c",
                                    "##b",   "##a",   "##c",   "ab",    "##ab",   "abab", "abc"};
    assert_int_equal(clb_tokenizer_vocab_size(tokenizer), 15);
    for (int32_t i = 0; i < 15; i++)
        assert_string_equal(clb_tokenizer_token(tokenizer, i), expected[i]);
    clb_tokenizer_close(tokenizer);
    OK(base_remove_tree(directory));
    free(path);
}

/* ---- against the plain way: count all pairs anew for every merge ---- */

enum { WORDS = 300, PIECES = 16, TOKENS = 200 };

struct plain {
    char tokens[TOKENS][64];
    int count;
    struct {
        int pieces[PIECES], length, count;
    } words[WORDS];
    int word_count;
};

static int plain_token(struct plain *p, const char *token)
{
    for (int i = 0; i < p->count; i++)
        if (strcmp(p->tokens[i], token) == 0) return i;
    strcpy(p->tokens[p->count], token);
    return p->count++;
}

static int plain_pair_count(const struct plain *p, int first, int second)
{
    int count = 0;
    for (int w = 0; w < p->word_count; w++)
        for (int i = 0; i + 1 < p->words[w].length; i++)
            if (p->words[w].pieces[i] == first && p->words[w].pieces[i + 1] == second)
                count += p->words[w].count;
    return count;
}

static void plain_merge(struct plain *p, int first, int second)
{
    char joined[128];
    snprintf(joined, sizeof joined, "%s%s", p->tokens[first], p->tokens[second] + 2);
    const int token = plain_token(p, joined);
    for (int w = 0; w < p->word_count; w++) {
        int *pieces = p->words[w].pieces, kept = 0;
        for (int i = 0; i < p->words[w].length; i++) {
            const bool here =
                i + 1 < p->words[w].length && pieces[i] == first && pieces[i + 1] == second;
            pieces[kept++] = here ? token : pieces[i];
            i += here;
        }
        p->words[w].length = kept;
    }
}

/* False: no pair occurs twice. */
static bool plain_step(struct plain *p)
{
    int best = 1, best_first = 0, best_second = 0;
    for (int first = 0; first < p->count; first++)
        for (int second = 0; second < p->count; second++) {
            const int count = plain_pair_count(p, first, second);
            if (count <= best) continue;
            best = count;
            best_first = first;
            best_second = second;
        }
    if (best > 1) plain_merge(p, best_first, best_second);
    return best > 1;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Words of two letters, so that a token can be made in more than one way. */
static void make_words(char (*words)[PIECES])
{
    const struct clb_random random = {7, CLB_PURPOSE_SPLIT, 0};
    for (uint64_t w = 0, at = 0; w < WORDS; w++) {
        const uint32_t length = 2 + clb_random_u32(random, at++) % 9;
        memset(words[w], 0, PIECES);
        for (uint32_t i = 0; i < length; i++)
            words[w][i] = (char)('a' + (clb_random_u32(random, at++) % 5 < 3));
    }
    qsort(words, WORDS, PIECES, by_text);
}

static void plain_begin(struct plain *p, char (*words)[PIECES], FILE *text)
{
    static const char *const first[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b"};
    for (int i = 0; i < 7; i++) plain_token(p, first[i]);
    for (int w = 0; w < WORDS; w++) {
        const int count = 1 + 600 / (1 + w % 97);
        for (int i = 0; i < count; i++) fprintf(text, "%s%c", words[w], i % 50 == 9 ? '\n' : ' ');
        if (w > 0 && strcmp(words[w], words[w - 1]) == 0) {
            p->words[p->word_count - 1].count += count;
            continue;
        }
        p->words[p->word_count].count = count;
        p->words[p->word_count].length = (int)strlen(words[w]);
        for (int i = 0; words[w][i]; i++) {
            const char token[] = {i ? '#' : words[w][i], i ? '#' : 0, words[w][i], 0};
            p->words[p->word_count].pieces[i] = plain_token(p, token);
        }
        p->word_count++;
    }
}

static void test_plain_way(void **state)
{
    (void)state;
    static struct plain p;
    static char words[WORDS][PIECES];
    char directory[] = "/tmp/clbert-test-XXXXXX";
    assert_non_null(mkdtemp(directory));
    char *path = base_format("%s/text.txt", directory);
    FILE *text = fopen(path, "w");
    make_words(words);
    plain_begin(&p, words, text);
    fclose(text);
    while (p.count < TOKENS && plain_step(&p)) continue;
    for (int threads = 1; threads <= 3; threads += 2) {
        struct clb_vocab_options options = clb_vocab_defaults();
        struct clb_vocab_report report;
        struct clb_tokenizer *tokenizer;
        options.vocab_size = TOKENS;
        options.overwrite = threads > 1;
        options.threads = threads;
        OK(clb_vocab_train(&options,
                           &(struct clb_texts){.paths = (const char *const *)&path, .count = 1},
                           directory, &report));
        assert_int_equal(report.distinct_words, p.word_count);
        OK(clb_tokenizer_open(directory, &tokenizer));
        assert_int_equal(clb_tokenizer_vocab_size(tokenizer), p.count);
        for (int32_t i = 0; i < p.count; i++)
            assert_string_equal(clb_tokenizer_token(tokenizer, i), p.tokens[i]);
        clb_tokenizer_close(tokenizer);
    }
    OK(base_remove_tree(directory));
    free(path);
}

/* ---- in little memory ---- */

/* 40,000 different words, 100 of them often. */
static char *make_text(const char *directory)
{
    char *path = base_format("%s/many.txt", directory);
    FILE *text = fopen(path, "w");
    for (int i = 0; i < 200000; i++)
        fprintf(text, "w%d%s", i % 3 ? i % 60000 : i % 300, i % 20 == 19 ? ".\n" : " ");
    fclose(text);
    return path;
}

static char *train_on(const char *directory, const char *path, int64_t memory, int threads,
                      struct clb_vocab_report *report)
{
    struct clb_vocab_options options = clb_vocab_defaults();
    char *bytes, *vocab = base_format("%s/vocab.txt", directory);
    size_t size;
    options.vocab_size = 500;
    options.overwrite = true;
    options.memory = memory;
    options.threads = threads;
    OK(clb_vocab_train(&options, &(struct clb_texts){.paths = &path, .count = 1}, directory,
                       report));
    OK(base_file_read(vocab, "vocabulary", 1 << 20, &bytes, &size));
    free(vocab);
    return bytes;
}

static void test_memory(void **state)
{
    (void)state;
    char directory[] = "/tmp/clbert-test-XXXXXX";
    struct clb_vocab_report report;
    assert_non_null(mkdtemp(directory));
    char *path = make_text(directory);
    char *roomy = train_on(directory, path, INT64_C(1) << 30, 2, &report);
    assert_int_equal(report.spilled, 0);
    char *spilled = train_on(directory, path, INT64_C(6) << 20, 3, &report);
    assert_true(report.spilled > 3);
    assert_int_equal(report.left_out, 0);
    assert_string_equal(spilled, roomy);
    /* More files than stay open at once, and too little to merge every word. */
    char *once = train_on(directory, path, INT64_C(1) << 20, 1, &report);
    assert_true(report.spilled > 24);
    assert_true(report.left_out > 0 && report.left_out < report.distinct_words);
    assert_true(report.left_out_most >= 1);
    char *again = train_on(directory, path, INT64_C(1) << 20, 4, &report);
    assert_string_equal(again, once);
    free(roomy);
    free(spilled);
    free(once);
    free(again);
    OK(base_remove_tree(directory));
    free(path);
}

/* Nowhere to spill: an error that says where it was tried, and no vocabulary. */
static void test_no_room(void **state)
{
    (void)state;
    char directory[] = "/tmp/clbert-test-XXXXXX";
    struct clb_vocab_options options = clb_vocab_defaults();
    struct clb_vocab_report report;
    assert_non_null(mkdtemp(directory));
    char *path = make_text(directory), *output = base_format("%s/tokenizer", directory);
    const char *before = getenv("TMPDIR");
    char *kept = before ? strdup(before) : NULL;
    options.memory = 4 << 20;
    setenv("TMPDIR", "/nonexistent", 1);
    assert_int_equal(
        clb_vocab_train(&options,
                        &(struct clb_texts){.paths = (const char *const *)&path, .count = 1},
                        output, &report),
        CLB_ERROR_IO);
    assert_non_null(strstr(clb_error_message(), "/nonexistent"));
    assert_non_null(strstr(clb_error_message(), "TMPDIR"));
    assert_false(base_exists(output));
    if (kept)
        setenv("TMPDIR", kept, 1);
    else
        unsetenv("TMPDIR");
    free(kept);
    free(output);
    OK(base_remove_tree(directory));
    free(path);
}

/* A vocabulary that is there stays, unless it may go. */
static void test_overwrite(void **state)
{
    (void)state;
    char directory[] = "/tmp/clbert-test-XXXXXX";
    struct clb_vocab_options options = clb_vocab_defaults();
    struct clb_vocab_report report;
    assert_non_null(mkdtemp(directory));
    char *path = base_format("%s/text.txt", directory);
    char *vocab = base_format("%s/vocab.txt", directory), *before, *after;
    const struct clb_texts texts = {.paths = (const char *const *)&path, .count = 1};
    size_t size;
    OK(base_file_write(path, "abab abab\n", 10));
    OK(clb_vocab_train(&options, &texts, directory, &report));
    OK(base_file_write(path, "cdcd cdcd\n", 10));
    OK(base_file_read(vocab, "vocabulary", 1 << 20, &before, &size));
    assert_int_equal(clb_vocab_train(&options, &texts, directory, &report), CLB_ERROR_ARGUMENT);
    assert_non_null(strstr(clb_error_message(), "--overwrite"));
    OK(base_file_read(vocab, "vocabulary", 1 << 20, &after, &size));
    assert_string_equal(before, after);
    free(after);
    options.overwrite = true;
    OK(clb_vocab_train(&options, &texts, directory, &report));
    OK(base_file_read(vocab, "vocabulary", 1 << 20, &after, &size));
    assert_string_not_equal(before, after);
    options.vocab_size = INT32_MAX;
    assert_int_equal(clb_vocab_train(&options, &texts, directory, &report), CLB_ERROR_ARGUMENT);
    free(before);
    free(after);
    free(vocab);
    free(path);
    OK(base_remove_tree(directory));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_uncased),     cmocka_unit_test(test_cased),
        cmocka_unit_test(test_merge_order), cmocka_unit_test(test_plain_way),
        cmocka_unit_test(test_memory),      cmocka_unit_test(test_no_room),
        cmocka_unit_test(test_overwrite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
