/* SPDX-License-Identifier: Apache-2.0 */
#include "vocab/merge_tokens.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

static enum clb_status out_of_memory(void)
{
    return clb_fail(CLB_ERROR_MEMORY, "vocabulary: out of memory");
}

enum clb_status vocab_merge_tokens_create(struct vocab_merge_tokens *t)
{
    *t = (struct vocab_merge_tokens){.mask = (1u << 12) - 1};
    t->slots = calloc(t->mask + 1u, sizeof *t->slots);
    return t->slots ? CLB_OK : out_of_memory();
}

void vocab_merge_tokens_free(struct vocab_merge_tokens *t)
{
    for (int32_t i = 0; i < t->count; i++) free(t->tokens[i]);
    free(t->tokens);
    free(t->slots);
}

static uint32_t token_slot(const struct vocab_merge_tokens *t, const char *token)
{
    uint32_t slot = (uint32_t)XXH64(token, strlen(token), 0) & t->mask;
    while (t->slots[slot] && strcmp(t->tokens[t->slots[slot] - 1], token) != 0)
        slot = (slot + 1) & t->mask;
    return slot;
}

static enum clb_status grow_tokens(struct vocab_merge_tokens *t)
{
    if (t->count == t->capacity) {
        int32_t capacity = t->capacity ? 2 * t->capacity : 1024;
        char **more = realloc(t->tokens, (size_t)capacity * sizeof *more);
        if (!more) return out_of_memory();
        t->tokens = more;
        t->capacity = capacity;
    }
    if (2 * (uint32_t)t->count < t->mask) return CLB_OK;
    uint32_t mask = 2 * t->mask + 1;
    int32_t *slots = calloc(mask + 1u, sizeof *slots);
    if (!slots) return out_of_memory();
    free(t->slots);
    t->slots = slots;
    t->mask = mask;
    for (int32_t i = 0; i < t->count; i++) t->slots[token_slot(t, t->tokens[i])] = i + 1;
    return CLB_OK;
}

enum clb_status vocab_merge_tokens_add(struct vocab_merge_tokens *t, const char *token, int32_t *id)
{
    uint32_t slot = token_slot(t, token);
    if (t->slots[slot]) {
        *id = t->slots[slot] - 1;
        return CLB_OK;
    }
    enum clb_status status = grow_tokens(t);
    if (status != CLB_OK) return status;
    char *copy = strdup(token);
    if (!copy) return out_of_memory();
    slot = token_slot(t, token);
    t->tokens[t->count] = copy;
    *id = t->count++;
    t->slots[slot] = t->count;
    return CLB_OK;
}

enum clb_status vocab_merge_tokens_join(struct vocab_merge_tokens *t, int32_t first, int32_t second,
                                        int32_t *id)
{
    const char *head = t->tokens[first], *tail = t->tokens[second];
    char *joined = malloc(strlen(head) + strlen(tail) + 1);
    if (!joined) return out_of_memory();
    strcpy(joined, head);
    strcat(joined, strncmp(tail, "##", 2) == 0 ? tail + 2 : tail);
    enum clb_status status = vocab_merge_tokens_add(t, joined, id);
    free(joined);
    return status;
}
