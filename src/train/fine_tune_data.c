/* SPDX-License-Identifier: Apache-2.0 */
/* What fine-tuning reads before its first step: examples, their classes, how long they are. */
#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "model/labels.h"
#include "train/fine_tune.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void fine_tune_free(struct fine_tuning *f)
{
    task_set_destroy(f->train);
    task_set_destroy(f->validation);
    task_set_destroy(f->test);
    task_labels_free(&f->labels);
    clb_tokenizer_close(f->tokenizer);
    free(f->weights);
    json_decref(f->evaluated);
    free(f->figures);
}

static enum clb_status check_options(const struct clb_fine_tune_options *o)
{
    const struct {
        bool holds;
        const char *what;
    } checks[] = {
        {o->training.model != NULL, "needs --model DIR"},
        {o->train.count > 0, "needs examples: --train FILE"},
        {o->validation_fraction >= 0 && o->validation_fraction < 1,
         "--validation-fraction should be in [0, 1)"},
        {o->validation.count == 0 || o->validation_fraction == 0,
         "--validation or --validation-fraction, not both"},
        {o->max_length_quantile > 0 && o->max_length_quantile <= 1,
         "--max-length-quantile should be in (0, 1]"},
        {o->max_answer_length >= 1, "--max-answer-length should be at least 1"},
        {o->label_smoothing >= 0 && o->label_smoothing < 1,
         "--label-smoothing should be in [0, 1)"},
        {o->layer_decay > 0 && o->layer_decay <= 1, "--layer-decay should be in (0, 1]"},
        {o->early_stopping_patience >= 0, "--early-stopping-patience should not be negative"},
        {o->early_stopping_patience == 0 || o->validation.count > 0 || o->validation_fraction > 0,
         "--early-stopping-patience needs --validation or --validation-fraction"},
    };
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
        if (!checks[i].holds) return clb_fail(CLB_ERROR_ARGUMENT, "%s", checks[i].what);
    return CLB_OK;
}

/* ---- classes ---- */

/* Brings the classes into order: that of the model where it has a head of these very classes, which
 * then goes on. */
static enum clb_status order_labels(struct fine_tuning *f)
{
    struct clb_config config;
    struct task_labels own = {0};
    int32_t *to = NULL;
    enum clb_status status;
    CLB_TRY(task_labels_of_directory(f->options.training.model, &config, &own));
    const bool has_head = config.architecture == f->kind->architecture && !f->options.from_scratch;
    if (!f->kind->has_labels) {
        f->same_head = has_head && (f->kind->per_token || config.num_labels == f->kind->width);
        goto cleanup;
    }
    f->same_head = has_head && task_labels_equal(&f->labels, &own);
    CLB_TRY(task_labels_order(&f->labels, f->same_head ? &own : NULL, &to));
    task_set_renumber(f->train, to);
    if (f->validation) task_set_renumber(f->validation, to);
cleanup:
    task_labels_free(&own);
    free(to);
    return status;
}

static enum clb_status check_classes(const struct fine_tuning *f)
{
    if (!f->kind->has_labels) return CLB_OK;
    if (f->labels.count > MODEL_LABELS_LIMIT)
        return clb_fail(CLB_ERROR_ARGUMENT,
                        "%s: %d different labels, at most %d can be: is \"%s\" "
                        "the right column?",
                        f->options.train.paths[0], f->labels.count, MODEL_LABELS_LIMIT,
                        f->options.train.columns.label);
    if (f->labels.count < 2 && f->kind->task != CLB_TASK_MULTI_LABEL_CLASSIFICATION)
        return clb_fail(CLB_ERROR_ARGUMENT,
                        "%s: all examples have the same label: nothing can be "
                        "learned from them",
                        f->options.train.paths[0]);
    return CLB_OK;
}

/* How often each class occurs in a set. */
static int64_t *count_classes(const struct task_set *set)
{
    int64_t *counts = calloc((size_t)set->labels->count + 1, sizeof *counts);
    for (int64_t i = 0; counts && i < set->value_count; i++)
        if (set->values[i] >= 0) counts[set->values[i]]++;
    return counts;
}

static enum clb_status balance(struct fine_tuning *f)
{
    const int32_t classes = f->labels.count;
    int64_t total = 0, *counts = count_classes(f->train);
    if (!counts) return clb_fail(CLB_ERROR_MEMORY, "class weights: out of memory");
    for (int32_t c = 0; c < classes; c++) total += counts[c];
    for (int32_t c = 0; c < classes; c++)
        f->weights[c] =
            counts[c] ? (float)((double)total / ((double)classes * (double)counts[c])) : 1.0f;
    free(counts);
    return CLB_OK;
}

/* "NAME=WEIGHT,NAME=WEIGHT"; those that are not named have 1. */
static enum clb_status name_weights(struct fine_tuning *f, char *list)
{
    char *rest = list;
    for (char *item; (item = strsep(&rest, ","));) {
        char *equals = strrchr(item, '='), *end = NULL;
        if (equals) *equals = 0;
        const float weight = equals ? strtof(equals + 1, &end) : 0.0f;
        const int32_t class = task_labels_find(&f->labels, item);
        if (!equals || end == equals + 1 || *end || !(weight >= 0.0f) || isinf(weight) || class < 0)
            return clb_fail(CLB_ERROR_ARGUMENT,
                            "--class-weights: \"%s\" should be balanced, or NAME=WEIGHT of a label",
                            item);
        f->weights[class] = weight;
    }
    return CLB_OK;
}

static enum clb_status choose_weights(struct fine_tuning *f)
{
    const char *said = f->options.class_weights;
    if (!said) return CLB_OK;
    const enum clb_task task = f->kind->task;
    if (task != CLB_TASK_CLASSIFICATION && task != CLB_TASK_TOKEN_CLASSIFICATION)
        return clb_fail(CLB_ERROR_ARGUMENT, "--class-weights are for tasks with one class of "
                                            "several: classification, token-classification");
    char *list = strdup(said);
    f->weights = malloc((size_t)f->labels.count * sizeof *f->weights);
    enum clb_status status = CLB_OK;
    if (!list || !f->weights) status = clb_fail(CLB_ERROR_MEMORY, "class weights: out of memory");
    for (int32_t c = 0; status == CLB_OK && c < f->labels.count; c++) f->weights[c] = 1.0f;
    if (status == CLB_OK)
        status = strcmp(said, "balanced") == 0 ? balance(f) : name_weights(f, list);
    free(list);
    return status;
}

/* ---- reading ---- */

static enum clb_status create_set(struct fine_tuning *f, bool keeps, struct task_set **set)
{
    *set = task_set_create(f->kind, f->tokenizer, &f->labels);
    if (!*set) return clb_fail(CLB_ERROR_MEMORY, "examples: out of memory");
    (*set)->keeps = keeps;
    return CLB_OK;
}

static enum clb_status read_training(struct fine_tuning *f)
{
    const struct clb_fine_tune_options *o = &f->options;
    const char *path = o->train.paths[0];
    enum clb_status status;
    CLB_TRY(create_set(f, false, &f->train));
    f->train->learns = true;
    if (o->validation_fraction > 0) {
        CLB_TRY(create_set(f, true, &f->validation));
        f->validation->learns = true;
    }
    CLB_TRY(task_set_read(f->train, f->validation, (double)o->validation_fraction, o->training.seed,
                          &o->train));
    if (f->train->example_count == 0 || (f->validation && f->validation->example_count == 0))
        status = clb_fail(CLB_ERROR_ARGUMENT, "%s: too few examples for --validation-fraction %g",
                          path, (double)o->validation_fraction);
cleanup:
    return status;
}

/* A set whose classes are known. */
static enum clb_status read_held(struct fine_tuning *f, const struct clb_examples *examples,
                                 struct task_set **set)
{
    enum clb_status status;
    if (examples->count == 0) return CLB_OK;
    CLB_TRY(create_set(f, true, set));
    CLB_TRY(task_set_read(*set, NULL, 0.0, 0, examples));
    CLB_TRY(task_set_check_labels(*set, examples->paths[0]));
cleanup:
    return status;
}

static int32_t choose_length(const struct fine_tuning *f, int32_t most)
{
    if (f->kind->task == CLB_TASK_QUESTION_ANSWERING) return most < 384 ? most : 384;
    const int32_t length = task_set_length(f->train, (double)f->options.max_length_quantile);
    return length < 8 ? 8 : length > most ? most : length;
}

static enum clb_status arrange(struct fine_tuning *f, int32_t most)
{
    struct clb_training_options *o = &f->options.training;
    struct task_set *sets[] = {f->train, f->validation, f->test};
    enum clb_status status = CLB_OK;
    if (o->max_seq_length == 0) o->max_seq_length = choose_length(f, most);
    f->options.doc_stride = task_doc_stride(f->options.doc_stride, o->max_seq_length);
    for (int i = 0; i < 3 && status == CLB_OK; i++)
        if (sets[i]) status = task_set_arrange(sets[i], o->max_seq_length, f->options.doc_stride);
    return status;
}

/* The last batch of an epoch may be smaller. */
static double epoch_steps(const struct fine_tuning *f)
{
    const struct clb_training_options *o = &f->options.training;
    const int32_t batch = o->per_device_train_batch_size;
    return (double)((f->train->count + batch - 1) / batch) / (double)o->gradient_accumulation_steps;
}

/* What the loop counts in steps. */
static void settle_steps(struct fine_tuning *f)
{
    struct clb_training_options *o = &f->options.training;
    const int64_t an_epoch = (int64_t)ceil(epoch_steps(f));
    train_settle_epochs(o, epoch_steps(f));
    if (o->eval_steps < 0) o->eval_steps = an_epoch;
    if (o->save_steps < 0) o->save_steps = an_epoch;
}

enum clb_status fine_tune_read(struct train_run *run)
{
    struct fine_tuning *f = run->context;
    struct clb_training_options *o = &f->options.training;
    struct clb_config config;
    enum clb_status status;
    CLB_TRY(check_options(&f->options));
    CLB_TRY(clb_model_read_config(o->model, &config));
    CLB_TRY(clb_tokenizer_open(o->model, &f->tokenizer));
    CLB_TRY(read_training(f));
    CLB_TRY(order_labels(f));
    CLB_TRY(check_classes(f));
    CLB_TRY(read_held(f, &f->options.validation, &f->validation));
    CLB_TRY(read_held(f, &f->options.test, &f->test));
    CLB_TRY(choose_weights(f));
    CLB_TRY(arrange(f, config.max_position_embeddings));
    settle_steps(f);
    o->data = f->options.train.paths;
    o->data_count = f->options.train.count;
    run->tokenizer = f->tokenizer;
    run->data_hash = task_set_hash(f->train);
    run->example = "sequences";
cleanup:
    return status;
}

enum clb_status fine_tune_open_batches(struct train_run *run)
{
    struct fine_tuning *f = run->context;
    f->batches = (struct task_batches){f->train, run->options->seed};
    run->batches = task_set_batches(&f->batches);
    run->epoch_steps = epoch_steps(f);
    return CLB_OK;
}

/* ---- the plan ---- */

static void print_classes(const struct task_set *set, FILE *out)
{
    enum { MOST = 12 };
    const int32_t count = set->labels->count;
    int64_t *counts = count_classes(set), total = 0;
    for (int32_t c = 0; counts && c < count; c++) total += counts[c];
    fprintf(out, "labels   %d:", count);
    for (int32_t c = 0; counts && total > 0 && c < count && c < MOST; c++)
        fprintf(out, "%s %s %.1f %%", c ? "," : "", set->labels->names[c],
                100.0 * (double)counts[c] / (double)total);
    fprintf(out, count > MOST ? ", ...\n" : "\n");
    free(counts);
}

static void print_set(const char *what, const struct clb_examples *examples,
                      const struct task_set *set, FILE *out)
{
    fprintf(out, "%-8s %s: %" PRId64 " examples", what,
            examples->count ? examples->paths[0] : "a part of the same", set->example_count);
    if (set->count != set->example_count) fprintf(out, " in %" PRId64 " sequences", set->count);
    fprintf(out, ", median %d tokens, longest %d", task_set_length(set, 0.5),
            task_set_length(set, 1.0));
    if (set->truncated > 0)
        fprintf(out, ", %" PRId64 " %s at %d", set->truncated,
                set->kind->task == CLB_TASK_QUESTION_ANSWERING ? "in stretches" : "cut",
                set->max_seq_length);
    fprintf(out, "\n");
}

void fine_tune_print_data(const struct train_run *run, FILE *out)
{
    const struct fine_tuning *f = run->context;
    fprintf(out, "task     %s: %s\n", clb_task_name(f->kind->task),
            f->options.from_scratch ? "from scratch"
            : f->same_head          ? "the model's own head goes on"
                                    : "a new head");
    print_set("data", &f->options.train, f->train, out);
    if (f->kind->has_labels) print_classes(f->train, out);
    if (f->validation) print_set("held out", &f->options.validation, f->validation, out);
    if (f->test) print_set("test", &f->options.test, f->test, out);
}
