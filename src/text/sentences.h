/* SPDX-License-Identifier: Apache-2.0 */
/* Sentence boundaries (Unicode UAX 29, by ICU). */
#ifndef TEXT_SENTENCES_H
#define TEXT_SENTENCES_H

#include <clbert/status.h>
#include <stddef.h>
#include <stdint.h>

/* One thread's splitter. */
struct text_sentences;

struct text_sentence_options {
    const char *language; /* "id", "de", ...: its abbreviations do not end a sentence, where ICU
                             knows any; NULL: none */
    int one_per_line;     /* lines are sentences already */
};

/* A language that ISO 639 does not know: CLB_ERROR_ARGUMENT. */
enum clb_status text_sentences_create(struct text_sentence_options options,
                                      struct text_sentences **sentences);
void text_sentences_destroy(struct text_sentences *sentences);

/* Begins with a line; it must stay until the last sentence has been taken. */
enum clb_status text_sentences_begin(struct text_sentences *sentences, const char *line,
                                     size_t size);
/* The next sentence, without white space around it; NULL after the last. */
const char *text_sentences_next(struct text_sentences *sentences, size_t *size);
/* Whether those were all: memory may have run out. */
enum clb_status text_sentences_end(struct text_sentences *sentences);

#endif
