/* SPDX-License-Identifier: Apache-2.0 */
/* Several corpora as one stream: exact shares, every example of each in turn, entered anywhere. */
#include "support_devices.h"

#include "base/files.h"
#include "data/stream.h"

#include <clbert/corpus.h>
#include <clbert/demo_text.h>
#include <clbert/prepare.h>
#include <clbert/vocab.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/clbert-test-XXXXXX";
static char *large, *small, *foreign; /* corpora; the last of another vocabulary */

static char *in_directory(const char *name)
{
    return base_format("%s/%s", directory, name);
}

static char *make(const char *name, int64_t documents, int32_t vocab_size)
{
    char *text = in_directory("text.txt"), *tokenizer = in_directory("tokenizer");
    char *output = in_directory(name);
    const struct clb_texts texts = {.paths = (const char *const *)&text, .count = 1};
    struct clb_vocab_options vocab = clb_vocab_defaults();
    struct clb_vocab_report vocab_report;
    struct clb_prepare_report report;
    const struct clb_prepare_options options = {
        .tokenizer = tokenizer, .output = output, .texts = texts, .validation_fraction = 0.05};
    FILE *stream = fopen(text, "w");
    OK(clb_demo_text(1, documents, stream));
    fclose(stream);
    vocab.vocab_size = vocab_size;
    vocab.overwrite = true;
    if (vocab_size) OK(clb_vocab_train(&vocab, &texts, tokenizer, &vocab_report));
    OK(clb_prepare(&options, &report));
    free(text);
    free(tokenizer);
    return output;
}

static int make_corpora(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(directory));
    large = make("large", 400, 300);
    small = make("small", 100, 0);
    foreign = make("foreign", 50, 120);
    return 0;
}

static int clean_up(void **state)
{
    (void)state;
    free(large);
    free(small);
    free(foreign);
    return base_remove_tree(directory) != CLB_OK;
}

static struct clb_stream *open_blend(const char *first, const char *second,
                                     struct clb_corpus **corpus)
{
    const char *specs[] = {first, second};
    const struct clb_stream_options options = {
        .seed = 3, .max_seq_length = 64, .mlm_probability = 0.15f};
    struct clb_stream *stream;
    OK(clb_corpora_open(specs, 2, corpus));
    OK(clb_stream_create(*corpus, &options, &stream));
    return stream;
}

/* Of `cycles` thousand examples part 0 gives `share` a thousand, and its own go from 0 on, each
 * once. */
static void check_shares(const struct clb_stream *stream, int64_t share)
{
    enum { CYCLES = 7 };
    const int64_t all = CYCLES * STREAM_CYCLE;
    bool *shown = calloc((size_t)(2 * all), sizeof *shown);
    int64_t counts[2] = {0};
    for (int64_t n = 0; n < all; n++) {
        const struct stream_place place = stream_place(stream, n);
        const int part = (int)(place.part - stream->parts);
        const int64_t own = place.epoch * place.part->pairs.anchors + place.index;
        assert_true(own >= 0 && own < all && !shown[part * all + own]);
        shown[part * all + own] = true;
        counts[part]++;
    }
    assert_int_equal(counts[0], CYCLES * share);
    for (int part = 0; part < 2; part++)
        for (int64_t own = 0; own < counts[part]; own++) assert_true(shown[part * all + own]);
    free(shown);
}

static void test_weights(void **state)
{
    (void)state;
    char *first = base_format("%s:0.7", large), *second = base_format("%s:0.3", small);
    struct clb_corpus *corpus;
    struct clb_stream *stream = open_blend(first, second, &corpus);
    check_shares(stream, 700);
    clb_stream_destroy(stream);
    clb_corpus_close(corpus);
    free(first);
    free(second);
}

static void test_sizes(void **state)
{
    (void)state;
    struct clb_corpus *corpus;
    struct clb_stream *stream = open_blend(large, small, &corpus);
    const double examples = (double)stream->parts[0].pairs.anchors;
    const double share = examples / (double)clb_stream_epoch_examples(stream);
    check_shares(stream, 1 + (int64_t)(998 * share + 0.5));
    clb_stream_destroy(stream);
    clb_corpus_close(corpus);
}

/* A text of one corpus never meets the other's inside a pair, and all of both is shown. */
static void test_statistics(void **state)
{
    (void)state;
    struct clb_stream_statistics statistics;
    struct clb_corpus *corpus;
    struct clb_stream *stream = open_blend(large, small, &corpus);
    const int64_t epoch = clb_stream_epoch_examples(stream);
    OK(clb_stream_measure(stream, 0, epoch + STREAM_CYCLE, &statistics));
    assert_int_equal(statistics.corpus_tokens, clb_corpus_tokens(corpus, CLB_TRAIN));
    assert_true(statistics.seen > statistics.corpus_tokens * 99 / 100);
    clb_stream_destroy(stream);
    clb_corpus_close(corpus);
}

static void check_refused(const char *first, const char *second, const char *word)
{
    const char *specs[] = {first, second};
    struct clb_corpus *corpus;
    assert_int_equal(clb_corpora_open(specs, 2, &corpus), CLB_ERROR_ARGUMENT);
    assert_non_null(strstr(clb_error_message(), word));
}

static void test_refused(void **state)
{
    (void)state;
    char *weighted = base_format("%s:0.5", small), *negative = base_format("%s:-1", small);
    char *word = base_format("%s:much", small);
    check_refused(large, foreign, "another vocabulary");
    check_refused(large, weighted, "or none");
    check_refused(large, negative, "above 0");
    check_refused(large, word, "above 0");
    free(weighted);
    free(negative);
    free(word);
}

/* Weights of any size, as far as their relation makes sense: the same shares of 1 to 3. */
static void test_scale_of_weights(void **state)
{
    (void)state;
    static const char *const weights[][2] = {
        {"1", "3"}, {"1e300", "3e300"}, {"5e307", "1.5e308"}, {"1e-300", "3e-300"}};
    for (int w = 0; w < 4; w++) {
        struct clb_corpus *corpus;
        char *a = base_format("%s:%s", large, weights[w][0]);
        char *b = base_format("%s:%s", small, weights[w][1]);
        struct clb_stream *stream = open_blend(a, b, &corpus);
        assert_int_equal(stream->parts[0].share, 251);
        assert_int_equal(stream->parts[1].share, 749);
        clb_stream_destroy(stream);
        clb_corpus_close(corpus);
        free(a);
        free(b);
    }
    char *little = base_format("%s:1", large), *much = base_format("%s:2e305", small);
    char *infinite = base_format("%s:1e400", small), *none = base_format("%s:nan", small);
    char *nothing = base_format("%s:0", small);
    struct clb_corpus *corpus;
    check_refused(little, much, "less than a millionth");
    check_refused(little, infinite, "above 0");
    check_refused(little, none, "above 0");
    check_refused(little, nothing, "above 0");
    assert_int_equal(clb_corpora_open(NULL, 0, &corpus), CLB_ERROR_ARGUMENT);
    free(little);
    free(much);
    free(infinite);
    free(none);
    free(nothing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weights),          cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_statistics),       cmocka_unit_test(test_refused),
        cmocka_unit_test(test_scale_of_weights),
    };
    return cmocka_run_group_tests_name("blend", tests, make_corpora, clean_up);
}
