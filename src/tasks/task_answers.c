/* SPDX-License-Identifier: Apache-2.0 */
/* Question answering: the answer is a stretch of the second text, from one token to another, or
 * there is none: [CLS] then (Devlin et al., 2018, sections 4.2 and 4.3). */
#include "base/error.h"
#include "base/json.h"
#include "tasks/metrics.h"
#include "tasks/task.h"
#include "tasks/task_figures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NO_ANSWER = -1 };

/* ---- reading ---- */

/* The tokens of the context that hold code points begin .. end - 1: as Hugging Face's script, the
 * last that begins there at the latest, and the first that ends there at the earliest. */
static enum clb_status add_span(struct task_set *set, int32_t begin, int32_t end)
{
    const struct task_example *e = &set->examples[set->example_count - 1];
    const struct task_span *spans = set->spans + e->first_id + e->a;
    int32_t first = 0, last = e->b - 1;
    while (first + 1 < e->b && spans[first + 1].begin <= begin) first++;
    while (last > 0 && spans[last - 1].end >= end) last--;
    enum clb_status status = task_set_value(set, first);
    return status == CLB_OK ? task_set_value(set, last < first ? first : last) : status;
}

static enum clb_status read_answer(struct task_set *set, const json_t *answer, const char *context,
                                   const char *where)
{
    const char *text = json_string_value(json_object_get(answer, "text"));
    const json_t *start = json_object_get(answer, "answer_start");
    if (!text || !json_is_number(start))
        return clb_fail(CLB_ERROR_FORMAT, "%s: an answer should have \"text\" and \"answer_start\"",
                        where);
    const int64_t begin = (int64_t)json_number_value(start);
    if (begin < 0 || begin > task_code_points(context) ||
        strncmp(task_at_code_point(context, begin), text, strlen(text)) != 0)
        return clb_fail(CLB_ERROR_FORMAT,
                        "%s: the answer \"%.60s\" does not stand at character %lld of its text",
                        where, text, (long long)begin);
    return add_span(set, (int32_t)begin, (int32_t)begin + task_code_points(text));
}

static enum clb_status read_answers(struct task_set *set, const json_t *record, const char *context,
                                    const char *where)
{
    const json_t *answers = json_object_get(record, set->columns.answers);
    enum clb_status status;
    if (!json_is_array(answers)) return task_record_missing(record, set->columns.answers, where);
    const size_t count = json_array_size(answers);
    for (size_t i = 0; i < count; i++)
        CLB_TRY(read_answer(set, json_array_get(answers, i), context, where));
    if (count == 0) {
        CLB_TRY(task_set_value(set, NO_ANSWER));
        CLB_TRY(task_set_value(set, NO_ANSWER));
    }
cleanup:
    return status;
}

static enum clb_status read_question(struct task_set *set, const json_t *record, const char *where)
{
    struct task_example *e = &set->examples[set->example_count - 1];
    char *question = NULL, *context = NULL;
    enum clb_status status;
    CLB_TRY(task_record_text(record, set->columns.question, where, &question));
    CLB_TRY(task_record_text(record, set->columns.context, where, &context));
    CLB_TRY(task_set_encode(set, question, &e->a));
    CLB_TRY(task_set_encode(set, context, &e->b));
    if (e->b == 0)
        status = clb_fail(CLB_ERROR_FORMAT, "%s: \"%s\" is empty", where, set->columns.context);
    else if (set->labelled)
        status = read_answers(set, record, context, where);
cleanup:
    free(question);
    free(context);
    return status;
}

/* ---- labels ---- */

/* Where the first answer lies in a stretch; [CLS] where it does not lie there as a whole. */
static void places_of(const struct task_set *set, const struct task_sequence *s, int32_t places[2])
{
    const int32_t *answer = set->values + set->examples[s->example].first_value;
    places[0] = places[1] = 0;
    if (answer[0] < s->first_b || answer[1] >= s->first_b + s->b) return;
    for (int i = 0; i < 2; i++) places[i] = s->a + 2 + answer[i] - s->first_b;
}

static enum clb_status label(const struct task_set *set, int64_t sequence, struct clb_batch *batch,
                             int32_t row)
{
    int32_t places[2];
    places_of(set, &set->sequences[sequence], places);
    return clb_batch_label_span(batch, row, places[0], places[1]);
}

/* ---- which stretch of the text is the answer ---- */

/* From token `begin` to token `end` of the second text, or no answer. */
struct candidate {
    int32_t begin, end;
    double score;
};

/* The best so far, by score; of equals the one that came first. */
struct candidates {
    struct candidate *best;
    int count, most;
};

static void offer(struct candidates *c, struct candidate one)
{
    int at = c->count;
    while (at > 0 && c->best[at - 1].score < one.score) at--;
    if (at == c->most) return;
    if (c->count < c->most) c->count++;
    memmove(&c->best[at + 1], &c->best[at], (size_t)(c->count - 1 - at) * sizeof *c->best);
    c->best[at] = one;
}

/* Logits of beginning (column 0) or end (1) at token `i` of a stretch; -1: at [CLS]. */
static double logit(const struct task_sequence *s, const float *logits, int32_t i, int column)
{
    const int64_t row = i < 0 ? s->first_row : s->first_row + s->a + 2 + i;
    return (double)logits[2 * row + column];
}

/* log of the sum of exp over [CLS] and the stretch. */
static double log_sum(const struct task_sequence *s, const float *logits, int column)
{
    double most = logit(s, logits, -1, column), sum = 0;
    for (int32_t i = 0; i < s->b; i++) most = fmax(most, logit(s, logits, i, column));
    for (int32_t i = -1; i < s->b; i++) sum += exp(logit(s, logits, i, column) - most);
    return most + log(sum);
}

/* Offers all spans of a stretch that are not too long. Scores are sums of logits less `begin` and
 * `end`, the logarithms of what they are measured by. */
static void offer_spans(struct candidates *c, const struct task_sequence *s, const float *logits,
                        int most, double begin, double end)
{
    for (int32_t i = 0; i < s->b; i++) {
        const double first = logit(s, logits, i, 0) - begin;
        for (int32_t k = i; k < s->b && k < i + most; k++) {
            const double score = first + (logit(s, logits, k, 1) - end);
            if (c->count == c->most && score <= c->best[c->count - 1].score) continue;
            offer(c, (struct candidate){s->first_b + i, s->first_b + k, score});
        }
    }
}

static const struct task_span *spans_of(const struct task_set *set, int64_t example)
{
    const struct task_example *e = &set->examples[example];
    return set->spans + e->first_id + e->a;
}

/* The text between two code points; malloc'd. */
static char *cut(const struct task_set *set, int64_t example, int32_t begin, int32_t end)
{
    const char *context =
        json_string_value(json_object_get(set->records[example], set->columns.context));
    return task_cut(context ? context : "", begin, end);
}

/* ---- figures ---- */

static double loss(const struct task_set *set, const float *logits, int64_t example)
{
    const struct task_example *e = &set->examples[example];
    double sum = 0;
    for (int64_t i = e->first_sequence; i < e->first_sequence + e->sequences; i++) {
        const struct task_sequence *s = &set->sequences[i];
        int32_t places[2];
        places_of(set, s, places);
        for (int column = 0; column < 2; column++)
            sum += task_column_cross_entropy(logits + 2 * s->first_row, task_sequence_length(s),
                                             column, places[column]);
    }
    return 0.5 * sum / e->sequences;
}

static bool has_unanswerable(const struct task_set *set)
{
    for (int64_t i = 0; i < set->example_count; i++)
        if (set->values[set->examples[i].first_value] == NO_ANSWER) return true;
    return false;
}

/* The answer as the scripts for SQuAD choose it: by the sum of logits over all stretches; where
 * some questions have none, none, if [CLS] has more in every one of them. */
static char *choose(const struct task_set *set, const float *logits, int64_t example,
                    bool unanswerable)
{
    const struct task_example *e = &set->examples[example];
    struct candidate best = {.score = -INFINITY};
    struct candidates c = {&best, 0, 1};
    double none = INFINITY;
    for (int64_t i = e->first_sequence; i < e->first_sequence + e->sequences; i++) {
        const struct task_sequence *s = &set->sequences[i];
        offer_spans(&c, s, logits, set->max_answer_length, 0, 0);
        none = fmin(none, logit(s, logits, -1, 0) + logit(s, logits, -1, 1));
    }
    if (unanswerable && none > best.score) return strdup("");
    const struct task_span *spans = spans_of(set, example);
    return cut(set, example, spans[best.begin].begin, spans[best.end].end);
}

static void take_gold(const struct task_set *set, int64_t example, const char **gold,
                      struct tasks_answer *answer)
{
    const json_t *answers = json_object_get(set->records[example], set->columns.answers);
    answer->gold = gold;
    for (size_t i = 0; i < json_array_size(answers); i++)
        gold[answer->gold_count++] =
            json_string_value(json_object_get(json_array_get(answers, i), "text"));
}

static enum clb_status set_figures(const struct task_set *set, const float *logits,
                                   const struct tasks_answer_scores *scores, json_t *figures)
{
    double sum = 0;
    enum clb_status status;
    for (int64_t i = 0; i < set->example_count; i++) sum += loss(set, logits, i);
    CLB_TRY(task_set_figure(figures, "loss", sum / (double)set->example_count));
    CLB_TRY(task_set_figure(figures, "exact_match", scores->all.exact));
    CLB_TRY(task_set_figure(figures, "f1", scores->all.f1));
    if (scores->unanswerable.count == 0) goto cleanup;
    CLB_TRY(task_set_figure(figures, "HasAns_exact", scores->answerable.exact));
    CLB_TRY(task_set_figure(figures, "HasAns_f1", scores->answerable.f1));
    CLB_TRY(task_set_figure(figures, "NoAns_exact", scores->unanswerable.exact));
    CLB_TRY(task_set_figure(figures, "NoAns_f1", scores->unanswerable.f1));
cleanup:
    return status;
}

static enum clb_status figures(const struct task_set *set, const float *logits, json_t *figures)
{
    const size_t count = (size_t)set->example_count;
    struct tasks_answer *answers = calloc(count + 1, sizeof *answers);
    const char **gold = malloc(((size_t)set->value_count + 1) * sizeof *gold), **next = gold;
    struct tasks_answer_scores scores;
    const bool unanswerable = has_unanswerable(set);
    enum clb_status status = CLB_OK;
    if (!answers || !gold) status = clb_fail(CLB_ERROR_MEMORY, "figures: out of memory");
    for (int64_t i = 0; i < set->example_count && status == CLB_OK; i++) {
        answers[i].guess = choose(set, logits, i, unanswerable);
        if (!answers[i].guess) CLB_TRY(clb_fail(CLB_ERROR_MEMORY, "figures: out of memory"));
        take_gold(set, i, next, &answers[i]);
        next += answers[i].gold_count;
    }
    if (status == CLB_OK) status = tasks_answer_scores(answers, set->example_count, &scores);
    if (status == CLB_OK) status = set_figures(set, logits, &scores, figures);
cleanup:
    for (size_t i = 0; answers && i < count; i++) free((char *)answers[i].guess);
    free(answers);
    free(gold);
    return status;
}

/* ---- telling ---- */

/* From the first piece of a word to the last one of a word. */
static void widen(const struct task_set *set, int64_t example, struct candidate *c)
{
    const struct task_example *e = &set->examples[example];
    const int32_t *ids = set->ids + e->first_id + e->a;
    while (c->begin > 0 && clb_tokenizer_is_continuation(set->tokenizer, ids[c->begin])) c->begin--;
    while (c->end + 1 < e->b && clb_tokenizer_is_continuation(set->tokenizer, ids[c->end + 1]))
        c->end++;
}

static json_t *told(const struct task_set *set, int64_t example, struct candidate c)
{
    const struct task_span *spans = spans_of(set, example);
    const int32_t begin = c.begin < 0 ? 0 : spans[c.begin].begin;
    const int32_t end = c.begin < 0 ? 0 : spans[c.end].end;
    char *text = cut(set, example, begin, end);
    json_t *json = text ? json_pack("{s:o, s:i, s:i, s:s}", "score", base_json_number(exp(c.score)),
                                    "start", (int)begin, "end", (int)end, "answer", text)
                        : NULL;
    free(text);
    return json;
}

/* The best by probability: that of beginning times that of ending, among [CLS] and the tokens of a
 * stretch. No answer has the least of its probabilities in all stretches. */
static void search(const struct task_set *set, const float *logits, int64_t example,
                   const struct task_answers *how, struct candidates *c)
{
    const struct task_example *e = &set->examples[example];
    double none = INFINITY;
    for (int64_t i = e->first_sequence; i < e->first_sequence + e->sequences; i++) {
        const struct task_sequence *s = &set->sequences[i];
        const double begin = log_sum(s, logits, 0), end = log_sum(s, logits, 1);
        offer_spans(c, s, logits, how->max_answer_length, begin, end);
        none = fmin(none, logit(s, logits, -1, 0) - begin + logit(s, logits, -1, 1) - end);
    }
    if (how->no_answer) offer(c, (struct candidate){NO_ANSWER, NO_ANSWER, none});
}

static enum clb_status answer(const struct task_set *set, const float *logits, int64_t example,
                              const struct task_answers *how, json_t **answer)
{
    const int most = how->top_k > 0 ? how->top_k : 1;
    struct candidates c = {calloc((size_t)most, sizeof *c.best), 0, most};
    json_t *list = json_array();
    int failed = !c.best || !list;
    if (!failed) search(set, logits, example, how, &c);
    for (int i = 0; i < c.count && !failed; i++) {
        if (c.best[i].begin != NO_ANSWER) widen(set, example, &c.best[i]);
        failed = json_array_append_new(list, told(set, example, c.best[i]));
    }
    free(c.best);
    *answer = how->top_k > 0 ? list : json_incref(json_array_get(list, 0));
    if (how->top_k == 0) json_decref(list);
    return failed || !*answer ? clb_fail(CLB_ERROR_MEMORY, "answers: out of memory") : CLB_OK;
}

const struct task_kind task_answers = {
    .task = CLB_TASK_QUESTION_ANSWERING,
    .architecture = CLB_BERT_FOR_QUESTION_ANSWERING,
    .head = "span",
    .usual = CLB_RECORDS_SQUAD,
    .per_token = true,
    .width = 2,
    .best = "f1",
    .read = read_question,
    .label = label,
    .figures = figures,
    .loss = loss,
    .answer = answer,
};
