/* SPDX-License-Identifier: Apache-2.0 */
/* Next sentence prediction: two classes from the pooled rows. */
#include "base/error.h"
#include "model/module.h"

struct nsp_head {
    struct module module;
    struct parameter weight, bias; /* [2, H], [2] */
    struct clb_tensor labels;      /* i32 [B] */
    struct clb_tensor logits;      /* [B, 2], and then their gradient */
};

static void declare(struct module *module, struct registry *r)
{
    struct nsp_head *m = (struct nsp_head *)module;
    const int64_t b = module->model->limits.max_sequences, h = module->model->config.hidden_size;
    registry_parameter(r, &m->weight, MATRIX, 2, h, "cls.seq_relationship.weight");
    registry_parameter(r, &m->bias, BIAS, 2, 1, "cls.seq_relationship.bias");
    registry_input(r, &m->labels, b);
    registry_activation(r, &m->logits, "nsp logits", b, 2, SAVED);
    registry_activation(r, &module->model->nsp_sums, "nsp sums", 2, 1, SAVED);
}

/* A pair without a label (-1) counts as IsNext: who predicts does not look at the loss. */
static void stage(struct module *module, const struct clb_batch *batch, struct registry *r)
{
    struct nsp_head *m = (struct nsp_head *)module;
    int32_t *labels = registry_staging(r, &m->labels, batch->sequences);
    for (int32_t b = 0; b < batch->sequences; b++) labels[b] = batch->next_sentence_labels[b] == 1;
}

static enum clb_status forward(struct module *module, struct pass *pass)
{
    struct nsp_head *m = (struct nsp_head *)module;
    struct clb_tensor labels = clb_tensor_first_rows(m->labels, pass->sequences);
    struct clb_tensor logits = clb_tensor_first_rows(m->logits, pass->sequences);
    enum clb_status status;
    CLB_TRY(clb_linear_forward(&logits, NULL, &pass->pooled, &m->weight.weight, &m->bias.weight,
                               CLB_ACTIVATION_NONE));
    CLB_TRY(read_logits(&logits, pass->nsp_logits, 0));
    CLB_TRY(clb_cross_entropy(&module->model->nsp_sums, &logits, &labels, pass->scales.nsp));
cleanup:
    return status;
}

static enum clb_status backward(struct module *module, struct pass *pass)
{
    struct nsp_head *m = (struct nsp_head *)module;
    struct clb_tensor logits = clb_tensor_first_rows(m->logits, pass->sequences);
    enum clb_status status;
    CLB_TRY(
        clb_linear_backward_weight(&m->weight.gradient, &m->bias.gradient, &logits, &pass->pooled));
    CLB_TRY(clb_linear_backward_input(&pass->d_pooled, &logits, &m->weight.weight, false));
cleanup:
    return status;
}

const struct module_class module_nsp_head = {
    .name = "nsp",
    .size = sizeof(struct nsp_head),
    .is_head = true,
    .declare = declare,
    .stage = stage,
    .forward = forward,
    .backward = backward,
};
