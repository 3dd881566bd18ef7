/* SPDX-License-Identifier: Apache-2.0 */
#include "model/labels.h"

#include "base/error.h"
#include "base/json.h"
#include "model/module.h"

#include <stdio.h>

static enum clb_status out_of_memory(void)
{
    return clb_fail(CLB_ERROR_MEMORY, "labels: out of memory");
}

/* A map of config.json, NULL: it has none. */
static enum clb_status get_map(const json_t *config, const char *path, const char *key,
                               json_t **map)
{
    *map = json_object_get(config, key);
    if (json_is_null(*map)) *map = NULL;
    if (*map && !json_is_object(*map))
        return clb_fail(CLB_ERROR_FORMAT, "%s: %s is not an object", path, key);
    return CLB_OK;
}

enum clb_status model_labels_read(const json_t *config, const char *path, int32_t *num_labels,
                                  json_t **labels)
{
    int64_t count = MODEL_LABELS_USUAL;
    json_t *names, *ids;
    enum clb_status status;
    if (!json_is_null(json_object_get(config, "num_labels")))
        CLB_TRY(base_json_get_int(config, path, "num_labels", &count));
    CLB_TRY(get_map(config, path, "id2label", &names));
    CLB_TRY(get_map(config, path, "label2id", &ids));
    if (names) count = (int64_t)json_object_size(names);
    if (count < 1 || count > MODEL_LABELS_LIMIT)
        return clb_fail(CLB_ERROR_FORMAT, "%s: num_labels is %lld and should be 1 .. %d", path,
                        (long long)count, MODEL_LABELS_LIMIT);
    *num_labels = (int32_t)count;
    if (!labels || (!names && !ids)) return CLB_OK;
    *labels = json_pack("{s:O*, s:O*}", "id2label", names, "label2id", ids);
    if (!*labels) status = out_of_memory();
cleanup:
    return status;
}

/* The names of classes 0 .. count - 1, and back; `names` NULL: LABEL_0, ... */
static enum clb_status make_labels(const char *const *names, int32_t count, json_t **labels)
{
    json_t *id2label = json_object(), *label2id = json_object();
    bool failed = !id2label || !label2id;
    char id[16], usual[32];
    *labels = NULL;
    for (int32_t i = 0; i < count && !failed; i++) {
        snprintf(id, sizeof id, "%d", i);
        snprintf(usual, sizeof usual, "LABEL_%d", i);
        const char *name = names ? names[i] : usual;
        json_t *value = json_string(name);
        if (!value && !base_json_starved()) {
            json_decref(id2label);
            json_decref(label2id);
            return clb_fail(CLB_ERROR_ARGUMENT, "the name of class %d is not UTF-8", i);
        }
        failed = json_object_set_new(id2label, id, value) != 0 ||
                 json_object_set_new(label2id, name, json_integer(i)) != 0;
    }
    *labels = json_pack("{s:o, s:o}", "id2label", id2label, "label2id", label2id);
    return failed || !*labels ? out_of_memory() : CLB_OK;
}

enum clb_status model_labels_write(const json_t *labels, int32_t num_labels, json_t *config)
{
    json_t *made = NULL;
    enum clb_status status = CLB_OK;
    if (!labels && num_labels > 0 && num_labels != MODEL_LABELS_USUAL) {
        CLB_TRY(make_labels(NULL, num_labels, &made));
        labels = made;
    }
    if (labels && json_object_update(config, (json_t *)labels) != 0) status = out_of_memory();
cleanup:
    json_decref(made);
    return status;
}

/* ---- of a model ---- */

const char *clb_model_label(const struct clb_model *model, int32_t label)
{
    char id[16];
    snprintf(id, sizeof id, "%d", label);
    return json_string_value(json_object_get(json_object_get(model->labels, "id2label"), id));
}

enum clb_status clb_model_set_labels(struct clb_model *model, const char *const *names)
{
    json_t *labels;
    enum clb_status status;
    CLB_TRY(make_labels(names, model->config.num_labels, &labels));
    json_decref(model->labels);
    model->labels = labels;
    labels = NULL;
cleanup:
    json_decref(labels);
    return status;
}
