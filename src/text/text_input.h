/* SPDX-License-Identifier: Apache-2.0 */
/* Text from files, line by line and document by document, in bounded memory. */
#ifndef TEXT_TEXT_INPUT_H
#define TEXT_TEXT_INPUT_H

#include <clbert/status.h>
#include <clbert/text.h>
#include <stddef.h>
#include <stdint.h>

struct text_input;

/* A path that is missing, or a directory without files: CLB_ERROR_IO that names it. `texts` must
 * outlive the input. */
enum clb_status text_input_open(const struct clb_texts *texts, struct text_input **input);
void text_input_close(struct text_input *input);

enum text_event {
    TEXT_LINE,         /* a line that is not blank, without its end */
    TEXT_DOCUMENT_END, /* after its last line; never twice in a row, never first */
    TEXT_END,
};

/* What comes next. `line` is valid until the next call. A line over 1 MiB comes in pieces, cut at a
 * blank where there is one. A file that cannot be read or decompressed to its end, or is empty and
 * was named, or a JSON line without the field: an error that names file and line, or with
 * skip_unreadable a warning, and what is left of the file is left out. */
enum clb_status text_input_next(struct text_input *input, enum text_event *event, const char **line,
                                size_t *size);

int64_t text_input_bytes(const struct text_input *input); /* read so far, decompressed */
double text_input_share(const struct text_input *input); /* of the files, read so far; 0: unknown */
int64_t text_input_replaced(const struct text_input *input); /* sequences that were not UTF-8 */
int64_t text_input_cut(const struct text_input *input);      /* places where a long line was cut */

/* So far; borrowed. */
const struct clb_text_report *text_input_report(const struct text_input *input);
/* The error of an input that holds no `what` ("text", "words"): it says what was passed over. */
enum clb_status text_input_nothing(const struct text_input *input, const char *what);

#endif
