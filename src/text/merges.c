#include "text/merges.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

static enum clb_status out_of_memory(void)
{
    return clb_fail(CLB_ERROR_MEMORY, "vocabulary: out of memory");
}

/* ---- tokens ---- */

enum clb_status merge_tokens_create(struct merge_tokens *t)
{
    *t = (struct merge_tokens){.mask = (1u << 12) - 1};
    t->slots = calloc(t->mask + 1u, sizeof *t->slots);
    return t->slots ? CLB_OK : out_of_memory();
}

void merge_tokens_free(struct merge_tokens *t)
{
    for (int32_t i = 0; i < t->count; i++) free(t->tokens[i]);
    free(t->tokens);
    free(t->slots);
}

static uint32_t token_slot(const struct merge_tokens *t, const char *token)
{
    uint32_t slot = (uint32_t)XXH64(token, strlen(token), 0) & t->mask;
    while (t->slots[slot] && strcmp(t->tokens[t->slots[slot] - 1], token) != 0)
        slot = (slot + 1) & t->mask;
    return slot;
}

static enum clb_status grow_tokens(struct merge_tokens *t)
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

enum clb_status merge_tokens_add(struct merge_tokens *t, const char *token, int32_t *id)
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

/* ---- pairs ---- */

struct pair {
    uint64_t key; /* first << 32 | second, + 1 so that 0 is an empty place */
    int64_t count;
    int64_t *words; /* where it occurs, or did */
    int32_t word_count, word_capacity;
    bool queued; /* already in the heap since its count last rose */
};

struct entry {
    int64_t count;
    uint64_t key;
};

struct merger {
    struct merge_word *words;
    struct pair *pairs; /* a hash table */
    size_t capacity, used;
    struct entry *heap;
    size_t heap_size, heap_capacity;
};

static uint64_t key_of(int32_t first, int32_t second)
{
    return ((uint64_t)(uint32_t)first << 32 | (uint32_t)second) + 1;
}

static struct pair *find_pair(struct pair *pairs, size_t capacity, uint64_t key)
{
    uint64_t hash = key * 0x9E3779B97F4A7C15u;
    size_t at = (hash ^ hash >> 32) & (capacity - 1);
    while (pairs[at].key && pairs[at].key != key) at = (at + 1) & (capacity - 1);
    return &pairs[at];
}

static enum clb_status grow_pairs(struct merger *m)
{
    size_t capacity = m->capacity ? 2 * m->capacity : 1 << 14;
    struct pair *pairs = calloc(capacity, sizeof *pairs);
    if (!pairs) return out_of_memory();
    for (size_t i = 0; i < m->capacity; i++)
        if (m->pairs[i].key) *find_pair(pairs, capacity, m->pairs[i].key) = m->pairs[i];
    free(m->pairs);
    m->pairs = pairs;
    m->capacity = capacity;
    return CLB_OK;
}

/* Changes a pair's count by a word's; a rise also notes the word. */
static enum clb_status change_pair(struct merger *m, int32_t first, int32_t second, int64_t change,
                                   int64_t word)
{
    if (2 * (m->used + 1) > m->capacity) {
        enum clb_status status = grow_pairs(m);
        if (status != CLB_OK) return status;
    }
    struct pair *pair = find_pair(m->pairs, m->capacity, key_of(first, second));
    if (!pair->key) {
        pair->key = key_of(first, second);
        m->used++;
    }
    pair->count += change;
    if (change < 0) return CLB_OK;
    pair->queued = false;
    if (pair->word_count > 0 && pair->words[pair->word_count - 1] == word) return CLB_OK;
    if (pair->word_count == pair->word_capacity) {
        int32_t capacity = pair->word_capacity ? 2 * pair->word_capacity : 4;
        int64_t *more = realloc(pair->words, (size_t)capacity * sizeof *more);
        if (!more) return out_of_memory();
        pair->words = more;
        pair->word_capacity = capacity;
    }
    pair->words[pair->word_count++] = word;
    return CLB_OK;
}

/* ---- the queue: most frequent first, then the smaller ids ---- */

static bool goes_before(struct entry a, struct entry b)
{
    return a.count != b.count ? a.count > b.count : a.key < b.key;
}

static enum clb_status push(struct merger *m, struct entry entry)
{
    if (m->heap_size == m->heap_capacity) {
        size_t capacity = m->heap_capacity ? 2 * m->heap_capacity : 1024;
        struct entry *more = realloc(m->heap, capacity * sizeof *more);
        if (!more) return out_of_memory();
        m->heap = more;
        m->heap_capacity = capacity;
    }
    size_t at = m->heap_size++;
    for (; at > 0 && goes_before(entry, m->heap[(at - 1) / 2]); at = (at - 1) / 2)
        m->heap[at] = m->heap[(at - 1) / 2];
    m->heap[at] = entry;
    return CLB_OK;
}

static struct entry pop(struct merger *m)
{
    struct entry top = m->heap[0], last = m->heap[--m->heap_size];
    size_t at = 0;
    for (size_t child = 1; child < m->heap_size; child = 2 * at + 1) {
        if (child + 1 < m->heap_size && goes_before(m->heap[child + 1], m->heap[child])) child++;
        if (!goes_before(m->heap[child], last)) break;
        m->heap[at] = m->heap[child];
        at = child;
    }
    m->heap[at] = last;
    return top;
}

static enum clb_status push_pair(struct merger *m, int32_t first, int32_t second)
{
    struct pair *pair = find_pair(m->pairs, m->capacity, key_of(first, second));
    if (!pair->key || pair->queued || pair->count <= 0) return CLB_OK;
    pair->queued = true;
    return push(m, (struct entry){pair->count, pair->key});
}

/* ---- merging ---- */

static enum clb_status merge_in_word(struct merger *m, int64_t index, int32_t first, int32_t second,
                                     int32_t merged)
{
    struct merge_word *w = &m->words[index];
    const int64_t count = w->count;
    enum clb_status status = CLB_OK;
    for (int32_t i = 0; i + 1 < w->length; i++) {
        if (w->pieces[i] != first || w->pieces[i + 1] != second) continue;
        if (i > 0) {
            CLB_TRY(change_pair(m, w->pieces[i - 1], first, -count, index));
            CLB_TRY(change_pair(m, w->pieces[i - 1], merged, count, index));
        }
        if (i + 2 < w->length) {
            CLB_TRY(change_pair(m, second, w->pieces[i + 2], -count, index));
            CLB_TRY(change_pair(m, merged, w->pieces[i + 2], count, index));
        }
        w->pieces[i] = merged;
        memmove(&w->pieces[i + 1], &w->pieces[i + 2],
                (size_t)(w->length - i - 2) * sizeof *w->pieces);
        w->length--;
    }
cleanup:
    return status;
}

/* Queues the pairs that a merge has made in a word. */
static enum clb_status queue_around(struct merger *m, int64_t index, int32_t merged)
{
    const struct merge_word *w = &m->words[index];
    enum clb_status status = CLB_OK;
    for (int32_t i = 0; i + 1 < w->length && status == CLB_OK; i++)
        if (w->pieces[i] == merged || w->pieces[i + 1] == merged)
            status = push_pair(m, w->pieces[i], w->pieces[i + 1]);
    return status;
}

static enum clb_status merge_pair(struct merger *m, uint64_t key, struct merge_tokens *tokens)
{
    const int32_t first = (int32_t)((key - 1) >> 32), second = (int32_t)(uint32_t)(key - 1);
    const char *head = tokens->tokens[first], *tail = tokens->tokens[second];
    char *joined = malloc(strlen(head) + strlen(tail) + 1);
    if (!joined) return out_of_memory();
    strcpy(joined, head);
    strcat(joined, strncmp(tail, "##", 2) == 0 ? tail + 2 : tail);
    int32_t merged;
    enum clb_status status = merge_tokens_add(tokens, joined, &merged);
    free(joined);
    if (status != CLB_OK) return status;
    struct pair *pair = find_pair(m->pairs, m->capacity, key);
    int64_t *words = pair->words; /* the table may move while words change */
    const int32_t count = pair->word_count;
    pair->words = NULL;
    pair->word_count = pair->word_capacity = 0;
    pair->count = 0;
    for (int32_t i = 0; i < count; i++) CLB_TRY(merge_in_word(m, words[i], first, second, merged));
    for (int32_t i = 0; i < count; i++) CLB_TRY(queue_around(m, words[i], merged));
cleanup:
    free(words);
    return status;
}

static enum clb_status count_pairs(struct merger *m, int64_t word_count)
{
    enum clb_status status = CLB_OK;
    for (int64_t w = 0; w < word_count; w++)
        for (int32_t i = 0; i + 1 < m->words[w].length; i++)
            CLB_TRY(change_pair(m, m->words[w].pieces[i], m->words[w].pieces[i + 1],
                                m->words[w].count, w));
    for (size_t i = 0; i < m->capacity; i++)
        if (m->pairs[i].key) {
            m->pairs[i].queued = true;
            CLB_TRY(push(m, (struct entry){m->pairs[i].count, m->pairs[i].key}));
        }
cleanup:
    return status;
}

enum clb_status merge_words(struct merge_word *words, int64_t word_count, int32_t vocab_size,
                            int64_t min_frequency, struct merge_tokens *tokens)
{
    struct merger m = {.words = words};
    enum clb_status status;
    CLB_TRY(grow_pairs(&m));
    CLB_TRY(count_pairs(&m, word_count));
    while (tokens->count < vocab_size && m.heap_size > 0) {
        struct entry top = pop(&m);
        struct pair *pair = find_pair(m.pairs, m.capacity, top.key);
        if (top.count != pair->count) { /* it has changed since: back with what it is now */
            if (pair->count > 0) CLB_TRY(push(&m, (struct entry){pair->count, top.key}));
            continue;
        }
        if (top.count < 1 || top.count < min_frequency) break;
        CLB_TRY(merge_pair(&m, top.key, tokens));
    }
cleanup:
    for (size_t i = 0; i < m.capacity; i++) free(m.pairs[i].words);
    free(m.pairs);
    free(m.heap);
    return status;
}
