/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/json.h"
#include "cli/cli_training.h"
#include "train/loss_figures.h"

#include <clbert/train.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct cli_usage usage = {
    .name = "pretrain",
    .arguments = "--data CORPUS... --output-dir RUN [OPTION...]",
    .summary =
        "Trains BERT by masked language modelling and next sentence prediction. RUN becomes a\n"
        "Hugging Face model directory, with RUN/checkpoint-STEP on the way and RUN/metrics.jsonl.\n"
        "Ctrl-C finishes the step and saves; the same command with --resume-from-checkpoint auto\n"
        "goes on, to the same bits as if it had never stopped. Of several corpora, A:0.7 B:0.3\n"
        "takes seven tenths of the examples from A; without weights each counts by its size. The\n"
        "losses at the end go to standard output, where that is not a terminal.",
    .examples = "clbert pretrain --data corpus --output-dir run --model mini --max-steps 2000\n"
                "clbert pretrain --data wiki:0.7 news:0.3 --output-dir run",
};

struct arguments {
    struct clb_training_options o;
    struct cli_training training;
    char **data, *mlm_probability;
    long long eval_samples;
    int whole_word_mask, span_mask, no_nsp;
};

enum { OWN_OPTIONS = 7 };

static void make_options(struct arguments *a, struct poptOption *table)
{
    struct clb_training_options *o = &a->o;
    const struct poptOption own[OWN_OPTIONS] = {
        {"data", 0, POPT_ARG_ARGV, &a->data, 0, "corpus from clbert prepare", "CORPUS"},
        {"mlm-probability", 0, POPT_ARG_STRING, &a->mlm_probability, 0,
         "share of tokens (0.15); FIRST:LAST: linearly, from the first step to the last", "X"},
        {"whole-word-mask", 0, POPT_ARG_NONE, &a->whole_word_mask, 0, "mask all pieces of a word",
         NULL},
        {"span-mask", 0, POPT_ARG_NONE, &a->span_mask, 0,
         "mask spans of whole words, 1 to 10, as SpanBERT", NULL},
        {"no-nsp", 0, POPT_ARG_NONE, &a->no_nsp, 0,
         "masked language model alone (BertForMaskedLM), on sequences filled with consecutive "
         "sentences",
         NULL},
        {"short-seq-probability", 0, POPT_ARG_FLOAT, &o->short_seq_probability, 0,
         "share of shorter sequences (0.1, with --no-nsp 0)", "X"},
        {"eval-samples", 0, POPT_ARG_LONGLONG, &a->eval_samples, 0,
         "held-out pairs (640), 0: each once", "N"},
    };
    const struct cli_training_words words = {
        .model = "tiny, mini (default), small, medium, base, large, a config.json, or a model's "
                 "directory to go on from",
        .max_steps = "updates (1000)",
        .num_train_epochs = "instead: times that the corpus is shown",
        .max_seq_length = "tokens a sequence at most (128)",
        .learning_rate = "peak (1e-4)",
        .adam_epsilon = "(1e-6)",
        .eval_steps = "held-out losses every N steps (500)",
        .save_steps = "a checkpoint every N steps (500)",
        .json = "the losses at the end as JSON",
    };
    memcpy(table, own, sizeof own);
    table += OWN_OPTIONS;
    cli_training_options(&a->training, o, &words, &table);
    *table = (struct poptOption)POPT_TABLEEND;
    a->eval_samples = o->eval_samples;
}

static enum clb_status fill_options(struct arguments *a, int argc, const char **argv)
{
    struct clb_training_options *o = &a->o;
    const enum clb_status status = cli_training_take(&a->training, argc, argv);
    if (status != CLB_OK) return status;
    o->eval_samples = a->eval_samples;
    o->whole_word_mask = a->whole_word_mask;
    o->span_mask = a->span_mask;
    o->no_nsp = a->no_nsp;
    if (o->no_nsp && !cli_given("short-seq-probability")) o->short_seq_probability = 0.0f;
    return cli_mlm_probability(a->mlm_probability, &o->mlm_probability, &o->mlm_probability_last);
}

/* ---- results ---- */

static int set_losses(json_t *json, const char *prefix, const struct clb_losses *losses)
{
    int failed = 0;
    for (int i = 0; i < losses->count; i++)
        for (int figure = 0; figure < TRAIN_FIGURES; figure++)
            failed |= train_set_figure(json, prefix, &losses->loss[i], (enum train_figure)figure);
    return failed;
}

static enum clb_status print_json(const struct clb_training_options *o,
                                  const struct clb_training_report *r)
{
    json_t *json = json_pack("{s:s, s:I, s:I, s:o}", "output_dir", o->output_dir, "global_step",
                             (json_int_t)r->global_step, "tokens", (json_int_t)r->tokens, "seconds",
                             base_json_number(r->seconds));
    enum clb_status status = CLB_OK;
    if (!json || set_losses(json, "", &r->last.losses) ||
        set_losses(json, "eval_", &r->held_out.losses))
        status = clb_fail(CLB_ERROR_MEMORY, "out of memory");
    if (status == CLB_OK) status = base_json_print(json);
    json_decref(json);
    return status;
}

static void print_losses(const char *what, const struct clb_evaluation *e)
{
    char losses[160];
    if (e->examples == 0) return;
    train_format_losses(&e->losses, true, losses, sizeof losses);
    printf("%s: %s\n", what, losses);
}

static enum clb_status print_report(const struct arguments *a, const struct clb_training_report *r)
{
    if (a->training.dry_run) {
        fputs(r->plan, stdout);
        return CLB_OK;
    }
    if (a->training.json) return print_json(&a->o, r);
    if (isatty(STDOUT_FILENO)) return CLB_OK; /* the log has said it all */
    printf("step %" PRId64 " of %" PRId64 ": %s\n", r->global_step, a->o.max_steps,
           a->o.output_dir);
    print_losses("training", &r->last);
    print_losses("held out", &r->held_out);
    return CLB_OK;
}

static void free_arguments(struct arguments *a)
{
    cli_training_free(&a->training);
    cli_free_strings(a->data);
    free(a->mlm_probability);
}

enum clb_status command_pretrain(int argc, const char **argv)
{
    struct arguments a = {.o = clb_training_defaults()};
    struct clb_training_options *o = &a.o;
    struct clb_training_report report = {0};
    struct poptOption options[OWN_OPTIONS + CLI_TRAINING_OPTIONS + 1];
    poptContext context = NULL;
    const char **rest, **corpora = NULL;
    int rest_count;
    bool help = false;
    enum clb_status status;
    make_options(&a, options);
    CLB_TRY(cli_parse(&usage, options, argc, argv, &context, &rest, &rest_count, &help));
    if (help) goto cleanup;
    CLB_TRY(cli_require(&usage, a.data, "--data CORPUS"));
    CLB_TRY(cli_corpora(a.data, rest, rest_count, &corpora, &o->data_count));
    o->data = corpora;
    CLB_TRY(cli_require(&usage, a.training.output_dir, "--output-dir RUN"));
    CLB_TRY(fill_options(&a, argc, argv));
    CLB_TRY(clb_pretrain(o, &report));
    CLB_TRY(print_report(&a, &report));
cleanup:
    clb_training_report_free(&report);
    poptFreeContext(context);
    free_arguments(&a);
    free(corpora);
    return status;
}
