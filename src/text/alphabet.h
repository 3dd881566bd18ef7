/* SPDX-License-Identifier: Apache-2.0 */
/* The characters of a vocabulary, the most frequent of the text, and words as pieces of one
 * character. */
#ifndef TEXT_ALPHABET_H
#define TEXT_ALPHABET_H

#include "text/merge_tokens.h"
#include "text/word_counts.h"

enum { ALPHABET_CODES = 0x110000 };

struct alphabet {
    int64_t *counts; /* [ALPHABET_CODES] of each character in the text */
    int32_t *ids[2]; /* [ALPHABET_CODES] + 1: of pieces at a word's beginning, of pieces behind it;
                        0: left out, or not known yet */
};

enum clb_status alphabet_create(struct alphabet *alphabet);
void alphabet_free(struct alphabet *alphabet);
/* Counts a word's characters, and returns how many they are. */
int alphabet_count(struct alphabet *alphabet, const struct text_word_count *word);
/* Keeps `limit` characters at most, the most frequent, and adds them in order of code points. */
enum clb_status alphabet_choose(struct alphabet *alphabet, int32_t limit,
                                struct merge_tokens *tokens, int32_t *size);
/* The ids of a word's characters, "##" before all but the first; those outside the alphabet are
 * left out. A piece that is new is added. */
enum clb_status alphabet_pieces(struct alphabet *alphabet, const struct text_word_count *word,
                                struct merge_tokens *tokens, int32_t *pieces, int *length);

#endif
