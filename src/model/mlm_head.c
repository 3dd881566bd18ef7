/* SPDX-License-Identifier: Apache-2.0 */
/* The masked language model: norm(gelu(dense(hidden at masked rows))), and the decoder, which is
 * the table of word embeddings, with a bias. It runs over chunks of rows, forward and backward at
 * once: the logits of a chunk become their own gradient in place, so that the vocabulary's loss
 * needs the same memory for any batch. */
#include "base/error.h"
#include "model/module.h"

/* Logits of one chunk are at most this many elements (128 MiB). */
#define CHUNK_ELEMENTS ((int64_t)32 << 20)

struct mlm_head {
    struct module module;
    struct parameter weight, bias;    /* [H, H], [H] of the transform */
    struct parameter gamma, beta;     /* [H] */
    struct parameter decoder_bias;    /* [V] */
    int64_t chunk_rows;               /* C */
    int chunks;                       /* of the largest batch */
    struct clb_tensor *rows, *labels; /* i32 [chunks] of [C], the registry's */
    struct clb_tensor masked, pre, transform, stats, predicted; /* [C, H], stats [C, 2] */
    struct clb_tensor logits, d_logits;      /* [C, V]; d_logits, where products do not take fp32 */
    struct clb_tensor d_predicted, d_masked; /* [C, H]; d_predicted is then that at transform */
    struct clb_tensor masked_copy, predicted_copy, d_copy; /* [C, H] for products */
};

/* A quarter of the tokens is more than is ever masked by habit; more takes more chunks. */
static int64_t chunk_rows(const struct clb_config *config, const struct clb_model_limits *limits)
{
    int64_t rows = CHUNK_ELEMENTS / config->vocab_size, usual = limits->max_tokens / 4;
    if (rows > usual) rows = usual;
    if (rows < 64) rows = 64;
    return rows < limits->max_masked ? rows : limits->max_masked;
}

static void declare(struct module *module, struct registry *r)
{
    struct mlm_head *m = (struct mlm_head *)module;
    const struct clb_model_limits *limits = &module->model->limits;
    const int64_t h = module->model->config.hidden_size, v = module->model->config.vocab_size;
    const char *prefix = "cls.predictions.";
    registry_parameter(r, &m->weight, MATRIX, h, h, "%stransform.dense.weight", prefix);
    registry_parameter(r, &m->bias, BIAS, h, 1, "%stransform.dense.bias", prefix);
    registry_parameter(r, &m->gamma, GAMMA, h, 1, "%stransform.LayerNorm.weight", prefix);
    registry_parameter(r, &m->beta, BIAS, h, 1, "%stransform.LayerNorm.bias", prefix);
    registry_parameter(r, &m->decoder_bias, BIAS, v, 1, "%sbias", prefix);
    module->loss = registry_loss(r, "mlm", LOSS_OF_WORDS);
    if (limits->max_masked == 0) return; /* only listed */
    const int64_t c = m->chunk_rows = chunk_rows(&module->model->config, limits);
    m->chunks = (int)((limits->max_masked + c - 1) / c);
    registry_layer(r, limits->operands, c, h, h);
    registry_layer(r, limits->operands, c, v, h);
    m->rows = registry_inputs(r, m->chunks, c);
    m->labels = registry_inputs(r, m->chunks, c);
    registry_activation(r, &m->masked, BRANCH, c, h, SCRATCH);
    registry_copy(r, &m->masked_copy, "mlm masked operand", c, h, SCRATCH);
    registry_operand(r, &m->pre, "mlm pre", c, h, SCRATCH);
    registry_activation(r, &m->transform, "mlm transform", c, h, SCRATCH);
    registry_activation(r, &m->stats, "mlm stats", c, 2, SCRATCH);
    registry_activation(r, &m->predicted, "mlm predicted", c, h, SCRATCH);
    registry_copy(r, &m->predicted_copy, "mlm predicted operand", c, h, SCRATCH);
    registry_activation(r, &m->logits, INNER, c, v, SCRATCH);
    if (!limits->training) return;
    registry_copy(r, &m->d_copy, "mlm d_operand", c, h, SCRATCH);
    registry_copy(r, &m->d_logits, "mlm d_logits", c, v, SCRATCH);
    registry_activation(r, &m->d_predicted, "mlm predicted", c, h, SCRATCH);
    registry_activation(r, &m->d_masked, "mlm transform", c, h, SCRATCH);
}

static enum clb_status check(const struct module *module, const struct clb_batch *batch)
{
    const struct clb_labels labels = head_labels(module, batch);
    const struct clb_model *model = module->model;
    if (labels.count > model->limits.max_masked)
        return clb_fail(CLB_ERROR_ARGUMENT, "%d masked tokens are over the model's %d",
                        labels.count, model->limits.max_masked);
    for (int32_t i = 0; i < labels.count; i++)
        if (labels.values[i] < 0 || labels.values[i] >= model->config.vocab_size)
            return clb_fail(CLB_ERROR_ARGUMENT, "label %d; the model's vocab_size is %d",
                            labels.values[i], model->config.vocab_size);
    return CLB_OK;
}

static void stage(struct module *module, const struct clb_batch *batch, struct registry *r)
{
    struct mlm_head *m = (struct mlm_head *)module;
    const struct clb_labels labels = head_labels(module, batch);
    for (int64_t first = 0; first < labels.count; first += m->chunk_rows) {
        const int64_t left = labels.count - first, chunk = first / m->chunk_rows;
        const int64_t rows = left < m->chunk_rows ? left : m->chunk_rows;
        registry_stage(r, &m->rows[chunk], labels.rows + first, rows);
        registry_stage(r, &m->labels[chunk], labels.values + first, rows);
    }
}

/* The activations, cut to `rows` rows. */
static struct mlm_head view(const struct mlm_head *module, int64_t rows)
{
    struct mlm_head m = *module;
    struct clb_tensor *const by_row[] = {
        &m.masked,      &m.pre,      &m.transform,   &m.stats,          &m.predicted, &m.logits,
        &m.d_predicted, &m.d_masked, &m.masked_copy, &m.predicted_copy, &m.d_copy,    &m.d_logits};
    for (size_t i = 0; i < sizeof by_row / sizeof *by_row; i++) by_row[i]->rows = rows;
    return m;
}

static enum clb_status chunk_forward(struct mlm_head *m, struct pass *pass, int64_t first,
                                     const struct clb_tensor *rows, const struct clb_tensor *labels)
{
    const struct clb_config *c = &m->module.model->config;
    const struct clb_tensor masked = registry_taken(&m->masked_copy, &m->masked);
    const struct clb_tensor predicted = registry_taken(&m->predicted_copy, &m->predicted);
    enum clb_status status;
    CLB_TRY(clb_gather_rows(&m->masked, &pass->hidden, rows));
    CLB_TRY(registry_cast(&m->masked_copy, &m->masked));
    CLB_TRY(clb_linear_forward(&m->transform, &m->pre, &masked, &m->weight.operand, &m->bias.weight,
                               c->hidden_act));
    CLB_TRY(clb_norm_forward(&m->predicted, registry_optional(&m->predicted_copy), &m->transform,
                             &m->stats, &m->transform, NULL, NULL, &m->gamma.weight,
                             &m->beta.weight, c->layer_norm_eps, (struct clb_dropout){0}));
    CLB_TRY(clb_linear_forward(&m->logits, NULL, &predicted,
                               &embeddings_word(m->module.model)->operand, &m->decoder_bias.weight,
                               CLB_ACTIVATION_NONE));
    CLB_TRY(head_loss(&m->module, pass, &m->logits, labels, first));
cleanup:
    return status;
}

static enum clb_status chunk_backward(const struct mlm_head *m, const struct pass *pass,
                                      const struct clb_tensor *rows)
{
    const struct parameter *word = embeddings_word(m->module.model);
    const struct clb_tensor masked = registry_taken(&m->masked_copy, &m->masked);
    const struct clb_tensor predicted = registry_taken(&m->predicted_copy, &m->predicted);
    const struct clb_tensor d_logits = registry_taken(&m->d_logits, &m->logits);
    const struct clb_tensor d_transform = registry_taken(&m->d_copy, &m->d_predicted);
    enum clb_status status;
    CLB_TRY(registry_cast(&m->d_logits, &m->logits));
    CLB_TRY(clb_linear_backward_weight(&word->gradient, &m->decoder_bias.gradient, &d_logits,
                                       &predicted));
    if (m->module.model->limits.frozen_modules > 0) /* which the decoder's weight is one of */
        CLB_TRY(clb_fill(&word->gradient, 0.0f));
    CLB_TRY(clb_linear_backward_input(&m->d_predicted, &d_logits, &word->operand, NULL, NULL,
                                      CLB_ACTIVATION_NONE, false));
    CLB_TRY(clb_norm_backward(&m->d_predicted, registry_optional(&m->d_copy), &m->gamma.gradient,
                              &m->beta.gradient, NULL, &m->d_predicted, &m->transform, &m->stats,
                              &m->gamma.weight, (struct clb_dropout){0}));
    CLB_TRY(clb_activation_backward(&d_transform, &d_transform, &m->pre,
                                    m->module.model->config.hidden_act));
    CLB_TRY(
        clb_linear_backward_weight(&m->weight.gradient, &m->bias.gradient, &d_transform, &masked));
    CLB_TRY(clb_linear_backward_input(&m->d_masked, &d_transform, &m->weight.operand, NULL, NULL,
                                      CLB_ACTIVATION_NONE, false));
    CLB_TRY(clb_scatter_add_rows(&pass->d_hidden, &m->d_masked, rows));
cleanup:
    return status;
}

static enum clb_status forward(struct module *module, struct pass *pass)
{
    const struct mlm_head *whole = (const struct mlm_head *)module;
    const int64_t masked = head_labels(module, pass->batch).count;
    enum clb_status status = CLB_OK;
    for (int64_t first = 0; first < masked; first += whole->chunk_rows) {
        const int64_t left = masked - first, chunk = first / whole->chunk_rows;
        struct mlm_head m = view(whole, left < whole->chunk_rows ? left : whole->chunk_rows);
        const struct clb_tensor rows = clb_tensor_first_rows(m.rows[chunk], m.masked.rows);
        const struct clb_tensor labels = clb_tensor_first_rows(m.labels[chunk], m.masked.rows);
        CLB_TRY(chunk_forward(&m, pass, first, &rows, &labels));
        if (pass->training) CLB_TRY(chunk_backward(&m, pass, &rows));
    }
cleanup:
    return status;
}

const struct module_class module_mlm_head = {
    .name = "mlm",
    .size = sizeof(struct mlm_head),
    .is_head = true,
    .answers = true,
    .head = CLB_HEAD_MLM,
    .declare = declare,
    .check = check,
    .stage = stage,
    .forward = forward,
};
