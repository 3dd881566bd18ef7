#include "text/word_counts.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { PAGE_SIZE = 1 << 20, FIRST_CAPACITY = 1 << 13 };

static enum clb_status out_of_memory(void)
{
    return clb_fail(CLB_ERROR_MEMORY, "word counts: out of memory");
}

static void free_pages(struct text_word_counts *c)
{
    for (size_t i = 0; i < c->page_count; i++) free(c->pages[i]);
    free(c->pages);
    c->pages = NULL;
    c->page_count = c->page_used = 0;
}

enum clb_status text_word_counts_clear(struct text_word_counts *c)
{
    free_pages(c);
    free(c->words);
    *c = (struct text_word_counts){.words = calloc(FIRST_CAPACITY, sizeof *c->words),
                                   .capacity = FIRST_CAPACITY};
    return c->words ? CLB_OK : out_of_memory();
}

enum clb_status text_word_counts_create(struct text_word_counts **out)
{
    struct text_word_counts *c = calloc(1, sizeof *c);
    if (!c) return out_of_memory();
    enum clb_status status = text_word_counts_clear(c);
    if (status == CLB_OK)
        *out = c;
    else
        free(c);
    return status;
}

void text_word_counts_destroy(struct text_word_counts *c)
{
    if (!c) return;
    free_pages(c);
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

bool text_word_counts_full(const struct text_word_counts *c, size_t limit)
{
    const bool grows = 2 * (c->distinct + 1) > c->capacity;
    const size_t places = (grows ? 3 : 1) * c->capacity * sizeof *c->words;
    return c->capacity > FIRST_CAPACITY && places + (c->page_count + 1) * PAGE_SIZE > limit;
}

int text_word_compare(const struct text_word_count *a, const struct text_word_count *b)
{
    const int order = memcmp(a->bytes, b->bytes, a->size < b->size ? a->size : b->size);
    return order ? order : (a->size > b->size) - (a->size < b->size);
}

static int by_bytes(const void *a, const void *b)
{
    return text_word_compare(a, b);
}

void text_word_counts_sort(struct text_word_counts *c)
{
    size_t filled = 0;
    for (size_t i = 0; i < c->capacity; i++)
        if (c->words[i].size) c->words[filled++] = c->words[i];
    qsort(c->words, filled, sizeof *c->words, by_bytes);
}
