/* SPDX-License-Identifier: Apache-2.0 */
/* What memory a pass needs: planned once for the largest batch. */
#include "base/error.h"
#include "model/bert.h"

#include <stdlib.h>

/* Logits of one chunk of the MLM head are at most this many elements (128 MiB), so that the
 * vocabulary's loss needs the same memory for any batch. */
#define CHUNK_ELEMENTS ((int64_t)32 << 20)

/* A quarter of the tokens is more than is ever masked by habit; more takes more chunks. */
static int32_t chunk_rows(const struct clb_config *config, const struct clb_model_limits *limits)
{
    int64_t rows = CHUNK_ELEMENTS / config->vocab_size, usual = limits->max_tokens / 4;
    if (rows > usual) rows = usual;
    if (rows < 64) rows = 64;
    return rows < limits->max_masked ? (int32_t)rows : limits->max_masked;
}

static enum clb_status declare_layer(struct clb_model *model, struct clb_arena *arena,
                                     struct bert_layer_activations *a)
{
    const int64_t t = model->limits.max_tokens, h = model->config.hidden_size;
    const int64_t i = model->config.intermediate_size, n = model->config.num_attention_heads;
    enum clb_status status;
    CLB_TRY(clb_arena_add(arena, CLB_F32, t, 3 * h, &a->qkv));
    CLB_TRY(clb_arena_add(arena, CLB_F32, t, h, &a->attention));
    CLB_TRY(clb_arena_add(arena, CLB_F32, n, t, &a->lse));
    CLB_TRY(clb_arena_add(arena, CLB_F32, t, h, &a->sum1));
    CLB_TRY(clb_arena_add(arena, CLB_F32, t, 2, &a->stats1));
    CLB_TRY(clb_arena_add(arena, CLB_F32, t, h, &a->hidden1));
    if (model->limits.training) CLB_TRY(clb_arena_add(arena, CLB_F32, t, i, &a->pre));
    CLB_TRY(clb_arena_add(arena, CLB_F32, t, i, &a->act));
    CLB_TRY(clb_arena_add(arena, CLB_F32, t, h, &a->sum2));
    CLB_TRY(clb_arena_add(arena, CLB_F32, t, 2, &a->stats2));
    CLB_TRY(clb_arena_add(arena, CLB_F32, t, h, &a->hidden2));
cleanup:
    return status;
}

static enum clb_status declare_heads(struct clb_model *model, struct clb_arena *arena)
{
    struct bert_activations *a = &model->activations;
    const int64_t b = model->limits.max_sequences, c = model->chunk_rows;
    const int64_t h = model->config.hidden_size, v = model->config.vocab_size;
    enum clb_status status;
    CLB_TRY(clb_arena_add(arena, CLB_F32, c, h, &a->masked));
    CLB_TRY(clb_arena_add(arena, CLB_F32, c, h, &a->transform_pre));
    CLB_TRY(clb_arena_add(arena, CLB_F32, c, h, &a->transform));
    CLB_TRY(clb_arena_add(arena, CLB_F32, c, 2, &a->transform_stats));
    CLB_TRY(clb_arena_add(arena, CLB_F32, c, h, &a->predicted));
    CLB_TRY(clb_arena_add(arena, CLB_F32, c, v, &a->logits));
    CLB_TRY(clb_arena_add(arena, CLB_F32, b, h, &a->cls));
    CLB_TRY(clb_arena_add(arena, CLB_F32, b, h, &a->pooled));
    CLB_TRY(clb_arena_add(arena, CLB_F32, b, 2, &a->nsp_logits));
    CLB_TRY(clb_arena_add(arena, CLB_F32, 2, 1, &a->mlm_sums));
    CLB_TRY(clb_arena_add(arena, CLB_F32, 2, 1, &a->nsp_sums));
cleanup:
    return status;
}

static enum clb_status declare_gradients(struct clb_model *model, struct clb_arena *arena)
{
    struct bert_activations *a = &model->activations;
    const int64_t t = model->limits.max_tokens, h = model->config.hidden_size;
    const int64_t b = model->limits.max_sequences, c = model->chunk_rows;
    enum clb_status status;
    CLB_TRY(clb_arena_add(arena, CLB_F32, t, h, &a->d_hidden));
    CLB_TRY(clb_arena_add(arena, CLB_F32, t, h, &a->d_sum));
    CLB_TRY(clb_arena_add(arena, CLB_F32, t, h, &a->d_y));
    CLB_TRY(clb_arena_add(arena, CLB_F32, t, model->config.intermediate_size, &a->d_intermediate));
    CLB_TRY(clb_arena_add(arena, CLB_F32, t, 3 * h, &a->d_qkv));
    CLB_TRY(clb_arena_add(arena, CLB_F32, b > c ? b : c, h, &a->d_rows));
    CLB_TRY(clb_arena_add(arena, CLB_F32, b > c ? b : c, h, &a->d_rows_sum));
cleanup:
    return status;
}

/* One arena for what every pass shares, and one a layer: a device's cap on one allocation is then
 * met by a layer, not by the whole. */
enum clb_status bert_activations_declare(struct clb_model *model)
{
    struct bert_activations *a = &model->activations;
    const int layers = model->config.num_hidden_layers;
    const int64_t t = model->limits.max_tokens, h = model->config.hidden_size;
    model->chunk_rows = chunk_rows(&model->config, &model->limits);
    model->chunks = (model->limits.max_masked + model->chunk_rows - 1) / model->chunk_rows;
    a->layers = calloc((size_t)layers, sizeof *a->layers);
    model->activation_arenas = calloc((size_t)layers + 1, sizeof(struct clb_arena *));
    if (!a->layers || !model->activation_arenas)
        return clb_fail(CLB_ERROR_MEMORY, "activations: out of memory");

    enum clb_status status;
    struct clb_arena **arena = &model->activation_arenas[model->activation_arena_count++];
    CLB_TRY(clb_arena_create(model->device, "activations of embeddings and heads", arena));
    CLB_TRY(clb_arena_add(*arena, CLB_F32, t, h, &a->embedding));
    CLB_TRY(clb_arena_add(*arena, CLB_F32, t, h, &a->embedding_sum));
    CLB_TRY(clb_arena_add(*arena, CLB_F32, t, 2, &a->embedding_stats));
    CLB_TRY(declare_heads(model, *arena));
    if (model->limits.training) CLB_TRY(declare_gradients(model, *arena));

    /* Without training two layers' worth serve in turn: one is read while the other is written. */
    for (int i = 0; i < layers && (model->limits.training || i < 2); i++) {
        arena = &model->activation_arenas[model->activation_arena_count++];
        CLB_TRY(clb_arena_create(model->device, "activations of a layer", arena));
        CLB_TRY(declare_layer(model, *arena, &a->layers[i]));
    }
cleanup:
    return status;
}

static enum clb_status declare_groups(struct clb_arena *arena, int64_t tokens, int64_t table_rows,
                                      struct clb_row_groups *groups)
{
    int64_t count = tokens < table_rows ? tokens : table_rows;
    enum clb_status status;
    CLB_TRY(clb_arena_add(arena, CLB_I32, tokens, 1, &groups->order));
    CLB_TRY(clb_arena_add(arena, CLB_I32, count + 1, 1, &groups->begin));
    CLB_TRY(clb_arena_add(arena, CLB_I32, count, 1, &groups->row));
cleanup:
    return status;
}

enum clb_status bert_batch_declare(struct clb_model *model)
{
    struct bert_device_batch *batch = &model->batch;
    struct clb_arena *arena = model->batch_arena;
    const struct clb_config *config = &model->config;
    const int64_t t = model->limits.max_tokens, b = model->limits.max_sequences;
    batch->masked_rows = calloc((size_t)model->chunks, sizeof *batch->masked_rows);
    batch->masked_labels = calloc((size_t)model->chunks, sizeof *batch->masked_labels);
    if (!batch->masked_rows || !batch->masked_labels)
        return clb_fail(CLB_ERROR_MEMORY, "batch: out of memory");
    enum clb_status status;
    CLB_TRY(clb_arena_add(arena, CLB_I32, t, 1, &batch->ids));
    CLB_TRY(clb_arena_add(arena, CLB_I32, t, 1, &batch->positions));
    CLB_TRY(clb_arena_add(arena, CLB_I32, t, 1, &batch->segments));
    CLB_TRY(clb_arena_add(arena, CLB_I32, b + 1, 1, &batch->cu_seqlens));
    CLB_TRY(clb_arena_add(arena, CLB_I32, b, 1, &batch->next_sentence_labels));
    for (int c = 0; c < model->chunks; c++) {
        CLB_TRY(clb_arena_add(arena, CLB_I32, model->chunk_rows, 1, &batch->masked_rows[c]));
        CLB_TRY(clb_arena_add(arena, CLB_I32, model->chunk_rows, 1, &batch->masked_labels[c]));
    }
    if (model->limits.training) {
        CLB_TRY(declare_groups(arena, t, config->vocab_size, &batch->word));
        CLB_TRY(declare_groups(arena, t, config->max_position_embeddings, &batch->position));
        CLB_TRY(declare_groups(arena, t, config->type_vocab_size, &batch->segment));
    }
cleanup:
    return status;
}
