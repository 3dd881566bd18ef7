/* SPDX-License-Identifier: Apache-2.0 */
/* BERT's normaliser and pre-tokenizer: text to words. */
#ifndef TOKENIZER_WORDS_H
#define TOKENIZER_WORDS_H

#include <clbert/status.h>
#include <stdbool.h>
#include <stddef.h>

struct tokenizer_rules {
    bool lower_case, strip_accents, chinese_chars; /* as in tokenizer_config.json */
    bool keep_all;  /* no control character is dropped, no white space becomes a space */
    bool decompose; /* canonically, as strip_accents does, too */
    bool strip_all; /* spacing and enclosing marks, too; by itself it does not decompose */
};

/* Words longer than this many characters are handed on as over-long: they become [UNK]. */
enum { TOKENIZER_WORD_CHARACTERS = 100, TOKENIZER_WORD_BYTES = 4 * TOKENIZER_WORD_CHARACTERS };

/* Called for every word; `bytes` are UTF-8 and not 0-terminated. Of one that is over-long they may
 * be the beginning alone. */
typedef enum clb_status (*tokenizer_word_function)(void *context, const char *bytes, size_t size,
                                                   bool over_long);

/* Cleans, normalises and splits `size` bytes of UTF-8. Invalid bytes count as U+FFFD, which is
 * removed. */
enum clb_status tokenizer_words(struct tokenizer_rules rules, const char *text, size_t size,
                                tokenizer_word_function word, void *context);

/* The first half of that: the text cleaned and normalised. Where all of it is kept, invalid bytes
 * become U+FFFD. */
struct tokenizer_normalized {
    char *bytes; /* [size], malloc'd */
    size_t size;
    size_t
        *origins; /* [size]: where in the text what a byte was made of begins; NULL: not traced */
};
enum clb_status tokenizer_normalize(struct tokenizer_rules rules, const char *text, size_t size,
                                    bool traced, struct tokenizer_normalized *normalized);
void tokenizer_normalized_free(struct tokenizer_normalized *normalized);
/* And the second: the words of (a part of) such a text, each whole and where it lies. */
enum clb_status tokenizer_normalized_words(const char *text, size_t size,
                                           tokenizer_word_function word, void *context);

#endif
