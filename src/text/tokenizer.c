/* SPDX-License-Identifier: Apache-2.0 */
#include "text/tokenizer.h"

#include "base/error.h"
#include "text/wordpiece.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { SPECIALS = 5 };
static const char *const special_names[SPECIALS] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};

struct clb_tokenizer {
    char **tokens;
    int32_t count;
    struct text_rules rules;
    int32_t special[SPECIALS]; /* ids in the order of special_names */
    struct text_trie *trie;
    uint64_t hash;
};

/* ---- life ---- */

static enum clb_status find_specials(struct clb_tokenizer *t, const char *where)
{
    for (int s = 0; s < SPECIALS; s++) t->special[s] = -1;
    for (int32_t i = 0; i < t->count; i++)
        for (int s = 0; s < SPECIALS; s++)
            if (strcmp(t->tokens[i], special_names[s]) == 0) t->special[s] = i;
    for (int s = 0; s < SPECIALS; s++)
        if (t->special[s] < 0)
            return clb_fail(
                CLB_ERROR_FORMAT,
                "%s: the vocabulary has no %s: is it a BERT vocabulary, one token a line?", where,
                special_names[s]);
    return CLB_OK;
}

static uint64_t hash_of(const struct clb_tokenizer *t)
{
    uint64_t hash = (uint64_t)t->rules.lower_case | (uint64_t)t->rules.strip_accents << 1 |
                    (uint64_t)t->rules.chinese_chars << 2;
    for (int32_t i = 0; i < t->count; i++)
        hash = XXH64(t->tokens[i], strlen(t->tokens[i]) + 1, hash);
    return hash;
}

enum clb_status text_tokenizer_create(char **tokens, int32_t count, struct text_rules rules,
                                      const char *where, struct clb_tokenizer **out)
{
    struct clb_tokenizer *t = calloc(1, sizeof *t);
    if (!t) {
        for (int32_t i = 0; i < count; i++) free(tokens[i]);
        free(tokens);
        return clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", where);
    }
    t->tokens = tokens;
    t->count = count;
    t->rules = rules;
    enum clb_status status;
    CLB_TRY(find_specials(t, where));
    CLB_TRY(text_trie_create(tokens, count, &t->trie));
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
    for (int32_t i = 0; i < t->count; i++) free(t->tokens[i]);
    free(t->tokens);
    text_trie_destroy(t->trie);
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
    return t->count;
}

const char *clb_tokenizer_token(const struct clb_tokenizer *t, int32_t id)
{
    return id >= 0 && id < t->count ? t->tokens[id] : "[UNK]";
}

int32_t clb_tokenizer_id(const struct clb_tokenizer *t, const char *token)
{
    for (int32_t i = t->count - 1; i >= 0; i--)
        if (strcmp(t->tokens[i], token) == 0) return i;
    return -1;
}

bool clb_tokenizer_is_continuation(const struct clb_tokenizer *t, int32_t id)
{
    return strncmp(clb_tokenizer_token(t, id), "##", 2) == 0;
}

bool clb_tokenizer_is_special(const struct clb_tokenizer *t, int32_t id)
{
    for (int s = 0; s < SPECIALS; s++)
        if (t->special[s] == id) return true;
    return false;
}

uint64_t clb_tokenizer_hash(const struct clb_tokenizer *t)
{
    return t->hash;
}

struct text_rules text_tokenizer_rules(const struct clb_tokenizer *t)
{
    return t->rules;
}

void clb_ids_free(struct clb_ids *ids)
{
    free(ids->ids);
    *ids = (struct clb_ids){0};
}

/* ---- text to ids ---- */

struct encoding {
    const struct clb_tokenizer *tokenizer;
    struct clb_ids *ids;
};

static enum clb_status encode_word(void *context, const char *bytes, size_t size, bool over_long)
{
    const struct encoding *e = context;
    const int32_t unknown = e->tokenizer->special[1];
    if (over_long) return text_ids_push(e->ids, unknown);
    return text_trie_split(e->tokenizer->trie, bytes, size, unknown, e->ids);
}

/* The special token that begins at text[at], or -1. */
static int special_at(const char *text, size_t size)
{
    for (int s = 0; s < SPECIALS; s++) {
        size_t length = strlen(special_names[s]);
        if (size >= length && memcmp(text, special_names[s], length) == 0) return s;
    }
    return -1;
}

enum clb_status clb_tokenizer_encode(const struct clb_tokenizer *t, const char *text, size_t size,
                                     struct clb_ids *ids)
{
    struct encoding encoding = {t, ids};
    enum clb_status status = CLB_OK;
    size_t begin = 0;
    for (const char *at = text; (at = memchr(at, '[', size - (size_t)(at - text))); at++) {
        const size_t place = (size_t)(at - text);
        int special = special_at(at, size - place);
        if (special < 0) continue;
        CLB_TRY(text_words(t->rules, text + begin, place - begin, encode_word, &encoding));
        CLB_TRY(text_ids_push(ids, t->special[special]));
        begin = place + strlen(special_names[special]);
        at = text + begin - 1;
    }
    CLB_TRY(text_words(t->rules, text + begin, size - begin, encode_word, &encoding));
cleanup:
    return status;
}

/* ---- ids to text ---- */

/* Whether no space goes before a token. */
static bool closes_up(const char *token)
{
    return strlen(token) == 1 && strchr(".,!?", token[0]);
}

enum clb_status clb_tokenizer_decode(const struct clb_tokenizer *t, const int32_t *ids,
                                     size_t count, bool skip_special, char **text)
{
    size_t capacity = 1, size = 0;
    for (size_t i = 0; i < count; i++) capacity += strlen(clb_tokenizer_token(t, ids[i])) + 1;
    char *out = malloc(capacity);
    if (!out) return clb_fail(CLB_ERROR_MEMORY, "text: out of memory");
    for (size_t i = 0; i < count; i++) {
        if (skip_special && clb_tokenizer_is_special(t, ids[i])) continue;
        const char *token = clb_tokenizer_token(t, ids[i]);
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
