/* SPDX-License-Identifier: Apache-2.0 */
/* The training loop: the same bits after an interruption, for any number of threads, and what it
 * says of bad input. */
#include "base/files.h"
#include "support_devices.h"

#include <clbert/demo_text.h>
#include <clbert/prepare.h>
#include <clbert/train.h>
#include <clbert/vocab.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char directory[] = "/tmp/clbert-test-XXXXXX";
static char *corpus;

static char *in_directory(const char *name)
{
    return base_format("%s/%s", directory, name);
}

static int make_corpus(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(directory));
    char *text = in_directory("text.txt"), *tokenizer = in_directory("tokenizer");
    struct clb_vocab_options options = clb_vocab_defaults();
    struct clb_vocab_report vocab_report;
    struct clb_prepare_report report;
    FILE *stream = fopen(text, "w");
    OK(clb_demo_text(1, 300, stream));
    fclose(stream);
    corpus = in_directory("corpus");
    options.vocab_size = 200;
    OK(clb_vocab_train(&options,
                       &(struct clb_texts){.paths = (const char *const *)&text, .count = 1},
                       tokenizer, &vocab_report));
    const struct clb_prepare_options prepare = {
        .tokenizer = tokenizer,
        .output = corpus,
        .texts = {.paths = (const char *const *)&text, .count = 1},
        .validation_fraction = 0.1};
    OK(clb_prepare(&prepare, &report));
    free(text);
    free(tokenizer);
    return 0;
}

static int remove_corpus(void **state)
{
    (void)state;
    OK(base_remove_tree(directory));
    free(corpus);
    return 0;
}

/* A model small enough for a test, with dropout. */
static char *write_config(void)
{
    const char text[] = "{\"vocab_size\": 200, \"hidden_size\": 32, \"num_hidden_layers\": 2, "
                        "\"num_attention_heads\": 2, \"intermediate_size\": 64, "
                        "\"max_position_embeddings\": 64}\n";
    char *path = in_directory("config.json");
    OK(base_file_write(path, text, sizeof text - 1));
    return path;
}

static struct clb_training_options options_for(const char *output, const char *model)
{
    struct clb_training_options o = clb_training_defaults();
    o.data = (const char *const *)&corpus;
    o.data_count = 1;
    o.output_dir = output;
    o.model = model;
    o.device = "cpu";
    o.max_steps = 12;
    o.per_device_train_batch_size = 4;
    o.gradient_accumulation_steps = 2;
    o.max_seq_length = 48;
    o.learning_rate = 1e-3f;
    o.logging_steps = 5;
    o.eval_steps = 6;
    o.eval_samples = 8;
    o.save_steps = 4;
    return o;
}

static void assert_same_file(const char *one, const char *other, const char *name)
{
    char *a, *b, *a_path = base_format("%s/%s", one, name),
                 *b_path = base_format("%s/%s", other, name);
    size_t a_size, b_size;
    OK(base_file_read(a_path, "file", 1 << 30, &a, &a_size));
    OK(base_file_read(b_path, "file", 1 << 30, &b, &b_size));
    assert_int_equal(a_size, b_size);
    assert_memory_equal(a, b, a_size);
    free(a);
    free(b);
    free(a_path);
    free(b_path);
}

/* metrics.jsonl without what depends on the clock. */
static char *metrics_of(const char *run)
{
    char *path = base_format("%s/metrics.jsonl", run), *text, *kept;
    size_t size;
    OK(base_file_read(path, "metrics", 1 << 20, &text, &size));
    kept = calloc(1, size + 1);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        char *rate = strstr(line, ", \"tokens_per_second\"");
        if (rate) *rate = 0;
        strcat(kept, line);
        strcat(kept, "\n");
    }
    free(path);
    free(text);
    return kept;
}

static void assert_same_run(const char *one, const char *other)
{
    char *a = metrics_of(one), *b = metrics_of(other);
    assert_string_equal(a, b);
    assert_same_file(one, other, "model.safetensors");
    free(a);
    free(b);
}

static void test_resume_has_the_same_bits(void **state)
{
    (void)state;
    char *config = write_config(), *whole = in_directory("whole"), *cut = in_directory("cut");
    volatile sig_atomic_t stop = 1; /* as if the signal came in the first step */
    struct clb_training_options o = options_for(whole, config);
    OK(clb_pretrain(&o));
    o.output_dir = cut;
    o.stop = &stop;
    assert_int_equal(clb_pretrain(&o), CLB_ERROR_INTERRUPTED);
    o.resume_from_checkpoint = "auto";
    for (int i = 0; i < 3; i++) assert_int_equal(clb_pretrain(&o), CLB_ERROR_INTERRUPTED);
    stop = 0;
    OK(clb_pretrain(&o));
    assert_same_run(whole, cut);
    assert_same_file(whole, cut, "checkpoint-12/optimizer.safetensors");
    free(config);
    free(whole);
    free(cut);
}

static void test_threads_have_the_same_bits(void **state)
{
    (void)state;
    char *config = write_config(), *one = in_directory("one"), *three = in_directory("three");
    struct clb_training_options o = options_for(one, config);
    o.threads = 1;
    OK(clb_pretrain(&o));
    o.threads = 3;
    o.output_dir = three;
    OK(clb_pretrain(&o));
    assert_same_run(one, three);
    free(config);
    free(one);
    free(three);
}

static void test_save_total_limit(void **state)
{
    (void)state;
    char *config = write_config(), *run = in_directory("limit");
    char *old = in_directory("limit/checkpoint-4"), *kept = in_directory("limit/checkpoint-12");
    struct clb_training_options o = options_for(run, config);
    o.save_total_limit = 1;
    OK(clb_pretrain(&o));
    assert_false(base_exists(old));
    assert_true(base_exists(kept));
    free(config);
    free(run);
    free(old);
    free(kept);
}

static void assert_refused(const struct clb_training_options *o, enum clb_status expected,
                           const char *word)
{
    assert_int_equal(clb_pretrain(o), expected);
    if (strstr(clb_error_message(), word)) return;
    print_error("\"%s\" does not mention \"%s\"\n", clb_error_message(), word);
    fail();
}

static void test_bad_input(void **state)
{
    (void)state;
    char *config = write_config(), *run = in_directory("bad"), *text = in_directory("text.txt");
    struct clb_training_options good = options_for(run, config), o = good;
    o.max_seq_length = 65;
    assert_refused(&o, CLB_ERROR_ARGUMENT, "max_position_embeddings");
    o = good;
    const char *foreign = directory;
    o.data = &foreign;
    assert_refused(&o, CLB_ERROR_IO, "corpus.json");
    o = good;
    o.device = "no such device";
    assert_refused(&o, CLB_ERROR_ARGUMENT, "cpu");
    o = good;
    o.model = "huge";
    assert_refused(&o, CLB_ERROR_ARGUMENT, "tiny");
    o = good;
    o.output_dir = text;
    assert_refused(&o, CLB_ERROR_IO, "text.txt");
    o = good;
    OK(clb_pretrain(&o));
    assert_refused(&o, CLB_ERROR_ARGUMENT, "--overwrite");
    o.resume_from_checkpoint = "auto";
    o.max_seq_length = 32;
    assert_refused(&o, CLB_ERROR_ARGUMENT, "max_seq_length");
    o = good;
    o.overwrite = true;
    OK(clb_pretrain(&o));
    free(config);
    free(run);
    free(text);
}

static void test_not_finite(void **state)
{
    (void)state;
    char *config = write_config(), *run = in_directory("infinite");
    char *model = in_directory("infinite/model.safetensors");
    struct clb_training_options o = options_for(run, config);
    o.learning_rate = 1e38f;
    o.warmup_steps = 0;
    assert_refused(&o, CLB_ERROR_NUMERIC, "step ");
    assert_false(base_exists(model));
    free(config);
    free(run);
    free(model);
}

static void test_learning_rate(void **state)
{
    (void)state;
    assert_true(fabs(clb_learning_rate(1.0, 10, 100, 0) - 0.1) < 1e-12);
    assert_true(fabs(clb_learning_rate(1.0, 10, 100, 9) - 1.0) < 1e-12);
    assert_true(fabs(clb_learning_rate(1.0, 10, 100, 10) - 1.0) < 1e-12);
    assert_true(fabs(clb_learning_rate(1.0, 10, 100, 55) - 0.5) < 1e-12);
    assert_true(clb_learning_rate(1.0, 10, 100, 100) == 0.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_learning_rate),
        cmocka_unit_test(test_resume_has_the_same_bits),
        cmocka_unit_test(test_threads_have_the_same_bits),
        cmocka_unit_test(test_save_total_limit),
        cmocka_unit_test(test_bad_input),
        cmocka_unit_test(test_not_finite),
    };
    return cmocka_run_group_tests(tests, make_corpus, remove_corpus);
}
