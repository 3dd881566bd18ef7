/* SPDX-License-Identifier: Apache-2.0 */
#include "tokenizer/words.h"

#include "base/error.h"
#include "text/icu_memory.h"
#include "tokenizer/unicode_tables.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unicode/unorm2.h>
#include <unicode/uset.h>
#include <unicode/utf16.h>
#include <unicode/utf8.h>

/* The word being collected, and where words go; or, without `word`, the text that was normalised.
 */
struct splitter {
    struct tokenizer_rules rules;
    tokenizer_word_function word;
    void *context;
    char *text;
    size_t text_size, text_capacity;
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

static void flush(struct splitter *s)
{
    if (s->characters > 0 && s->status == CLB_OK)
        s->status =
            s->word(s->context, s->bytes, s->size, s->characters > TOKENIZER_WORD_CHARACTERS);
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

static void take_normalized(struct splitter *s, uint32_t c)
{
    if (s->text_size + U8_MAX_LENGTH > s->text_capacity) {
        const size_t capacity = 2 * (s->text_size + 64);
        char *more = s->status == CLB_OK ? realloc(s->text, capacity) : NULL;
        if (!more) {
            s->status = clb_fail(CLB_ERROR_MEMORY, "text: out of memory");
            return;
        }
        s->text = more;
        s->text_capacity = capacity;
    }
    U8_APPEND_UNSAFE(s->text, s->text_size, c);
}

/* One normalised character. */
static void take(struct splitter *s, uint32_t c)
{
    if (__builtin_expect(!s->word, false)) {
        take_normalized(s, c);
    } else if (c == ' ' || (s->rules.keep_all && is_kept_space(c))) {
        flush(s);
    } else if (c < 0x80 ? is_ascii_punctuation(c) : IN(punctuation, c)) {
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

static void take_lower(struct splitter *s, uint32_t c)
{
    if (c == 0x130) { /* the one character whose lower case is two */
        take(s, 'i');
        take(s, 0x307);
    } else {
        take(s, lower_of(c));
    }
}

static void take_ascii(struct splitter *s, unsigned char c)
{
    if (!s->rules.keep_all && (c == '\t' || c == '\n' || c == '\r' || c == ' '))
        take(s, ' ');
    else if ((c >= 32 && c != 127) || s->rules.keep_all)
        take(s, s->rules.lower_case ? lower_of(c) : c);
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

/* Cleans into UTF-16: at most 4 units a code point, of which there are at most as many as bytes. */
static int32_t clean(const struct splitter *s, const char *text, int32_t size, UChar *out)
{
    int32_t length = 0;
    for (int32_t i = 0; i < size;) {
        UChar32 c;
        U8_NEXT(text, i, size, c);
        if (!s->rules.keep_all && is_cleaned(&c)) continue;
        if (c < 0) c = 0xFFFD;
        const bool alone = c >= 0x80 && s->rules.chinese_chars && IN(ideograph, (uint32_t)c);
        if (alone) out[length++] = ' ';
        U16_APPEND_UNSAFE(out, length, c);
        if (alone) out[length++] = ' ';
    }
    return length;
}

/* Canonical decomposition of Unicode 9, whose tables tokenizers has: what came later is left as it
 * is, whatever ICU's version knows of it. */
static const UNormalizer2 *normalizer;
static UErrorCode normalizer_error;

static void open_normalizer(void)
{
    static const UChar pattern[] = u"[:age=9.0:]";
    UErrorCode *error = &normalizer_error;
    text_icu_begin();
    const UNormalizer2 *nfd = unorm2_getNFDInstance(error);
    USet *set = uset_openPattern(pattern, -1, error);
    if (U_SUCCESS(*error)) uset_freeze(set);
    normalizer = unorm2_openFiltered(nfd, set, error);
    if (text_icu_starved()) *error = U_MEMORY_ALLOCATION_ERROR;
}

static enum clb_status decompose(const UChar *in, int32_t length, UChar **out, int32_t *out_length)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, open_normalizer);
    UErrorCode error = normalizer_error;
    const int32_t capacity = 4 * length + 16; /* NFD gives at most 4 units for one */
    *out = malloc((size_t)capacity * sizeof **out);
    if (!*out) return clb_fail(CLB_ERROR_MEMORY, "text: out of memory");
    *out_length = unorm2_normalize(normalizer, in, length, *out, capacity, &error);
    if (text_icu_starved() || error == U_MEMORY_ALLOCATION_ERROR)
        return clb_fail(CLB_ERROR_MEMORY, "text: out of memory");
    if (U_FAILURE(error)) return clb_fail(CLB_ERROR_FORMAT, "text: ICU: %s", u_errorName(error));
    return CLB_OK;
}

static void take_units(struct splitter *s, const UChar *units, int32_t length)
{
    for (int32_t i = 0; i < length;) {
        UChar32 c;
        U16_NEXT(units, i, length, c);
        if (s->rules.strip_accents && c >= 0x80 && IN(mark, (uint32_t)c)) continue;
        if (s->rules.strip_all && c >= 0x80 && IN(combining, (uint32_t)c)) continue;
        if (s->rules.lower_case)
            take_lower(s, (uint32_t)c);
        else
            take(s, (uint32_t)c);
    }
}

/* A run of text with characters beyond ASCII. Normalisation never looks across ASCII white space,
 * so that a run may be taken by itself. */
static void take_run(struct splitter *s, const char *text, size_t size)
{
    UChar *units = malloc(4 * size * sizeof *units), *decomposed = NULL;
    if (!units) {
        s->status = clb_fail(CLB_ERROR_MEMORY, "text: out of memory");
        return;
    }
    int32_t length = clean(s, text, (int32_t)size, units);
    if ((s->rules.strip_accents || s->rules.decompose) && length > 0) {
        int32_t decomposed_length = 0;
        enum clb_status status = decompose(units, length, &decomposed, &decomposed_length);
        if (status == CLB_OK)
            take_units(s, decomposed, decomposed_length);
        else
            s->status = status;
    } else {
        take_units(s, units, length);
    }
    free(units);
    free(decomposed);
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
            for (; at < end; at++) take_ascii(s, (unsigned char)text[at]);
        else
            take_run(s, text + at, end - at);
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
                                    char **normalized, size_t *normalized_size)
{
    struct splitter s = {.rules = rules, .text = malloc(size + 1), .text_capacity = size + 1};
    if (!s.text) return clb_fail(CLB_ERROR_MEMORY, "text: out of memory");
    split(&s, text, size);
    if (s.status != CLB_OK) free(s.text);
    *normalized = s.status == CLB_OK ? s.text : NULL;
    *normalized_size = s.text_size;
    return s.status;
}

enum clb_status tokenizer_normalized_words(const char *normalized, size_t size,
                                           tokenizer_word_function word, void *context)
{
    return tokenizer_words((struct tokenizer_rules){.keep_all = true}, normalized, size, word,
                           context);
}
