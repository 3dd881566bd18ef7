/* SPDX-License-Identifier: Apache-2.0 */
/* Which modules a model has. The order is that of the parameters in memory. */
#include "base/error.h"
#include "model/module.h"

#include <stdlib.h>

enum { MOST_HEADS = 3 };

/* Behind the blocks; a new head is a file and its place here. */
static const struct module_class *const heads[][MOST_HEADS] = {
    [CLB_BERT_FOR_PRETRAINING] = {&module_pooler, &module_mlm_head, &module_nsp_head},
    [CLB_BERT_FOR_MASKED_LM] = {&module_mlm_head},
};

static enum clb_status add_module(struct clb_model *model, const struct module_class *class,
                                  int index)
{
    struct module *module = calloc(1, class->size);
    if (!module) return clb_fail(CLB_ERROR_MEMORY, "model: out of memory");
    module->class = class;
    module->model = model;
    module->index = index;
    registry_module(model->registry, model->module_count);
    model->modules[model->module_count++] = module;
    class->declare(module, model->registry);
    return CLB_OK;
}

enum clb_status model_make_modules(struct clb_model *model)
{
    const int layers = model->config.num_hidden_layers;
    const size_t most = (size_t)layers + 1 + MOST_HEADS;
    const struct module_class *const *head = heads[model->config.architecture];
    enum clb_status status;
    model->modules = calloc(most, sizeof(struct module *));
    if (!model->modules) return clb_fail(CLB_ERROR_MEMORY, "model: out of memory");
    CLB_TRY(add_module(model, &module_embeddings, 0));
    for (int i = 0; i < layers; i++) CLB_TRY(add_module(model, &module_block, i));
    for (int i = 0; i < MOST_HEADS && head[i]; i++) CLB_TRY(add_module(model, head[i], 0));
cleanup:
    return status;
}

void model_free_modules(struct clb_model *model)
{
    for (int i = 0; i < model->module_count; i++) free(model->modules[i]);
    free(model->modules);
}
