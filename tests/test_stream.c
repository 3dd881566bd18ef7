/* SPDX-License-Identifier: Apache-2.0 */
/* What the example stream promises, on a corpus of practice text: shares, seams, coverage, and that
 * every example is a function of its number alone. */
#include "base/files.h"
#include "data/corpus.h"
#include "data/pairs.h"
#include "support_devices.h"

#include <clbert/demo_text.h>
#include <clbert/prepare.h>
#include <clbert/random.h>
#include <clbert/stream.h>
#include <clbert/vocab.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { LENGTH = 64, EXAMPLES = 4000 };

static char directory[] = "/tmp/clbert-test-XXXXXX";
static struct clb_corpus *corpus;

static void prepare(const char *output, int threads)
{
    char *text = base_format("%s/text.txt", directory),
         *tokenizer = base_format("%s/tokenizer", directory);
    const struct clb_prepare_options options = {
        .tokenizer = tokenizer,
        .output = output,
        .texts = {.paths = (const char *const *)&text, .count = 1},
        .validation_fraction = 0.05,
        .threads = threads};
    struct clb_prepare_report report;
    OK(clb_prepare(&options, &report));
    assert_int_equal(report.train.documents + report.validation.documents, 600);
    free(text);
    free(tokenizer);
}

static int make_corpus(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(directory));
    char *text = base_format("%s/text.txt", directory),
         *tokenizer = base_format("%s/tokenizer", directory);
    char *output = base_format("%s/corpus", directory);
    struct clb_vocab_options options = clb_vocab_defaults();
    struct clb_vocab_report report;
    FILE *stream = fopen(text, "w");
    OK(clb_demo_text(1, 600, stream));
    fclose(stream);
    options.vocab_size = 150; /* so that words have pieces */
    OK(clb_vocab_train(&options,
                       &(struct clb_texts){.paths = (const char *const *)&text, .count = 1},
                       tokenizer, &report));
    prepare(output, 2);
    OK(clb_corpus_open(output, &corpus));
    free(text);
    free(tokenizer);
    free(output);
    return 0;
}

static int remove_corpus(void **state)
{
    (void)state;
    clb_corpus_close(corpus);
    OK(base_remove_tree(directory));
    return 0;
}

static struct clb_stream *open_stream(bool whole_words, uint64_t seed)
{
    const struct clb_stream_options options = {.seed = seed,
                                               .max_seq_length = LENGTH,
                                               .mlm_probability = 0.15f,
                                               .short_seq_probability = 0.1f,
                                               .whole_word_mask = whole_words};
    struct clb_stream *stream;
    OK(clb_stream_create(corpus, &options, &stream));
    return stream;
}

struct buffers {
    int32_t ids[LENGTH], types[LENGTH], labels[LENGTH];
};

static struct clb_example example_in(struct buffers *b)
{
    return (struct clb_example){
        .input_ids = b->ids, .token_type_ids = b->types, .labels = b->labels};
}

/* A share of `of` draws lies within five standard deviations of what it should be. */
static void assert_share(double count, double of, double share, const char *what)
{
    if (fabs(count / of - share) <= 5 * sqrt(share * (1 - share) / of)) return;
    print_error("%s: %.4f, should be %.4f\n", what, count / of, share);
    fail();
}

static void test_masking_shares(void **state)
{
    (void)state;
    const struct clb_tokenizer *tokenizer = clb_corpus_tokenizer(corpus);
    const struct clb_special_ids special = clb_tokenizer_special_ids(tokenizer);
    struct clb_stream *stream = open_stream(false, 1);
    struct buffers buffers;
    struct clb_example e = example_in(&buffers);
    double ordinary = 0, chosen = 0, masks = 0, kept = 0;
    for (int64_t n = 0; n < EXAMPLES; n++) {
        OK(clb_stream_example(stream, n, &e));
        int32_t here = 0, words = 0;
        for (int32_t i = 0; i < e.length; i++) {
            const int32_t original = e.labels[i] >= 0 ? e.labels[i] : e.input_ids[i];
            const bool is_special = original == special.cls || original == special.sep;
            assert_false(is_special && e.labels[i] >= 0);
            words += !is_special;
            if (e.labels[i] < 0) continue;
            here++;
            masks += e.input_ids[i] == special.mask;
            kept += e.input_ids[i] == e.labels[i];
            if (e.input_ids[i] != special.mask)
                assert_false(clb_tokenizer_is_special(tokenizer, e.input_ids[i]));
        }
        assert_int_equal(here, (int)fmax(1, floor(0.15 * words + 0.5)));
        ordinary += words;
        chosen += here;
    }
    assert_true(fabs(chosen / ordinary - 0.15) < 0.005);
    assert_share(masks, chosen, 0.8, "[MASK]");
    /* A random token is the original once in the vocabulary's size. */
    assert_share(kept, chosen, 0.1 + 0.1 / (clb_tokenizer_vocab_size(tokenizer) - 5), "kept");
    clb_stream_destroy(stream);
}

static void test_shape_and_labels(void **state)
{
    (void)state;
    const struct clb_special_ids special = clb_tokenizer_special_ids(clb_corpus_tokenizer(corpus));
    struct clb_stream *stream = open_stream(false, 2);
    struct buffers buffers;
    struct clb_example e = example_in(&buffers);
    double not_next = 0;
    for (int64_t n = 0; n < EXAMPLES; n++) {
        OK(clb_stream_example(stream, n, &e));
        int separators = 0, changes = 0;
        assert_true(e.length <= LENGTH && e.length >= 5);
        assert_int_equal(e.input_ids[0], special.cls);
        assert_int_equal(e.input_ids[e.length - 1], special.sep);
        for (int32_t i = 0; i < e.length; i++) {
            separators += e.input_ids[i] == special.sep && e.labels[i] < 0;
            if (i && e.token_type_ids[i] != e.token_type_ids[i - 1]) {
                changes++;
                assert_int_equal(e.input_ids[i - 1], special.sep);
            }
        }
        assert_int_equal(separators, 2);
        assert_int_equal(changes, 1);
        not_next += e.next_sentence_label;
    }
    assert_share(not_next, EXAMPLES, 0.5, "NotNext");
    clb_stream_destroy(stream);
}

/* IsNext: B follows A at once, in one document. NotNext: another document. Every sentence of the
 * corpus is in some example of an epoch, and nearly every token: a sentence over a quarter of the
 * length may lose its beginning. */
static void test_pairs(void **state)
{
    (void)state;
    const struct indexed *set = corpus_split(corpus, CLB_TRAIN);
    char *seen = calloc((size_t)set->tokens, 1);
    struct pairs pairs;
    int64_t unseen = 0, unseen_sentences = 0;
    pairs_begin(&pairs, set, 3, LENGTH, 0.0f);
    for (int64_t n = 0; n < pairs.anchors; n++) {
        const struct pair p = pairs_at(&pairs, 1, n);
        assert_true(p.a.count > 0 && p.b.count > 0);
        assert_true(p.a.count + p.b.count <= LENGTH - 3);
        const int64_t a = indexed_document_of(set, indexed_sentence_at(set, p.a.first));
        const int64_t a_end =
            indexed_document_of(set, indexed_sentence_at(set, p.a.first + p.a.count - 1));
        const int64_t b = indexed_document_of(set, indexed_sentence_at(set, p.b.first));
        const int64_t b_end =
            indexed_document_of(set, indexed_sentence_at(set, p.b.first + p.b.count - 1));
        assert_int_equal(a, a_end);
        assert_int_equal(b, b_end);
        if (p.label == 0) {
            assert_int_equal(a, b);
            assert_int_equal(p.a.first + p.a.count, p.b.first);
            memset(seen + p.b.first, 1, (size_t)p.b.count);
        } else {
            assert_int_not_equal(a, b);
            assert_int_equal(p.b.first, indexed_start(set, indexed_sentence_at(set, p.b.first)));
        }
        memset(seen + p.a.first, 1, (size_t)p.a.count);
    }
    for (int64_t t = 0; t < set->tokens; t++) unseen += !seen[t];
    for (int64_t i = 0; i < set->sentences; i++)
        unseen_sentences +=
            !memchr(seen + indexed_start(set, i), 1, (size_t)indexed_length(set, i));
    assert_int_equal(unseen_sentences, 0);
    assert_true((double)unseen < 0.001 * (double)set->tokens);
    free(seen);
}

static void test_whole_words(void **state)
{
    (void)state;
    const struct clb_tokenizer *tokenizer = clb_corpus_tokenizer(corpus);
    struct clb_stream *stream = open_stream(true, 4);
    struct buffers buffers;
    struct clb_example e = example_in(&buffers);
    int long_words = 0;
    for (int64_t n = 0; n < 500; n++) {
        OK(clb_stream_example(stream, n, &e));
        for (int32_t i = 2; i < e.length; i++) {
            const int32_t id = e.labels[i] >= 0 ? e.labels[i] : e.input_ids[i];
            if (!clb_tokenizer_is_continuation(tokenizer, id) ||
                e.token_type_ids[i] != e.token_type_ids[i - 1])
                continue;
            if (clb_tokenizer_is_special(tokenizer, e.input_ids[i - 1]) && e.labels[i - 1] < 0)
                continue;
            assert_int_equal(e.labels[i] >= 0, e.labels[i - 1] >= 0);
            long_words += e.labels[i] >= 0;
        }
    }
    assert_true(long_words > 100);
    clb_stream_destroy(stream);
}

static void test_entered_anywhere(void **state)
{
    (void)state;
    struct clb_stream *first = open_stream(false, 5), *second = open_stream(false, 5);
    const int64_t epoch = clb_stream_epoch_examples(first);
    const int64_t places[] = {0, 17, epoch - 1, epoch, 3 * epoch + 5};
    struct buffers one, other;
    struct clb_example a = example_in(&one), b = example_in(&other);
    for (int64_t n = 0; n < 50; n++) OK(clb_stream_example(first, n, &a));
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        OK(clb_stream_example(first, places[i], &a));
        OK(clb_stream_example(second, places[i], &b));
        assert_int_equal(a.length, b.length);
        assert_memory_equal(one.ids, other.ids, (size_t)a.length * sizeof(int32_t));
        assert_memory_equal(one.labels, other.labels, (size_t)a.length * sizeof(int32_t));
    }
    OK(clb_stream_example(first, 0, &a)); /* another epoch, another example */
    OK(clb_stream_example(first, epoch, &b));
    assert_true(a.length != b.length || memcmp(one.ids, other.ids, (size_t)a.length * 4) != 0);
    clb_stream_destroy(first);
    clb_stream_destroy(second);
}

/* An evaluation of more pairs than the held-out part has goes on with new ones. */
static void test_validation_goes_on(void **state)
{
    (void)state;
    const struct clb_stream_options options = {
        .seed = 5, .max_seq_length = LENGTH, .mlm_probability = 0.15f, .validation = true};
    struct buffers one, other;
    struct clb_example a = example_in(&one), b = example_in(&other);
    struct clb_stream *stream;
    OK(clb_stream_create(corpus, &options, &stream));
    const int64_t epoch = clb_stream_epoch_examples(stream);
    int64_t same = 0;
    for (int64_t n = 0; n < epoch; n++) {
        OK(clb_stream_example(stream, n, &a));
        OK(clb_stream_example(stream, epoch + n, &b));
        same += a.length == b.length && memcmp(one.ids, other.ids, (size_t)a.length * 4) == 0;
    }
    assert_true(same < epoch / 10);
    clb_stream_destroy(stream);
}

/* The loader gives what the stream gives, from any step on. */
/* The batches of a worker's loader are those of the stream, from its own micro-batches on. */
/* Sizes that cannot be counted are refused before anything is made of them. */
static void check_loader_sizes(const struct clb_stream *stream)
{
    const struct clb_loader_options sound = {
        .batch_size = 3, .accumulation_steps = 2, .prefetch = 1};
    const struct clb_batch_source source = clb_stream_batches(stream);
    struct clb_loader_options o[6];
    struct clb_loader *loader;
    for (int i = 0; i < 6; i++) o[i] = sound;
    o[0].batch_size = INT32_MAX / LENGTH + 1;
    o[1].batch_size = INT32_MAX;
    o[2].first_step = INT64_C(1) << 62;
    o[3].accumulation_steps = INT32_MAX;
    o[3].workers = INT32_MAX;
    o[3].batch_size = INT32_MAX / LENGTH;
    o[4].first_step = -1;
    o[5].prefetch = INT32_MAX;
    for (int i = 0; i < 6; i++)
        assert_int_equal(clb_loader_create(&source, &o[i], &loader), CLB_ERROR_ARGUMENT);
}

static void check_loader(const struct clb_stream *stream, int32_t worker, int32_t workers)
{
    const struct clb_loader_options options = {.first_step = 11,
                                               .batch_size = 3,
                                               .accumulation_steps = 2,
                                               .prefetch = 2,
                                               .worker = worker,
                                               .workers = workers};
    const struct clb_batch_source source = clb_stream_batches(stream);
    const int64_t a_step = 2 * (workers ? workers : 1); /* micro-batches of all workers */
    struct clb_loader *loader;
    struct clb_batch *batch;
    OK(clb_batch_create(3, 3 * LENGTH, &batch));
    OK(clb_loader_create(&source, &options, &loader));
    for (int64_t step = 11; step < 20; step++) {
        const struct clb_step_batches *got;
        int64_t masked = 0;
        OK(clb_loader_next(loader, &got));
        assert_int_equal(got->step, step);
        for (int32_t i = 0; i < 2; i++) {
            clb_batch_clear(batch);
            OK(clb_stream_batch(stream, (step * a_step + 2 * worker + i) * 3, 3, batch));
            assert_int_equal(batch->total_tokens, got->batches[i]->total_tokens);
            assert_memory_equal(batch->input_ids, got->batches[i]->input_ids,
                                (size_t)batch->total_tokens * sizeof(int32_t));
            masked += clb_batch_label_count(batch, "mlm");
        }
        assert_int_equal(masked, clb_step_label_count(got, "mlm"));
        assert_int_equal(clb_step_label_count(got, "nsp"), 6);
    }
    clb_loader_destroy(loader);
    clb_batch_destroy(batch);
}

static void test_loader(void **state)
{
    (void)state;
    struct clb_stream *stream = open_stream(false, 6);
    check_loader_sizes(stream);
    check_loader(stream, 0, 0);
    for (int32_t worker = 0; worker < 3; worker++) check_loader(stream, worker, 3);
    clb_stream_destroy(stream);
}

static void test_same_bytes_for_any_threads(void **state)
{
    (void)state;
    char *output = base_format("%s/one-thread", directory), *a, *b;
    size_t a_size, b_size;
    prepare(output, 1);
    for (int i = 0; i < 2; i++) {
        const char *suffix = i ? "idx" : "bin";
        char *one = base_format("%s/train.%s", output, suffix);
        char *two = base_format("%s/corpus/train.%s", directory, suffix);
        OK(base_file_read(one, "corpus", 1 << 30, &a, &a_size));
        OK(base_file_read(two, "corpus", 1 << 30, &b, &b_size));
        assert_int_equal(a_size, b_size);
        assert_memory_equal(a, b, a_size);
        free(a);
        free(b);
        free(one);
        free(two);
    }
    free(output);
}

static void test_cut_short(void **state)
{
    (void)state;
    char *output = base_format("%s/cut", directory),
         *bin = base_format("%s/cut/train.bin", directory);
    struct clb_corpus *cut;
    prepare(output, 1);
    char *bytes;
    size_t size;
    OK(base_file_read(bin, "corpus", 1 << 30, &bytes, &size));
    OK(base_file_write(bin, bytes, size - 2));
    assert_int_equal(clb_corpus_open(output, &cut), CLB_ERROR_FORMAT);
    assert_non_null(strstr(clb_error_message(), "train.bin"));
    free(bytes);
    free(output);
    free(bin);
}

/* Examples of a corpus in `copy`: true, or an error that names the file. */
static bool reads_well(const char *copy, bool no_nsp)
{
    const struct clb_stream_options options = {.seed = 1,
                                               .max_seq_length = LENGTH,
                                               .mlm_probability = 0.15f,
                                               .short_seq_probability = 0.1f,
                                               .no_nsp = no_nsp};
    struct clb_corpus *damaged = NULL;
    struct clb_stream *stream = NULL;
    int32_t ids[3 * LENGTH];
    struct clb_example example = {
        .input_ids = ids, .token_type_ids = ids + LENGTH, .labels = ids + 2 * LENGTH};
    enum clb_status status = clb_corpus_open(copy, &damaged);
    if (status == CLB_OK) status = clb_stream_create(damaged, &options, &stream);
    for (int64_t n = 0; n < 300 && status == CLB_OK; n++)
        status = clb_stream_example(stream, n, &example);
    if (status != CLB_OK) assert_non_null(strstr(clb_error_message(), "train."));
    clb_stream_destroy(stream);
    if (damaged) clb_corpus_close(damaged);
    return status == CLB_OK;
}

/* Whatever bytes of the files are wrong: an error or other examples, but no crash. */
static void test_damage(void **state)
{
    (void)state;
    char *copy = base_format("%s/damaged", directory);
    prepare(copy, 1);
    assert_true(reads_well(copy, false) && reads_well(copy, true));
    int refused = 0;
    for (int file = 0; file < 2; file++) {
        char *path = base_format("%s/train.%s", copy, file ? "bin" : "idx"), *bytes;
        const struct clb_random random = {3, CLB_PURPOSE_SPLIT, (uint32_t)file};
        size_t size;
        OK(base_file_read(path, "part", 1 << 20, &bytes, &size));
        for (uint64_t round = 0; round < 100; round++) {
            char *wrong = malloc(size);
            memcpy(wrong, bytes, size);
            for (uint64_t i = 0; i < 40; i++)
                wrong[clb_random_u32(random, 80 * round + 2 * i) % size] =
                    (char)clb_random_u32(random, 80 * round + 2 * i + 1);
            OK(base_file_write(path, wrong, size));
            refused += !reads_well(copy, round % 2);
            free(wrong);
        }
        OK(base_file_write(path, bytes, size));
        free(bytes);
        free(path);
    }
    assert_true(refused > 100);
    free(copy);
}

/* A corpus that is cut short while it is read. */
static void test_shrinking_corpus(void **state)
{
    (void)state;
    char *copy = base_format("%s/shrinks", directory), *bin = base_format("%s/train.bin", copy);
    const struct clb_stream_options options = {
        .seed = 1, .max_seq_length = LENGTH, .mlm_probability = 0.15f};
    struct clb_corpus *opened;
    struct clb_stream *stream;
    int32_t ids[3 * LENGTH];
    struct clb_example example = {
        .input_ids = ids, .token_type_ids = ids + LENGTH, .labels = ids + 2 * LENGTH};
    enum clb_status status = CLB_OK;
    prepare(copy, 1);
    OK(clb_corpus_open(copy, &opened));
    OK(clb_stream_create(opened, &options, &stream));
    OK(clb_stream_example(stream, 0, &example));
    assert_int_equal(truncate(bin, 100), 0);
    for (int64_t n = 0; n < 100 && status == CLB_OK; n++)
        status = clb_stream_example(stream, n, &example);
    assert_int_not_equal(status, CLB_OK);
    assert_non_null(strstr(clb_error_message(), "shrinks/train"));
    clb_stream_destroy(stream);
    clb_corpus_close(opened);
    free(bin);
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_masking_shares),
        cmocka_unit_test(test_shape_and_labels),
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_whole_words),
        cmocka_unit_test(test_entered_anywhere),
        cmocka_unit_test(test_validation_goes_on),
        cmocka_unit_test(test_loader),
        cmocka_unit_test(test_same_bytes_for_any_threads),
        cmocka_unit_test(test_cut_short),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_shrinking_corpus),
    };
    return cmocka_run_group_tests(tests, make_corpus, remove_corpus);
}
