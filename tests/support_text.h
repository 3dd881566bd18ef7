/* SPDX-License-Identifier: Apache-2.0 */
/* Files of text in a temporary directory, and what is read from them. */
#ifndef SUPPORT_TEXT_H
#define SUPPORT_TEXT_H

#include "text/text_input.h"

#include <archive.h>

/* Of a group of tests: makes the directory, and removes it. */
int text_begin(void **state);
int text_end(void **state);

char *text_path(const char *name); /* malloc'd */
void text_write(const char *name, const char *bytes, size_t size);
void text_add_member(struct archive *archive, const char *name, const char *bytes, size_t size);

/* Lines in brackets, a bar after a document; "!" and the message after an error. malloc'd; `report`
 * may be NULL. */
char *text_read(const struct clb_texts *texts, struct clb_text_report *report);
char *text_read_named(const char *name, enum clb_text_format format);
void text_check(const char *name, const char *wanted);
/* It is an error that mentions the name and `word`. */
void text_refused(const char *name, const char *word);

#endif
