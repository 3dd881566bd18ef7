/* SPDX-License-Identifier: Apache-2.0 */
/* Token classification: a class for every word. A word's label is that of its first piece. */
#include "base/error.h"
#include "tasks/metrics.h"
#include "tasks/task.h"
#include "tasks/task_figures.h"
#include "text/records.h"

#include <stdlib.h>
#include <string.h>

enum { NONE = -100 }; /* the label of a piece that has none */

/* ---- reading ---- */

/* One word, which stands at code point *place of the words with blanks between them. */
static enum clb_status add_word(struct task_set *set, const char *word, const char *tag,
                                int32_t *place)
{
    const int64_t first = set->id_count;
    int32_t pieces, class = NONE;
    enum clb_status status;
    CLB_TRY(task_set_encode(set, word, &pieces));
    for (int64_t i = first; i < set->id_count; i++) {
        set->spans[i].begin += *place;
        set->spans[i].end += *place;
    }
    if (tag && pieces > 0) CLB_TRY(task_set_class(set, tag, &class));
    for (int32_t i = 0; i < pieces && tag; i++) CLB_TRY(task_set_value(set, i == 0 ? class : NONE));
    set->examples[set->example_count - 1].a += pieces;
    *place += task_code_points(word) + 1;
cleanup:
    return status;
}

static enum clb_status check_lists(const struct task_set *set, const json_t *record,
                                   const char *where)
{
    const json_t *tokens = json_object_get(record, set->columns.tokens);
    const json_t *tags = json_object_get(record, set->columns.tags);
    if (!tokens) return task_record_missing(record, set->columns.tokens, where);
    if (set->labelled && !tags) return task_record_missing(record, set->columns.tags, where);
    if (!json_is_array(tokens) || (set->labelled && !json_is_array(tags)))
        return clb_fail(CLB_ERROR_FORMAT, "%s: \"%s\" and \"%s\" should be lists", where,
                        set->columns.tokens, set->columns.tags);
    if (set->labelled && json_array_size(tokens) != json_array_size(tags))
        return clb_fail(CLB_ERROR_FORMAT, "%s: has %zu tokens and %zu tags", where,
                        json_array_size(tokens), json_array_size(tags));
    return CLB_OK;
}

static enum clb_status read_words(struct task_set *set, const json_t *record, const char *where)
{
    const json_t *tokens = json_object_get(record, set->columns.tokens);
    const json_t *tags = json_object_get(record, set->columns.tags);
    int32_t place = 0;
    enum clb_status status;
    CLB_TRY(check_lists(set, record, where));
    for (size_t i = 0; i < json_array_size(tokens); i++) {
        char number[32], tag_number[32];
        const char *word = text_records_text(json_array_get(tokens, i), number, sizeof number);
        const char *tag = set->labelled ? text_records_text(json_array_get(tags, i), tag_number,
                                                            sizeof tag_number)
                                        : NULL;
        if (!word || (set->labelled && !tag)) {
            status = clb_fail(CLB_ERROR_FORMAT, "%s: token %zu, or its tag, is no text", where, i);
            goto cleanup;
        }
        CLB_TRY(add_word(set, word, tag, &place));
    }
cleanup:
    return status;
}

static enum clb_status read_sentence(struct task_set *set, const json_t *record, const char *where)
{
    struct task_example *e = &set->examples[set->example_count - 1];
    char *text = NULL;
    enum clb_status status;
    if (set->labelled || json_object_get(record, set->columns.tokens))
        return read_words(set, record, where);
    CLB_TRY(task_record_text(record, set->columns.text, where, &text));
    CLB_TRY(task_set_encode(set, text, &e->a));
cleanup:
    free(text);
    return status;
}

enum clb_status task_sentence_text(const struct task_set *set, const json_t *record, char **text)
{
    const json_t *tokens = json_object_get(record, set->columns.tokens);
    if (!tokens) return task_record_text(record, set->columns.text, "the text", text);
    size_t size = 0;
    FILE *out = open_memstream(text, &size);
    for (size_t i = 0; out && i < json_array_size(tokens); i++) {
        char number[32];
        fprintf(out, i ? " %s" : "%s",
                text_records_text(json_array_get(tokens, i), number, sizeof number));
    }
    if (out && fclose(out) == 0) return CLB_OK;
    return clb_fail(CLB_ERROR_MEMORY, "the text: out of memory");
}

static enum clb_status label(const struct task_set *set, int64_t sequence, struct clb_batch *batch,
                             int32_t row)
{
    const struct task_sequence *s = &set->sequences[sequence];
    const int32_t *classes = set->values + set->examples[s->example].first_value;
    enum clb_status status = CLB_OK;
    for (int32_t i = 0; i < s->a && status == CLB_OK; i++)
        if (classes[i] != NONE) status = clb_batch_label(batch, "token", row + 1 + i, classes[i]);
    return status;
}

/* ---- figures ---- */

/* The logits of token `i` of an example; one sequence is one example. */
static const float *logits_of(const struct task_set *set, const float *logits, int64_t example,
                              int32_t i)
{
    return logits + (set->sequences[example].first_row + 1 + i) * set->labels->count;
}

/* The losses of the words that were seen, summed; how many they were. */
static double sum_of_losses(const struct task_set *set, const float *logits, int64_t example,
                            int64_t *words)
{
    const int32_t *classes = set->values + set->examples[example].first_value;
    double sum = 0;
    for (int32_t i = 0; i < set->sequences[example].a; i++) {
        if (classes[i] == NONE) continue;
        sum +=
            task_cross_entropy(logits_of(set, logits, example, i), set->labels->count, classes[i]);
        ++*words;
    }
    return sum;
}

static double loss(const struct task_set *set, const float *logits, int64_t example)
{
    int64_t words = 0;
    const double sum = sum_of_losses(set, logits, example, &words);
    return words ? sum / (double)words : 0.0;
}

static int32_t guess_of(const struct task_set *set, const float *logits, int64_t example, int32_t i)
{
    return task_largest(logits_of(set, logits, example, i), set->labels->count);
}

/* The tags of the words that were seen, of all examples: `truth` and `guess` one after another. */
static void collect(const struct task_set *set, const float *logits, const char **truth,
                    const char **guess, struct tasks_tagged *tagged)
{
    char **names = set->labels->names;
    for (int64_t e = 0; e < set->example_count; e++) {
        const int32_t *classes = set->values + set->examples[e].first_value;
        tagged[e] = (struct tasks_tagged){truth, guess, 0};
        for (int32_t i = 0; i < set->sequences[e].a; i++) {
            if (classes[i] == NONE) continue;
            *truth++ = names[classes[i]];
            *guess++ = names[guess_of(set, logits, e, i)];
            tagged[e].count++;
        }
    }
}

static enum clb_status set_types(const struct tasks_entity_scores *scores, json_t *figures)
{
    char key[128];
    enum clb_status status = CLB_OK;
    for (int i = 0; i < scores->types && status == CLB_OK; i++) {
        snprintf(key, sizeof key, "%s_f1", scores->by_type[i].name);
        status = task_set_figure(figures, key, scores->by_type[i].scores.f1);
    }
    return status;
}

static enum clb_status figures(const struct task_set *set, const float *logits, json_t *figures)
{
    const size_t tokens = (size_t)set->value_count + 1;
    const char **truth = malloc(tokens * sizeof *truth), **guess = malloc(tokens * sizeof *guess);
    struct tasks_tagged *tagged = malloc(((size_t)set->example_count + 1) * sizeof *tagged);
    struct tasks_entity_scores scores = {0};
    int64_t words = 0;
    double sum = 0;
    enum clb_status status;
    if (!truth || !guess || !tagged) {
        status = clb_fail(CLB_ERROR_MEMORY, "figures: out of memory");
        goto cleanup;
    }
    collect(set, logits, truth, guess, tagged);
    CLB_TRY(tasks_entity_scores(tagged, set->example_count, &scores));
    for (int64_t e = 0; e < set->example_count; e++) sum += sum_of_losses(set, logits, e, &words);
    CLB_TRY(task_set_figure(figures, "loss", sum / (double)words));
    CLB_TRY(task_set_figure(figures, "precision", scores.all.precision));
    CLB_TRY(task_set_figure(figures, "recall", scores.all.recall));
    CLB_TRY(task_set_figure(figures, "f1", scores.all.f1));
    CLB_TRY(task_set_figure(figures, "accuracy", scores.accuracy));
    CLB_TRY(set_types(&scores, figures));
cleanup:
    tasks_entity_scores_free(&scores);
    free(truth);
    free(guess);
    free(tagged);
    return status;
}

const struct task_kind task_tokens = {
    .task = CLB_TASK_TOKEN_CLASSIFICATION,
    .architecture = CLB_BERT_FOR_TOKEN_CLASSIFICATION,
    .head = "token",
    .usual = CLB_RECORDS_CONLL,
    .has_labels = true,
    .per_token = true,
    .best = "f1",
    .read = read_sentence,
    .label = label,
    .figures = figures,
    .loss = loss,
    .answer = task_answer_entities,
};
