/* SPDX-License-Identifier: Apache-2.0 */
/* Tokenizers in files: vocab.txt with tokenizer_config.json, or Hugging Face's tokenizer.json. */
#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "text/tokenizer.h"

#include <stdlib.h>
#include <string.h>

#define VOCABULARY_LIMIT ((int64_t)64 << 20)

static enum clb_status out_of_memory(const char *path)
{
    return clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", path);
}

static void free_tokens(char **tokens, int32_t count)
{
    for (int32_t i = 0; tokens && i < count; i++) free(tokens[i]);
    free(tokens);
}

/* ---- vocab.txt ---- */

static enum clb_status read_vocabulary(const char *path, char ***tokens, int32_t *count)
{
    char *bytes = NULL;
    size_t size, lines = 0;
    enum clb_status status;
    CLB_TRY(base_file_read(path, "vocabulary", VOCABULARY_LIMIT, &bytes, &size));
    for (size_t i = 0; i < size; i++) lines += bytes[i] == '\n';
    *tokens = calloc(lines + 1, sizeof **tokens);
    *count = 0;
    if (!*tokens) {
        status = out_of_memory(path);
        goto cleanup;
    }
    for (char *line = bytes; line < bytes + size;) {
        char *end = memchr(line, '\n', size - (size_t)(line - bytes));
        if (!end) end = bytes + size;
        size_t length = (size_t)(end - line);
        if (length && line[length - 1] == '\r') length--;
        (*tokens)[*count] = strndup(line, length);
        if (!(*tokens)[(*count)++]) {
            free_tokens(*tokens, *count);
            status = out_of_memory(path);
            goto cleanup;
        }
        line = end + 1;
    }
cleanup:
    free(bytes);
    return status;
}

static enum clb_status read_config(const char *path, struct text_rules *rules)
{
    json_t *json = NULL;
    enum clb_status status;
    if (!base_exists(path)) return CLB_OK;
    CLB_TRY(base_json_read(path, "tokenizer configuration", &json));
    CLB_TRY(base_json_get_bool(json, path, "do_lower_case", &rules->lower_case));
    rules->strip_accents = rules->lower_case; /* where strip_accents is missing or null */
    CLB_TRY(base_json_get_bool(json, path, "strip_accents", &rules->strip_accents));
    CLB_TRY(base_json_get_bool(json, path, "tokenize_chinese_chars", &rules->chinese_chars));
cleanup:
    json_decref(json);
    return status;
}

/* ---- tokenizer.json ---- */

static enum clb_status take_vocabulary(const json_t *vocabulary, const char *path, char ***tokens,
                                       int32_t *count)
{
    const size_t size = json_object_size(vocabulary);
    const char *token;
    json_t *id;
    *tokens = calloc(size + 1, sizeof **tokens);
    *count = (int32_t)size;
    if (!*tokens) return out_of_memory(path);
    json_object_foreach((json_t *)vocabulary, token, id)
    {
        json_int_t at = json_integer_value(id);
        if (at < 0 || at >= (json_int_t)size || (*tokens)[at])
            return clb_fail(CLB_ERROR_FORMAT, "%s: the ids of the vocabulary are not 0 .. %zu",
                            path, size - 1);
        (*tokens)[at] = strdup(token);
        if (!(*tokens)[at]) return out_of_memory(path);
    }
    return CLB_OK;
}

/* What is written in the file where it is not what BERT's tokenizer does; NULL: all is. */
static const char *find_difference(const json_t *json, const json_t *model,
                                   const json_t *normalizer)
{
    const struct {
        const json_t *object;
        const char *key, *wanted, *difference;
    } settings[] = {
        {model, "type", "WordPiece", "is not a WordPiece tokenizer"},
        {model, "unk_token", "[UNK]", "its unk_token is not \"[UNK]\""},
        {model, "continuing_subword_prefix", "##", "its continuing_subword_prefix is not \"##\""},
        {normalizer, "type", "BertNormalizer", "its normalizer is not BertNormalizer"},
        {json_object_get(json, "pre_tokenizer"), "type", "BertPreTokenizer",
         "its pre_tokenizer is not BertPreTokenizer"},
    };
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        const char *value = json_string_value(json_object_get(settings[i].object, settings[i].key));
        if (value && strcmp(value, settings[i].wanted) != 0) return settings[i].difference;
    }
    const json_t *most = json_object_get(model, "max_input_chars_per_word");
    if (json_is_integer(most) && json_integer_value(most) != TEXT_WORD_CHARACTERS)
        return "its max_input_chars_per_word is not 100";
    if (json_is_false(json_object_get(normalizer, "clean_text"))) return "its clean_text is false";
    return NULL;
}

static enum clb_status read_tokenizer_json(const char *path, char ***tokens, int32_t *count,
                                           struct text_rules *rules)
{
    json_t *json = NULL;
    enum clb_status status;
    CLB_TRY(base_json_read(path, "tokenizer", &json));
    const json_t *model = json_object_get(json, "model"),
                 *normalizer = json_object_get(json, "normalizer");
    const json_t *vocabulary = json_object_get(model, "vocab");
    const char *difference = find_difference(json, model, normalizer);
    if (!difference && !json_is_object(vocabulary)) difference = "is not a WordPiece tokenizer";
    if (difference) {
        status = clb_fail(CLB_ERROR_FORMAT, "%s: %s", path, difference);
        goto cleanup;
    }
    CLB_TRY(take_vocabulary(vocabulary, path, tokens, count));
    CLB_TRY(base_json_get_bool(normalizer, path, "lowercase", &rules->lower_case));
    rules->strip_accents = rules->lower_case;
    CLB_TRY(base_json_get_bool(normalizer, path, "strip_accents", &rules->strip_accents));
    CLB_TRY(base_json_get_bool(normalizer, path, "handle_chinese_chars", &rules->chinese_chars));
cleanup:
    if (status != CLB_OK) {
        free_tokens(*tokens, *count);
        *tokens = NULL;
    }
    json_decref(json);
    return status;
}

/* ---- both ---- */

enum clb_status clb_tokenizer_open(const char *directory, struct clb_tokenizer **tokenizer)
{
    struct text_rules rules = {true, true, true};
    char **tokens = NULL;
    int32_t count = 0;
    char *vocabulary = base_format("%s/vocab.txt", directory);
    char *config = base_format("%s/tokenizer_config.json", directory);
    char *json = base_format("%s/tokenizer.json", directory);
    const char *source = vocabulary;
    enum clb_status status;
    if (!vocabulary || !config || !json) {
        status = out_of_memory(directory);
    } else if (!base_exists(vocabulary) && base_exists(json)) {
        source = json;
        status = read_tokenizer_json(json, &tokens, &count, &rules);
    } else {
        status = read_vocabulary(vocabulary, &tokens, &count);
        if (status == CLB_OK) {
            status = read_config(config, &rules);
            if (status != CLB_OK) free_tokens(tokens, count);
        }
    }
    if (status == CLB_OK) status = text_tokenizer_create(tokens, count, rules, source, tokenizer);
    free(vocabulary);
    free(config);
    free(json);
    return status;
}

static enum clb_status save_vocabulary(const struct clb_tokenizer *tokenizer, const char *path)
{
    struct base_file *file;
    enum clb_status status = base_file_create(path, &file);
    if (status != CLB_OK) return status;
    for (int32_t i = 0; i < clb_tokenizer_vocab_size(tokenizer); i++)
        fprintf(base_file_stream(file), "%s\n", clb_tokenizer_token(tokenizer, i));
    return base_file_commit(file);
}

enum clb_status clb_tokenizer_save(const struct clb_tokenizer *tokenizer, const char *directory)
{
    const struct text_rules rules = text_tokenizer_rules(tokenizer);
    char *vocabulary = base_format("%s/vocab.txt", directory);
    char *config = base_format("%s/tokenizer_config.json", directory);
    json_t *json =
        json_pack("{s:s, s:b, s:b, s:b, s:s, s:s, s:s, s:s, s:s, s:i}", "tokenizer_class",
                  "BertTokenizer", "do_lower_case", rules.lower_case, "strip_accents",
                  rules.strip_accents, "tokenize_chinese_chars", rules.chinese_chars, "unk_token",
                  "[UNK]", "sep_token", "[SEP]", "pad_token", "[PAD]", "cls_token", "[CLS]",
                  "mask_token", "[MASK]", "model_max_length", 512);
    enum clb_status status = vocabulary && config && json ? CLB_OK : out_of_memory(directory);
    if (status == CLB_OK) status = save_vocabulary(tokenizer, vocabulary);
    if (status == CLB_OK) status = base_json_write(config, json);
    json_decref(json);
    free(vocabulary);
    free(config);
    return status;
}
