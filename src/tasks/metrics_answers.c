/* SPDX-License-Identifier: Apache-2.0 */
/* Answers as SQuAD's script compares them: what it calls a word is what Python does. */
#include "base/error.h"
#include "tasks/metrics.h"
#include "text/icu_memory.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unicode/uchar.h>
#include <unicode/ustring.h>
#include <unicode/utf16.h>

static enum clb_status out_of_memory(void)
{
    return clb_fail(CLB_ERROR_MEMORY, "metrics: out of memory");
}

/* ---- the normal form, in UTF-16 ---- */

struct utf16 {
    UChar *text;
    int32_t size;
};

static enum clb_status failed(UErrorCode error)
{
    if (text_icu_starved() || error == U_MEMORY_ALLOCATION_ERROR) return out_of_memory();
    if (U_SUCCESS(error)) return CLB_OK;
    return clb_fail(CLB_ERROR_ARGUMENT, "an answer: ICU: %s", u_errorName(error));
}

/* In lower case. A character gets up to three, and a unit is at most a byte. */
static enum clb_status lower(const char *text, struct utf16 *out)
{
    const size_t size = strlen(text);
    UErrorCode error = U_ZERO_ERROR;
    if (size > INT32_MAX / 4) return clb_fail(CLB_ERROR_ARGUMENT, "an answer is too long");
    const int32_t room = 3 * (int32_t)size + 1;
    UChar *raw = malloc((size_t)room * sizeof *raw);
    out->text = malloc((size_t)room * sizeof *out->text);
    if (!raw || !out->text) {
        free(raw);
        return out_of_memory();
    }
    int32_t length;
    text_icu_begin();
    u_strFromUTF8WithSub(raw, room, &length, text, (int32_t)size, 0xFFFD, NULL, &error);
    out->size = u_strToLower(out->text, room, raw, length, "", &error);
    free(raw);
    return failed(error);
}

/* As Python's regular expressions have it, where marks are no part of words; the underscore is gone
 * with the punctuation. */
static bool is_of_word(UChar32 c)
{
    return (U_GET_GC_MASK(c) & U_GC_L_MASK) ||
           u_getIntPropertyValue(c, UCHAR_NUMERIC_TYPE) != U_NT_NONE;
}

static bool is_white(UChar32 c)
{
    return u_isUWhiteSpace(c) || (c >= 0x1C && c <= 0x1F);
}

static void drop_punctuation(struct utf16 *s)
{
    int32_t to = 0;
    for (int32_t i = 0; i < s->size; i++) {
        const UChar c = s->text[i];
        if (c <= ' ' || c >= 0x7F || u_isalnum(c)) s->text[to++] = c;
    }
    s->size = to;
}

static bool is_article(const UChar *word, int32_t size)
{
    return (size == 1 && word[0] == 'a') || (size == 2 && word[0] == 'a' && word[1] == 'n') ||
           (size == 3 && word[0] == 't' && word[1] == 'h' && word[2] == 'e');
}

/* A blank in the place of each; an article is as long as it is, so that all of it may be one. */
static void blank_articles(struct utf16 *s)
{
    for (int32_t i = 0, word = 0, next; i <= s->size; i = next) {
        UChar32 c = ' ';
        next = i;
        if (i < s->size)
            U16_NEXT(s->text, next, s->size, c);
        else
            next++;
        if (is_of_word(c)) continue;
        if (is_article(s->text + word, i - word))
            for (int32_t k = word; k < i; k++) s->text[k] = ' ';
        word = next;
    }
}

static void collapse_white(struct utf16 *s)
{
    int32_t to = 0;
    bool gap = false;
    for (int32_t i = 0; i < s->size; i++) {
        if (is_white(s->text[i])) {
            gap = to > 0;
            continue;
        }
        if (gap) s->text[to++] = ' ';
        gap = false;
        s->text[to++] = s->text[i];
    }
    s->size = to;
}

enum clb_status tasks_normal_answer(const char *text, char **normal)
{
    struct utf16 s = {0};
    enum clb_status status;
    UErrorCode error = U_ZERO_ERROR;
    char *out = NULL;
    CLB_TRY(lower(text, &s));
    drop_punctuation(&s);
    blank_articles(&s);
    collapse_white(&s);
    const int32_t room = 3 * s.size + 1;
    out = malloc((size_t)room);
    if (!out) CLB_TRY(out_of_memory());
    u_strToUTF8WithSub(out, room, NULL, s.text, s.size, 0xFFFD, NULL, &error);
    CLB_TRY(failed(error));
    *normal = out;
    out = NULL;
cleanup:
    free(out);
    free(s.text);
    return status;
}

/* ---- words in common ---- */

struct words {
    char *text;   /* the normal form, cut at its blanks */
    char **words; /* sorted */
    int count;
};

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static enum clb_status split(const char *normal, struct words *w)
{
    char *rest;
    *w = (struct words){.text = strdup(normal),
                        .words = malloc((strlen(normal) / 2 + 1) * sizeof *w->words)};
    if (!w->text || !w->words) return out_of_memory();
    for (char *word = strtok_r(w->text, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        w->words[w->count++] = word;
    qsort(w->words, (size_t)w->count, sizeof *w->words, by_bytes);
    return CLB_OK;
}

static void free_words(struct words *w)
{
    free(w->text);
    free(w->words);
}

/* A word counts as often as both have it. */
static int64_t count_common(const struct words *a, const struct words *b)
{
    int64_t common = 0;
    for (int i = 0, k = 0; i < a->count && k < b->count;) {
        const int order = strcmp(a->words[i], b->words[k]);
        common += order == 0;
        i += order <= 0;
        k += order >= 0;
    }
    return common;
}

static enum clb_status score_words(const char *guess, const char *gold, double *f1)
{
    struct words a = {0}, b = {0};
    enum clb_status status;
    CLB_TRY(split(guess, &a));
    CLB_TRY(split(gold, &b));
    if (a.count == 0 || b.count == 0)
        *f1 = a.count == b.count;
    else
        *f1 = tasks_f1_of(count_common(&a, &b), a.count, b.count).f1;
cleanup:
    free_words(&a);
    free_words(&b);
    return status;
}

/* ---- questions ---- */

struct best {
    double exact, f1;
};

/* Against one gold answer, in normal form. */
static enum clb_status score_gold(const char *guess, const char *gold, struct best *best)
{
    double f1;
    const enum clb_status status = score_words(guess, gold, &f1);
    if (status != CLB_OK) return status;
    if (strcmp(guess, gold) == 0) best->exact = 1;
    if (f1 > best->f1) best->f1 = f1;
    return CLB_OK;
}

static enum clb_status score_answer(const struct tasks_answer *answer, struct best *best)
{
    char *guess = NULL, *gold = NULL;
    bool compared = false;
    enum clb_status status;
    *best = (struct best){0};
    CLB_TRY(tasks_normal_answer(answer->guess, &guess));
    for (int g = 0; g < answer->gold_count; g++) {
        free(gold);
        gold = NULL;
        CLB_TRY(tasks_normal_answer(answer->gold[g], &gold));
        if (!*gold) continue;
        CLB_TRY(score_gold(guess, gold, best));
        compared = true;
    }
    if (!compared) CLB_TRY(score_gold(guess, "", best));
cleanup:
    free(guess);
    free(gold);
    return status;
}

static void add_score(struct tasks_answer_part *part, struct best best)
{
    part->count++;
    part->exact += best.exact;
    part->f1 += best.f1;
}

static void take_percent(struct tasks_answer_part *part)
{
    part->exact = 100 * part->exact / (double)part->count;
    part->f1 = 100 * part->f1 / (double)part->count;
}

enum clb_status tasks_answer_scores(const struct tasks_answer *answers, int64_t count,
                                    struct tasks_answer_scores *result)
{
    enum clb_status status = CLB_OK;
    *result = (struct tasks_answer_scores){0};
    for (int64_t i = 0; i < count; i++) {
        struct best best;
        CLB_TRY(score_answer(&answers[i], &best));
        add_score(&result->all, best);
        add_score(answers[i].gold_count > 0 ? &result->answerable : &result->unanswerable, best);
    }
    take_percent(&result->all);
    take_percent(&result->answerable);
    take_percent(&result->unanswerable);
cleanup:
    return status;
}
