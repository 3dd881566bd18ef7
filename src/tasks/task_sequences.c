/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks whose labels are of a whole text, or of a pair of texts: a class, several classes, a
 * number. */
#include "base/error.h"
#include "base/json.h"
#include "tasks/metrics.h"
#include "tasks/task.h"
#include "tasks/task_figures.h"
#include "text/records.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading ---- */

static enum clb_status read_text(struct task_set *set, const json_t *record, const char *column,
                                 const char *where, int32_t *tokens)
{
    char *text = NULL;
    enum clb_status status = task_record_text(record, column, where, &text);
    if (status == CLB_OK) status = task_set_encode(set, text, tokens);
    free(text);
    return status;
}

static enum clb_status read_texts(struct task_set *set, const json_t *record, const char *where)
{
    const struct clb_task_columns *c = &set->columns;
    struct task_example *e = &set->examples[set->example_count - 1];
    const bool pair = !json_object_get(record, c->text) && json_object_get(record, c->text_a);
    enum clb_status status;
    CLB_TRY(read_text(set, record, pair ? c->text_a : c->text, where, &e->a));
    if (pair) CLB_TRY(read_text(set, record, c->text_b, where, &e->b));
cleanup:
    return status;
}

static enum clb_status add_class(struct task_set *set, const char *name)
{
    int32_t id;
    const enum clb_status status = task_set_class(set, name, &id);
    return status == CLB_OK ? task_set_value(set, id) : status;
}

static enum clb_status read_class(struct task_set *set, const json_t *record, const char *where)
{
    char *name = NULL;
    enum clb_status status;
    CLB_TRY(read_texts(set, record, where));
    if (!set->labelled) goto cleanup;
    CLB_TRY(task_record_text(record, set->columns.label, where, &name));
    if (*name)
        CLB_TRY(add_class(set, name));
    else
        status = clb_fail(CLB_ERROR_FORMAT, "%s: its label is empty", where);
cleanup:
    free(name);
    return status;
}

/* A list of names, which may be empty. */
static enum clb_status read_list(struct task_set *set, const json_t *list, const char *where)
{
    enum clb_status status = CLB_OK;
    size_t i;
    const json_t *item;
    json_array_foreach(list, i, item)
    {
        char number[32];
        const char *name = text_records_text(item, number, sizeof number);
        if (!name)
            return clb_fail(CLB_ERROR_FORMAT, "%s: \"%s\" should be a list of names", where,
                            set->columns.labels);
        CLB_TRY(add_class(set, name));
    }
cleanup:
    return status;
}

/* The same between separators. */
static enum clb_status read_names(struct task_set *set, char *names)
{
    const char separator[] = {set->separator, 0};
    char *rest = names;
    enum clb_status status = CLB_OK;
    for (char *name; status == CLB_OK && (name = strsep(&rest, separator));) {
        name += strspn(name, " ");
        size_t length = strlen(name);
        while (length > 0 && name[length - 1] == ' ') name[--length] = 0;
        if (length > 0) status = add_class(set, name);
    }
    return status;
}

static enum clb_status read_classes(struct task_set *set, const json_t *record, const char *where)
{
    const json_t *list = json_object_get(record, set->columns.labels);
    char *names = NULL;
    enum clb_status status;
    CLB_TRY(read_texts(set, record, where));
    if (!set->labelled) goto cleanup;
    if (json_is_array(list)) {
        CLB_TRY(read_list(set, list, where));
    } else {
        CLB_TRY(task_record_text(record, set->columns.labels, where, &names));
        CLB_TRY(read_names(set, names));
    }
cleanup:
    free(names);
    return status;
}

static enum clb_status read_number(struct task_set *set, const json_t *record, const char *where)
{
    char *text = NULL, *end;
    enum clb_status status;
    CLB_TRY(read_texts(set, record, where));
    if (!set->labelled) goto cleanup;
    CLB_TRY(task_record_text(record, set->columns.label, where, &text));
    const double number = strtod(text, &end);
    if (end == text || *end || !isfinite(number))
        status = clb_fail(CLB_ERROR_FORMAT,
                          "%s: label \"%s\" is no number, as --task regression needs", where, text);
    else
        set->examples[set->example_count - 1].number = number;
cleanup:
    free(text);
    return status;
}

/* ---- labels of a batch ---- */

static const struct task_example *example_of(const struct task_set *set, int64_t sequence)
{
    return &set->examples[set->sequences[sequence].example];
}

static enum clb_status label_class(const struct task_set *set, int64_t sequence,
                                   struct clb_batch *batch, int32_t row)
{
    const int32_t class = set->values[example_of(set, sequence)->first_value];
    return clb_batch_label(batch, "sequence", row, class);
}

static enum clb_status label_classes(const struct task_set *set, int64_t sequence,
                                     struct clb_batch *batch, int32_t row)
{
    const struct task_example *e = example_of(set, sequence);
    const int32_t width = set->labels->count;
    float *targets = calloc((size_t)width, sizeof *targets);
    if (!targets) return clb_fail(CLB_ERROR_MEMORY, "labels: out of memory");
    for (int32_t i = 0; i < e->values; i++) targets[set->values[e->first_value + i]] = 1.0f;
    const enum clb_status status = clb_batch_label_numbers(batch, "sequence", row, width, targets);
    free(targets);
    return status;
}

static enum clb_status label_number(const struct task_set *set, int64_t sequence,
                                    struct clb_batch *batch, int32_t row)
{
    const float number = (float)example_of(set, sequence)->number;
    return clb_batch_label_numbers(batch, "sequence", row, 1, &number);
}

/* ---- figures ---- */

static double class_loss(const struct task_set *set, const float *logits, int64_t example)
{
    const int32_t width = set->labels->count;
    return task_cross_entropy(logits + example * width, width,
                              set->values[set->examples[example].first_value]);
}

static bool has_class(const struct task_set *set, const struct task_example *e, int32_t class)
{
    for (int32_t i = 0; i < e->values; i++)
        if (set->values[e->first_value + i] == class) return true;
    return false;
}

/* The mean over classes of -log of what it says of each. */
static double classes_loss(const struct task_set *set, const float *logits, int64_t example)
{
    const int32_t width = set->labels->count;
    double sum = 0;
    for (int32_t c = 0; c < width; c++) {
        const double z = (double)logits[example * width + c];
        const double target = has_class(set, &set->examples[example], c);
        sum += fmax(z, 0) - z * target + log1p(exp(-fabs(z)));
    }
    return sum / width;
}

static double number_loss(const struct task_set *set, const float *logits, int64_t example)
{
    const double difference = (double)logits[example] - set->examples[example].number;
    return difference * difference;
}

static enum clb_status mean_loss(const struct task_set *set, const float *logits, json_t *figures)
{
    double sum = 0;
    for (int64_t i = 0; i < set->example_count; i++) sum += set->kind->loss(set, logits, i);
    return task_set_figure(figures, "loss", sum / (double)set->example_count);
}

static enum clb_status class_figures(const struct task_set *set, const float *logits,
                                     json_t *figures)
{
    const int32_t classes = set->labels->count;
    int64_t *confusion = calloc((size_t)classes * (size_t)classes, sizeof *confusion);
    enum clb_status status;
    if (!confusion) return clb_fail(CLB_ERROR_MEMORY, "figures: out of memory");
    for (int64_t i = 0; i < set->example_count; i++) {
        const int32_t truth = set->values[set->examples[i].first_value];
        const int32_t guess = task_largest(logits + i * classes, classes);
        tasks_confusion_add(&truth, &guess, 1, classes, confusion);
    }
    const struct tasks_class_scores scores = tasks_class_scores(confusion, classes);
    CLB_TRY(mean_loss(set, logits, figures));
    CLB_TRY(task_set_figure(figures, "accuracy", scores.accuracy));
    if (classes == 2) CLB_TRY(task_set_figure(figures, "f1", scores.binary.f1));
    CLB_TRY(task_set_figure(figures, "f1_macro", scores.macro.f1));
    CLB_TRY(task_set_figure(figures, "f1_micro", scores.micro.f1));
    CLB_TRY(task_set_figure(figures, "matthews_correlation", scores.matthews));
cleanup:
    free(confusion);
    return status;
}

static enum clb_status classes_figures(const struct task_set *set, const float *logits,
                                       json_t *figures)
{
    const int32_t classes = set->labels->count;
    float *truth = calloc((size_t)set->example_count * (size_t)classes + 1, sizeof *truth);
    struct tasks_label_scores scores;
    enum clb_status status;
    if (!truth) return clb_fail(CLB_ERROR_MEMORY, "figures: out of memory");
    for (int64_t i = 0; i < set->example_count; i++) {
        const struct task_example *e = &set->examples[i];
        for (int32_t v = 0; v < e->values; v++)
            truth[i * classes + set->values[e->first_value + v]] = 1.0f;
    }
    CLB_TRY(tasks_label_scores(logits, truth, set->example_count, classes, 0.0f, &scores));
    CLB_TRY(mean_loss(set, logits, figures));
    CLB_TRY(task_set_figure(figures, "accuracy", scores.subset_accuracy));
    CLB_TRY(task_set_figure(figures, "f1_macro", scores.macro.f1));
    CLB_TRY(task_set_figure(figures, "f1_micro", scores.micro.f1));
    CLB_TRY(task_set_figure(figures, "roc_auc_macro", scores.auc_macro));
    CLB_TRY(task_set_figure(figures, "roc_auc_micro", scores.auc_micro));
cleanup:
    free(truth);
    return status;
}

static enum clb_status number_figures(const struct task_set *set, const float *logits,
                                      json_t *figures)
{
    float *truth = malloc(((size_t)set->example_count + 1) * sizeof *truth);
    struct tasks_number_scores scores;
    enum clb_status status;
    if (!truth) return clb_fail(CLB_ERROR_MEMORY, "figures: out of memory");
    for (int64_t i = 0; i < set->example_count; i++) truth[i] = (float)set->examples[i].number;
    CLB_TRY(tasks_number_scores(truth, logits, set->example_count, &scores));
    CLB_TRY(mean_loss(set, logits, figures));
    CLB_TRY(task_set_figure(figures, "mse", scores.mean_squared_error));
    CLB_TRY(task_set_figure(figures, "pearson", scores.pearson));
    CLB_TRY(task_set_figure(figures, "spearmanr", scores.spearman));
cleanup:
    free(truth);
    return status;
}

/* ---- answers ---- */

static json_t *scored_label(const struct task_set *set, int32_t class, double score)
{
    return json_pack("{s:s, s:o}", "label", set->labels->names[class], "score",
                     base_json_number(score));
}

/* The classes by score, from the best on: `most` of them, or those over a threshold. */
static enum clb_status list_classes(const struct task_set *set, const double *scores, int most,
                                    double threshold, json_t **answer)
{
    const int32_t classes = set->labels->count;
    bool *taken = calloc((size_t)classes, sizeof *taken);
    json_t *list = json_array();
    int failed = !taken || !list;
    for (int n = 0; n < most && n < classes && !failed; n++) {
        int32_t best = -1;
        for (int32_t c = 0; c < classes; c++)
            if (!taken[c] && (best < 0 || scores[c] > scores[best])) best = c;
        if (!(scores[best] > threshold)) break;
        taken[best] = true;
        failed = json_array_append_new(list, scored_label(set, best, scores[best]));
    }
    free(taken);
    *answer = list;
    return failed ? clb_fail(CLB_ERROR_MEMORY, "answers: out of memory") : CLB_OK;
}

static enum clb_status answer_class(const struct task_set *set, const float *logits,
                                    int64_t example, const struct task_answers *how,
                                    json_t **answer)
{
    const int32_t classes = set->labels->count;
    double *scores = malloc((size_t)classes * sizeof *scores);
    enum clb_status status;
    if (!scores) return clb_fail(CLB_ERROR_MEMORY, "answers: out of memory");
    task_softmax(logits + example * classes, classes, scores);
    if (how->top_k > 0) {
        status = list_classes(set, scores, how->top_k, -1.0, answer);
    } else {
        const int32_t best = task_largest(logits + example * classes, classes);
        *answer = scored_label(set, best, scores[best]);
        status = *answer ? CLB_OK : clb_fail(CLB_ERROR_MEMORY, "answers: out of memory");
    }
    free(scores);
    return status;
}

static enum clb_status answer_classes(const struct task_set *set, const float *logits,
                                      int64_t example, const struct task_answers *how,
                                      json_t **answer)
{
    const int32_t classes = set->labels->count;
    double *scores = malloc((size_t)classes * sizeof *scores);
    if (!scores) return clb_fail(CLB_ERROR_MEMORY, "answers: out of memory");
    for (int32_t c = 0; c < classes; c++)
        scores[c] = 1.0 / (1.0 + exp(-(double)logits[example * classes + c]));
    const enum clb_status status = how->top_k > 0
                                       ? list_classes(set, scores, how->top_k, -1.0, answer)
                                       : list_classes(set, scores, classes, how->threshold, answer);
    free(scores);
    return status;
}

/* Of a model with several numbers, which have names. */
static enum clb_status answer_numbers(const struct task_set *set, const float *logits, int most,
                                      json_t **answer)
{
    const int32_t width = task_width(set);
    double *numbers = malloc((size_t)width * sizeof *numbers);
    if (!numbers) return clb_fail(CLB_ERROR_MEMORY, "answers: out of memory");
    for (int32_t c = 0; c < width; c++) numbers[c] = (double)logits[c];
    const enum clb_status status =
        list_classes(set, numbers, most > 0 ? most : width, -INFINITY, answer);
    free(numbers);
    return status;
}

static enum clb_status answer_number(const struct task_set *set, const float *logits,
                                     int64_t example, const struct task_answers *how,
                                     json_t **answer)
{
    const int32_t width = task_width(set);
    if (width > 1) return answer_numbers(set, logits + example * width, how->top_k, answer);
    *answer = base_json_number((double)logits[example]);
    return *answer ? CLB_OK : clb_fail(CLB_ERROR_MEMORY, "answers: out of memory");
}

const struct task_kind task_classification = {
    .task = CLB_TASK_CLASSIFICATION,
    .architecture = CLB_BERT_FOR_SEQUENCE_CLASSIFICATION,
    .problem_type = CLB_PROBLEM_SINGLE_LABEL_CLASSIFICATION,
    .head = "sequence",
    .usual = CLB_RECORDS_TSV,
    .has_labels = true,
    .best = "accuracy",
    .read = read_class,
    .label = label_class,
    .figures = class_figures,
    .loss = class_loss,
    .answer = answer_class,
};

const struct task_kind task_multi_label = {
    .task = CLB_TASK_MULTI_LABEL_CLASSIFICATION,
    .architecture = CLB_BERT_FOR_SEQUENCE_CLASSIFICATION,
    .problem_type = CLB_PROBLEM_MULTI_LABEL_CLASSIFICATION,
    .head = "sequence",
    .usual = CLB_RECORDS_TSV,
    .has_labels = true,
    .best = "f1_micro",
    .read = read_classes,
    .label = label_classes,
    .figures = classes_figures,
    .loss = classes_loss,
    .answer = answer_classes,
};

const struct task_kind task_regression = {
    .task = CLB_TASK_REGRESSION,
    .architecture = CLB_BERT_FOR_SEQUENCE_CLASSIFICATION,
    .problem_type = CLB_PROBLEM_REGRESSION,
    .head = "sequence",
    .usual = CLB_RECORDS_TSV,
    .width = 1,
    .best = "mse",
    .less_is_better = true,
    .read = read_number,
    .label = label_number,
    .figures = number_figures,
    .loss = number_loss,
    .answer = answer_number,
};
