/* SPDX-License-Identifier: Apache-2.0 */
#include "text/text_lines.h"

#include "base/error.h"
#include "base/log.h"
#include "text/text_json.h"
#include "text/text_kinds.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { KIND_SIZE = 1 << 16 }; /* what is looked at of a member, to see what it is */

/* ---- files ---- */

enum clb_status text_lines_open(struct text_lines *l, const char *path)
{
    l->file_bytes = l->members = 0;
    return text_source_open(path, &l->source);
}

void text_lines_close(struct text_lines *l)
{
    text_source_close(l->source);
    l->source = NULL;
}

void text_lines_free(struct text_lines *l)
{
    text_lines_close(l);
    free(l->buffer);
    *l = (struct text_lines){0};
}

const char *text_lines_name(const struct text_lines *l)
{
    return text_source_name(l->source);
}

/* ---- reading ---- */

static enum clb_status make_room(struct text_lines *l)
{
    if (l->begin > 0) memmove(l->buffer, l->buffer + l->begin, l->end - l->begin);
    l->end -= l->begin;
    l->begin = 0;
    if (l->end + TEXT_READ_SIZE <= l->capacity) return CLB_OK;
    const size_t capacity = 2 * (l->end + TEXT_READ_SIZE);
    char *more = realloc(l->buffer, capacity);
    if (!more) return clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", text_lines_name(l));
    l->buffer = more;
    l->capacity = capacity;
    return CLB_OK;
}

static enum clb_status skip_mark(struct text_lines *l, size_t got)
{
    const char *begin = l->buffer + l->begin;
    if (got >= 2 && (memcmp(begin, "\xFF\xFE", 2) == 0 || memcmp(begin, "\xFE\xFF", 2) == 0))
        return clb_fail(CLB_ERROR_FORMAT, "%s: is UTF-16; convert it: iconv -f UTF-16 -t UTF-8",
                        text_lines_name(l));
    if (got >= 3 && memcmp(begin, "\xEF\xBB\xBF", 3) == 0) l->begin += 3;
    return CLB_OK;
}

enum clb_status text_lines_more(struct text_lines *l)
{
    size_t got;
    enum clb_status status;
    CLB_TRY(make_room(l));
    CLB_TRY(text_source_read(l->source, l->buffer + l->end, TEXT_READ_SIZE, &got));
    const bool first = l->member_bytes == 0;
    l->end += got;
    l->bytes += (int64_t)got;
    l->file_bytes += (int64_t)got;
    l->member_bytes += (int64_t)got;
    l->ended = got == 0;
    if (first) CLB_TRY(skip_mark(l, got));
cleanup:
    return status;
}

/* ---- members ---- */

static enum clb_status find_kind(struct text_lines *l, const char **kind)
{
    enum clb_status status = CLB_OK;
    while (!l->ended && l->end - l->begin < KIND_SIZE) CLB_TRY(text_lines_more(l));
    *kind = text_kind_of(l->buffer + l->begin, l->end - l->begin);
cleanup:
    return status;
}

enum clb_status text_lines_next_member(struct text_lines *l, bool look, bool *found,
                                       const char **kind, bool *whole)
{
    const bool first = l->members++ == 0;
    enum clb_status status;
    *kind = NULL;
    CLB_TRY(text_source_next(l->source, found));
    if (!*found) goto cleanup;
    l->begin = l->end = 0;
    l->ended = false;
    l->line = l->member_bytes = l->replaced = 0;
    CLB_TRY(make_room(l)); /* there is a buffer from now on */
    if (first) CLB_TRY(text_source_kind(l->source, kind));
    *whole = *kind || !text_source_is_archive(l->source);
    if (!*kind && look) CLB_TRY(find_kind(l, kind));
cleanup:
    return status;
}

void text_lines_end_member(const struct text_lines *l)
{
    if (l->replaced > 0)
        base_warn("%s: %" PRId64 " sequences were not UTF-8 and count as U+FFFD",
                  text_lines_name(l), l->replaced);
}

/* ---- lines ---- */

enum clb_status text_lines_find(struct text_lines *l, size_t limit, size_t *size, bool *newline)
{
    size_t looked = 0;
    for (;;) {
        const char *begin = l->buffer + l->begin;
        const size_t left = l->end - l->begin;
        const char *end = looked < left ? memchr(begin + looked, '\n', left - looked) : NULL;
        *newline = end != NULL;
        *size = end ? (size_t)(end - begin) : left;
        if (end || left >= limit || l->ended) return CLB_OK;
        looked = left;
        enum clb_status status = text_lines_more(l);
        if (status != CLB_OK) return status;
    }
}

enum clb_status text_lines_take(struct text_lines *l, const char **line, size_t *size)
{
    bool newline;
    *line = NULL;
    enum clb_status status = text_lines_find(l, TEXT_RECORD_LIMIT, size, &newline);
    if (status != CLB_OK || (*size == 0 && !newline)) return status;
    l->line++;
    if (*size >= TEXT_RECORD_LIMIT)
        return clb_fail(CLB_ERROR_FORMAT, "%s:%" PRId64 ": a line of more than %zu MiB",
                        text_lines_name(l), l->line, TEXT_RECORD_LIMIT >> 20);
    *line = l->buffer + l->begin;
    l->begin += *size + newline;
    return CLB_OK;
}

enum clb_status text_lines_take_json(struct text_lines *l, json_t **record)
{
    json_error_t error;
    const char *line;
    size_t size;
    int64_t replaced;
    enum clb_status status;
    *record = NULL;
    do {
        status = text_lines_take(l, &line, &size);
        if (status != CLB_OK || !line) return status;
    } while (!text_first_character(line, size));
    status = text_json_parse(line, size, record, &error, &replaced);
    if (status != CLB_OK) return clb_fail_context(status, "%s", text_lines_name(l));
    if (!*record)
        return clb_fail(CLB_ERROR_FORMAT, "%s:%" PRId64 ": is not JSON: %s (column %d)",
                        text_lines_name(l), l->line, error.text, error.column);
    l->replaced += replaced;
    return CLB_OK;
}

char text_first_character(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!strchr(" \t\r\n", text[i]) || text[i] == 0) return text[i];
    return 0;
}
