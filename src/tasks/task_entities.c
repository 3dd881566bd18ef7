/* SPDX-License-Identifier: Apache-2.0 */
/* What is told of classified tokens: each by itself, or grouped into entities, as Hugging Face's
 * pipeline does by its aggregation_strategy. "O" is not told. */
#include "base/error.h"
#include "base/json.h"
#include "tasks/task.h"
#include "tasks/task_figures.h"
#include "tokenizer/tokenizer.h"

#include <stdlib.h>
#include <string.h>

/* Tokens first .. end - 1 of an example: a piece, a word, or a group of them. */
struct stretch {
    int32_t first, end;
    int32_t class;
    double score;
};

struct sentence {
    const struct task_set *set;
    const int32_t *ids;
    const struct task_span *spans;
    const char *text;
    int32_t count;
    double *scores; /* [count, labels] probabilities */
};

static const double *scores_of(const struct sentence *s, int32_t token)
{
    return s->scores + (int64_t)token * s->set->labels->count;
}

static const char *label_of(const struct sentence *s, const struct stretch *stretch)
{
    return s->set->labels->names[stretch->class];
}

static int32_t largest(const double *scores, int32_t count)
{
    int32_t best = 0;
    for (int32_t i = 1; i < count; i++)
        if (scores[i] > scores[best]) best = i;
    return best;
}

static void classify(struct stretch *stretch, const double *scores, int32_t classes)
{
    stretch->class = largest(scores, classes);
    stretch->score = scores[stretch->class];
}

/* ---- pieces and words ---- */

static bool goes_on(const struct sentence *s, int32_t token)
{
    return clb_tokenizer_is_continuation(s->set->tokenizer, s->ids[token]);
}

/* The class of a word's pieces together. */
static void classify_word(const struct sentence *s, enum task_grouping grouping,
                          struct stretch *word, double *mean)
{
    const int32_t classes = s->set->labels->count;
    classify(word, scores_of(s, word->first), classes);
    if (grouping == TASK_GROUP_AVERAGE) {
        for (int32_t c = 0; c < classes; c++) {
            mean[c] = 0;
            for (int32_t t = word->first; t < word->end; t++) mean[c] += scores_of(s, t)[c];
            mean[c] /= word->end - word->first;
        }
        classify(word, mean, classes);
    }
    for (int32_t t = word->first + 1; t < word->end && grouping == TASK_GROUP_MAX; t++) {
        struct stretch other = *word;
        classify(&other, scores_of(s, t), classes);
        if (other.score > word->score) *word = other;
    }
}

/* Pieces, or words where they are classified as wholes. */
static int32_t take_words(const struct sentence *s, enum task_grouping grouping,
                          struct stretch *words, double *mean)
{
    const bool whole = grouping >= TASK_GROUP_FIRST;
    int32_t count = 0;
    for (int32_t t = 0; t < s->count;) {
        struct stretch *word = &words[count++];
        *word = (struct stretch){.first = t, .end = t + 1};
        while (whole && word->end < s->count && goes_on(s, word->end)) word->end++;
        classify_word(s, grouping, word, mean);
        t = word->end;
    }
    return count;
}

/* ---- groups ---- */

/* "B-PER": PER. Another name is its own type. */
static const char *type_of(const char *label)
{
    return strncmp(label, "B-", 2) == 0 || strncmp(label, "I-", 2) == 0 ? label + 2 : label;
}

/* Words of one type in a row become one, but for those that begin anew. Its score is their mean. */
static int32_t join(const struct sentence *s, struct stretch *words, int32_t count)
{
    int32_t groups = 0;
    for (int32_t w = 0, n; w < count; w += n) {
        double sum = words[w].score;
        for (n = 1; w + n < count; n++) {
            const char *label = label_of(s, &words[w + n]), *last = label_of(s, &words[w + n - 1]);
            if (strncmp(label, "B-", 2) == 0 || strcmp(type_of(label), type_of(last)) != 0) break;
            sum += words[w + n].score;
        }
        words[groups] =
            (struct stretch){words[w].first, words[w + n - 1].end, words[w].class, sum / n};
        groups++;
    }
    return groups;
}

/* ---- telling ---- */

/* A piece; what the vocabulary lacks as it stands in the text. */
static char *piece_of(const struct sentence *s, int32_t token)
{
    if (s->ids[token] == clb_tokenizer_special_ids(s->set->tokenizer).unk)
        return task_cut(s->text, s->spans[token].begin, s->spans[token].end);
    return strdup(clb_tokenizer_token(s->set->tokenizer, s->ids[token]));
}

/* The pieces joined; NULL: out of memory. */
static char *word_of(const struct sentence *s, const struct stretch *stretch)
{
    const int32_t count = stretch->end - stretch->first;
    char **pieces = calloc((size_t)count, sizeof *pieces), *word = NULL;
    bool whole = pieces != NULL;
    for (int32_t i = 0; i < count && whole; i++)
        whole = (pieces[i] = piece_of(s, stretch->first + i)) != NULL;
    if (whole) tokenizer_join((const char *const *)pieces, (size_t)count, &word);
    for (int32_t i = 0; i < count && pieces; i++) free(pieces[i]);
    free(pieces);
    return word;
}

static json_t *tell(const struct sentence *s, const struct stretch *stretch, bool grouped)
{
    const char *label = label_of(s, stretch), *hyphen = strchr(label, '-');
    char *word = word_of(s, stretch);
    const int begin = (int)s->spans[stretch->first].begin;
    const int end = (int)s->spans[stretch->end - 1].end;
    json_t *json = NULL;
    if (word && grouped)
        json = json_pack("{s:s, s:o, s:s, s:i, s:i}", "entity_group", hyphen ? hyphen + 1 : label,
                         "score", base_json_number(stretch->score), "word", word, "start", begin,
                         "end", end);
    else if (word)
        json = json_pack("{s:s, s:o, s:i, s:s, s:i, s:i}", "entity", label, "score",
                         base_json_number(stretch->score), "index", (int)stretch->first + 1, "word",
                         word, "start", begin, "end", end);
    free(word);
    return json;
}

static enum clb_status tell_all(const struct sentence *s, const struct stretch *stretches,
                                int32_t count, bool grouped, json_t **answer)
{
    json_t *list = json_array();
    int failed = !list;
    for (int32_t i = 0; i < count && !failed; i++)
        if (strcmp(label_of(s, &stretches[i]), "O") != 0)
            failed = json_array_append_new(list, tell(s, &stretches[i], grouped));
    *answer = list;
    return failed ? clb_fail(CLB_ERROR_MEMORY, "answers: out of memory") : CLB_OK;
}

enum clb_status task_answer_entities(const struct task_set *set, const float *logits,
                                     int64_t example, const struct task_answers *how,
                                     json_t **answer)
{
    const struct task_example *e = &set->examples[example];
    const struct task_sequence *sequence = &set->sequences[example];
    const int32_t classes = set->labels->count;
    const size_t numbers = (size_t)sequence->a * (size_t)classes;
    char *text = NULL;
    struct sentence s = {.set = set,
                         .ids = set->ids + e->first_id,
                         .spans = set->spans + e->first_id,
                         .count = sequence->a,
                         .scores = malloc((numbers + 1) * sizeof *s.scores)};
    struct stretch *words = malloc(((size_t)s.count + 1) * sizeof *words);
    double *mean = malloc((size_t)classes * sizeof *mean);
    enum clb_status status = CLB_OK;
    if (!s.scores || !words || !mean) status = clb_fail(CLB_ERROR_MEMORY, "answers: out of memory");
    if (status == CLB_OK) status = task_sentence_text(set, set->records[example], &text);
    s.text = text;
    for (int32_t t = 0; t < s.count && status == CLB_OK; t++)
        task_softmax(logits + (sequence->first_row + 1 + t) * classes, classes,
                     s.scores + (int64_t)t * classes);
    if (status == CLB_OK) {
        const bool grouped = how->grouping != TASK_GROUP_NONE;
        int32_t count = take_words(&s, how->grouping, words, mean);
        if (grouped) count = join(&s, words, count);
        status = tell_all(&s, words, count, grouped, answer);
    }
    free(s.scores);
    free(words);
    free(mean);
    free(text);
    return status;
}
