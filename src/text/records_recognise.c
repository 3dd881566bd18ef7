/* SPDX-License-Identifier: Apache-2.0 */
/* What form a file's records have: by its name, else by its first line. */
#include "base/error.h"
#include "text/records_form.h"
#include "text/text_json.h"

#include <string.h>
#include <strings.h>

struct ending {
    const char *name;
    enum clb_record_format format; /* AUTO: some kind of JSON */
};

/* What is behind the last dot of a name, of `size` characters, which is cut there. */
static const char *take_ending(const char *name, size_t *size, size_t *length)
{
    size_t at = *size;
    while (at > 0 && name[at - 1] != '.' && name[at - 1] != '/') at--;
    if (at == 0 || name[at - 1] == '/') return NULL;
    *length = *size - at;
    *size = at - 1;
    return name + at;
}

static const struct ending *find_ending(const char *name)
{
    static const char *const packings[] = {"gz", "bz2", "xz", "lzma", "zst", "lz4"};
    static const struct ending endings[] = {
        {"tsv", CLB_RECORDS_TSV},      {"csv", CLB_RECORDS_CSV},   {"jsonl", CLB_RECORDS_JSONL},
        {"ndjson", CLB_RECORDS_JSONL}, {"json", CLB_RECORDS_AUTO}, {"conll", CLB_RECORDS_CONLL},
        {"bio", CLB_RECORDS_CONLL},    {"iob", CLB_RECORDS_CONLL}, {"iob2", CLB_RECORDS_CONLL},
    };
    size_t size = strlen(name), length;
    const char *ending = take_ending(name, &size, &length);
    for (size_t i = 0; ending && i < sizeof packings / sizeof *packings; i++)
        if (length == strlen(packings[i]) && strncasecmp(ending, packings[i], length) == 0) {
            ending = take_ending(name, &size, &length);
            break;
        }
    for (size_t i = 0; ending && i < sizeof endings / sizeof *endings; i++)
        if (length == strlen(endings[i].name) && strncasecmp(ending, endings[i].name, length) == 0)
            return &endings[i];
    return NULL;
}

/* Takes blank lines, and finds the first that is not: its size. */
static enum clb_status find_first_line(struct text_lines *l, size_t *size)
{
    bool newline;
    for (;;) {
        const enum clb_status status = text_lines_find(l, TEXT_RECORD_LIMIT, size, &newline);
        if (status != CLB_OK || !newline || text_first_character(l->buffer + l->begin, *size) != 0)
            return status;
        l->begin += *size + 1;
        l->line++;
    }
}

/* Whether a brace begins a JSON object: a token of CoNLL's may be one. */
static bool begins_object(const struct text_lines *l)
{
    const char *begin = l->buffer + l->begin, *end = l->buffer + l->end;
    if (text_first_character(begin, (size_t)(end - begin)) != '{') return false;
    begin = (const char *)memchr(begin, '{', (size_t)(end - begin)) + 1;
    const char next = text_first_character(begin, (size_t)(end - begin));
    return next == '"' || next == '}';
}

static bool is_squad(const json_t *object)
{
    const json_t *data = json_object_get(object, "data"), *first = json_array_get(data, 0);
    return json_is_array(data) && (!first || json_object_get(first, "paragraphs"));
}

/* An object that goes on behind its line is a whole file's; SQuAD's own files have one line. */
static enum clb_status recognise_json(const struct text_lines *l, size_t size,
                                      enum clb_record_format *format)
{
    json_t *object;
    json_error_t error;
    int64_t replaced;
    enum clb_status status =
        text_json_parse(l->buffer + l->begin, size, &object, &error, &replaced);
    if (status != CLB_OK) return clb_fail_context(status, "%s", text_lines_name(l));
    const bool goes_on = !object && json_error_code(&error) == json_error_premature_end_of_input &&
                         l->begin + size < l->end;
    *format = goes_on || is_squad(object) ? CLB_RECORDS_SQUAD : CLB_RECORDS_JSONL;
    json_decref(object);
    return CLB_OK;
}

enum clb_status records_recognise(struct text_records *r, enum clb_record_format *format)
{
    struct text_lines *l = &r->lines;
    const struct ending *ending = find_ending(text_lines_name(l));
    const bool named_json = ending && ending->format == CLB_RECORDS_AUTO;
    size_t size;
    *format = r->otherwise;
    if (ending && !named_json) {
        *format = ending->format;
        return CLB_OK;
    }
    bool newline;
    enum clb_status status = r->otherwise == CLB_RECORDS_LINES && !named_json
                                 ? text_lines_find(l, TEXT_RECORD_LIMIT, &size, &newline)
                                 : find_first_line(l, &size);
    if (status != CLB_OK) return status;
    if (begins_object(l)) return recognise_json(l, size, format);
    if (named_json) {
        *format = CLB_RECORDS_JSONL;
    } else if (*format <= CLB_RECORDS_CSV) { /* a table of either kind */
        const char *line = l->buffer + l->begin;
        if (size > 0 && memchr(line, '\t', size))
            *format = CLB_RECORDS_TSV;
        else if (*format == CLB_RECORDS_AUTO || (size > 0 && memchr(line, ',', size)))
            *format = CLB_RECORDS_CSV;
    }
    return CLB_OK;
}
