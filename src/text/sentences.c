/* SPDX-License-Identifier: Apache-2.0 */
#include "text/sentences.h"

#include "base/error.h"
#include "text/icu_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <unicode/ubrk.h>
#include <unicode/uloc.h>
#include <unicode/utext.h>

struct text_sentences {
    UBreakIterator *iterator; /* NULL: a line is a sentence */
    UText text;
    const char *line;
    int32_t size; /* of the line */
    int32_t at;   /* where the next sentence begins; -1: none */
};

static enum clb_status check(UErrorCode error)
{
    if (text_icu_starved() || error == U_MEMORY_ALLOCATION_ERROR)
        return clb_fail(CLB_ERROR_MEMORY, "sentences: out of memory");
    if (U_SUCCESS(error)) return CLB_OK;
    return clb_fail(CLB_ERROR_FORMAT, "sentences: ICU: %s", u_errorName(error));
}

enum clb_status text_sentences_create(struct text_sentence_options options,
                                      struct text_sentences **out)
{
    static const UText initial = UTEXT_INITIALIZER;
    text_icu_begin();
    const char *language = options.language ? options.language : "";
    char locale[64];
    UErrorCode error = U_ZERO_ERROR;
    if (*language && !*uloc_getISO3Language(language))
        return clb_fail(CLB_ERROR_ARGUMENT, "--language %s is unknown: give its code, as id or de",
                        language);
    struct text_sentences *s = calloc(1, sizeof *s);
    if (!s) return clb_fail(CLB_ERROR_MEMORY, "sentences: out of memory");
    s->text = initial;
    snprintf(locale, sizeof locale, *language ? "%s@ss=standard" : "%s", language);
    if (!options.one_per_line) s->iterator = ubrk_open(UBRK_SENTENCE, locale, NULL, 0, &error);
    const enum clb_status status = check(error);
    if (status == CLB_OK)
        *out = s;
    else
        text_sentences_destroy(s);
    return status;
}

void text_sentences_destroy(struct text_sentences *s)
{
    if (!s) return;
    if (s->iterator) ubrk_close(s->iterator);
    utext_close(&s->text);
    free(s);
}

enum clb_status text_sentences_begin(struct text_sentences *s, const char *line, size_t size)
{
    UErrorCode error = U_ZERO_ERROR;
    s->line = line;
    s->size = (int32_t)size;
    s->at = 0;
    if (!s->iterator) return CLB_OK;
    utext_openUTF8(&s->text, line, (int64_t)size, &error);
    ubrk_setUText(s->iterator, &s->text, &error);
    if (U_SUCCESS(error)) s->at = ubrk_first(s->iterator);
    return check(error);
}

static int is_white(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* -1 after the last. */
static int32_t next_boundary(const struct text_sentences *s)
{
    if (!s->iterator) return s->at < s->size ? s->size : -1;
    const int32_t end = ubrk_next(s->iterator);
    return end == UBRK_DONE ? -1 : end;
}

const char *text_sentences_next(struct text_sentences *s, size_t *size)
{
    while (s->at >= 0) {
        int32_t begin = s->at, end = next_boundary(s);
        s->at = end;
        if (end < 0) break;
        while (begin < end && is_white(s->line[begin])) begin++;
        while (end > begin && is_white(s->line[end - 1])) end--;
        if (begin == end) continue;
        *size = (size_t)(end - begin);
        return s->line + begin;
    }
    return NULL;
}

enum clb_status text_sentences_end(struct text_sentences *s)
{
    return s->iterator ? check(U_ZERO_ERROR) : CLB_OK;
}
