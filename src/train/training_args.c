/* SPDX-License-Identifier: Apache-2.0 */
#include "train/training_args.h"

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/log.h"
#include "train/run.h"

#include <clbert/fine_tune.h>

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>

/* ---- the options, one a row ---- */

enum type {
    INT32,
    INT64,
    SEED,
    FLOAT,
    OPTIONAL, /* float, negative: null */
    BOOLEAN,
    STRING,
    OPTIM,
    SCHEDULE,
    PRECISION,
    TASK,
};

/* What it means for a resumed run that an option has changed. */
enum effect {
    REFUSED,  /* it would be another run */
    RESULT,   /* taken, and the results are others */
    HARMLESS, /* taken; the results stay */
    IGNORED,  /* the checkpoint's own is used */
    UNSAID,   /* names of files; what they hold is compared elsewhere */
};

#define ROW(name, type, effect, later)                                                             \
    {                                                                                              \
#name, type, effect, offsetof(struct clb_training_options, name), later                    \
    }
#define ARGUMENT(name, type, effect) ROW(name, type, effect, false)
#define LATER(name, type, effect) ROW(name, type, effect, true)

/* Of every job, before and behind its own. */
#define FIRST_ARGUMENTS                                                                            \
    ARGUMENT(output_dir, STRING, UNSAID), ARGUMENT(resume_from_checkpoint, STRING, UNSAID),        \
        ARGUMENT(model, STRING, IGNORED), ARGUMENT(device, STRING, HARMLESS),                      \
        ARGUMENT(threads, INT32, HARMLESS), ARGUMENT(max_steps, INT64, RESULT),                    \
        ARGUMENT(per_device_train_batch_size, INT32, REFUSED),                                     \
        ARGUMENT(gradient_accumulation_steps, INT32, REFUSED),                                     \
        ARGUMENT(max_seq_length, INT32, REFUSED), LATER(dropout, OPTIONAL, RESULT)
#define LAST_ARGUMENTS                                                                             \
    ARGUMENT(seed, SEED, REFUSED), ARGUMENT(gradient_checkpointing, BOOLEAN, HARMLESS),            \
        ARGUMENT(precision, PRECISION, RESULT), ARGUMENT(optim, OPTIM, REFUSED),                   \
        ARGUMENT(learning_rate, FLOAT, RESULT), ARGUMENT(weight_decay, FLOAT, RESULT),             \
        ARGUMENT(adam_beta1, FLOAT, RESULT), ARGUMENT(adam_beta2, FLOAT, RESULT),                  \
        ARGUMENT(adam_epsilon, FLOAT, RESULT), ARGUMENT(max_grad_norm, FLOAT, RESULT),             \
        LATER(lr_scheduler_type, SCHEDULE, RESULT), ARGUMENT(warmup_steps, INT64, RESULT),         \
        ARGUMENT(lr_decay_steps, INT64, RESULT), ARGUMENT(logging_steps, INT64, HARMLESS),         \
        ARGUMENT(eval_steps, INT64, HARMLESS), ARGUMENT(save_steps, INT64, HARMLESS),              \
        ARGUMENT(save_total_limit, INT32, HARMLESS),                                               \
    {                                                                                              \
        .name = NULL                                                                               \
    }

const struct train_argument train_pretraining_arguments[] = {
    FIRST_ARGUMENTS,
    ARGUMENT(no_nsp, BOOLEAN, REFUSED),
    ARGUMENT(mlm_probability, FLOAT, REFUSED),
    LATER(mlm_probability_last, FLOAT, REFUSED),
    ARGUMENT(short_seq_probability, FLOAT, REFUSED),
    ARGUMENT(whole_word_mask, BOOLEAN, REFUSED),
    LATER(span_mask, BOOLEAN, REFUSED),
    ARGUMENT(eval_samples, INT64, HARMLESS),
    LAST_ARGUMENTS,
};

#define OWN_ARGUMENT(name, type, effect)                                                           \
    {                                                                                              \
#name, type, effect, offsetof(struct clb_fine_tune_options, name), false                   \
    }

const struct train_argument train_fine_tuning_arguments[] = {
    FIRST_ARGUMENTS,
    OWN_ARGUMENT(task, TASK, REFUSED),
    OWN_ARGUMENT(validation_fraction, FLOAT, REFUSED),
    OWN_ARGUMENT(from_scratch, BOOLEAN, IGNORED),
    OWN_ARGUMENT(doc_stride, INT32, REFUSED),
    OWN_ARGUMENT(max_answer_length, INT32, HARMLESS),
    OWN_ARGUMENT(label_smoothing, FLOAT, RESULT),
    OWN_ARGUMENT(class_weights, STRING, RESULT),
    OWN_ARGUMENT(layer_decay, FLOAT, RESULT),
    OWN_ARGUMENT(frozen_layers, INT32, RESULT),
    OWN_ARGUMENT(metric_for_best_model, STRING, REFUSED),
    OWN_ARGUMENT(early_stopping_patience, INT32, RESULT),
    LAST_ARGUMENTS,
};

static json_t *string_or_null(const char *text)
{
    return text ? json_string(text) : json_null();
}

/* Text that is not UTF-8 is left out. */
static json_t *strings(const char *const *list, int count)
{
    json_t *array = json_array();
    for (int i = 0; array && i < count; i++) json_array_append_new(array, json_string(list[i]));
    return array;
}

/* The shortest decimal that is this float: 0.15, not 0.15000000596046448. */
static json_t *float_number(float value)
{
    char text[32];
    int digits = 6;
    do {
        snprintf(text, sizeof text, "%.*g", digits, (double)value);
    } while (strtof(text, NULL) != value && ++digits <= 9);
    return base_json_number(strtod(text, NULL));
}

static json_t *value_of(const void *options, const struct train_argument *argument)
{
    const void *value = (const char *)options + argument->offset;
    char digits[32];
    switch ((enum type)argument->type) {
    case INT32:
        return json_integer(*(const int32_t *)value);
    case INT64:
        return json_integer(*(const int64_t *)value);
    case SEED: /* 64 bits without a sign are more than many readers of JSON have */
        snprintf(digits, sizeof digits, "%" PRIu64, *(const uint64_t *)value);
        return json_string(digits);
    case OPTIONAL:
        if (*(const float *)value < 0) return json_null();
        return float_number(*(const float *)value);
    case FLOAT:
        return float_number(*(const float *)value);
    case BOOLEAN:
        return json_boolean(*(const bool *)value);
    case STRING:
        return string_or_null(*(const char *const *)value);
    case OPTIM:
        return json_string(clb_optimizer_name(*(const enum clb_optimizer_kind *)value));
    case SCHEDULE:
        return json_string(clb_schedule_name(*(const enum clb_schedule_kind *)value));
    case PRECISION:
        return json_string(clb_type_name(*(const enum clb_type *)value));
    case TASK:
        return json_string(clb_task_name(*(const enum clb_task *)value));
    }
    return NULL;
}

json_t *train_args_json(const struct train_run *run)
{
    const struct clb_training_options *o = run->options;
    char hash[32];
    snprintf(hash, sizeof hash, "%016" PRIx64, run->data_hash);
    json_t *args = json_pack("{s:s, s:o, s:o, s:s}", "clbert", clb_version(), "command",
                             strings(o->command, o->command_count), "data",
                             strings(o->data, o->data_count), run->job->data_key, hash);
    for (const struct train_argument *a = run->job->arguments; args && a->name; a++)
        if (json_object_set_new(args, a->name, value_of(o, a)) != 0) {
            json_decref(args);
            args = NULL;
        }
    return args;
}

/* ---- differences ---- */

static void text_of(const json_t *value, char text[128])
{
    char *dump = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
    snprintf(text, 128, "%s", dump ? dump : "?");
    free(dump);
}

static enum clb_status say(const char *name, int effect, const json_t *then, const json_t *now,
                           const char *path)
{
    char old_text[128], new_text[128];
    text_of(then, old_text);
    text_of(now, new_text);
    switch ((enum effect)effect) {
    case REFUSED:
        return clb_fail(CLB_ERROR_ARGUMENT,
                        "%s: the run was begun with %s %s, this one has %s: use the same options "
                        "and corpus, or start from its model by --model",
                        path, name, old_text, new_text);
    case RESULT:
        base_warn("%s is now %s (was %s): from here on", name, new_text, old_text);
        break;
    case HARMLESS:
        base_log("%s is now %s (was %s)", name, new_text, old_text);
        break;
    case IGNORED:
        base_warn("%s %s is ignored: the checkpoint goes on as it is (%s)", name, new_text,
                  old_text);
        break;
    case UNSAID:
        break;
    }
    return CLB_OK;
}

static bool is_changed(const struct train_argument *a, const json_t *then, const json_t *now)
{
    if (!then || json_equal(then, now)) return false;
    if (a->type == FLOAT && json_is_number(then) && json_is_number(now))
        return (float)json_number_value(then) != (float)json_number_value(now);
    return !json_is_null(now); /* asked for */
}

static enum clb_status compare_options(const struct train_run *run, const json_t *then,
                                       bool refusals, const char *path)
{
    const struct clb_training_options defaults = clb_training_defaults();
    enum clb_status status = CLB_OK;
    for (const struct train_argument *a = run->job->arguments; a->name && status == CLB_OK; a++) {
        const json_t *now = json_object_get(run->args, a->name);
        json_t *old = json_incref(json_object_get(then, a->name));
        if (!old && a->later) old = value_of(&defaults, a);
        if ((a->effect == REFUSED) == refusals && is_changed(a, old, now))
            status = say(a->name, a->effect, old, now, path);
        json_decref(old);
    }
    return status;
}

enum clb_status train_args_compare(const struct train_run *run, const json_t *then,
                                   const char *path)
{
    const char *key = run->job->data_key;
    const json_t *data = json_object_get(then, key), *now = json_object_get(run->args, key);
    if (data && !json_equal(data, now)) return say(key, REFUSED, data, now, path);
    const enum clb_status status = compare_options(run, then, true, path);
    return status == CLB_OK ? compare_options(run, then, false, path) : status;
}
