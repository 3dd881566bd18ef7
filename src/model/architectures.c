/* SPDX-License-Identifier: Apache-2.0 */
/* Which modules a model has. The order is that of the parameters in memory. */
#include "base/error.h"
#include "model/module.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const struct module_class module_embeddings, module_block, module_mlm_head, module_nsp_head,
    module_sequence_head, module_token_head, module_span_head;

enum { MOST_HEADS = 4 };

/* Behind the blocks; a new head is a file and its place here. */
static const struct {
    const char *name;
    const struct module_class *heads[MOST_HEADS];
} architectures[] = {
    [CLB_BERT_FOR_PRETRAINING] = {"BertForPreTraining",
                                  {&module_pooler, &module_mlm_head, &module_nsp_head}},
    [CLB_BERT_FOR_MASKED_LM] = {"BertForMaskedLM", {&module_mlm_head}},
    [CLB_BERT_FOR_NEXT_SENTENCE_PREDICTION] = {"BertForNextSentencePrediction",
                                               {&module_pooler, &module_nsp_head}},
    [CLB_BERT_FOR_SEQUENCE_CLASSIFICATION] = {"BertForSequenceClassification",
                                              {&module_pooler, &module_sequence_head}},
    [CLB_BERT_FOR_TOKEN_CLASSIFICATION] = {"BertForTokenClassification", {&module_token_head}},
    [CLB_BERT_FOR_QUESTION_ANSWERING] = {"BertForQuestionAnswering", {&module_span_head}},
    [CLB_BERT_MODEL] = {"BertModel", {&module_pooler}},
};
enum { ARCHITECTURE_COUNT = sizeof architectures / sizeof *architectures };

const char *model_architecture_name(enum clb_architecture architecture)
{
    return architectures[architecture].name;
}

enum clb_status model_architecture_named(const char *name, const char *where,
                                         enum clb_architecture *architecture)
{
    char known[512];
    size_t length = 0;
    for (int i = 0; i < ARCHITECTURE_COUNT; i++) {
        if (strcmp(name, architectures[i].name) == 0) {
            *architecture = (enum clb_architecture)i;
            return CLB_OK;
        }
        length += (size_t)snprintf(known + length, sizeof known - length, "%s%s",
                                   i == 0                        ? ""
                                   : i + 1 == ARCHITECTURE_COUNT ? " or "
                                                                 : ", ",
                                   architectures[i].name);
    }
    return clb_fail(CLB_ERROR_FORMAT, "%s: \"architectures\" names \"%s\", and should name %s",
                    where, name, known);
}

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
    const struct module_class *const *head = architectures[model->config.architecture].heads;
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
