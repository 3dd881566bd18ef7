/* SPDX-License-Identifier: Apache-2.0 */
/* A vocabulary as a trie over bytes: greedy longest match, a word in one walk a piece. */
#ifndef TEXT_WORDPIECE_H
#define TEXT_WORDPIECE_H

#include <clbert/status.h>
#include <clbert/tokenizer.h>
#include <stdint.h>

struct text_trie;

/* From `count` tokens by id; `prefix` ("##") before a token marks a piece that goes on; NULL: there
 * are none. Of equal tokens the last id counts. */
enum clb_status text_trie_create(const char *const *tokens, int32_t count, const char *prefix,
                                 struct text_trie **trie);
void text_trie_destroy(struct text_trie *trie);

/* Appends the pieces of a word, or `unknown` alone where some part of it has none. */
enum clb_status text_trie_split(const struct text_trie *trie, const char *word, size_t size,
                                int32_t unknown, struct clb_ids *ids);

/* The longest token that a text begins with, and its size in *taken; -1: none. */
int32_t text_trie_longest(const struct text_trie *trie, const char *text, size_t size,
                          size_t *taken);

/* Makes room for one more id and appends it. */
enum clb_status text_ids_push(struct clb_ids *ids, int32_t id);

#endif
