/* SPDX-License-Identifier: Apache-2.0 */
/* Tags are read one after the other, all sentences as one, an "O" behind each. Between two tags an
 * entity may end and another begin; what ends there, and where it began, is compared at once, so
 * that no entity need be kept. */
#include "base/error.h"
#include "tasks/metrics.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A tag's letter, and the type behind it, which may be "". */
struct tag {
    char letter;
    const char *type;
};

/* "B-PER", "BPER": PER; of more hyphens the first counts, behind the letter. */
static struct tag parse(const char *text)
{
    struct tag tag = {text[0] ? text[0] : 'O', text + (text[0] != 0)};
    while ((*tag.type & 0xC0) == 0x80) tag.type++; /* the letter may be any character */
    const char *hyphen = strchr(tag.type, '-');
    if (hyphen) tag.type = hyphen + 1;
    if (!*tag.type) tag.type = "_";
    return tag;
}

static bool is_among(char letter, const char *letters)
{
    return strchr(letters, letter) != NULL;
}

static bool ends_between(struct tag before, struct tag tag)
{
    return is_among(before.letter, "ES") ||
           (is_among(before.letter, "BI") && is_among(tag.letter, "BSO")) ||
           (!is_among(before.letter, "O.") && strcmp(before.type, tag.type) != 0);
}

static bool begins_between(struct tag before, struct tag tag)
{
    return is_among(tag.letter, "BS") ||
           (is_among(before.letter, "ESO") && is_among(tag.letter, "EI")) ||
           (!is_among(tag.letter, "O.") && strcmp(before.type, tag.type) != 0);
}

/* What reads tags: true of the texts, or guessed. */
struct reader {
    struct tag before;
    int64_t begin; /* of the entity being read */
    bool ended;    /* one did before the last tag */
    int64_t its_begin;
    const char *its_type;
};

static void read_tag(struct reader *r, const char *text, int64_t at)
{
    const struct tag tag = parse(text);
    r->ended = ends_between(r->before, tag);
    r->its_begin = r->begin;
    r->its_type = r->before.type;
    if (begins_between(r->before, tag)) r->begin = at;
    r->before = tag;
}

/* The counts of a type, which are made where it is new; NULL: out of memory. */
static struct tasks_entity_type *counts_of(struct tasks_entity_scores *s, const char *name)
{
    for (int t = 0; t < s->types; t++)
        if (strcmp(s->by_type[t].name, name) == 0) return &s->by_type[t];
    struct tasks_entity_type *more = realloc(s->by_type, ((size_t)s->types + 1) * sizeof *more);
    if (!more) return NULL;
    s->by_type = more;
    more[s->types] = (struct tasks_entity_type){.name = strdup(name)};
    return more[s->types].name ? &more[s->types++] : NULL;
}

/* Counts what ended before the last tag of both readers. */
static bool count_ended(struct tasks_entity_scores *s, const struct reader *truth,
                        const struct reader *guess)
{
    const bool same = truth->ended && guess->ended && truth->its_begin == guess->its_begin &&
                      strcmp(truth->its_type, guess->its_type) == 0;
    struct tasks_entity_type *type;
    if (truth->ended) {
        type = counts_of(s, truth->its_type);
        if (!type) return false;
        type->true_count++;
        type->correct += same;
    }
    if (guess->ended) {
        type = counts_of(s, guess->its_type);
        if (!type) return false;
        type->guessed++;
    }
    return true;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct tasks_entity_type *)a)->name,
                  ((const struct tasks_entity_type *)b)->name);
}

static void summarise(struct tasks_entity_scores *s, int64_t right_tags)
{
    struct tasks_entity_type sum = {0};
    if (s->types > 0) qsort(s->by_type, (size_t)s->types, sizeof *s->by_type, by_name);
    for (int t = 0; t < s->types; t++) {
        struct tasks_entity_type *type = &s->by_type[t];
        type->scores = tasks_f1_of(type->correct, type->guessed, type->true_count);
        sum.correct += type->correct;
        sum.guessed += type->guessed;
        sum.true_count += type->true_count;
    }
    s->all = tasks_f1_of(sum.correct, sum.guessed, sum.true_count);
    s->true_count = sum.true_count;
    s->accuracy = (double)right_tags / (double)s->tags;
}

enum clb_status tasks_entity_scores(const struct tasks_tagged *sentences, int64_t count,
                                    struct tasks_entity_scores *result)
{
    struct reader truth = {.before = {'O', ""}}, guess = truth;
    int64_t at = 0, right_tags = 0;
    bool done = true;
    *result = (struct tasks_entity_scores){0};
    for (int64_t i = 0; i < count; i++) {
        const struct tasks_tagged *s = &sentences[i];
        for (int64_t k = 0; done && k <= s->count; k++, at++) {
            const bool last = k == s->count;
            read_tag(&truth, last ? "O" : s->truth[k], at);
            read_tag(&guess, last ? "O" : s->guess[k], at);
            done = count_ended(result, &truth, &guess);
            right_tags += !last && strcmp(s->truth[k], s->guess[k]) == 0;
        }
        result->tags += s->count;
    }
    if (!done) {
        tasks_entity_scores_free(result);
        return clb_fail(CLB_ERROR_MEMORY, "metrics: out of memory");
    }
    summarise(result, right_tags);
    return CLB_OK;
}

void tasks_entity_scores_free(struct tasks_entity_scores *s)
{
    for (int t = 0; t < s->types; t++) free(s->by_type[t].name);
    free(s->by_type);
    *s = (struct tasks_entity_scores){0};
}
