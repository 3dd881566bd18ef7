/* SPDX-License-Identifier: Apache-2.0 */
/* The two pretraining heads and their losses. Each works on few rows: the masked positions, and
 * [CLS] of every sequence. Their gradients begin d_hidden. */
#include "base/error.h"
#include "model/bert.h"

/* Reads logits to the host for predict. */
static enum clb_status read_logits(const struct clb_tensor *logits, float *host, int64_t first_row)
{
    if (!host) return CLB_OK;
    return clb_tensor_read(*logits, host + first_row * logits->columns,
                           clb_tensor_elements(*logits));
}

/* ---- masked language model ---- */

static enum clb_status mlm_backward(struct clb_model *model, const struct bert_pass *pass,
                                    const struct clb_tensor *rows, const struct clb_tensor *logits)
{
    const struct bert_weights *w = &model->weights, *g = &model->gradients;
    const struct bert_activations *a = &model->activations;
    const int64_t c = rows->rows;
    struct clb_tensor masked = clb_tensor_first_rows(a->masked, c);
    struct clb_tensor pre = clb_tensor_first_rows(a->transform_pre, c);
    struct clb_tensor transform = clb_tensor_first_rows(a->transform, c);
    struct clb_tensor stats = clb_tensor_first_rows(a->transform_stats, c);
    struct clb_tensor predicted = clb_tensor_first_rows(a->predicted, c);
    struct clb_tensor d_rows = clb_tensor_first_rows(a->d_rows, c);
    struct clb_tensor d_sum = clb_tensor_first_rows(a->d_rows_sum, c);
    struct clb_tensor d_hidden = clb_tensor_first_rows(a->d_hidden, pass->tokens);
    enum clb_status status;
    CLB_TRY(clb_linear_backward_weight(&g->word, &g->decoder_bias, logits, &predicted));
    CLB_TRY(clb_linear_backward_input(&d_rows, logits, &w->word, false));
    CLB_TRY(clb_norm_backward(&d_sum, NULL, &g->transform_gamma, &g->transform_beta, &d_rows,
                              &transform, &stats, &w->transform_gamma, (struct clb_dropout){0}));
    CLB_TRY(clb_activation_backward(&d_sum, &d_sum, &pre, model->config.hidden_act));
    CLB_TRY(clb_linear_backward_weight(&g->transform_weight, &g->transform_bias, &d_sum, &masked));
    CLB_TRY(clb_linear_backward_input(&d_rows, &d_sum, &w->transform_weight, false));
    CLB_TRY(clb_scatter_add_rows(&d_hidden, &d_rows, rows));
cleanup:
    return status;
}

static enum clb_status mlm_chunk(struct clb_model *model, const struct bert_pass *pass, int chunk)
{
    const struct bert_weights *w = &model->weights;
    const struct bert_activations *a = &model->activations;
    const int64_t first = (int64_t)chunk * model->chunk_rows, left = pass->masked - first;
    const int64_t c = left < model->chunk_rows ? left : model->chunk_rows;
    struct clb_tensor hidden = bert_last_hidden(model, pass);
    struct clb_tensor rows = clb_tensor_first_rows(model->batch.masked_rows[chunk], c);
    struct clb_tensor labels = clb_tensor_first_rows(model->batch.masked_labels[chunk], c);
    struct clb_tensor masked = clb_tensor_first_rows(a->masked, c);
    struct clb_tensor pre = clb_tensor_first_rows(a->transform_pre, c);
    struct clb_tensor transform = clb_tensor_first_rows(a->transform, c);
    struct clb_tensor stats = clb_tensor_first_rows(a->transform_stats, c);
    struct clb_tensor predicted = clb_tensor_first_rows(a->predicted, c);
    struct clb_tensor logits = clb_tensor_first_rows(a->logits, c);
    enum clb_status status;
    CLB_TRY(clb_gather_rows(&masked, &hidden, &rows));
    CLB_TRY(clb_linear_forward(&transform, &pre, &masked, &w->transform_weight, &w->transform_bias,
                               model->config.hidden_act));
    CLB_TRY(clb_norm_forward(&predicted, &transform, &stats, &transform, NULL, NULL,
                             &w->transform_gamma, &w->transform_beta, model->config.layer_norm_eps,
                             (struct clb_dropout){0}));
    CLB_TRY(clb_linear_forward(&logits, NULL, &predicted, &w->word, &w->decoder_bias,
                               CLB_ACTIVATION_NONE));
    CLB_TRY(read_logits(&logits, pass->mlm_logits, first));
    CLB_TRY(clb_cross_entropy(&a->mlm_sums, &logits, &labels, pass->scales.mlm));
    if (pass->training) CLB_TRY(mlm_backward(model, pass, &rows, &logits));
cleanup:
    return status;
}

/* ---- next sentence prediction ---- */

static enum clb_status nsp_backward(struct clb_model *model, const struct bert_pass *pass,
                                    const struct clb_tensor *rows)
{
    const struct bert_weights *w = &model->weights, *g = &model->gradients;
    const struct bert_activations *a = &model->activations;
    const int64_t b = pass->sequences;
    struct clb_tensor cls = clb_tensor_first_rows(a->cls, b);
    struct clb_tensor pooled = clb_tensor_first_rows(a->pooled, b);
    struct clb_tensor logits = clb_tensor_first_rows(a->nsp_logits, b);
    struct clb_tensor d_pooled = clb_tensor_first_rows(a->d_rows, b);
    struct clb_tensor d_cls = clb_tensor_first_rows(a->d_rows_sum, b);
    struct clb_tensor d_hidden = clb_tensor_first_rows(a->d_hidden, pass->tokens);
    enum clb_status status;
    CLB_TRY(clb_linear_backward_weight(&g->seq_weight, &g->seq_bias, &logits, &pooled));
    CLB_TRY(clb_linear_backward_input(&d_pooled, &logits, &w->seq_weight, false));
    CLB_TRY(clb_activation_backward(&d_pooled, &d_pooled, &pooled, CLB_ACTIVATION_TANH));
    CLB_TRY(clb_linear_backward_weight(&g->pooler_weight, &g->pooler_bias, &d_pooled, &cls));
    CLB_TRY(clb_linear_backward_input(&d_cls, &d_pooled, &w->pooler_weight, false));
    CLB_TRY(clb_scatter_add_rows(&d_hidden, &d_cls, rows));
cleanup:
    return status;
}

static enum clb_status nsp(struct clb_model *model, const struct bert_pass *pass)
{
    const struct bert_weights *w = &model->weights;
    const struct bert_activations *a = &model->activations;
    const int64_t b = pass->sequences;
    struct clb_tensor hidden = bert_last_hidden(model, pass);
    struct clb_tensor rows = clb_tensor_first_rows(model->batch.cu_seqlens, b); /* where [CLS] is */
    struct clb_tensor labels = clb_tensor_first_rows(model->batch.next_sentence_labels, b);
    struct clb_tensor cls = clb_tensor_first_rows(a->cls, b);
    struct clb_tensor pooled = clb_tensor_first_rows(a->pooled, b);
    struct clb_tensor logits = clb_tensor_first_rows(a->nsp_logits, b);
    enum clb_status status;
    CLB_TRY(clb_gather_rows(&cls, &hidden, &rows));
    CLB_TRY(clb_linear_forward(&pooled, NULL, &cls, &w->pooler_weight, &w->pooler_bias,
                               CLB_ACTIVATION_TANH));
    CLB_TRY(clb_linear_forward(&logits, NULL, &pooled, &w->seq_weight, &w->seq_bias,
                               CLB_ACTIVATION_NONE));
    CLB_TRY(read_logits(&logits, pass->nsp_logits, 0));
    CLB_TRY(clb_cross_entropy(&a->nsp_sums, &logits, &labels, pass->scales.nsp));
    if (pass->training) CLB_TRY(nsp_backward(model, pass, &rows));
cleanup:
    return status;
}

enum clb_status bert_heads(struct clb_model *model, const struct bert_pass *pass)
{
    enum clb_status status;
    if (pass->training) {
        struct clb_tensor d_hidden =
            clb_tensor_first_rows(model->activations.d_hidden, pass->tokens);
        CLB_TRY(clb_fill(&d_hidden, 0.0f));
    }
    for (int chunk = 0; (int64_t)chunk * model->chunk_rows < pass->masked; chunk++)
        CLB_TRY(mlm_chunk(model, pass, chunk));
    CLB_TRY(nsp(model, pass));
cleanup:
    return status;
}
