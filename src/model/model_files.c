/* SPDX-License-Identifier: Apache-2.0 */
#include "model/model_files.h"

#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "model/model_json.h"
#include "model/module.h"
#include "model/safetensors.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SHARD_LIMIT = 32 };

struct model_files {
    char *directory;
    json_t *map; /* of several files: the file of every tensor's name; NULL: there is one */
    struct safetensors *files[SHARD_LIMIT];
    const char *names[SHARD_LIMIT]; /* owned by the map */
    int count;
    bool heads_hidden;
};

static bool has_entry(const char *directory, const char *name)
{
    char *path = base_format("%s/%s", directory, name);
    const bool has = path && base_exists(path);
    free(path);
    return has;
}

/* ---- what a directory is that is no model ---- */

/* The name of an entry that begins with `prefix`, or with any where it is "", malloc'd. */
static char *find_entry(DIR *stream, const char *prefix)
{
    struct dirent *entry;
    rewinddir(stream);
    while ((entry = readdir(stream)))
        if (entry->d_name[0] != '.' && strncmp(entry->d_name, prefix, strlen(prefix)) == 0)
            return strdup(entry->d_name);
    return NULL;
}

static enum clb_status describe_directory(const char *directory, DIR *stream)
{
    char *any = find_entry(stream, ""), *checkpoint = find_entry(stream, "checkpoint-");
    enum clb_status status;
    if (!any)
        status = clb_fail(CLB_ERROR_IO, "%s: is an empty directory, not a model", directory);
    else if (has_entry(directory, "corpus.json"))
        status =
            clb_fail(CLB_ERROR_IO, "%s: is a corpus, not a model: name it by --data", directory);
    else if (checkpoint)
        status = clb_fail(CLB_ERROR_IO,
                          "%s: has no model yet, only checkpoints: name one of them, as %s/%s",
                          directory, directory, checkpoint);
    else if (has_entry(directory, "model.safetensors") || has_entry(directory, "pytorch_model.bin"))
        status = clb_fail(CLB_ERROR_IO, "%s: has weights, but no config.json", directory);
    else if (has_entry(directory, "vocab.txt") || has_entry(directory, "tokenizer.json"))
        status = clb_fail(CLB_ERROR_IO, "%s: is a tokenizer, not a model: it has no config.json",
                          directory);
    else
        status = clb_fail(CLB_ERROR_IO, "%s: is not a model: it has no config.json", directory);
    free(any);
    free(checkpoint);
    return status;
}

enum clb_status model_directory_error(const char *directory)
{
    DIR *stream = opendir(directory);
    if (stream) {
        enum clb_status status = describe_directory(directory, stream);
        closedir(stream);
        return status;
    }
    if (errno == ENOENT) return clb_fail(CLB_ERROR_IO, "%s: there is no such directory", directory);
    if (errno == ENOTDIR)
        return clb_fail(CLB_ERROR_IO,
                        "%s: is not a directory; a model is one with config.json and "
                        "model.safetensors",
                        directory);
    return clb_fail(CLB_ERROR_IO, "%s: cannot be read: %s", directory, strerror(errno));
}

enum clb_status model_vocabulary_check(const char *directory, int32_t tokens,
                                       const struct clb_config *config)
{
    if (tokens > config->vocab_size)
        return clb_fail(CLB_ERROR_FORMAT, "%s: the vocabulary has %d tokens, config.json says %d",
                        directory, tokens, config->vocab_size);
    if (tokens < config->vocab_size)
        base_warn("%s: the vocabulary has %d tokens, config.json says %d: was it cut short?",
                  directory, tokens, config->vocab_size);
    return CLB_OK;
}

static enum clb_status missing_weights(const char *directory)
{
    if (has_entry(directory, "pytorch_model.bin") ||
        has_entry(directory, "pytorch_model.bin.index.json"))
        return clb_fail(CLB_ERROR_IO,
                        "%s: has only pytorch_model.bin, a pickle; convert it once: python3 -c "
                        "\"from transformers import AutoModelForPreTraining as M; "
                        "M.from_pretrained('%s').save_pretrained('%s')\"",
                        directory, directory, directory);
    if (!base_is_directory(directory)) return model_directory_error(directory);
    return clb_fail(CLB_ERROR_IO,
                    "%s/model.safetensors: is not there; a model directory has config.json and "
                    "model.safetensors",
                    directory);
}

/* ---- opening ---- */

static enum clb_status open_one(struct model_files *files, const char *name)
{
    char *path = base_format("%s/%s", files->directory, name);
    enum clb_status status =
        path ? safetensors_open(path, &files->files[files->count])
             : clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", files->directory);
    if (status == CLB_OK) files->names[files->count++] = name;
    free(path);
    return status;
}

static int find_file(const struct model_files *files, const char *name)
{
    for (int i = 0; i < files->count; i++)
        if (strcmp(files->names[i], name) == 0) return i;
    return -1;
}

/* One tensor's line of the index: its file lies beside the index, and has it. */
static enum clb_status take_index_entry(struct model_files *files, const char *index,
                                        const char *tensor, const char *name)
{
    enum clb_status status = CLB_OK;
    if (!name || !*name || strchr(name, '/'))
        return clb_fail(CLB_ERROR_FORMAT, "%s: the file of %s is not a file's name", index, tensor);
    if (find_file(files, name) < 0) {
        if (files->count == SHARD_LIMIT)
            return clb_fail(CLB_ERROR_FORMAT, "%s: names over %d files", index, SHARD_LIMIT);
        status = open_one(files, name);
    }
    if (status == CLB_OK && !safetensors_has(files->files[find_file(files, name)], tensor))
        status =
            clb_fail(CLB_ERROR_FORMAT, "%s: %s should have %s, and has not", index, name, tensor);
    return status;
}

static enum clb_status open_index(struct model_files *files, const char *path)
{
    json_t *index = NULL, *name;
    const char *tensor;
    enum clb_status status;
    CLB_TRY(model_json_read(path, "index", &index));
    files->map = json_incref(json_object_get(index, "weight_map"));
    if (!json_is_object(files->map)) {
        status = clb_fail(CLB_ERROR_FORMAT, "%s: has no weight_map", path);
        goto cleanup;
    }
    json_object_foreach(files->map, tensor, name)
        CLB_TRY(take_index_entry(files, path, tensor, json_string_value(name)));
cleanup:
    json_decref(index);
    return status;
}

enum clb_status model_files_open(const char *directory, struct model_files **out)
{
    struct model_files *files = calloc(1, sizeof *files);
    char *index = base_format("%s/model.safetensors.index.json", directory);
    enum clb_status status;
    if (files) files->directory = strdup(directory);
    if (!files || !index || !files->directory) {
        status = clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", directory);
        goto cleanup;
    }
    if (has_entry(directory, "model.safetensors"))
        CLB_TRY(open_one(files, "model.safetensors"));
    else if (base_exists(index))
        CLB_TRY(open_index(files, index));
    else
        CLB_TRY(missing_weights(directory));
    *out = files;
    files = NULL;
cleanup:
    model_files_close(files);
    free(index);
    return status;
}

void model_files_close(struct model_files *files)
{
    if (!files) return;
    for (int i = 0; i < files->count; i++) safetensors_close(files->files[i]);
    json_decref(files->map);
    free(files->directory);
    free(files);
}

const char *model_files_directory(const struct model_files *files)
{
    return files->directory;
}

/* ---- tensors by name ---- */

/* The file that has a tensor; NULL: none. */
void model_files_hide_heads(struct model_files *files)
{
    files->heads_hidden = true;
}

static const struct safetensors *file_of(const struct model_files *files, const char *name)
{
    if (files->map) {
        const char *file = json_string_value(json_object_get(files->map, name));
        return file ? files->files[find_file(files, file)] : NULL;
    }
    return safetensors_has(files->files[0], name) ? files->files[0] : NULL;
}

/* The tied decoder, which a file may have in place of, or beside, what it is tied to. */
static const char *const decoder_names[][2] = {
    {"bert.embeddings.word_embeddings.weight", "cls.predictions.decoder.weight"},
    {"cls.predictions.bias", "cls.predictions.decoder.bias"},
};

/* The names that a parameter has had, the present one first: older files call LayerNorm's weight
 * and bias gamma and beta, and an encoder alone has no "bert." before its names. false: there are
 * no more than `number`. */
static bool other_name(const struct clb_parameter *parameter, int number,
                       struct clb_parameter *other)
{
    const char *norm = strstr(parameter->name, "LayerNorm.");
    *other = *parameter;
    if (number == 4) {
        for (int i = 0; i < 2; i++)
            if (strcmp(parameter->name, decoder_names[i][0]) == 0)
                snprintf(other->name, sizeof other->name, "%s", decoder_names[i][1]);
    } else {
        if ((number & 1) && norm) {
            const size_t kept = (size_t)(norm - parameter->name) + strlen("LayerNorm.");
            const bool weight = strcmp(parameter->name + kept, "weight") == 0;
            snprintf(other->name + kept, sizeof other->name - kept, weight ? "gamma" : "beta");
        }
        if ((number & 2) && strncmp(other->name, "bert.", 5) == 0)
            memmove(other->name, other->name + 5, strlen(other->name + 5) + 1);
    }
    return number <= 4;
}

/* Gives the parameter the name under which it is there; false: it is not. */
static bool find_name(const struct model_files *files, const struct clb_parameter *parameter,
                      struct clb_parameter *found)
{
    if (files->heads_hidden && strncmp(parameter->name, "bert.", 5) != 0) return false;
    char name[MODEL_NAME_SIZE];
    for (int i = 0; other_name(parameter, i, found); i++) {
        model_part_name(name, "", found, 0);
        if (file_of(files, name)) return true;
    }
    return false;
}

bool model_files_has(const struct model_files *files, const struct clb_parameter *parameter)
{
    struct clb_parameter found;
    return find_name(files, parameter, &found);
}

/* ---- checking and reading ---- */

static enum clb_status part_missing(const struct model_files *files, const char *name)
{
    return clb_fail(CLB_ERROR_FORMAT, "%s: has no tensor %s: is it a BERT model?", files->directory,
                    name);
}

/* Visits the parts of a parameter in their files: checks them, or reads them where there is `out`.
 */
static enum clb_status visit_parts(const struct model_files *files,
                                   const struct clb_parameter *parameter, float *out)
{
    const int64_t rows = parameter->tensor.rows / parameter->parts,
                  columns = parameter->tensor.columns;
    char name[MODEL_NAME_SIZE];
    enum clb_status status = CLB_OK;
    for (int part = 0; part < parameter->parts && status == CLB_OK; part++) {
        model_part_name(name, "", parameter, part);
        const struct safetensors *file = file_of(files, name);
        if (!file) return part_missing(files, name);
        status = out ? safetensors_read(file, name, rows, columns, out + part * rows * columns)
                     : safetensors_check(file, name, rows, columns);
    }
    return status;
}

static bool is_decoder(const char *name)
{
    return strcmp(name, decoder_names[0][1]) == 0;
}

enum clb_status model_files_check(const struct model_files *files, struct clb_model *model,
                                  bool tied)
{
    struct clb_parameter found;
    int count;
    const struct clb_parameter *list = clb_model_parameters(model, &count);
    const bool decoder = tied || file_of(files, decoder_names[0][1]);
    enum clb_status status = CLB_OK;
    for (int i = 0; i < model->module_count; i++) {
        struct module *module = model->modules[i];
        module->filled = decoder || module->class->head != CLB_HEAD_MLM;
    }
    for (int i = 0; i < count; i++) {
        struct module *module = model_module_of(model, i);
        if (find_name(files, &list[i], &found) && (tied || !is_decoder(found.name)))
            CLB_TRY(visit_parts(files, &found, NULL));
        else if (module->class->is_head)
            module->filled = false;
        else
            CLB_TRY(part_missing(files, list[i].name));
    }
cleanup:
    return status;
}

static bool all_finite(const float *values, int64_t count)
{
    uint32_t exponents = 0;
    for (int64_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], 4);
        exponents |= (bits & 0x7f800000u) == 0x7f800000u;
    }
    return !exponents;
}

enum clb_status model_files_read(const struct model_files *files,
                                 const struct clb_parameter *parameter, float *out)
{
    struct clb_parameter found;
    if (!find_name(files, parameter, &found)) return part_missing(files, parameter->name);
    enum clb_status status = visit_parts(files, &found, out);
    if (status == CLB_OK && !all_finite(out, clb_tensor_elements(found.tensor)))
        status = clb_fail(CLB_ERROR_NUMERIC,
                          "%s: the weights are damaged: %s has values that are not finite (NaN or "
                          "infinite)",
                          files->directory, found.name);
    return status;
}

static enum clb_status check_equal(const struct model_files *files,
                                   const struct clb_parameter *parameter, const char *decoder)
{
    const int64_t rows = parameter->tensor.rows, columns = parameter->tensor.columns;
    const struct safetensors *file = file_of(files, decoder);
    const size_t size = (size_t)(rows * columns) * sizeof(float);
    float *tied = NULL, *own = NULL;
    enum clb_status status = CLB_OK;
    if (!file || !model_files_has(files, parameter)) return CLB_OK;
    tied = malloc(size);
    own = malloc(size);
    if (!tied || !own) {
        status = clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", files->directory);
        goto cleanup;
    }
    CLB_TRY(model_files_read(files, parameter, tied));
    CLB_TRY(safetensors_read(file, decoder, rows, columns, own));
    if (memcmp(tied, own, size) != 0)
        status =
            clb_fail(CLB_ERROR_FORMAT,
                     "%s: tie_word_embeddings is false and %s is not equal to %s: a decoder of "
                     "its own is not supported",
                     files->directory, decoder, parameter->name);
cleanup:
    free(tied);
    free(own);
    return status;
}

enum clb_status model_files_check_decoder(const struct model_files *files,
                                          const struct clb_model *model)
{
    int count;
    const struct clb_parameter *list = clb_model_parameters(model, &count);
    enum clb_status status = CLB_OK;
    for (int i = 0; i < count; i++)
        for (int d = 0; d < 2; d++)
            if (strcmp(list[i].name, decoder_names[d][0]) == 0)
                CLB_TRY(check_equal(files, &list[i], decoder_names[d][1]));
cleanup:
    return status;
}
