/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters by name: lists, initial values, names in files. */
#include "base/error.h"
#include "model/module.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- lists ---- */

const struct clb_parameter *clb_model_parameters(const struct clb_model *model, int *count)
{
    return registry_weights(model->registry, count);
}

const struct clb_parameter *clb_model_gradients(const struct clb_model *model, int *count)
{
    return registry_gradients(model->registry, count);
}

struct clb_tensor clb_model_weights_whole(const struct clb_model *model)
{
    return registry_weights_whole(model->registry);
}

struct clb_tensor clb_model_gradients_whole(const struct clb_model *model)
{
    return registry_gradients_whole(model->registry);
}

enum clb_status clb_model_like_parameters(const struct clb_model *model, struct clb_arena *arena,
                                          struct clb_parameter **parameters, int *count)
{
    const struct clb_parameter *weights = registry_weights(model->registry, count);
    *parameters = calloc((size_t)*count, sizeof **parameters);
    if (!*parameters) return clb_fail(CLB_ERROR_MEMORY, "parameters: out of memory");
    enum clb_status status = CLB_OK;
    for (int i = 0; i < *count && status == CLB_OK; i++) {
        struct clb_tensor shape = weights[i].tensor;
        (*parameters)[i] = weights[i];
        status = clb_arena_add(arena, CLB_F32, shape.rows, shape.columns, &(*parameters)[i].tensor);
    }
    return status;
}

enum clb_status model_list_shapes(const struct clb_config *config, struct clb_parameter **list,
                                  int *count)
{
    struct clb_model model = {.config = *config};
    enum clb_status status = registry_create(NULL, &model.limits, &model.registry);
    if (status != CLB_OK) return status;
    CLB_TRY(model_make_modules(&model));
    const struct clb_parameter *weights = registry_weights(model.registry, count);
    *list = malloc((size_t)*count * sizeof **list);
    if (*list)
        memcpy(*list, weights, (size_t)*count * sizeof **list);
    else
        status = clb_fail(CLB_ERROR_MEMORY, "parameters: out of memory");
cleanup:
    registry_destroy(model.registry);
    model_free_modules(&model);
    return status;
}

/* ---- initial values ---- */

enum clb_status model_initialize_parameter(const struct clb_model *model, int index, uint64_t seed)
{
    int count;
    const struct clb_parameter *parameter = &clb_model_parameters(model, &count)[index];
    const struct clb_random by_number = {seed, CLB_PURPOSE_INIT + (uint32_t)index, 0};
    const struct clb_random random =
        model->streams == CLB_STREAMS_BY_NUMBER
            ? by_number
            : clb_random_named(seed, CLB_PURPOSE_INIT, 0, parameter->name);
    if (parameter->init == CLB_INIT_NORMAL)
        return clb_fill_truncated_normal(&parameter->tensor, model->config.initializer_range,
                                         random);
    return clb_fill(&parameter->tensor, parameter->init == CLB_INIT_ONE ? 1.0f : 0.0f);
}

enum clb_status clb_model_initialize(struct clb_model *model, uint64_t seed)
{
    int count;
    enum clb_status status = CLB_OK;
    clb_model_parameters(model, &count);
    for (int i = 0; i < count && status == CLB_OK; i++)
        status = model_initialize_parameter(model, i, seed);
    if (status == CLB_OK) {
        model->heads = CLB_HEAD_MLM;
        if (model->config.architecture == CLB_BERT_FOR_PRETRAINING) model->heads |= CLB_HEAD_NSP;
    }
    return status;
}

/* ---- names in files ---- */

int model_parameter_head(const char *name)
{
    if (strncmp(name, "cls.predictions.", 16) == 0) return CLB_HEAD_MLM;
    if (strncmp(name, "cls.", 4) == 0 || strncmp(name, "bert.pooler.", 12) == 0)
        return CLB_HEAD_NSP;
    return 0;
}

void model_part_name(char name[MODEL_NAME_SIZE], const char *prefix,
                     const struct clb_parameter *parameter, int part)
{
    static const char *const parts[] = {"query", "key", "value"};
    const char *qkv = parameter->parts == 3 ? strstr(parameter->name, "qkv") : NULL;
    if (qkv)
        snprintf(name, MODEL_NAME_SIZE, "%s%.*s%s%s", prefix, (int)(qkv - parameter->name),
                 parameter->name, parts[part], qkv + 3);
    else
        snprintf(name, MODEL_NAME_SIZE, "%s%s", prefix, parameter->name);
}
