/* SPDX-License-Identifier: Apache-2.0 */
/* The training loop: the same bits after an interruption, for any number of threads, and what it
 * says of bad input. */
#include "base/files.h"
#include "base/json.h"
#include "support_devices.h"
#include "support_run.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

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
    run_assert_same_file(one, other, "model.safetensors");
    free(a);
    free(b);
}

/* Runs named `one` and `other`, the second stopped and gone on with three times. */
static void check_resume(struct clb_training_options o, const char *one, const char *other)
{
    char *whole = run_path(one), *cut = run_path(other);
    volatile sig_atomic_t stop = 1; /* as if the signal came in the first step */
    o.output_dir = whole;
    OK(clb_pretrain(&o, NULL));
    o.output_dir = cut;
    o.stop = &stop;
    assert_int_equal(clb_pretrain(&o, NULL), CLB_ERROR_INTERRUPTED);
    o.resume_from_checkpoint = "auto";
    for (int i = 0; i < 3; i++) assert_int_equal(clb_pretrain(&o, NULL), CLB_ERROR_INTERRUPTED);
    stop = 0;
    OK(clb_pretrain(&o, NULL));
    assert_same_run(whole, cut);
    run_assert_same_file(whole, cut, "checkpoint-12/optimizer.safetensors");
    free(whole);
    free(cut);
}

static void test_resume_has_the_same_bits(void **state)
{
    (void)state;
    char *config = run_config();
    check_resume(run_options(NULL, config), "whole", "cut");
    free(config);
}

/* Full sequences, spans, a share of masked tokens that changes, another dropout. */
static void test_resume_of_variants(void **state)
{
    (void)state;
    char *config = run_config(), *path = run_path("whole-variants/checkpoint-12");
    struct clb_training_options o = run_options(NULL, config);
    struct clb_config made;
    o.no_nsp = o.span_mask = true;
    o.mlm_probability = 0.3f;
    o.mlm_probability_last = 0.15f;
    o.dropout = 0.25f;
    check_resume(o, "whole-variants", "cut-variants");
    OK(clb_model_read_config(path, &made));
    assert_true(made.hidden_dropout_prob == 0.25f && made.attention_probs_dropout_prob == 0.25f);
    assert_int_equal(made.architecture, CLB_BERT_FOR_MASKED_LM);
    free(config);
    free(path);
}

static void test_threads_have_the_same_bits(void **state)
{
    (void)state;
    char *config = run_config(), *one = run_path("one"), *three = run_path("three");
    struct clb_training_options o = run_options(one, config);
    o.threads = 1;
    OK(clb_pretrain(&o, NULL));
    o.threads = 3;
    o.output_dir = three;
    OK(clb_pretrain(&o, NULL));
    assert_same_run(one, three);
    free(config);
    free(one);
    free(three);
}

/* Activations that backward makes anew have the same bits; and need less memory. */
static void test_gradient_checkpointing(void **state)
{
    (void)state;
    char *config = run_config(), *kept = run_path("kept"), *anew = run_path("anew");
    struct clb_training_options o = run_options(kept, config);
    OK(clb_pretrain(&o, NULL));
    o.output_dir = anew;
    o.gradient_checkpointing = true;
    OK(clb_pretrain(&o, NULL));
    assert_same_run(kept, anew);
    run_assert_same_file(kept, anew, "checkpoint-12/optimizer.safetensors");
    free(config);
    free(kept);
    free(anew);
}

static void test_checkpointing_needs_less(void **state)
{
    (void)state;
    struct clb_config config;
    struct clb_device *device;
    struct clb_model_limits limits = {
        .max_sequences = 8, .max_tokens = 4096, .max_masked = 1024, .training = true};
    int64_t bytes[2];
    OK(clb_device_open("cpu", 1, &device));
    OK(clb_config_named("large", 30522, &config));
    for (int i = 0; i < 2; i++) {
        struct clb_model *model;
        limits.gradient_checkpointing = i == 1;
        OK(clb_model_create(device, &config, &limits, &model));
        bytes[i] = clb_model_memory(model).activations;
        clb_model_destroy(model);
    }
    assert_true(4 * bytes[1] < bytes[0]);
    clb_device_close(device);
}

/* What a checkpoint says of the products of its device. */
static char *products_of(const char *checkpoint)
{
    char *path = base_format("%s/run_state.json", checkpoint), *products = NULL;
    json_t *json = NULL;
    OK(base_json_read(path, "state", &json));
    OK(base_json_get_string(json, path, "products", &products));
    assert_non_null(products);
    json_decref(json);
    free(path);
    return products;
}

/* The product that was chosen at the start is that of the whole run, whatever would be chosen now.
 */
static void test_resume_takes_the_same_product(void **state)
{
    (void)state;
    char *config = run_config();
    volatile sig_atomic_t stop = 1;
    for (int i = 0; i < support_device_count(); i++) {
        if (strcmp(support_device(i), "cpu") == 0) continue;
        char *whole = run_path("product-whole"), *cut = run_path("product-cut");
        struct clb_training_options o = run_options(whole, config);
        o.device = support_device(i);
        o.max_steps = 3;
        setenv("CLBERT_GEMM", "clblast", 1);
        OK(clb_pretrain(&o, NULL));
        o.output_dir = cut;
        o.stop = &stop;
        assert_int_equal(clb_pretrain(&o, NULL), CLB_ERROR_INTERRUPTED);
        unsetenv("CLBERT_GEMM");
        o.resume_from_checkpoint = "auto";
        o.stop = NULL;
        OK(clb_pretrain(&o, NULL));
        run_assert_same_file(whole, cut, "model.safetensors");
        char *last = base_format("%s/checkpoint-3", cut), *products = products_of(last);
        assert_non_null(strstr(products, "nt=clblast"));
        free(last);
        free(products);
        OK(base_remove_tree(whole));
        OK(base_remove_tree(cut));
        free(whole);
        free(cut);
    }
    free(config);
}

static void test_save_total_limit(void **state)
{
    (void)state;
    char *config = run_config(), *run = run_path("limit");
    char *old = run_path("limit/checkpoint-4"), *kept = run_path("limit/checkpoint-12");
    struct clb_training_options o = run_options(run, config);
    o.save_total_limit = 1;
    OK(clb_pretrain(&o, NULL));
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
    assert_int_equal(clb_pretrain(o, NULL), expected);
    if (strstr(clb_error_message(), word)) return;
    print_error("\"%s\" does not mention \"%s\"\n", clb_error_message(), word);
    fail();
}

static void test_bad_input(void **state)
{
    (void)state;
    char *config = run_config(), *run = run_path("bad"), *text = run_path("text.txt");
    struct clb_training_options good = run_options(run, config), o = good;
    o.max_seq_length = 65;
    assert_refused(&o, CLB_ERROR_ARGUMENT, "max_position_embeddings");
    o = good;
    const char *foreign = run_directory;
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
    OK(clb_pretrain(&o, NULL));
    assert_refused(&o, CLB_ERROR_ARGUMENT, "--overwrite");
    o.resume_from_checkpoint = "auto";
    o.max_seq_length = 32;
    assert_refused(&o, CLB_ERROR_ARGUMENT, "max_seq_length");
    o = good;
    o.overwrite = true;
    OK(clb_pretrain(&o, NULL));
    free(config);
    free(run);
    free(text);
}

static void test_not_finite(void **state)
{
    (void)state;
    char *config = run_config(), *run = run_path("infinite");
    char *model = run_path("infinite/model.safetensors");
    struct clb_training_options o = run_options(run, config);
    o.learning_rate = 1e38f;
    o.warmup_steps = 0;
    assert_refused(&o, CLB_ERROR_NUMERIC, "step ");
    assert_false(base_exists(model));
    free(config);
    free(run);
    free(model);
}

static void assert_rate(enum clb_schedule_kind kind, int64_t step, double expected)
{
    const struct clb_schedule schedule = {
        .kind = kind, .peak = 1.0, .warmup_steps = 10, .decay_steps = 20, .max_steps = 100};
    assert_true(fabs(clb_learning_rate(&schedule, step) - expected) < 1e-12);
}

static void test_learning_rate(void **state)
{
    (void)state;
    for (int kind = CLB_SCHEDULE_LINEAR; kind <= CLB_SCHEDULE_WARMUP_STABLE_DECAY; kind++) {
        const bool warms_up = kind != CLB_SCHEDULE_CONSTANT;
        assert_rate((enum clb_schedule_kind)kind, 0, warms_up ? 0.1 : 1.0);
        assert_rate((enum clb_schedule_kind)kind, 9, 1.0);
        assert_rate((enum clb_schedule_kind)kind, 10, 1.0);
    }
    assert_rate(CLB_SCHEDULE_LINEAR, 55, 0.5);
    assert_rate(CLB_SCHEDULE_LINEAR, 100, 0.0);
    assert_rate(CLB_SCHEDULE_COSINE, 40, 0.75);
    assert_rate(CLB_SCHEDULE_COSINE, 55, 0.5);
    assert_rate(CLB_SCHEDULE_COSINE, 100, 0.0);
    assert_rate(CLB_SCHEDULE_CONSTANT_WITH_WARMUP, 99, 1.0);
    assert_rate(CLB_SCHEDULE_WARMUP_STABLE_DECAY, 79, 1.0);
    assert_rate(CLB_SCHEDULE_WARMUP_STABLE_DECAY, 90, 0.5);
    assert_rate(CLB_SCHEDULE_WARMUP_STABLE_DECAY, 100, 0.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_learning_rate),
        cmocka_unit_test(test_resume_has_the_same_bits),
        cmocka_unit_test(test_resume_of_variants),
        cmocka_unit_test(test_threads_have_the_same_bits),
        cmocka_unit_test(test_gradient_checkpointing),
        cmocka_unit_test(test_checkpointing_needs_less),
        cmocka_unit_test(test_resume_takes_the_same_product),
        cmocka_unit_test(test_save_total_limit),
        cmocka_unit_test(test_bad_input),
        cmocka_unit_test(test_not_finite),
    };
    return cmocka_run_group_tests(tests, run_make_corpus, run_remove_corpus);
}
