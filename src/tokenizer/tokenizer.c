/* SPDX-License-Identifier: Apache-2.0 */
#include "tokenizer/tokenizer.h"

#include "base/error.h"
#include "tokenizer/wordpiece.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

static const char *const special_names[TOKENIZER_SPECIALS] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]",
                                                              "[MASK]"};

/* ---- life ---- */

static enum clb_status out_of_memory(const char *where)
{
    return clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", where);
}

void tokenizer_parts_free(struct tokenizer_parts *parts)
{
    for (int32_t i = 0; parts->tokens && i < parts->count; i++) free(parts->tokens[i]);
    free(parts->tokens);
    tokenizer_added_tokens_free(parts->added, parts->added_count);
    *parts = (struct tokenizer_parts){0};
}

static enum clb_status find_specials(struct clb_tokenizer *t, const char *where)
{
    for (int s = 0; s < TOKENIZER_SPECIALS; s++) t->special[s] = -1;
    for (int32_t i = 0; i < t->parts.count; i++)
        for (int s = 0; s < TOKENIZER_SPECIALS; s++)
            if (strcmp(t->parts.tokens[i], special_names[s]) == 0) t->special[s] = i;
    for (int s = 0; s < TOKENIZER_SPECIALS; s++)
        if (t->special[s] < 0)
            return clb_fail(
                CLB_ERROR_FORMAT,
                "%s: the vocabulary has no %s: is it a BERT vocabulary, one token a line?", where,
                special_names[s]);
    return CLB_OK;
}

static bool is_added(const struct tokenizer_parts *parts, const char *content)
{
    for (int i = 0; i < parts->added_count; i++)
        if (strcmp(parts->added[i].content, content) == 0) return true;
    return false;
}

static enum clb_status add_specials(struct clb_tokenizer *t, const char *where)
{
    struct tokenizer_parts *parts = &t->parts;
    struct tokenizer_added_token *added =
        realloc(parts->added, (size_t)(parts->added_count + TOKENIZER_SPECIALS) * sizeof *added);
    if (!added) return out_of_memory(where);
    parts->added = added;
    for (int s = 0; s < TOKENIZER_SPECIALS; s++) {
        if (is_added(parts, special_names[s])) continue;
        char *content = strdup(special_names[s]);
        if (!content) return out_of_memory(where);
        added[parts->added_count++] = (struct tokenizer_added_token){
            .content = content, .id = t->special[s], .special = true};
    }
    return CLB_OK;
}

/* What an added token looks like where it is looked for: as it is, or normalised. */
static enum clb_status look_of(const struct tokenizer_parts *parts,
                               const struct tokenizer_added_token *token, const char *where,
                               char **look)
{
    const struct tokenizer_rules as_it_is = {.keep_all = true};
    struct tokenizer_normalized text;
    enum clb_status status =
        tokenizer_normalize(token->normalized ? parts->rules : as_it_is, token->content,
                            strlen(token->content), false, &text);
    if (status != CLB_OK) return status;
    if (text.size == 0)
        status = clb_fail(CLB_ERROR_FORMAT,
                          "%s: of the added token \"%s\" nothing is left when it is normalised",
                          where, token->content);
    else if (!(*look = strndup(text.bytes, text.size)))
        status = out_of_memory(where);
    tokenizer_normalized_free(&text);
    return status;
}

static enum clb_status create_matchers(struct clb_tokenizer *t, const char *where)
{
    const struct tokenizer_parts *parts = &t->parts;
    const int count = parts->added_count;
    char **looks = calloc((size_t)count, sizeof *looks);
    enum clb_status status = looks ? CLB_OK : out_of_memory(where);
    for (int i = 0; i < count && status == CLB_OK; i++)
        status = look_of(parts, &parts->added[i], where, &looks[i]);
    for (int normalized = 0; normalized < 2 && status == CLB_OK; normalized++)
        status = tokenizer_matcher_create(parts->added, (const char *const *)looks, count,
                                          normalized, normalized ? &t->normalized : &t->raw);
    for (int i = 0; looks && i < count; i++) free(looks[i]);
    free(looks);
    return status;
}

/* Which special token it is, looked for as those of a vocab.txt are; -1: another. */
static int ordinary_special(const struct clb_tokenizer *t,
                            const struct tokenizer_added_token *token)
{
    for (int s = 0; s < TOKENIZER_SPECIALS; s++)
        if (token->id == t->special[s] && !token->normalized && !token->single_word) return s;
    return -1;
}

static bool is_plain(const struct clb_tokenizer *t)
{
    const struct tokenizer_rules *rules = &t->parts.rules;
    bool plain = t->parts.vocabulary == t->parts.count && !rules->keep_all && !rules->decompose &&
                 !rules->strip_all;
    for (int i = 0; i < t->parts.added_count; i++) {
        const struct tokenizer_added_token *token = &t->parts.added[i];
        plain &=
            ordinary_special(t, token) >= 0 && token->special && !token->lstrip && !token->rstrip;
    }
    return plain;
}

/* Of what matters to the ids; of a plain tokenizer its vocabulary and three settings. */
static uint64_t hash_of(const struct clb_tokenizer *t)
{
    const struct tokenizer_rules *rules = &t->parts.rules;
    uint64_t hash = (uint64_t)rules->lower_case | (uint64_t)rules->strip_accents << 1 |
                    (uint64_t)rules->chinese_chars << 2 | (uint64_t)rules->keep_all << 3 |
                    (uint64_t)rules->decompose << 4 | (uint64_t)rules->strip_all << 5;
    for (int32_t i = 0; i < t->parts.count; i++)
        hash = XXH64(t->parts.tokens[i], strlen(t->parts.tokens[i]) + 1, hash);
    for (int i = 0; i < t->parts.added_count; i++) {
        const struct tokenizer_added_token *token = &t->parts.added[i];
        const int32_t facts[] = {token->id, token->normalized, token->single_word, token->lstrip,
                                 token->rstrip};
        if (ordinary_special(t, token) < 0) hash = XXH64(facts, sizeof facts, hash);
    }
    return hash;
}

enum clb_status tokenizer_create(struct tokenizer_parts *parts, const char *where,
                                 struct clb_tokenizer **out)
{
    struct clb_tokenizer *t = calloc(1, sizeof *t);
    enum clb_status status = t ? CLB_OK : out_of_memory(where);
    if (!t) {
        tokenizer_parts_free(parts);
        return status;
    }
    t->parts = *parts;
    *parts = (struct tokenizer_parts){0};
    CLB_TRY(find_specials(t, where));
    CLB_TRY(add_specials(t, where));
    CLB_TRY(create_matchers(t, where));
    CLB_TRY(tokenizer_trie_create((const char *const *)t->parts.tokens, t->parts.vocabulary, "##",
                                  &t->trie));
    t->plain = is_plain(t);
    t->hash = hash_of(t);
    *out = t;
    t = NULL;
cleanup:
    clb_tokenizer_close(t);
    return status;
}

void clb_tokenizer_close(struct clb_tokenizer *t)
{
    if (!t) return;
    tokenizer_parts_free(&t->parts);
    tokenizer_trie_destroy(t->trie);
    tokenizer_matcher_destroy(t->raw);
    tokenizer_matcher_destroy(t->normalized);
    free(t);
}

/* ---- questions ---- */

struct clb_special_ids clb_tokenizer_special_ids(const struct clb_tokenizer *t)
{
    return (struct clb_special_ids){t->special[0], t->special[1], t->special[2], t->special[3],
                                    t->special[4]};
}

int32_t clb_tokenizer_vocab_size(const struct clb_tokenizer *t)
{
    return t->parts.count;
}

const char *clb_tokenizer_token(const struct clb_tokenizer *t, int32_t id)
{
    return id >= 0 && id < t->parts.count ? t->parts.tokens[id] : "[UNK]";
}

int32_t clb_tokenizer_id(const struct clb_tokenizer *t, const char *token)
{
    for (int32_t i = t->parts.count - 1; i >= 0; i--)
        if (strcmp(t->parts.tokens[i], token) == 0) return i;
    return -1;
}

bool clb_tokenizer_is_continuation(const struct clb_tokenizer *t, int32_t id)
{
    return strncmp(clb_tokenizer_token(t, id), "##", 2) == 0;
}

bool clb_tokenizer_is_special(const struct clb_tokenizer *t, int32_t id)
{
    for (int i = 0; i < t->parts.added_count; i++)
        if (t->parts.added[i].id == id && t->parts.added[i].special) return true;
    return false;
}

uint64_t clb_tokenizer_hash(const struct clb_tokenizer *t)
{
    return t->hash;
}

const struct tokenizer_parts *tokenizer_parts(const struct clb_tokenizer *t)
{
    return &t->parts;
}

bool tokenizer_is_plain(const struct clb_tokenizer *t)
{
    return t->plain;
}

/* ---- ids to text ---- */

/* Whether no space goes before a token. */
static bool closes_up(const char *token)
{
    return strlen(token) == 1 && strchr(".,!?", token[0]);
}

enum clb_status tokenizer_join(const char *const *tokens, size_t count, char **text)
{
    size_t capacity = 1, size = 0;
    for (size_t i = 0; i < count; i++) capacity += strlen(tokens[i]) + 1;
    char *out = malloc(capacity);
    if (!out) return clb_fail(CLB_ERROR_MEMORY, "text: out of memory");
    for (size_t i = 0; i < count; i++) {
        const char *token = tokens[i];
        const bool goes_on = size > 0 && strncmp(token, "##", 2) == 0;
        if (goes_on)
            token += 2;
        else if (size > 0 && !closes_up(token))
            out[size++] = ' ';
        memcpy(out + size, token, strlen(token));
        size += strlen(token);
    }
    out[size] = 0;
    *text = out;
    return CLB_OK;
}

enum clb_status clb_tokenizer_decode(const struct clb_tokenizer *t, const int32_t *ids,
                                     size_t count, bool skip_special, char **text)
{
    const char **tokens = malloc((count + 1) * sizeof *tokens);
    size_t kept = 0;
    if (!tokens) return clb_fail(CLB_ERROR_MEMORY, "text: out of memory");
    for (size_t i = 0; i < count; i++)
        if (!skip_special || !clb_tokenizer_is_special(t, ids[i]))
            tokens[kept++] = clb_tokenizer_token(t, ids[i]);
    const enum clb_status status = tokenizer_join(tokens, kept, text);
    free(tokens);
    return status;
}
