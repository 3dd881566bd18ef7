/* SPDX-License-Identifier: Apache-2.0 */
/* Fine-tuning: every task learns, goes on to the same bits after an interruption and for any number
 * of threads; bad examples are refused by file and line. */
#include "base/files.h"
#include "base/json.h"
#include "predict/task_model.h"
#include "support_devices.h"
#include "support_run.h"

#include <clbert/fine_tune.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *model_directory; /* a pretrained one */

static char *write_examples(const char *name, const char *text)
{
    char *path = run_path(name);
    OK(base_file_write(path, text, strlen(text)));
    return path;
}

/* ---- the tasks' examples: what is to be learned is one word of each text ---- */

static const char *const persons[] = {"Budi", "Siti", "Ani", "Rudi"};
static const char *const things[] = {"nasi", "buah", "ikan", "soto"};

static void write_classes(FILE *out)
{
    fprintf(out, "text\tlabel\n");
    for (int i = 0; i < 32; i++)
        fprintf(out, "%s membeli %s.\t%s\n", persons[i % 4], things[i / 4 % 4],
                i / 4 % 2 ? "segar" : "matang");
}

static void write_pairs(FILE *out)
{
    fprintf(out, "text_a,text_b,label\n");
    for (int i = 0; i < 32; i++)
        fprintf(out, "%s membeli %s.,\"%s, ya?\",%d\n", persons[i % 4], things[i / 4 % 4],
                things[i % 4], i % 2);
}

static void write_several(FILE *out)
{
    for (int i = 0; i < 32; i++)
        fprintf(out, "{\"text\": \"%s membeli %s.\", \"labels\": [%s%s%s]}\n", persons[i % 4],
                things[i / 4 % 4], i % 4 < 2 ? "\"orang\"" : "",
                i % 4 < 2 && i / 4 % 4 < 2 ? ", " : "", i / 4 % 4 < 2 ? "\"makanan\"" : "");
}

static void write_numbers(FILE *out)
{
    fprintf(out, "text\tlabel\n");
    for (int i = 0; i < 32; i++)
        fprintf(out, "%s membeli %s.\t%.2f\n", persons[i % 4], things[i / 4 % 4], i / 4 % 4 * 0.5);
}

static void write_tags(FILE *out)
{
    for (int i = 0; i < 32; i++)
        fprintf(out, "%s\tB-PER\nmembeli\tO\n%s\tB-BRG\n.\tO\n\n", persons[i % 4],
                things[i / 4 % 4]);
}

static void write_questions(FILE *out)
{
    fprintf(out, "{\"version\": \"1\", \"data\": [{\"title\": \"\", \"paragraphs\": [\n");
    for (int i = 0; i < 32; i++)
        fprintf(out,
                "%s{\"context\": \"%s membeli %s.\", \"qas\": [{\"id\": \"%d\", \"question\": "
                "\"Siapa?\", \"answers\": [{\"text\": \"%s\", \"answer_start\": 0}]}]}\n",
                i ? "," : "", persons[i % 4], things[i / 4 % 4], i, persons[i % 4]);
    fprintf(out, "]}]}\n");
}

static const struct case_of_task {
    const char *file;
    enum clb_task task;
    void (*write)(FILE *out);
    const char *figure; /* that learning brings to `least` (or, of an error, below it) */
    double least;
} cases[] = {
    {"classes.tsv", CLB_TASK_CLASSIFICATION, write_classes, "eval_accuracy", 0.99},
    {"pairs.csv", CLB_TASK_CLASSIFICATION, write_pairs, "eval_accuracy", 0.99},
    {"several.jsonl", CLB_TASK_MULTI_LABEL_CLASSIFICATION, write_several, "eval_f1_micro", 0.95},
    {"numbers.tsv", CLB_TASK_REGRESSION, write_numbers, "eval_mse", 0.05},
    {"tags.conll", CLB_TASK_TOKEN_CLASSIFICATION, write_tags, "eval_f1", 0.99},
    {"questions.json", CLB_TASK_QUESTION_ANSWERING, write_questions, "eval_exact_match", 99},
};
enum { CASES = sizeof cases / sizeof *cases };

static char *write_case(const struct case_of_task *c)
{
    char *path = run_path(c->file);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    c->write(out);
    assert_int_equal(fclose(out), 0);
    return path;
}

static struct clb_fine_tune_options options_of(const struct case_of_task *c, char *const *path,
                                               const char *output)
{
    struct clb_fine_tune_options o = clb_fine_tune_defaults();
    o.training.model = model_directory;
    o.training.device = "cpu";
    o.training.output_dir = output;
    o.training.learning_rate = 3e-3f;
    o.training.per_device_train_batch_size = 8;
    o.training.seed = 5;
    o.training.num_train_epochs = 40;
    o.task = c->task;
    o.train.paths = (const char *const *)path;
    o.train.count = 1;
    o.validation = o.train;
    o.training.dropout = 0.1f;
    return o;
}

static double figure_of(const struct clb_fine_tune_report *report, const char *name)
{
    json_t *figures = json_loads(report->figures, 0, NULL);
    const json_t *figure = json_object_get(figures, name);
    assert_true(json_is_number(figure));
    const double value = json_number_value(figure);
    json_decref(figures);
    return value;
}

/* ---- tests ---- */

static int make_model(void **state)
{
    run_make_corpus(state);
    char *config = run_config();
    model_directory = run_path("model");
    struct clb_training_options o = run_options(model_directory, config);
    OK(clb_pretrain(&o, NULL));
    free(config);
    return 0;
}

static int remove_model(void **state)
{
    free(model_directory);
    return run_remove_corpus(state);
}

static void test_every_task_learns(void **state)
{
    (void)state;
    for (int i = 0; i < CASES; i++) {
        char *path = write_case(&cases[i]), *output = run_path("learns");
        struct clb_fine_tune_options o = options_of(&cases[i], &path, output);
        struct clb_fine_tune_report report = {0};
        o.training.overwrite = true;
        OK(clb_fine_tune(&o, &report));
        const double figure = figure_of(&report, cases[i].figure);
        if (cases[i].task == CLB_TASK_REGRESSION)
            assert_true(figure < cases[i].least);
        else
            assert_true(figure > cases[i].least);
        clb_fine_tune_report_free(&report);
        free(path);
        free(output);
    }
}

static void run_to(const struct case_of_task *c, char *const *path, const char *output, int threads)
{
    struct clb_fine_tune_options o = options_of(c, path, output);
    o.training.max_steps = 10;
    o.training.threads = threads;
    o.training.save_steps = 3;
    OK(clb_fine_tune(&o, NULL));
}

static void interrupted_run_to(const struct case_of_task *c, char *const *path, const char *output)
{
    struct clb_fine_tune_options o = options_of(c, path, output);
    volatile sig_atomic_t stop = 1;
    o.training.max_steps = 10;
    o.training.save_steps = 3;
    o.training.stop = &stop;
    assert_int_equal(clb_fine_tune(&o, NULL), CLB_ERROR_INTERRUPTED);
    o.training.resume_from_checkpoint = "auto";
    for (int i = 0; i < 3; i++) assert_int_equal(clb_fine_tune(&o, NULL), CLB_ERROR_INTERRUPTED);
    stop = 0;
    OK(clb_fine_tune(&o, NULL));
}

static void test_resume_and_threads_have_the_same_bits(void **state)
{
    (void)state;
    for (int i = 0; i < CASES; i++) {
        char *path = write_case(&cases[i]), *whole = base_format("%s/whole-%d", run_directory, i);
        char *cut = base_format("%s/cut-%d", run_directory, i);
        char *three = base_format("%s/three-%d", run_directory, i);
        run_to(&cases[i], &path, whole, 1);
        interrupted_run_to(&cases[i], &path, cut);
        run_to(&cases[i], &path, three, 3);
        run_assert_same_file(whole, cut, "model.safetensors");
        run_assert_same_file(whole, three, "model.safetensors");
        run_assert_same_file(whole, cut, "eval_results.json");
        run_assert_same_file(whole, cut, "checkpoint-10/optimizer.safetensors");
        free(path);
        free(whole);
        free(cut);
        free(three);
    }
}

/* A frozen part keeps its weights; the head does not. */
static void test_frozen_layers(void **state)
{
    (void)state;
    char *path = write_case(&cases[0]), *output = run_path("frozen");
    struct clb_fine_tune_options o = options_of(&cases[0], &path, output);
    struct clb_fine_tune_report report = {0};
    o.frozen_layers = 4; /* one more than there is */
    o.training.max_steps = 2;
    assert_int_equal(clb_fine_tune(&o, &report), CLB_ERROR_ARGUMENT);
    o.frozen_layers = 3;
    OK(clb_fine_tune(&o, &report));
    clb_fine_tune_report_free(&report);
    free(path);
    free(output);
}

/* A step that is no better ends the run when patience does; the best one's weights are kept. */
static void test_early_stopping(void **state)
{
    (void)state;
    char *path = write_case(&cases[0]), *output = run_path("early");
    struct clb_fine_tune_options o = options_of(&cases[0], &path, output);
    struct clb_fine_tune_report report = {0};
    o.training.eval_steps = 4;
    o.training.max_steps = 400;
    o.early_stopping_patience = 2;
    o.metric_for_best_model = "accuracy";
    OK(clb_fine_tune(&o, &report));
    assert_true(report.training.global_step < 400);
    assert_int_equal(report.training.global_step, report.best_step + 8);
    const int64_t end = report.training.global_step, best = report.best_step;
    clb_fine_tune_report_free(&report);
    o.training.resume_from_checkpoint = "auto"; /* it has ended */
    OK(clb_fine_tune(&o, &report));
    assert_int_equal(report.training.global_step, end);
    assert_int_equal(report.best_step, best);
    clb_fine_tune_report_free(&report);
    free(path);
    free(output);
}

/* Epochs are counted in batches, of which the last of each may be smaller. */
static void test_epochs(void **state)
{
    (void)state;
    char *path = write_case(&cases[0]), *output = run_path("epochs");
    struct clb_fine_tune_options o = options_of(&cases[0], &path, output);
    struct clb_fine_tune_report report = {0};
    o.training.num_train_epochs = 2;
    o.training.per_device_train_batch_size = 9; /* 4 batches of 32 examples */
    o.training.gradient_accumulation_steps = 3; /* 8 / 3 steps */
    OK(clb_fine_tune(&o, &report));
    assert_int_equal(report.training.global_step, 3);
    clb_fine_tune_report_free(&report);
    free(path);
    free(output);
}

static void test_seeds(void **state)
{
    (void)state;
    char *path = write_case(&cases[0]), *output = run_path("seeds");
    struct clb_fine_tune_options o = options_of(&cases[0], &path, output);
    struct clb_fine_tune_report report = {0};
    const uint64_t seeds[] = {1, 2};
    o.training.max_steps = 4;
    OK(clb_fine_tune_seeds(&o, seeds, 2, &report));
    assert_true(figure_of(&report, "eval_loss") > 0);
    assert_true(figure_of(&report, "eval_loss_std") > 0);
    clb_fine_tune_report_free(&report);
    free(path);
    free(output);
}

static void test_bad_examples(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
        enum clb_task task;
        const char *words;
    } bad[] = {
        {"few.tsv", "text\tlabel\nsatu\ta\ndua\n", CLB_TASK_CLASSIFICATION, "few.tsv:3"},
        {"column.csv", "kalimat,label\nsatu,a\n", CLB_TASK_CLASSIFICATION, "kalimat, label"},
        {"empty.tsv", "", CLB_TASK_CLASSIFICATION, "empty.tsv"},
        {"number.tsv", "text\tlabel\nsatu\t1\ndua\tbagus\n", CLB_TASK_REGRESSION, "number.tsv:3"},
        {"same.tsv", "text\tlabel\nsatu\ta\ndua\ta\n", CLB_TASK_CLASSIFICATION, "same label"},
        {"lists.jsonl", "{\"tokens\": [\"a\", \"b\"], \"tags\": [\"O\"]}\n",
         CLB_TASK_TOKEN_CLASSIFICATION, "lists.jsonl:1: has 2 tokens and 1 tags"},
        {"away.jsonl",
         "{\"question\": \"q\", \"context\": \"Budi makan.\", \"answers\": [{\"text\": \"Siti\", "
         "\"answer_start\": 0}]}\n",
         CLB_TASK_QUESTION_ANSWERING, "does not stand at character 0"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char *path = write_examples(bad[i].name, bad[i].text), *output = run_path("bad");
        const struct case_of_task c = {.task = bad[i].task};
        struct clb_fine_tune_options o = options_of(&c, &path, output);
        o.validation.count = 0;
        assert_int_not_equal(clb_fine_tune(&o, NULL), CLB_OK);
        if (!strstr(clb_error_message(), bad[i].words))
            fail_msg("%s: \"%s\" lacks \"%s\"", bad[i].name, clb_error_message(), bad[i].words);
        assert_false(base_exists(output));
        free(path);
        free(output);
    }
}

static void test_unknown_labels(void **state)
{
    (void)state;
    char *train = write_examples("known.tsv", "text\tlabel\nsatu\ta\ndua\tb\n");
    char *other = write_examples("unknown.tsv", "text\tlabel\nsatu\ta\ndua\tc\ntiga\tc\n");
    char *output = run_path("unknown");
    struct clb_fine_tune_options o = options_of(&cases[0], &train, output);
    o.validation.paths = (const char *const *)&other;
    assert_int_equal(clb_fine_tune(&o, NULL), CLB_ERROR_ARGUMENT);
    assert_non_null(strstr(clb_error_message(), "\"c\" (2)"));
    free(train);
    free(other);
    free(output);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_task_learns),
        cmocka_unit_test(test_resume_and_threads_have_the_same_bits),
        cmocka_unit_test(test_frozen_layers),
        cmocka_unit_test(test_early_stopping),
        cmocka_unit_test(test_epochs),
        cmocka_unit_test(test_seeds),
        cmocka_unit_test(test_bad_examples),
        cmocka_unit_test(test_unknown_labels),
    };
    return cmocka_run_group_tests(tests, make_model, remove_model);
}
