/* SPDX-License-Identifier: Apache-2.0 */
/* The training loop. */
#include "train/run.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/failure.h"
#include "base/files.h"
#include "base/log.h"
#include "train/run_directory.h"
#include "train/training_args.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PREFETCH_STEPS = 4 };

static enum clb_status check_options(const struct clb_training_options *o)
{
    const struct {
        bool holds;
        const char *what;
    } checks[] = {
        {o->output_dir != NULL, "needs a place for the run: --output-dir"},
        {o->per_device_train_batch_size >= 1, "--per-device-train-batch-size should be at least 1"},
        {o->gradient_accumulation_steps >= 1, "--gradient-accumulation-steps should be at least 1"},
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
        {o->max_steps != 0 || (o->num_train_epochs > 0 && isfinite(o->num_train_epochs)),
         "--num-train-epochs should be above 0"},
        {o->warmup_ratio <= 1, "--warmup-ratio should be in [0, 1]"},
        {o->logging_steps >= 1, "--logging-steps should be at least 1"},
    };
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
        if (!checks[i].holds) return clb_fail(CLB_ERROR_ARGUMENT, "%s", checks[i].what);
    return CLB_OK;
}

void train_settle_epochs(struct clb_training_options *o, double epoch_steps)
{
    if (o->max_steps == 0) o->max_steps = (int64_t)ceil((double)o->num_train_epochs * epoch_steps);
}

/* What follows from the number of steps and the length of sequences, which the data may decide. */
static enum clb_status settle_options(struct clb_training_options *o)
{
    if (o->max_steps < 1) return clb_fail(CLB_ERROR_ARGUMENT, "--max-steps should be at least 1");
    if (o->eval_steps < 0 || o->save_steps < 0)
        return clb_fail(CLB_ERROR_ARGUMENT, "--eval-steps and --save-steps: 0 or more");
    if ((int64_t)o->per_device_train_batch_size * o->max_seq_length > INT32_MAX)
        return clb_fail(CLB_ERROR_ARGUMENT,
                        "--per-device-train-batch-size times --max-seq-length is over 2^31 - 1 "
                        "tokens: lower one, and raise --gradient-accumulation-steps");
    if (o->warmup_steps < 0 && o->warmup_ratio >= 0)
        o->warmup_steps = (int64_t)ceil((double)o->warmup_ratio * (double)o->max_steps);
    if (o->warmup_steps < 0) o->warmup_steps = o->max_steps / 10;
    if (o->lr_decay_steps < 0) o->lr_decay_steps = o->max_steps / 10;
    if (o->warmup_steps > o->max_steps)
        return clb_fail(CLB_ERROR_ARGUMENT, "--warmup-steps should not be over --max-steps");
    if (o->lr_scheduler_type == CLB_SCHEDULE_WARMUP_STABLE_DECAY &&
        o->lr_decay_steps > o->max_steps - o->warmup_steps)
        return clb_fail(CLB_ERROR_ARGUMENT,
                        "--warmup-steps and --lr-decay-steps should not be over --max-steps");
    return CLB_OK;
}

/* ---- setting up ---- */

/* Makes the model and its optimiser; a checkpoint's shape is that of its own config.json.
 * *directory: where its weights will come from, or NULL. */
static enum clb_status create_model(struct train_run *run, const char *checkpoint,
                                    const char **directory)
{
    const struct clb_training_options *o = run->options;
    struct clb_config config;
    struct clb_model_limits limits = {
        .max_sequences = o->per_device_train_batch_size,
        .max_tokens = o->per_device_train_batch_size * o->max_seq_length,
        .max_masked = 1,
        .training = true,
        .gradient_checkpointing = o->gradient_checkpointing,
        .operands = o->precision,
    };
    enum clb_status status;
    *directory = checkpoint ? checkpoint : base_is_directory(o->model) ? o->model : NULL;
    CLB_TRY(run->job->configure(run, o->model, *directory, &config, &limits));
    if (o->max_seq_length > config.max_position_embeddings) {
        status = clb_fail(CLB_ERROR_ARGUMENT,
                          "--max-seq-length %d is over the model's max_position_embeddings %d",
                          o->max_seq_length, config.max_position_embeddings);
        goto cleanup;
    }
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

static enum clb_status fill_model(struct train_run *run, const char *checkpoint,
                                  const char *directory)
{
    enum clb_status status;
    CLB_TRY(clb_model_commit(run->model));
    CLB_TRY(train_optimizer_commit(run->optimizer, run->model, run->options->weight_decay));
    CLB_TRY(checkpoint ? train_restore(run, checkpoint) : run->job->load(run, directory));
    if (run->job->dress) CLB_TRY(run->job->dress(run));
cleanup:
    return status;
}

static void close_run(struct train_run *run)
{
    if (run->metrics) fclose(run->metrics);
    json_decref(run->args);
    train_optimizer_destroy(run->optimizer);
    clb_model_destroy(run->model);
    clb_device_close(run->device);
}

/* ---- steps ---- */

static enum clb_status next_step(struct train_run *run, const struct clb_step_batches *batches)
{
    const struct clb_training_options *o = run->options;
    const double learning_rate = train_learning_rate(o, batches->step);
    const enum clb_status status =
        train_step(run->model, run->optimizer, batches, o, learning_rate);
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
    const double begin = base_seconds();
    const enum clb_status status = run->job->evaluate(run);
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
    const struct clb_training_options *o = run->options;
    const bool last = run->step == o->max_steps;
    const bool log = last || every(o->logging_steps, run->step);
    const bool eval = last || every(o->eval_steps, run->step);
    bool due = last || stopping || every(o->save_steps, run->step);
    struct base_failure told = {0};
    enum clb_status status = CLB_OK;
    if (log || eval || due || run->step - run->checked == TRAIN_NORM_SLOTS)
        CLB_TRY(check_gradients(run));
    base_failure_note(&told, tell(run, log, eval));
    due |= run->done || (run->best.known && run->best.step == run->step);
    if (due) CLB_TRY(save(run)); /* also where nothing could be told */
    status = base_failure_report(&told);
    if (!log) train_progress(run);
cleanup:
    return status;
}

static bool asked_to_stop(const struct train_run *run)
{
    return run->options->stop && *run->options->stop;
}

/* A run that ended in an evaluation which decides has its checkpoint, but not that: it comes first.
 */
static enum clb_status catch_up(struct train_run *run)
{
    const bool due = run->step > 0 && every(run->options->eval_steps, run->step);
    return due && run->job->evaluation_decides && run->best.seen < run->step ? evaluate(run)
                                                                             : CLB_OK;
}

static enum clb_status train_steps(struct train_run *run, struct clb_loader *loader)
{
    const struct clb_step_batches *batches;
    enum clb_status status = CLB_OK;
    run->last_log = base_seconds();
    CLB_TRY(catch_up(run));
    while (run->step < run->options->max_steps && !run->done) {
        CLB_TRY(clb_loader_next(loader, &batches));
        CLB_TRY(next_step(run, batches));
        const bool stopping = asked_to_stop(run) && run->step < run->options->max_steps;
        CLB_TRY(after_step(run, stopping));
        if (stopping && !run->done)
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
    const struct clb_training_options *o = run->options;
    const struct clb_loader_options options = {
        .first_step = run->step,
        .batch_size = o->per_device_train_batch_size,
        .accumulation_steps = o->gradient_accumulation_steps,
        .prefetch = PREFETCH_STEPS,
    };
    struct clb_loader *loader = NULL;
    enum clb_status status;
    CLB_TRY(clb_loader_create(&run->batches, &options, &loader));
    CLB_TRY(train_steps(run, loader));
    CLB_TRY(run->job->finish(run));
cleanup:
    clb_loader_destroy(loader);
    return status;
}

/* Everything that may turn out to be impossible, before anything of an older run is touched. */
static enum clb_status set_up(struct train_run *run, const char *checkpoint)
{
    const char *directory = NULL;
    enum clb_status status;
    if (!checkpoint && !run->options->model) run->options->model = "mini";
    CLB_TRY(run->job->open_batches(run));
    CLB_TRY(clb_device_open(run->options->device, run->options->threads, &run->device));
    CLB_TRY(create_model(run, checkpoint, &directory));
    CLB_TRY(train_plan(run));
    CLB_TRY(check_memory(run));
    run->args = train_args_json(run);
    if (!run->args) status = clb_fail(CLB_ERROR_MEMORY, "options: out of memory");
    if (status == CLB_OK && !run->options->dry_run) status = fill_model(run, checkpoint, directory);
cleanup:
    return status;
}

enum clb_status train_run(const struct train_job *job, void *context,
                          struct clb_training_options *options, struct clb_training_report *report)
{
    struct clb_training_report unwanted = {0};
    struct train_run run = {.job = job,
                            .context = context,
                            .options = options,
                            .saved = -1,
                            .report = report ? report : &unwanted};
    struct train_directory directory = {0};
    enum clb_status status;
    CLB_TRY(check_options(options));
    CLB_TRY(job->read_data(&run));
    CLB_TRY(settle_options(options));
    CLB_TRY(train_directory_open(options, &directory));
    CLB_TRY(set_up(&run, directory.checkpoint));
    if (options->dry_run) goto cleanup;
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
