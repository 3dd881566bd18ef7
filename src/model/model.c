/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "model/bert.h"

#include <stdlib.h>
#include <string.h>

/* ---- life ---- */

static enum clb_status check_limits(const struct clb_config *config,
                                    const struct clb_model_limits *limits)
{
    if (limits->max_sequences < 1 || limits->max_tokens < limits->max_sequences ||
        limits->max_masked < 1 || limits->max_masked > limits->max_tokens)
        return clb_fail(CLB_ERROR_ARGUMENT,
                        "a batch of %d sequences, %d tokens, %d masked cannot be",
                        limits->max_sequences, limits->max_tokens, limits->max_masked);
    return clb_config_check(config, "model");
}

/* Once for the shapes, and again when the tensors have memory. */
static enum clb_status list_parameters(struct clb_model *model)
{
    free(model->parameters);
    model->parameters = NULL;
    return bert_weights_list(&model->config, &model->weights, &model->parameters,
                             &model->parameter_count);
}

enum clb_status clb_model_create(struct clb_device *device, const struct clb_config *config,
                                 const struct clb_model_limits *limits, struct clb_model **out)
{
    enum clb_status status = check_limits(config, limits);
    if (status != CLB_OK) return status;
    struct clb_model *model = calloc(1, sizeof *model);
    if (!model) return clb_fail(CLB_ERROR_MEMORY, "model: out of memory");
    model->device = device;
    model->config = *config;
    model->limits = *limits;
    CLB_TRY(clb_arena_create(device, "weights", &model->weight_arena));
    CLB_TRY(bert_weights_declare(config, model->weight_arena, &model->weights));
    CLB_TRY(list_parameters(model));
    if (limits->training) {
        CLB_TRY(clb_arena_create(device, "gradients", &model->gradient_arena));
        CLB_TRY(bert_weights_declare(config, model->gradient_arena, &model->gradients));
    }
    CLB_TRY(bert_activations_declare(model));
    CLB_TRY(clb_arena_create(device, "batch", &model->batch_arena));
    CLB_TRY(bert_batch_declare(model));
    *out = model;
    model = NULL;
cleanup:
    clb_model_destroy(model);
    return status;
}

void clb_model_destroy(struct clb_model *model)
{
    if (!model) return;
    clb_arena_destroy(model->weight_arena);
    clb_arena_destroy(model->gradient_arena);
    clb_arena_destroy(model->batch_arena);
    for (int i = 0; i < model->activation_arena_count; i++)
        clb_arena_destroy(model->activation_arenas[i]);
    free(model->activation_arenas);
    bert_weights_free(&model->weights);
    bert_weights_free(&model->gradients);
    free(model->activations.layers);
    free(model->batch.masked_rows);
    free(model->batch.masked_labels);
    free(model->parameters);
    free(model->gradient_list);
    free(model);
}

struct clb_memory_plan clb_model_memory(const struct clb_model *model)
{
    struct clb_memory_plan plan = {
        .weights = clb_arena_bytes(model->weight_arena),
        .gradients = model->gradient_arena ? clb_arena_bytes(model->gradient_arena) : 0,
        .batch = clb_arena_bytes(model->batch_arena),
    };
    for (int i = 0; i < model->activation_arena_count; i++)
        plan.activations += clb_arena_bytes(model->activation_arenas[i]);
    return plan;
}

const struct clb_config *clb_model_config(const struct clb_model *model)
{
    return &model->config;
}

enum clb_status clb_model_commit(struct clb_model *model)
{
    enum clb_status status;
    CLB_TRY(clb_arena_commit(model->weight_arena));
    CLB_TRY(list_parameters(model));
    if (model->gradient_arena) {
        int count;
        CLB_TRY(clb_arena_commit(model->gradient_arena));
        CLB_TRY(
            bert_weights_list(&model->config, &model->gradients, &model->gradient_list, &count));
    }
    CLB_TRY(clb_arena_commit(model->batch_arena));
    for (int i = 0; i < model->activation_arena_count; i++)
        CLB_TRY(clb_arena_commit(model->activation_arenas[i]));
cleanup:
    return status;
}

/* ---- parameters ---- */

const struct clb_parameter *clb_model_parameters(const struct clb_model *model, int *count)
{
    *count = model->parameter_count;
    return model->parameters;
}

const struct clb_parameter *clb_model_gradients(const struct clb_model *model, int *count)
{
    *count = model->gradient_list ? model->parameter_count : 0;
    return model->gradient_list;
}

struct clb_tensor clb_model_weights_whole(const struct clb_model *model)
{
    return clb_arena_whole(model->weight_arena);
}

struct clb_tensor clb_model_gradients_whole(const struct clb_model *model)
{
    return clb_arena_whole(model->gradient_arena);
}

enum clb_status clb_model_like_parameters(const struct clb_model *model, struct clb_arena *arena,
                                          struct clb_parameter **parameters, int *count)
{
    *count = model->parameter_count;
    *parameters = calloc((size_t)model->parameter_count, sizeof **parameters);
    if (!*parameters) return clb_fail(CLB_ERROR_MEMORY, "parameters: out of memory");
    enum clb_status status = CLB_OK;
    for (int i = 0; i < *count && status == CLB_OK; i++) {
        struct clb_tensor shape = model->parameters[i].tensor;
        (*parameters)[i] = model->parameters[i];
        status = clb_arena_add(arena, CLB_F32, shape.rows, shape.columns, &(*parameters)[i].tensor);
    }
    return status;
}

int bert_parameter_head(const char *name)
{
    if (strncmp(name, "cls.predictions.", 16) == 0) return CLB_HEAD_MLM;
    if (strncmp(name, "cls.", 4) == 0 || strncmp(name, "bert.pooler.", 12) == 0)
        return CLB_HEAD_NSP;
    return 0;
}

int clb_model_heads(const struct clb_model *model)
{
    return model->heads;
}

enum clb_status bert_initialize_parameter(const struct clb_model *model, int index, uint64_t seed)
{
    const struct clb_parameter *parameter = &model->parameters[index];
    const struct clb_random random = {seed, CLB_PURPOSE_INIT + (uint32_t)index, 0};
    if (parameter->init == CLB_INIT_NORMAL)
        return clb_fill_truncated_normal(&parameter->tensor, model->config.initializer_range,
                                         random);
    return clb_fill(&parameter->tensor, parameter->init == CLB_INIT_ONE ? 1.0f : 0.0f);
}

enum clb_status clb_model_initialize(struct clb_model *model, uint64_t seed)
{
    enum clb_status status = CLB_OK;
    for (int i = 0; i < model->parameter_count && status == CLB_OK; i++)
        status = bert_initialize_parameter(model, i, seed);
    if (status == CLB_OK) model->heads = CLB_HEAD_MLM | CLB_HEAD_NSP;
    return status;
}

/* ---- a pass ---- */

static enum clb_status check_batch(const struct clb_model *model, const struct clb_batch *batch)
{
    const struct clb_model_limits *limits = &model->limits;
    const struct clb_config *config = &model->config;
    if (!batch->finished)
        return clb_fail(CLB_ERROR_ARGUMENT, "the batch is not finished: call clb_batch_finish");
    if (batch->sequences < 1 || batch->sequences > limits->max_sequences ||
        batch->total_tokens > limits->max_tokens || batch->masked > limits->max_masked)
        return clb_fail(
            CLB_ERROR_ARGUMENT,
            "batch of %d sequences, %d tokens, %d masked is over the model's %d, %d, %d",
            batch->sequences, batch->total_tokens, batch->masked, limits->max_sequences,
            limits->max_tokens, limits->max_masked);
    if (batch->max_seqlen > config->max_position_embeddings)
        return clb_fail(CLB_ERROR_ARGUMENT,
                        "a sequence of %d tokens; max_position_embeddings is %d", batch->max_seqlen,
                        config->max_position_embeddings);
    for (int32_t t = 0; t < batch->total_tokens; t++) {
        if (batch->input_ids[t] < 0 || batch->input_ids[t] >= config->vocab_size)
            return clb_fail(CLB_ERROR_ARGUMENT, "token id %d; the model's vocab_size is %d",
                            batch->input_ids[t], config->vocab_size);
        if (batch->token_type_ids[t] < 0 || batch->token_type_ids[t] >= config->type_vocab_size)
            return clb_fail(CLB_ERROR_ARGUMENT,
                            "token type id %d; the model's type_vocab_size is %d",
                            batch->token_type_ids[t], config->type_vocab_size);
    }
    for (int32_t b = 0; b < batch->sequences; b++)
        if (batch->next_sentence_labels[b] < -1 || batch->next_sentence_labels[b] > 1)
            return clb_fail(CLB_ERROR_ARGUMENT, "next sentence label %d should be 0, 1 or -1",
                            batch->next_sentence_labels[b]);
    for (int32_t r = 0; r < batch->masked; r++)
        if (batch->masked_labels[r] < 0 || batch->masked_labels[r] >= config->vocab_size)
            return clb_fail(CLB_ERROR_ARGUMENT, "label %d; the model's vocab_size is %d",
                            batch->masked_labels[r], config->vocab_size);
    return CLB_OK;
}

static enum clb_status upload_groups(struct clb_row_groups *device, const struct clb_groups *host,
                                     int32_t tokens)
{
    enum clb_status status;
    device->order.rows = tokens;
    device->begin.rows = host->count + 1;
    device->row.rows = host->count;
    CLB_TRY(clb_tensor_write(device->order, host->order, tokens));
    CLB_TRY(clb_tensor_write(device->begin, host->begin, host->count + 1));
    CLB_TRY(clb_tensor_write(device->row, host->row, host->count));
cleanup:
    return status;
}

/* A pair without a label (-1) counts as IsNext: who predicts does not look at the loss. */
static enum clb_status upload_pair_labels(struct clb_model *model, const struct clb_batch *batch)
{
    int32_t labels[256];
    struct clb_tensor tensor = model->batch.next_sentence_labels;
    bool labelled = true;
    for (int32_t b = 0; b < batch->sequences; b++) labelled &= batch->next_sentence_labels[b] >= 0;
    if (labelled) return clb_tensor_write(tensor, batch->next_sentence_labels, batch->sequences);
    if (batch->sequences > 256)
        return clb_fail(CLB_ERROR_ARGUMENT, "over 256 pairs, some without a label");
    for (int32_t b = 0; b < batch->sequences; b++)
        labels[b] = batch->next_sentence_labels[b] == 1 ? 1 : 0;
    return clb_tensor_write(tensor, labels, batch->sequences);
}

static enum clb_status upload(struct clb_model *model, const struct clb_batch *batch, bool training)
{
    struct bert_device_batch *d = &model->batch;
    const int32_t t = batch->total_tokens;
    enum clb_status status;
    CLB_TRY(check_batch(model, batch));
    CLB_TRY(clb_tensor_write(d->ids, batch->input_ids, t));
    CLB_TRY(clb_tensor_write(d->positions, batch->positions, t));
    CLB_TRY(clb_tensor_write(d->segments, batch->token_type_ids, t));
    CLB_TRY(clb_tensor_write(d->cu_seqlens, batch->cu_seqlens, batch->sequences + 1));
    CLB_TRY(upload_pair_labels(model, batch));
    for (int c = 0; (int64_t)c * model->chunk_rows < batch->masked; c++) {
        int32_t first = c * model->chunk_rows, left = batch->masked - first;
        int32_t rows = left < model->chunk_rows ? left : model->chunk_rows;
        CLB_TRY(clb_tensor_write(d->masked_rows[c], batch->masked_rows + first, rows));
        CLB_TRY(clb_tensor_write(d->masked_labels[c], batch->masked_labels + first, rows));
    }
    if (training) {
        CLB_TRY(upload_groups(&d->word, &batch->word, t));
        CLB_TRY(upload_groups(&d->position, &batch->position, t));
        CLB_TRY(upload_groups(&d->segment, &batch->segment, t));
    }
cleanup:
    return status;
}

static struct bert_pass pass_of(const struct clb_batch *batch)
{
    return (struct bert_pass){.tokens = batch->total_tokens,
                              .sequences = batch->sequences,
                              .masked = batch->masked,
                              .max_seqlen = batch->max_seqlen};
}

enum clb_status clb_model_train(struct clb_model *model, const struct clb_batch *batch,
                                uint64_t seed, uint32_t stream, struct clb_loss_scales scales)
{
    if (!model->limits.training)
        return clb_fail(CLB_ERROR_ARGUMENT, "the model was not created for training");
    struct bert_pass pass = pass_of(batch);
    pass.training = true;
    pass.seed = seed;
    pass.stream = stream;
    pass.scales = scales;
    enum clb_status status;
    CLB_TRY(upload(model, batch, true));
    CLB_TRY(bert_encoder_forward(model, &pass));
    CLB_TRY(bert_heads(model, &pass));
    CLB_TRY(bert_encoder_backward(model, &pass));
cleanup:
    return status;
}

enum clb_status clb_model_predict(struct clb_model *model, const struct clb_batch *batch,
                                  float *mlm, float *nsp)
{
    struct bert_pass pass = pass_of(batch);
    pass.mlm_logits = mlm;
    pass.nsp_logits = nsp;
    enum clb_status status;
    CLB_TRY(upload(model, batch, false));
    CLB_TRY(bert_encoder_forward(model, &pass));
    CLB_TRY(bert_heads(model, &pass));
cleanup:
    return status;
}

enum clb_status clb_model_evaluate(struct clb_model *model, const struct clb_batch *batch)
{
    return clb_model_predict(model, batch, NULL, NULL);
}

enum clb_status clb_model_read_losses(const struct clb_model *model, struct clb_losses *losses)
{
    const struct bert_activations *a = &model->activations;
    float mlm[2], nsp[2];
    enum clb_status status;
    CLB_TRY(clb_tensor_read(a->mlm_sums, mlm, 2));
    CLB_TRY(clb_tensor_read(a->nsp_sums, nsp, 2));
    *losses = (struct clb_losses){mlm[0], mlm[1], nsp[0], nsp[1]};
cleanup:
    return status;
}

enum clb_status clb_model_write_losses(struct clb_model *model, const struct clb_losses *losses)
{
    const float mlm[2] = {(float)losses->mlm_loss, (float)losses->mlm_correct};
    const float nsp[2] = {(float)losses->nsp_loss, (float)losses->nsp_correct};
    enum clb_status status;
    CLB_TRY(clb_tensor_write(model->activations.mlm_sums, mlm, 2));
    CLB_TRY(clb_tensor_write(model->activations.nsp_sums, nsp, 2));
cleanup:
    return status;
}
