/* SPDX-License-Identifier: Apache-2.0 */
/* JSON Lines, and SQuAD's questions, which come in both. */
#include "base/error.h"
#include "text/records_form.h"

/* ---- questions ---- */

static enum clb_status add_answer(const char *where, const json_t *text, const json_t *start,
                                  json_t *answers)
{
    if (!json_is_string(text) || !json_is_integer(start))
        return clb_fail(CLB_ERROR_FORMAT,
                        "%s: an answer should have a string \"text\" and an integer "
                        "\"answer_start\"",
                        where);
    json_array_append_new(answers, json_pack("{sO, sO}", "text", text, "answer_start", start));
    return CLB_OK;
}

/* Both forms of answers, as a list of objects. */
static enum clb_status add_answers(const char *where, const json_t *from, json_t *answers)
{
    const json_t *texts = json_object_get(from, "text");
    const json_t *starts = json_object_get(from, "answer_start");
    const json_t *list = json_is_object(from) ? texts : from;
    enum clb_status status = CLB_OK;
    if (!json_is_array(list) ||
        (list == texts && json_array_size(starts) != json_array_size(texts)))
        return clb_fail(CLB_ERROR_FORMAT,
                        "%s: \"answers\" should be a list of {\"text\", \"answer_start\"}, or an "
                        "object of two such lists of one length",
                        where);
    for (size_t i = 0; status == CLB_OK && i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        if (list == texts)
            status = add_answer(where, item, json_array_get(starts, i), answers);
        else
            status = add_answer(where, json_object_get(item, "text"),
                                json_object_get(item, "answer_start"), answers);
    }
    return status;
}

/* A string, or the text of a number. */
static enum clb_status set_text(const char *where, const char *key, json_t *value, json_t *record)
{
    char buffer[32];
    const char *text = text_records_text(value, buffer, sizeof buffer);
    if (!text) return clb_fail(CLB_ERROR_FORMAT, "%s: has no string \"%s\"", where, key);
    json_object_set_new(record, key,
                        json_is_string(value) ? json_incref(value) : json_string(text));
    return CLB_OK;
}

/* A question without an id gets its number. */
enum clb_status records_question(struct text_records *r, const json_t *from, json_t *context,
                                 json_t **record)
{
    json_t *answers = json_object_get(from, "answers"), *id = json_object_get(from, "id");
    json_t *impossible = json_object_get(from, "is_impossible");
    json_t *question = json_object(), *list = json_array();
    enum clb_status status;
    id = id ? json_incref(id) : json_integer(r->count + 1);
    CLB_TRY(set_text(r->where, "id", id, question));
    CLB_TRY(set_text(r->where, "question", json_object_get(from, "question"), question));
    CLB_TRY(set_text(r->where, "context", context, question));
    if (answers && !json_is_null(answers)) {
        CLB_TRY(add_answers(r->where, answers, list));
        const bool none = json_array_size(list) == 0;
        json_object_set(question, "answers", list);
        json_object_set(question, "is_impossible",
                        json_is_boolean(impossible) ? impossible : json_boolean(none));
    }
    *record = json_incref(question);
cleanup:
    json_decref(id);
    json_decref(list);
    json_decref(question);
    return status;
}

/* ---- JSON Lines ---- */

static bool is_question(const json_t *object)
{
    return json_object_get(object, "question") && json_object_get(object, "context") &&
           json_object_get(object, "answers");
}

static enum clb_status next_line(struct text_records *r, json_t **record)
{
    json_t *line;
    r->nothing = "has no records";
    enum clb_status status = text_lines_take_json(&r->lines, &line);
    if (status != CLB_OK || !line) return status;
    records_at_line(r, r->lines.line);
    if (is_question(line))
        status = records_question(r, line, json_object_get(line, "context"), record);
    else if (json_is_object(line))
        *record = json_incref(line);
    else
        status = records_fail(r, r->lines.line, "is no JSON object: JSON Lines have one a line%s",
                              json_is_array(line) ? "; jq -c '.[]' makes them of a list" : "");
    json_decref(line);
    return status;
}

const struct records_form records_jsonl = {NULL, next_line};
