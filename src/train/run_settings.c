/* SPDX-License-Identifier: Apache-2.0 */
#include "train/run_settings.h"

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "train/run_directory.h"
#include "train/training_args.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

static enum clb_status read_size(const json_t *json, const char *path, const char *key,
                                 int32_t *size)
{
    int64_t value = *size;
    enum clb_status status = base_json_get_int(json, path, key, &value);
    if (status == CLB_OK && (value < 1 || value > INT32_MAX))
        status = clb_fail(CLB_ERROR_FORMAT, "%s: %s is %" PRId64, path, key, value);
    if (status == CLB_OK) *size = (int32_t)value;
    return status;
}

static enum clb_status read_probability(const json_t *json, const char *path, const char *key,
                                        float *probability)
{
    double value = (double)*probability;
    enum clb_status status = base_json_get_double(json, path, key, &value);
    if (status == CLB_OK && !(value >= 0.0 && value <= 1.0))
        status = clb_fail(CLB_ERROR_FORMAT, "%s: %s is %g", path, key, value);
    if (status == CLB_OK) *probability = (float)value;
    return status;
}

/* A string of digits: JSON's integers are signed. */
static enum clb_status read_seed(const json_t *json, const char *path, uint64_t *seed)
{
    char *digits = NULL, *end;
    enum clb_status status = base_json_get_string(json, path, "seed", &digits);
    if (status != CLB_OK || !digits) return status;
    errno = 0;
    const unsigned long long value = strtoull(digits, &end, 10);
    if (errno || *end || end == digits)
        status = clb_fail(CLB_ERROR_FORMAT, "%s: seed is \"%s\"", path, digits);
    else
        *seed = value;
    free(digits);
    return status;
}

static enum clb_status read_settings(const json_t *json, const char *path,
                                     struct train_run_settings *s)
{
    float last = 0;
    enum clb_status status;
    CLB_TRY(read_size(json, path, "max_seq_length", &s->stream.max_seq_length));
    CLB_TRY(read_probability(json, path, "mlm_probability", &s->stream.mlm_probability));
    CLB_TRY(read_probability(json, path, "mlm_probability_last", &last));
    if (last > 0) s->stream.mlm_probability = last;
    CLB_TRY(
        read_probability(json, path, "short_seq_probability", &s->stream.short_seq_probability));
    CLB_TRY(base_json_get_bool(json, path, "whole_word_mask", &s->stream.whole_word_mask));
    CLB_TRY(base_json_get_bool(json, path, "span_mask", &s->stream.span_mask));
    CLB_TRY(base_json_get_bool(json, path, "no_nsp", &s->stream.no_nsp));
    CLB_TRY(read_seed(json, path, &s->stream.seed));
    CLB_TRY(read_size(json, path, "per_device_train_batch_size", &s->per_device_train_batch_size));
    CLB_TRY(base_json_get_int(json, path, "eval_samples", &s->eval_samples));
cleanup:
    return status;
}

/* One file: the settings are the whole object, or its member `key`. Another program's file of the
 * same name (transformers' trainer_state.json) has none. */
static enum clb_status read_file(const char *directory, const char *name, const char *key,
                                 struct train_run_settings *settings, char **source)
{
    json_t *json = NULL;
    char *path = base_format("%s/%s", directory, name);
    enum clb_status status = CLB_OK;
    if (!path) return clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", directory);
    if (!base_exists(path)) goto cleanup;
    CLB_TRY(base_json_read(path, "the run's settings", &json));
    const json_t *object = key ? json_object_get(json, key) : json;
    if (!json_is_object(object) || !json_object_get(object, "max_seq_length")) goto cleanup;
    CLB_TRY(read_settings(object, path, settings));
    *source = path;
    path = NULL;
cleanup:
    json_decref(json);
    free(path);
    return status;
}

static enum clb_status read_directory(const char *directory, struct train_run_settings *settings,
                                      char **source)
{
    enum clb_status status = read_file(directory, TRAIN_ARGS_FILE, NULL, settings, source);
    if (status == CLB_OK && !*source)
        status = read_file(directory, "trainer_state.json", "stream", settings, source);
    return status;
}

enum clb_status train_run_settings_read(const char *directory, struct train_run_settings *settings,
                                        char **source)
{
    struct train_checkpoints checkpoints;
    *source = NULL;
    enum clb_status status = read_directory(directory, settings, source);
    if (status != CLB_OK || *source) return status;
    CLB_TRY(train_checkpoints_list(directory, false, &checkpoints));
    for (int i = checkpoints.count - 1; status == CLB_OK && !*source && i >= 0; i--) {
        char *checkpoint = train_checkpoint_path(directory, checkpoints.steps[i]);
        status = checkpoint ? read_directory(checkpoint, settings, source)
                            : clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", directory);
        free(checkpoint);
    }
cleanup:
    free(checkpoints.steps);
    return status;
}
