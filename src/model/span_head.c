/* SPDX-License-Identifier: Apache-2.0 */
/* Where an answer begins and ends: two logits of every token, and for each of the two a softmax
 * over the tokens of a sequence. Forward and backward at once. */
#include "base/error.h"
#include "model/module.h"

struct span_head {
    struct module module;
    struct parameter weight, bias; /* [2, H], [2] */
    struct clb_tensor spans;       /* i32 [2 B] first and last row of each sequence's answer */
    struct clb_tensor logits;      /* [T, 2], and then their gradient */
};

static void declare(struct module *module, struct registry *r)
{
    struct span_head *m = (struct span_head *)module;
    const struct clb_model_limits *limits = &module->model->limits;
    const int64_t h = module->model->config.hidden_size;
    registry_parameter(r, &m->weight, MATRIX, 2, h, "qa_outputs.weight");
    registry_parameter(r, &m->bias, BIAS, 2, 1, "qa_outputs.bias");
    registry_input(r, &m->spans, 2 * (int64_t)limits->max_sequences);
    registry_activation(r, &m->logits, "span logits", limits->max_tokens, 2, SCRATCH);
    module->loss = registry_loss(r, module->class->name, LOSS_OF_CLASSES);
}

/* For all sequences or none, within each. */
static enum clb_status check(const struct module *module, const struct clb_batch *batch)
{
    const struct clb_labels labels = head_labels(module, batch);
    const enum clb_status status = head_check_sequences(batch, &labels, "span");
    if (status != CLB_OK || labels.count == 0) return status;
    if (!labels.values || labels.width != 2)
        return clb_fail(CLB_ERROR_ARGUMENT, "span labels are two rows each: clb_batch_label_span");
    for (int32_t i = 0; i < 2 * labels.count; i++) {
        const int32_t length = batch->cu_seqlens[i / 2 + 1] - batch->cu_seqlens[i / 2];
        if (labels.values[i] < -1 || labels.values[i] >= length)
            return clb_fail(CLB_ERROR_ARGUMENT, "a span at row %d of a sequence of %d tokens",
                            labels.values[i], length);
    }
    return CLB_OK;
}

static void stage(struct module *module, const struct clb_batch *batch, struct registry *r)
{
    const struct clb_labels labels = head_labels(module, batch);
    registry_stage(r, &((struct span_head *)module)->spans, labels.values, 2 * labels.count);
}

/* Those that are to be learnt. */
static struct measure measure(const struct module *module, const struct clb_batch *batch)
{
    const struct clb_labels labels = head_labels(module, batch);
    struct measure measure = {0};
    for (int32_t i = 0; i < 2 * labels.count; i++) measure.count += labels.values[i] >= 0;
    measure.weight = (double)measure.count;
    return measure;
}

static enum clb_status loss(struct span_head *m, struct pass *pass, const struct clb_tensor *logits)
{
    struct registry *r = m->module.model->registry;
    const int number = m->module.loss;
    const struct clb_tensor spans = clb_tensor_reshape(m->spans, pass->sequences, 2);
    const struct measure size = measure(&m->module, pass->batch);
    registry_count_labels(r, number, size.count, size.weight);
    return clb_span_loss(registry_loss_sums(r, number), logits, &pass->cu_seqlens, &spans,
                         pass->scales.scale[number]);
}

static enum clb_status forward(struct module *module, struct pass *pass)
{
    struct span_head *m = (struct span_head *)module;
    const bool labelled = head_labels(module, pass->batch).count > 0;
    const struct clb_tensor logits = clb_tensor_first_rows(m->logits, pass->tokens);
    enum clb_status status;
    if (!labelled && !head_asked(module, pass)) return CLB_OK;
    CLB_TRY(clb_linear_forward(&logits, NULL, &pass->hidden, &m->weight.weight, &m->bias.weight,
                               CLB_ACTIVATION_NONE));
    CLB_TRY(head_answer(module, pass, &logits, 0));
    if (labelled) CLB_TRY(loss(m, pass, &logits));
    if (!labelled || !pass->training) goto cleanup;
    CLB_TRY(
        clb_linear_backward_weight(&m->weight.gradient, &m->bias.gradient, &logits, &pass->hidden));
    CLB_TRY(clb_linear_backward_input(&pass->d_hidden, &logits, &m->weight.weight, NULL, NULL,
                                      CLB_ACTIVATION_NONE, true));
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
    .check = check,
    .stage = stage,
    .measure = measure,
    .forward = forward,
};
