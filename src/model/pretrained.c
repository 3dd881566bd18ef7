/* SPDX-License-Identifier: Apache-2.0 */
/* Models in files: Hugging Face's directory of config.json and model.safetensors. */
#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "model/bert.h"
#include "model/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_SIZE = 192 };

/* The file's name of part `part` of a parameter: "qkv" becomes query, key or value. */
static void part_name(char name[NAME_SIZE], const char *prefix,
                      const struct clb_parameter *parameter, int part)
{
    static const char *const parts[] = {"query", "key", "value"};
    const char *qkv = parameter->parts == 3 ? strstr(parameter->name, "qkv") : NULL;
    if (qkv)
        snprintf(name, NAME_SIZE, "%s%.*s%s%s", prefix, (int)(qkv - parameter->name),
                 parameter->name, parts[part], qkv + 3);
    else
        snprintf(name, NAME_SIZE, "%s%s", prefix, parameter->name);
}

static int64_t largest(const struct clb_tensor_list *lists, int list_count)
{
    int64_t most = 1;
    for (int l = 0; l < list_count; l++)
        for (int i = 0; i < lists[l].count; i++) {
            int64_t elements = clb_tensor_elements(lists[l].parameters[i].tensor);
            if (elements > most) most = elements;
        }
    return most;
}

static enum clb_status allocate_host(const struct clb_tensor_list *lists, int list_count,
                                     float **host)
{
    *host = malloc((size_t)largest(lists, list_count) * sizeof **host);
    return *host ? CLB_OK : clb_fail(CLB_ERROR_MEMORY, "tensors: out of memory");
}

/* ---- saving ---- */

static enum clb_status declare_list(struct safetensors_writer *writer,
                                    const struct clb_tensor_list *list)
{
    enum clb_status status = CLB_OK;
    char name[NAME_SIZE];
    for (int i = 0; i < list->count; i++) {
        const struct clb_parameter *p = &list->parameters[i];
        for (int part = 0; part < p->parts && status == CLB_OK; part++) {
            part_name(name, list->prefix, p, part);
            status =
                safetensors_declare(writer, name, p->tensor.rows / p->parts, p->tensor.columns);
        }
    }
    return status;
}

enum clb_status clb_tensors_save(const char *path, const struct clb_tensor_list *lists,
                                 int list_count)
{
    struct safetensors_writer *writer = NULL;
    float *host = NULL;
    enum clb_status status;
    CLB_TRY(allocate_host(lists, list_count, &host));
    CLB_TRY(safetensors_create(path, &writer));
    for (int l = 0; l < list_count; l++) CLB_TRY(declare_list(writer, &lists[l]));
    for (int l = 0; l < list_count; l++)
        for (int i = 0; i < lists[l].count; i++) {
            struct clb_tensor tensor = lists[l].parameters[i].tensor;
            CLB_TRY(clb_tensor_read(tensor, host, clb_tensor_elements(tensor)));
            CLB_TRY(safetensors_append(writer, host, clb_tensor_elements(tensor)));
        }
    status = safetensors_commit(writer);
    writer = NULL;
cleanup:
    safetensors_abandon(writer);
    free(host);
    return status;
}

enum clb_status clb_model_save(const struct clb_model *model, const char *directory)
{
    struct clb_tensor_list list = {"", model->parameters, model->parameter_count};
    char *config = base_format("%s/config.json", directory);
    char *weights = base_format("%s/model.safetensors", directory);
    enum clb_status status = CLB_OK;
    if (!config || !weights) status = clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", directory);
    if (status == CLB_OK) status = clb_tensors_save(weights, &list, 1);
    if (status == CLB_OK) status = clb_config_write(&model->config, config);
    free(config);
    free(weights);
    return status;
}

/* ---- loading ---- */

static enum clb_status load_parameter(const struct safetensors *file, const char *prefix,
                                      const struct clb_parameter *parameter, float *host)
{
    const int64_t rows = parameter->tensor.rows / parameter->parts,
                  columns = parameter->tensor.columns;
    char name[NAME_SIZE];
    enum clb_status status;
    for (int part = 0; part < parameter->parts; part++) {
        part_name(name, prefix, parameter, part);
        CLB_TRY(safetensors_read(file, name, rows, columns, host + part * rows * columns));
    }
    CLB_TRY(clb_tensor_write(parameter->tensor, host, clb_tensor_elements(parameter->tensor)));
cleanup:
    return status;
}

enum clb_status clb_tensors_load(const char *path, const struct clb_tensor_list *lists,
                                 int list_count)
{
    struct safetensors *file = NULL;
    float *host = NULL;
    enum clb_status status;
    CLB_TRY(allocate_host(lists, list_count, &host));
    CLB_TRY(safetensors_open(path, &file));
    for (int l = 0; l < list_count; l++)
        for (int i = 0; i < lists[l].count; i++)
            CLB_TRY(load_parameter(file, lists[l].prefix, &lists[l].parameters[i], host));
cleanup:
    safetensors_close(file);
    free(host);
    return status;
}

/* Older files call LayerNorm's weight and bias gamma and beta, and an encoder alone has no "bert."
 * before its names. Gives the parameter the name under which the file has it; false: it has not. */
static bool find_name(const struct safetensors *file, struct clb_parameter *parameter)
{
    char candidates[4][NAME_SIZE], original[sizeof parameter->name];
    memcpy(original, parameter->name, sizeof original);
    char *norm = strstr(parameter->name, "LayerNorm.");
    for (int c = 0; c < 4; c++) {
        const bool old_norm = c & 1, bare = c & 2;
        char name[sizeof original];
        memcpy(name, original, sizeof name);
        if (old_norm && norm) {
            char *suffix = name + (norm - parameter->name) + strlen("LayerNorm.");
            bool weight = strcmp(suffix, "weight") == 0;
            snprintf(suffix, sizeof name - (size_t)(suffix - name), "%s",
                     weight ? "gamma" : "beta");
        }
        const char *begin = bare && strncmp(name, "bert.", 5) == 0 ? name + 5 : name;
        struct clb_parameter candidate = *parameter;
        snprintf(candidate.name, sizeof candidate.name, "%s", begin);
        part_name(candidates[c], "", &candidate, 0);
        if (!safetensors_has(file, candidates[c])) continue;
        memcpy(parameter->name, candidate.name, sizeof candidate.name);
        return true;
    }
    return false;
}

static bool is_head(const char *name)
{
    return strncmp(name, "cls.", 4) == 0 || strncmp(name, "bert.pooler.", 12) == 0;
}

static enum clb_status load_all(struct clb_model *model, const struct safetensors *file,
                                const char *path, uint64_t seed, float *host)
{
    int initialised = 0;
    enum clb_status status = CLB_OK;
    for (int i = 0; i < model->parameter_count && status == CLB_OK; i++) {
        struct clb_parameter parameter = model->parameters[i];
        if (find_name(file, &parameter)) {
            status = load_parameter(file, "", &parameter, host);
        } else if (is_head(parameter.name)) {
            if (initialised++ < 8) base_warn("%s: has no %s; initialised", path, parameter.name);
            status = bert_initialize_parameter(model, i, seed);
        } else {
            status = clb_fail(CLB_ERROR_FORMAT, "%s: has no tensor %s: is it a BERT model?", path,
                              parameter.name);
        }
    }
    return status;
}

static enum clb_status missing_weights(const char *directory, const char *path)
{
    char *pickle = base_format("%s/pytorch_model.bin", directory);
    bool has_pickle = pickle && base_exists(pickle);
    free(pickle);
    if (has_pickle)
        return clb_fail(CLB_ERROR_IO,
                        "%s: has only pytorch_model.bin, a pickle; convert it once: python3 -c "
                        "\"from transformers import AutoModelForPreTraining as M; "
                        "M.from_pretrained('%s').save_pretrained('%s')\"",
                        directory, directory, directory);
    return clb_fail(CLB_ERROR_IO,
                    "%s: is not there; a model directory has config.json and "
                    "model.safetensors",
                    path);
}

enum clb_status clb_model_load(struct clb_model *model, const char *directory, uint64_t seed)
{
    struct clb_tensor_list list = {"", model->parameters, model->parameter_count};
    struct safetensors *file = NULL;
    float *host = NULL;
    char *path = base_format("%s/model.safetensors", directory);
    enum clb_status status = CLB_OK;
    if (!path) status = clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", directory);
    if (status == CLB_OK && !base_exists(path)) status = missing_weights(directory, path);
    if (status != CLB_OK) goto cleanup;
    CLB_TRY(allocate_host(&list, 1, &host));
    CLB_TRY(safetensors_open(path, &file));
    CLB_TRY(load_all(model, file, path, seed, host));
cleanup:
    safetensors_close(file);
    free(host);
    free(path);
    return status;
}
