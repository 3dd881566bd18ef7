/* SPDX-License-Identifier: Apache-2.0 */
#include "predict/sentence_files.h"

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- files ---- */

/* One of the directory's JSON files, malloc'd *path for messages. *json is NULL where there is no
 * such file. */
static enum clb_status read_file(const char *directory, const char *name, char **path,
                                 json_t **json)
{
    *json = NULL;
    *path = base_format("%s/%s", directory, name);
    if (!*path) return clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", directory);
    return base_exists(*path) ? base_json_read(*path, "settings", json) : CLB_OK;
}

static enum clb_status read_object(const char *directory, const char *name, char **path,
                                   json_t **json)
{
    const enum clb_status status = read_file(directory, name, path, json);
    if (status == CLB_OK && *json && !json_is_object(*json))
        return clb_fail(CLB_ERROR_FORMAT, "%s: should be a JSON object", *path);
    return status;
}

static enum clb_status unsupported(const char *path, const char *key, const char *why)
{
    return clb_fail(CLB_ERROR_FORMAT, "%s: \"%s\" is not supported: %s", path, key, why);
}

/* Says nothing: null, false, "", [] or {}. */
static bool is_empty(const json_t *value)
{
    return !value || json_is_null(value) || json_is_false(value) ||
           (json_is_string(value) && json_string_length(value) == 0) ||
           (json_is_array(value) && json_array_size(value) == 0) ||
           (json_is_object(value) && json_object_size(value) == 0);
}

/* Whatever says something is among `known`, which NULL ends. */
static enum clb_status check_known(const json_t *object, const char *path, const char *const *known)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value)
    {
        int i = 0;
        while (known[i] && strcmp(known[i], key) != 0) i++;
        if (!known[i] && !is_empty(value))
            return unsupported(path, key, "it may give other numbers");
    }
    return CLB_OK;
}

/* A member is missing, null, or the one word that it may be. */
static enum clb_status check_word(const json_t *object, const char *path, const char *key,
                                  const char *word)
{
    const json_t *value = json_object_get(object, key);
    if (!value || json_is_null(value)) return CLB_OK;
    const char *text = json_string_value(value);
    if (text && strcmp(text, word) == 0) return CLB_OK;
    return clb_fail(CLB_ERROR_FORMAT, "%s: \"%s\" is not supported unless it is \"%s\"", path, key,
                    word);
}

/* ---- Transformer ---- */

/* A length of a file, which may be far beyond any model's: "no limit" is 10^30 to some. */
static enum clb_status take_length(const json_t *object, const char *path, const char *key,
                                   int64_t *length)
{
    const json_t *value = json_object_get(object, key);
    if (!value || json_is_null(value)) return CLB_OK;
    const double number = json_number_value(value);
    if (!json_is_number(value) || !(number >= 1.0) || number != floor(number))
        return clb_fail(CLB_ERROR_FORMAT, "%s: \"%s\" should be a number of tokens", path, key);
    *length = number < INT32_MAX ? (int64_t)number : INT32_MAX;
    return CLB_OK;
}

/* What is fed to the model, and taken from it, is what BERT has: {"text": {"method": "forward",
 * "method_output_name": "last_hidden_state"}}. */
static enum clb_status check_modality(const json_t *settings, const char *path)
{
    static const char *const text_alone[] = {"text", NULL};
    const json_t *modalities = json_object_get(settings, "modality_config");
    const json_t *text = json_object_get(modalities, "text");
    enum clb_status status = CLB_OK;
    if (is_empty(modalities)) return CLB_OK;
    if (!json_is_object(text)) return unsupported(path, "modality_config", "it has no \"text\"");
    CLB_TRY(check_known(modalities, path, text_alone));
    CLB_TRY(check_word(text, path, "method", "forward"));
    CLB_TRY(check_word(text, path, "method_output_name", "last_hidden_state"));
cleanup:
    return status;
}

static enum clb_status read_tokenizer_length(struct sentence_recipe *recipe)
{
    char *path = NULL;
    json_t *json = NULL;
    enum clb_status status;
    CLB_TRY(read_object(recipe->model, "tokenizer_config.json", &path, &json));
    CLB_TRY(check_word(json, path, "truncation_side", "right"));
    CLB_TRY(take_length(json, path, "model_max_length", &recipe->max_length));
cleanup:
    json_decref(json);
    free(path);
    return status;
}

static enum clb_status read_transformer(struct sentence_recipe *recipe)
{
    static const char *const known[] = {"max_seq_length",
                                        "do_lower_case",
                                        "transformer_task",
                                        "modality_config",
                                        "module_output_name",
                                        "unpad_inputs",
                                        NULL};
    char *path = NULL, *adapter = base_format("%s/adapter_config.json", recipe->model);
    json_t *json = NULL;
    enum clb_status status = CLB_OK;
    if (!adapter) CLB_TRY(clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", recipe->model));
    if (base_exists(adapter))
        CLB_TRY(
            clb_fail(CLB_ERROR_FORMAT, "%s: adapters are not supported: merge it first", adapter));
    CLB_TRY(read_tokenizer_length(recipe));
    CLB_TRY(read_object(recipe->model, "sentence_bert_config.json", &path, &json));
    if (!json) goto cleanup;
    CLB_TRY(check_known(json, path, known));
    CLB_TRY(check_word(json, path, "transformer_task", "feature-extraction"));
    CLB_TRY(check_word(json, path, "module_output_name", "token_embeddings"));
    CLB_TRY(check_modality(json, path));
    CLB_TRY(take_length(json, path, "max_seq_length", &recipe->max_length));
    CLB_TRY(base_json_get_bool(json, path, "do_lower_case", &recipe->lower_case));
cleanup:
    json_decref(json);
    free(path);
    free(adapter);
    return status;
}

/* ---- Pooling ---- */

static const struct {
    const char *older, *name; /* of its own key, which is true; of "pooling_mode" */
    bool supported;
    enum clb_pooling pooling;
} poolings[] = {
    {"pooling_mode_cls_token", "cls", true, CLB_POOLING_FIRST},
    {"pooling_mode_max_tokens", "max", true, CLB_POOLING_MAX},
    {"pooling_mode_mean_tokens", "mean", true, CLB_POOLING_MEAN},
    {"pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens", false, 0},
    {"pooling_mode_weightedmean_tokens", "weightedmean", false, 0},
    {"pooling_mode_lasttoken", "lasttoken", false, 0},
};
enum { POOLINGS = sizeof poolings / sizeof *poolings };

static enum clb_status take_kind(const char *path, const char *name, enum clb_pooling *pooling)
{
    for (int i = 0; i < POOLINGS; i++) {
        if (!name || !poolings[i].supported || strcmp(name, poolings[i].name) != 0) continue;
        *pooling = poolings[i].pooling;
        return CLB_OK;
    }
    return clb_fail(CLB_ERROR_FORMAT,
                    "%s: pooling \"%s\" is not supported; there are: mean, cls, max (--pooling "
                    "overrules the file)",
                    path, name ? name : "?");
}

static enum clb_status several(const char *path)
{
    return clb_fail(CLB_ERROR_FORMAT,
                    "%s: several kinds of pooling at once are not supported: choose one by "
                    "--pooling",
                    path);
}

static enum clb_status take_pooling(const json_t *json, const char *path, enum clb_pooling *pooling)
{
    const json_t *mode = json_object_get(json, "pooling_mode");
    const char *name = "mean";
    int found = 0;
    if (json_is_array(mode) && json_array_size(mode) > 1) return several(path);
    if (json_is_array(mode)) mode = json_array_get(mode, 0);
    if (mode) return take_kind(path, json_string_value(mode), pooling);
    for (int i = 0; i < POOLINGS; i++) {
        if (!json_is_true(json_object_get(json, poolings[i].older))) continue;
        name = poolings[i].name;
        found++;
    }
    return found > 1 ? several(path) : take_kind(path, name, pooling);
}

static enum clb_status read_pooling(const char *directory, struct sentence_recipe *recipe)
{
    const char *known[4 + POOLINGS + 1] = {"word_embedding_dimension", "embedding_dimension",
                                           "pooling_mode", "include_prompt"};
    char *path = NULL;
    json_t *json = NULL;
    enum clb_status status;
    for (int i = 0; i < POOLINGS; i++) known[4 + i] = poolings[i].older;
    CLB_TRY(read_object(directory, "config.json", &path, &json));
    if (!json)
        CLB_TRY(clb_fail(CLB_ERROR_IO, "%s: is missing: it says how to pool, unless --pooling does",
                         path));
    CLB_TRY(check_known(json, path, known));
    CLB_TRY(take_pooling(json, path, &recipe->pooling));
cleanup:
    json_decref(json);
    free(path);
    return status;
}

/* ---- Normalize ---- */

static enum clb_status read_normalize(const char *directory, struct sentence_recipe *recipe)
{
    char *path = NULL;
    json_t *json = NULL;
    enum clb_status status;
    CLB_TRY(read_object(directory, "config.json", &path, &json));
    CLB_TRY(check_word(json, path, "module_input_name", "sentence_embedding"));
    CLB_TRY(check_word(json, path, "module_output_name", "sentence_embedding"));
    recipe->normalize = true;
cleanup:
    json_decref(json);
    free(path);
    return status;
}

/* ---- the directory ---- */

static enum clb_status read_whole(const char *directory)
{
    char *path = NULL;
    json_t *json = NULL;
    enum clb_status status;
    CLB_TRY(read_object(directory, "config_sentence_transformers.json", &path, &json));
    if (!json) goto cleanup;
    CLB_TRY(check_word(json, path, "model_type", "SentenceTransformer"));
    const char *name = json_string_value(json_object_get(json, "default_prompt_name"));
    if (name && !is_empty(json_object_get(json_object_get(json, "prompts"), name)))
        CLB_TRY(unsupported(path, "default_prompt_name",
                            "put the prompt before the texts, and "
                            "null there"));
    if (!is_empty(json_object_get(json, "truncate_dim")))
        CLB_TRY(unsupported(path, "truncate_dim", "vectors are whole"));
cleanup:
    json_decref(json);
    free(path);
    return status;
}

/* Module `place` of modules.json: 0 Transformer, 1 Pooling, 2 Normalize. */
static enum clb_status read_module(const char *directory, const char *path, const json_t *module,
                                   size_t place, bool any_pooling, struct sentence_recipe *recipe)
{
    static const char *const kinds[] = {"Transformer", "Pooling", "Normalize"};
    const char *type = json_string_value(json_object_get(module, "type"));
    const char *folder = json_string_value(json_object_get(module, "path"));
    const char *kind = type ? strrchr(type, '.') : NULL;
    enum clb_status status = CLB_OK;
    if (!kind || !folder)
        return clb_fail(CLB_ERROR_FORMAT, "%s: module %zu should have a type and a path", path,
                        place);
    if (place > 2 || strcmp(kind + 1, kinds[place]) != 0 ||
        strncmp(type, "sentence_transformers.", 22) != 0)
        return clb_fail(CLB_ERROR_FORMAT,
                        "%s: module %zu, %s, is not supported there: embeddings are made by a "
                        "Transformer, a Pooling and, where there is one, a Normalize",
                        path, place, type);
    char *own = *folder ? base_format("%s/%s", directory, folder) : strdup(directory);
    if (!own) return clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", path);
    if (place == 0) {
        free(recipe->model);
        recipe->model = own;
        return CLB_OK;
    }
    if (place == 1 && !any_pooling) status = read_pooling(own, recipe);
    if (place == 2) status = read_normalize(own, recipe);
    free(own);
    return status;
}

static enum clb_status read_modules(const char *directory, bool any_pooling,
                                    struct sentence_recipe *recipe)
{
    char *path = NULL;
    json_t *json = NULL, *module;
    size_t i;
    enum clb_status status;
    CLB_TRY(read_file(directory, "modules.json", &path, &json));
    if (!json) goto cleanup;
    if (!json_is_array(json) || json_array_size(json) < 2)
        CLB_TRY(clb_fail(CLB_ERROR_FORMAT, "%s: should be a list of modules, the second a Pooling",
                         path));
    json_array_foreach(json, i, module)
        CLB_TRY(read_module(directory, path, module, i, any_pooling, recipe));
cleanup:
    json_decref(json);
    free(path);
    return status;
}

enum clb_status sentence_recipe_read(const char *directory, bool any_pooling,
                                     struct sentence_recipe *recipe)
{
    enum clb_status status = CLB_OK;
    *recipe = (struct sentence_recipe){.model = strdup(directory), .pooling = CLB_POOLING_MEAN};
    if (!recipe->model) CLB_TRY(clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", directory));
    CLB_TRY(read_modules(directory, any_pooling, recipe));
    CLB_TRY(read_whole(directory));
    CLB_TRY(read_transformer(recipe));
cleanup:
    if (status != CLB_OK) sentence_recipe_free(recipe);
    return status;
}

void sentence_recipe_free(struct sentence_recipe *recipe)
{
    free(recipe->model);
    recipe->model = NULL;
}
