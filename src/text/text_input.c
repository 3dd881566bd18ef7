/* SPDX-License-Identifier: Apache-2.0 */
#include "text/text_input.h"

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/log.h"
#include "text/text_files.h"
#include "text/text_json.h"
#include "text/text_kinds.h"
#include "text/text_lines.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unicode/utf8.h>

enum { LINE_LIMIT = 1 << 20, LOOK_BACK = 1 << 12 };

/* A stretch of text that lines are taken from. */
struct stretch {
    const char *begin, *end;
};

struct text_input {
    const struct clb_texts *texts;
    struct text_files files;
    int at; /* the file being read */
    struct text_lines lines;
    bool in_member, in_document;
    enum clb_text_format format; /* of the member */
    char *kind;                  /* what it was said to be */
    json_t *record;              /* of a JSON line: what `document` points into */
    struct stretch document;
    int64_t replaced, cut;
    bool passed_over;
    int64_t lines_out;
    struct clb_text_report report;
};

enum clb_status text_input_open(const struct clb_texts *texts, struct text_input **out)
{
    struct text_input *in = calloc(1, sizeof *in);
    if (!in) return clb_fail(CLB_ERROR_MEMORY, "text: out of memory");
    in->texts = texts;
    enum clb_status status =
        text_files_find(texts->paths, texts->count, texts->skip_unreadable, &in->files);
    in->report.unreadable = in->files.unreadable;
    if (status == CLB_OK)
        *out = in;
    else
        text_input_close(in);
    return status;
}

void text_input_close(struct text_input *in)
{
    if (!in) return;
    text_lines_free(&in->lines);
    text_files_free(&in->files);
    json_decref(in->record);
    free(in->kind);
    free(in);
}

int64_t text_input_bytes(const struct text_input *in)
{
    return in->lines.bytes;
}

/* Files count alike: their sizes need not be asked for beforehand. */
double text_input_share(const struct text_input *in)
{
    const struct text_source *source = in->lines.source;
    const int64_t size = source ? text_source_size(source) : -1;
    const double of_file = size > 0 ? (double)text_source_position(source) / (double)size : 0.0;
    return ((double)in->at + fmin(of_file, 1.0)) / (double)in->files.count;
}

int64_t text_input_replaced(const struct text_input *in)
{
    return in->replaced;
}

int64_t text_input_cut(const struct text_input *in)
{
    return in->cut;
}

const struct clb_text_report *text_input_report(const struct text_input *in)
{
    return &in->report;
}

enum clb_status text_input_nothing(const struct text_input *in, const char *what)
{
    return text_report_nothing(&in->report, in->texts->paths[0], what);
}

static int64_t count_invalid(const char *line, size_t size)
{
    int64_t invalid = 0;
    for (int32_t i = 0; i < (int32_t)size;) {
        uint64_t eight;
        UChar32 c;
        while (i + 8 <= (int32_t)size) {
            memcpy(&eight, line + i, 8);
            if (eight & 0x8080808080808080u) break;
            i += 8;
        }
        if (i == (int32_t)size) break;
        U8_NEXT(line, i, (int32_t)size, c);
        invalid += c < 0;
    }
    return invalid;
}

/* ---- lines of a member ---- */

/* Where to cut a line that goes on beyond `size`: behind its last blank, or between characters. */
static size_t cut_before(const char *line, size_t size)
{
    for (size_t i = size; i > size - LOOK_BACK; i--)
        if (line[i - 1] == ' ' || line[i - 1] == '\t') return i;
    int32_t at = (int32_t)size;
    U8_SET_CP_START((const uint8_t *)line, 0, at);
    return (size_t)at;
}

/* The first line of a stretch, without its end, at most LINE_LIMIT of it. */
static void take_line(struct text_input *in, struct stretch *from, const char **line, size_t *size)
{
    const size_t left = (size_t)(from->end - from->begin);
    const size_t most = left < LINE_LIMIT ? left : LINE_LIMIT;
    const char *end = memchr(from->begin, '\n', most);
    *line = from->begin;
    *size = end ? (size_t)(end - from->begin) : most;
    if (!end && most < left) {
        *size = cut_before(*line, most);
        in->cut++;
    }
    from->begin += *size + (end ? 1 : 0);
}

/* The next line of plain text; *found is false at the member's end. */
static enum clb_status plain_line(struct text_input *in, const char **line, size_t *size,
                                  bool *found)
{
    bool newline;
    enum clb_status status = text_lines_find(&in->lines, LINE_LIMIT + 1, size, &newline);
    struct stretch rest = {in->lines.buffer + in->lines.begin, in->lines.buffer + in->lines.end};
    *found = status == CLB_OK && rest.begin < rest.end;
    if (!*found) return status;
    take_line(in, &rest, line, size);
    in->lines.begin = (size_t)(rest.begin - in->lines.buffer);
    return CLB_OK;
}

/* ---- JSON Lines ---- */

static const char *json_field(const struct text_input *in)
{
    return in->texts->json_field ? in->texts->json_field : "text";
}

static bool take_field(struct text_input *in, json_t *record)
{
    const json_t *value = json_object_get(record, json_field(in));
    if (!json_is_string(value)) {
        json_decref(record);
        return false;
    }
    json_decref(in->record);
    in->record = record;
    in->document.begin = json_string_value(value);
    in->document.end = in->document.begin + json_string_length(value);
    return true;
}

/* Reads the next line that is not blank into `record`; *found is false at the member's end. */
static enum clb_status next_record(struct text_input *in, bool *found)
{
    json_t *record;
    const int64_t before = in->lines.replaced;
    enum clb_status status = text_lines_take_json(&in->lines, &record);
    *found = status == CLB_OK && record;
    if (!*found) return status;
    if (!take_field(in, record))
        return clb_fail(CLB_ERROR_FORMAT,
                        "%s:%" PRId64 ": has no string \"%s\"; name the field by --json-field",
                        text_lines_name(&in->lines), in->lines.line, json_field(in));
    in->replaced += in->lines.replaced - before;
    return CLB_OK;
}

/* ---- members and files ---- */

/* By the first line, which is not consumed. */
static enum clb_status recognise(struct text_input *in)
{
    size_t size;
    bool newline;
    in->format = in->texts->format;
    if (in->format == CLB_TEXT_AUTO && in->texts->json_field) in->format = CLB_TEXT_JSONL;
    if (in->format != CLB_TEXT_AUTO) return CLB_OK;
    in->format = CLB_TEXT_PLAIN;
    struct text_lines *lines = &in->lines;
    enum clb_status status = text_lines_find(lines, TEXT_READ_SIZE, &size, &newline);
    if (status != CLB_OK || text_first_character(lines->buffer + lines->begin, size) != '{')
        return status;
    status = text_lines_find(lines, TEXT_RECORD_LIMIT, &size, &newline);
    if (status != CLB_OK) return status;
    int64_t replaced;
    json_t *record;
    status = text_json_parse(lines->buffer + lines->begin, size, &record, NULL, &replaced);
    if (status != CLB_OK) return clb_fail_context(status, "%s", text_lines_name(lines));
    if (json_is_string(json_object_get(record, json_field(in)))) in->format = CLB_TEXT_JSONL;
    json_decref(record);
    return CLB_OK;
}

/* Named, and all there is, it is an error. `whole`: the file, not a member of it. */
static enum clb_status pass_over(struct text_input *in, const char *kind, bool whole)
{
    const struct text_file *file = &in->files.files[in->at];
    if (whole && in->files.count == 1 && !file->found)
        return clb_fail(CLB_ERROR_FORMAT, "%s: is %s, no text: convert it first",
                        strcmp(file->path, "-") ? file->path : "standard input", kind);
    text_report_skip(&in->report, kind);
    in->passed_over = true;
    in->lines.bytes -= in->lines.member_bytes;
    return CLB_OK;
}

/* Says what kind of file it is, where the one before was of another. */
static enum clb_status say_kind(struct text_input *in)
{
    const bool json = in->format == CLB_TEXT_JSONL;
    char *kind = base_format("%s%s%s%s", json ? "JSON Lines, a document a line, in its \"" : "text",
                             json ? json_field(in) : "", json ? "\"" : "",
                             text_source_packing(in->lines.source));
    if (!kind) return clb_fail(CLB_ERROR_MEMORY, "text: out of memory");
    if (!in->kind || strcmp(kind, in->kind) != 0)
        base_log("%s: %s", text_lines_name(&in->lines), kind);
    free(in->kind);
    in->kind = kind;
    return CLB_OK;
}

/* Goes to the next member that is text, if there is one. */
static enum clb_status begin_member(struct text_input *in)
{
    const bool look = in->texts->format != CLB_TEXT_PLAIN; /* else it was said to be text */
    const char *kind;
    bool whole;
    enum clb_status status;
    for (;;) {
        CLB_TRY(text_lines_next_member(&in->lines, look, &in->in_member, &kind, &whole));
        if (!in->in_member) goto cleanup;
        in->document = (struct stretch){0};
        if (!kind) break;
        in->in_member = false;
        CLB_TRY(pass_over(in, kind, whole));
        if (whole) goto cleanup;
    }
    in->report.files++;
    CLB_TRY(recognise(in));
    CLB_TRY(say_kind(in));
cleanup:
    return status;
}

static void leave_file(struct text_input *in)
{
    text_lines_close(&in->lines);
    in->passed_over = in->in_member = false;
    in->at++;
}

static enum clb_status end_file(struct text_input *in)
{
    if (in->lines.file_bytes == 0 && !in->passed_over) {
        const struct text_file *file = &in->files.files[in->at];
        if (!file->found) return clb_fail(CLB_ERROR_IO, "%s: is empty", file->path);
        base_warn("%s: is empty", file->path);
    }
    leave_file(in);
    return CLB_OK;
}

/* ---- what comes next ---- */

enum piece { PIECE_LINE, PIECE_BREAK /* between documents */, PIECE_END /* of the member */ };

static bool is_blank(const char *line, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!strchr(" \t\r\f\v", line[i]) || line[i] == 0) return false;
    return true;
}

static enum clb_status plain_piece(struct text_input *in, enum piece *piece, const char **line,
                                   size_t *size)
{
    bool found;
    enum clb_status status = plain_line(in, line, size, &found);
    if (status != CLB_OK) return status;
    *piece = !found ? PIECE_END : is_blank(*line, *size) ? PIECE_BREAK : PIECE_LINE;
    return CLB_OK;
}

/* Blank lines inside a document separate its paragraphs. */
static enum clb_status json_piece(struct text_input *in, enum piece *piece, const char **line,
                                  size_t *size)
{
    bool found;
    while (in->document.begin < in->document.end) {
        take_line(in, &in->document, line, size);
        *piece = PIECE_LINE;
        if (!is_blank(*line, *size)) return CLB_OK;
    }
    enum clb_status status = next_record(in, &found);
    *piece = found ? PIECE_BREAK : PIECE_END;
    return status;
}

static bool end_document(struct text_input *in, enum text_event *event)
{
    const bool was = in->in_document;
    in->in_document = false;
    *event = TEXT_DOCUMENT_END;
    return was;
}

static enum clb_status next_event(struct text_input *in, enum text_event *event, const char **line,
                                  size_t *size)
{
    enum clb_status status = CLB_OK;
    enum piece piece;
    while (in->at < in->files.count) {
        if (!in->lines.source) CLB_TRY(text_lines_open(&in->lines, in->files.files[in->at].path));
        if (!in->in_member) CLB_TRY(begin_member(in));
        if (!in->in_member) {
            CLB_TRY(end_file(in));
            continue;
        }
        CLB_TRY(in->format == CLB_TEXT_JSONL ? json_piece(in, &piece, line, size)
                                             : plain_piece(in, &piece, line, size));
        if (piece == PIECE_LINE) {
            const int64_t invalid = count_invalid(*line, *size);
            in->lines.replaced += invalid;
            in->replaced += invalid;
            in->in_document = true;
            text_report_line(&in->report, in->lines_out++, *line, *size);
            *event = TEXT_LINE;
            return CLB_OK;
        }
        if (piece == PIECE_END) {
            text_lines_end_member(&in->lines);
            in->in_member = false;
        }
        if (end_document(in, event)) return CLB_OK;
    }
    *event = TEXT_END;
cleanup:
    return status;
}

/* What was read of a file before it could not be read any more stays. */
static void leave_out(struct text_input *in)
{
    base_warn("%s: the rest of it is left out", clb_error_message());
    in->report.unreadable++;
    leave_file(in);
}

enum clb_status text_input_next(struct text_input *in, enum text_event *event, const char **line,
                                size_t *size)
{
    for (;;) {
        const enum clb_status status = next_event(in, event, line, size);
        const bool unreadable = status == CLB_ERROR_IO || status == CLB_ERROR_FORMAT;
        if (!unreadable || !in->texts->skip_unreadable) return status;
        leave_out(in);
        if (end_document(in, event)) return CLB_OK;
    }
}
