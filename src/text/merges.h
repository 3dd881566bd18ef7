/* SPDX-License-Identifier: Apache-2.0 */
/* Byte-pair merging of a word list: the heart of the vocabulary trainer. */
#ifndef TEXT_MERGES_H
#define TEXT_MERGES_H

#include "text/merge_tokens.h"
#include "text/word_pieces.h"

/* Merges the most frequent pair of neighbours, again and again, until there are vocab_size tokens
 * or no pair occurs min_frequency times. Of equally frequent pairs the one with the smaller ids
 * goes first. */
enum clb_status merge_words(struct word_pieces *words, int32_t vocab_size, int64_t min_frequency,
                            struct merge_tokens *tokens);

#endif
