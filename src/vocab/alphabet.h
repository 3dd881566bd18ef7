/* SPDX-License-Identifier: Apache-2.0 */
/* The characters of a vocabulary, the most frequent of the text, and words as pieces of one
 * character. */
#ifndef VOCAB_ALPHABET_H
#define VOCAB_ALPHABET_H

#include "vocab/merge_tokens.h"
#include "vocab/word_counts.h"

enum { VOCAB_ALPHABET_CODES = 0x110000 };

struct vocab_alphabet {
    int64_t *counts; /* [VOCAB_ALPHABET_CODES] of each character in the text */
    int32_t *ids[2]; /* [VOCAB_ALPHABET_CODES] + 1: of pieces at a word's beginning, of pieces
                        behind it; 0: left out, or not known yet */
};

enum clb_status vocab_alphabet_create(struct vocab_alphabet *alphabet);
void vocab_alphabet_free(struct vocab_alphabet *alphabet);
/* Counts a word's characters, and returns how many they are. */
int vocab_alphabet_count(struct vocab_alphabet *alphabet, const struct vocab_word_count *word);
/* Keeps `limit` characters at most, the most frequent, and adds them in order of code points. */
enum clb_status vocab_alphabet_choose(struct vocab_alphabet *alphabet, int32_t limit,
                                      struct vocab_merge_tokens *tokens, int32_t *size);
/* The ids of a word's characters, "##" before all but the first; those outside the alphabet are
 * left out. A piece that is new is added. */
enum clb_status vocab_alphabet_pieces(struct vocab_alphabet *alphabet,
                                      const struct vocab_word_count *word,
                                      struct vocab_merge_tokens *tokens, int32_t *pieces,
                                      int *length);

#endif
