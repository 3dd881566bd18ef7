/* SPDX-License-Identifier: Apache-2.0 */
/* Classes of whole sequences, or numbers: classifier(dropout(pooled)). What the labels are, and so
 * the loss, is the model's problem_type. */
#include "base/error.h"
#include "model/module.h"

struct sequence_head {
    struct module module;
    struct parameter weight, bias; /* [L, H], [L] */
    struct classes classes;        /* of a single label */
    struct clb_tensor numbers;     /* [B, L] otherwise */
    struct clb_tensor dropped;     /* [B, H], and then its gradient; in training */
    struct clb_tensor logits;      /* [B, L], and then their gradient */
};

static enum clb_problem_type problem_of(const struct module *module)
{
    return model_problem(&module->model->config);
}

static bool is_single(const struct module *module)
{
    return problem_of(module) == CLB_PROBLEM_SINGLE_LABEL_CLASSIFICATION;
}

static void declare(struct module *module, struct registry *r)
{
    struct sequence_head *m = (struct sequence_head *)module;
    const struct clb_config *c = &module->model->config;
    const int64_t b = module->model->limits.max_sequences, h = c->hidden_size;
    registry_parameter(r, &m->weight, MATRIX, c->num_labels, h, "classifier.weight");
    registry_parameter(r, &m->bias, BIAS, c->num_labels, 1, "classifier.bias");
    if (is_single(module))
        classes_declare(&m->classes, module, r, b);
    else
        registry_input_numbers(r, &m->numbers, b, c->num_labels);
    registry_activation(r, &m->logits, "sequence logits", b, c->num_labels, SAVED);
    if (module->model->limits.training)
        registry_activation(r, &m->dropped, "sequence dropped", b, h, SAVED);
    module->loss = registry_loss(r, module->class->name,
                                 problem_of(module) == CLB_PROBLEM_REGRESSION ? LOSS_OF_NUMBERS
                                                                              : LOSS_OF_CLASSES);
}

static enum clb_status check_numbers(const struct module *module, const struct clb_labels *labels)
{
    const struct clb_config *c = &module->model->config;
    const bool regression = problem_of(module) == CLB_PROBLEM_REGRESSION;
    if (!labels->numbers)
        return clb_fail(CLB_ERROR_ARGUMENT,
                        "sequence labels are classes; the model's are numbers: it is of %s",
                        regression ? "regression" : "multi_label_classification");
    if (labels->width != c->num_labels)
        return clb_fail(CLB_ERROR_ARGUMENT,
                        "sequence labels are %d numbers; the model's num_labels is %d",
                        labels->width, c->num_labels);
    for (int64_t i = 0; !regression && i < (int64_t)labels->count * labels->width; i++)
        if (!(labels->numbers[i] >= 0.0f && labels->numbers[i] <= 1.0f))
            return clb_fail(CLB_ERROR_ARGUMENT, "sequence label %g should be in 0 .. 1",
                            (double)labels->numbers[i]);
    return CLB_OK;
}

/* For all sequences or none. */
static enum clb_status check(const struct module *module, const struct clb_batch *batch)
{
    const struct clb_labels labels = head_labels(module, batch);
    const enum clb_status status = head_check_sequences(batch, &labels, "sequence label");
    if (status != CLB_OK || labels.count == 0) return status;
    return is_single(module) ? classes_check(module, &labels) : check_numbers(module, &labels);
}

static void stage(struct module *module, const struct clb_batch *batch, struct registry *r)
{
    struct sequence_head *m = (struct sequence_head *)module;
    const struct clb_labels labels = head_labels(module, batch);
    if (is_single(module))
        classes_stage(&m->classes, module, &labels, r);
    else
        registry_stage(r, &m->numbers, labels.numbers, (int64_t)labels.count * labels.width);
}

static struct measure measure(const struct module *module, const struct clb_batch *batch)
{
    const struct clb_labels labels = head_labels(module, batch);
    if (is_single(module)) return classes_measure(module, &labels);
    const int64_t numbers = (int64_t)labels.count * labels.width;
    return (struct measure){numbers, (double)numbers};
}

static enum clb_status number_loss(struct sequence_head *m, struct pass *pass,
                                   const struct clb_tensor *logits)
{
    struct module *module = &m->module;
    struct registry *r = module->model->registry;
    const struct clb_tensor *sums = registry_loss_sums(r, module->loss);
    const struct clb_tensor numbers = clb_tensor_first_rows(m->numbers, logits->rows);
    const struct measure size = measure(module, pass->batch);
    const float scale = pass->scales.scale[module->loss];
    const enum clb_status status = head_answer(module, pass, logits, 0);
    if (status != CLB_OK) return status;
    registry_count_labels(r, module->loss, size.count, size.weight);
    return problem_of(module) == CLB_PROBLEM_REGRESSION
               ? clb_squared_error(sums, logits, &numbers, scale)
               : clb_binary_cross_entropy(sums, logits, &numbers, scale);
}

static enum clb_status forward(struct module *module, struct pass *pass)
{
    struct sequence_head *m = (struct sequence_head *)module;
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
    CLB_TRY(!labelled           ? head_answer(module, pass, &logits, 0)
            : is_single(module) ? classes_loss(&m->classes, module, pass, &logits)
                                : number_loss(m, pass, &logits));
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
    .measure = measure,
    .forward = forward,
    .backward = backward,
};
