/* SPDX-License-Identifier: Apache-2.0 */
/* Fine-tuning as a job of the training loop. What is read before the first step is
 * fine_tune_data.c's. */
#include "train/fine_tune.h"

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/log.h"
#include "model/model_files.h"
#include "train/training_args.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct clb_fine_tune_options clb_fine_tune_defaults(void)
{
    struct clb_training_options training = clb_training_defaults();
    training.max_steps = 0;
    training.num_train_epochs = 3.0f;
    training.max_seq_length = 0;
    training.learning_rate = 2e-5f;
    training.adam_epsilon = 1e-8f;
    training.eval_steps = training.save_steps = -1;
    const struct clb_examples none = {.columns = clb_task_columns_usual(), .separator = ','};
    return (struct clb_fine_tune_options){
        .training = training,
        .train = none,
        .validation = none,
        .test = none,
        .max_length_quantile = 1.0f,
        .doc_stride = -1,
        .max_answer_length = 30,
        .layer_decay = 1.0f,
    };
}

/* ---- the model ---- */

static enum clb_status configure(struct train_run *run, const char *model, const char *directory,
                                 struct clb_config *config, struct clb_model_limits *limits)
{
    const struct fine_tuning *f = run->context;
    enum clb_status status;
    if (!directory)
        return clb_fail(CLB_ERROR_ARGUMENT, "--model %s: is no model's directory", model);
    CLB_TRY(clb_model_read_config(directory, config));
    config->architecture = f->kind->architecture;
    config->problem_type = f->kind->problem_type;
    config->num_labels = f->kind->has_labels ? f->labels.count : f->kind->width;
    if (run->options->dropout >= 0.0f) {
        config->hidden_dropout_prob = config->attention_probs_dropout_prob = run->options->dropout;
        config->classifier_dropout = -1.0f;
    }
    CLB_TRY(model_vocabulary_check(directory, clb_tokenizer_vocab_size(run->tokenizer), config));
    if (f->options.frozen_layers < 0 || f->options.frozen_layers > config->num_hidden_layers + 1)
        return clb_fail(CLB_ERROR_ARGUMENT, "--freeze-layers should be 0 .. %d",
                        config->num_hidden_layers + 1);
    limits->max_masked = limits->max_tokens;
    limits->frozen_modules = f->options.frozen_layers;
cleanup:
    return status;
}

static enum clb_status load(struct train_run *run, const char *directory)
{
    const struct fine_tuning *f = run->context;
    const uint64_t seed = run->options->seed;
    if (f->options.from_scratch) return clb_model_initialize(run->model, seed);
    return f->same_head ? clb_model_load(run->model, directory, seed)
                        : clb_model_load_encoder(run->model, directory, seed);
}

/* What a parameter's layer learns, by that of the head: 0 embeddings, then the blocks. */
static float rate_of(const char *name, float decay, int layers)
{
    int layer = layers + 1;
    if (strncmp(name, "bert.embeddings.", strlen("bert.embeddings.")) == 0) layer = 0;
    if (sscanf(name, "bert.encoder.layer.%d.", &layer) == 1) layer++;
    return powf(decay, (float)(layers + 1 - layer));
}

static enum clb_status set_rates(struct train_run *run, float decay)
{
    int count;
    const struct clb_parameter *parameters = clb_model_parameters(run->model, &count);
    float *rates = malloc((size_t)count * sizeof *rates);
    if (!rates) return clb_fail(CLB_ERROR_MEMORY, "learning rates: out of memory");
    for (int i = 0; i < count; i++)
        rates[i] =
            rate_of(parameters[i].name, decay, clb_model_config(run->model)->num_hidden_layers);
    const enum clb_status status = train_optimizer_set_rates(run->optimizer, run->model, rates);
    free(rates);
    return status;
}

/* Whether patience has ended, also before a resume. */
static bool is_over(const struct train_run *run)
{
    const struct fine_tuning *f = run->context;
    const int32_t patience = f->options.early_stopping_patience;
    return patience > 0 && run->best.waited >= patience;
}

static enum clb_status dress(struct train_run *run)
{
    struct fine_tuning *f = run->context;
    const struct clb_loss_settings loss = {.label_smoothing = f->options.label_smoothing,
                                           .class_weights = f->weights};
    enum clb_status status = CLB_OK;
    if (f->kind->has_labels)
        CLB_TRY(clb_model_set_labels(run->model, (const char *const *)f->labels.names));
    if (loss.label_smoothing > 0.0f || loss.class_weights)
        CLB_TRY(clb_model_set_loss(run->model, &loss));
    if (f->options.layer_decay != 1.0f) CLB_TRY(set_rates(run, f->options.layer_decay));
    run->done = is_over(run);
cleanup:
    return status;
}

/* ---- evaluation ---- */

static enum clb_status measure(struct train_run *run, const struct task_set *set, json_t **figures)
{
    const struct fine_tuning *f = run->context;
    *figures = NULL;
    float *logits = malloc((size_t)task_logit_rows(set) * (size_t)task_width(set) * sizeof *logits +
                           sizeof *logits);
    enum clb_status status = CLB_OK;
    json_t *made = json_object();
    if (!logits || !made) {
        status = clb_fail(CLB_ERROR_MEMORY, "evaluation: out of memory");
        goto cleanup;
    }
    CLB_TRY(task_predict(run->model, set, logits));
    CLB_TRY(f->kind->figures(set, logits, made));
    *figures = made;
    made = NULL;
cleanup:
    json_decref(made);
    free(logits);
    return status;
}

static enum clb_status deciding(const struct fine_tuning *f, const json_t *figures, double *value)
{
    const char *name = f->options.metric_for_best_model;
    char known[256] = "";
    size_t length = 0;
    const char *key;
    json_t *figure;
    if (!name) name = f->kind->best;
    if (strncmp(name, "eval_", 5) == 0) name += 5;
    const json_t *found = json_object_get(figures, name);
    *value = json_is_number(found) ? json_number_value(found) : NAN;
    if (found) return CLB_OK;
    json_object_foreach((json_t *)figures, key, figure)
    {
        if (length < sizeof known)
            length += (size_t)snprintf(known + length, sizeof known - length, "%s%s",
                                       length ? ", " : "", key);
    }
    return clb_fail(CLB_ERROR_ARGUMENT, "--metric-for-best-model %s: there are: %s", name, known);
}

static bool less_is_better(const struct fine_tuning *f)
{
    const char *name = f->options.metric_for_best_model;
    if (!name) return f->kind->less_is_better;
    return strstr(name, "loss") || strstr(name, "mse");
}

/* An undefined figure is never better; of equal ones the first is the best. */
static void compare(struct train_run *run, double value)
{
    const struct fine_tuning *f = run->context;
    struct train_best *best = &run->best;
    const bool better = !best->known || isnan(best->value) ||
                        (less_is_better(f) ? value < best->value : value > best->value);
    best->seen = run->step;
    best->waited++;
    if (better)
        *best = (struct train_best){.known = true,
                                    .step = run->step,
                                    .seen = run->step,
                                    .value = isnan(value) ? 0.0 : value};
    run->done = is_over(run);
}

static enum clb_status evaluate(struct train_run *run)
{
    struct fine_tuning *f = run->context;
    json_t *figures = NULL;
    double value;
    enum clb_status status = CLB_OK;
    if (!f->validation) return CLB_OK;
    CLB_TRY(measure(run, f->validation, &figures));
    CLB_TRY(deciding(f, figures, &value));
    compare(run, value); /* first: the checkpoint is written also where nothing could be told */
    CLB_TRY(train_log_figures(run, figures));
    if (run->done)
        base_log("step %" PRId64 ": the last: %d evaluations were not better than that of step "
                 "%" PRId64,
                 run->step, run->best.waited, run->best.step);
    json_decref(f->evaluated);
    f->evaluated = json_incref(figures);
cleanup:
    json_decref(figures);
    return status;
}

/* ---- the end ---- */

/* The figures as "eval_..." or "test_..." into the results. */
static enum clb_status add_results(json_t *figures, const char *prefix, json_t *results)
{
    json_t *figure;
    const char *key;
    char name[128];
    json_object_foreach(figures, key, figure)
    {
        snprintf(name, sizeof name, "%s%s", prefix, key);
        if (json_object_set(results, name, figure) != 0)
            return clb_fail(CLB_ERROR_MEMORY, "results: out of memory");
    }
    return CLB_OK;
}

static enum clb_status add_measured(struct train_run *run, const struct task_set *set,
                                    const char *prefix, json_t *results)
{
    json_t *figures = NULL;
    enum clb_status status;
    CLB_TRY(measure(run, set, &figures));
    CLB_TRY(add_results(figures, prefix, results));
cleanup:
    json_decref(figures);
    return status;
}

/* Of the best model, which may be the one that was evaluated last. */
static enum clb_status add_validation(struct train_run *run, json_t *results)
{
    const struct fine_tuning *f = run->context;
    return f->evaluated && run->best.step == run->best.seen
               ? add_results(f->evaluated, "eval_", results)
               : add_measured(run, f->validation, "eval_", results);
}

static enum clb_status write_results(struct train_run *run, json_t *results)
{
    struct fine_tuning *f = run->context;
    char *path = base_format("%s/eval_results.json", run->options->output_dir);
    f->figures = json_dumps(results, JSON_REAL_PRECISION(9));
    const enum clb_status status = path && f->figures
                                       ? base_json_write(path, results)
                                       : clb_fail(CLB_ERROR_MEMORY, "results: out of memory");
    free(path);
    return status;
}

/* The best step's weights once more. */
static enum clb_status take_best(struct train_run *run)
{
    if (!run->best.known || run->best.step == run->step) return CLB_OK;
    char *best = train_checkpoint_path(run->options->output_dir, run->best.step);
    if (!best) return clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", run->options->output_dir);
    base_log("the best evaluation was that of step %" PRId64, run->best.step);
    const enum clb_status status = clb_model_load(run->model, best, run->options->seed);
    free(best);
    return status;
}

static enum clb_status finish(struct train_run *run)
{
    struct fine_tuning *f = run->context;
    json_t *results = json_object();
    enum clb_status status;
    if (!results) return clb_fail(CLB_ERROR_MEMORY, "results: out of memory");
    CLB_TRY(take_best(run));
    if (f->validation) CLB_TRY(add_validation(run, results));
    if (f->test) CLB_TRY(add_measured(run, f->test, "test_", results));
    CLB_TRY(train_save_final(run));
    CLB_TRY(write_results(run, results));
    f->best_step = run->best.known ? run->best.step : 0;
cleanup:
    json_decref(results);
    return status;
}

static const struct train_job job = {
    .arguments = train_fine_tuning_arguments,
    .data_key = "examples",
    .read_data = fine_tune_read,
    .open_batches = fine_tune_open_batches,
    .configure = configure,
    .load = load,
    .dress = dress,
    .print_data = fine_tune_print_data,
    .evaluate = evaluate,
    .evaluation_decides = true,
    .finish = finish,
};

enum clb_status clb_fine_tune(const struct clb_fine_tune_options *options,
                              struct clb_fine_tune_report *report)
{
    struct fine_tuning f = {.options = *options, .kind = task_kind_of(options->task)};
    const enum clb_status status =
        train_run(&job, &f, &f.options.training, report ? &report->training : NULL);
    if (report) {
        report->best_step = f.best_step;
        report->figures = f.figures;
        f.figures = NULL;
    }
    fine_tune_free(&f);
    return status;
}

void clb_fine_tune_report_free(struct clb_fine_tune_report *report)
{
    clb_training_report_free(&report->training);
    free(report->figures);
    *report = (struct clb_fine_tune_report){0};
}
