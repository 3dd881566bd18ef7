/* SPDX-License-Identifier: Apache-2.0 */
/* Where an answer begins and ends: two logits of every token, for who asks. It has no loss. */
#include "base/error.h"
#include "model/module.h"

struct span_head {
    struct module module;
    struct parameter weight, bias; /* [2, H], [2] */
    struct clb_tensor logits;      /* [T, 2] begin, end */
};

static void declare(struct module *module, struct registry *r)
{
    struct span_head *m = (struct span_head *)module;
    const int64_t t = module->model->limits.max_tokens, h = module->model->config.hidden_size;
    registry_parameter(r, &m->weight, MATRIX, 2, h, "qa_outputs.weight");
    registry_parameter(r, &m->bias, BIAS, 2, 1, "qa_outputs.bias");
    registry_activation(r, &m->logits, "span logits", t, 2, SCRATCH);
}

static enum clb_status forward(struct module *module, struct pass *pass)
{
    struct span_head *m = (struct span_head *)module;
    struct clb_tensor logits = clb_tensor_first_rows(m->logits, pass->tokens);
    enum clb_status status;
    if (!head_asked(module, pass)) return CLB_OK;
    CLB_TRY(clb_linear_forward(&logits, NULL, &pass->hidden, &m->weight.weight, &m->bias.weight,
                               CLB_ACTIVATION_NONE));
    CLB_TRY(head_answer(module, pass, &logits, 0));
cleanup:
    return status;
}

const struct module_class module_span_head = {
    .name = "span",
    .size = sizeof(struct span_head),
    .is_head = true,
    .answers = true,
    .head = CLB_HEAD_SPAN,
    .declare = declare,
    .forward = forward,
};
