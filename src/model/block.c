/* SPDX-License-Identifier: Apache-2.0 */
/* One layer of the encoder. Post-LN, as in the paper and in Hugging Face:
 *
 *   hidden1 = norm(dropout(attention(x)) + x), hidden2 = norm(dropout(ffn(hidden1)) + hidden1)
 *
 * Backward needs the operands of the products: qkv, attention and the sums before norms are kept.
 * Made again, to the same bits, are x and hidden1, of their sums, and act, of pre and in its place.
 * The rest takes turns in memory that all layers share:
 *
 *   STREAM  forward: x, hidden2;        backward: d_sum, d_attention, x
 *   BRANCH           hidden1;                     d_y, hidden1, d_y
 *   INNER            act;                         d_intermediate, d_qkv
 *
 * (With gradient checkpointing hidden2 is kept, and nothing else.) Where operands are reduced, the
 * copies that products take of x and hidden1 are kept, which are small, and act, which was not made
 * of the pre that is kept, rounded. */
#include "base/error.h"
#include "model/module.h"

#include <stdio.h>

enum { SITE_ATTENTION, SITE_HIDDEN1, SITE_HIDDEN2, SITES }; /* of dropout */

struct block {
    struct module module;
    struct parameter qkv_weight, qkv_bias;                   /* [3H, H], [3H] */
    struct parameter attention_weight, attention_bias;       /* [H, H], [H] */
    struct parameter attention_gamma, attention_beta;        /* [H] */
    struct parameter intermediate_weight, intermediate_bias; /* [I, H], [I] */
    struct parameter output_weight, output_bias;             /* [H, I], [H] */
    struct parameter output_gamma, output_beta;              /* [H] */

    struct site sites[SITES];

    struct clb_tensor qkv;                   /* [T, 3H] */
    struct clb_tensor attention, lse;        /* [T, H], [N, T] */
    struct clb_tensor sum1, stats1, hidden1; /* [T, H], [T, 2], [T, H]: first add and norm */
    struct clb_tensor pre, act;              /* [T, I]: before and after GELU */
    struct clb_tensor sum2, stats2, hidden2; /* second add and norm: the output */
    struct clb_tensor copy1, copy2;          /* [T, H] of hidden1, hidden2, for products */

    struct clb_tensor d_sum, d_y, d_attention; /* [T, H] */
    struct clb_tensor d_intermediate, d_qkv;   /* [T, I], [T, 3H] */
};

static void declare_parameters(struct block *m, struct registry *r)
{
    const struct clb_config *c = &m->module.model->config;
    const int64_t h = c->hidden_size, i = c->intermediate_size;
    char prefix[64];
    snprintf(prefix, sizeof prefix, "bert.encoder.layer.%d.", m->module.index);
    const struct {
        struct parameter *parameter;
        enum parameter_kind kind;
        int64_t rows, columns;
        const char *name;
    } table[] = {
        {&m->qkv_weight, STACKED_MATRIX, 3 * h, h, "attention.self.qkv.weight"},
        {&m->qkv_bias, STACKED_BIAS, 3 * h, 1, "attention.self.qkv.bias"},
        {&m->attention_weight, MATRIX, h, h, "attention.output.dense.weight"},
        {&m->attention_bias, BIAS, h, 1, "attention.output.dense.bias"},
        {&m->attention_gamma, GAMMA, h, 1, "attention.output.LayerNorm.weight"},
        {&m->attention_beta, BIAS, h, 1, "attention.output.LayerNorm.bias"},
        {&m->intermediate_weight, MATRIX, i, h, "intermediate.dense.weight"},
        {&m->intermediate_bias, BIAS, i, 1, "intermediate.dense.bias"},
        {&m->output_weight, MATRIX, h, i, "output.dense.weight"},
        {&m->output_bias, BIAS, h, 1, "output.dense.bias"},
        {&m->output_gamma, GAMMA, h, 1, "output.LayerNorm.weight"},
        {&m->output_beta, BIAS, h, 1, "output.LayerNorm.bias"},
    };
    for (size_t p = 0; p < sizeof table / sizeof *table; p++)
        registry_parameter(r, table[p].parameter, table[p].kind, table[p].rows, table[p].columns,
                           "%s%s", prefix, table[p].name);
}

/* 0.1.0 numbered the embeddings' site 0, and then these. */
static void name_sites(struct block *m)
{
    static const char *const names[SITES] = {"attention.self.dropout", "attention.output.dropout",
                                             "output.dropout"};
    for (int s = 0; s < SITES; s++) {
        snprintf(m->sites[s].name, sizeof m->sites[s].name, "bert.encoder.layer.%d.%s",
                 m->module.index, names[s]);
        m->sites[s].number = 1 + SITES * m->module.index + s;
    }
}

static void declare_layers(struct registry *r, enum clb_type operands, int64_t t, int64_t h,
                           int64_t i)
{
    registry_layer(r, operands, t, 3 * h, h);
    registry_layer(r, operands, t, h, h);
    registry_layer(r, operands, t, i, h);
    registry_layer(r, operands, t, h, i);
}

static void declare(struct module *module, struct registry *r)
{
    struct block *m = (struct block *)module;
    const struct clb_config *c = &module->model->config;
    const bool training = module->model->limits.training;
    const int64_t t = module->model->limits.max_tokens, h = c->hidden_size;
    const int64_t i = c->intermediate_size;
    declare_parameters(m, r);
    name_sites(m);
    declare_layers(r, module->model->limits.operands, t, h, i);
    registry_operand(r, &m->qkv, "qkv", t, 3 * h, RECOMPUTED);
    registry_operand(r, &m->attention, "attention", t, h, RECOMPUTED);
    registry_activation(r, &m->lse, "lse", c->num_attention_heads, t, RECOMPUTED);
    registry_activation(r, &m->sum1, "sum1", t, h, RECOMPUTED);
    registry_activation(r, &m->stats1, "stats1", t, 2, RECOMPUTED);
    registry_activation(r, &m->hidden1, BRANCH, t, h, SCRATCH);
    registry_copy(r, &m->copy1, "branch operand", t, h, RECOMPUTED);
    if (training) registry_operand(r, &m->pre, "pre", t, i, RECOMPUTED);
    if (registry_copies(r))
        registry_operand(r, &m->act, "act", t, i, RECOMPUTED);
    else
        registry_operand(r, &m->act, INNER, t, i, SCRATCH);
    registry_activation(r, &m->sum2, "sum2", t, h, RECOMPUTED);
    registry_activation(r, &m->stats2, "stats2", t, 2, RECOMPUTED);
    registry_activation(r, &m->hidden2, STREAM, t, h, OUTPUT);
    registry_copy(r, &m->copy2, "stream operand", t, h, SAVED);
    if (!training) return;
    registry_activation(r, &m->d_sum, STREAM, t, h, SCRATCH);
    registry_operand(r, &m->d_y, BRANCH, t, h, SCRATCH);
    registry_operand(r, &m->d_attention, STREAM, t, h, SCRATCH);
    registry_operand(r, &m->d_intermediate, INNER, t, i, SCRATCH);
    registry_operand(r, &m->d_qkv, INNER, t, 3 * h, SCRATCH);
}

/* The activations, cut to the pass. */
static struct block view(const struct module *module, const struct pass *pass)
{
    struct block m = *(const struct block *)module;
    struct clb_tensor *const by_token[] = {
        &m.qkv,   &m.attention, &m.sum1,           &m.stats1,  &m.hidden1,    &m.pre,
        &m.act,   &m.sum2,      &m.stats2,         &m.hidden2, &m.copy1,      &m.copy2,
        &m.d_sum, &m.d_y,       &m.d_intermediate, &m.d_qkv,   &m.d_attention};
    for (size_t i = 0; i < sizeof by_token / sizeof *by_token; i++)
        by_token[i]->rows = pass->tokens;
    m.lse = clb_tensor_reshape(m.lse, module->model->config.num_attention_heads, pass->tokens);
    return m;
}

static struct clb_dropout dropout(const struct module *module, const struct pass *pass, int site)
{
    const struct clb_config *c = &module->model->config;
    return pass_dropout(
        pass, site == SITE_ATTENTION ? c->attention_probs_dropout_prob : c->hidden_dropout_prob,
        &((const struct block *)module)->sites[site]);
}

static enum clb_status forward(struct module *module, struct pass *pass)
{
    const struct block m = view(module, pass);
    const struct clb_config *c = &module->model->config;
    const struct clb_tensor *x = &module->input;
    const struct clb_tensor hidden1 = registry_taken(&m.copy1, &m.hidden1);
    enum clb_status status;
    CLB_TRY(clb_linear_forward(&m.qkv, NULL, &module->input_operand, &m.qkv_weight.operand,
                               &m.qkv_bias.weight, CLB_ACTIVATION_NONE));
    CLB_TRY(clb_attention_forward(&m.attention, &m.lse, &m.qkv, &pass->cu_seqlens, pass->max_seqlen,
                                  c->num_attention_heads, dropout(module, pass, SITE_ATTENTION)));
    CLB_TRY(clb_linear_forward(&m.sum1, NULL, &m.attention, &m.attention_weight.operand, NULL,
                               CLB_ACTIVATION_NONE));
    CLB_TRY(clb_norm_forward(&m.hidden1, registry_optional(&m.copy1), &m.sum1, &m.stats1, &m.sum1,
                             &m.attention_bias.weight, x, &m.attention_gamma.weight,
                             &m.attention_beta.weight, c->layer_norm_eps,
                             dropout(module, pass, SITE_HIDDEN1)));
    CLB_TRY(clb_linear_forward(&m.act, pass->training ? &m.pre : NULL, &hidden1,
                               &m.intermediate_weight.operand, &m.intermediate_bias.weight,
                               c->hidden_act));
    CLB_TRY(clb_linear_forward(&m.sum2, NULL, &m.act, &m.output_weight.operand, NULL,
                               CLB_ACTIVATION_NONE));
    CLB_TRY(clb_norm_forward(&m.hidden2, registry_optional(&m.copy2), &m.sum2, &m.stats2, &m.sum2,
                             &m.output_bias.weight, &m.hidden1, &m.output_gamma.weight,
                             &m.output_beta.weight, c->layer_norm_eps,
                             dropout(module, pass, SITE_HIDDEN2)));
    pass->hidden = m.hidden2;
    pass->operand = registry_taken(&m.copy2, &m.hidden2);
cleanup:
    return status;
}

/* A norm's output, of the sum that is kept. */
static enum clb_status norm_again(const struct module *module, const struct clb_tensor *out,
                                  const struct clb_tensor *sum, const struct clb_tensor *stats,
                                  const struct parameter *gamma, const struct parameter *beta)
{
    return clb_norm_forward(out, NULL, sum, stats, sum, NULL, NULL, &gamma->weight, &beta->weight,
                            module->model->config.layer_norm_eps, (struct clb_dropout){0});
}

/* For a product that takes no copy of it. */
static enum clb_status remake_hidden1(const struct module *module, const struct block *m)
{
    if (m->copy1.memory) return CLB_OK;
    return norm_again(module, &m->hidden1, &m->sum1, &m->stats1, &m->attention_gamma,
                      &m->attention_beta);
}

static enum clb_status remake(struct module *module, struct pass *pass)
{
    const struct block m = view(module, pass);
    return norm_again(module, &m.hidden2, &m.sum2, &m.stats2, &m.output_gamma, &m.output_beta);
}

/* d_hidden holds the gradient at the output, and then at the input. d_sum carries the gradient
 * through a residual, d_y through the sublayer beside it. */
static enum clb_status backward(struct module *module, struct pass *pass)
{
    const struct block m = view(module, pass);
    const struct clb_config *c = &module->model->config;
    const struct clb_tensor *d_hidden = &pass->d_hidden;
    const struct clb_tensor hidden1 = registry_taken(&m.copy1, &m.hidden1);
    const bool keeps_act = m.copy1.memory != NULL; /* operands are reduced */
    const struct clb_tensor *act = keeps_act ? &m.act : &m.pre, *d_act = &m.d_intermediate;
    enum clb_status status;

    CLB_TRY(clb_norm_backward(&m.d_sum, &m.d_y, &m.output_gamma.gradient, &m.output_beta.gradient,
                              &m.output_bias.gradient, d_hidden, &m.sum2, &m.stats2,
                              &m.output_gamma.weight, dropout(module, pass, SITE_HIDDEN2)));
    CLB_TRY(clb_linear_backward_input(d_act, &m.d_y, &m.output_weight.operand, &m.pre,
                                      keeps_act ? NULL : act, c->hidden_act, false));
    CLB_TRY(clb_linear_backward_weight(&m.output_weight.gradient, NULL, &m.d_y, act));
    CLB_TRY(remake_hidden1(module, &m));
    CLB_TRY(clb_linear_backward_weight(&m.intermediate_weight.gradient,
                                       &m.intermediate_bias.gradient, d_act, &hidden1));
    CLB_TRY(clb_linear_backward_input(&m.d_sum, d_act, &m.intermediate_weight.operand, NULL, NULL,
                                      CLB_ACTIVATION_NONE, true));

    CLB_TRY(clb_norm_backward(d_hidden, &m.d_y, &m.attention_gamma.gradient,
                              &m.attention_beta.gradient, &m.attention_bias.gradient, &m.d_sum,
                              &m.sum1, &m.stats1, &m.attention_gamma.weight,
                              dropout(module, pass, SITE_HIDDEN1)));
    CLB_TRY(clb_linear_backward_weight(&m.attention_weight.gradient, NULL, &m.d_y, &m.attention));
    CLB_TRY(clb_linear_backward_input(&m.d_attention, &m.d_y, &m.attention_weight.operand, NULL,
                                      NULL, CLB_ACTIVATION_NONE, false));
    CLB_TRY(clb_attention_backward(&m.d_qkv, &m.d_attention, &m.attention, &m.lse, &m.qkv,
                                   &pass->cu_seqlens, pass->max_seqlen, c->num_attention_heads,
                                   dropout(module, pass, SITE_ATTENTION)));
    CLB_TRY(module_remake_input(module, pass));
    CLB_TRY(clb_linear_backward_weight(&m.qkv_weight.gradient, &m.qkv_bias.gradient, &m.d_qkv,
                                       &module->input_operand));
    CLB_TRY(clb_linear_backward_input(d_hidden, &m.d_qkv, &m.qkv_weight.operand, NULL, NULL,
                                      CLB_ACTIVATION_NONE, true));
cleanup:
    return status;
}

const struct module_class module_block = {
    .name = "block",
    .size = sizeof(struct block),
    .recompute = true,
    .declare = declare,
    .forward = forward,
    .backward = backward,
    .remake = remake,
};
