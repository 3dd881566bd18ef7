/* SPDX-License-Identifier: Apache-2.0 */
/* Models in files: Hugging Face's directory of config.json and model.safetensors. */
#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "model/model_files.h"
#include "model/module.h"
#include "model/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { SAVE_PIECE = 1 << 16 }; /* numbers that are read from the device at once */

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
    char name[MODEL_NAME_SIZE];
    for (int i = 0; i < list->count; i++) {
        const struct clb_parameter *p = &list->parameters[i];
        for (int part = 0; part < p->parts && status == CLB_OK; part++) {
            model_part_name(name, list->prefix, p, part);
            status =
                safetensors_declare(writer, name, p->tensor.rows / p->parts, p->tensor.columns);
        }
    }
    return status;
}

/* In pieces: the largest tensor would be a second copy of a tenth of the model. */
static enum clb_status append_tensor(struct safetensors_writer *writer, struct clb_tensor tensor,
                                     float host[SAVE_PIECE])
{
    const int64_t all = clb_tensor_elements(tensor);
    enum clb_status status = CLB_OK;
    for (int64_t first = 0; first < all && status == CLB_OK; first += SAVE_PIECE) {
        const int64_t count = all - first < SAVE_PIECE ? all - first : SAVE_PIECE;
        CLB_TRY(clb_tensor_read_from(tensor, first, host, count));
        CLB_TRY(safetensors_append(writer, host, count));
    }
cleanup:
    return status;
}

enum clb_status clb_tensors_save(const char *path, const struct clb_tensor_list *lists,
                                 int list_count)
{
    struct safetensors_writer *writer = NULL;
    float *host = malloc(SAVE_PIECE * sizeof *host);
    enum clb_status status;
    if (!host) return clb_fail(CLB_ERROR_MEMORY, "tensors: out of memory");
    CLB_TRY(safetensors_create(path, &writer));
    for (int l = 0; l < list_count; l++) CLB_TRY(declare_list(writer, &lists[l]));
    for (int l = 0; l < list_count; l++)
        for (int i = 0; i < lists[l].count; i++)
            CLB_TRY(append_tensor(writer, lists[l].parameters[i].tensor, host));
    status = safetensors_commit(writer);
    writer = NULL;
cleanup:
    safetensors_abandon(writer);
    free(host);
    return status;
}

enum clb_status clb_model_save(const struct clb_model *model, const char *directory)
{
    struct clb_tensor_list list = {.prefix = ""};
    list.parameters = clb_model_parameters(model, &list.count);
    char *config = base_format("%s/config.json", directory);
    char *weights = base_format("%s/model.safetensors", directory);
    enum clb_status status = CLB_OK;
    if (!config || !weights) status = clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", directory);
    if (status == CLB_OK) status = clb_tensors_save(weights, &list, 1);
    if (status == CLB_OK) status = bert_config_write(&model->config, model->labels, config);
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
    char name[MODEL_NAME_SIZE];
    enum clb_status status;
    for (int part = 0; part < parameter->parts; part++) {
        model_part_name(name, prefix, parameter, part);
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

enum clb_status clb_model_read_config(const char *directory, struct clb_config *config)
{
    struct model_files *files = NULL;
    struct clb_model *model = NULL;
    struct stat info;
    bool tied;
    char *path = base_format("%s/config.json", directory);
    enum clb_status status;
    if (!path) return clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", directory);
    if (stat(path, &info) != 0) {
        status = model_directory_error(directory);
        goto cleanup;
    }
    if (!S_ISREG(info.st_mode)) {
        status = clb_fail(CLB_ERROR_IO, "%s: is not a regular file", path);
        goto cleanup;
    }
    CLB_TRY(bert_config_read(path, config, &tied, NULL));
    CLB_TRY(model_files_open(directory, &files));
    const bool mlm = config->architecture == CLB_BERT_FOR_MASKED_LM;
    if (mlm) config->architecture = CLB_BERT_FOR_PRETRAINING;
    CLB_TRY(model_outline(config, &model));
    CLB_TRY(model_files_check(files, model, tied));
    if (mlm && !(clb_model_heads(model) & CLB_HEAD_NSP))
        config->architecture = CLB_BERT_FOR_MASKED_LM;
cleanup:
    clb_model_destroy(model);
    model_files_close(files);
    free(path);
    return status;
}

/* What else config.json says: whether it ties the decoder to the word embeddings, as bare weights
 * do, and the names of the model's classes, if it is of as many. */
static enum clb_status read_rest(const char *directory, int32_t num_labels, bool *tied,
                                 json_t **labels)
{
    struct clb_config config;
    char *path = base_format("%s/config.json", directory);
    enum clb_status status = path ? CLB_OK : clb_fail(CLB_ERROR_MEMORY, "out of memory");
    *tied = true;
    *labels = NULL;
    if (status == CLB_OK && base_exists(path))
        status = bert_config_read(path, &config, tied, labels);
    if (*labels && config.num_labels != num_labels) {
        json_decref(*labels);
        *labels = NULL;
    }
    free(path);
    return status;
}

/* Parameters that the files lack are told of where they were to have them. */
static enum clb_status load_all(struct clb_model *model, const struct model_files *files,
                                uint64_t seed, bool tell, float *host)
{
    int initialised = 0, count;
    const struct clb_parameter *parameters = clb_model_parameters(model, &count);
    enum clb_status status = CLB_OK;
    for (int i = 0; i < count && status == CLB_OK; i++) {
        const struct clb_parameter *parameter = &parameters[i];
        if (model_files_has(files, parameter)) {
            CLB_TRY(model_files_read(files, parameter, host));
            CLB_TRY(
                clb_tensor_write(parameter->tensor, host, clb_tensor_elements(parameter->tensor)));
        } else { /* of a head, or model_files_check had refused it */
            if (tell && model->limits.training && initialised++ < 8)
                base_warn("%s: has no %s; initialised", model_files_directory(files),
                          parameter->name);
            CLB_TRY(model_initialize_parameter(model, i, seed));
        }
    }
cleanup:
    return status;
}

/* A configuration of fewer layers than the files have is a way to cut a model, or a mistake. */
static void warn_of_more_layers(const struct model_files *files, const struct clb_config *config)
{
    struct clb_parameter next = {.parts = 1};
    snprintf(next.name, sizeof next.name, "bert.encoder.layer.%d.output.dense.weight",
             config->num_hidden_layers);
    if (model_files_has(files, &next))
        base_warn("%s: has more layers than the %d of config.json, which are left out",
                  model_files_directory(files), config->num_hidden_layers);
}

static enum clb_status load(struct clb_model *model, const char *directory, uint64_t seed,
                            bool heads)
{
    struct clb_tensor_list list = {.prefix = ""};
    list.parameters = clb_model_parameters(model, &list.count);
    struct model_files *files = NULL;
    json_t *labels = NULL;
    float *host = NULL;
    bool tied;
    enum clb_status status;
    CLB_TRY(read_rest(directory, model->config.num_labels, &tied, &labels));
    CLB_TRY(model_files_open(directory, &files));
    if (!heads) model_files_hide_heads(files);
    CLB_TRY(model_files_check(files, model, tied));
    if (!tied && heads) CLB_TRY(model_files_check_decoder(files, model));
    warn_of_more_layers(files, &model->config);
    CLB_TRY(allocate_host(&list, 1, &host));
    CLB_TRY(load_all(model, files, seed, heads, host));
    json_decref(model->labels);
    model->labels = labels;
    labels = NULL;
cleanup:
    json_decref(labels);
    model_files_close(files);
    free(host);
    return status;
}

enum clb_status clb_model_load(struct clb_model *model, const char *directory, uint64_t seed)
{
    return load(model, directory, seed, true);
}

enum clb_status clb_model_load_encoder(struct clb_model *model, const char *directory,
                                       uint64_t seed)
{
    return load(model, directory, seed, false);
}
