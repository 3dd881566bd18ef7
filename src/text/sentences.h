/* Sentence boundaries (Unicode UAX 29, by ICU). */
#ifndef TEXT_SENTENCES_H
#define TEXT_SENTENCES_H

#include <clbert/status.h>
#include <stddef.h>
#include <stdint.h>

/* One thread's splitter. */
struct text_sentences;

enum clb_status text_sentences_create(struct text_sentences **sentences);
void text_sentences_destroy(struct text_sentences *sentences);

/* Begins with a line; it must stay until the last sentence has been taken. */
enum clb_status text_sentences_begin(struct text_sentences *sentences, const char *line,
                                     size_t size);
/* The next sentence, without white space around it; NULL after the last. */
const char *text_sentences_next(struct text_sentences *sentences, size_t *size);

#endif
