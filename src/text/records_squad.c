/* SPDX-License-Identifier: Apache-2.0 */
/* SQuAD's own files: articles of paragraphs of questions, in one object. */
#include "base/error.h"
#include "text/records_form.h"
#include "text/text_json.h"

#include <inttypes.h>
#include <stdio.h>

#define FILE_LIMIT ((size_t)1 << 30)

static enum clb_status parse_file(struct text_records *r, json_t **document)
{
    struct text_lines *l = &r->lines;
    json_error_t error;
    int64_t replaced;
    enum clb_status status = CLB_OK;
    while (!l->ended && l->end - l->begin <= FILE_LIMIT) CLB_TRY(text_lines_more(l));
    if (!l->ended)
        return clb_fail(CLB_ERROR_FORMAT, "%s: more than %zu MiB of JSON in one object",
                        text_lines_name(l), FILE_LIMIT >> 20);
    if (!text_first_character(l->buffer + l->begin, l->end - l->begin)) return CLB_OK;
    CLB_TRY(text_json_parse(l->buffer + l->begin, l->end - l->begin, document, &error, &replaced));
    l->replaced += replaced;
    if (!*document)
        return records_fail(r, l->line + error.line, "is not JSON: %s (column %d)", error.text,
                            error.column);
    if (!json_is_array(json_object_get(*document, "data")))
        return clb_fail(
            CLB_ERROR_FORMAT,
            "%s: has no list \"data\", as SQuAD's files have (JSON Lines have an object "
            "a line)",
            text_lines_name(l));
    r->nothing = "has no questions";
cleanup:
    return status;
}

static enum clb_status begin_squad(struct text_records *r)
{
    json_decref(r->squad.document);
    r->squad = (struct records_squad){0};
    return parse_file(r, &r->squad.document);
}

/* Element `index` of a list in `object`; *found is NULL behind the last. */
static enum clb_status element(const struct text_records *r, const json_t *object, const char *list,
                               size_t index, json_t **found)
{
    const json_t *elements = json_object_get(object, list);
    *found = json_array_get(elements, index);
    if (json_is_array(elements)) return CLB_OK;
    return clb_fail(CLB_ERROR_FORMAT,
                    "%s, behind question %" PRId64 ": an object should have a list \"%s\"",
                    text_lines_name(&r->lines), r->squad.number, list);
}

static enum clb_status next_question(struct text_records *r, json_t **record)
{
    struct records_squad *s = &r->squad;
    json_t *article, *paragraph, *question;
    enum clb_status status = CLB_OK;
    while (s->document) {
        CLB_TRY(element(r, s->document, "data", s->article, &article));
        if (!article) break;
        CLB_TRY(element(r, article, "paragraphs", s->paragraph, &paragraph));
        if (!paragraph) {
            s->article++;
            s->paragraph = 0;
            continue;
        }
        CLB_TRY(element(r, paragraph, "qas", s->question++, &question));
        if (!question) {
            s->paragraph++;
            s->question = 0;
            continue;
        }
        snprintf(r->where, r->where_size, "%s, question %" PRId64, text_lines_name(&r->lines),
                 ++s->number);
        return records_question(r, question, json_object_get(paragraph, "context"), record);
    }
cleanup:
    return status;
}

const struct records_form records_squad = {begin_squad, next_question};
