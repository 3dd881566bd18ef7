/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli_training.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

static void take_defaults(struct cli_training *t, struct clb_training_options *o)
{
    t->o = o;
    t->max_steps = o->max_steps;
    t->warmup_steps = o->warmup_steps;
    t->decay_steps = o->lr_decay_steps;
    t->logging_steps = o->logging_steps;
    t->eval_steps = o->eval_steps;
    t->save_steps = o->save_steps;
    t->seed = (long long)o->seed;
}

void cli_training_options(struct cli_training *t, struct clb_training_options *defaults,
                          const struct cli_training_words *words, struct poptOption **table)
{
    struct clb_training_options *o = defaults;
    const struct poptOption rows[CLI_TRAINING_OPTIONS] = {
        {"output-dir", 0, POPT_ARG_STRING, &t->output_dir, 0, "run directory", "RUN"},
        {"overwrite", 0, POPT_ARG_NONE, &t->overwrite, 0, "replace a run that is there", NULL},
        {"model", 0, POPT_ARG_STRING, &t->model, 0, words->model, "MODEL"},
        {"device", 0, POPT_ARG_STRING, &t->device, 0,
         "auto (default), cpu, opencl, opencl:P.D or a name", "DEVICE"},
        {"threads", 0, POPT_ARG_INT, &o->threads, 0, "threads of the CPU path (0: all)", "N"},
        {"max-steps", 0, POPT_ARG_LONGLONG, &t->max_steps, 0, words->max_steps, "N"},
        {"num-train-epochs", 0, POPT_ARG_FLOAT, &o->num_train_epochs, 0, words->num_train_epochs,
         "X"},
        {"per-device-train-batch-size", 0, POPT_ARG_INT, &o->per_device_train_batch_size, 0,
         "sequences a micro-batch (32)", "N"},
        {"gradient-accumulation-steps", 0, POPT_ARG_INT, &o->gradient_accumulation_steps, 0,
         "micro-batches an update (1)", "N"},
        {"max-seq-length", 0, POPT_ARG_INT, &o->max_seq_length, 0, words->max_seq_length, "N"},
        {"learning-rate", 0, POPT_ARG_FLOAT, &o->learning_rate, 0, words->learning_rate, "X"},
        {"lr-scheduler-type", 0, POPT_ARG_STRING, &t->schedule, 0,
         "linear (default), cosine, constant, constant_with_warmup or warmup_stable_decay", "NAME"},
        {"warmup-steps", 0, POPT_ARG_LONGLONG, &t->warmup_steps, 0, "linear warm-up (a tenth)",
         "N"},
        {"warmup-ratio", 0, POPT_ARG_FLOAT, &o->warmup_ratio, 0, "the same as a share of all steps",
         "X"},
        {"lr-decay-steps", 0, POPT_ARG_LONGLONG, &t->decay_steps, 0,
         "of warmup_stable_decay, at the end (a tenth)", "N"},
        {"weight-decay", 0, POPT_ARG_FLOAT, &o->weight_decay, 0, "not on biases and norms (0.01)",
         "X"},
        {"max-grad-norm", 0, POPT_ARG_FLOAT, &o->max_grad_norm, 0,
         "clip to this norm (1), 0: never", "X"},
        {"optim", 0, POPT_ARG_STRING, &t->optim, 0, "adamw (default), bert_adam or lamb", "NAME"},
        {"adam-beta1", 0, POPT_ARG_FLOAT, &o->adam_beta1, 0, "(0.9)", "X"},
        {"adam-beta2", 0, POPT_ARG_FLOAT, &o->adam_beta2, 0, "(0.999)", "X"},
        {"adam-epsilon", 0, POPT_ARG_FLOAT, &o->adam_epsilon, 0, words->adam_epsilon, "X"},
        {"dropout", 0, POPT_ARG_FLOAT, &o->dropout, 0,
         "of hidden states and attention (the model's, 0.1)", "P"},
        {"gradient-checkpointing", 0, POPT_ARG_NONE, &t->gradient_checkpointing, 0,
         "less memory, a third more time, the same results", NULL},
        {"precision", 0, POPT_ARG_STRING, &t->precision, 0,
         "of products: fp32 (default), tf32, bf16, or fp16 with loss scaling", "TYPE"},
        {"seed", 0, POPT_ARG_LONGLONG, &t->seed, 0, "of everything random (42)", "N"},
        {"logging-steps", 0, POPT_ARG_LONGLONG, &t->logging_steps, 0, "a line every N steps (50)",
         "N"},
        {"eval-steps", 0, POPT_ARG_LONGLONG, &t->eval_steps, 0, words->eval_steps, "N"},
        {"save-steps", 0, POPT_ARG_LONGLONG, &t->save_steps, 0, words->save_steps, "N"},
        {"save-total-limit", 0, POPT_ARG_INT, &o->save_total_limit, 0,
         "checkpoints kept (3), 0: all", "N"},
        {"resume-from-checkpoint", 0, POPT_ARG_STRING, &t->resume, 0, "auto, or a checkpoint",
         "DIR"},
        {"dry-run", 0, POPT_ARG_NONE, &t->dry_run, 0, "print the plan of memory and steps only",
         NULL},
        {"json", 0, POPT_ARG_NONE, &t->json, 0, words->json, NULL},
    };
    take_defaults(t, defaults);
    memcpy(*table, rows, sizeof rows);
    while ((*table)->longName) ++*table;
}

enum clb_status cli_training_take(struct cli_training *t, int argc, const char **argv)
{
    struct clb_training_options *o = t->o;
    o->output_dir = t->output_dir;
    o->resume_from_checkpoint = t->resume;
    if (t->model) o->model = t->model;
    if (t->device) o->device = t->device;
    o->max_steps = t->max_steps;
    if (cli_given("num-train-epochs") && !cli_given("max-steps")) o->max_steps = 0;
    o->warmup_steps = t->warmup_steps;
    o->lr_decay_steps = t->decay_steps;
    o->logging_steps = t->logging_steps;
    o->eval_steps = t->eval_steps;
    o->save_steps = t->save_steps;
    o->seed = (uint64_t)t->seed;
    o->gradient_checkpointing = t->gradient_checkpointing;
    o->overwrite = t->overwrite;
    o->dry_run = t->dry_run;
    o->stop = cli_stop_on_signals();
    o->command = argv;
    o->command_count = argc;
    enum clb_status status = cli_precision(t->precision, &o->precision);
    if (status == CLB_OK && t->optim) status = clb_optimizer_named(t->optim, &o->optim);
    if (status == CLB_OK && t->schedule)
        status = clb_schedule_named(t->schedule, &o->lr_scheduler_type);
    if (status == CLB_OK && cli_given("warmup-ratio") && cli_given("warmup-steps"))
        status = clb_fail(CLB_ERROR_ARGUMENT, "--warmup-ratio or --warmup-steps, not both");
    if (status == CLB_OK && cli_given("max-steps") && cli_given("num-train-epochs"))
        status = clb_fail(CLB_ERROR_ARGUMENT, "--max-steps or --num-train-epochs, not both");
    if (status == CLB_OK && cli_given("max-steps") && o->max_steps < 1)
        status = clb_fail(CLB_ERROR_ARGUMENT, "--max-steps should be at least 1");
    return status;
}

void cli_training_free(struct cli_training *t)
{
    free(t->output_dir);
    free(t->model);
    free(t->device);
    free(t->resume);
    free(t->optim);
    free(t->schedule);
    free(t->precision);
}
