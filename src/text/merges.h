/* Byte-pair merging of a word list: the heart of the vocabulary trainer. */
#ifndef TEXT_MERGES_H
#define TEXT_MERGES_H

#include <clbert/status.h>
#include <stdbool.h>
#include <stdint.h>

/* Tokens by id, growing. */
struct merge_tokens {
    char **tokens;
    int32_t count, capacity;
    int32_t *slots; /* hash table of ids + 1 */
    uint32_t mask;
};

enum clb_status merge_tokens_create(struct merge_tokens *tokens);
void merge_tokens_free(struct merge_tokens *tokens);
/* The id of a token, added where it is new. */
enum clb_status merge_tokens_add(struct merge_tokens *tokens, const char *token, int32_t *id);

/* A word as ids of its pieces; merging shortens it. */
struct merge_word {
    int32_t *pieces;
    int32_t length;
    int64_t count;
};

/* Merges the most frequent pair of neighbours, again and again, until there are vocab_size tokens
 * or no pair occurs min_frequency times. Of equally frequent pairs the one with the smaller ids
 * goes first. */
enum clb_status merge_words(struct merge_word *words, int64_t word_count, int32_t vocab_size,
                            int64_t min_frequency, struct merge_tokens *tokens);

#endif
