/* SPDX-License-Identifier: Apache-2.0 */
/* A vocabulary as a trie over bytes: greedy longest match, a word in one walk a piece. */
#ifndef TOKENIZER_WORDPIECE_H
#define TOKENIZER_WORDPIECE_H

#include <clbert/status.h>
#include <clbert/tokenizer.h>
#include <stdint.h>

struct tokenizer_trie;

/* From `count` tokens by id; `prefix` ("##") before a token marks a piece that goes on; NULL: there
 * are none. Of equal tokens the last id counts. */
enum clb_status tokenizer_trie_create(const char *const *tokens, int32_t count, const char *prefix,
                                      struct tokenizer_trie **trie);
void tokenizer_trie_destroy(struct tokenizer_trie *trie);

/* Appends the pieces of a word, or `unknown` alone where some part of it has none. */
enum clb_status tokenizer_trie_split(const struct tokenizer_trie *trie, const char *word,
                                     size_t size, int32_t unknown, struct clb_ids *ids);

/* The longest token that a text begins with, and its size in *taken; -1: none. */
int32_t tokenizer_trie_longest(const struct tokenizer_trie *trie, const char *text, size_t size,
                               size_t *taken);

/* Makes room for one more id and appends it. */
enum clb_status tokenizer_ids_push(struct clb_ids *ids, int32_t id);

#endif
