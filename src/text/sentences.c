#include "text/sentences.h"

#include <stdlib.h>
#include <unicode/ubrk.h>
#include <unicode/utext.h>

struct text_sentences {
    UBreakIterator *iterator;
    UText text;
    const char *line;
    int32_t at; /* where the next sentence begins; -1: none */
};

static enum clb_status icu_failure(UErrorCode error)
{
    return clb_fail(CLB_ERROR_FORMAT, "sentences: ICU: %s", u_errorName(error));
}

enum clb_status text_sentences_create(struct text_sentences **out)
{
    static const UText initial = UTEXT_INITIALIZER;
    UErrorCode error = U_ZERO_ERROR;
    struct text_sentences *s = calloc(1, sizeof *s);
    if (!s) return clb_fail(CLB_ERROR_MEMORY, "sentences: out of memory");
    s->text = initial;
    s->iterator = ubrk_open(UBRK_SENTENCE, "", NULL, 0, &error);
    if (U_FAILURE(error)) {
        free(s);
        return icu_failure(error);
    }
    *out = s;
    return CLB_OK;
}

void text_sentences_destroy(struct text_sentences *s)
{
    if (!s) return;
    ubrk_close(s->iterator);
    utext_close(&s->text);
    free(s);
}

enum clb_status text_sentences_begin(struct text_sentences *s, const char *line, size_t size)
{
    UErrorCode error = U_ZERO_ERROR;
    utext_openUTF8(&s->text, line, (int64_t)size, &error);
    ubrk_setUText(s->iterator, &s->text, &error);
    if (U_FAILURE(error)) return icu_failure(error);
    s->line = line;
    s->at = ubrk_first(s->iterator);
    return CLB_OK;
}

static int is_white(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

const char *text_sentences_next(struct text_sentences *s, size_t *size)
{
    while (s->at >= 0) {
        int32_t begin = s->at, end = ubrk_next(s->iterator);
        s->at = end == UBRK_DONE ? -1 : end;
        if (end == UBRK_DONE) break;
        while (begin < end && is_white(s->line[begin])) begin++;
        while (end > begin && is_white(s->line[end - 1])) end--;
        if (begin == end) continue;
        *size = (size_t)(end - begin);
        return s->line + begin;
    }
    return NULL;
}
