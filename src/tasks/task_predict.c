/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "tasks/task.h"

#include <stdlib.h>
#include <string.h>

/* A sequence, and how long it is. */
struct place {
    int32_t length;
    int64_t sequence;
};

/* The longest first, so that the first batch is the largest. */
static int by_length(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->length != y->length) return x->length < y->length ? 1 : -1;
    return (x->sequence > y->sequence) - (x->sequence < y->sequence);
}

static struct place *sort_places(const struct task_set *set)
{
    struct place *places = malloc(((size_t)set->count + 1) * sizeof *places);
    for (int64_t i = 0; places && i < set->count; i++)
        places[i] = (struct place){task_sequence_length(&set->sequences[i]), i};
    if (places) qsort(places, (size_t)set->count, sizeof *places, by_length);
    return places;
}

int64_t task_logit_rows(const struct task_set *set)
{
    return set->kind->per_token ? set->rows : set->count;
}

int32_t task_width(const struct task_set *set)
{
    return set->labels->count > 0 ? set->labels->count : set->kind->width;
}

/* Takes as many as fit into a batch; gives their number. */
static enum clb_status fill_batch(const struct task_set *set, const struct place *places,
                                  int64_t count, struct clb_batch *batch, int64_t *taken)
{
    enum clb_status status = CLB_OK;
    clb_batch_clear(batch);
    *taken = 0;
    while (*taken < count && batch->sequences < batch->max_sequences &&
           places[*taken].length <= batch->max_tokens - batch->total_tokens)
        CLB_TRY(task_set_append(set, places[(*taken)++].sequence, false, batch));
    if (*taken == 0) /* the caller's model is of shorter sequences */
        return clb_fail(CLB_ERROR_ARGUMENT, "a sequence of %d tokens does not fit into a batch",
                        places[0].length);
    CLB_TRY(clb_batch_finish(batch));
cleanup:
    return status;
}

/* The answers of a batch to their places. */
static void spread(const struct task_set *set, const struct place *places, int64_t count,
                   int32_t width, const float *answers, float *logits)
{
    for (int64_t i = 0; i < count; i++) {
        const int64_t sequence = places[i].sequence;
        const int64_t rows = set->kind->per_token ? places[i].length : 1;
        const int64_t row = set->kind->per_token ? set->sequences[sequence].first_row : sequence;
        memcpy(logits + row * width, answers, (size_t)(rows * width) * sizeof *logits);
        answers += rows * width;
    }
}

enum clb_status task_predict(struct clb_model *model, const struct task_set *set, float *logits)
{
    const struct clb_model_limits limits = clb_model_limits(model);
    const int32_t width = task_width(set);
    const int32_t rows = set->kind->per_token ? limits.max_tokens : limits.max_sequences;
    struct place *places = sort_places(set);
    float *answers = malloc((size_t)rows * (size_t)width * sizeof *answers);
    struct clb_batch *batch = NULL;
    enum clb_status status = CLB_OK;
    if (!places || !answers) {
        status = clb_fail(CLB_ERROR_MEMORY, "predictions: out of memory");
        goto cleanup;
    }
    CLB_TRY(clb_batch_create(limits.max_sequences, limits.max_tokens, &batch));
    for (int64_t first = 0, taken; first < set->count; first += taken) {
        CLB_TRY(fill_batch(set, places + first, set->count - first, batch, &taken));
        CLB_TRY(clb_model_predict(model, batch, set->kind->head, answers));
        spread(set, places + first, taken, width, answers, logits);
    }
cleanup:
    clb_batch_destroy(batch);
    free(places);
    free(answers);
    return status;
}
