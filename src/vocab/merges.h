/* SPDX-License-Identifier: Apache-2.0 */
/* Byte-pair merging of a word list: the heart of the vocabulary trainer. */
#ifndef VOCAB_MERGES_H
#define VOCAB_MERGES_H

#include "vocab/merge_tokens.h"
#include "vocab/word_pieces.h"

/* Merges the most frequent pair of neighbours, again and again, until there are vocab_size tokens
 * or no pair occurs min_frequency times. Of equally frequent pairs the one with the smaller ids
 * goes first. */
enum clb_status vocab_merge_words(struct vocab_word_pieces *words, int32_t vocab_size,
                                  int64_t min_frequency, struct vocab_merge_tokens *tokens);

#endif
