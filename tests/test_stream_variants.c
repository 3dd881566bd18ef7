/* SPDX-License-Identifier: Apache-2.0 */
/* The example stream's other ways: full sequences without next sentence prediction, spans, and a
 * share of masked tokens that changes with the step. */
#include "base/files.h"
#include "data/corpus.h"
#include "data/masking.h"
#include "data/packing.h"
#include "support_devices.h"
#include "support_run.h"

#include <clbert/stream.h>
#include <math.h>
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
    int64_t fitting = 0, moved = 0, shortened = 0;
    packing_begin(&whole, set, 3, 64, 0.0f);
    packing_begin(&cut, set, 3, LENGTH, 0.0f);
    packing_begin(&shorter, set, 3, LENGTH, 0.5f);
    for (int64_t n = 0; n < 200; n++) {
        const struct token_range r = packing_at(&whole, 0, n);
        const int64_t document = indexed_document_of(set, indexed_sentence_at(set, r.first));
        const struct token_range all = stretches_document_range(set, document);
        assert_int_equal(r.count == all.count, all.count <= 62);
        fitting += all.count <= 62 && all.count > whole.stretch;
        const struct token_range one = packing_at(&cut, 0, n), other = packing_at(&cut, 1, n);
        moved += one.first != other.first;
        const struct token_range less = packing_at(&shorter, 0, n);
        assert_true(less.first == one.first && less.count <= one.count);
        shortened += less.count < one.count;
    }
    assert_true(fitting > 10);
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

/* ---- a share that changes with the step ---- */

static int32_t chosen_in(const struct clb_example *e)
{
    int32_t chosen = 0;
    for (int32_t i = 0; i < e->length; i++) chosen += e->labels[i] >= 0;
    return chosen;
}

static void test_schedule(void **state)
{
    (void)state;
    enum { STEPS = 21, A_STEP = 6 };
    struct clb_stream_options options = plain_options(), constant = plain_options();
    struct clb_stream *stream, *first, *last;
    struct buffers one, other;
    struct clb_example e = example_in(&one), same = example_in(&other);
    options.mlm_probability = 0.4f;
    options.mlm_probability_last = 0.1f;
    assert_int_equal(clb_stream_create(corpus, &options, &stream), CLB_ERROR_ARGUMENT);
    options.steps = STEPS;
    options.step_examples = A_STEP;
    OK(clb_stream_create(corpus, &options, &stream));
    constant.mlm_probability = 0.4f;
    OK(clb_stream_create(corpus, &constant, &first));
    constant.mlm_probability = 0.1f;
    OK(clb_stream_create(corpus, &constant, &last));
    for (int64_t n = 0; n < (STEPS + 5) * A_STEP; n++) {
        const int64_t step = n / A_STEP < STEPS ? n / A_STEP : STEPS - 1;
        const float share =
            (float)((double)0.4f + ((double)0.1f - (double)0.4f) * ((double)step / (STEPS - 1)));
        OK(clb_stream_example(stream, n, &e));
        assert_int_equal(chosen_in(&e),
                         (int32_t)fmaxf(1, floorf((float)(e.length - 3) * share + 0.5f)));
        if (step > 0 && step < STEPS - 1) continue;
        OK(clb_stream_example(step == 0 ? first : last, n, &same));
        assert_int_equal(e.length, same.length);
        assert_memory_equal(one.ids, other.ids, (size_t)e.length * sizeof(int32_t));
        assert_memory_equal(one.labels, other.labels, (size_t)e.length * sizeof(int32_t));
    }
    clb_stream_destroy(stream);
    clb_stream_destroy(first);
    clb_stream_destroy(last);
}

/* A loader that begins at a step gives what one that began at the first gives there. */
static void test_entered_at_a_step(void **state)
{
    (void)state;
    struct clb_stream_options options = plain_options();
    struct clb_loader_options begun = {.batch_size = 3, .accumulation_steps = 2, .prefetch = 2};
    struct clb_loader *whole, *entered;
    const struct clb_step_batches *a, *b;
    struct clb_stream *stream;
    options.no_nsp = options.span_mask = true;
    options.mlm_probability_last = 0.4f;
    options.short_seq_probability = 0.2f;
    options.steps = 20;
    options.step_examples = 6;
    OK(clb_stream_create(corpus, &options, &stream));
    const struct clb_batch_source source = clb_stream_batches(stream);
    OK(clb_loader_create(&source, &begun, &whole));
    begun.first_step = 7;
    OK(clb_loader_create(&source, &begun, &entered));
    for (int64_t step = 0; step < 20; step++) {
        OK(clb_loader_next(whole, &a));
        if (step < 7) continue;
        OK(clb_loader_next(entered, &b));
        for (int32_t i = 0; i < 2; i++) {
            const struct clb_labels *one = clb_batch_labels(a->batches[i], "mlm"),
                                    *other = clb_batch_labels(b->batches[i], "mlm");
            const size_t size = (size_t)a->batches[i]->total_tokens * sizeof(int32_t);
            assert_int_equal(a->batches[i]->total_tokens, b->batches[i]->total_tokens);
            assert_memory_equal(a->batches[i]->input_ids, b->batches[i]->input_ids, size);
            assert_int_equal(one->count, other->count);
            assert_memory_equal(one->rows, other->rows, (size_t)one->count * sizeof(int32_t));
        }
        assert_int_equal(clb_step_label_count(a, "nsp"), 0);
    }
    clb_loader_destroy(whole);
    clb_loader_destroy(entered);
    clb_stream_destroy(stream);
}

/* ---- spans ---- */

enum { WORDS = 60000, ROUNDS = 60, MOST_WORDS = 10 };

struct span_counts {
    double lengths[MOST_WORDS + 1], spans, masked, mixed;
};

/* Runs of chosen tokens are spans, but for the few that meet. */
static int32_t count_spans(const int32_t *ids, const int32_t *labels, int32_t mask,
                           struct span_counts *counts)
{
    int32_t chosen = 0;
    for (int32_t i = 1, words; i <= WORDS; i += words + 1) {
        int32_t masked = 0;
        for (words = 0; labels[i + words] >= 0; words++) masked += ids[i + words] == mask;
        if (words == 0) continue;
        chosen += words;
        counts->spans++;
        counts->lengths[words < MOST_WORDS ? words : MOST_WORDS]++;
        counts->masked += masked == words;
        counts->mixed += masked > 0 && masked < words;
    }
    return chosen;
}

/* Of a long text of one-piece words, few of which are chosen: how long the spans are, and that what
 * happens to one token of them happens to all. */
static void test_span_lengths(void **state)
{
    (void)state;
    const struct clb_tokenizer *tokenizer = clb_corpus_tokenizer(corpus);
    const struct clb_special_ids special = clb_tokenizer_special_ids(tokenizer);
    const int32_t length = WORDS + 2, word = clb_tokenizer_id(tokenizer, ".");
    int32_t *ids = malloc(5 * (size_t)length * sizeof *ids), *labels = ids + length;
    struct span_counts counts = {0};
    struct masking masking;
    masking_begin(&masking, tokenizer, MASKING_SPANS);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        for (int32_t i = 0; i < length; i++) ids[i] = word;
        ids[0] = special.cls;
        ids[length - 1] = special.sep;
        masking_apply(&masking, 0.01f, (struct clb_random){1, CLB_PURPOSE_TEST, round}, 0, length,
                      ids, labels, labels + length);
        assert_int_equal(count_spans(ids, labels, special.mask, &counts), WORDS / 100);
    }
    for (int words = 1; words < MOST_WORDS; words++) {
        const double share = 0.2 * pow(0.8, words - 1) / (1 - pow(0.8, MOST_WORDS));
        assert_true(fabs(counts.lengths[words] / counts.spans - share) <
                    5 * sqrt(share / counts.spans));
    }
    assert_true(fabs(counts.masked / counts.spans - 0.8) < 5 * sqrt(0.16 / counts.spans));
    assert_true(counts.mixed < counts.spans / 50);
    free(ids);
}

/* Words stay whole, the share is kept, and neighbours are chosen together. */
static void test_spans_of_words(void **state)
{
    (void)state;
    const struct clb_tokenizer *tokenizer = clb_corpus_tokenizer(corpus);
    struct clb_stream_options options = plain_options();
    struct clb_stream *stream;
    struct buffers buffers;
    struct clb_example e = example_in(&buffers);
    int exact = 0, pieces = 0, neighbours = 0, words = 0;
    options.whole_word_mask = options.span_mask = true;
    assert_int_equal(clb_stream_create(corpus, &options, &stream), CLB_ERROR_ARGUMENT);
    options.whole_word_mask = false;
    OK(clb_stream_create(corpus, &options, &stream));
    for (int64_t n = 0; n < EXAMPLES; n++) {
        OK(clb_stream_example(stream, n, &e));
        const int32_t share = (int32_t)fmaxf(1, floorf((float)(e.length - 3) * 0.15f + 0.5f));
        assert_true(chosen_in(&e) > 0);
        exact += chosen_in(&e) == share;
        for (int32_t i = 2; i < e.length; i++) {
            const int32_t id = e.labels[i] >= 0 ? e.labels[i] : e.input_ids[i];
            const bool begins = !clb_tokenizer_is_continuation(tokenizer, id) ||
                                e.token_type_ids[i] != e.token_type_ids[i - 1];
            if (begins) {
                words += e.labels[i] >= 0;
                neighbours += e.labels[i] >= 0 && e.labels[i - 1] >= 0;
            } else {
                assert_int_equal(e.labels[i] >= 0, e.labels[i - 1] >= 0);
                pieces += e.labels[i] >= 0;
            }
        }
    }
    assert_true(exact > EXAMPLES * 9 / 10);
    assert_true(pieces > 1000);
    assert_true(neighbours > words / 3); /* of single words it would be a sixth */
    clb_stream_destroy(stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packing),           cmocka_unit_test(test_packing_by_epoch),
        cmocka_unit_test(test_full_sequences),    cmocka_unit_test(test_schedule),
        cmocka_unit_test(test_entered_at_a_step), cmocka_unit_test(test_span_lengths),
        cmocka_unit_test(test_spans_of_words),
    };
    return cmocka_run_group_tests(tests, make_corpus, remove_corpus);
}
