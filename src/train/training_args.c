/* SPDX-License-Identifier: Apache-2.0 */
#include "train/training_args.h"

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/log.h"
#include "train/train.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>

/* ---- the options, one a row ---- */

enum type {
    INT32,
    INT64,
    SEED,
    FLOAT,
    OPTIONAL /* float, negative: null */,
    BOOLEAN,
    STRING,
    OPTIM,
    PRECISION
};

/* What it means for a resumed run that an option has changed. */
enum effect {
    REFUSED,  /* it would be another run */
    RESULT,   /* taken, and the results are others */
    HARMLESS, /* taken; the results stay */
    IGNORED,  /* the checkpoint's own is used */
    UNSAID,   /* names of files; what they hold is compared elsewhere */
};

static const struct argument {
    const char *name;
    enum type type;
    size_t offset;
    enum effect effect;
    bool later; /* runs whose arguments lack it had its default */
} arguments[] = {
#define ROW(name, type, effect, later)                                                             \
    {                                                                                              \
#name, type, offsetof(struct clb_training_options, name), effect, later                    \
    }
#define ARGUMENT(name, type, effect) ROW(name, type, effect, false)
#define LATER(name, type, effect) ROW(name, type, effect, true)
    ARGUMENT(output_dir, STRING, UNSAID),
    ARGUMENT(resume_from_checkpoint, STRING, UNSAID),
    ARGUMENT(model, STRING, IGNORED),
    ARGUMENT(device, STRING, HARMLESS),
    ARGUMENT(threads, INT32, HARMLESS),
    ARGUMENT(max_steps, INT64, RESULT),
    ARGUMENT(per_device_train_batch_size, INT32, REFUSED),
    ARGUMENT(gradient_accumulation_steps, INT32, REFUSED),
    ARGUMENT(max_seq_length, INT32, REFUSED),
    ARGUMENT(no_nsp, BOOLEAN, REFUSED),
    ARGUMENT(mlm_probability, FLOAT, REFUSED),
    LATER(mlm_probability_last, FLOAT, REFUSED),
    ARGUMENT(short_seq_probability, FLOAT, REFUSED),
    ARGUMENT(whole_word_mask, BOOLEAN, REFUSED),
    LATER(span_mask, BOOLEAN, REFUSED),
    LATER(dropout, OPTIONAL, RESULT),
    ARGUMENT(seed, SEED, REFUSED),
    ARGUMENT(gradient_checkpointing, BOOLEAN, HARMLESS),
    ARGUMENT(precision, PRECISION, RESULT),
    ARGUMENT(optim, OPTIM, REFUSED),
    ARGUMENT(learning_rate, FLOAT, RESULT),
    ARGUMENT(weight_decay, FLOAT, RESULT),
    ARGUMENT(adam_beta1, FLOAT, RESULT),
    ARGUMENT(adam_beta2, FLOAT, RESULT),
    ARGUMENT(adam_epsilon, FLOAT, RESULT),
    ARGUMENT(max_grad_norm, FLOAT, RESULT),
    ARGUMENT(warmup_steps, INT64, RESULT),
    ARGUMENT(logging_steps, INT64, HARMLESS),
    ARGUMENT(eval_steps, INT64, HARMLESS),
    ARGUMENT(eval_samples, INT64, HARMLESS),
    ARGUMENT(save_steps, INT64, HARMLESS),
    ARGUMENT(save_total_limit, INT32, HARMLESS),
};
enum { ARGUMENT_COUNT = sizeof arguments / sizeof *arguments };

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

static json_t *value_of(const struct clb_training_options *o, const struct argument *argument)
{
    const void *value = (const char *)o + argument->offset;
    char digits[32];
    switch (argument->type) {
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
    case PRECISION:
        return json_string(clb_type_name(*(const enum clb_type *)value));
    }
    return NULL;
}

/* What examples are. Runs begun with --no-nsp before sequences were filled had pairs, too, and did
 * not say so. */
#define PAIRS "pairs"
#define FULL_SENTENCES "full sentences"

json_t *train_args_json(const struct clb_training_options *o, uint64_t corpus)
{
    char hash[32];
    snprintf(hash, sizeof hash, "%016" PRIx64, corpus);
    json_t *args =
        json_pack("{s:s, s:o, s:o, s:s, s:s}", "clbert", clb_version(), "command",
                  strings(o->command, o->command_count), "data", strings(o->data, o->data_count),
                  "corpus", hash, "examples", o->no_nsp ? FULL_SENTENCES : PAIRS);
    for (int i = 0; args && i < ARGUMENT_COUNT; i++)
        if (json_object_set_new(args, arguments[i].name, value_of(o, &arguments[i])) != 0) {
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

static enum clb_status say(const char *name, enum effect effect, const json_t *then,
                           const json_t *now, const char *path)
{
    char old_text[128], new_text[128];
    text_of(then, old_text);
    text_of(now, new_text);
    switch (effect) {
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

static bool is_changed(const struct argument *a, const json_t *then, const json_t *now)
{
    if (!then || json_equal(then, now)) return false;
    if (a->type == FLOAT && json_is_number(then) && json_is_number(now))
        return (float)json_number_value(then) != (float)json_number_value(now);
    return !json_is_null(now); /* asked for */
}

static enum clb_status compare_corpus(const json_t *now, const json_t *then, const char *path)
{
    const json_t *old = json_object_get(then, "corpus"), *here = json_object_get(now, "corpus");
    return old && !json_equal(old, here) ? say("corpus", REFUSED, old, here, path) : CLB_OK;
}

static enum clb_status compare_examples(const json_t *now, const json_t *then, const char *path)
{
    const json_t *old = json_object_get(then, "examples"), *here = json_object_get(now, "examples");
    json_t *pairs = json_string(PAIRS);
    const bool alone = json_is_true(json_object_get(then, "no_nsp")) &&
                       json_is_true(json_object_get(now, "no_nsp"));
    if (!old) old = pairs;
    const enum clb_status status =
        alone && !json_equal(old, here) ? say("examples", REFUSED, old, here, path) : CLB_OK;
    json_decref(pairs);
    return status;
}

static enum clb_status compare_options(const json_t *now, const json_t *then, bool refusals,
                                       const char *path)
{
    const struct clb_training_options defaults = clb_training_defaults();
    enum clb_status status = CLB_OK;
    for (int i = 0; i < ARGUMENT_COUNT && status == CLB_OK; i++) {
        const struct argument *a = &arguments[i];
        const json_t *new_one = json_object_get(now, a->name);
        json_t *old = json_incref(json_object_get(then, a->name));
        if (!old && a->later) old = value_of(&defaults, a);
        if ((a->effect == REFUSED) == refusals && is_changed(a, old, new_one))
            status = say(a->name, a->effect, old, new_one, path);
        json_decref(old);
    }
    return status;
}

enum clb_status train_args_compare(const json_t *now, const json_t *then, const char *path)
{
    enum clb_status status;
    CLB_TRY(compare_corpus(now, then, path));
    CLB_TRY(compare_examples(now, then, path));
    CLB_TRY(compare_options(now, then, true, path)); /* then nothing else is said */
    CLB_TRY(compare_options(now, then, false, path));
cleanup:
    return status;
}
