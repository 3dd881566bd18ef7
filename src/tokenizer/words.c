/* SPDX-License-Identifier: Apache-2.0 */
#include "tokenizer/words.h"

#include "base/error.h"
#include "tokenizer/decomposition.h"
#include "tokenizer/unicode_tables.h"

#include <stdlib.h>
#include <unicode/utf16.h>
#include <unicode/utf8.h>

/* The word being collected, and where words go; or, without `word`, the text that was normalised
 * and, where they are wanted, its origins. */
struct splitter {
    struct tokenizer_rules rules;
    tokenizer_word_function word;
    void *context;
    struct tokenizer_normalized *text;
    size_t capacity; /* of the text */
    bool traced;
    enum clb_status status;
    size_t size;
    int characters;
    char bytes[TOKENIZER_WORD_BYTES];
};

/* ---- classes ---- */

static bool in_ranges(const struct tokenizer_range *ranges, int count, uint32_t c)
{
    int low = 0, high = count;
    while (low < high) {
        int middle = (low + high) / 2;
        if (c > ranges[middle].last)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && c >= ranges[low].first;
}

#define IN(table, c) in_ranges(tokenizer_##table, tokenizer_##table##_count, (c))

static bool is_ascii_punctuation(uint32_t c)
{
    return (c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) ||
           (c >= 123 && c <= 126);
}

/* ---- words ---- */

static bool is_over_long(int characters)
{
    return characters > TOKENIZER_WORD_CHARACTERS;
}

static void flush(struct splitter *s)
{
    if (s->characters > 0 && s->status == CLB_OK)
        s->status = s->word(s->context, s->bytes, s->size, is_over_long(s->characters));
    s->size = 0;
    s->characters = 0;
}

static void append(struct splitter *s, uint32_t c)
{
    if (++s->characters > TOKENIZER_WORD_CHARACTERS) return;
    int32_t at = (int32_t)s->size;
    U8_APPEND_UNSAFE(s->bytes, at, c);
    s->size = (size_t)at;
}

/* Of text that is kept as it is: the normaliser has made spaces of the others. */
static bool is_kept_space(uint32_t c)
{
    return c < 0x80 ? (c >= '\t' && c <= '\r') || c == ' ' : c == 0x85 || IN(space, c);
}

static bool is_punctuation(uint32_t c)
{
    return c < 0x80 ? is_ascii_punctuation(c) : IN(punctuation, c);
}

static void make_room(struct splitter *s)
{
    const size_t capacity = 2 * (s->text->size + 64);
    char *bytes = s->status == CLB_OK ? realloc(s->text->bytes, capacity) : NULL;
    size_t *origins = NULL;
    if (bytes) s->text->bytes = bytes;
    if (bytes && s->traced) origins = realloc(s->text->origins, capacity * sizeof *origins);
    if (origins) s->text->origins = origins;
    if (bytes && (origins || !s->traced))
        s->capacity = capacity;
    else
        s->status = clb_fail(CLB_ERROR_MEMORY, "text: out of memory");
}

static void take_normalized(struct splitter *s, uint32_t c, size_t origin)
{
    struct tokenizer_normalized *text = s->text;
    const size_t first = text->size;
    if (first + U8_MAX_LENGTH > s->capacity) make_room(s);
    if (s->status != CLB_OK) return;
    U8_APPEND_UNSAFE(text->bytes, text->size, c);
    for (size_t i = first; s->traced && i < text->size; i++) text->origins[i] = origin;
}

/* One normalised character; `origin` is where in the text what it was made of begins. */
static void take(struct splitter *s, uint32_t c, size_t origin)
{
    if (__builtin_expect(!s->word, false)) {
        take_normalized(s, c, origin);
    } else if (c == ' ' || (s->rules.keep_all && is_kept_space(c))) {
        flush(s);
    } else if (is_punctuation(c)) {
        flush(s);
        append(s, c);
        flush(s);
    } else {
        append(s, c);
    }
}

static uint32_t lower_of(uint32_t c)
{
    int low = 0, high = tokenizer_lower_count;
    if (c < 0x80) return c >= 'A' && c <= 'Z' ? c + 32 : c;
    while (low < high) {
        const int middle = (low + high) / 2;
        if (c > tokenizer_lower[middle].last)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == tokenizer_lower_count || c < tokenizer_lower[low].first) return c;
    const uint32_t distance = c - tokenizer_lower[low].first;
    return distance % tokenizer_lower[low].step == 0 ? tokenizer_lower[low].to + distance : c;
}

static void take_lower(struct splitter *s, uint32_t c, size_t origin)
{
    if (c == 0x130) { /* the one character whose lower case is two */
        take(s, 'i', origin);
        take(s, 0x307, origin);
    } else {
        take(s, lower_of(c), origin);
    }
}

static void take_ascii(struct splitter *s, unsigned char c, size_t origin)
{
    if (!s->rules.keep_all && (c == '\t' || c == '\n' || c == '\r' || c == ' '))
        take(s, ' ', origin);
    else if ((c >= 32 && c != 127) || s->rules.keep_all)
        take(s, s->rules.lower_case ? lower_of(c) : c, origin);
}

/* ---- what is not ASCII ---- */

/* Whether the cleaning drops it; a space it makes of white space. */
static bool is_cleaned(UChar32 *c)
{
    if (*c < 0 || *c == 0x7f || (*c < 32 && *c != '\t' && *c != '\n' && *c != '\r')) return true;
    if (*c >= 0x80 && IN(removed, (uint32_t)*c)) return true;
    if (*c <= 32 || (*c >= 0x80 && IN(space, (uint32_t)*c))) *c = ' ';
    return false;
}

static void put(struct tokenizer_run *run, uint32_t c, size_t origin)
{
    const int32_t first = run->length;
    U16_APPEND_UNSAFE(run->units, run->length, c);
    for (int32_t i = first; run->origins && i < run->length; i++) run->origins[i] = origin;
}

/* Cleans into UTF-16: at most 4 units a code point, of which there are at most as many as bytes. */
static void clean(const struct splitter *s, const char *text, int32_t size, size_t origin,
                  struct tokenizer_run *out)
{
    for (int32_t i = 0, at = 0; i < size; at = i) {
        UChar32 c;
        U8_NEXT(text, i, size, c);
        if (!s->rules.keep_all && is_cleaned(&c)) continue;
        if (c < 0) c = 0xFFFD;
        const bool alone = c >= 0x80 && s->rules.chinese_chars && IN(ideograph, (uint32_t)c);
        if (alone) put(out, ' ', origin + (size_t)at);
        put(out, (uint32_t)c, origin + (size_t)at);
        if (alone) put(out, ' ', origin + (size_t)at);
    }
}

static void take_units(struct splitter *s, const struct tokenizer_run *run)
{
    for (int32_t i = 0; i < run->length;) {
        UChar32 c;
        const size_t origin = run->origins ? run->origins[i] : 0;
        U16_NEXT(run->units, i, run->length, c);
        if (s->rules.strip_accents && c >= 0x80 && IN(mark, (uint32_t)c)) continue;
        if (s->rules.strip_all && c >= 0x80 && IN(combining, (uint32_t)c)) continue;
        if (s->rules.lower_case)
            take_lower(s, (uint32_t)c, origin);
        else
            take(s, (uint32_t)c, origin);
    }
}

/* A run of text with characters beyond ASCII, which begins at `origin`. Normalisation never looks
 * across ASCII white space, so that a run may be taken by itself. */
static void take_run(struct splitter *s, const char *text, size_t size, size_t origin)
{
    struct tokenizer_run run, decomposed = {0};
    enum clb_status status;
    CLB_TRY(tokenizer_run_create(4 * size, s->traced, &run));
    clean(s, text, (int32_t)size, origin, &run);
    if ((s->rules.strip_accents || s->rules.decompose) && run.length > 0) {
        CLB_TRY(tokenizer_decompose(&run, &decomposed));
        take_units(s, &decomposed);
    } else {
        take_units(s, &run);
    }
cleanup:
    if (s->status == CLB_OK) s->status = status;
    tokenizer_run_free(&run);
    tokenizer_run_free(&decomposed);
}

static bool is_white(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void split(struct splitter *s, const char *text, size_t size)
{
    for (size_t at = 0; at < size && s->status == CLB_OK;) {
        size_t end = at;
        bool ascii = true;
        while (end < size && !is_white(text[end])) ascii &= (unsigned char)text[end++] < 0x80;
        if (end < size) end++; /* the white space itself */
        if (ascii)
            for (; at < end; at++) take_ascii(s, (unsigned char)text[at], at);
        else
            take_run(s, text + at, end - at, at);
        at = end;
    }
}

enum clb_status tokenizer_words(struct tokenizer_rules rules, const char *text, size_t size,
                                tokenizer_word_function word, void *context)
{
    struct splitter s = {.rules = rules, .word = word, .context = context};
    split(&s, text, size);
    flush(&s);
    return s.status;
}

enum clb_status tokenizer_normalize(struct tokenizer_rules rules, const char *text, size_t size,
                                    bool traced, struct tokenizer_normalized *normalized)
{
    struct splitter s = {.rules = rules, .text = normalized, .traced = traced};
    *normalized = (struct tokenizer_normalized){0};
    make_room(&s);
    split(&s, text, size);
    if (s.status != CLB_OK) tokenizer_normalized_free(normalized);
    return s.status;
}

void tokenizer_normalized_free(struct tokenizer_normalized *normalized)
{
    free(normalized->bytes);
    free(normalized->origins);
    *normalized = (struct tokenizer_normalized){0};
}

enum clb_status tokenizer_normalized_words(const char *text, size_t size,
                                           tokenizer_word_function word, void *context)
{
    size_t begin = 0; /* of the word that is being read, and how long it is so far */
    int characters = 0;
    enum clb_status status = CLB_OK;
    for (size_t at = 0, end = 0; at < size; at = end) {
        uint32_t c;
        U8_NEXT_UNSAFE(text, end, c);
        const bool alone = is_punctuation(c);
        if (!alone && !is_kept_space(c)) {
            characters++;
            continue;
        }
        if (characters > 0)
            CLB_TRY(word(context, text + begin, at - begin, is_over_long(characters)));
        if (alone) CLB_TRY(word(context, text + at, end - at, false));
        begin = end;
        characters = 0;
    }
    if (characters > 0)
        status = word(context, text + begin, size - begin, is_over_long(characters));
cleanup:
    return status;
}
