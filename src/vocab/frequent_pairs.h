/* SPDX-License-Identifier: Apache-2.0 */
/* The pairs of neighbouring pieces that are the most frequent, exactly, and where they are.
 *
 * A text has millions of pairs, of which few are ever merged. So only those are held that occur at
 * least `threshold` times, about as many as VOCAB_FREQUENT_PAIRS; when the last of them falls below
 * it, the words are gone through again for the next. What is held is exact: a pair at or above the
 * threshold is always here, with its count. */
#ifndef VOCAB_FREQUENT_PAIRS_H
#define VOCAB_FREQUENT_PAIRS_H

#include "vocab/word_pieces.h"

struct vocab_frequent_pair {
    uint64_t key; /* of vocab_pair_key; 0: an empty place */
    int64_t count;
    uint32_t *words; /* places of the words it is in, or was; none twice */
    uint32_t word_count;
    bool owned; /* words are malloc'd, not of the lists */
};

struct vocab_frequent_pairs {
    int64_t threshold;
    struct vocab_frequent_pair *pairs; /* a hash table */
    size_t capacity, used;
    uint32_t *lists;
    struct pair_entry {
        int64_t count;
        uint64_t key;
    } * heap; /* most frequent first, then the smaller ids */
    size_t heap_size, heap_capacity;
};

static inline uint64_t vocab_pair_key(int32_t first, int32_t second)
{
    return ((uint64_t)(uint32_t)first << 32 | (uint32_t)second) + 1;
}

static inline int32_t vocab_pair_first(uint64_t key)
{
    return (int32_t)((key - 1) >> 32);
}

static inline int32_t vocab_pair_second(uint64_t key)
{
    return (int32_t)(uint32_t)(key - 1);
}

/* Finds the most frequent pairs of the words, on a thread a slice; none rarer than `least`. *pairs
 * is zero or was collected before. Nothing is in it where no pair is as frequent. */
enum clb_status vocab_frequent_pairs_collect(struct vocab_frequent_pairs *pairs,
                                             struct vocab_word_pieces *words, int64_t least);
void vocab_frequent_pairs_free(struct vocab_frequent_pairs *pairs);

/* NULL: it is rarer than the threshold. Valid until a pair is added. */
struct vocab_frequent_pair *vocab_frequent_pairs_find(struct vocab_frequent_pairs *pairs,
                                                      uint64_t key);
/* A pair that was not there, with room for `word_count` places of words. */
enum clb_status vocab_frequent_pairs_add(struct vocab_frequent_pairs *pairs, uint64_t key,
                                         int64_t count, uint32_t word_count);
/* Takes the most frequent pair out of the queue; NULL where none is at the threshold. */
enum clb_status vocab_frequent_pairs_pop(struct vocab_frequent_pairs *pairs,
                                         struct vocab_frequent_pair **top);

#endif
