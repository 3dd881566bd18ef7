/* SPDX-License-Identifier: Apache-2.0 */
#include <clbert/config.h>

#include "base/error.h"
#include "base/json.h"
#include "model/labels.h"
#include "model/model_files.h"
#include "model/model_json.h"
#include "model/module.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

static const struct named_size {
    const char *name;
    int32_t layers, hidden, heads;
} named_sizes[] = {
    {"tiny", 2, 128, 2},   {"mini", 4, 256, 4},   {"small", 4, 512, 8},
    {"medium", 8, 512, 8}, {"base", 12, 768, 12}, {"large", 24, 1024, 16},
};

/* Words of config.json, and what they mean: the first of a value is what is written. */
struct word {
    const char *name;
    int value;
};

static const struct word activations[] = {
    {"gelu", CLB_ACTIVATION_GELU},
    {"gelu_new", CLB_ACTIVATION_GELU_TANH},
    {"gelu_pytorch_tanh", CLB_ACTIVATION_GELU_TANH},
};

static const struct word problem_types[] = {
    {"regression", CLB_PROBLEM_REGRESSION},
    {"single_label_classification", CLB_PROBLEM_SINGLE_LABEL_CLASSIFICATION},
    {"multi_label_classification", CLB_PROBLEM_MULTI_LABEL_CLASSIFICATION},
};

enum { WORDS = 3 }; /* of each */
_Static_assert(sizeof activations / sizeof *activations == WORDS, "activations");
_Static_assert(sizeof problem_types / sizeof *problem_types == WORDS, "problem types");

static const char *word_for(const struct word words[WORDS], int value)
{
    for (int i = 0; i < WORDS; i++)
        if (words[i].value == value) return words[i].name;
    return "";
}

static struct clb_config defaults(void)
{
    return (struct clb_config){
        .vocab_size = 30522,
        .hidden_size = 768,
        .num_hidden_layers = 12,
        .num_attention_heads = 12,
        .intermediate_size = 3072,
        .max_position_embeddings = 512,
        .type_vocab_size = 2,
        .hidden_act = CLB_ACTIVATION_GELU,
        .hidden_dropout_prob = 0.1f,
        .attention_probs_dropout_prob = 0.1f,
        .initializer_range = 0.02f,
        .layer_norm_eps = 1e-12f,
        .num_labels = MODEL_LABELS_USUAL,
        .classifier_dropout = -1.0f,
    };
}

enum clb_status clb_config_named(const char *name, int32_t vocab_size, struct clb_config *config)
{
    for (size_t i = 0; i < sizeof named_sizes / sizeof *named_sizes; i++) {
        if (strcmp(name, named_sizes[i].name) != 0) continue;
        *config = defaults();
        config->vocab_size = vocab_size;
        config->num_hidden_layers = named_sizes[i].layers;
        config->hidden_size = named_sizes[i].hidden;
        config->num_attention_heads = named_sizes[i].heads;
        config->intermediate_size = 4 * named_sizes[i].hidden;
        return CLB_OK;
    }
    return clb_fail(CLB_ERROR_ARGUMENT,
                    "model \"%s\" is neither tiny, mini, small, medium, base, large, nor a "
                    "config.json or a directory with one",
                    name);
}

enum clb_status clb_config_check(const struct clb_config *config, const char *where)
{
    const struct {
        const char *name;
        int32_t value, limit;
    } sizes[] = {
        {"vocab_size", config->vocab_size, 1 << 24},
        {"hidden_size", config->hidden_size, 1 << 16},
        {"num_hidden_layers", config->num_hidden_layers, 1 << 10},
        {"num_attention_heads", config->num_attention_heads, 1 << 10},
        {"intermediate_size", config->intermediate_size, 1 << 18},
        {"max_position_embeddings", config->max_position_embeddings, 1 << 16},
        {"type_vocab_size", config->type_vocab_size, 1 << 10},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (sizes[i].value < 1 || sizes[i].value > sizes[i].limit)
            return clb_fail(CLB_ERROR_FORMAT, "%s: %s is %d and should be 1 .. %d", where,
                            sizes[i].name, sizes[i].value, sizes[i].limit);
    if (config->type_vocab_size < 2)
        return clb_fail(CLB_ERROR_FORMAT, "%s: type_vocab_size is 1; sentence pairs need 2", where);
    if (config->hidden_size % config->num_attention_heads != 0)
        return clb_fail(CLB_ERROR_FORMAT,
                        "%s: num_attention_heads %d does not divide hidden_size %d", where,
                        config->num_attention_heads, config->hidden_size);
    if (config->num_labels < 0 || config->num_labels > MODEL_LABELS_LIMIT)
        return clb_fail(CLB_ERROR_FORMAT, "%s: num_labels is %d and should be 1 .. %d", where,
                        config->num_labels, MODEL_LABELS_LIMIT);
    const float probabilities[] = {
        config->hidden_dropout_prob, config->attention_probs_dropout_prob,
        config->classifier_dropout < 0.0f ? 0.0f : config->classifier_dropout};
    for (int i = 0; i < 3; i++)
        if (!(probabilities[i] >= 0.0f && probabilities[i] < 1.0f))
            return clb_fail(CLB_ERROR_FORMAT, "%s: a dropout probability is not in [0, 1)", where);
    const struct {
        const char *name;
        float value, least, most;
    } numbers[] = {
        {"initializer_range", config->initializer_range, 0.0f, 100.0f},
        {"layer_norm_eps", config->layer_norm_eps, FLT_MIN, 1.0f}, /* below, it may count as 0 */
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (!(numbers[i].value >= numbers[i].least && numbers[i].value <= numbers[i].most))
            return clb_fail(CLB_ERROR_FORMAT, "%s: %s is %g and should be %.3g .. %.3g", where,
                            numbers[i].name, (double)numbers[i].value, (double)numbers[i].least,
                            (double)numbers[i].most);
    return CLB_OK;
}

/* ---- config.json ---- */

static enum clb_status read_sizes(const json_t *json, const char *path, struct clb_config *config)
{
    const struct {
        const char *key;
        int32_t *value;
    } sizes[] = {
        {"vocab_size", &config->vocab_size},
        {"hidden_size", &config->hidden_size},
        {"num_hidden_layers", &config->num_hidden_layers},
        {"num_attention_heads", &config->num_attention_heads},
        {"intermediate_size", &config->intermediate_size},
        {"max_position_embeddings", &config->max_position_embeddings},
        {"type_vocab_size", &config->type_vocab_size},
        {"pad_token_id", &config->pad_token_id},
    };
    size_t count = sizeof sizes / sizeof *sizes;
    if (json_is_null(json_object_get(json, "pad_token_id"))) count--;
    for (size_t i = 0; i < count; i++) {
        int64_t value = *sizes[i].value;
        enum clb_status status = base_json_get_int(json, path, sizes[i].key, &value);
        if (status != CLB_OK) return status;
        if (value < INT32_MIN || value > INT32_MAX)
            return clb_fail(CLB_ERROR_FORMAT, "%s: %s is out of range", path, sizes[i].key);
        *sizes[i].value = (int32_t)value;
    }
    return CLB_OK;
}

static enum clb_status read_numbers(const json_t *json, const char *path, struct clb_config *config)
{
    const struct {
        const char *key;
        float *value;
    } numbers[] = {
        {"hidden_dropout_prob", &config->hidden_dropout_prob},
        {"attention_probs_dropout_prob", &config->attention_probs_dropout_prob},
        {"initializer_range", &config->initializer_range},
        {"layer_norm_eps", &config->layer_norm_eps},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        double value = *numbers[i].value;
        enum clb_status status = base_json_get_double(json, path, numbers[i].key, &value);
        if (status != CLB_OK) return status;
        *numbers[i].value = (float)value; /* infinite where it is out of range */
    }
    return CLB_OK;
}

/* *value stays as it is where there is no such key; `allowed` ends the message where its word is
 * none of these. */
static enum clb_status read_word(const json_t *json, const char *path, const char *key,
                                 const struct word words[WORDS], const char *allowed, int *value)
{
    char *name;
    enum clb_status status = base_json_get_string(json, path, key, &name);
    if (status != CLB_OK || !name) return status;
    int i = 0;
    while (i < WORDS && strcmp(name, words[i].name) != 0) i++;
    if (i < WORDS)
        *value = words[i].value;
    else
        status = clb_fail(CLB_ERROR_FORMAT, "%s: %s \"%s\" %s", path, key, name, allowed);
    free(name);
    return status;
}

static enum clb_status read_activation(const json_t *json, const char *path,
                                       struct clb_config *config)
{
    int value = config->hidden_act;
    enum clb_status status =
        read_word(json, path, "hidden_act", activations,
                  "is not supported: gelu, gelu_new or gelu_pytorch_tanh", &value);
    config->hidden_act = (enum clb_activation)value;
    return status;
}

/* Whether a member that should be missing, null, false or empty says something else. */
static bool is_set(const json_t *json, const char *key)
{
    const json_t *value = json_object_get(json, key);
    return value && !json_is_false(value) && !json_is_null(value) &&
           !(json_is_object(value) && json_object_size(value) == 0);
}

/* What makes of the weights another function than BERT's encoder with its two heads. */
static enum clb_status check_architecture(const json_t *json, const char *path)
{
    static const struct {
        const char *key, *why;
    } others[] = {
        {"is_decoder", "a decoder sees only what stands before a token"},
        {"add_cross_attention", "cross-attention belongs to a decoder"},
        {"is_encoder_decoder", "only an encoder can be read"},
        {"pruned_heads", "all heads of a layer are needed"},
        {"quantization_config", "weights should be F32, F16 or BF16"},
        {"auto_map", "its code is its own, not that of Hugging Face's BertModel"},
    };
    char *type = NULL, *position = NULL;
    enum clb_status status;
    CLB_TRY(base_json_get_string(json, path, "model_type", &type));
    if (type && strcmp(type, "bert") != 0) {
        status = clb_fail(CLB_ERROR_FORMAT, "%s: model_type is \"%s\"; only \"bert\" can be read",
                          path, type);
        goto cleanup;
    }
    CLB_TRY(base_json_get_string(json, path, "position_embedding_type", &position));
    if (position && strcmp(position, "absolute") != 0) {
        status = clb_fail(CLB_ERROR_FORMAT,
                          "%s: position_embedding_type is \"%s\"; only \"absolute\" can be read",
                          path, position);
        goto cleanup;
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (!is_set(json, others[i].key)) continue;
        status = clb_fail(CLB_ERROR_FORMAT, "%s: \"%s\" is set, which is not supported: %s", path,
                          others[i].key, others[i].why);
        goto cleanup;
    }
cleanup:
    free(type);
    free(position);
    return status;
}

/* None is taken for pretraining: which of its heads are there its files tell. */
static enum clb_status read_architecture(const json_t *json, const char *path,
                                         struct clb_config *config)
{
    const char *name = json_string_value(json_array_get(json_object_get(json, "architectures"), 0));
    return name ? model_architecture_named(name, path, &config->architecture) : CLB_OK;
}

static enum clb_status read_problem_type(const json_t *json, const char *path,
                                         struct clb_config *config)
{
    int value = config->problem_type;
    enum clb_status status = read_word(json, path, "problem_type", problem_types,
                                       "should be regression, single_label_classification or "
                                       "multi_label_classification",
                                       &value);
    config->problem_type = (enum clb_problem_type)value;
    return status;
}

/* What the classifying heads are told. */
static enum clb_status read_classes(const json_t *json, const char *path, struct clb_config *config,
                                    json_t **labels)
{
    const json_t *value = json_object_get(json, "classifier_dropout");
    double dropout;
    enum clb_status status;
    if (value && !json_is_null(value)) {
        CLB_TRY(base_json_get_double(json, path, "classifier_dropout", &dropout));
        config->classifier_dropout = dropout < 0 ? 1.0f : (float)dropout; /* both are refused */
    }
    CLB_TRY(read_problem_type(json, path, config));
    CLB_TRY(model_labels_read(json, path, &config->num_labels, labels));
cleanup:
    return status;
}

enum clb_status bert_config_read(const char *path, struct clb_config *config, bool *tied,
                                 json_t **labels)
{
    json_t *json = NULL;
    enum clb_status status;
    if (labels) *labels = NULL;
    CLB_TRY(model_json_read(path, "model configuration", &json));
    *config = defaults();
    *tied = true;
    CLB_TRY(check_architecture(json, path));
    CLB_TRY(read_architecture(json, path, config));
    CLB_TRY(base_json_get_bool(json, path, "tie_word_embeddings", tied));
    CLB_TRY(read_sizes(json, path, config));
    CLB_TRY(read_numbers(json, path, config));
    CLB_TRY(read_activation(json, path, config));
    CLB_TRY(read_classes(json, path, config, labels));
    CLB_TRY(clb_config_check(config, path));
cleanup:
    if (status != CLB_OK && labels) {
        json_decref(*labels);
        *labels = NULL;
    }
    json_decref(json);
    return status;
}

enum clb_status clb_config_read(const char *path, struct clb_config *config)
{
    bool tied;
    enum clb_status status = bert_config_read(path, config, &tied, NULL);
    if (status == CLB_OK && !tied)
        status = clb_fail(CLB_ERROR_FORMAT,
                          "%s: tie_word_embeddings is false; the decoder of the MLM head can only "
                          "be the word embeddings",
                          path);
    return status;
}

/* A float as the shortest decimal that gives it back: 0.1, not 0.10000000149. */
static json_t *json_float(float value)
{
    char text[32];
    for (int digits = 1; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)value);
        if (strtof(text, NULL) == value) break;
    }
    return json_real(strtod(text, NULL));
}

/* What is not as it is for a model without classes. */
static enum clb_status write_classes(const struct clb_config *config, const json_t *labels,
                                     json_t *json, const char *path)
{
    int failed = 0;
    if (config->classifier_dropout >= 0.0f)
        failed |=
            json_object_set_new(json, "classifier_dropout", json_float(config->classifier_dropout));
    if (config->problem_type != CLB_PROBLEM_UNSAID)
        failed |= json_object_set_new(
            json, "problem_type", json_string(word_for(problem_types, (int)config->problem_type)));
    if (failed) return clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", path);
    return model_labels_write(labels, config->num_labels, json);
}

enum clb_status bert_config_write(const struct clb_config *config, const json_t *labels,
                                  const char *path)
{
    json_t *json = json_pack(
        "{s:[s], s:s, s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:o, s:o, s:o, s:o, s:s, s:b}",
        "architectures", model_architecture_name(config->architecture), "model_type", "bert",
        "hidden_act", word_for(activations, (int)config->hidden_act), "vocab_size",
        config->vocab_size, "hidden_size", config->hidden_size, "num_hidden_layers",
        config->num_hidden_layers, "num_attention_heads", config->num_attention_heads,
        "intermediate_size", config->intermediate_size, "max_position_embeddings",
        config->max_position_embeddings, "type_vocab_size", config->type_vocab_size, "pad_token_id",
        config->pad_token_id, "hidden_dropout_prob", json_float(config->hidden_dropout_prob),
        "attention_probs_dropout_prob", json_float(config->attention_probs_dropout_prob),
        "initializer_range", json_float(config->initializer_range), "layer_norm_eps",
        json_float(config->layer_norm_eps), "position_embedding_type", "absolute",
        "tie_word_embeddings", 1);
    if (!json) return clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", path);
    enum clb_status status = write_classes(config, labels, json, path);
    if (status == CLB_OK) status = base_json_write(path, json);
    json_decref(json);
    return status;
}

enum clb_status clb_config_write(const struct clb_config *config, const char *path)
{
    return bert_config_write(config, NULL, path);
}

/* ---- sizes ---- */

double clb_config_flops_per_token(const struct clb_config *config, double seqlen,
                                  double masked_share)
{
    const double h = config->hidden_size, i = config->intermediate_size, v = config->vocab_size;
    double layer = 2 * (4 * h * h + 2 * h * i) + 4 * seqlen * h; /* products; scores and values */
    double heads = masked_share * 2 * (h * h + h * v) + 2 * h * h / seqlen;
    return 3 * (config->num_hidden_layers * layer + heads); /* backward is two products for each */
}
