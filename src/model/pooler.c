/* SPDX-License-Identifier: Apache-2.0 */
/* tanh(dense(hidden at [CLS])), one row a sequence: what heads for whole sequences work on. */
#include "base/error.h"
#include "model/module.h"

struct pooler {
    struct module module;
    struct parameter weight, bias;     /* [H, H], [H] */
    struct clb_tensor cls, pooled;     /* [B, H] */
    struct clb_tensor d_pooled, d_cls; /* [B, H] */
};

static void declare(struct module *module, struct registry *r)
{
    struct pooler *m = (struct pooler *)module;
    const int64_t b = module->model->limits.max_sequences, h = module->model->config.hidden_size;
    registry_parameter(r, &m->weight, MATRIX, h, h, "bert.pooler.dense.weight");
    registry_parameter(r, &m->bias, BIAS, h, 1, "bert.pooler.dense.bias");
    registry_activation(r, &m->cls, "cls", b, h, SAVED);
    registry_activation(r, &m->pooled, "pooled", b, h, SAVED);
    if (!module->model->limits.training) return;
    registry_activation(r, &m->d_pooled, "d_rows", b, h, SCRATCH);
    registry_activation(r, &m->d_cls, "d_rows_sum", b, h, SCRATCH);
}

/* Where [CLS] is: the sequences' first rows. */
static struct clb_tensor cls_rows(const struct pass *pass)
{
    return clb_tensor_first_rows(pass->cu_seqlens, pass->sequences);
}

static enum clb_status forward(struct module *module, struct pass *pass)
{
    struct pooler *m = (struct pooler *)module;
    struct clb_tensor rows = cls_rows(pass);
    struct clb_tensor cls = clb_tensor_first_rows(m->cls, pass->sequences);
    struct clb_tensor pooled = clb_tensor_first_rows(m->pooled, pass->sequences);
    enum clb_status status;
    CLB_TRY(clb_gather_rows(&cls, &pass->hidden, &rows));
    CLB_TRY(clb_linear_forward(&pooled, NULL, &cls, &m->weight.weight, &m->bias.weight,
                               CLB_ACTIVATION_TANH));
    pass->pooled = pooled;
    pass->d_pooled = clb_tensor_first_rows(m->d_pooled, pass->sequences);
cleanup:
    return status;
}

static enum clb_status backward(struct module *module, struct pass *pass)
{
    struct pooler *m = (struct pooler *)module;
    const struct clb_tensor *d_pooled = &pass->d_pooled;
    struct clb_tensor rows = cls_rows(pass);
    struct clb_tensor cls = clb_tensor_first_rows(m->cls, pass->sequences);
    struct clb_tensor d_cls = clb_tensor_first_rows(m->d_cls, pass->sequences);
    enum clb_status status;
    if (!pass->d_pooled_begun) return CLB_OK;
    CLB_TRY(clb_activation_backward(d_pooled, d_pooled, &pass->pooled, CLB_ACTIVATION_TANH));
    CLB_TRY(clb_linear_backward_weight(&m->weight.gradient, &m->bias.gradient, d_pooled, &cls));
    CLB_TRY(clb_linear_backward_input(&d_cls, d_pooled, &m->weight.weight, NULL, NULL,
                                      CLB_ACTIVATION_NONE, false));
    CLB_TRY(clb_scatter_add_rows(&pass->d_hidden, &d_cls, &rows));
cleanup:
    return status;
}

const struct module_class module_pooler = {
    .name = "pooler",
    .size = sizeof(struct pooler),
    .is_head = true,
    .declare = declare,
    .forward = forward,
    .backward = backward,
};
