/* SPDX-License-Identifier: Apache-2.0 */
/* What is no text, or not prose, by the look of it. */
#ifndef TEXT_TEXT_KINDS_H
#define TEXT_TEXT_KINDS_H

#include <clbert/status.h>
#include <clbert/text.h>
#include <stdbool.h>
#include <stddef.h>

/* What begins with these bytes, if it is no text: "a PDF document", "binary data"; NULL: text. */
const char *text_kind_of(const char *bytes, size_t size);

/* What a zip archive with such a member is, "an Office document", NULL: an archive of files. */
const char *text_kind_of_member(const char *name, bool first);

/* CLB_PROSE, or what the line looks like. */
enum clb_markup text_markup_of(const char *line, size_t size);

/* Counts one more file of a kind that is passed over; `name` lives for ever. */
void text_report_skip(struct clb_text_report *report, const char *name);
/* Counts a line by what it looks like: all at first, then some, which stand for the others. */
void text_report_line(struct clb_text_report *report, int64_t number, const char *line,
                      size_t size);
/* The error of an input that holds no `what`: it names what was passed over. */
enum clb_status text_report_nothing(const struct clb_text_report *report, const char *where,
                                    const char *what);

#endif
