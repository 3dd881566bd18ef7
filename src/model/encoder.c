/* SPDX-License-Identifier: Apache-2.0 */
/* Embeddings and encoder layers, forward and backward. Post-LN, as in the paper and in Hugging
 * Face: norm(dropout(sublayer(x)) + x). */
#include "base/error.h"
#include "model/bert.h"

/* Dropout sites: 0 the embeddings, then three a layer. */
enum {
    SITE_EMBEDDING = 0,
    SITE_ATTENTION = 1,
    SITE_HIDDEN1 = 2,
    SITE_HIDDEN2 = 3,
    SITES_A_LAYER = 3
};

static struct clb_dropout dropout_at(const struct bert_pass *pass, float probability, int site)
{
    return (struct clb_dropout){
        .probability = pass->training ? probability : 0.0f,
        .random = {pass->seed, CLB_PURPOSE_DROPOUT + (uint32_t)site, pass->stream}};
}

static struct clb_dropout layer_dropout(const struct clb_model *model, const struct bert_pass *pass,
                                        int layer, int site)
{
    float probability = site == SITE_ATTENTION ? model->config.attention_probs_dropout_prob
                                               : model->config.hidden_dropout_prob;
    return dropout_at(pass, probability, SITES_A_LAYER * layer + site);
}

static struct clb_dropout no_dropout(void)
{
    return (struct clb_dropout){0};
}

/* A layer's activations, cut to the pass. Where only two layers' worth exist they take turns. */
static struct bert_layer_activations layer_view(const struct clb_model *model,
                                                const struct bert_pass *pass, int layer)
{
    const int64_t t = pass->tokens;
    struct bert_layer_activations a =
        model->activations.layers[model->limits.training ? layer : layer % 2];
    a.qkv = clb_tensor_first_rows(a.qkv, t);
    a.attention = clb_tensor_first_rows(a.attention, t);
    a.lse = clb_tensor_reshape(a.lse, model->config.num_attention_heads, t);
    a.sum1 = clb_tensor_first_rows(a.sum1, t);
    a.stats1 = clb_tensor_first_rows(a.stats1, t);
    a.hidden1 = clb_tensor_first_rows(a.hidden1, t);
    a.pre = clb_tensor_first_rows(a.pre, t);
    a.act = clb_tensor_first_rows(a.act, t);
    a.sum2 = clb_tensor_first_rows(a.sum2, t);
    a.stats2 = clb_tensor_first_rows(a.stats2, t);
    a.hidden2 = clb_tensor_first_rows(a.hidden2, t);
    return a;
}

static struct clb_tensor layer_input(const struct clb_model *model, const struct bert_pass *pass,
                                     int layer)
{
    if (layer > 0) return layer_view(model, pass, layer - 1).hidden2;
    return clb_tensor_first_rows(model->activations.embedding, pass->tokens);
}

struct clb_tensor bert_last_hidden(const struct clb_model *model, const struct bert_pass *pass)
{
    return layer_input(model, pass, model->config.num_hidden_layers);
}

static struct clb_tensor pass_cu_seqlens(const struct clb_model *model,
                                         const struct bert_pass *pass)
{
    return clb_tensor_first_rows(model->batch.cu_seqlens, pass->sequences + 1);
}

/* ---- forward ---- */

static enum clb_status embeddings_forward(struct clb_model *model, const struct bert_pass *pass)
{
    const struct bert_weights *w = &model->weights;
    const int64_t t = pass->tokens;
    struct clb_tensor ids = clb_tensor_first_rows(model->batch.ids, t);
    struct clb_tensor positions = clb_tensor_first_rows(model->batch.positions, t);
    struct clb_tensor segments = clb_tensor_first_rows(model->batch.segments, t);
    struct clb_tensor sum = clb_tensor_first_rows(model->activations.embedding_sum, t);
    struct clb_tensor stats = clb_tensor_first_rows(model->activations.embedding_stats, t);
    struct clb_tensor out = clb_tensor_first_rows(model->activations.embedding, t);
    enum clb_status status;
    CLB_TRY(clb_embedding_forward(&sum, &w->word, &w->position, &w->segment, &ids, &positions,
                                  &segments));
    CLB_TRY(clb_norm_forward(&out, &sum, &stats, &sum, NULL, NULL, &w->embedding_gamma,
                             &w->embedding_beta, model->config.layer_norm_eps, no_dropout()));
    if (pass->training)
        CLB_TRY(clb_dropout_apply(
            &out, &out, dropout_at(pass, model->config.hidden_dropout_prob, SITE_EMBEDDING)));
cleanup:
    return status;
}

static enum clb_status layer_forward(struct clb_model *model, const struct bert_pass *pass,
                                     int layer)
{
    const struct bert_layer_weights *w = &model->weights.layers[layer];
    const struct bert_layer_activations a = layer_view(model, pass, layer);
    const struct clb_tensor x = layer_input(model, pass, layer);
    const struct clb_tensor cu_seqlens = pass_cu_seqlens(model, pass);
    const float eps = model->config.layer_norm_eps;
    enum clb_status status;
    CLB_TRY(
        clb_linear_forward(&a.qkv, NULL, &x, &w->qkv_weight, &w->qkv_bias, CLB_ACTIVATION_NONE));
    CLB_TRY(clb_attention_forward(&a.attention, &a.lse, &a.qkv, &cu_seqlens, pass->max_seqlen,
                                  model->config.num_attention_heads,
                                  layer_dropout(model, pass, layer, SITE_ATTENTION)));
    CLB_TRY(clb_linear_forward(&a.sum1, NULL, &a.attention, &w->attention_weight, NULL,
                               CLB_ACTIVATION_NONE));
    CLB_TRY(clb_norm_forward(&a.hidden1, &a.sum1, &a.stats1, &a.sum1, &w->attention_bias, &x,
                             &w->attention_gamma, &w->attention_beta, eps,
                             layer_dropout(model, pass, layer, SITE_HIDDEN1)));
    CLB_TRY(clb_linear_forward(&a.act, pass->training ? &a.pre : NULL, &a.hidden1,
                               &w->intermediate_weight, &w->intermediate_bias,
                               model->config.hidden_act));
    CLB_TRY(
        clb_linear_forward(&a.sum2, NULL, &a.act, &w->output_weight, NULL, CLB_ACTIVATION_NONE));
    CLB_TRY(clb_norm_forward(&a.hidden2, &a.sum2, &a.stats2, &a.sum2, &w->output_bias, &a.hidden1,
                             &w->output_gamma, &w->output_beta, eps,
                             layer_dropout(model, pass, layer, SITE_HIDDEN2)));
cleanup:
    return status;
}

enum clb_status bert_encoder_forward(struct clb_model *model, const struct bert_pass *pass)
{
    enum clb_status status = embeddings_forward(model, pass);
    for (int i = 0; i < model->config.num_hidden_layers && status == CLB_OK; i++)
        status = layer_forward(model, pass, i);
    return status;
}

/* ---- backward ---- */

/* d_hidden holds the gradient at the layer's output, and then at its input. d_sum carries the
 * gradient through a residual, d_y through the sublayer beside it. */
static enum clb_status layer_backward(struct clb_model *model, const struct bert_pass *pass,
                                      int layer)
{
    const struct bert_layer_weights *w = &model->weights.layers[layer];
    const struct bert_layer_weights *g = &model->gradients.layers[layer];
    const struct bert_layer_activations a = layer_view(model, pass, layer);
    const struct clb_tensor x = layer_input(model, pass, layer);
    const struct clb_tensor cu_seqlens = pass_cu_seqlens(model, pass);
    const int64_t t = pass->tokens;
    struct clb_tensor d_hidden = clb_tensor_first_rows(model->activations.d_hidden, t);
    struct clb_tensor d_sum = clb_tensor_first_rows(model->activations.d_sum, t);
    struct clb_tensor d_y = clb_tensor_first_rows(model->activations.d_y, t);
    struct clb_tensor d_act = clb_tensor_first_rows(model->activations.d_intermediate, t);
    struct clb_tensor d_qkv = clb_tensor_first_rows(model->activations.d_qkv, t);
    struct clb_tensor d_attention = d_sum; /* free again once the second norm has been left */
    enum clb_status status;

    CLB_TRY(clb_norm_backward(&d_sum, &d_y, &g->output_gamma, &g->output_beta, &d_hidden, &a.sum2,
                              &a.stats2, &w->output_gamma,
                              layer_dropout(model, pass, layer, SITE_HIDDEN2)));
    CLB_TRY(clb_linear_backward_weight(&g->output_weight, &g->output_bias, &d_y, &a.act));
    CLB_TRY(clb_linear_backward_input(&d_act, &d_y, &w->output_weight, false));
    CLB_TRY(clb_activation_backward(&d_act, &d_act, &a.pre, model->config.hidden_act));
    CLB_TRY(clb_linear_backward_weight(&g->intermediate_weight, &g->intermediate_bias, &d_act,
                                       &a.hidden1));
    CLB_TRY(clb_linear_backward_input(&d_sum, &d_act, &w->intermediate_weight, true));

    CLB_TRY(clb_norm_backward(&d_hidden, &d_y, &g->attention_gamma, &g->attention_beta, &d_sum,
                              &a.sum1, &a.stats1, &w->attention_gamma,
                              layer_dropout(model, pass, layer, SITE_HIDDEN1)));
    CLB_TRY(
        clb_linear_backward_weight(&g->attention_weight, &g->attention_bias, &d_y, &a.attention));
    CLB_TRY(clb_linear_backward_input(&d_attention, &d_y, &w->attention_weight, false));
    CLB_TRY(clb_attention_backward(&d_qkv, &d_attention, &a.attention, &a.lse, &a.qkv, &cu_seqlens,
                                   pass->max_seqlen, model->config.num_attention_heads,
                                   layer_dropout(model, pass, layer, SITE_ATTENTION)));
    CLB_TRY(clb_linear_backward_weight(&g->qkv_weight, &g->qkv_bias, &d_qkv, &x));
    CLB_TRY(clb_linear_backward_input(&d_hidden, &d_qkv, &w->qkv_weight, true));
cleanup:
    return status;
}

static enum clb_status embeddings_backward(struct clb_model *model, const struct bert_pass *pass)
{
    const struct bert_weights *w = &model->weights, *g = &model->gradients;
    const int64_t t = pass->tokens;
    struct clb_tensor d_hidden = clb_tensor_first_rows(model->activations.d_hidden, t);
    struct clb_tensor sum = clb_tensor_first_rows(model->activations.embedding_sum, t);
    struct clb_tensor stats = clb_tensor_first_rows(model->activations.embedding_stats, t);
    enum clb_status status;
    CLB_TRY(clb_dropout_apply(&d_hidden, &d_hidden,
                              dropout_at(pass, model->config.hidden_dropout_prob, SITE_EMBEDDING)));
    CLB_TRY(clb_norm_backward(&d_hidden, NULL, &g->embedding_gamma, &g->embedding_beta, &d_hidden,
                              &sum, &stats, &w->embedding_gamma, no_dropout()));
    CLB_TRY(clb_embedding_backward(&g->word, &d_hidden, &model->batch.word));
    CLB_TRY(clb_embedding_backward(&g->position, &d_hidden, &model->batch.position));
    CLB_TRY(clb_embedding_backward(&g->segment, &d_hidden, &model->batch.segment));
cleanup:
    return status;
}

enum clb_status bert_encoder_backward(struct clb_model *model, const struct bert_pass *pass)
{
    enum clb_status status = CLB_OK;
    for (int i = model->config.num_hidden_layers - 1; i >= 0 && status == CLB_OK; i--)
        status = layer_backward(model, pass, i);
    return status == CLB_OK ? embeddings_backward(model, pass) : status;
}
