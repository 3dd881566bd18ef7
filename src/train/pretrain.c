/* SPDX-License-Identifier: Apache-2.0 */
/* The training loop. */
#include "base/clock.h"
#include "base/error.h"
#include "base/failure.h"
#include "base/files.h"
#include "base/log.h"
#include "data/stream.h"
#include "train/run_directory.h"
#include "train/train.h"
#include "train/training_args.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PREFETCH_STEPS = 4 };

struct clb_training_options clb_training_defaults(void)
{
    return (struct clb_training_options){
        .device = "auto",
        .max_steps = 1000,
        .per_device_train_batch_size = 32,
        .gradient_accumulation_steps = 1,
        .max_seq_length = 128,
        .mlm_probability = 0.15f,
        .short_seq_probability = 0.1f,
        .dropout = -1.0f,
        .seed = 42,
        .optim = CLB_OPTIMIZER_ADAMW,
        .learning_rate = 1e-4f,
        .weight_decay = 0.01f,
        .adam_beta1 = 0.9f,
        .adam_beta2 = 0.999f,
        .adam_epsilon = 1e-6f,
        .max_grad_norm = 1.0f,
        .warmup_steps = -1,
        .logging_steps = 50,
        .eval_steps = 500,
        .save_steps = 500,
        .save_total_limit = 3,
        .eval_samples = 640,
    };
}

static enum clb_status check_options(struct clb_training_options *o)
{
    const struct {
        bool holds;
        const char *what;
    } checks[] = {
        {o->data_count > 0, "needs a corpus: --data"},
        {o->output_dir != NULL, "needs a place for the run: --output-dir"},
        {o->max_steps >= 1, "--max-steps should be at least 1"},
        {o->per_device_train_batch_size >= 1, "--per-device-train-batch-size should be at least 1"},
        {o->gradient_accumulation_steps >= 1, "--gradient-accumulation-steps should be at least 1"},
        {(int64_t)o->per_device_train_batch_size * o->max_seq_length <= INT32_MAX,
         "--per-device-train-batch-size times --max-seq-length is over 2^31 - 1 tokens: lower one, "
         "and raise --gradient-accumulation-steps"},
        {o->learning_rate > 0 && isfinite(o->learning_rate), "--learning-rate should be above 0"},
        {o->weight_decay >= 0 && isfinite(o->weight_decay),
         "--weight-decay should not be negative"},
        {o->adam_beta1 >= 0 && o->adam_beta1 < 1, "--adam-beta1 should be in [0, 1)"},
        {o->adam_beta2 >= 0 && o->adam_beta2 < 1, "--adam-beta2 should be in [0, 1)"},
        {o->adam_epsilon > 0 && isfinite(o->adam_epsilon), "--adam-epsilon should be above 0"},
        {o->max_grad_norm >= 0 && isfinite(o->max_grad_norm),
         "--max-grad-norm should not be negative"},
        {o->dropout == -1.0f || (o->dropout >= 0 && o->dropout < 1),
         "--dropout should be in [0, 1)"},
        {o->warmup_steps <= o->max_steps, "--warmup-steps should not be over --max-steps"},
        {o->logging_steps >= 1, "--logging-steps should be at least 1"},
        {o->eval_steps >= 0 && o->save_steps >= 0, "--eval-steps and --save-steps: 0 or more"},
    };
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
        if (!checks[i].holds) return clb_fail(CLB_ERROR_ARGUMENT, "%s", checks[i].what);
    if (o->warmup_steps < 0) o->warmup_steps = o->max_steps / 10;
    if (o->mlm_probability_last == o->mlm_probability) o->mlm_probability_last = 0;
    return CLB_OK;
}

/* ---- setting up ---- */

/* The model's shape from a size's name, a config.json, or a directory; *start is the directory to
 * load weights from, malloc'd, or NULL. */
static enum clb_status read_config(const struct train_run *run, const char *model,
                                   struct clb_config *config, char **start)
{
    enum clb_status status;
    *start = NULL;
    if (base_is_directory(model)) {
        *start = strdup(model);
        if (!*start) {
            status = clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", model);
            goto cleanup;
        }
        CLB_TRY(clb_model_read_config(model, config));
    } else if (strchr(model, '/') || strstr(model, ".json")) {
        CLB_TRY(clb_config_read(model, config));
    } else {
        int32_t vocab = clb_tokenizer_vocab_size(clb_corpus_tokenizer(run->corpus));
        CLB_TRY(clb_config_named(model, vocab, config));
    }
    config->architecture = run->options.no_nsp ? CLB_BERT_FOR_MASKED_LM : CLB_BERT_FOR_PRETRAINING;
    if (run->options.dropout >= 0)
        config->hidden_dropout_prob = config->attention_probs_dropout_prob = run->options.dropout;
    CLB_TRY(clb_check_vocabulary(run->corpus, config, *start));
    if (run->options.max_seq_length > config->max_position_embeddings)
        status = clb_fail(CLB_ERROR_ARGUMENT,
                          "--max-seq-length %d is over the model's max_position_embeddings %d",
                          run->options.max_seq_length, config->max_position_embeddings);
cleanup:
    return status;
}

static struct clb_stream_options stream_options(const struct clb_training_options *o)
{
    return (struct clb_stream_options){
        .seed = o->seed,
        .max_seq_length = o->max_seq_length,
        .mlm_probability = o->mlm_probability,
        .mlm_probability_last = o->mlm_probability_last,
        .steps = o->max_steps,
        .step_examples = (int64_t)o->per_device_train_batch_size * o->gradient_accumulation_steps,
        .short_seq_probability = o->short_seq_probability,
        .whole_word_mask = o->whole_word_mask,
        .span_mask = o->span_mask,
        .no_nsp = o->no_nsp,
    };
}

static enum clb_status open_streams(struct train_run *run)
{
    const struct clb_training_options *o = &run->options;
    struct clb_stream_options stream = stream_options(o);
    enum clb_status status;
    CLB_TRY(clb_stream_create(run->corpus, &stream, &run->stream));
    const bool held_out = o->no_nsp ? clb_corpus_documents(run->corpus, CLB_VALIDATION) > 0
                                    : clb_corpus_pairs(run->corpus, CLB_VALIDATION);
    if (held_out) {
        stream.validation = true;
        if (o->mlm_probability_last > 0) stream.mlm_probability = o->mlm_probability_last;
        stream.mlm_probability_last = 0;
        CLB_TRY(clb_stream_create(run->corpus, &stream, &run->validation));
    } else {
        base_warn("%s: %s held out: no evaluation", clb_corpus_directory(run->corpus),
                  o->no_nsp ? "no document is" : "fewer than two documents are");
    }
cleanup:
    return status;
}

/* Makes the model and its optimiser; a checkpoint's shape is that of its own config.json. */
static enum clb_status create_model(struct train_run *run, const char *checkpoint, char **start)
{
    const struct clb_training_options *o = &run->options;
    const struct clb_stream_options stream = stream_options(o);
    struct clb_config config;
    struct clb_model_limits limits = {
        .max_sequences = o->per_device_train_batch_size,
        .max_tokens = o->per_device_train_batch_size * o->max_seq_length,
        .max_masked = o->per_device_train_batch_size *
                      masking_most(fmaxf(o->mlm_probability, o->mlm_probability_last),
                                   stream_masking_unit(&stream), o->max_seq_length),
        .training = true,
        .gradient_checkpointing = o->gradient_checkpointing,
        .operands = o->precision,
    };
    enum clb_status status;
    CLB_TRY(read_config(run, checkpoint ? checkpoint : o->model, &config, start));
    CLB_TRY(clb_model_create(run->device, &config, &limits, &run->model));
    CLB_TRY(train_optimizer_create(run->model, o->optim, &run->optimizer));
cleanup:
    return status;
}

static enum clb_status check_memory(const struct train_run *run)
{
    struct clb_memory_plan plan = clb_model_memory(run->model);
    int64_t bytes = plan.weights + plan.gradients + plan.activations + plan.batch + plan.scratch +
                    train_optimizer_bytes(run->optimizer);
    int64_t memory = clb_device_info(run->device)->memory_bytes;
    if (bytes <= memory) return CLB_OK;
    return clb_fail(CLB_ERROR_MEMORY,
                    "the run needs %.0f MiB, the device has %.0f MiB: choose a smaller --model, "
                    "--per-device-train-batch-size or --max-seq-length",
                    (double)bytes / (1 << 20), (double)memory / (1 << 20));
}

static enum clb_status fill_model(struct train_run *run, const char *checkpoint, const char *start)
{
    enum clb_status status;
    CLB_TRY(clb_model_commit(run->model));
    CLB_TRY(train_optimizer_commit(run->optimizer, run->model, run->options.weight_decay));
    if (checkpoint)
        CLB_TRY(train_restore(run, checkpoint));
    else if (start)
        CLB_TRY(clb_model_load(run->model, start, run->options.seed));
    else
        CLB_TRY(clb_model_initialize(run->model, run->options.seed));
cleanup:
    return status;
}

static void close_run(struct train_run *run)
{
    if (run->metrics) fclose(run->metrics);
    json_decref(run->args);
    train_optimizer_destroy(run->optimizer);
    clb_model_destroy(run->model);
    clb_stream_destroy(run->stream);
    clb_stream_destroy(run->validation);
    clb_corpus_close(run->corpus);
    clb_device_close(run->device);
}

/* ---- steps ---- */

static enum clb_status next_step(struct train_run *run, const struct clb_step_batches *batches)
{
    const struct clb_training_options *o = &run->options;
    const double learning_rate =
        clb_learning_rate(o->learning_rate, o->warmup_steps, o->max_steps, batches->step);
    enum clb_status status = train_step(run->model, run->optimizer, batches, o, learning_rate);
    if (status != CLB_OK) return status;
    run->step = batches->step + 1;
    run->interval.tokens += batches->tokens;
    run->interval.sequences += batches->sequences;
    run->report->tokens += batches->tokens;
    run->report->global_step = run->step;
    return CLB_OK;
}

static enum clb_status not_finite(const struct train_run *run, int64_t step, const char *what)
{
    char kept[64] = "no checkpoint was written yet";
    if (run->saved >= 0) snprintf(kept, sizeof kept, "checkpoint-%" PRId64 " is good", run->saved);
    return clb_fail(CLB_ERROR_NUMERIC,
                    "step %" PRId64 ": %s not finite; %s; try a lower --learning-rate or a longer "
                    "--warmup-steps",
                    step, what, kept);
}

/* Looks at the gradient norms of the steps since the last look. The optimiser has left the weights
 * alone where one was not finite. */
static enum clb_status check_gradients(struct train_run *run)
{
    const int64_t count = run->step - run->checked;
    double norms[TRAIN_NORM_SLOTS];
    if (count == 0) return CLB_OK;
    enum clb_status status = train_optimizer_norms(run->optimizer, run->checked, count, norms);
    if (status != CLB_OK) return status;
    for (int64_t i = 0; i < count; i++) {
        const bool finite = isfinite(norms[i]) != 0;
        if (!finite && !run->optimizer->loss_scale.dynamic)
            return not_finite(run, run->checked + 1, "the loss or its gradient is");
        if (finite) run->norm = norms[i];
        run->checked++;
    }
    return CLB_OK;
}

/* A checkpoint is only of weights that are good. */
static enum clb_status save(struct train_run *run)
{
    double norm;
    enum clb_status status = train_optimizer_weights_norm(run->optimizer, run->model, &norm);
    if (status != CLB_OK) return status;
    return isfinite(norm) ? train_save(run) : not_finite(run, run->step, "the weights are");
}

static enum clb_status evaluate(struct train_run *run)
{
    struct clb_evaluation result;
    double begin = base_seconds();
    if (!run->validation) return CLB_OK;
    enum clb_status status = clb_evaluate(run->model, run->validation, run->options.eval_samples,
                                          run->options.per_device_train_batch_size, &result);
    if (status == CLB_OK) status = train_log_evaluation(run, &result);
    run->last_log += base_seconds() - begin; /* its time is not the training's */
    return status;
}

static enum clb_status tell(struct train_run *run, bool log, bool eval)
{
    enum clb_status status = log ? train_log(run) : CLB_OK;
    return status == CLB_OK && eval ? evaluate(run) : status;
}

static bool every(int64_t steps, int64_t step)
{
    return steps > 0 && step % steps == 0;
}

/* What follows a step: a look at the numbers, a line, an evaluation, a checkpoint. */
static enum clb_status after_step(struct train_run *run, bool stopping)
{
    const struct clb_training_options *o = &run->options;
    const bool last = run->step == o->max_steps;
    const bool due = last || stopping || every(o->save_steps, run->step);
    const bool log = last || every(o->logging_steps, run->step);
    const bool eval = last || every(o->eval_steps, run->step);
    struct base_failure told = {0};
    enum clb_status status = CLB_OK;
    if (log || eval || due || run->step - run->checked == TRAIN_NORM_SLOTS)
        CLB_TRY(check_gradients(run));
    base_failure_note(&told, tell(run, log, eval));
    if (due) CLB_TRY(save(run)); /* also where nothing could be told */
    status = base_failure_report(&told);
    if (!log) train_progress(run);
cleanup:
    return status;
}

static bool asked_to_stop(const struct train_run *run)
{
    return run->options.stop && *run->options.stop;
}

static enum clb_status train_steps(struct train_run *run, struct clb_loader *loader)
{
    const struct clb_step_batches *batches;
    enum clb_status status = CLB_OK;
    run->last_log = base_seconds();
    while (run->step < run->options.max_steps) {
        CLB_TRY(clb_loader_next(loader, &batches));
        CLB_TRY(next_step(run, batches));
        bool stopping = asked_to_stop(run) && run->step < run->options.max_steps;
        CLB_TRY(after_step(run, stopping));
        if (stopping)
            return clb_fail(CLB_ERROR_INTERRUPTED,
                            "stopped after step %" PRId64
                            ", saved; go on with the same command and "
                            "--resume-from-checkpoint auto",
                            run->step);
    }
cleanup:
    base_log_progress(NULL);
    return status;
}

static enum clb_status train(struct train_run *run)
{
    const struct clb_training_options *o = &run->options;
    const struct clb_loader_options options = {
        .first_step = run->step,
        .batch_size = o->per_device_train_batch_size,
        .accumulation_steps = o->gradient_accumulation_steps,
        .prefetch = PREFETCH_STEPS,
    };
    struct clb_loader *loader = NULL;
    enum clb_status status;
    CLB_TRY(clb_loader_create(run->stream, &options, &loader));
    CLB_TRY(train_steps(run, loader));
    CLB_TRY(train_save_final(run));
cleanup:
    clb_loader_destroy(loader);
    return status;
}

/* Everything that may turn out to be impossible, before anything of an older run is touched. */
static enum clb_status set_up(struct train_run *run, const char *checkpoint)
{
    char *start = NULL;
    enum clb_status status;
    if (!checkpoint && !run->options.model) run->options.model = "mini";
    CLB_TRY(open_streams(run));
    CLB_TRY(clb_device_open(run->options.device, run->options.threads, &run->device));
    CLB_TRY(create_model(run, checkpoint, &start));
    CLB_TRY(train_plan(run));
    CLB_TRY(check_memory(run));
    run->args = train_args_json(&run->options, clb_corpus_hash(run->corpus));
    if (!run->args) status = clb_fail(CLB_ERROR_MEMORY, "options: out of memory");
    if (status == CLB_OK && !run->options.dry_run) status = fill_model(run, checkpoint, start);
cleanup:
    free(start);
    return status;
}

enum clb_status clb_pretrain(const struct clb_training_options *options,
                             struct clb_training_report *report)
{
    struct clb_training_report unwanted = {0};
    struct train_run run = {
        .options = *options, .saved = -1, .report = report ? report : &unwanted};
    struct train_directory directory = {0};
    enum clb_status status;
    CLB_TRY(check_options(&run.options));
    CLB_TRY(clb_corpora_open(run.options.data, run.options.data_count, &run.corpus));
    CLB_TRY(train_directory_open(&run.options, &directory));
    CLB_TRY(set_up(&run, directory.checkpoint));
    if (run.options.dry_run) goto cleanup;
    CLB_TRY(train_directory_begin(&directory, run.step));
    CLB_TRY(train_metrics_begin(&run));
    run.report->global_step = run.step;
    CLB_TRY(train(&run));
cleanup:
    close_run(&run);
    train_directory_close(&directory);
    clb_training_report_free(&unwanted);
    return status;
}
