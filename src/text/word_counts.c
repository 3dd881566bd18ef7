#include "text/word_counts.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { PAGE_SIZE = 1 << 20, FIRST_CAPACITY = 1 << 16 };

static enum clb_status out_of_memory(void)
{
    return clb_fail(CLB_ERROR_MEMORY, "word counts: out of memory");
}

enum clb_status text_word_counts_create(struct text_word_counts **out)
{
    struct text_word_counts *c = calloc(1, sizeof *c);
    if (!c) return out_of_memory();
    c->capacity = FIRST_CAPACITY;
    c->words = calloc(c->capacity, sizeof *c->words);
    if (!c->words) {
        free(c);
        return out_of_memory();
    }
    *out = c;
    return CLB_OK;
}

void text_word_counts_destroy(struct text_word_counts *c)
{
    if (!c) return;
    for (size_t i = 0; i < c->page_count; i++) free(c->pages[i]);
    free(c->pages);
    free(c->words);
    free(c);
}

static struct text_word_count *find(struct text_word_count *words, size_t capacity,
                                    const char *bytes, size_t size)
{
    size_t at = XXH64(bytes, size, 0) & (capacity - 1);
    while (words[at].size && (words[at].size != size || memcmp(words[at].bytes, bytes, size) != 0))
        at = (at + 1) & (capacity - 1);
    return &words[at];
}

static enum clb_status grow(struct text_word_counts *c)
{
    size_t capacity = 2 * c->capacity;
    struct text_word_count *words = calloc(capacity, sizeof *words);
    if (!words) return out_of_memory();
    for (size_t i = 0; i < c->capacity; i++)
        if (c->words[i].size)
            *find(words, capacity, c->words[i].bytes, c->words[i].size) = c->words[i];
    free(c->words);
    c->words = words;
    c->capacity = capacity;
    return CLB_OK;
}

static char *keep(struct text_word_counts *c, const char *bytes, size_t size)
{
    if (c->page_count == 0 || c->page_used + size > PAGE_SIZE) {
        char **pages = realloc(c->pages, (c->page_count + 1) * sizeof *pages);
        if (!pages) return NULL;
        c->pages = pages;
        pages[c->page_count] = malloc(PAGE_SIZE);
        if (!pages[c->page_count]) return NULL;
        c->page_count++;
        c->page_used = 0;
    }
    char *to = c->pages[c->page_count - 1] + c->page_used;
    memcpy(to, bytes, size);
    c->page_used += size;
    return to;
}

enum clb_status text_word_counts_add(struct text_word_counts *c, const char *bytes, size_t size,
                                     int64_t count)
{
    struct text_word_count *word = find(c->words, c->capacity, bytes, size);
    c->total += count;
    if (word->size) {
        word->count += count;
        return CLB_OK;
    }
    char *kept = keep(c, bytes, size);
    if (!kept) return out_of_memory();
    *word = (struct text_word_count){kept, (uint32_t)size, count};
    return ++c->distinct * 2 > c->capacity ? grow(c) : CLB_OK;
}

static int by_bytes(const void *a, const void *b)
{
    const struct text_word_count *x = a, *y = b;
    uint32_t size = x->size < y->size ? x->size : y->size;
    int order = memcmp(x->bytes, y->bytes, size);
    return order ? order : (x->size > y->size) - (x->size < y->size);
}

void text_word_counts_sort(struct text_word_counts *c)
{
    size_t filled = 0;
    for (size_t i = 0; i < c->capacity; i++)
        if (c->words[i].size) c->words[filled++] = c->words[i];
    qsort(c->words, filled, sizeof *c->words, by_bytes);
}
