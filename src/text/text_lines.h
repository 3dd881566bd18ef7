/* SPDX-License-Identifier: Apache-2.0 */
/* The members of a file, buffered: what they are, and their lines. */
#ifndef TEXT_TEXT_LINES_H
#define TEXT_TEXT_LINES_H

#include "base/json.h"
#include "text/text_source.h"

enum { TEXT_READ_SIZE = 1 << 18 };
#define TEXT_RECORD_LIMIT ((size_t)1 << 28) /* bytes of a JSON line, or of another record */

struct text_lines { /* zero: nothing is open */
    struct text_source *source;
    char *buffer; /* read, not yet taken: [begin, end), of the member */
    size_t begin, end, capacity;
    bool ended;                /* the member has been read to its end */
    int64_t line;              /* of the member, the last one taken, where lines are counted */
    int64_t members;           /* of the file, so far */
    int64_t replaced;          /* of the member: sequences that were not UTF-8, as found so far */
    int64_t member_bytes;      /* read so far: of the member, */
    int64_t file_bytes, bytes; /* of the file, of all files */
};

enum clb_status text_lines_open(struct text_lines *lines, const char *path);
void text_lines_close(struct text_lines *lines); /* the file; what it was may be asked no more */
void text_lines_free(struct text_lines *lines);
/* text_source_name. */
const char *text_lines_name(const struct text_lines *lines);

/* Goes to the next member. With `look`, *kind says what it is where that is no text, else it is
 * NULL; *whole: it is the whole file, or the kind is the whole archive's. A byte order mark is
 * passed over; UTF-16 is an error, here and below. */
enum clb_status text_lines_next_member(struct text_lines *lines, bool look, bool *found,
                                       const char **kind, bool *whole);
/* Warns of what was replaced in the member. */
void text_lines_end_member(const struct text_lines *lines);

/* Reads on: what lies in the buffer may move. */
enum clb_status text_lines_more(struct text_lines *lines);
/* Reads until the buffer begins with a whole line of *size bytes, or with `limit` bytes or the rest
 * of the member; *newline says which. The line is not taken. */
enum clb_status text_lines_find(struct text_lines *lines, size_t limit, size_t *size,
                                bool *newline);
/* Takes the next line, without its end, and counts it; valid until the next call. *line is NULL at
 * the member's end. Over TEXT_RECORD_LIMIT is an error. */
enum clb_status text_lines_take(struct text_lines *lines, const char **line, size_t *size);
/* Takes the next line that is not blank, as JSON (text_json.h), to be released; NULL at the
 * member's end. What is no JSON is an error that names file and line. */
enum clb_status text_lines_take_json(struct text_lines *lines, json_t **record);

/* The first character that is not white, or 0. */
char text_first_character(const char *text, size_t size);

#endif
