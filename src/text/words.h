/* SPDX-License-Identifier: Apache-2.0 */
/* BERT's normaliser and pre-tokenizer: text to words. */
#ifndef TEXT_WORDS_H
#define TEXT_WORDS_H

#include <clbert/status.h>
#include <stdbool.h>
#include <stddef.h>

/* As in tokenizer_config.json. */
struct text_rules {
    bool lower_case, strip_accents, chinese_chars;
};

/* Words longer than this many characters are handed on as over-long: they become [UNK]. */
enum { TEXT_WORD_CHARACTERS = 100, TEXT_WORD_BYTES = 4 * TEXT_WORD_CHARACTERS };

/* Called for every word; `bytes` are UTF-8 and not 0-terminated. */
typedef enum clb_status (*text_word_function)(void *context, const char *bytes, size_t size,
                                              bool over_long);

/* Cleans, normalises and splits `size` bytes of UTF-8. Invalid bytes count as U+FFFD, which is
 * removed. */
enum clb_status text_words(struct text_rules rules, const char *text, size_t size,
                           text_word_function word, void *context);

#endif
