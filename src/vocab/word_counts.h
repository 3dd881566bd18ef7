/* SPDX-License-Identifier: Apache-2.0 */
/* How often each word of a text occurs: a hash table. */
#ifndef VOCAB_WORD_COUNTS_H
#define VOCAB_WORD_COUNTS_H

#include <clbert/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { VOCAB_PENDING_WORDS = 32, VOCAB_PENDING_BYTES = 2048 };

struct vocab_word_count {
    const char *bytes; /* owned by the counts; not 0-terminated */
    uint32_t size;     /* 0: an empty place in the table */
    uint32_t hash;     /* after sort: the first four bytes */
    int64_t count;
};

/* On cache lines of its own: every thread writes to one with every word. */
struct vocab_word_counts {
    _Alignas(128) struct vocab_word_count *words; /* a hash table; after sort: in order of bytes */
    size_t capacity, distinct;
    int64_t total;
    char **pages; /* of words' bytes */
    size_t page_count, page_used;
    /* Words on their way into the table: memory is asked for their places and bytes a while before
     * they are looked at. */
    struct pending_word {
        uint32_t hash;
        uint16_t at, size;
    } pending[VOCAB_PENDING_WORDS];
    int pending_count;
    size_t pending_used;
    char pending_bytes[VOCAB_PENDING_BYTES];
};

enum clb_status vocab_word_counts_create(struct vocab_word_counts **counts);
void vocab_word_counts_destroy(struct vocab_word_counts *counts);
/* Counts a word of at most VOCAB_PENDING_BYTES. */
enum clb_status vocab_word_counts_add(struct vocab_word_counts *counts, const char *bytes,
                                      size_t size);
/* Whether one more word could take more than `limit` bytes, the table's growth included. A table of
 * some thousand words always may. */
bool vocab_word_counts_full(const struct vocab_word_counts *counts, size_t limit);
/* Ends the counting: words[0 .. distinct - 1] in order of their bytes. */
enum clb_status vocab_word_counts_sort(struct vocab_word_counts *counts);
/* Empties it for counting anew. */
enum clb_status vocab_word_counts_clear(struct vocab_word_counts *counts);

/* Order of bytes: below, 0 or above 0. */
int vocab_word_compare(const struct vocab_word_count *a, const struct vocab_word_count *b);

#endif
