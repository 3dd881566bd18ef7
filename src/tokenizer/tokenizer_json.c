/* SPDX-License-Identifier: Apache-2.0 */
#include "tokenizer/tokenizer_json.h"

#include "base/error.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static enum clb_status out_of_memory(const char *path)
{
    return clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", path);
}

static enum clb_status refused(const char *path, const char *setting, const char *value)
{
    return clb_fail(CLB_ERROR_FORMAT,
                    "%s: its %s is %s, which gives other tokens than BERT's: train a vocabulary by "
                    "clbert vocab, or take another tokenizer",
                    path, setting, value);
}

static const char *type_of(const json_t *object)
{
    const char *type = json_string_value(json_object_get(object, "type"));
    return type ? type : "null";
}

/* ---- the vocabulary ---- */

static enum clb_status ids_are_wrong(const char *path, const char *token)
{
    return clb_fail(CLB_ERROR_FORMAT,
                    "%s: the ids of the vocabulary are not 0, 1, 2, ...: see \"%s\"", path, token);
}

static enum clb_status take_vocabulary(const json_t *vocabulary, const char *path,
                                       struct tokenizer_parts *parts)
{
    const size_t size = json_object_size(vocabulary);
    const char *token;
    json_t *id;
    if (size > TOKENIZER_MOST_TOKENS)
        return clb_fail(CLB_ERROR_FORMAT, "%s: a vocabulary of %zu tokens; %d are the most", path,
                        size, TOKENIZER_MOST_TOKENS);
    parts->tokens = calloc(size + 1, sizeof *parts->tokens);
    if (!parts->tokens) return out_of_memory(path);
    parts->count = parts->vocabulary = (int32_t)size;
    json_object_foreach((json_t *)vocabulary, token, id)
    {
        const json_int_t at = json_integer_value(id);
        if (!json_is_integer(id) || at < 0 || at >= (json_int_t)size || parts->tokens[at])
            return ids_are_wrong(path, token);
        parts->tokens[at] = strdup(token);
        if (!parts->tokens[at]) return out_of_memory(path);
    }
    return CLB_OK;
}

/* The one in the file must be that of the vocab.txt beside it. */
static enum clb_status compare_vocabulary(const json_t *vocabulary, const char *path,
                                          const struct tokenizer_parts *parts)
{
    const char *token;
    json_t *id;
    json_object_foreach((json_t *)vocabulary, token, id)
    {
        const json_int_t at = json_integer_value(id);
        if (!json_is_integer(id) || at < 0 || at >= parts->count ||
            strcmp(parts->tokens[at], token) != 0)
            return clb_fail(CLB_ERROR_FORMAT,
                            "%s: its vocabulary is not that of the vocab.txt beside it (see "
                            "\"%s\"): remove the file that is wrong",
                            path, token);
    }
    for (int32_t i = 0; i < parts->count; i++)
        if (*parts->tokens[i] && !json_object_get(vocabulary, parts->tokens[i]))
            return clb_fail(CLB_ERROR_FORMAT,
                            "%s: has no \"%s\", as the vocab.txt beside it has: remove the file "
                            "that is wrong",
                            path, parts->tokens[i]);
    return CLB_OK;
}

static enum clb_status read_model(const json_t *model, const char *path,
                                  struct tokenizer_parts *parts)
{
    const json_t *vocabulary = json_object_get(model, "vocab"),
                 *most = json_object_get(model, "max_input_chars_per_word"),
                 *type = json_object_get(model, "type");
    static const char *const settings[][2] = {{"unk_token", "[UNK]"},
                                              {"continuing_subword_prefix", "##"}};
    if (!json_is_object(vocabulary) || (type && strcmp(type_of(model), "WordPiece") != 0))
        return clb_fail(CLB_ERROR_FORMAT, "%s: is not a WordPiece tokenizer", path);
    for (int i = 0; i < 2; i++) {
        const char *value = json_string_value(json_object_get(model, settings[i][0]));
        if (value && strcmp(value, settings[i][1]) != 0)
            return clb_fail(CLB_ERROR_FORMAT, "%s: its %s is not \"%s\"", path, settings[i][0],
                            settings[i][1]);
    }
    if (most && json_integer_value(most) != TOKENIZER_WORD_CHARACTERS)
        return clb_fail(CLB_ERROR_FORMAT, "%s: its max_input_chars_per_word is not %d", path,
                        TOKENIZER_WORD_CHARACTERS);
    return parts->tokens ? compare_vocabulary(vocabulary, path, parts)
                         : take_vocabulary(vocabulary, path, parts);
}

/* ---- the normaliser ---- */

static enum clb_status read_bert_normalizer(const json_t *json, const char *path,
                                            struct tokenizer_rules *rules)
{
    bool clean = true;
    enum clb_status status;
    *rules = (struct tokenizer_rules){.lower_case = true, .chinese_chars = true};
    CLB_TRY(base_json_get_bool(json, path, "clean_text", &clean));
    CLB_TRY(base_json_get_bool(json, path, "lowercase", &rules->lower_case));
    rules->strip_accents = rules->lower_case; /* where strip_accents is missing or null */
    CLB_TRY(base_json_get_bool(json, path, "strip_accents", &rules->strip_accents));
    CLB_TRY(base_json_get_bool(json, path, "handle_chinese_chars", &rules->chinese_chars));
    rules->keep_all = !clean;
cleanup:
    return status;
}

/* One step of a sequence: those of BERT's normaliser by themselves. They are done in the order
 * decompose, strip, lower; other orders are followed where they come to the same. */
static enum clb_status read_step(const json_t *step, const char *path,
                                 struct tokenizer_rules *rules)
{
    const char *type = type_of(step);
    const json_t *steps = json_object_get(step, "normalizers");
    enum clb_status status = CLB_OK;
    if (strcmp(type, "Sequence") == 0 && json_is_array(steps)) {
        for (size_t i = 0; i < json_array_size(steps) && status == CLB_OK; i++)
            status = read_step(json_array_get(steps, i), path, rules);
    } else if (strcmp(type, "NFD") == 0 && !rules->strip_all) {
        rules->decompose = true;
    } else if (strcmp(type, "StripAccents") == 0 && (rules->decompose || !rules->lower_case)) {
        rules->strip_all = true;
    } else if (strcmp(type, "Lowercase") == 0) {
        rules->lower_case = true;
    } else {
        status = refused(path, "normalizer", type);
    }
    return status;
}

static enum clb_status read_normalizer(const json_t *json, const char *path,
                                       struct tokenizer_rules *rules)
{
    while (strcmp(type_of(json), "Sequence") == 0 &&
           json_array_size(json_object_get(json, "normalizers")) == 1)
        json = json_array_get(json_object_get(json, "normalizers"), 0);
    if (strcmp(type_of(json), "BertNormalizer") == 0)
        return read_bert_normalizer(json, path, rules);
    *rules = (struct tokenizer_rules){.keep_all = true};
    return !json || json_is_null(json) ? CLB_OK : read_step(json, path, rules);
}

/* ---- the pre-tokenizer ---- */

/* What BERT's splits at: both, by one step or several. */
static enum clb_status read_splits(const json_t *json, const char *path, bool *space,
                                   bool *punctuation)
{
    const char *type = type_of(json),
               *behavior = json_string_value(json_object_get(json, "behavior"));
    const json_t *steps = json_object_get(json, "pretokenizers");
    enum clb_status status = CLB_OK;
    if (strcmp(type, "Sequence") == 0 && json_is_array(steps)) {
        for (size_t i = 0; i < json_array_size(steps) && status == CLB_OK; i++)
            status = read_splits(json_array_get(steps, i), path, space, punctuation);
    } else if (strcmp(type, "BertPreTokenizer") == 0) {
        *space = *punctuation = true;
    } else if (strcmp(type, "WhitespaceSplit") == 0) {
        *space = true;
    } else if (strcmp(type, "Punctuation") == 0 &&
               (!behavior || strcmp(behavior, "Isolated") == 0)) {
        *punctuation = true;
    } else {
        status = refused(path, "pre_tokenizer", type);
    }
    return status;
}

static enum clb_status read_pre_tokenizer(const json_t *json, const char *path)
{
    bool space = false, punctuation = false;
    enum clb_status status = read_splits(json, path, &space, &punctuation);
    if (status == CLB_OK && !(space && punctuation))
        status = refused(path, "pre_tokenizer", type_of(json));
    return status;
}

/* ---- added tokens ---- */

static int32_t id_of(const struct tokenizer_parts *parts, const char *content)
{
    for (int32_t i = parts->count - 1; i >= 0; i--)
        if (strcmp(parts->tokens[i], content) == 0) return i;
    return -1;
}

/* Makes room for one more of both lists. */
static enum clb_status grow(struct tokenizer_parts *parts, const char *path)
{
    struct tokenizer_added_token *added =
        realloc(parts->added, ((size_t)parts->added_count + 1) * sizeof *added);
    if (added) parts->added = added;
    char **tokens = realloc(parts->tokens, ((size_t)parts->count + 1) * sizeof *tokens);
    if (tokens) parts->tokens = tokens;
    return added && tokens ? CLB_OK : out_of_memory(path);
}

enum clb_status tokenizer_json_add(const json_t *description, int64_t id, const char *path,
                                   struct tokenizer_parts *parts)
{
    const char *content = json_string_value(json_object_get(description, "content"));
    struct tokenizer_added_token token = {0};
    enum clb_status status;
    if (!content) return clb_fail(CLB_ERROR_FORMAT, "%s: an added token has no \"content\"", path);
    if (!*content) return CLB_OK; /* as Hugging Face's */
    CLB_TRY(base_json_get_bool(description, path, "special", &token.special));
    token.normalized = !token.special; /* where it is missing */
    CLB_TRY(base_json_get_bool(description, path, "normalized", &token.normalized));
    CLB_TRY(base_json_get_bool(description, path, "single_word", &token.single_word));
    CLB_TRY(base_json_get_bool(description, path, "lstrip", &token.lstrip));
    CLB_TRY(base_json_get_bool(description, path, "rstrip", &token.rstrip));
    for (int i = 0; i < parts->added_count; i++)
        if (strcmp(parts->added[i].content, content) == 0)
            CLB_TRY(clb_fail(CLB_ERROR_FORMAT, "%s: the added token \"%s\" is there twice", path,
                             content));
    CLB_TRY(grow(parts, path));
    const int32_t known = id_of(parts, content);
    token.id = known >= 0 ? known : parts->count;
    if (id != token.id)
        CLB_TRY(clb_fail(CLB_ERROR_FORMAT,
                         "%s: the added token \"%s\" has id %" PRId64 " where %d is right", path,
                         content, id, token.id));
    if (known < 0) {
        parts->tokens[parts->count] = strdup(content);
        if (!parts->tokens[parts->count]) CLB_TRY(out_of_memory(path));
        parts->count++;
    }
    token.content = strdup(content);
    if (!token.content) CLB_TRY(out_of_memory(path));
    parts->added[parts->added_count++] = token;
cleanup:
    return status;
}

static enum clb_status read_added(const json_t *added, const char *path,
                                  struct tokenizer_parts *parts)
{
    enum clb_status status = CLB_OK;
    for (size_t i = 0; i < json_array_size(added) && status == CLB_OK; i++) {
        const json_t *description = json_array_get(added, i);
        int64_t id = -1;
        status = base_json_get_int(description, path, "id", &id);
        if (status == CLB_OK) status = tokenizer_json_add(description, id, path, parts);
    }
    return status;
}

enum clb_status tokenizer_json_read(const char *path, struct tokenizer_parts *parts)
{
    json_t *json = NULL;
    enum clb_status status;
    CLB_TRY(base_json_read(path, "tokenizer", &json));
    CLB_TRY(read_model(json_object_get(json, "model"), path, parts));
    CLB_TRY(read_normalizer(json_object_get(json, "normalizer"), path, &parts->rules));
    CLB_TRY(read_pre_tokenizer(json_object_get(json, "pre_tokenizer"), path));
    CLB_TRY(read_added(json_object_get(json, "added_tokens"), path, parts));
cleanup:
    json_decref(json);
    return status;
}

/* ---- writing ---- */

static json_t *normalizer_json(const struct tokenizer_rules *r)
{
    if (!r->decompose && !r->strip_all)
        return json_pack("{s:s, s:b, s:b, s:b, s:b}", "type", "BertNormalizer", "clean_text",
                         !r->keep_all, "handle_chinese_chars", r->chinese_chars, "strip_accents",
                         r->strip_accents, "lowercase", r->lower_case);
    json_t *steps = json_array();
    if (r->decompose) json_array_append_new(steps, json_pack("{s:s}", "type", "NFD"));
    if (r->strip_all) json_array_append_new(steps, json_pack("{s:s}", "type", "StripAccents"));
    if (r->lower_case) json_array_append_new(steps, json_pack("{s:s}", "type", "Lowercase"));
    return json_pack("{s:s, s:o}", "type", "Sequence", "normalizers", steps);
}

static json_t *added_json(const struct tokenizer_parts *parts)
{
    json_t *added = json_array();
    for (int32_t id = 0; id < parts->count; id++)
        for (int i = 0; i < parts->added_count; i++) {
            const struct tokenizer_added_token *t = &parts->added[i];
            if (t->id != id) continue;
            json_array_append_new(added,
                                  json_pack("{s:i, s:s, s:b, s:b, s:b, s:b, s:b}", "id", t->id,
                                            "content", t->content, "single_word", t->single_word,
                                            "lstrip", t->lstrip, "rstrip", t->rstrip, "normalized",
                                            t->normalized, "special", t->special));
        }
    return added;
}

static json_t *model_json(const struct tokenizer_parts *parts)
{
    json_t *vocabulary = json_object();
    for (int32_t i = 0; i < parts->vocabulary; i++)
        json_object_set_new_nocheck(vocabulary, parts->tokens[i], json_integer(i));
    return json_pack("{s:s, s:s, s:s, s:i, s:o}", "type", "WordPiece", "unk_token", "[UNK]",
                     "continuing_subword_prefix", "##", "max_input_chars_per_word",
                     TOKENIZER_WORD_CHARACTERS, "vocab", vocabulary);
}

/* [CLS] A [SEP], or [CLS] A [SEP] B [SEP]. */
static json_t *post_processor_json(const struct tokenizer_parts *parts)
{
    static const char template[] =
        "{\"type\": \"TemplateProcessing\","
        " \"single\": [{\"SpecialToken\": {\"id\": \"[CLS]\", \"type_id\": 0}},"
        "              {\"Sequence\": {\"id\": \"A\", \"type_id\": 0}},"
        "              {\"SpecialToken\": {\"id\": \"[SEP]\", \"type_id\": 0}}],"
        " \"pair\": [{\"SpecialToken\": {\"id\": \"[CLS]\", \"type_id\": 0}},"
        "            {\"Sequence\": {\"id\": \"A\", \"type_id\": 0}},"
        "            {\"SpecialToken\": {\"id\": \"[SEP]\", \"type_id\": 0}},"
        "            {\"Sequence\": {\"id\": \"B\", \"type_id\": 1}},"
        "            {\"SpecialToken\": {\"id\": \"[SEP]\", \"type_id\": 1}}]}";
    static const char *const names[] = {"[CLS]", "[SEP]"};
    json_t *json = json_loads(template, 0, NULL), *specials = json_object();
    for (int i = 0; i < 2; i++)
        json_object_set_new(specials, names[i],
                            json_pack("{s:s, s:[i], s:[s]}", "id", names[i], "ids",
                                      id_of(parts, names[i]), "tokens", names[i]));
    json_object_set_new(json, "special_tokens", specials);
    return json;
}

enum clb_status tokenizer_json_write(const char *path, const struct tokenizer_parts *parts)
{
    base_json_starved();
    json_t *json =
        json_pack("{s:s, s:n, s:n, s:o, s:o, s:{s:s}, s:o, s:{s:s, s:s, s:b}, s:o}", "version",
                  "1.0", "truncation", "padding", "added_tokens", added_json(parts), "normalizer",
                  normalizer_json(&parts->rules), "pre_tokenizer", "type", "BertPreTokenizer",
                  "post_processor", post_processor_json(parts), "decoder", "type", "WordPiece",
                  "prefix", "##", "cleanup", true, "model", model_json(parts));
    enum clb_status status = json ? base_json_write(path, json) : out_of_memory(path);
    json_decref(json);
    return status;
}
