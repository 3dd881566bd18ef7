/* SPDX-License-Identifier: Apache-2.0 */
/* What heads share: their labels of a batch, and the losses of these. */
#include "base/error.h"
#include "model/module.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- labels ---- */

struct clb_labels head_labels(const struct module *module, const struct clb_batch *batch)
{
    const struct clb_labels *labels = clb_batch_labels(batch, module->class->name);
    return labels ? *labels : (struct clb_labels){.name = module->class->name};
}

struct measure head_measure(const struct module *module, const struct clb_batch *batch)
{
    if (module->class->measure) return module->class->measure(module, batch);
    const int64_t count = head_labels(module, batch).count;
    return (struct measure){count, (double)count};
}

enum clb_status head_check_sequences(const struct clb_batch *batch, const struct clb_labels *labels,
                                     const char *what)
{
    if (labels->count != 0 && labels->count != batch->sequences)
        return clb_fail(CLB_ERROR_ARGUMENT, "%d of %d sequences have a %s: all should, or none",
                        labels->count, batch->sequences, what);
    for (int32_t i = 0; i < labels->count; i++)
        if (labels->rows[i] != batch->cu_seqlens[i])
            return clb_fail(CLB_ERROR_ARGUMENT, "%s for row %d, where none begins", what,
                            labels->rows[i]);
    return CLB_OK;
}

/* ---- logits ---- */

bool head_asked(const struct module *module, const struct pass *pass)
{
    return pass->head && strcmp(pass->head, module->class->name) == 0;
}

enum clb_status head_answer(const struct module *module, const struct pass *pass,
                            const struct clb_tensor *logits, int64_t first)
{
    if (!head_asked(module, pass)) return CLB_OK;
    return clb_tensor_read(*logits, pass->logits + first * logits->columns,
                           clb_tensor_elements(*logits));
}

enum clb_status head_loss(struct module *module, struct pass *pass, const struct clb_tensor *logits,
                          const struct clb_tensor *labels, int64_t first)
{
    struct registry *registry = module->model->registry;
    enum clb_status status = head_answer(module, pass, logits, first);
    registry_count_labels(registry, module->loss, logits->rows, (double)logits->rows);
    return status == CLB_OK ? clb_cross_entropy(registry_loss_sums(registry, module->loss), logits,
                                                labels, pass->scales.scale[module->loss])
                            : status;
}

/* ---- classes ---- */

void classes_declare(struct classes *classes, const struct module *module,
                     struct registry *registry, int64_t rows)
{
    registry_input(registry, &classes->labels, rows);
    registry_input_numbers(registry, &classes->weights, module->model->config.num_labels, 1);
}

enum clb_status classes_check(const struct module *module, const struct clb_labels *labels)
{
    const int32_t classes = module->model->config.num_labels;
    if (labels->count > 0 && labels->numbers)
        return clb_fail(CLB_ERROR_ARGUMENT, "%s labels are numbers; the model's are classes",
                        labels->name);
    for (int32_t i = 0; i < labels->count; i++)
        if (labels->values[i] < 0 || labels->values[i] >= classes)
            return clb_fail(CLB_ERROR_ARGUMENT, "%s label %d; the model's num_labels is %d",
                            labels->name, labels->values[i], classes);
    return CLB_OK;
}

void classes_stage(const struct classes *classes, const struct module *module,
                   const struct clb_labels *labels, struct registry *registry)
{
    const struct clb_model *model = module->model;
    registry_stage(registry, &classes->labels, labels->values, labels->count);
    if (model->class_weights && labels->count > 0)
        registry_stage(registry, &classes->weights, model->class_weights, model->config.num_labels);
}

struct measure classes_measure(const struct module *module, const struct clb_labels *labels)
{
    const float *weights = module->model->class_weights;
    struct measure measure = {labels->count, (double)labels->count};
    if (!weights) return measure;
    measure.weight = 0;
    for (int32_t i = 0; i < labels->count; i++)
        measure.weight += (double)weights[labels->values[i]];
    return measure;
}

enum clb_status classes_loss(const struct classes *classes, struct module *module,
                             struct pass *pass, const struct clb_tensor *logits)
{
    const struct clb_model *model = module->model;
    const struct clb_tensor labels = clb_tensor_first_rows(classes->labels, logits->rows);
    const struct measure measure = head_measure(module, pass->batch);
    const enum clb_status status = head_answer(module, pass, logits, 0);
    if (status != CLB_OK) return status;
    registry_count_labels(model->registry, module->loss, measure.count, measure.weight);
    return clb_class_loss(registry_loss_sums(model->registry, module->loss), logits, &labels,
                          model->class_weights ? &classes->weights : NULL, model->label_smoothing,
                          pass->scales.scale[module->loss]);
}

/* ---- settings ---- */

enum clb_problem_type model_problem(const struct clb_config *config)
{
    if (config->problem_type != CLB_PROBLEM_UNSAID) return config->problem_type;
    return config->num_labels == 1 ? CLB_PROBLEM_REGRESSION
                                   : CLB_PROBLEM_SINGLE_LABEL_CLASSIFICATION;
}

static bool has_classes(const struct clb_config *config)
{
    return config->architecture == CLB_BERT_FOR_TOKEN_CLASSIFICATION ||
           (config->architecture == CLB_BERT_FOR_SEQUENCE_CLASSIFICATION &&
            model_problem(config) == CLB_PROBLEM_SINGLE_LABEL_CLASSIFICATION);
}

static enum clb_status check_settings(const struct clb_config *config,
                                      const struct clb_loss_settings *settings)
{
    const float *weights = settings->class_weights;
    if (!has_classes(config))
        return clb_fail(CLB_ERROR_ARGUMENT,
                        "%s: only a loss of classes, of sequences or tokens, has weights and "
                        "smoothed labels",
                        model_architecture_name(config->architecture));
    if (!(settings->label_smoothing >= 0.0f && settings->label_smoothing < 1.0f))
        return clb_fail(CLB_ERROR_ARGUMENT, "label smoothing %g should be in [0, 1)",
                        (double)settings->label_smoothing);
    for (int32_t c = 0; weights && c < config->num_labels; c++)
        if (!isfinite(weights[c]) || weights[c] < 0.0f)
            return clb_fail(CLB_ERROR_ARGUMENT, "the weight of class %d is %g", c,
                            (double)weights[c]);
    return CLB_OK;
}

enum clb_status clb_model_set_loss(struct clb_model *model,
                                   const struct clb_loss_settings *settings)
{
    const struct clb_loss_settings none = {0}, *s = settings ? settings : &none;
    const size_t size = (size_t)model->config.num_labels * sizeof(float);
    float *weights = NULL;
    const enum clb_status status = settings ? check_settings(&model->config, s) : CLB_OK;
    if (status != CLB_OK) return status;
    if (s->class_weights && !(weights = malloc(size)))
        return clb_fail(CLB_ERROR_MEMORY, "class weights: out of memory");
    if (weights) memcpy(weights, s->class_weights, size);
    free(model->class_weights);
    model->class_weights = weights;
    model->label_smoothing = s->label_smoothing;
    return CLB_OK;
}
