/* SPDX-License-Identifier: Apache-2.0 */
/* Classes of whole sequences: classifier(dropout(pooled)). */
#include "base/error.h"
#include "model/module.h"

struct sequence_head {
    struct module module;
    struct parameter weight, bias; /* [L, H], [L] */
    struct clb_tensor labels;      /* i32 [B] */
    struct clb_tensor dropped;     /* [B, H], and then its gradient; in training */
    struct clb_tensor logits;      /* [B, L], and then their gradient */
};

static void declare(struct module *module, struct registry *r)
{
    struct sequence_head *m = (struct sequence_head *)module;
    const struct clb_config *c = &module->model->config;
    const int64_t b = module->model->limits.max_sequences, h = c->hidden_size;
    registry_parameter(r, &m->weight, MATRIX, c->num_labels, h, "classifier.weight");
    registry_parameter(r, &m->bias, BIAS, c->num_labels, 1, "classifier.bias");
    registry_input(r, &m->labels, b);
    registry_activation(r, &m->logits, "sequence logits", b, c->num_labels, SAVED);
    if (module->model->limits.training)
        registry_activation(r, &m->dropped, "sequence dropped", b, h, SAVED);
    module->loss = registry_loss(r, module->class->name, false);
}

/* The loss is that of one class of several. */
static enum clb_status check_problem(const struct clb_config *c)
{
    if (c->problem_type == CLB_PROBLEM_REGRESSION || c->num_labels == 1)
        return clb_fail(CLB_ERROR_ARGUMENT, "sequence labels are classes; the model's are numbers "
                                            "(regression), whose loss there is not");
    if (c->problem_type == CLB_PROBLEM_MULTI_LABEL_CLASSIFICATION)
        return clb_fail(CLB_ERROR_ARGUMENT,
                        "sequence labels are one class each; the model's problem_type is "
                        "multi_label_classification, whose loss there is not");
    return CLB_OK;
}

/* For all sequences or none. */
static enum clb_status check(const struct module *module, const struct clb_batch *batch)
{
    const struct clb_labels labels = head_labels(module, batch);
    const struct clb_config *c = &module->model->config;
    const enum clb_status status = head_check_sequences(batch, &labels, "sequence label");
    if (status != CLB_OK || labels.count == 0) return status;
    for (int32_t i = 0; i < labels.count; i++)
        if (labels.values[i] < 0 || labels.values[i] >= c->num_labels)
            return clb_fail(CLB_ERROR_ARGUMENT, "sequence label %d; the model's num_labels is %d",
                            labels.values[i], c->num_labels);
    return check_problem(c);
}

static void stage(struct module *module, const struct clb_batch *batch, struct registry *r)
{
    struct sequence_head *m = (struct sequence_head *)module;
    const struct clb_labels labels = head_labels(module, batch);
    registry_stage(r, &m->labels, labels.values, labels.count);
}

static enum clb_status forward(struct module *module, struct pass *pass)
{
    struct sequence_head *m = (struct sequence_head *)module;
    struct clb_tensor labels = clb_tensor_first_rows(m->labels, pass->sequences);
    struct clb_tensor logits = clb_tensor_first_rows(m->logits, pass->sequences);
    struct clb_tensor dropped = pass->pooled;
    const bool labelled = head_labels(module, pass->batch).count > 0;
    enum clb_status status;
    if (!labelled && !head_asked(module, pass)) return CLB_OK;
    if (pass->training) {
        dropped = clb_tensor_first_rows(m->dropped, pass->sequences);
        CLB_TRY(clb_dropout_apply(&dropped, &pass->pooled, pass_classifier_dropout(pass)));
    }
    CLB_TRY(clb_linear_forward(&logits, NULL, &dropped, &m->weight.weight, &m->bias.weight,
                               CLB_ACTIVATION_NONE));
    CLB_TRY(labelled ? head_loss(module, pass, &logits, &labels, 0)
                     : head_answer(module, pass, &logits, 0));
cleanup:
    return status;
}

static enum clb_status backward(struct module *module, struct pass *pass)
{
    struct sequence_head *m = (struct sequence_head *)module;
    struct clb_tensor logits = clb_tensor_first_rows(m->logits, pass->sequences);
    struct clb_tensor dropped = clb_tensor_first_rows(m->dropped, pass->sequences);
    enum clb_status status;
    if (head_labels(module, pass->batch).count == 0) return CLB_OK;
    CLB_TRY(clb_linear_backward_weight(&m->weight.gradient, &m->bias.gradient, &logits, &dropped));
    CLB_TRY(clb_linear_backward_input(&dropped, &logits, &m->weight.weight, NULL, NULL,
                                      CLB_ACTIVATION_NONE, false));
    CLB_TRY(clb_dropout_apply(&dropped, &dropped, pass_classifier_dropout(pass)));
    CLB_TRY(pass->d_pooled_begun ? clb_add(&pass->d_pooled, &dropped)
                                 : clb_copy(&pass->d_pooled, &dropped));
    pass->d_pooled_begun = true;
cleanup:
    return status;
}

const struct module_class module_sequence_head = {
    .name = "sequence",
    .size = sizeof(struct sequence_head),
    .is_head = true,
    .answers = true,
    .head = CLB_HEAD_SEQUENCE,
    .on = &module_pooler,
    .declare = declare,
    .check = check,
    .stage = stage,
    .forward = forward,
    .backward = backward,
};
