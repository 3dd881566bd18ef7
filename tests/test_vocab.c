/* The vocabulary trainer against Hugging Face's BertWordPieceTrainer on the same text (golden files
 * by tools/make_golden_text.py). Theirs orders equal counts by a hash: what does not depend on that
 * must be equal, and the rest nearly so. */
#include "base/files.h"
#include "support_devices.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_uncased),
        cmocka_unit_test(test_cased),
        cmocka_unit_test(test_merge_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
