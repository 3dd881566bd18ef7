/* SPDX-License-Identifier: Apache-2.0 */
/* Tokenizers in files: vocab.txt with tokenizer_config.json, or Hugging Face's tokenizer.json. */
#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/staging.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/tokenizer_json.h"

#include <stdlib.h>
#include <string.h>

#define VOCABULARY_LIMIT ((int64_t)64 << 20)

static enum clb_status out_of_memory(const char *path)
{
    return clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", path);
}

/* ---- vocab.txt ---- */

static enum clb_status take_lines(char *bytes, size_t size, const char *path,
                                  struct tokenizer_parts *parts)
{
    size_t lines = 0;
    for (size_t i = 0; i < size; i++) lines += bytes[i] == '\n';
    if (lines > TOKENIZER_MOST_TOKENS)
        return clb_fail(CLB_ERROR_FORMAT,
                        "%s: a vocabulary of %zu lines; %d are the most: is it a text?", path,
                        lines, TOKENIZER_MOST_TOKENS);
    parts->tokens = calloc(lines + 1, sizeof *parts->tokens);
    if (!parts->tokens) return out_of_memory(path);
    for (char *line = bytes; line < bytes + size;) {
        char *end = memchr(line, '\n', size - (size_t)(line - bytes));
        if (!end) end = bytes + size;
        size_t length = (size_t)(end - line);
        if (length && line[length - 1] == '\r') length--;
        parts->tokens[parts->count] = strndup(line, length);
        if (!parts->tokens[parts->count]) return out_of_memory(path);
        parts->vocabulary = ++parts->count;
        line = end + 1;
    }
    return CLB_OK;
}

static enum clb_status read_vocabulary(const char *path, struct tokenizer_parts *parts)
{
    char *bytes = NULL;
    size_t size;
    enum clb_status status;
    CLB_TRY(base_file_read(path, "vocabulary", VOCABULARY_LIMIT, &bytes, &size));
    CLB_TRY(take_lines(bytes, size, path, parts));
cleanup:
    free(bytes);
    return status;
}

/* ---- tokenizer_config.json ---- */

static enum clb_status read_settings(const json_t *json, const char *path,
                                     struct tokenizer_rules *rules)
{
    enum clb_status status;
    CLB_TRY(base_json_get_bool(json, path, "do_lower_case", &rules->lower_case));
    rules->strip_accents = rules->lower_case; /* where strip_accents is missing or null */
    CLB_TRY(base_json_get_bool(json, path, "strip_accents", &rules->strip_accents));
    CLB_TRY(base_json_get_bool(json, path, "tokenize_chinese_chars", &rules->chinese_chars));
cleanup:
    return status;
}

/* Beside a tokenizer.json, which decides, it may only say the same. */
static enum clb_status compare_settings(const json_t *json, const char *path,
                                        const struct tokenizer_rules *rules)
{
    const struct {
        const char *key;
        bool value;
    } settings[] = {{"do_lower_case", rules->lower_case},
                    {"strip_accents", rules->strip_accents},
                    {"tokenize_chinese_chars", rules->chinese_chars}};
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        const json_t *value = json_object_get(json, settings[i].key);
        if (json_is_boolean(value) && json_is_true(value) != settings[i].value)
            return clb_fail(CLB_ERROR_FORMAT,
                            "%s: its %s is %s, and the tokenizer.json beside it says otherwise: "
                            "correct the one that is wrong",
                            path, settings[i].key, json_is_true(value) ? "true" : "false");
    }
    return CLB_OK;
}

static int by_id(const void *a, const void *b)
{
    const long long x = atoll(*(const char *const *)a), y = atoll(*(const char *const *)b);
    return (x > y) - (x < y);
}

/* "added_tokens_decoder": {"30522": {"content": ...}, ...} */
static enum clb_status read_added(const json_t *json, const char *path,
                                  struct tokenizer_parts *parts)
{
    json_t *decoder = json_object_get(json, "added_tokens_decoder"), *value;
    const char *key, **keys = calloc(json_object_size(decoder) + 1, sizeof *keys);
    size_t count = 0;
    enum clb_status status = keys ? CLB_OK : out_of_memory(path);
    if (keys) json_object_foreach(decoder, key, value) keys[count++] = key;
    if (keys) qsort(keys, count, sizeof *keys, by_id);
    for (size_t i = 0; i < count && status == CLB_OK; i++)
        status = tokenizer_json_add(json_object_get(decoder, keys[i]), atoll(keys[i]), path, parts);
    free(keys);
    return status;
}

/* `json_decides`: a tokenizer.json has been read. */
static enum clb_status read_config(const char *path, bool json_decides,
                                   struct tokenizer_parts *parts)
{
    json_t *json = NULL;
    enum clb_status status;
    if (!base_exists(path)) return CLB_OK;
    CLB_TRY(base_json_read(path, "tokenizer configuration", &json));
    if (!json_decides) {
        CLB_TRY(read_settings(json, path, &parts->rules));
        CLB_TRY(read_added(json, path, parts));
    } else if (!parts->rules.decompose && !parts->rules.strip_all) {
        CLB_TRY(compare_settings(json, path, &parts->rules));
    }
cleanup:
    json_decref(json);
    return status;
}

/* Older versions of transformers have put added tokens into a file of their own. */
static enum clb_status check_added(const char *path, const struct tokenizer_parts *parts)
{
    json_t *json = NULL, *id;
    const char *token;
    enum clb_status status;
    if (!base_exists(path)) return CLB_OK;
    CLB_TRY(base_json_read(path, "list of added tokens", &json));
    json_object_foreach(json, token, id)
    {
        bool known = false;
        for (int i = 0; i < parts->added_count; i++)
            known |= strcmp(parts->added[i].content, token) == 0;
        for (int32_t i = 0; i < parts->count && !known; i++)
            known = strcmp(parts->tokens[i], token) == 0;
        if (!known)
            CLB_TRY(clb_fail(CLB_ERROR_FORMAT,
                             "%s: \"%s\" is neither in tokenizer.json nor in the "
                             "added_tokens_decoder of tokenizer_config.json: save the tokenizer "
                             "once more by a newer transformers",
                             path, token));
    }
cleanup:
    json_decref(json);
    return status;
}

/* ---- all of them ---- */

enum { VOCABULARY, CONFIG, JSON, ADDED, FILES };

static enum clb_status make_paths(const char *directory, char *paths[FILES])
{
    static const char *const names[FILES] = {"vocab.txt", "tokenizer_config.json", "tokenizer.json",
                                             "added_tokens.json"};
    enum clb_status status = CLB_OK;
    for (int i = 0; i < FILES; i++) {
        paths[i] = base_format("%s/%s", directory, names[i]);
        if (!paths[i]) status = out_of_memory(directory);
    }
    return status;
}

static void free_paths(char *paths[FILES])
{
    for (int i = 0; i < FILES; i++) free(paths[i]);
}

enum clb_status clb_tokenizer_open(const char *directory, struct clb_tokenizer **tokenizer)
{
    struct tokenizer_parts parts = {.rules = {true, true, true, false, false, false}};
    char *paths[FILES];
    enum clb_status status;
    CLB_TRY(make_paths(directory, paths));
    CLB_TRY(base_staging_recover(directory));
    const bool json = base_exists(paths[JSON]), vocabulary = base_exists(paths[VOCABULARY]);
    if (vocabulary || !json) CLB_TRY(read_vocabulary(paths[VOCABULARY], &parts));
    if (json) CLB_TRY(tokenizer_json_read(paths[JSON], &parts));
    CLB_TRY(read_config(paths[CONFIG], json, &parts));
    CLB_TRY(check_added(paths[ADDED], &parts));
    CLB_TRY(tokenizer_create(&parts, paths[vocabulary || !json ? VOCABULARY : JSON], tokenizer));
cleanup:
    tokenizer_parts_free(&parts);
    free_paths(paths);
    return status;
}

/* A token is a line: it cannot hold the end of one. */
static enum clb_status check_lines(const struct tokenizer_parts *parts, const char *path)
{
    for (int32_t i = 0; i < parts->vocabulary; i++) {
        const char *token = parts->tokens[i];
        const size_t size = strlen(token);
        if (strchr(token, '\n') || (size && token[size - 1] == '\r'))
            return clb_fail(CLB_ERROR_FORMAT, "%s: token %d holds an end of line: no file for it",
                            path, i);
    }
    return CLB_OK;
}

static enum clb_status write_vocabulary(const struct tokenizer_parts *parts, const char *path)
{
    struct base_file *file;
    enum clb_status status = check_lines(parts, path);
    if (status == CLB_OK) status = base_file_create(path, &file);
    if (status != CLB_OK) return status;
    for (int32_t i = 0; i < parts->vocabulary; i++)
        fprintf(base_file_stream(file), "%s\n", parts->tokens[i]);
    return base_file_commit(file);
}

/* What is not plain, transformers takes from tokenizer.json by the class that changes nothing. */
static enum clb_status write_config(const struct tokenizer_rules *rules, bool plain,
                                    const char *path)
{
    json_t *json = json_pack("{s:s, s:b, s:b, s:b, s:s, s:s, s:s, s:s, s:s, s:i}",
                             "tokenizer_class", plain ? "BertTokenizer" : "PreTrainedTokenizerFast",
                             "do_lower_case", rules->lower_case, "strip_accents",
                             rules->strip_accents, "tokenize_chinese_chars", rules->chinese_chars,
                             "unk_token", "[UNK]", "sep_token", "[SEP]", "pad_token", "[PAD]",
                             "cls_token", "[CLS]", "mask_token", "[MASK]", "model_max_length", 512);
    enum clb_status status = json ? base_json_write(path, json) : out_of_memory(path);
    json_decref(json);
    return status;
}

enum clb_status tokenizer_write(const struct clb_tokenizer *tokenizer, const char *directory,
                                const char *destination)
{
    const struct tokenizer_parts *parts = tokenizer_parts(tokenizer);
    const bool plain = tokenizer_is_plain(tokenizer);
    char *paths[FILES], *old = base_format("%s/tokenizer.json", destination);
    enum clb_status status;
    CLB_TRY(make_paths(directory, paths));
    if (!old) CLB_TRY(out_of_memory(directory));
    CLB_TRY(write_vocabulary(parts, paths[VOCABULARY]));
    CLB_TRY(write_config(&parts->rules, plain, paths[CONFIG]));
    if (!plain || base_exists(old)) CLB_TRY(tokenizer_json_write(paths[JSON], parts));
cleanup:
    free_paths(paths);
    free(old);
    return status;
}

enum clb_status clb_tokenizer_save(const struct clb_tokenizer *tokenizer, const char *directory)
{
    struct base_staging *staging = NULL;
    enum clb_status status = base_staging_create(directory, &staging);
    if (status != CLB_OK) return status;
    status = tokenizer_write(tokenizer, base_staging_path(staging), directory);
    if (status == CLB_OK) return base_staging_commit(staging);
    base_staging_abandon(staging);
    return status;
}
