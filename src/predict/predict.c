/* SPDX-License-Identifier: Apache-2.0 */
#include <clbert/predict.h>

#include "base/error.h"
#include "model/model_files.h"
#include "predict/predict.h"
#include "tokenizer/wordpiece.h"

#include <clbert/model.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct clb_predictor {
    struct clb_tokenizer *tokenizer;
    struct clb_model *model;
    struct clb_batch *batch;
    struct clb_config config;
    char *directory;
};

enum clb_status clb_predictor_open(struct clb_device *device, const char *directory,
                                   enum clb_type precision, struct clb_predictor **out)
{
    struct clb_predictor *p = calloc(1, sizeof *p);
    enum clb_status status;
    if (p) p->directory = strdup(directory);
    if (!p || !p->directory) {
        status = clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", directory);
        goto cleanup;
    }
    CLB_TRY(clb_model_read_config(directory, &p->config));
    CLB_TRY(clb_tokenizer_open(directory, &p->tokenizer));
    CLB_TRY(model_vocabulary_check(directory, clb_tokenizer_vocab_size(p->tokenizer), &p->config));
    const int32_t length = p->config.max_position_embeddings;
    const struct clb_model_limits limits = {
        .max_sequences = 1, .max_tokens = length, .max_masked = length, .operands = precision};
    CLB_TRY(clb_model_create(device, &p->config, &limits, &p->model));
    CLB_TRY(clb_model_commit(p->model));
    CLB_TRY(clb_model_load(p->model, directory, 0));
    CLB_TRY(clb_batch_create(1, length, &p->batch));
    *out = p;
    p = NULL;
cleanup:
    clb_predictor_close(p);
    return status;
}

void clb_predictor_close(struct clb_predictor *p)
{
    if (!p) return;
    clb_batch_destroy(p->batch);
    clb_model_destroy(p->model);
    clb_tokenizer_close(p->tokenizer);
    free(p->directory);
    free(p);
}

const struct clb_tokenizer *clb_predictor_tokenizer(const struct clb_predictor *p)
{
    return p->tokenizer;
}

/* [CLS] A [SEP], and B [SEP] where there is a B; *a_end is the length of the first part. */
static enum clb_status encode(const struct clb_predictor *p, const char *a, const char *b,
                              struct clb_ids *ids, size_t *a_end)
{
    const struct clb_special_ids special = clb_tokenizer_special_ids(p->tokenizer);
    enum clb_status status;
    CLB_TRY(tokenizer_ids_push(ids, special.cls));
    CLB_TRY(clb_tokenizer_encode(p->tokenizer, a, strlen(a), ids));
    CLB_TRY(tokenizer_ids_push(ids, special.sep));
    *a_end = ids->count;
    if (b) {
        CLB_TRY(clb_tokenizer_encode(p->tokenizer, b, strlen(b), ids));
        CLB_TRY(tokenizer_ids_push(ids, special.sep));
    }
    if (ids->count > (size_t)p->config.max_position_embeddings)
        status = clb_fail(CLB_ERROR_ARGUMENT, "the text has %zu tokens, the model takes %d",
                          ids->count, p->config.max_position_embeddings);
cleanup:
    return status;
}

/* Runs the one sequence; labels -100 except at [MASK]. */
static enum clb_status load_batch(struct clb_predictor *p, const struct clb_ids *ids, size_t a_end)
{
    const int32_t mask = clb_tokenizer_special_ids(p->tokenizer).mask;
    int32_t *types = malloc(ids->count * sizeof *types),
            *labels = malloc(ids->count * sizeof *labels);
    enum clb_status status;
    if (!types || !labels) {
        status = clb_fail(CLB_ERROR_MEMORY, "batch: out of memory");
        goto cleanup;
    }
    for (size_t i = 0; i < ids->count; i++) {
        types[i] = i >= a_end;
        labels[i] = ids->ids[i] == mask ? mask : -100; /* any labels: only the logits are read */
    }
    clb_batch_clear(p->batch);
    CLB_TRY(clb_batch_append_pair(p->batch, (int32_t)ids->count, ids->ids, types, labels, 0));
    CLB_TRY(clb_batch_finish(p->batch));
cleanup:
    free(types);
    free(labels);
    return status;
}

static enum clb_status check_head(const struct clb_predictor *p, enum clb_head head)
{
    if (clb_model_heads(p->model) & head) return CLB_OK;
    return head == CLB_HEAD_MLM
               ? clb_fail(CLB_ERROR_FORMAT,
                          "%s: the model has no masked language model head (cls.predictions.*), as "
                          "one that was fine-tuned: take the one it was made from, or pretrain "
                          "--model %s",
                          p->directory, p->directory)
               : clb_fail(CLB_ERROR_FORMAT,
                          "%s: the model has no next sentence prediction head (bert.pooler.*, "
                          "cls.seq_relationship.*): take one that was pretrained with it, or "
                          "pretrain --model %s",
                          p->directory, p->directory);
}

enum clb_status predict_check_finite(const char *directory, const float *logits, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!isfinite(logits[i]))
            return clb_fail(CLB_ERROR_NUMERIC,
                            "%s: what the model answers is not finite (NaN or infinite): its "
                            "weights are damaged, or its training diverged",
                            directory);
    return CLB_OK;
}

/* ---- fill-mask ---- */

static void softmax(float *values, int32_t count)
{
    double largest = values[0], sum = 0;
    for (int32_t i = 1; i < count; i++) largest = values[i] > largest ? values[i] : largest;
    for (int32_t i = 0; i < count; i++) sum += exp((double)values[i] - largest);
    for (int32_t i = 0; i < count; i++) values[i] = (float)(exp((double)values[i] - largest) / sum);
}

/* The `count` largest, best first; of equals the smaller id. */
static void take_best(const float *scores, int32_t size, int count, struct clb_guess *best)
{
    int filled = 0;
    for (int32_t id = 0; id < size; id++) {
        int at = filled;
        while (at > 0 && best[at - 1].score < scores[id]) at--;
        if (at == count) continue;
        if (filled < count) filled++;
        memmove(&best[at + 1], &best[at], (size_t)(filled - 1 - at) * sizeof *best);
        best[at] = (struct clb_guess){scores[id], id};
    }
}

enum clb_status clb_fill_mask(struct clb_predictor *p, const char *text, int top_k,
                              struct clb_ids *ids, int32_t **positions, int *mask_count,
                              struct clb_guess **guesses)
{
    const int32_t vocab = p->config.vocab_size;
    float *logits = NULL;
    size_t a_end;
    enum clb_status status;
    *ids = (struct clb_ids){0};
    *positions = NULL;
    *guesses = NULL;
    CLB_TRY(check_head(p, CLB_HEAD_MLM));
    if (top_k < 1 || top_k > vocab) {
        status = clb_fail(CLB_ERROR_ARGUMENT, "--top-k should be 1 .. %d", vocab);
        goto cleanup;
    }
    CLB_TRY(encode(p, text, NULL, ids, &a_end));
    CLB_TRY(load_batch(p, ids, a_end));
    const struct clb_labels *masked = clb_batch_labels(p->batch, "mlm");
    const int masks = masked ? masked->count : 0;
    if (masks == 0) {
        status = clb_fail(CLB_ERROR_ARGUMENT, "no [MASK] in \"%s\"", text);
        goto cleanup;
    }
    logits = malloc((size_t)masks * (size_t)vocab * sizeof *logits);
    *positions = malloc((size_t)masks * sizeof **positions);
    *guesses = malloc((size_t)masks * (size_t)top_k * sizeof **guesses);
    if (!logits || !*positions || !*guesses) {
        status = clb_fail(CLB_ERROR_MEMORY, "guesses: out of memory");
        goto cleanup;
    }
    memcpy(*positions, masked->rows, (size_t)masks * sizeof **positions);
    CLB_TRY(clb_model_predict(p->model, p->batch, "mlm", logits));
    CLB_TRY(predict_check_finite(p->directory, logits, (size_t)masks * (size_t)vocab));
    for (int m = 0; m < masks; m++) {
        softmax(logits + (size_t)m * (size_t)vocab, vocab);
        take_best(logits + (size_t)m * (size_t)vocab, vocab, top_k,
                  *guesses + (size_t)m * (size_t)top_k);
    }
    *mask_count = masks;
cleanup:
    free(logits);
    if (status != CLB_OK) {
        clb_ids_free(ids);
        free(*positions);
        free(*guesses);
    }
    return status;
}

/* ---- next sentence ---- */

enum clb_status clb_next_sentence(struct clb_predictor *p, const char *a, const char *b,
                                  double *is_next)
{
    struct clb_ids ids = {0};
    float logits[2];
    size_t a_end;
    enum clb_status status;
    CLB_TRY(check_head(p, CLB_HEAD_NSP));
    CLB_TRY(encode(p, a, b, &ids, &a_end));
    CLB_TRY(load_batch(p, &ids, a_end));
    CLB_TRY(clb_model_predict(p->model, p->batch, "nsp", logits));
    CLB_TRY(predict_check_finite(p->directory, logits, 2));
    *is_next = 1.0 / (1.0 + exp((double)logits[1] - (double)logits[0]));
cleanup:
    clb_ids_free(&ids);
    return status;
}
