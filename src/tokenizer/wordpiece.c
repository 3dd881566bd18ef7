/* SPDX-License-Identifier: Apache-2.0 */
#include "tokenizer/wordpiece.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

/* Children are in one hash table: (node, byte) -> node. Node 0 is the root of beginnings, 1 that of
 * continuations. */
struct edge {
    uint32_t parent; /* node + 1; 0: free */
    uint8_t byte;
    uint32_t child;
};

struct tokenizer_trie {
    struct edge *edges;
    uint32_t mask, nodes;
    int32_t *tokens; /* of a node; -1: none ends here */
};

static uint32_t slot_of(const struct tokenizer_trie *trie, uint32_t node, uint8_t byte)
{
    uint32_t hash = (node * 256u + byte) * 2654435761u;
    uint32_t slot = (hash ^ hash >> 15) & trie->mask;
    while (trie->edges[slot].parent &&
           (trie->edges[slot].parent != node + 1 || trie->edges[slot].byte != byte))
        slot = (slot + 1) & trie->mask;
    return slot;
}

static void insert(struct tokenizer_trie *trie, const char *token, const char *prefix, int32_t id)
{
    const size_t skipped = prefix ? strlen(prefix) : 0;
    const bool goes_on = prefix && strncmp(token, prefix, skipped) == 0 && token[skipped];
    uint32_t node = goes_on ? 1 : 0;
    for (const char *at = goes_on ? token + skipped : token; *at; at++) {
        uint32_t slot = slot_of(trie, node, (uint8_t)*at);
        if (!trie->edges[slot].parent) {
            trie->edges[slot] = (struct edge){node + 1, (uint8_t)*at, trie->nodes};
            trie->tokens[trie->nodes++] = -1;
        }
        node = trie->edges[slot].child;
    }
    trie->tokens[node] = id;
}

enum clb_status tokenizer_trie_create(const char *const *tokens, int32_t count, const char *prefix,
                                      struct tokenizer_trie **out)
{
    size_t bytes = 2;
    uint32_t slots = 1024;
    for (int32_t i = 0; i < count; i++) bytes += strlen(tokens[i]);
    if (bytes > UINT32_MAX / 8)
        return clb_fail(CLB_ERROR_FORMAT, "vocabulary: %zu bytes are too many", bytes);
    while (slots < 2 * bytes) slots *= 2;
    struct tokenizer_trie *trie = calloc(1, sizeof *trie);
    if (!trie) return clb_fail(CLB_ERROR_MEMORY, "vocabulary: out of memory");
    trie->mask = slots - 1;
    trie->nodes = 2;
    trie->edges = calloc(slots, sizeof *trie->edges);
    trie->tokens = malloc(bytes * sizeof *trie->tokens);
    if (!trie->edges || !trie->tokens) {
        tokenizer_trie_destroy(trie);
        return clb_fail(CLB_ERROR_MEMORY, "vocabulary: out of memory");
    }
    trie->tokens[0] = trie->tokens[1] = -1;
    for (int32_t i = 0; i < count; i++)
        if (tokens[i][0]) insert(trie, tokens[i], prefix, i);
    *out = trie;
    return CLB_OK;
}

void tokenizer_trie_destroy(struct tokenizer_trie *trie)
{
    if (!trie) return;
    free(trie->edges);
    free(trie->tokens);
    free(trie);
}

enum clb_status tokenizer_ids_push(struct clb_ids *ids, int32_t id)
{
    if (ids->count == ids->capacity) {
        size_t capacity = ids->capacity ? 2 * ids->capacity : 256;
        int32_t *more = realloc(ids->ids, capacity * sizeof *more);
        if (!more) return clb_fail(CLB_ERROR_MEMORY, "token ids: out of memory");
        ids->ids = more;
        ids->capacity = capacity;
    }
    ids->ids[ids->count++] = id;
    return CLB_OK;
}

/* The longest token from `word`; its size in *taken, -1 where there is none. */
static int32_t longest(const struct tokenizer_trie *trie, uint32_t root, const char *word,
                       size_t size, size_t *taken)
{
    int32_t best = -1;
    uint32_t node = root;
    for (size_t i = 0; i < size; i++) {
        uint32_t slot = slot_of(trie, node, (uint8_t)word[i]);
        if (!trie->edges[slot].parent) break;
        node = trie->edges[slot].child;
        if (trie->tokens[node] < 0) continue;
        best = trie->tokens[node];
        *taken = i + 1;
    }
    return best;
}

int32_t tokenizer_trie_longest(const struct tokenizer_trie *trie, const char *text, size_t size,
                               size_t *taken)
{
    return longest(trie, 0, text, size, taken);
}

enum clb_status tokenizer_trie_split(const struct tokenizer_trie *trie, const char *word,
                                     size_t size, int32_t unknown, struct clb_ids *ids)
{
    const size_t begin = ids->count;
    for (size_t at = 0; at < size;) {
        size_t taken = 0;
        int32_t id = longest(trie, at == 0 ? 0 : 1, word + at, size - at, &taken);
        if (id < 0) {
            ids->count = begin;
            return tokenizer_ids_push(ids, unknown);
        }
        enum clb_status status = tokenizer_ids_push(ids, id);
        if (status != CLB_OK) return status;
        at += taken;
    }
    return CLB_OK;
}
