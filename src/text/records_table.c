/* SPDX-License-Identifier: Apache-2.0 */
/* Tables: TSV without quotes, CSV after RFC 4180. */
#include "base/error.h"
#include "text/records_form.h"

#include <inttypes.h>
#include <string.h>

/* ---- rows ---- */

enum place { FIELD_BEGIN, IN_FIELD, IN_QUOTES, BEHIND_QUOTE, BEHIND_RETURN, ROW_END, MISPLACED };

/* Where the next character is, after `c`. */
static enum place step(const struct records_table *t, enum place place, char c)
{
    if (place == IN_QUOTES) return c == '"' ? BEHIND_QUOTE : IN_QUOTES;
    if (c == '\n') return ROW_END;
    if (place == BEHIND_RETURN) return MISPLACED;
    if (c == t->delimiter) return FIELD_BEGIN;
    if (place == BEHIND_QUOTE) return c == '"' ? IN_QUOTES : c == '\r' ? BEHIND_RETURN : MISPLACED;
    return place == FIELD_BEGIN && c == '"' && t->quotes ? IN_QUOTES : IN_FIELD;
}

struct row {
    char *begin, *end; /* without the end of its line */
    int64_t line;      /* where it begins */
};

/* Takes a row of one or several lines; row->begin is NULL at the member's end. */
static enum clb_status take_row(struct text_records *r, struct row *row)
{
    struct text_lines *l = &r->lines;
    enum clb_status status = CLB_OK;
    enum place place = FIELD_BEGIN;
    size_t size = 0;
    int64_t line = l->line + 1, quote = line;
    *row = (struct row){.line = line};
    while (place != ROW_END) {
        if (l->begin + size == l->end) {
            if (l->ended) break;
            CLB_TRY(text_lines_more(l));
            continue;
        }
        const enum place before = place;
        const char c = l->buffer[l->begin + size++];
        place = step(&r->table, place, c);
        if (place == MISPLACED)
            return records_fail(r, line,
                                "there is text behind the quote that closes a field; "
                                "quotes inside it are written twice");
        if (place == IN_QUOTES && before == FIELD_BEGIN) quote = line;
        line += place == IN_QUOTES && c == '\n';
        if (size > TEXT_RECORD_LIMIT)
            return records_fail(r, quote, "a row of more than %zu MiB%s", TEXT_RECORD_LIMIT >> 20,
                                place == IN_QUOTES ? ": is a quote open?" : "");
    }
    if (place == IN_QUOTES) return records_fail(r, quote, "a quote that is not closed");
    if (size == 0) return CLB_OK;
    l->line = line;
    row->begin = l->buffer + l->begin;
    row->end = row->begin + size - (place == ROW_END);
    if (row->end > row->begin && row->end[-1] == '\r') row->end--;
    l->begin += size;
cleanup:
    return status;
}

/* The next row that is not empty. */
static enum clb_status take_full_row(struct text_records *r, struct row *row)
{
    do {
        const enum clb_status status = take_row(r, row);
        if (status != CLB_OK) return status;
    } while (row->begin && row->begin == row->end);
    return CLB_OK;
}

/* ---- fields ---- */

/* The field that begins at *at, its quotes resolved in place; *at goes behind its delimiter, or is
 * NULL after the last. */
static void take_field(const struct records_table *t, const struct row *row, char **at,
                       const char **field, size_t *size)
{
    char *from = *at, *to = from;
    const bool quoted = t->quotes && from < row->end && *from == '"';
    *field = to;
    if (quoted) {
        for (from++; *from != '"' || (from + 1 < row->end && from[1] == '"'); from++) {
            from += *from == '"';
            *to++ = *from;
        }
        from++;
    } else {
        char *end = memchr(from, t->delimiter, (size_t)(row->end - from));
        from = to = end ? end : row->end;
    }
    *size = (size_t)(to - *field);
    *at = from < row->end ? from + 1 : NULL;
}

static enum clb_status add_name(struct text_records *r, const struct row *row, json_t *name)
{
    json_t *names = r->table.header, *other;
    size_t i;
    if (json_string_length(name) == 0)
        return records_fail(r, row->line, "column %zu of the header has no name",
                            json_array_size(names));
    json_array_foreach(names, i, other)
    {
        if (other != name && strcmp(json_string_value(other), json_string_value(name)) == 0)
            return records_fail(r, row->line, "two columns of the header are called \"%s\"",
                                json_string_value(name));
    }
    return CLB_OK;
}

static enum clb_status read_header(struct text_records *r)
{
    struct row row;
    const char *field;
    size_t size;
    enum clb_status status;
    json_decref(r->table.header);
    r->table.header = json_array();
    CLB_TRY(take_full_row(r, &row));
    if (!row.begin) goto cleanup;
    r->nothing = "has a header, but no rows";
    for (char *at = row.begin; at;) {
        json_t *name;
        take_field(&r->table, &row, &at, &field, &size);
        CLB_TRY(records_string(r, field, size, &name));
        if (json_array_append_new(r->table.header, name) != 0)
            CLB_TRY(clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", text_lines_name(&r->lines)));
        CLB_TRY(add_name(r, &row, name));
    }
cleanup:
    return status;
}

static enum clb_status begin_tsv(struct text_records *r)
{
    r->table.delimiter = '\t';
    r->table.quotes = false;
    return read_header(r);
}

static enum clb_status begin_csv(struct text_records *r)
{
    r->table.delimiter = ',';
    r->table.quotes = true;
    return read_header(r);
}

static enum clb_status next_row(struct text_records *r, json_t **record)
{
    char names[320];
    const size_t columns = json_array_size(r->table.header);
    struct row row;
    const char *field;
    size_t size, fields = 0;
    enum clb_status status = take_full_row(r, &row);
    if (status != CLB_OK || !row.begin) return status;
    records_at_line(r, row.line);
    *record = json_object();
    for (char *at = row.begin; at; fields++) {
        take_field(&r->table, &row, &at, &field, &size);
        if (fields >= columns) continue;
        json_t *value;
        status = records_string(r, field, size, &value);
        if (status != CLB_OK) return status;
        json_object_set_new(*record, json_string_value(json_array_get(r->table.header, fields)),
                            value);
    }
    if (fields == columns) return CLB_OK;
    text_records_names(r->table.header, names, sizeof names);
    return records_fail(r, row.line, "has %zu column%s, the header %zu (columns: %s)", fields,
                        fields == 1 ? "" : "s", columns, names);
}

const struct records_form records_tsv = {begin_tsv, next_row};
const struct records_form records_csv = {begin_csv, next_row};
