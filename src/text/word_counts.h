/* How often each word of a text occurs: a hash table. */
#ifndef TEXT_WORD_COUNTS_H
#define TEXT_WORD_COUNTS_H

#include <clbert/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text_word_count {
    const char *bytes; /* owned by the counts; not 0-terminated */
    uint32_t size;     /* 0: an empty place in the table */
    int64_t count;
};

struct text_word_counts {
    struct text_word_count *words; /* while counting: a hash table; after sort: by bytes */
    size_t capacity, distinct;
    int64_t total;
    char **pages; /* of words' bytes */
    size_t page_count, page_used;
};

enum clb_status text_word_counts_create(struct text_word_counts **counts);
void text_word_counts_destroy(struct text_word_counts *counts);
enum clb_status text_word_counts_add(struct text_word_counts *counts, const char *bytes,
                                     size_t size, int64_t count);
/* Whether one more word could take more than `limit` bytes, the table's growth included. A table of
 * some thousand words always may. */
bool text_word_counts_full(const struct text_word_counts *counts, size_t limit);
/* Ends the counting: words[0 .. distinct - 1] in order of their bytes. */
void text_word_counts_sort(struct text_word_counts *counts);
/* Empties it for counting anew. */
enum clb_status text_word_counts_clear(struct text_word_counts *counts);

/* Order of bytes: below, 0 or above 0. */
int text_word_compare(const struct text_word_count *a, const struct text_word_count *b);

#endif
