/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "model/module.h"

#include <math.h>
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
    if (limits->frozen_modules < 0 || limits->frozen_modules > 1 + config->num_hidden_layers)
        return clb_fail(CLB_ERROR_ARGUMENT,
                        "%d modules cannot be frozen: the model has embeddings and %d blocks",
                        limits->frozen_modules, config->num_hidden_layers);
    return clb_config_check(config, "model");
}

enum clb_status clb_model_create(struct clb_device *device, const struct clb_config *config,
                                 const struct clb_model_limits *limits, struct clb_model **out)
{
    enum clb_status status = check_limits(config, limits);
    if (status == CLB_OK) status = clb_device_check_precision(device, limits->operands);
    if (status != CLB_OK) return status;
    struct clb_model *model = calloc(1, sizeof *model);
    if (!model) return clb_fail(CLB_ERROR_MEMORY, "model: out of memory");
    model->device = device;
    model->config = *config;
    model->limits = *limits;
    CLB_TRY(registry_create(device, limits, &model->registry));
    registry_input(model->registry, &model->cu_seqlens, limits->max_sequences + 1);
    CLB_TRY(model_make_modules(model));
    if (limits->training && registry_loss_count(model->registry) == 0) {
        status = clb_fail(CLB_ERROR_ARGUMENT, "%s has no loss: it can be asked, but not trained",
                          model_architecture_name(config->architecture));
        goto cleanup;
    }
    if (limits->training)
        registry_activation(model->registry, &model->d_hidden, "d_hidden", limits->max_tokens,
                            config->hidden_size, SCRATCH);
    registry_activation(model->registry, &model->embedding, INNER, limits->max_sequences,
                        config->hidden_size, SCRATCH);
    CLB_TRY(registry_plan(model->registry));
    *out = model;
    model = NULL;
cleanup:
    clb_model_destroy(model);
    return status;
}

void clb_model_destroy(struct clb_model *model)
{
    if (!model) return;
    registry_destroy(model->registry);
    model_free_modules(model);
    json_decref(model->labels);
    free(model->class_weights);
    free(model);
}

struct clb_memory_plan clb_model_memory(const struct clb_model *model)
{
    return registry_memory(model->registry);
}

const struct clb_config *clb_model_config(const struct clb_model *model)
{
    return &model->config;
}

struct clb_model_limits clb_model_limits(const struct clb_model *model)
{
    return model->limits;
}

enum clb_type clb_model_operands(const struct clb_model *model)
{
    return model->limits.operands;
}

enum clb_status clb_model_commit(struct clb_model *model)
{
    return registry_commit(model->registry);
}

static bool is_filled(const struct clb_model *model, const struct module_class *class)
{
    for (int i = 0; i < model->module_count; i++)
        if (model->modules[i]->class == class) return model->modules[i]->filled;
    return false;
}

int clb_model_heads(const struct clb_model *model)
{
    int heads = 0;
    for (int i = 0; i < model->module_count; i++) {
        const struct module *module = model->modules[i];
        const struct module_class *on = module->class->on;
        if (module->filled && (!on || is_filled(model, on))) heads |= module->class->head;
    }
    return heads;
}

/* ---- a pass ---- */

struct clb_dropout pass_dropout(const struct pass *pass, float probability, const struct site *site)
{
    const uint32_t purpose = CLB_PURPOSE_DROPOUT;
    const struct clb_random by_number = {pass->seed, purpose + (uint32_t)site->number,
                                         pass->stream};
    return (struct clb_dropout){
        .probability = pass->training ? probability : 0.0f,
        .random = pass->model->streams == CLB_STREAMS_BY_NUMBER
                      ? by_number
                      : clb_random_named(pass->seed, purpose, pass->stream, site->name)};
}

struct clb_dropout pass_classifier_dropout(const struct pass *pass)
{
    static const struct site site = {"dropout", 0xffff}; /* 0.1.0 had no such site */
    const struct clb_config *config = &pass->model->config;
    return pass_dropout(pass,
                        config->classifier_dropout < 0.0f ? config->hidden_dropout_prob
                                                          : config->classifier_dropout,
                        &site);
}

void clb_model_set_streams(struct clb_model *model, enum clb_streams streams)
{
    model->streams = streams;
}

enum clb_streams clb_model_streams(const struct clb_model *model)
{
    return model->streams;
}

static enum clb_status check_batch(const struct clb_model *model, const struct clb_batch *batch)
{
    const struct clb_model_limits *limits = &model->limits;
    const struct clb_config *config = &model->config;
    if (!batch->finished)
        return clb_fail(CLB_ERROR_ARGUMENT, "the batch is not finished: call clb_batch_finish");
    if (batch->sequences < 1 || batch->sequences > limits->max_sequences ||
        batch->total_tokens > limits->max_tokens)
        return clb_fail(
            CLB_ERROR_ARGUMENT, "batch of %d sequences, %d tokens is over the model's %d, %d",
            batch->sequences, batch->total_tokens, limits->max_sequences, limits->max_tokens);
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
    enum clb_status status = CLB_OK;
    for (int i = 0; i < model->module_count && status == CLB_OK; i++) {
        const struct module *module = model->modules[i];
        if (module->class->check) status = module->class->check(module, batch);
    }
    return status;
}

/* The batch goes to the device, and a pass over it begins. */
static enum clb_status begin_pass(struct clb_model *model, const struct clb_batch *batch,
                                  struct pass *pass)
{
    enum clb_status status;
    CLB_TRY(check_batch(model, batch));
    CLB_TRY(registry_begin_batch(model->registry));
    registry_stage(model->registry, &model->cu_seqlens, batch->cu_seqlens, batch->sequences + 1);
    for (int i = 0; i < model->module_count; i++) {
        struct module *module = model->modules[i];
        if (module->class->stage) module->class->stage(module, batch, model->registry);
    }
    pass->model = model;
    pass->batch = batch;
    if (pass->modules == 0) pass->modules = model->module_count;
    pass->tokens = batch->total_tokens;
    pass->sequences = batch->sequences;
    pass->max_seqlen = batch->max_seqlen;
    pass->cu_seqlens = clb_tensor_first_rows(model->cu_seqlens, batch->sequences + 1);
    pass->d_hidden = clb_tensor_first_rows(model->d_hidden, batch->total_tokens);
    CLB_TRY(registry_send_batch(model->registry));
    CLB_TRY(registry_cast_weights(model->registry));
cleanup:
    return status;
}

/* Up to the last block, then the heads, whose losses add their gradients up in d_hidden. */
static enum clb_status forward(struct clb_model *model, struct pass *pass)
{
    enum clb_status status = CLB_OK;
    struct module *below = NULL;
    bool begun = false; /* the gradient */
    for (int i = 0; i < pass->modules && status == CLB_OK; i++) {
        struct module *module = model->modules[i];
        if (module->class->is_head && pass->training && !begun)
            CLB_TRY(clb_fill(&pass->d_hidden, 0.0f));
        begun |= module->class->is_head;
        module->below = below;
        module->input = pass->hidden;
        module->input_operand = pass->operand;
        status = module->class->forward(module, pass);
        if (!module->class->is_head) below = module;
    }
cleanup:
    return status;
}

enum clb_status module_remake_input(const struct module *module, struct pass *pass)
{
    if (module->model->limits.gradient_checkpointing || registry_copies(module->model->registry))
        return CLB_OK; /* it was kept, or a copy for products */
    return module->below->class->remake(module->below, pass);
}

/* Parameters follow one another by module, so those of one are a stretch of the list. */
static void say_ready(const struct clb_model *model, int module)
{
    int count, first = 0, end;
    if (!model->ready) return;
    registry_weights(model->registry, &count);
    while (first < count && registry_module_of(model->registry, first) < module) first++;
    for (end = first; end < count && registry_module_of(model->registry, end) == module;) end++;
    if (end > first) model->ready(model->ready_context, first, end - first);
}

static enum clb_status backward(struct clb_model *model, struct pass *pass)
{
    const bool recompute = model->limits.gradient_checkpointing;
    enum clb_status status = CLB_OK;
    for (int i = model->module_count - 1; i >= 0; i--) {
        struct module *module = model->modules[i];
        const bool frozen = i < model->limits.frozen_modules;
        if (!frozen && recompute && module->class->recompute)
            CLB_TRY(module->class->forward(module, pass));
        if (!frozen && module->class->backward) CLB_TRY(module->class->backward(module, pass));
        say_ready(model, i);
    }
cleanup:
    return status;
}

void clb_model_on_gradients(struct clb_model *model, clb_gradients_ready *ready, void *context)
{
    model->ready = ready;
    model->ready_context = context;
}

enum clb_status clb_model_train(struct clb_model *model, const struct clb_batch *batch,
                                uint64_t seed, uint32_t stream, struct clb_loss_scales scales)
{
    struct pass pass = {.training = true, .seed = seed, .stream = stream, .scales = scales};
    enum clb_status status;
    if (!model->limits.training)
        return clb_fail(CLB_ERROR_ARGUMENT, "the model was not created for training");
    CLB_TRY(begin_pass(model, batch, &pass));
    CLB_TRY(forward(model, &pass));
    CLB_TRY(backward(model, &pass));
cleanup:
    return status;
}

static bool has_head(const struct clb_model *model, const char *name)
{
    for (int i = 0; i < model->module_count; i++) {
        const struct module_class *class = model->modules[i]->class;
        if (class->answers && strcmp(class->name, name) == 0) return true;
    }
    return false;
}

enum clb_status clb_model_predict(struct clb_model *model, const struct clb_batch *batch,
                                  const char *head, float *logits)
{
    struct pass pass = {.head = head, .logits = logits};
    if (!has_head(model, head))
        return clb_fail(CLB_ERROR_ARGUMENT, "the model has no head \"%s\"", head);
    enum clb_status status = begin_pass(model, batch, &pass);
    return status == CLB_OK ? forward(model, &pass) : status;
}

enum clb_status clb_model_evaluate(struct clb_model *model, const struct clb_batch *batch)
{
    struct pass pass = {0};
    enum clb_status status = begin_pass(model, batch, &pass);
    return status == CLB_OK ? forward(model, &pass) : status;
}

/* ---- the encoder alone ---- */

/* Up to the output of the embeddings, or of block `layer`. */
static enum clb_status encode(struct clb_model *model, const struct clb_batch *batch, int layer,
                              struct pass *pass)
{
    *pass = (struct pass){.modules = 1 + layer};
    const enum clb_status status = begin_pass(model, batch, pass);
    return status == CLB_OK ? forward(model, pass) : status;
}

enum clb_status clb_model_hidden(struct clb_model *model, const struct clb_batch *batch, int layer,
                                 float *hidden)
{
    struct pass pass;
    if (layer < 0 || layer > model->config.num_hidden_layers)
        return clb_fail(CLB_ERROR_ARGUMENT, "layer %d: the model has 0 (embeddings) .. %d", layer,
                        model->config.num_hidden_layers);
    const enum clb_status status = encode(model, batch, layer, &pass);
    if (status != CLB_OK) return status;
    return clb_tensor_read(pass.hidden, hidden, clb_tensor_elements(pass.hidden));
}

enum clb_status clb_model_embed(struct clb_model *model, const struct clb_batch *batch,
                                enum clb_pooling kind, float *embedding)
{
    struct pass pass;
    enum clb_status status;
    CLB_TRY(encode(model, batch, model->config.num_hidden_layers, &pass));
    const struct clb_tensor pooled = clb_tensor_first_rows(model->embedding, pass.sequences);
    CLB_TRY(clb_pool(&pooled, &pass.hidden, &pass.cu_seqlens, kind));
    CLB_TRY(clb_tensor_read(pooled, embedding, clb_tensor_elements(pooled)));
cleanup:
    return status;
}

/* ---- losses ---- */

double clb_loss_mean(const struct clb_loss *loss)
{
    return loss->sum / loss->weight;
}

double clb_loss_accuracy(const struct clb_loss *loss)
{
    return loss->numeric ? (double)NAN : loss->correct / (double)loss->count;
}

int clb_model_loss_count(const struct clb_model *model)
{
    return registry_loss_count(model->registry);
}

const char *clb_model_loss_name(const struct clb_model *model, int loss)
{
    return registry_loss_name(model->registry, loss);
}

double clb_model_label_weight(const struct clb_model *model, int loss,
                              const struct clb_batch *batch)
{
    const char *name = registry_loss_name(model->registry, loss);
    for (int i = 0; i < model->module_count; i++)
        if (strcmp(model->modules[i]->class->name, name) == 0)
            return head_measure(model->modules[i], batch).weight;
    return 0;
}

enum clb_status clb_model_read_losses(const struct clb_model *model, struct clb_losses *losses)
{
    const int heads = clb_model_heads(model);
    const enum clb_status status = registry_read_losses(model->registry, losses);
    for (int i = 0; i < losses->count; i++)
        for (int m = 0; m < model->module_count; m++) {
            const struct module_class *class = model->modules[m]->class;
            if (strcmp(class->name, losses->loss[i].name) == 0)
                losses->loss[i].made_up = !(heads & class->head);
        }
    return status;
}

enum clb_status clb_model_write_losses(struct clb_model *model, const struct clb_losses *losses)
{
    return registry_write_losses(model->registry, losses);
}
