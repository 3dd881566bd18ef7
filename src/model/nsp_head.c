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
    module->loss = registry_loss(r, "nsp", LOSS_OF_CLASSES);
}

/* Labels 0 IsNext, 1 NotNext (as Google and Hugging Face), for all sequences or none. */
static enum clb_status check(const struct module *module, const struct clb_batch *batch)
{
    const struct clb_labels labels = head_labels(module, batch);
    const enum clb_status status = head_check_sequences(batch, &labels, "next sentence label");
    if (status != CLB_OK) return status;
    for (int32_t i = 0; i < labels.count; i++)
        if (labels.values[i] < 0 || labels.values[i] > 1)
            return clb_fail(CLB_ERROR_ARGUMENT, "next sentence label %d should be 0 or 1",
                            labels.values[i]);
    return CLB_OK;
}

static void stage(struct module *module, const struct clb_batch *batch, struct registry *r)
{
    struct nsp_head *m = (struct nsp_head *)module;
    const struct clb_labels labels = head_labels(module, batch);
    registry_stage(r, &m->labels, labels.values, labels.count);
}

static enum clb_status forward(struct module *module, struct pass *pass)
{
    struct nsp_head *m = (struct nsp_head *)module;
    struct clb_tensor labels = clb_tensor_first_rows(m->labels, pass->sequences);
    struct clb_tensor logits = clb_tensor_first_rows(m->logits, pass->sequences);
    enum clb_status status;
    if (head_labels(module, pass->batch).count == 0) return CLB_OK;
    CLB_TRY(clb_linear_forward(&logits, NULL, &pass->pooled, &m->weight.weight, &m->bias.weight,
                               CLB_ACTIVATION_NONE));
    CLB_TRY(head_loss(module, pass, &logits, &labels, 0));
cleanup:
    return status;
}

static enum clb_status backward(struct module *module, struct pass *pass)
{
    struct nsp_head *m = (struct nsp_head *)module;
    struct clb_tensor logits = clb_tensor_first_rows(m->logits, pass->sequences);
    enum clb_status status;
    if (head_labels(module, pass->batch).count == 0) return CLB_OK;
    CLB_TRY(
        clb_linear_backward_weight(&m->weight.gradient, &m->bias.gradient, &logits, &pass->pooled));
    CLB_TRY(clb_linear_backward_input(&pass->d_pooled, &logits, &m->weight.weight, NULL, NULL,
                                      CLB_ACTIVATION_NONE, pass->d_pooled_begun));
    pass->d_pooled_begun = true;
cleanup:
    return status;
}

const struct module_class module_nsp_head = {
    .name = "nsp",
    .size = sizeof(struct nsp_head),
    .is_head = true,
    .answers = true,
    .head = CLB_HEAD_NSP,
    .on = &module_pooler,
    .declare = declare,
    .check = check,
    .stage = stage,
    .forward = forward,
    .backward = backward,
};
