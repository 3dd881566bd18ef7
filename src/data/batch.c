/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <clbert/batch.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

static enum clb_status create_groups(struct clb_groups *groups, int32_t tokens)
{
    groups->order = malloc((size_t)tokens * sizeof *groups->order);
    groups->begin = malloc(((size_t)tokens + 1) * sizeof *groups->begin);
    groups->row = malloc((size_t)tokens * sizeof *groups->row);
    if (!groups->order || !groups->begin || !groups->row)
        return clb_fail(CLB_ERROR_MEMORY, "batch: out of memory");
    return CLB_OK;
}

static void free_groups(struct clb_groups *groups)
{
    free(groups->order);
    free(groups->begin);
    free(groups->row);
}

static void free_labels(struct clb_labels *labels)
{
    free(labels->rows);
    free(labels->values);
    free(labels->numbers);
}

enum clb_status clb_batch_create(int32_t max_sequences, int32_t max_tokens, struct clb_batch **out)
{
    const size_t tokens = (size_t)max_tokens, sequences = (size_t)max_sequences;
    if (max_sequences < 1 || max_tokens < 1)
        return clb_fail(CLB_ERROR_ARGUMENT, "a batch of %d sequences and %d tokens cannot be",
                        max_sequences, max_tokens);
    struct clb_batch *batch = calloc(1, sizeof *batch);
    if (!batch) return clb_fail(CLB_ERROR_MEMORY, "batch: out of memory");
    batch->max_sequences = max_sequences;
    batch->max_tokens = max_tokens;
    batch->input_ids = malloc(tokens * sizeof(int32_t));
    batch->token_type_ids = malloc(tokens * sizeof(int32_t));
    batch->positions = malloc(tokens * sizeof(int32_t));
    batch->cu_seqlens = malloc((sequences + 1) * sizeof(int32_t));
    enum clb_status status = CLB_OK;
    if (!batch->input_ids || !batch->token_type_ids || !batch->positions || !batch->cu_seqlens)
        status = clb_fail(CLB_ERROR_MEMORY, "batch: out of memory");
    if (status == CLB_OK) status = create_groups(&batch->word, max_tokens);
    if (status == CLB_OK) status = create_groups(&batch->position, max_tokens);
    if (status == CLB_OK) status = create_groups(&batch->segment, max_tokens);
    if (status != CLB_OK) {
        clb_batch_destroy(batch);
        return status;
    }
    clb_batch_clear(batch);
    *out = batch;
    return CLB_OK;
}

void clb_batch_destroy(struct clb_batch *batch)
{
    if (!batch) return;
    free(batch->input_ids);
    free(batch->token_type_ids);
    free(batch->positions);
    free(batch->cu_seqlens);
    for (int k = 0; k < batch->label_kinds; k++) free_labels(&batch->labels[k]);
    free_groups(&batch->word);
    free_groups(&batch->position);
    free_groups(&batch->segment);
    free(batch);
}

void clb_batch_clear(struct clb_batch *batch)
{
    batch->sequences = batch->total_tokens = batch->max_seqlen = 0;
    for (int k = 0; k < batch->label_kinds; k++) batch->labels[k].count = 0;
    batch->cu_seqlens[0] = 0;
    batch->word.count = batch->position.count = batch->segment.count = 0;
    batch->finished = false;
}

/* ---- sequences ---- */

enum clb_status clb_batch_append(struct clb_batch *batch, int32_t length, const int32_t *input_ids,
                                 const int32_t *token_type_ids)
{
    const int32_t first = batch->total_tokens;
    if (length < 1 || batch->sequences == batch->max_sequences ||
        length > batch->max_tokens - first)
        return clb_fail(
            CLB_ERROR_ARGUMENT,
            "a sequence of %d tokens does not fit into a batch of %d sequences, %d tokens", length,
            batch->max_sequences, batch->max_tokens);
    for (int32_t i = 0; i < length; i++) {
        if (input_ids[i] < 0)
            return clb_fail(CLB_ERROR_ARGUMENT, "token id %d is negative", input_ids[i]);
        if (token_type_ids[i] < 0)
            return clb_fail(CLB_ERROR_ARGUMENT, "token type id %d is negative", token_type_ids[i]);
    }
    batch->finished = false;
    memcpy(batch->input_ids + first, input_ids, (size_t)length * sizeof *input_ids);
    memcpy(batch->token_type_ids + first, token_type_ids, (size_t)length * sizeof *token_type_ids);
    for (int32_t i = 0; i < length; i++) batch->positions[first + i] = i;
    batch->total_tokens += length;
    batch->cu_seqlens[++batch->sequences] = batch->total_tokens;
    if (length > batch->max_seqlen) batch->max_seqlen = length;
    return CLB_OK;
}

/* ---- labels ---- */

const struct clb_labels *clb_batch_labels(const struct clb_batch *batch, const char *name)
{
    for (int k = 0; k < batch->label_kinds; k++)
        if (strcmp(batch->labels[k].name, name) == 0) return &batch->labels[k];
    return NULL;
}

int32_t clb_batch_label_count(const struct clb_batch *batch, const char *name)
{
    const struct clb_labels *labels = clb_batch_labels(batch, name);
    return labels ? labels->count : 0;
}

/* Of a class there is one a token at most, of what is wider one a sequence. */
static int32_t most_labels(const struct clb_batch *batch, int32_t width, bool numbers)
{
    return numbers || width > 1 ? batch->max_sequences : batch->max_tokens;
}

static enum clb_status make_labels(const struct clb_batch *batch, const char *name, int32_t width,
                                   bool numbers, struct clb_labels *labels)
{
    const size_t count = (size_t)most_labels(batch, width, numbers);
    *labels = (struct clb_labels){.name = name, .width = width};
    labels->rows = malloc(count * sizeof *labels->rows);
    if (numbers)
        labels->numbers = malloc(count * (size_t)width * sizeof *labels->numbers);
    else
        labels->values = malloc(count * (size_t)width * sizeof *labels->values);
    if (labels->rows && (labels->values || labels->numbers)) return CLB_OK;
    free_labels(labels);
    return clb_fail(CLB_ERROR_MEMORY, "batch: out of memory");
}

/* The labels of a kind, made where there are none yet, or none of this form. */
static enum clb_status find_kind(struct clb_batch *batch, const char *name, int32_t width,
                                 bool numbers, struct clb_labels **labels)
{
    struct clb_labels *found = (struct clb_labels *)clb_batch_labels(batch, name), made;
    *labels = found;
    if (found && found->width == width && !found->numbers == !numbers) return CLB_OK;
    if (found && found->count > 0)
        return clb_fail(CLB_ERROR_ARGUMENT, "%s labels should all be %d %s", name, found->width,
                        found->numbers ? "numbers" : "integers");
    if (!found && batch->label_kinds == CLB_LABEL_KINDS)
        return clb_fail(CLB_ERROR_ARGUMENT, "a batch has at most %d kinds of labels",
                        CLB_LABEL_KINDS);
    const enum clb_status status = make_labels(batch, name, width, numbers, &made);
    if (status != CLB_OK) return status;
    if (found) free_labels(found);
    *labels = found ? found : &batch->labels[batch->label_kinds++];
    **labels = made;
    return CLB_OK;
}

/* Room for one more label, of row `row`. */
static enum clb_status next_label(struct clb_batch *batch, const char *name, int32_t row,
                                  int32_t width, bool numbers, struct clb_labels **labels)
{
    const enum clb_status status = find_kind(batch, name, width, numbers, labels);
    if (status != CLB_OK) return status;
    struct clb_labels *l = *labels;
    if (row < 0 || row >= batch->total_tokens || (l->count > 0 && row <= l->rows[l->count - 1]))
        return clb_fail(CLB_ERROR_ARGUMENT, "%s label for row %d: out of order, or of range", name,
                        row);
    if (l->count == most_labels(batch, width, numbers))
        return clb_fail(CLB_ERROR_ARGUMENT, "%s label for row %d: there is one a sequence", name,
                        row);
    l->rows[l->count++] = row;
    return CLB_OK;
}

enum clb_status clb_batch_label(struct clb_batch *batch, const char *name, int32_t row,
                                int32_t value)
{
    struct clb_labels *labels;
    if (value < 0)
        return clb_fail(CLB_ERROR_ARGUMENT, "%s label %d should not be negative", name, value);
    const enum clb_status status = next_label(batch, name, row, 1, false, &labels);
    if (status == CLB_OK) labels->values[labels->count - 1] = value;
    return status;
}

enum clb_status clb_batch_label_numbers(struct clb_batch *batch, const char *name, int32_t row,
                                        int32_t width, const float *numbers)
{
    struct clb_labels *labels;
    if (width < 1)
        return clb_fail(CLB_ERROR_ARGUMENT, "%s labels of %d numbers cannot be", name, width);
    for (int32_t i = 0; i < width; i++)
        if (!isfinite(numbers[i]))
            return clb_fail(CLB_ERROR_ARGUMENT, "%s label for row %d is not finite", name, row);
    const enum clb_status status = next_label(batch, name, row, width, true, &labels);
    if (status == CLB_OK)
        memcpy(labels->numbers + (int64_t)(labels->count - 1) * width, numbers,
               (size_t)width * sizeof *numbers);
    return status;
}

enum clb_status clb_batch_label_span(struct clb_batch *batch, int32_t row, int32_t first,
                                     int32_t last)
{
    struct clb_labels *labels;
    if (first < -1 || last < -1)
        return clb_fail(CLB_ERROR_ARGUMENT, "a span from %d to %d: neither may be below -1", first,
                        last);
    const enum clb_status status = next_label(batch, "span", row, 2, false, &labels);
    if (status == CLB_OK) {
        labels->values[2 * labels->count - 2] = first;
        labels->values[2 * labels->count - 1] = last;
    }
    return status;
}

/* The example's own rules, before anything of it is taken. */
static enum clb_status check_pair(int32_t length, const int32_t *labels,
                                  int32_t next_sentence_label)
{
    if (next_sentence_label < -1 || next_sentence_label > 1)
        return clb_fail(CLB_ERROR_ARGUMENT,
                        "next sentence label %d should be 0 (IsNext), 1 (NotNext) or -1 (none)",
                        next_sentence_label);
    for (int32_t i = 0; labels && i < length; i++)
        if (labels[i] < 0 && labels[i] != -100)
            return clb_fail(CLB_ERROR_ARGUMENT,
                            "label %d should be a token's id, or -100 where none is masked",
                            labels[i]);
    return CLB_OK;
}

enum clb_status clb_batch_append_pair(struct clb_batch *batch, int32_t length,
                                      const int32_t *input_ids, const int32_t *token_type_ids,
                                      const int32_t *labels, int32_t next_sentence_label)
{
    const int32_t first = batch->total_tokens;
    enum clb_status status;
    CLB_TRY(check_pair(length, labels, next_sentence_label));
    CLB_TRY(clb_batch_append(batch, length, input_ids, token_type_ids));
    for (int32_t i = 0; labels && i < length; i++)
        if (labels[i] >= 0) CLB_TRY(clb_batch_label(batch, "mlm", first + i, labels[i]));
    if (next_sentence_label >= 0)
        CLB_TRY(clb_batch_label(batch, "nsp", first, next_sentence_label));
cleanup:
    return status;
}

/* ---- groups ---- */

/* Sorted as (key, row) pairs in one 64-bit number each: by key, and by row where keys are equal. */
static int by_key_and_row(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* `sorted` is scratch for `count` numbers. */
static void sort_groups(struct clb_groups *groups, const int32_t *keys, int32_t count,
                        uint64_t *sorted)
{
    for (int32_t t = 0; t < count; t++) sorted[t] = (uint64_t)(uint32_t)keys[t] << 32 | (uint32_t)t;
    qsort(sorted, (size_t)count, sizeof *sorted, by_key_and_row);
    groups->count = 0;
    for (int32_t i = 0; i < count; i++) {
        const int32_t key = (int32_t)(sorted[i] >> 32);
        groups->order[i] = (int32_t)sorted[i];
        if (i > 0 && groups->row[groups->count - 1] == key) continue;
        groups->begin[groups->count] = i;
        groups->row[groups->count++] = key;
    }
    groups->begin[groups->count] = count;
}

enum clb_status clb_batch_finish(struct clb_batch *batch)
{
    const int32_t count = batch->total_tokens;
    uint64_t *sorted = malloc(((size_t)count + 1) * sizeof *sorted);
    if (!sorted) return clb_fail(CLB_ERROR_MEMORY, "batch: out of memory");
    sort_groups(&batch->word, batch->input_ids, count, sorted);
    sort_groups(&batch->position, batch->positions, count, sorted);
    sort_groups(&batch->segment, batch->token_type_ids, count, sorted);
    free(sorted);
    batch->finished = true;
    return CLB_OK;
}
