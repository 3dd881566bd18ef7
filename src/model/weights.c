/* SPDX-License-Identifier: Apache-2.0 */
/* Which tensors a model has, in the order in which they lie in memory and under Hugging Face's
 * names. One table walks over all of them: to declare, to list, to save. */
#include "base/error.h"
#include "model/bert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is done with each tensor, in order. */
struct visitor {
    struct clb_arena *arena;    /* declares there, if not NULL */
    struct clb_parameter *list; /* else appends here */
    int count;
};

enum kind { MATRIX, BIAS, GAMMA, STACKED_MATRIX, STACKED_BIAS };

static enum clb_status visit(struct visitor *visitor, enum kind kind, int64_t rows, int64_t columns,
                             struct clb_tensor *tensor, const char *prefix, const char *name)
{
    if (visitor->arena) return clb_arena_add(visitor->arena, CLB_F32, rows, columns, tensor);
    struct clb_parameter *parameter = &visitor->list[visitor->count++];
    snprintf(parameter->name, sizeof parameter->name, "%s%s", prefix, name);
    parameter->tensor = *tensor; /* without memory before commit, and empty for bert_shapes_list */
    parameter->tensor.rows = rows;
    parameter->tensor.columns = columns;
    parameter->parts = kind == STACKED_MATRIX || kind == STACKED_BIAS ? 3 : 1;
    parameter->decay = kind == MATRIX || kind == STACKED_MATRIX;
    parameter->init = parameter->decay ? CLB_INIT_NORMAL
                      : kind == GAMMA  ? CLB_INIT_ONE
                                       : CLB_INIT_ZERO;
    return CLB_OK;
}

static enum clb_status visit_layer(struct visitor *visitor, const struct clb_config *config,
                                   int index, struct bert_layer_weights *w)
{
    const int64_t h = config->hidden_size, i = config->intermediate_size;
    char prefix[64];
    snprintf(prefix, sizeof prefix, "bert.encoder.layer.%d.", index);
    const struct {
        enum kind kind;
        int64_t rows, columns;
        struct clb_tensor *tensor;
        const char *name;
    } table[] = {
        {STACKED_MATRIX, 3 * h, h, &w->qkv_weight, "attention.self.qkv.weight"},
        {STACKED_BIAS, 3 * h, 1, &w->qkv_bias, "attention.self.qkv.bias"},
        {MATRIX, h, h, &w->attention_weight, "attention.output.dense.weight"},
        {BIAS, h, 1, &w->attention_bias, "attention.output.dense.bias"},
        {GAMMA, h, 1, &w->attention_gamma, "attention.output.LayerNorm.weight"},
        {BIAS, h, 1, &w->attention_beta, "attention.output.LayerNorm.bias"},
        {MATRIX, i, h, &w->intermediate_weight, "intermediate.dense.weight"},
        {BIAS, i, 1, &w->intermediate_bias, "intermediate.dense.bias"},
        {MATRIX, h, i, &w->output_weight, "output.dense.weight"},
        {BIAS, h, 1, &w->output_bias, "output.dense.bias"},
        {GAMMA, h, 1, &w->output_gamma, "output.LayerNorm.weight"},
        {BIAS, h, 1, &w->output_beta, "output.LayerNorm.bias"},
    };
    enum clb_status status = CLB_OK;
    for (size_t t = 0; t < sizeof table / sizeof *table && status == CLB_OK; t++)
        status = visit(visitor, table[t].kind, table[t].rows, table[t].columns, table[t].tensor,
                       prefix, table[t].name);
    return status;
}

static enum clb_status visit_all(struct visitor *visitor, const struct clb_config *config,
                                 struct bert_weights *w)
{
    const int64_t h = config->hidden_size, v = config->vocab_size;
    const char *embeddings = "bert.embeddings.", *head = "cls.predictions.";
    enum clb_status status;
    CLB_TRY(visit(visitor, MATRIX, v, h, &w->word, embeddings, "word_embeddings.weight"));
    CLB_TRY(visit(visitor, MATRIX, config->max_position_embeddings, h, &w->position, embeddings,
                  "position_embeddings.weight"));
    CLB_TRY(visit(visitor, MATRIX, config->type_vocab_size, h, &w->segment, embeddings,
                  "token_type_embeddings.weight"));
    CLB_TRY(visit(visitor, GAMMA, h, 1, &w->embedding_gamma, embeddings, "LayerNorm.weight"));
    CLB_TRY(visit(visitor, BIAS, h, 1, &w->embedding_beta, embeddings, "LayerNorm.bias"));
    for (int i = 0; i < config->num_hidden_layers; i++)
        CLB_TRY(visit_layer(visitor, config, i, &w->layers[i]));
    CLB_TRY(visit(visitor, MATRIX, h, h, &w->pooler_weight, "bert.", "pooler.dense.weight"));
    CLB_TRY(visit(visitor, BIAS, h, 1, &w->pooler_bias, "bert.", "pooler.dense.bias"));
    CLB_TRY(visit(visitor, MATRIX, h, h, &w->transform_weight, head, "transform.dense.weight"));
    CLB_TRY(visit(visitor, BIAS, h, 1, &w->transform_bias, head, "transform.dense.bias"));
    CLB_TRY(visit(visitor, GAMMA, h, 1, &w->transform_gamma, head, "transform.LayerNorm.weight"));
    CLB_TRY(visit(visitor, BIAS, h, 1, &w->transform_beta, head, "transform.LayerNorm.bias"));
    CLB_TRY(visit(visitor, BIAS, v, 1, &w->decoder_bias, head, "bias"));
    CLB_TRY(visit(visitor, MATRIX, 2, h, &w->seq_weight, "cls.", "seq_relationship.weight"));
    CLB_TRY(visit(visitor, BIAS, 2, 1, &w->seq_bias, "cls.", "seq_relationship.bias"));
cleanup:
    return status;
}

enum clb_status bert_weights_declare(const struct clb_config *config, struct clb_arena *arena,
                                     struct bert_weights *weights)
{
    weights->layers = calloc((size_t)config->num_hidden_layers, sizeof *weights->layers);
    if (!weights->layers) return clb_fail(CLB_ERROR_MEMORY, "model weights: out of memory");
    struct visitor visitor = {.arena = arena};
    return visit_all(&visitor, config, weights);
}

void bert_weights_free(struct bert_weights *weights)
{
    free(weights->layers);
    weights->layers = NULL;
}

enum clb_status bert_weights_list(const struct clb_config *config,
                                  const struct bert_weights *weights, struct clb_parameter **list,
                                  int *count)
{
    size_t most = 14 + 12 * (size_t)config->num_hidden_layers;
    struct visitor visitor = {.list = calloc(most, sizeof **list)};
    if (!visitor.list) return clb_fail(CLB_ERROR_MEMORY, "model weights: out of memory");
    struct bert_weights copy = *weights; /* listing only reads */
    enum clb_status status = visit_all(&visitor, config, &copy);
    *list = visitor.list;
    *count = visitor.count;
    return status;
}

enum clb_status bert_shapes_list(const struct clb_config *config, struct clb_parameter **list,
                                 int *count)
{
    struct bert_weights none = {0};
    none.layers = calloc((size_t)config->num_hidden_layers, sizeof *none.layers);
    if (!none.layers) return clb_fail(CLB_ERROR_MEMORY, "model weights: out of memory");
    enum clb_status status = bert_weights_list(config, &none, list, count);
    bert_weights_free(&none);
    return status;
}

void bert_part_name(char name[BERT_NAME_SIZE], const char *prefix,
                    const struct clb_parameter *parameter, int part)
{
    static const char *const parts[] = {"query", "key", "value"};
    const char *qkv = parameter->parts == 3 ? strstr(parameter->name, "qkv") : NULL;
    if (qkv)
        snprintf(name, BERT_NAME_SIZE, "%s%.*s%s%s", prefix, (int)(qkv - parameter->name),
                 parameter->name, parts[part], qkv + 3);
    else
        snprintf(name, BERT_NAME_SIZE, "%s%s", prefix, parameter->name);
}
