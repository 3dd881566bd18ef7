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
    return clb_arena_whole(registry_weight_arena(model->registry));
}

struct clb_tensor clb_model_gradients_whole(const struct clb_model *model)
{
    return clb_arena_whole(registry_gradient_arena(model->registry));
}

int clb_model_parts(const struct clb_model *model)
{
    return clb_arena_parts(registry_weight_arena(model->registry));
}

struct clb_tensor clb_model_weights_part(const struct clb_model *model, int part)
{
    return clb_arena_part(registry_weight_arena(model->registry), part);
}

struct clb_tensor clb_model_gradients_part(const struct clb_model *model, int part)
{
    return clb_arena_part(registry_gradient_arena(model->registry), part);
}

enum clb_status clb_model_like_parameters(const struct clb_model *model, struct clb_arena *arena,
                                          struct clb_parameter **parameters, int *count)
{
    const struct clb_parameter *weights = registry_weights(model->registry, count);
    clb_arena_in_parts(arena);
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

enum clb_status model_outline(const struct clb_config *config, struct clb_model **out)
{
    struct clb_model *model = calloc(1, sizeof *model);
    enum clb_status status;
    if (!model) return clb_fail(CLB_ERROR_MEMORY, "model: out of memory");
    model->config = *config;
    CLB_TRY(registry_create(NULL, &model->limits, &model->registry));
    CLB_TRY(model_make_modules(model));
    CLB_TRY(registry_check(model->registry));
    *out = model;
    model = NULL;
cleanup:
    clb_model_destroy(model);
    return status;
}

struct module *model_module_of(const struct clb_model *model, int index)
{
    return model->modules[registry_module_of(model->registry, index)];
}

int64_t clb_config_parameters(const struct clb_config *config)
{
    struct clb_model *model;
    int64_t elements = 0;
    int count;
    if (model_outline(config, &model) != CLB_OK) return 0;
    const struct clb_parameter *weights = registry_weights(model->registry, &count);
    for (int i = 0; i < count; i++) elements += clb_tensor_elements(weights[i].tensor);
    clb_model_destroy(model);
    return elements;
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
    for (int i = 0; i < model->module_count; i++) model->modules[i]->filled = status == CLB_OK;
    return status;
}

/* ---- names in files ---- */

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
