/* SPDX-License-Identifier: Apache-2.0 */
/* The tokens of a vocabulary that grows. */
#ifndef VOCAB_MERGE_TOKENS_H
#define VOCAB_MERGE_TOKENS_H

#include <clbert/status.h>
#include <stdint.h>

/* Tokens by id. */
struct vocab_merge_tokens {
    char **tokens;
    int32_t count, capacity;
    int32_t *slots; /* hash table of ids + 1 */
    uint32_t mask;
};

enum clb_status vocab_merge_tokens_create(struct vocab_merge_tokens *tokens);
void vocab_merge_tokens_free(struct vocab_merge_tokens *tokens);
/* The id of a token, added where it is new. */
enum clb_status vocab_merge_tokens_add(struct vocab_merge_tokens *tokens, const char *token,
                                       int32_t *id);
/* The id of two tokens made one: "##" of the second goes. */
enum clb_status vocab_merge_tokens_join(struct vocab_merge_tokens *tokens, int32_t first,
                                        int32_t second, int32_t *id);

#endif
