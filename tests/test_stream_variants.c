/* SPDX-License-Identifier: Apache-2.0 */
/* The example stream's other ways: full sequences without next sentence prediction. */
#include "base/files.h"
#include "data/corpus.h"
#include "data/packing.h"
#include "support_devices.h"
#include "support_run.h"

#include <clbert/stream.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LENGTH = 40, EXAMPLES = 2000 };

static struct clb_corpus *corpus;

static int make_corpus(void **state)
{
    run_make_corpus(state);
    char *path = run_path("corpus");
    OK(clb_corpus_open(path, &corpus));
    free(path);
    return 0;
}

static int remove_corpus(void **state)
{
    clb_corpus_close(corpus);
    return run_remove_corpus(state);
}

static struct clb_stream_options plain_options(void)
{
    return (struct clb_stream_options){
        .seed = 1, .max_seq_length = LENGTH, .mlm_probability = 0.15f};
}

struct buffers {
    int32_t ids[LENGTH], types[LENGTH], labels[LENGTH];
};

static struct clb_example example_in(struct buffers *b)
{
    return (struct clb_example){
        .input_ids = b->ids, .token_type_ids = b->types, .labels = b->labels};
}

/* ---- full sequences ---- */

/* An epoch's different examples are the corpus, cut: every token lies in one of them and in no
 * other, each in one document, and most cuts are where sentences begin. */
static void test_packing(void **state)
{
    (void)state;
    const struct indexed *set = corpus_split(corpus, CLB_TRAIN);
    int64_t *end_of =
        calloc((size_t)set->tokens, sizeof *end_of); /* of the example beginning here */
    struct packing packing;
    int64_t different = 0, sum = 0, at_sentences = 0;
    packing_begin(&packing, set, 3, LENGTH, 0.0f);
    assert_true(packing.slack > 2 && packing.slack + packing.stretch == LENGTH - 2);
    for (int64_t n = 0; n < packing.examples; n++) {
        const struct token_range r = packing_at(&packing, 1, n);
        assert_true(r.count >= 1 && r.count <= LENGTH - 2);
        if (end_of[r.first]) {
            assert_int_equal(end_of[r.first], r.first + r.count);
            continue;
        }
        const int64_t sentence = indexed_sentence_at(set, r.first);
        const int64_t document = indexed_document_of(set, sentence);
        assert_int_equal(document,
                         indexed_document_of(set, indexed_sentence_at(set, r.first + r.count - 1)));
        end_of[r.first] = r.first + r.count;
        different++;
        sum += r.count;
        at_sentences += indexed_start(set, sentence) == r.first;
    }
    assert_int_equal(sum, set->tokens);
    for (int64_t at = 0; at < set->tokens; at = end_of[at]) assert_true(end_of[at] > at);
    assert_true(at_sentences > different * 2 / 3);
    assert_true(packing.examples < 2 * different);
    free(end_of);
}

/* Documents that fit are whole; others are cut elsewhere in another epoch, and near the front a
 * short sequence keeps its example's beginning. */
static void test_packing_by_epoch(void **state)
{
    (void)state;
    const struct indexed *set = corpus_split(corpus, CLB_TRAIN);
    struct packing whole, cut, shorter;
    int64_t moved = 0, shortened = 0;
    packing_begin(&whole, set, 3, 512, 0.0f);
    packing_begin(&cut, set, 3, LENGTH, 0.0f);
    packing_begin(&shorter, set, 3, LENGTH, 0.5f);
    for (int64_t n = 0; n < 200; n++) {
        const struct token_range r = packing_at(&whole, 0, n);
        const int64_t document = indexed_document_of(set, indexed_sentence_at(set, r.first));
        const struct token_range all = stretches_document_range(set, document);
        assert_true(r.first == all.first && r.count == all.count);
        const struct token_range one = packing_at(&cut, 0, n), other = packing_at(&cut, 1, n);
        moved += one.first != other.first;
        const struct token_range less = packing_at(&shorter, 0, n);
        assert_true(less.first == one.first && less.count <= one.count);
        shortened += less.count < one.count;
    }
    assert_true(moved > 180);
    assert_true(shortened > 50 && shortened < 120); /* half, where the target is less than it has */
}

static void test_full_sequences(void **state)
{
    (void)state;
    const struct clb_special_ids special = clb_tokenizer_special_ids(clb_corpus_tokenizer(corpus));
    struct clb_stream_options options = plain_options();
    struct clb_stream_statistics statistics;
    struct clb_stream *stream;
    struct buffers buffers;
    struct clb_example e = example_in(&buffers);
    int64_t tokens = 0, chosen = 0;
    options.no_nsp = true;
    OK(clb_stream_create(corpus, &options, &stream));
    for (int64_t n = 0; n < EXAMPLES; n++) {
        OK(clb_stream_example(stream, n, &e));
        assert_int_equal(e.next_sentence_label, -1);
        assert_int_equal(e.input_ids[0], special.cls);
        assert_int_equal(e.input_ids[e.length - 1], special.sep);
        for (int32_t i = 0; i < e.length; i++) {
            assert_int_equal(e.token_type_ids[i], 0);
            assert_int_equal(e.input_ids[i] == special.sep, i == e.length - 1);
            chosen += e.labels[i] >= 0;
        }
        tokens += e.length;
    }
    OK(clb_stream_measure(stream, 0, EXAMPLES, &statistics));
    assert_int_equal(statistics.tokens, tokens);
    assert_int_equal(statistics.ordinary, tokens - 2 * EXAMPLES);
    assert_int_equal(statistics.chosen, chosen);
    assert_int_equal(statistics.not_next, 0);
    assert_int_equal(statistics.seen, statistics.corpus_tokens);
    clb_stream_destroy(stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packing),
        cmocka_unit_test(test_packing_by_epoch),
        cmocka_unit_test(test_full_sequences),
    };
    return cmocka_run_group_tests(tests, make_corpus, remove_corpus);
}
