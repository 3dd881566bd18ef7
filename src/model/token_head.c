/* SPDX-License-Identifier: Apache-2.0 */
/* Classes of tokens: classifier(dropout(hidden)), of the tokens with labels, forward and backward
 * at once. Who asks for logits gets those of all tokens. */
#include "base/error.h"
#include "model/module.h"

struct token_head {
    struct module module;
    struct parameter weight, bias; /* [L, H], [L] */
    struct clb_tensor rows;        /* i32 [T] */
    struct classes classes;
    struct clb_tensor input;  /* [T, H] the tokens' rows, and then their gradient */
    struct clb_tensor logits; /* [T, L], and then their gradient */
};

static void declare(struct module *module, struct registry *r)
{
    struct token_head *m = (struct token_head *)module;
    const struct clb_config *c = &module->model->config;
    const int64_t t = module->model->limits.max_tokens, h = c->hidden_size;
    registry_parameter(r, &m->weight, MATRIX, c->num_labels, h, "classifier.weight");
    registry_parameter(r, &m->bias, BIAS, c->num_labels, 1, "classifier.bias");
    registry_input(r, &m->rows, t);
    classes_declare(&m->classes, module, r, t);
    registry_activation(r, &m->input, "token input", t, h, SCRATCH);
    registry_activation(r, &m->logits, "token logits", t, c->num_labels, SCRATCH);
    module->loss = registry_loss(r, module->class->name, LOSS_OF_CLASSES);
}

static enum clb_status check(const struct module *module, const struct clb_batch *batch)
{
    const struct clb_labels labels = head_labels(module, batch);
    return classes_check(module, &labels);
}

static struct measure measure(const struct module *module, const struct clb_batch *batch)
{
    const struct clb_labels labels = head_labels(module, batch);
    return classes_measure(module, &labels);
}

static void stage(struct module *module, const struct clb_batch *batch, struct registry *r)
{
    struct token_head *m = (struct token_head *)module;
    const struct clb_labels labels = head_labels(module, batch);
    registry_stage(r, &m->rows, labels.rows, labels.count);
    classes_stage(&m->classes, module, &labels, r);
}

static enum clb_status classify(const struct token_head *m, const struct clb_tensor *logits,
                                const struct clb_tensor *input)
{
    return clb_linear_forward(logits, NULL, input, &m->weight.weight, &m->bias.weight,
                              CLB_ACTIVATION_NONE);
}

static enum clb_status answer(struct token_head *m, struct pass *pass)
{
    struct clb_tensor logits = clb_tensor_first_rows(m->logits, pass->tokens);
    enum clb_status status = classify(m, &logits, &pass->hidden);
    return status == CLB_OK ? head_answer(&m->module, pass, &logits, 0) : status;
}

static enum clb_status forward(struct module *module, struct pass *pass)
{
    struct token_head *m = (struct token_head *)module;
    const int64_t labelled = head_labels(module, pass->batch).count;
    const struct clb_dropout dropout = pass_classifier_dropout(pass);
    struct clb_tensor rows = clb_tensor_first_rows(m->rows, labelled);
    struct clb_tensor input = clb_tensor_first_rows(m->input, labelled);
    struct clb_tensor logits = clb_tensor_first_rows(m->logits, labelled);
    enum clb_status status;
    if (head_asked(module, pass)) return answer(m, pass);
    if (labelled == 0) return CLB_OK;
    CLB_TRY(clb_gather_rows(&input, &pass->hidden, &rows));
    if (pass->training) CLB_TRY(clb_dropout_apply(&input, &input, dropout));
    CLB_TRY(classify(m, &logits, &input));
    CLB_TRY(classes_loss(&m->classes, module, pass, &logits));
    if (!pass->training) goto cleanup;
    CLB_TRY(clb_linear_backward_weight(&m->weight.gradient, &m->bias.gradient, &logits, &input));
    CLB_TRY(clb_linear_backward_input(&input, &logits, &m->weight.weight, NULL, NULL,
                                      CLB_ACTIVATION_NONE, false));
    CLB_TRY(clb_dropout_apply(&input, &input, dropout));
    CLB_TRY(clb_scatter_add_rows(&pass->d_hidden, &input, &rows));
cleanup:
    return status;
}

const struct module_class module_token_head = {
    .name = "token",
    .size = sizeof(struct token_head),
    .is_head = true,
    .answers = true,
    .head = CLB_HEAD_TOKEN,
    .declare = declare,
    .check = check,
    .stage = stage,
    .measure = measure,
    .forward = forward,
};
