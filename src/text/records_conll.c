/* SPDX-License-Identifier: Apache-2.0 */
/* CoNLL's columns: a token a line, a blank line between sentences. */
#include "base/error.h"
#include "text/records_form.h"

#include <string.h>

struct columns {
    const char *first, *last;
    size_t first_size, last_size;
    int count;
    bool tabs;
};

/* Between tabs where there are any: tokens may hold blanks then. */
static struct columns split(const char *line, size_t size)
{
    struct columns c = {.tabs = memchr(line, '\t', size) != NULL};
    const char *end = line + size;
    while (line < end) {
        while (!c.tabs && line < end && *line == ' ') line++;
        const char *stop = memchr(line, c.tabs ? '\t' : ' ', (size_t)(end - line));
        if (!stop) stop = end;
        if (!c.tabs && stop == line) break; /* blanks at the end */
        c.last = line;
        c.last_size = (size_t)(stop - line);
        if (c.count++ == 0) {
            c.first = c.last;
            c.first_size = c.last_size;
        }
        line = stop + 1;
        if (c.tabs && line == end) { /* an empty column is the last */
            c.last_size = 0;
            c.count++;
        }
    }
    return c;
}

static bool begins(const char *line, size_t size, const char *with)
{
    return size >= strlen(with) && memcmp(line, with, strlen(with)) == 0;
}

static enum clb_status add_token(struct text_records *r, const struct columns *c, json_t *tokens,
                                 json_t *tags)
{
    json_t *token, *tag;
    if (c->count < 2 || c->first_size == 0 || c->last_size == 0)
        return records_fail(r, r->lines.line,
                            "has no %s: a line is a token and its tag, with a tab "
                            "or blanks between them",
                            c->count >= 2 && c->first_size == 0 ? "token" : "tag");
    enum clb_status status = records_string(r, c->first, c->first_size, &token);
    if (status != CLB_OK) return status;
    json_array_append_new(tokens, token);
    status = records_string(r, c->last, c->last_size, &tag);
    if (status != CLB_OK) return status;
    json_array_append_new(tags, tag);
    return CLB_OK;
}

static enum clb_status next_sentence(struct text_records *r, json_t **record)
{
    json_t *sentence = json_object(), *tokens = json_array(), *tags = json_array();
    struct columns before = {0};
    const char *line;
    size_t size;
    enum clb_status status;
    json_object_set(sentence, "tokens", tokens);
    json_object_set(sentence, "tags", tags);
    r->nothing = "has no sentences";
    for (;;) {
        CLB_TRY(text_lines_take(&r->lines, &line, &size));
        if (!line) break;
        if (size > 0 && line[size - 1] == '\r') size--;
        if (!text_first_character(line, size) || begins(line, size, "-DOCSTART-")) {
            if (before.count > 0) break;
            continue;
        }
        const struct columns c = split(line, size);
        if (begins(line, size, "# ") && (c.count != before.count || c.tabs != before.tabs))
            continue; /* a comment */
        CLB_TRY(add_token(r, &c, tokens, tags));
        if (before.count == 0) records_at_line(r, r->lines.line);
        before = c;
    }
    if (before.count > 0) *record = json_incref(sentence);
cleanup:
    json_decref(tokens);
    json_decref(tags);
    json_decref(sentence);
    return status;
}

const struct records_form records_conll = {NULL, next_sentence};
