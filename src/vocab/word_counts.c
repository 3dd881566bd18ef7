/* SPDX-License-Identifier: Apache-2.0 */
#include "vocab/word_counts.h"

#include "base/error.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { PAGE_SIZE = 1 << 20, FIRST_CAPACITY = 1 << 13 };

static enum clb_status out_of_memory(void)
{
    return clb_fail(CLB_ERROR_MEMORY, "word counts: out of memory");
}

static struct vocab_word_count *first_table(void)
{
    return calloc(FIRST_CAPACITY, sizeof(struct vocab_word_count));
}

/* Whole also where it fails: it is empty then, with the table that it had. */
enum clb_status vocab_word_counts_clear(struct vocab_word_counts *c)
{
    struct vocab_word_count *words = first_table();
    for (size_t i = 0; i < c->page_count; i++) free(c->pages[i]);
    free(c->pages);
    if (words) free(c->words);
    const size_t capacity = words ? FIRST_CAPACITY : c->capacity;
    *c = (struct vocab_word_counts){.words = words ? words : c->words, .capacity = capacity};
    if (words) return CLB_OK;
    memset(c->words, 0, capacity * sizeof *c->words);
    return out_of_memory();
}

enum clb_status vocab_word_counts_create(struct vocab_word_counts **out)
{
    struct vocab_word_counts *c = aligned_alloc(_Alignof(struct vocab_word_counts), sizeof *c);
    if (!c) return out_of_memory();
    *c = (struct vocab_word_counts){.words = first_table(), .capacity = FIRST_CAPACITY};
    if (c->words) {
        *out = c;
        return CLB_OK;
    }
    free(c);
    return out_of_memory();
}

void vocab_word_counts_destroy(struct vocab_word_counts *c)
{
    if (!c) return;
    for (size_t i = 0; i < c->page_count; i++) free(c->pages[i]);
    free(c->pages);
    free(c->words);
    free(c);
}

/* ---- the table ---- */

static struct vocab_word_count *find(const struct vocab_word_counts *c, uint32_t hash,
                                     const char *bytes, size_t size)
{
    size_t at = hash & (c->capacity - 1);
    for (;; at = (at + 1) & (c->capacity - 1)) {
        struct vocab_word_count *word = &c->words[at];
        if (word->size == 0) return word;
        if (word->hash == hash && word->size == size && memcmp(word->bytes, bytes, size) == 0)
            return word;
    }
}

static enum clb_status grow(struct vocab_word_counts *c)
{
    const size_t capacity = 2 * c->capacity;
    struct vocab_word_count *words = base_table_zeros(capacity * sizeof *words);
    if (!words) return out_of_memory();
    for (size_t i = 0; i < c->capacity; i++) {
        size_t at = c->words[i].hash & (capacity - 1);
        if (c->words[i].size == 0) continue;
        while (words[at].size) at = (at + 1) & (capacity - 1);
        words[at] = c->words[i];
    }
    free(c->words);
    c->words = words;
    c->capacity = capacity;
    return CLB_OK;
}

static char *keep(struct vocab_word_counts *c, const char *bytes, size_t size)
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

static enum clb_status count(struct vocab_word_counts *c, uint32_t hash, const char *bytes,
                             size_t size)
{
    struct vocab_word_count *word = find(c, hash, bytes, size);
    c->total++;
    if (word->size) {
        word->count++;
        return CLB_OK;
    }
    char *kept = keep(c, bytes, size);
    if (!kept) return out_of_memory();
    *word = (struct vocab_word_count){kept, (uint32_t)size, hash, 1};
    return ++c->distinct * 2 > c->capacity ? grow(c) : CLB_OK;
}

/* ---- words on their way ---- */

static enum clb_status count_pending(struct vocab_word_counts *c)
{
    enum clb_status status = CLB_OK;
    for (int i = 0; i < c->pending_count; i++)
        __builtin_prefetch(c->words[c->pending[i].hash & (c->capacity - 1)].bytes);
    for (int i = 0; i < c->pending_count && status == CLB_OK; i++)
        status =
            count(c, c->pending[i].hash, c->pending_bytes + c->pending[i].at, c->pending[i].size);
    c->pending_count = 0;
    c->pending_used = 0;
    return status;
}

enum clb_status vocab_word_counts_add(struct vocab_word_counts *c, const char *bytes, size_t size)
{
    if (c->pending_count == VOCAB_PENDING_WORDS || c->pending_used + size > VOCAB_PENDING_BYTES) {
        enum clb_status status = count_pending(c);
        if (status != CLB_OK) return status;
    }
    const uint32_t hash = (uint32_t)XXH3_64bits(bytes, size);
    __builtin_prefetch(&c->words[hash & (c->capacity - 1)]);
    c->pending[c->pending_count++] =
        (struct pending_word){hash, (uint16_t)c->pending_used, (uint16_t)size};
    memcpy(c->pending_bytes + c->pending_used, bytes, size);
    c->pending_used += size;
    return CLB_OK;
}

bool vocab_word_counts_full(const struct vocab_word_counts *c, size_t limit)
{
    const bool grows = 2 * (c->distinct + VOCAB_PENDING_WORDS) > c->capacity;
    const size_t places = (grows ? 3 : 1) * c->capacity * sizeof *c->words;
    return c->capacity > FIRST_CAPACITY && places + (c->page_count + 1) * PAGE_SIZE > limit;
}

/* ---- in order ---- */

int vocab_word_compare(const struct vocab_word_count *a, const struct vocab_word_count *b)
{
    const int order = memcmp(a->bytes, b->bytes, a->size < b->size ? a->size : b->size);
    return order ? order : (a->size > b->size) - (a->size < b->size);
}

/* A word's first four bytes as a number: most words differ in them, and need not be looked up. */
static uint32_t prefix_of(const struct vocab_word_count *word)
{
    uint32_t prefix = 0;
    for (uint32_t i = 0; i < 4; i++)
        prefix = prefix << 8 | (i < word->size ? (unsigned char)word->bytes[i] : 0);
    return prefix;
}

static int by_bytes(const void *a, const void *b)
{
    const struct vocab_word_count *x = a, *y = b;
    return x->hash != y->hash ? (x->hash > y->hash) - (x->hash < y->hash)
                              : vocab_word_compare(x, y);
}

enum clb_status vocab_word_counts_sort(struct vocab_word_counts *c)
{
    size_t filled = 0;
    enum clb_status status = count_pending(c);
    for (size_t i = 0; i < c->capacity; i++)
        if (c->words[i].size) {
            c->words[filled] = c->words[i];
            c->words[filled].hash = prefix_of(&c->words[filled]);
            filled++;
        }
    qsort(c->words, filled, sizeof *c->words, by_bytes);
    return status;
}
