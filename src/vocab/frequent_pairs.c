/* SPDX-License-Identifier: Apache-2.0 */
#include "vocab/frequent_pairs.h"

#include "base/error.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

enum { VOCAB_FREQUENT_PAIRS = 1 << 13, LEAST_CELLS = 1 << 12, MOST_CELLS = 1 << 20, SPREAD = 4 };

static enum clb_status out_of_memory(void)
{
    return clb_fail(CLB_ERROR_MEMORY, "vocabulary: out of memory");
}

static uint64_t hash_of(uint64_t key)
{
    const uint64_t hash = key * 0x9E3779B97F4A7C15u;
    return hash ^ hash >> 32;
}

/* ---- the table ---- */

static struct vocab_frequent_pair *place_of(struct vocab_frequent_pair *pairs, size_t capacity,
                                            uint64_t key)
{
    size_t at = hash_of(key) & (capacity - 1);
    while (pairs[at].key && pairs[at].key != key) at = (at + 1) & (capacity - 1);
    return &pairs[at];
}

struct vocab_frequent_pair *vocab_frequent_pairs_find(struct vocab_frequent_pairs *p, uint64_t key)
{
    struct vocab_frequent_pair *pair = place_of(p->pairs, p->capacity, key);
    return pair->key ? pair : NULL;
}

static enum clb_status grow(struct vocab_frequent_pairs *p)
{
    const size_t capacity = p->capacity ? 2 * p->capacity : 2 * VOCAB_FREQUENT_PAIRS;
    struct vocab_frequent_pair *pairs = calloc(capacity, sizeof *pairs);
    if (!pairs) return out_of_memory();
    for (size_t i = 0; i < p->capacity; i++)
        if (p->pairs[i].key) *place_of(pairs, capacity, p->pairs[i].key) = p->pairs[i];
    free(p->pairs);
    p->pairs = pairs;
    p->capacity = capacity;
    return CLB_OK;
}

/* The pair's place, made where it is new. */
static enum clb_status take_place(struct vocab_frequent_pairs *p, uint64_t key,
                                  struct vocab_frequent_pair **pair)
{
    if (2 * (p->used + 1) > p->capacity) {
        enum clb_status status = grow(p);
        if (status != CLB_OK) return status;
    }
    *pair = place_of(p->pairs, p->capacity, key);
    if (!(*pair)->key) {
        (*pair)->key = key;
        p->used++;
    }
    return CLB_OK;
}

static void free_lists(struct vocab_frequent_pairs *p)
{
    for (size_t i = 0; i < p->capacity; i++)
        if (p->pairs[i].owned) free(p->pairs[i].words);
    free(p->lists);
    p->lists = NULL;
}

/* No pairs, with room for some. */
static enum clb_status clear(struct vocab_frequent_pairs *p)
{
    free_lists(p);
    p->used = p->heap_size = 0;
    if (p->capacity == 0) return grow(p);
    memset(p->pairs, 0, p->capacity * sizeof *p->pairs);
    return CLB_OK;
}

void vocab_frequent_pairs_free(struct vocab_frequent_pairs *p)
{
    free_lists(p);
    free(p->pairs);
    free(p->heap);
}

/* ---- the queue ---- */

static bool goes_before(struct pair_entry a, struct pair_entry b)
{
    return a.count != b.count ? a.count > b.count : a.key < b.key;
}

static enum clb_status push(struct vocab_frequent_pairs *p, struct pair_entry entry)
{
    if (p->heap_size == p->heap_capacity) {
        size_t capacity = p->heap_capacity ? 2 * p->heap_capacity : 1024;
        struct pair_entry *more = realloc(p->heap, capacity * sizeof *more);
        if (!more) return out_of_memory();
        p->heap = more;
        p->heap_capacity = capacity;
    }
    size_t at = p->heap_size++;
    for (; at > 0 && goes_before(entry, p->heap[(at - 1) / 2]); at = (at - 1) / 2)
        p->heap[at] = p->heap[(at - 1) / 2];
    p->heap[at] = entry;
    return CLB_OK;
}

static struct pair_entry pop(struct vocab_frequent_pairs *p)
{
    struct pair_entry top = p->heap[0], last = p->heap[--p->heap_size];
    size_t at = 0;
    for (size_t child = 1; child < p->heap_size; child = 2 * at + 1) {
        if (child + 1 < p->heap_size && goes_before(p->heap[child + 1], p->heap[child])) child++;
        if (!goes_before(p->heap[child], last)) break;
        p->heap[at] = p->heap[child];
        at = child;
    }
    p->heap[at] = last;
    return top;
}

enum clb_status vocab_frequent_pairs_pop(struct vocab_frequent_pairs *p,
                                         struct vocab_frequent_pair **top)
{
    *top = NULL;
    while (p->heap_size > 0) {
        const struct pair_entry entry = pop(p);
        struct vocab_frequent_pair *pair = vocab_frequent_pairs_find(p, entry.key);
        if (pair->count < p->threshold) continue;
        if (pair->count == entry.count) {
            *top = pair;
            break;
        }
        /* It has changed since: back with what it is now. */
        enum clb_status status = push(p, (struct pair_entry){pair->count, entry.key});
        if (status != CLB_OK) return status;
    }
    return CLB_OK;
}

enum clb_status vocab_frequent_pairs_add(struct vocab_frequent_pairs *p, uint64_t key,
                                         int64_t count, uint32_t word_count)
{
    struct vocab_frequent_pair *pair;
    enum clb_status status = take_place(p, key, &pair);
    if (status != CLB_OK) return status;
    pair->count = count;
    pair->words = malloc(((size_t)word_count + 1) * sizeof *pair->words);
    pair->owned = true;
    return pair->words ? push(p, (struct pair_entry){count, key}) : out_of_memory();
}

/* ---- collecting ---- */

/* A thread's share of the work. */
struct survey {
    const struct vocab_word_pieces *words;
    size_t begin, end;                  /* its slice */
    int64_t *sums;                      /* of counts, by hash: never below a pair's own */
    struct vocab_frequent_pairs counts; /* of the pairs whose sum is high enough */
    enum clb_status status;
};

struct collection {
    struct survey *surveys;
    int count;
    uint64_t mask; /* of sums */
};

static void add_sums(struct survey *s, uint64_t mask)
{
    for (size_t at = s->begin; at < s->end; at = vocab_word_pieces_after(s->words, at)) {
        const struct vocab_piece_word *word = vocab_word_pieces_at(s->words, at);
        const int64_t count = vocab_piece_word_count(word);
        for (int i = 0; i + 1 < word->length; i++)
            s->sums[hash_of(vocab_pair_key(word->pieces[i], word->pieces[i + 1])) & mask] += count;
    }
}

/* Counts the pairs whose sum is at least the threshold. */
static enum clb_status count_pairs(struct survey *s, const int64_t *sums, uint64_t mask,
                                   int64_t threshold)
{
    enum clb_status status = clear(&s->counts);
    if (status != CLB_OK) return status;
    for (size_t at = s->begin; at < s->end; at = vocab_word_pieces_after(s->words, at)) {
        const struct vocab_piece_word *word = vocab_word_pieces_at(s->words, at);
        const int64_t count = vocab_piece_word_count(word);
        for (int i = 0; i + 1 < word->length; i++) {
            const uint64_t key = vocab_pair_key(word->pieces[i], word->pieces[i + 1]);
            struct vocab_frequent_pair *pair;
            if (sums[hash_of(key) & mask] < threshold) continue;
            status = take_place(&s->counts, key, &pair);
            if (status != CLB_OK) return status;
            pair->count += count;
            pair->word_count += !vocab_piece_word_repeats(word, i);
        }
    }
    return CLB_OK;
}

/* Notes the words of the pairs that have been given a list. */
static void list_words(struct survey *s)
{
    for (size_t i = 0; i < s->counts.capacity; i++) s->counts.pairs[i].word_count = 0;
    for (size_t at = s->begin; at < s->end; at = vocab_word_pieces_after(s->words, at)) {
        const struct vocab_piece_word *word = vocab_word_pieces_at(s->words, at);
        for (int i = 0; i + 1 < word->length; i++) {
            const uint64_t key = vocab_pair_key(word->pieces[i], word->pieces[i + 1]);
            struct vocab_frequent_pair *pair = vocab_frequent_pairs_find(&s->counts, key);
            if (pair && pair->words && !vocab_piece_word_repeats(word, i))
                pair->words[pair->word_count++] = (uint32_t)at;
        }
    }
}

/* The count that about VOCAB_FREQUENT_PAIRS of the sums reach, within an eighth, by a histogram;
 * but not far below the greatest, so that few of the pairs that merging makes are held. */
static int64_t threshold_of(const int64_t *sums, uint64_t mask)
{
    int64_t histogram[512] = {0}, above = 0, greatest = 0;
    for (uint64_t i = 0; i <= mask; i++) {
        const uint64_t sum = (uint64_t)sums[i];
        const int exponent = sum < 8 ? 2 : 63 - __builtin_clzll(sum);
        histogram[sum < 8 ? sum : 8 * (uint64_t)(exponent - 2) + (sum >> (exponent - 3)) % 8]++;
        if (sums[i] > greatest) greatest = sums[i];
    }
    int bucket = 511;
    while (bucket > 0 && (above += histogram[bucket]) < VOCAB_FREQUENT_PAIRS) bucket--;
    const int64_t edge = bucket < 8 ? bucket : (8 + bucket % 8) * (INT64_C(1) << (bucket / 8 - 1));
    return edge > greatest / SPREAD ? edge : greatest / SPREAD;
}

static void free_surveys(struct collection *c)
{
    for (int t = 0; c->surveys && t < c->count; t++) {
        free(c->surveys[t].sums);
        vocab_frequent_pairs_free(&c->surveys[t].counts);
    }
    free(c->surveys);
}

/* Sums of counts by hash, of all slices, in the first survey. */
static enum clb_status survey(struct vocab_word_pieces *words, struct collection *c)
{
    enum clb_status status = CLB_OK;
    uint64_t cells = LEAST_CELLS;
    while (cells < MOST_CELLS && cells < words->used / 2) cells *= 2;
    c->mask = cells - 1;
    c->count = words->slice_count;
    c->surveys = calloc((size_t)c->count, sizeof *c->surveys);
    if (!c->surveys) return out_of_memory();
#pragma omp parallel for num_threads(c->count) schedule(static, 1)
    for (int t = 0; t < c->count; t++) {
        struct survey *s = &c->surveys[t];
        vocab_word_pieces_compact(words, t);
        *s = (struct survey){.words = words,
                             .begin = words->slices[t].begin,
                             .end = words->slices[t].end,
                             .sums = base_table_zeros(cells * sizeof *s->sums)};
        if (s->sums) add_sums(s, c->mask);
    }
    for (int t = 0; t < c->count; t++)
        if (!c->surveys[t].sums) status = out_of_memory();
    if (status != CLB_OK) return status;
    for (int t = 1; t < c->count; t++)
        for (uint64_t i = 0; i <= c->mask; i++) c->surveys[0].sums[i] += c->surveys[t].sums[i];
    return CLB_OK;
}

/* Counts the pairs that may be at the threshold on all threads, and takes those that are. */
static enum clb_status take_pairs(struct vocab_frequent_pairs *p, struct collection *c)
{
    struct vocab_frequent_pairs total = {0};
    struct vocab_frequent_pair *pair;
    enum clb_status status = CLB_OK;
#pragma omp parallel for num_threads(c->count) schedule(static, 1)
    for (int t = 0; t < c->count; t++)
        c->surveys[t].status =
            count_pairs(&c->surveys[t], c->surveys[0].sums, c->mask, p->threshold);
    for (int t = 0; t < c->count; t++) {
        const struct vocab_frequent_pairs *counts = &c->surveys[t].counts;
        if (c->surveys[t].status != CLB_OK) CLB_TRY(out_of_memory());
        for (size_t i = 0; i < counts->capacity; i++) {
            if (!counts->pairs[i].key) continue;
            CLB_TRY(take_place(&total, counts->pairs[i].key, &pair));
            pair->count += counts->pairs[i].count;
            pair->word_count += counts->pairs[i].word_count;
        }
    }
    for (size_t i = 0; i < total.capacity; i++) {
        if (!total.pairs[i].key || total.pairs[i].count < p->threshold) continue;
        CLB_TRY(take_place(p, total.pairs[i].key, &pair));
        *pair = total.pairs[i];
        CLB_TRY(push(p, (struct pair_entry){pair->count, pair->key}));
    }
cleanup:
    vocab_frequent_pairs_free(&total);
    return status;
}

/* Gives every pair its list, and every thread its part of it to fill. */
static enum clb_status take_lists(struct vocab_frequent_pairs *p, struct collection *c)
{
    size_t places = 0;
    for (size_t i = 0; i < p->capacity; i++) places += p->pairs[i].word_count;
    p->lists = malloc((places + 1) * sizeof *p->lists);
    if (!p->lists) return out_of_memory();
    places = 0;
    for (size_t i = 0; i < p->capacity; i++) {
        p->pairs[i].words = p->lists + places;
        places += p->pairs[i].word_count;
        p->pairs[i].word_count = 0;
    }
    for (int t = 0; t < c->count; t++) {
        const struct vocab_frequent_pairs *counts = &c->surveys[t].counts;
        for (size_t i = 0; i < counts->capacity; i++) {
            struct vocab_frequent_pair *of_thread = &counts->pairs[i];
            struct vocab_frequent_pair *pair =
                of_thread->key ? vocab_frequent_pairs_find(p, of_thread->key) : NULL;
            if (!pair) continue;
            of_thread->words = pair->words + pair->word_count;
            pair->word_count += of_thread->word_count;
        }
    }
#pragma omp parallel for num_threads(c->count) schedule(static, 1)
    for (int t = 0; t < c->count; t++) list_words(&c->surveys[t]);
    return CLB_OK;
}

enum clb_status vocab_frequent_pairs_collect(struct vocab_frequent_pairs *p,
                                             struct vocab_word_pieces *words, int64_t least)
{
    struct collection c = {0};
    enum clb_status status;
    CLB_TRY(clear(p));
    CLB_TRY(survey(words, &c));
    p->threshold = threshold_of(c.surveys[0].sums, c.mask);
    for (;;) {
        if (p->threshold < least) p->threshold = least;
        CLB_TRY(take_pairs(p, &c));
        if (p->used > 0 || p->threshold == least) break;
        p->threshold /= 2; /* the sums were of several pairs */
    }
    CLB_TRY(take_lists(p, &c));
cleanup:
    free_surveys(&c);
    return status;
}
