/* SPDX-License-Identifier: Apache-2.0 */
#include "tokenizer/added_tokens.h"

#include "base/error.h"
#include "tokenizer/wordpiece.h"

#include <stdlib.h>
#include <string.h>
#include <unicode/uchar.h>
#include <unicode/utf8.h>

struct tokenizer_matcher {
    struct tokenizer_added_token *tokens; /* without their contents */
    struct tokenizer_trie *trie;          /* of contents: the token's place in the list */
    bool first[256];                      /* the bytes that they begin with */
    int only;                             /* the one such byte; -1: there are several */
};

void tokenizer_added_tokens_free(struct tokenizer_added_token *tokens, int count)
{
    for (int i = 0; tokens && i < count; i++) free(tokens[i].content);
    free(tokens);
}

static void note_first_bytes(struct tokenizer_matcher *m, const char *const *contents, int count)
{
    int different = 0;
    for (int i = 0; i < count; i++) m->first[(unsigned char)contents[i][0]] = true;
    for (int byte = 0; byte < 256; byte++) {
        if (!m->first[byte]) continue;
        m->only = byte;
        different++;
    }
    if (different != 1) m->only = -1;
}

enum clb_status tokenizer_matcher_create(const struct tokenizer_added_token *tokens,
                                         const char *const *contents, int count, bool normalized,
                                         struct tokenizer_matcher **out)
{
    struct tokenizer_matcher *m = calloc(1, sizeof *m);
    const char **found = calloc((size_t)count + 1, sizeof *found);
    enum clb_status status = CLB_OK;
    int used = 0;
    *out = NULL;
    if (m) m->tokens = calloc((size_t)count + 1, sizeof *m->tokens);
    if (!m || !found || !m->tokens)
        CLB_TRY(clb_fail(CLB_ERROR_MEMORY, "added tokens: out of memory"));
    for (int i = 0; i < count; i++) {
        if (tokens[i].normalized != normalized) continue;
        m->tokens[used] = tokens[i];
        m->tokens[used].content = NULL;
        found[used++] = contents[i];
    }
    if (used == 0) goto cleanup;
    note_first_bytes(m, found, used);
    CLB_TRY(tokenizer_trie_create(found, used, NULL, &m->trie));
    *out = m;
    m = NULL;
cleanup:
    tokenizer_matcher_destroy(m);
    free(found);
    return status;
}

void tokenizer_matcher_destroy(struct tokenizer_matcher *m)
{
    if (!m) return;
    tokenizer_trie_destroy(m->trie);
    free(m->tokens);
    free(m);
}

/* ---- what is beside a token ---- */

static bool is_word(UChar32 c)
{
    return c >= 0 && (u_hasBinaryProperty(c, UCHAR_ALPHABETIC) ||
                      u_hasBinaryProperty(c, UCHAR_JOIN_CONTROL) ||
                      (U_GET_GC_MASK(c) & (U_GC_M_MASK | U_GC_ND_MASK | U_GC_PC_MASK)));
}

static bool stands_alone(const char *text, size_t size, size_t begin, size_t end)
{
    UChar32 before = -1, after = -1;
    int32_t at = (int32_t)begin;
    if (begin > 0) U8_PREV((const uint8_t *)text, 0, at, before);
    at = (int32_t)end;
    if (end < size) U8_NEXT((const uint8_t *)text, at, (int32_t)size, after);
    return !is_word(before) && !is_word(after);
}

static size_t space_before(const char *text, size_t begin)
{
    for (int32_t at = (int32_t)begin; at > 0; begin = (size_t)at) {
        UChar32 c;
        U8_PREV((const uint8_t *)text, 0, at, c);
        if (c < 0 || !u_isUWhiteSpace(c)) break;
    }
    return begin;
}

static size_t space_behind(const char *text, size_t size, size_t end)
{
    for (int32_t at = (int32_t)end; (size_t)at < size; end = (size_t)at) {
        UChar32 c;
        U8_NEXT((const uint8_t *)text, at, (int32_t)size, c);
        if (c < 0 || !u_isUWhiteSpace(c)) break;
    }
    return end;
}

/* ---- matching ---- */

/* The next place from `at` on where a token may begin; `size` where there is none. */
static size_t next_candidate(const struct tokenizer_matcher *m, const char *text, size_t size,
                             size_t at)
{
    if (m->only >= 0) {
        const char *place = memchr(text + at, m->only, size - at);
        return place ? (size_t)(place - text) : size;
    }
    while (at < size && !m->first[(unsigned char)text[at]]) at++;
    return at;
}

enum clb_status tokenizer_matcher_split(const struct tokenizer_matcher *m, const char *text,
                                        size_t size, tokenizer_part_function part, void *context)
{
    enum clb_status status = CLB_OK;
    size_t done = 0; /* handed on */
    for (size_t at = 0; (at = next_candidate(m, text, size, at)) < size;) {
        size_t taken = 0;
        const int32_t found = tokenizer_trie_longest(m->trie, text + at, size - at, &taken);
        size_t begin = at, end = at + taken;
        at = found < 0 ? at + 1 : end;
        if (found < 0) continue;
        const struct tokenizer_added_token *token = &m->tokens[found];
        if (token->single_word && !stands_alone(text, size, begin, end)) continue;
        if (token->lstrip) begin = space_before(text, begin);
        if (token->rstrip) end = space_behind(text, size, end);
        if (begin < done) begin = done; /* the one before has taken the white space */
        if (end < begin) end = begin;
        if (begin > done) CLB_TRY(part(context, text + done, begin - done, -1));
        CLB_TRY(part(context, text + begin, end - begin, token->id));
        done = end;
    }
    if (size > done) status = part(context, text + done, size - done, -1);
cleanup:
    return status;
}
