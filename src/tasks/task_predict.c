/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "data/lengths.h"
#include "tasks/task.h"

#include <stdlib.h>
#include <string.h>

static struct length_place *sort_places(const struct task_set *set)
{
    struct length_place *places = malloc(((size_t)set->count + 1) * sizeof *places);
    for (int64_t i = 0; places && i < set->count; i++)
        places[i] = (struct length_place){task_sequence_length(&set->sequences[i]), i};
    if (places) lengths_sort(places, set->count);
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
static enum clb_status fill_batch(const struct task_set *set, const struct length_place *places,
                                  int64_t count, struct clb_batch *batch, int64_t *taken)
{
    enum clb_status status = CLB_OK;
    clb_batch_clear(batch);
    *taken = lengths_fit(places, count, batch);
    if (*taken == 0) /* the caller's model is of shorter sequences */
        return clb_fail(CLB_ERROR_ARGUMENT, "a sequence of %d tokens does not fit into a batch",
                        places[0].length);
    for (int64_t i = 0; i < *taken; i++)
        CLB_TRY(task_set_append(set, places[i].sequence, false, batch));
    CLB_TRY(clb_batch_finish(batch));
cleanup:
    return status;
}

/* The answers of a batch to their places. */
static void spread(const struct task_set *set, const struct length_place *places, int64_t count,
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
    struct length_place *places = sort_places(set);
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
