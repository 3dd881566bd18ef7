/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli_evaluate_task.h"

#include "base/error.h"
#include "base/json.h"
#include "tasks/task_figures.h"

#include <clbert/device.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct evaluated {
    const struct task_kind *kind;
    const struct task_set *set;
    const float *logits;
};

/* ---- the confusion matrix: of sequences' classes, and of words' ---- */

/* How often class `truth` was taken for class `guess`; [labels, labels], malloc'd. */
static int64_t *count_confusions(const struct evaluated *e)
{
    const struct task_set *set = e->set;
    const int32_t classes = set->labels->count;
    int64_t *counts = calloc((size_t)classes * (size_t)classes, sizeof *counts);
    for (int64_t i = 0; counts && i < set->example_count; i++) {
        const struct task_example *example = &set->examples[i];
        const int32_t values = e->kind->per_token ? set->sequences[i].a : 1;
        for (int32_t v = 0; v < values; v++) {
            const int64_t row = e->kind->per_token ? set->sequences[i].first_row + 1 + v : i;
            const int32_t truth = set->values[example->first_value + v];
            const int32_t guess = task_largest(e->logits + row * classes, classes);
            if (truth >= 0) counts[(int64_t)truth * classes + guess]++;
        }
    }
    return counts;
}

static json_t *confusion_json(const struct evaluated *e, const int64_t *counts)
{
    const int32_t classes = e->set->labels->count;
    json_t *rows = json_array(), *names = json_array();
    for (int32_t t = 0; t < classes; t++) {
        json_t *row = json_array();
        for (int32_t g = 0; g < classes; g++)
            json_array_append_new(row, json_integer((json_int_t)counts[t * classes + g]));
        json_array_append_new(rows, row);
        json_array_append_new(names, json_string(e->set->labels->names[t]));
    }
    return json_pack("{s:o, s:o}", "labels", names, "matrix", rows);
}

static void print_confusion(const struct evaluated *e, const int64_t *counts)
{
    const int32_t classes = e->set->labels->count;
    int width = 8;
    for (int32_t c = 0; c < classes; c++) {
        const int length = (int)strlen(e->set->labels->names[c]);
        if (length > width) width = length < 24 ? length : 24;
    }
    printf("\nconfusion: a row for what is true, a column for what was guessed\n%*s", width, "");
    for (int32_t c = 0; c < classes; c++) printf(" %*.*s", width, width, e->set->labels->names[c]);
    for (int32_t t = 0; t < classes; t++) {
        printf("\n%-*.*s", width, width, e->set->labels->names[t]);
        for (int32_t g = 0; g < classes; g++)
            printf(" %*lld", width, (long long)counts[t * classes + g]);
    }
    printf("\n");
}

/* ---- the worst examples ---- */

struct loss {
    double loss;
    int64_t example;
};

static int by_loss(const void *a, const void *b)
{
    const struct loss *x = a, *y = b;
    if (x->loss != y->loss) return x->loss < y->loss ? 1 : -1;
    return (x->example > y->example) - (x->example < y->example);
}

static struct loss *sort_losses(const struct evaluated *e)
{
    struct loss *losses = malloc(((size_t)e->set->example_count + 1) * sizeof *losses);
    for (int64_t i = 0; losses && i < e->set->example_count; i++)
        losses[i] = (struct loss){e->kind->loss(e->set, e->logits, i), i};
    if (losses) qsort(losses, (size_t)e->set->example_count, sizeof *losses, by_loss);
    return losses;
}

/* The record with what the model says of it, and its loss. */
static enum clb_status describe(const struct evaluated *e, struct loss loss, json_t **out)
{
    const struct task_answers how = {.threshold = 0.5, .max_answer_length = 30};
    json_t *answer = NULL;
    enum clb_status status;
    CLB_TRY(e->kind->answer(e->set, e->logits, loss.example, &how, &answer));
    *out = json_pack("{s:o, s:O, s:O}", "loss", base_json_number(loss.loss), "answer", answer,
                     "example", e->set->records[loss.example]);
    if (!*out) status = clb_fail(CLB_ERROR_MEMORY, "worst examples: out of memory");
cleanup:
    json_decref(answer);
    return status;
}

static enum clb_status list_worst(const struct evaluated *e, int most, json_t **list)
{
    struct loss *losses = sort_losses(e);
    enum clb_status status = CLB_OK;
    *list = json_array();
    if (!losses || !*list) status = clb_fail(CLB_ERROR_MEMORY, "worst examples: out of memory");
    for (int i = 0; i < most && i < e->set->example_count && status == CLB_OK; i++) {
        json_t *one = NULL;
        status = describe(e, losses[i], &one);
        if (status == CLB_OK) json_array_append_new(*list, one);
    }
    free(losses);
    return status;
}

/* ---- printing ---- */

static void print_figures(const json_t *figures)
{
    const char *key;
    json_t *figure;
    json_object_foreach((json_t *)figures, key, figure)
    {
        if (json_is_number(figure))
            printf("%-22s %.6g\n", key, json_number_value(figure));
        else if (json_is_null(figure))
            printf("%-22s not defined\n", key);
    }
}

static void print_worst(const json_t *worst)
{
    size_t i;
    json_t *one;
    json_array_foreach(worst, i, one)
    {
        char *answer = json_dumps(json_object_get(one, "answer"), JSON_ENCODE_ANY);
        char *example = json_dumps(json_object_get(one, "example"), 0);
        printf("%sloss %.4f  %s  of %.400s\n", i == 0 ? "\nthe worst:\n" : "",
               json_number_value(json_object_get(one, "loss")), answer ? answer : "?",
               example ? example : "?");
        free(answer);
        free(example);
    }
}

static enum clb_status report(const struct cli_evaluate_task *what, const struct evaluated *e)
{
    json_t *figures = json_object(), *worst = NULL;
    int64_t *counts = NULL;
    enum clb_status status;
    if (!figures) return clb_fail(CLB_ERROR_MEMORY, "figures: out of memory");
    CLB_TRY(e->kind->figures(e->set, e->logits, figures));
    json_object_set_new(figures, "examples", json_integer((json_int_t)e->set->example_count));
    if (what->worst > 0) CLB_TRY(list_worst(e, what->worst, &worst));
    if (what->confusion) counts = count_confusions(e);
    if (what->json) {
        if (counts) json_object_set_new(figures, "confusion", confusion_json(e, counts));
        if (worst) json_object_set(figures, "worst", worst);
        CLB_TRY(base_json_print(figures));
        goto cleanup;
    }
    print_figures(figures);
    if (counts) print_confusion(e, counts);
    print_worst(worst);
cleanup:
    free(counts);
    json_decref(worst);
    json_decref(figures);
    return status;
}

enum clb_status cli_evaluate_task(const struct cli_evaluate_task *what)
{
    struct clb_device *device = NULL;
    struct task_model *model = NULL;
    struct task_set *set = NULL;
    float *logits = NULL;
    enum clb_status status;
    CLB_TRY(clb_device_open(what->device ? what->device : "auto", what->threads, &device));
    CLB_TRY(task_model_open(device, what->model, &what->settings, &model));
    const struct task_kind *kind = task_model_kind(model);
    if (what->confusion &&
        (!kind->has_labels || kind->task == CLB_TASK_MULTI_LABEL_CLASSIFICATION)) {
        status = clb_fail(CLB_ERROR_ARGUMENT, "--confusion is of tasks with one class of several");
        goto cleanup;
    }
    CLB_TRY(task_model_evaluate(model, &what->examples, &set, &logits));
    const struct evaluated evaluated = {kind, set, logits};
    CLB_TRY(report(what, &evaluated));
cleanup:
    free(logits);
    task_set_destroy(set);
    task_model_close(model);
    clb_device_close(device);
    return status;
}
