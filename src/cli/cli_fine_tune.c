/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "cli/cli_examples.h"
#include "cli/cli_training.h"

#include <clbert/fine_tune.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct cli_usage usage = {
    .name = "fine-tune",
    .arguments = "--model DIR --task T --train FILE... --output-dir RUN [OPTION...]",
    .summary =
        "A pretrained model learns a task: classification (of a text or a pair of texts),\n"
        "multi-label-classification, regression, token-classification or question-answering.\n"
        "FILE is TSV, CSV or JSON Lines with the columns text, or text_a and text_b, and label\n"
        "(labels: several); token<TAB>tag a line (CoNLL); or SQuAD's JSON. RUN becomes a Hugging\n"
        "Face model directory with the weights of the best evaluation. Ctrl-C finishes the step\n"
        "and saves; --resume-from-checkpoint auto goes on. --seeds 1,2,3 trains once for each, in\n"
        "RUN/seed-1, ..., and tells mean and deviation.",
    .examples =
        "clbert fine-tune --model run --task classification --train train.tsv --validation dev.tsv "
        "--output-dir task\n"
        "clbert fine-tune --model run --task token-classification --train ner.conll "
        "--validation-fraction 0.1 --output-dir ner",
};

struct arguments {
    struct clb_fine_tune_options o;
    struct cli_training training;
    struct cli_examples examples;
    char **train, **validation, **test;
    char *task, *class_weights, *metric, *seeds;
    int from_scratch;
};

enum { OWN_OPTIONS = 16, MOST_SEEDS = 64 };

static void make_options(struct arguments *a, struct poptOption *table)
{
    struct clb_fine_tune_options *o = &a->o;
    const struct poptOption own[OWN_OPTIONS] = {
        {"task", 0, POPT_ARG_STRING, &a->task, 0, "what to learn", "T"},
        {"train", 0, POPT_ARG_ARGV, &a->train, 0, "examples to learn from", "FILE"},
        {"validation", 0, POPT_ARG_ARGV, &a->validation, 0, "examples to choose the best step by",
         "FILE"},
        {"validation-fraction", 0, POPT_ARG_FLOAT, &o->validation_fraction, 0,
         "instead: so many of the others", "X"},
        {"test", 0, POPT_ARG_ARGV, &a->test, 0, "examples for the best model at the end", "FILE"},
        {"from-scratch", 0, POPT_ARG_NONE, &a->from_scratch, 0,
         "the model's shape and vocabulary, but none of its weights", NULL},
        {"max-length-quantile", 0, POPT_ARG_FLOAT, &o->max_length_quantile, 0,
         "--max-seq-length so that so many examples are whole (1)", "X"},
        {"doc-stride", 0, POPT_ARG_INT, &o->doc_stride, 0,
         "tokens that stretches of a long context share (128, at most half)", "N"},
        {"max-answer-length", 0, POPT_ARG_INT, &o->max_answer_length, 0, "tokens (30)", "N"},
        {"label-smoothing", 0, POPT_ARG_FLOAT, &o->label_smoothing, 0, "(0)", "X"},
        {"class-weights", 0, POPT_ARG_STRING, &a->class_weights, 0,
         "balanced, or NAME=X,NAME=X of the loss", "W"},
        {"layer-decay", 0, POPT_ARG_FLOAT, &o->layer_decay, 0,
         "a layer's learning rate by that of the one above (1)", "X"},
        {"freeze-layers", 0, POPT_ARG_INT, &o->frozen_layers, 0,
         "1: embeddings stay as they are; 1 + N: N blocks, too", "N"},
        {"metric-for-best-model", 0, POPT_ARG_STRING, &a->metric, 0,
         "accuracy, f1, loss, ...: by the task", "NAME"},
        {"early-stopping-patience", 0, POPT_ARG_INT, &o->early_stopping_patience, 0,
         "end after so many evaluations without a better one", "N"},
        {"seeds", 0, POPT_ARG_STRING, &a->seeds, 0, "several runs", "N,N"},
    };
    const struct cli_training_words words = {
        .model = "directory of the pretrained model, with its tokenizer",
        .max_steps = "updates (by --num-train-epochs)",
        .num_train_epochs = "times that the examples are shown (3)",
        .max_seq_length = "tokens a sequence at most (the longest example, of questions 384)",
        .learning_rate = "peak (2e-5)",
        .adam_epsilon = "(1e-8)",
        .eval_steps = "held-out figures every N steps (once an epoch)",
        .save_steps = "a checkpoint every N steps (once an epoch)",
        .json = "the figures at the end as JSON",
    };
    memcpy(table, own, sizeof own);
    table += OWN_OPTIONS;
    cli_training_options(&a->training, &o->training, &words, &table);
    cli_examples_options(&a->examples, &table);
    *table = (struct poptOption)POPT_TABLEEND;
}

static void take_paths(char *const *paths, struct clb_examples *examples)
{
    examples->paths = (const char *const *)paths;
    examples->count = 0;
    while (paths && paths[examples->count]) examples->count++;
}

static enum clb_status fill_options(struct arguments *a, int argc, const char **argv)
{
    struct clb_fine_tune_options *o = &a->o;
    enum clb_status status;
    CLB_TRY(cli_training_take(&a->training, argc, argv));
    CLB_TRY(clb_task_named(a->task, &o->task));
    CLB_TRY(cli_examples_take(&a->examples, &o->train));
    o->validation = o->test = o->train;
    take_paths(a->train, &o->train);
    take_paths(a->validation, &o->validation);
    take_paths(a->test, &o->test);
    o->from_scratch = a->from_scratch;
    o->class_weights = a->class_weights;
    o->metric_for_best_model = a->metric;
cleanup:
    return status;
}

/* ---- several seeds ---- */

static enum clb_status read_seeds(const char *list, uint64_t seeds[MOST_SEEDS], int *count)
{
    *count = 0;
    for (const char *at = list; *at;) {
        char *end;
        const unsigned long long seed = strtoull(at, &end, 10);
        if (end == at || (*end && *end != ',') || *count == MOST_SEEDS)
            return clb_fail(CLB_ERROR_ARGUMENT, "--seeds %s: should be like 1,2,3, at most %d",
                            list, MOST_SEEDS);
        seeds[(*count)++] = seed;
        at = end + (*end == ',');
    }
    return *count > 0 ? CLB_OK : clb_fail(CLB_ERROR_ARGUMENT, "--seeds: names no seed");
}

static void print_figures(const char *figures, bool as_json)
{
    json_t *json = as_json ? NULL : json_loads(figures, 0, NULL);
    const char *key;
    json_t *figure;
    if (as_json) puts(figures);
    json_object_foreach(json, key, figure)
    {
        if (json_is_number(figure)) printf("%-28s %.4f\n", key, json_number_value(figure));
    }
    json_decref(json);
}

static enum clb_status run(struct arguments *a)
{
    struct clb_fine_tune_report report = {0};
    uint64_t seeds[MOST_SEEDS];
    int count = 0;
    enum clb_status status;
    if (a->seeds) {
        CLB_TRY(read_seeds(a->seeds, seeds, &count));
        CLB_TRY(clb_fine_tune_seeds(&a->o, seeds, count, &report));
    } else {
        CLB_TRY(clb_fine_tune(&a->o, &report));
    }
    if (a->o.training.dry_run)
        fputs(report.training.plan, stdout);
    else
        print_figures(report.figures, a->training.json);
cleanup:
    clb_fine_tune_report_free(&report);
    return status;
}

static void free_arguments(struct arguments *a)
{
    cli_training_free(&a->training);
    cli_examples_free(&a->examples);
    cli_free_strings(a->train);
    cli_free_strings(a->validation);
    cli_free_strings(a->test);
    free(a->task);
    free(a->class_weights);
    free(a->metric);
    free(a->seeds);
}

enum clb_status command_fine_tune(int argc, const char **argv)
{
    struct arguments a = {.o = clb_fine_tune_defaults()};
    struct poptOption options[OWN_OPTIONS + CLI_TRAINING_OPTIONS + CLI_EXAMPLES_OPTIONS + 1];
    poptContext context = NULL;
    const char **rest;
    int rest_count;
    bool help = false;
    enum clb_status status;
    make_options(&a, options);
    CLB_TRY(cli_parse(&usage, options, argc, argv, &context, &rest, &rest_count, &help));
    if (help) goto cleanup;
    CLB_TRY(cli_no_arguments(&usage, rest, rest_count));
    CLB_TRY(cli_require(&usage, a.training.model, "--model DIR"));
    CLB_TRY(cli_require(&usage, a.task, "--task T"));
    CLB_TRY(cli_require(&usage, a.train, "--train FILE"));
    CLB_TRY(cli_require(&usage, a.training.output_dir, "--output-dir RUN"));
    CLB_TRY(fill_options(&a, argc, argv));
    CLB_TRY(run(&a));
cleanup:
    poptFreeContext(context);
    free_arguments(&a);
    return status;
}
