/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "text/records_form.h"
#include "text/text_json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum clb_status out_of_memory(void)
{
    return clb_fail(CLB_ERROR_MEMORY, "records: out of memory");
}

enum clb_status text_records_open(const char *const *paths, int count,
                                  enum clb_record_format format, enum clb_record_format otherwise,
                                  struct text_records **records)
{
    enum clb_status status;
    struct text_records *r = calloc(1, sizeof *r);
    if (!r) return out_of_memory();
    CLB_TRY(text_files_find(paths, count, false, &r->files));
    r->format = format;
    r->otherwise = otherwise;
    r->first = base_format("%s", paths[0]);
    r->where = calloc(1, 1);
    if (!r->first || !r->where) CLB_TRY(out_of_memory());
    *records = r;
cleanup:
    if (status != CLB_OK) text_records_close(r);
    return status;
}

void text_records_close(struct text_records *r)
{
    if (!r) return;
    text_lines_free(&r->lines);
    text_files_free(&r->files);
    json_decref(r->record);
    json_decref(r->table.header);
    json_decref(r->squad.document);
    free(r->first);
    free(r->where);
    free(r);
}

/* ---- for the forms ---- */

enum clb_status records_fail(const struct text_records *r, int64_t line, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return clb_fail(CLB_ERROR_FORMAT, "%s:%" PRId64 ": %s", text_lines_name(&r->lines), line, text);
}

void records_at_line(struct text_records *r, int64_t line)
{
    snprintf(r->where, r->where_size, "%s:%" PRId64, text_lines_name(&r->lines), line);
}

enum clb_status records_string(struct text_records *r, const char *bytes, size_t size,
                               json_t **string)
{
    int64_t replaced;
    const enum clb_status status = text_json_string(bytes, size, string, &replaced);
    r->lines.replaced += replaced;
    return status;
}

/* ---- members and files ---- */

/* A file that was named is an error, one that was found is passed over. */
static enum clb_status pass_over(struct text_records *r, const char *kind, bool whole)
{
    const struct text_file *file = &r->files.files[r->at];
    if (whole && !file->found)
        return clb_fail(CLB_ERROR_FORMAT, "%s: is %s, no labelled text: convert it first",
                        text_lines_name(&r->lines), kind);
    base_warn("%s: is %s, and is passed over", text_lines_name(&r->lines), kind);
    r->passed_over = true;
    return CLB_OK;
}

/* Room for "NAME, question NUMBER". */
static enum clb_status make_where(struct text_records *r)
{
    r->where_size = strlen(text_lines_name(&r->lines)) + 40;
    char *where = realloc(r->where, r->where_size);
    if (!where) return out_of_memory();
    r->where = where;
    r->where[0] = 0;
    return CLB_OK;
}

/* Begins the next member that is text, if there is one. */
static enum clb_status begin_member(struct text_records *r)
{
    static const struct records_form *const forms[] = {
        [CLB_RECORDS_TSV] = &records_tsv,     [CLB_RECORDS_CSV] = &records_csv,
        [CLB_RECORDS_JSONL] = &records_jsonl, [CLB_RECORDS_CONLL] = &records_conll,
        [CLB_RECORDS_SQUAD] = &records_squad, [CLB_RECORDS_LINES] = &records_lines,
    };
    enum clb_record_format format = r->format;
    const char *kind;
    bool found, whole;
    enum clb_status status;
    for (;;) {
        CLB_TRY(text_lines_next_member(&r->lines, true, &found, &kind, &whole));
        if (!found) goto cleanup;
        if (!kind) break;
        CLB_TRY(pass_over(r, kind, whole));
        if (whole) goto cleanup;
    }
    CLB_TRY(make_where(r));
    if (format == CLB_RECORDS_AUTO) CLB_TRY(records_recognise(r, &format));
    if (forms[format]->begin) CLB_TRY(forms[format]->begin(r));
    r->form = forms[format];
cleanup:
    return status;
}

static enum clb_status begin_file(struct text_records *r)
{
    r->file_count = 0;
    r->passed_over = false;
    r->nothing = "is empty";
    return text_lines_open(&r->lines, r->files.files[r->at].path);
}

static enum clb_status end_file(struct text_records *r)
{
    const struct text_file *file = &r->files.files[r->at++];
    if (r->file_count == 0 && !r->passed_over) {
        const char *name = text_lines_name(&r->lines);
        if (!file->found) return clb_fail(CLB_ERROR_FORMAT, "%s: %s", name, r->nothing);
        base_warn("%s: %s", name, r->nothing);
    }
    text_lines_close(&r->lines);
    return CLB_OK;
}

/* ---- records ---- */

static enum clb_status next_record(struct text_records *r)
{
    enum clb_status status = CLB_OK;
    while (!r->record && r->at < r->files.count) {
        if (!r->lines.source) CLB_TRY(begin_file(r));
        if (!r->form) CLB_TRY(begin_member(r));
        if (!r->form) {
            CLB_TRY(end_file(r));
            continue;
        }
        CLB_TRY(r->form->next(r, &r->record));
        if (r->record) break;
        text_lines_end_member(&r->lines);
        r->form = NULL;
    }
    if (base_json_starved()) status = out_of_memory();
cleanup:
    return status;
}

enum clb_status text_records_next(struct text_records *r, json_t **record)
{
    json_decref(r->record);
    r->record = *record = NULL;
    const enum clb_status status = next_record(r);
    if (status != CLB_OK) return status;
    if (!r->record && r->count == 0)
        return clb_fail(CLB_ERROR_FORMAT, "%s: no records in it", r->first);
    if (!r->record) return CLB_OK;
    r->count++;
    r->file_count++;
    *record = r->record;
    return CLB_OK;
}

const char *text_records_where(const struct text_records *r)
{
    return r->where;
}

/* Adds a name to the list, or an ellipsis where there is no more room: false. */
static bool add_name(char *list, size_t room, const char *name)
{
    const size_t used = strlen(list);
    const bool fits = used + strlen(name) + sizeof ", , ..." <= room;
    sprintf(list + used, "%s%s", used ? ", " : "", fits ? name : "...");
    return fits;
}

void text_records_names(const json_t *from, char *list, size_t size)
{
    const char *name;
    json_t *value;
    size_t i;
    list[0] = 0;
    json_array_foreach((json_t *)from, i, value)
    {
        if (!add_name(list, size, json_string_value(value))) break;
    }
    json_object_foreach((json_t *)from, name, value)
    {
        if (!add_name(list, size, name)) break;
    }
    for (char *c = list; *c; c++)
        if ((unsigned char)*c < ' ') *c = ' ';
}

static const char *text_of_real(double value, char *buffer, size_t size)
{
    if (value == floor(value) && fabs(value) < 1e15)
        snprintf(buffer, size, "%.0f", value);
    else
        for (int digits = 15; digits <= 17; digits++) {
            snprintf(buffer, size, "%.*g", digits, value);
            if (strtod(buffer, NULL) == value) break;
        }
    return buffer;
}

const char *text_records_text(const json_t *value, char *buffer, size_t size)
{
    switch (value ? json_typeof(value) : JSON_NULL) {
    case JSON_STRING:
        return json_string_value(value);
    case JSON_TRUE:
        return "true";
    case JSON_FALSE:
        return "false";
    case JSON_REAL:
        return text_of_real(json_real_value(value), buffer, size);
    case JSON_INTEGER:
        snprintf(buffer, size, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        return buffer;
    default:
        return NULL;
    }
}
