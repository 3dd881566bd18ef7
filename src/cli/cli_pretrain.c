/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/json.h"
#include "cli/cli.h"
#include "train/loss_figures.h"

#include <clbert/train.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
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

/* popt's types: int for 32 bits, long long for 64. */
struct arguments {
    struct clb_training_options o;
    char **data, *output_dir, *model, *device, *resume, *optim, *schedule, *precision,
        *mlm_probability;
    long long max_steps, warmup_steps, decay_steps, logging_steps, eval_steps, save_steps,
        eval_samples, seed;
    int whole_word_mask, span_mask, no_nsp, gradient_checkpointing, overwrite, dry_run, json;
};

static void take_defaults(struct arguments *a)
{
    a->o = clb_training_defaults();
    a->max_steps = a->o.max_steps;
    a->warmup_steps = a->o.warmup_steps;
    a->decay_steps = a->o.lr_decay_steps;
    a->logging_steps = a->o.logging_steps;
    a->eval_steps = a->o.eval_steps;
    a->save_steps = a->o.save_steps;
    a->eval_samples = a->o.eval_samples;
    a->seed = (long long)a->o.seed;
}

static enum clb_status fill_options(struct arguments *a)
{
    struct clb_training_options *o = &a->o;
    o->output_dir = a->output_dir;
    o->resume_from_checkpoint = a->resume;
    if (a->model) o->model = a->model;
    if (a->device) o->device = a->device;
    o->max_steps = a->max_steps;
    o->warmup_steps = a->warmup_steps;
    o->lr_decay_steps = a->decay_steps;
    o->logging_steps = a->logging_steps;
    o->eval_steps = a->eval_steps;
    o->save_steps = a->save_steps;
    o->eval_samples = a->eval_samples;
    o->seed = (uint64_t)a->seed;
    o->whole_word_mask = a->whole_word_mask;
    o->span_mask = a->span_mask;
    o->no_nsp = a->no_nsp;
    if (o->no_nsp && !cli_given("short-seq-probability")) o->short_seq_probability = 0.0f;
    o->gradient_checkpointing = a->gradient_checkpointing;
    o->overwrite = a->overwrite;
    o->dry_run = a->dry_run;
    enum clb_status status = cli_precision(a->precision, &o->precision);
    if (status == CLB_OK)
        status =
            cli_mlm_probability(a->mlm_probability, &o->mlm_probability, &o->mlm_probability_last);
    if (status == CLB_OK && a->optim) status = clb_optimizer_named(a->optim, &o->optim);
    if (status == CLB_OK && a->schedule)
        status = clb_schedule_named(a->schedule, &o->lr_scheduler_type);
    if (status == CLB_OK && cli_given("warmup-ratio") && cli_given("warmup-steps"))
        status = clb_fail(CLB_ERROR_ARGUMENT, "--warmup-ratio or --warmup-steps, not both");
    return status;
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
    if (a->dry_run) {
        fputs(r->plan, stdout);
        return CLB_OK;
    }
    if (a->json) return print_json(&a->o, r);
    if (isatty(STDOUT_FILENO)) return CLB_OK; /* the log has said it all */
    printf("step %" PRId64 " of %" PRId64 ": %s\n", r->global_step, a->o.max_steps,
           a->o.output_dir);
    print_losses("training", &r->last);
    print_losses("held out", &r->held_out);
    return CLB_OK;
}

static void free_arguments(struct arguments *a)
{
    cli_free_strings(a->data);
    free(a->output_dir);
    free(a->model);
    free(a->device);
    free(a->resume);
    free(a->optim);
    free(a->schedule);
    free(a->precision);
    free(a->mlm_probability);
}

enum clb_status command_pretrain(int argc, const char **argv)
{
    struct arguments a = {0};
    struct clb_training_options *o = &a.o;
    struct clb_training_report report = {0};
    const struct poptOption options[] = {
        {"data", 0, POPT_ARG_ARGV, &a.data, 0, "corpus from clbert prepare", "CORPUS"},
        {"output-dir", 0, POPT_ARG_STRING, &a.output_dir, 0, "run directory", "RUN"},
        {"overwrite", 0, POPT_ARG_NONE, &a.overwrite, 0, "replace a run that is there", NULL},
        {"model", 0, POPT_ARG_STRING, &a.model, 0,
         "tiny, mini (default), small, medium, base, large, a config.json, or a model's directory "
         "to go on from",
         "MODEL"},
        {"device", 0, POPT_ARG_STRING, &a.device, 0,
         "auto (default), cpu, opencl, opencl:P.D or a name", "DEVICE"},
        {"threads", 0, POPT_ARG_INT, &o->threads, 0, "threads of the CPU path (0: all)", "N"},
        {"max-steps", 0, POPT_ARG_LONGLONG, &a.max_steps, 0, "updates (1000)", "N"},
        {"per-device-train-batch-size", 0, POPT_ARG_INT, &o->per_device_train_batch_size, 0,
         "sequences a micro-batch (32)", "N"},
        {"gradient-accumulation-steps", 0, POPT_ARG_INT, &o->gradient_accumulation_steps, 0,
         "micro-batches an update (1)", "N"},
        {"max-seq-length", 0, POPT_ARG_INT, &o->max_seq_length, 0,
         "tokens a sequence at most (128)", "N"},
        {"learning-rate", 0, POPT_ARG_FLOAT, &o->learning_rate, 0, "peak (1e-4)", "X"},
        {"lr-scheduler-type", 0, POPT_ARG_STRING, &a.schedule, 0,
         "linear (default), cosine, constant, constant_with_warmup or warmup_stable_decay", "NAME"},
        {"warmup-steps", 0, POPT_ARG_LONGLONG, &a.warmup_steps, 0, "linear warm-up (a tenth)", "N"},
        {"warmup-ratio", 0, POPT_ARG_FLOAT, &o->warmup_ratio, 0, "the same as a share of all steps",
         "X"},
        {"lr-decay-steps", 0, POPT_ARG_LONGLONG, &a.decay_steps, 0,
         "of warmup_stable_decay, at the end (a tenth)", "N"},
        {"weight-decay", 0, POPT_ARG_FLOAT, &o->weight_decay, 0, "not on biases and norms (0.01)",
         "X"},
        {"max-grad-norm", 0, POPT_ARG_FLOAT, &o->max_grad_norm, 0,
         "clip to this norm (1), 0: never", "X"},
        {"optim", 0, POPT_ARG_STRING, &a.optim, 0, "adamw (default), bert_adam or lamb", "NAME"},
        {"adam-beta1", 0, POPT_ARG_FLOAT, &o->adam_beta1, 0, "(0.9)", "X"},
        {"adam-beta2", 0, POPT_ARG_FLOAT, &o->adam_beta2, 0, "(0.999)", "X"},
        {"adam-epsilon", 0, POPT_ARG_FLOAT, &o->adam_epsilon, 0, "(1e-6)", "X"},
        {"mlm-probability", 0, POPT_ARG_STRING, &a.mlm_probability, 0,
         "share of tokens (0.15); FIRST:LAST: linearly, from the first step to the last", "X"},
        {"whole-word-mask", 0, POPT_ARG_NONE, &a.whole_word_mask, 0, "mask all pieces of a word",
         NULL},
        {"span-mask", 0, POPT_ARG_NONE, &a.span_mask, 0,
         "mask spans of whole words, 1 to 10, as SpanBERT", NULL},
        {"no-nsp", 0, POPT_ARG_NONE, &a.no_nsp, 0,
         "masked language model alone (BertForMaskedLM), on sequences filled with consecutive "
         "sentences",
         NULL},
        {"short-seq-probability", 0, POPT_ARG_FLOAT, &o->short_seq_probability, 0,
         "share of shorter sequences (0.1, with --no-nsp 0)", "X"},
        {"dropout", 0, POPT_ARG_FLOAT, &o->dropout, 0,
         "of hidden states and attention (the model's, 0.1)", "P"},
        {"gradient-checkpointing", 0, POPT_ARG_NONE, &a.gradient_checkpointing, 0,
         "less memory, a third more time, the same results", NULL},
        {"precision", 0, POPT_ARG_STRING, &a.precision, 0,
         "of products: fp32 (default), tf32, bf16, or fp16 with loss scaling", "TYPE"},
        {"seed", 0, POPT_ARG_LONGLONG, &a.seed, 0, "of everything random (42)", "N"},
        {"logging-steps", 0, POPT_ARG_LONGLONG, &a.logging_steps, 0, "a line every N steps (50)",
         "N"},
        {"eval-steps", 0, POPT_ARG_LONGLONG, &a.eval_steps, 0,
         "held-out losses every N steps (500)", "N"},
        {"eval-samples", 0, POPT_ARG_LONGLONG, &a.eval_samples, 0,
         "held-out pairs (640), 0: each once", "N"},
        {"save-steps", 0, POPT_ARG_LONGLONG, &a.save_steps, 0, "a checkpoint every N steps (500)",
         "N"},
        {"save-total-limit", 0, POPT_ARG_INT, &o->save_total_limit, 0,
         "checkpoints kept (3), 0: all", "N"},
        {"resume-from-checkpoint", 0, POPT_ARG_STRING, &a.resume, 0, "auto, or a checkpoint",
         "DIR"},
        {"dry-run", 0, POPT_ARG_NONE, &a.dry_run, 0, "print the plan of memory and steps only",
         NULL},
        {"json", 0, POPT_ARG_NONE, &a.json, 0, "the losses at the end as JSON", NULL},
        POPT_TABLEEND};
    poptContext context = NULL;
    const char **rest, **corpora = NULL;
    int rest_count;
    bool help = false;
    enum clb_status status;
    take_defaults(&a);
    CLB_TRY(cli_parse(&usage, options, argc, argv, &context, &rest, &rest_count, &help));
    if (help) goto cleanup;
    CLB_TRY(cli_require(&usage, a.data, "--data CORPUS"));
    CLB_TRY(cli_corpora(a.data, rest, rest_count, &corpora, &o->data_count));
    o->data = corpora;
    CLB_TRY(cli_require(&usage, a.output_dir, "--output-dir RUN"));
    CLB_TRY(fill_options(&a));
    o->stop = cli_stop_on_signals();
    o->command = argv;
    o->command_count = argc;
    CLB_TRY(clb_pretrain(o, &report));
    CLB_TRY(print_report(&a, &report));
cleanup:
    clb_training_report_free(&report);
    poptFreeContext(context);
    free_arguments(&a);
    free(corpora);
    return status;
}
