/* SPDX-License-Identifier: Apache-2.0 */
#include "vocab/merges.h"

#include "base/error.h"
#include "base/log.h"
#include "vocab/frequent_pairs.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

enum { PARALLEL_WORDS = 1024 }; /* words of a pair that are worth more than one thread */

/* The pairs of a new token with its neighbours on one side. */
struct fresh {
    int64_t *count;       /* [vocab_size] of the pair with each neighbour */
    uint32_t *word_count; /* [vocab_size] words it is in, at most */
    int32_t *seen;        /* the neighbours for which there is something in these */
    int32_t seen_count;
};

/* A pair becomes a token. The pairs that change are (x, first) and (second, y), which become rarer,
 * and (x, token) and (token, y), which are new: no other pair makes the same token, for in equal
 * letters the same merges take place. */
struct merge {
    struct vocab_frequent_pairs *pairs;
    struct vocab_word_pieces *words;
    int32_t first, second, token;
    int threads;
    struct neighbours {
        struct fresh before, after;
    } * fresh; /* one a thread; the first has the sum in the end */
};

static enum clb_status out_of_memory(void)
{
    return clb_fail(CLB_ERROR_MEMORY, "vocabulary: out of memory");
}

static enum clb_status create_fresh(struct fresh *f, int32_t size)
{
    f->count = calloc((size_t)size, sizeof *f->count);
    f->word_count = calloc((size_t)size, sizeof *f->word_count);
    f->seen = malloc((size_t)size * sizeof *f->seen);
    return f->count && f->word_count && f->seen ? CLB_OK : out_of_memory();
}

static void free_fresh(struct fresh *f)
{
    free(f->count);
    free(f->word_count);
    free(f->seen);
}

static void change_fresh(struct fresh *f, int32_t neighbour, int64_t change, uint32_t words)
{
    if (f->word_count[neighbour] == 0) f->seen[f->seen_count++] = neighbour;
    f->word_count[neighbour] += words;
    f->count[neighbour] += change;
}

static void clear_fresh(struct fresh *f)
{
    for (int32_t i = 0; i < f->seen_count; i++) {
        f->count[f->seen[i]] = 0;
        f->word_count[f->seen[i]] = 0;
    }
    f->seen_count = 0;
}

/* ---- the words of the pair ---- */

static void change_pair(const struct merge *m, struct neighbours *n, int32_t first, int32_t second,
                        int64_t change)
{
    if (second == m->token) {
        change_fresh(&n->before, first, change, 1);
    } else if (first == m->token) {
        change_fresh(&n->after, second, change, 1);
    } else {
        struct vocab_frequent_pair *pair =
            vocab_frequent_pairs_find(m->pairs, vocab_pair_key(first, second));
        if (!pair) return;
#pragma omp atomic
        pair->count += change;
    }
}

static void merge_in_word(const struct merge *m, struct neighbours *n, struct vocab_piece_word *w)
{
    const int64_t count = vocab_piece_word_count(w);
    int32_t *pieces = w->pieces;
    for (int i = 0; i + 1 < w->length; i++) {
        if (pieces[i] != m->first || pieces[i + 1] != m->second) continue;
        if (i > 0) {
            change_pair(m, n, pieces[i - 1], m->first, -count);
            change_pair(m, n, pieces[i - 1], m->token, count);
        }
        if (i + 2 < w->length) {
            change_pair(m, n, m->second, pieces[i + 2], -count);
            change_pair(m, n, m->token, pieces[i + 2], count);
        }
        pieces[i] = m->token;
        w->length--;
        memmove(&pieces[i + 1], &pieces[i + 2], (size_t)(w->length - i - 1) * sizeof *pieces);
    }
}

static void join_fresh(struct fresh *to, struct fresh *from)
{
    for (int32_t i = 0; i < from->seen_count; i++) {
        const int32_t neighbour = from->seen[i];
        change_fresh(to, neighbour, from->count[neighbour], from->word_count[neighbour]);
    }
    clear_fresh(from);
}

static void merge_in_words(const struct merge *m, const uint32_t *places, uint32_t count)
{
#pragma omp parallel for num_threads(m->threads) schedule(static) if (count >= PARALLEL_WORDS)
    for (uint32_t k = 0; k < count; k++)
        merge_in_word(m, &m->fresh[omp_get_thread_num()],
                      vocab_word_pieces_at(m->words, places[k]));
    for (int t = 1; t < m->threads; t++) {
        join_fresh(&m->fresh[0].before, &m->fresh[t].before);
        join_fresh(&m->fresh[0].after, &m->fresh[t].after);
    }
}

/* ---- the new pairs ---- */

/* Those that are frequent go into the table, with no words yet. */
static enum clb_status add_fresh(struct merge *m, const struct fresh *f, bool before, bool *any)
{
    for (int32_t i = 0; i < f->seen_count; i++) {
        const int32_t neighbour = f->seen[i];
        if (f->count[neighbour] < m->pairs->threshold) continue;
        enum clb_status status = vocab_frequent_pairs_add(
            m->pairs,
            before ? vocab_pair_key(neighbour, m->token) : vocab_pair_key(m->token, neighbour),
            f->count[neighbour], f->word_count[neighbour]);
        if (status != CLB_OK) return status;
        *any = true;
    }
    return CLB_OK;
}

static void note_word(const struct merge *m, int32_t first, int32_t second, uint32_t place)
{
    const struct neighbours *n = &m->fresh[0];
    const int64_t count = second == m->token ? n->before.count[first] : n->after.count[second];
    if (count < m->pairs->threshold) return;
    struct vocab_frequent_pair *pair =
        vocab_frequent_pairs_find(m->pairs, vocab_pair_key(first, second));
    uint32_t at;
#pragma omp atomic capture
    at = pair->word_count++;
    pair->words[at] = place;
}

/* The order of a pair's words depends on the threads; nothing depends on that order. */
static void note_words(const struct merge *m, const uint32_t *places, uint32_t count)
{
#pragma omp parallel for num_threads(m->threads) schedule(static) if (count >= PARALLEL_WORDS)
    for (uint32_t k = 0; k < count; k++) {
        const struct vocab_piece_word *w = vocab_word_pieces_at(m->words, places[k]);
        for (int i = 0; i + 1 < w->length; i++)
            if ((w->pieces[i] == m->token || w->pieces[i + 1] == m->token) &&
                !vocab_piece_word_repeats(w, i))
                note_word(m, w->pieces[i], w->pieces[i + 1], places[k]);
    }
}

/* ---- merging ---- */

static enum clb_status merge_pair(struct merge *m, struct vocab_frequent_pair *pair)
{
    const struct vocab_frequent_pair taken = *pair; /* the table may move */
    struct neighbours *n = &m->fresh[0];
    bool any = false;
    enum clb_status status = CLB_OK;
    pair->count = 0;
    pair->owned = false;
    merge_in_words(m, taken.words, taken.word_count);
    CLB_TRY(add_fresh(m, &n->before, true, &any));
    CLB_TRY(add_fresh(m, &n->after, false, &any));
    if (any) note_words(m, taken.words, taken.word_count);
cleanup:
    clear_fresh(&n->before);
    clear_fresh(&n->after);
    if (taken.owned) free(taken.words);
    return status;
}

/* Merges the pairs that are in the table, and those that become as frequent, until there are none.
 */
static enum clb_status merge_frequent(struct merge *m, int32_t vocab_size,
                                      struct vocab_merge_tokens *tokens)
{
    enum clb_status status = CLB_OK;
    while (tokens->count < vocab_size) {
        struct vocab_frequent_pair *pair;
        CLB_TRY(vocab_frequent_pairs_pop(m->pairs, &pair));
        if (!pair) break;
        if (tokens->count % 100 == 0)
            base_log_progress("%d of %d tokens", tokens->count, vocab_size);
        m->first = vocab_pair_first(pair->key);
        m->second = vocab_pair_second(pair->key);
        CLB_TRY(vocab_merge_tokens_join(tokens, m->first, m->second, &m->token));
        CLB_TRY(merge_pair(m, pair));
    }
cleanup:
    return status;
}

static enum clb_status create_merge(struct merge *m, int32_t vocab_size)
{
    enum clb_status status = CLB_OK;
    m->fresh = calloc((size_t)m->threads, sizeof *m->fresh);
    if (!m->fresh) return out_of_memory();
    for (int t = 0; t < m->threads && status == CLB_OK; t++) {
        status = create_fresh(&m->fresh[t].before, vocab_size);
        if (status == CLB_OK) status = create_fresh(&m->fresh[t].after, vocab_size);
    }
    return status;
}

static void free_merge(struct merge *m)
{
    for (int t = 0; m->fresh && t < m->threads; t++) {
        free_fresh(&m->fresh[t].before);
        free_fresh(&m->fresh[t].after);
    }
    free(m->fresh);
}

enum clb_status vocab_merge_words(struct vocab_word_pieces *words, int32_t vocab_size,
                                  int64_t min_frequency, struct vocab_merge_tokens *tokens)
{
    struct vocab_frequent_pairs pairs = {0};
    struct merge m = {.pairs = &pairs, .words = words, .threads = words->slice_count};
    const int64_t least = min_frequency > 1 ? min_frequency : 1;
    enum clb_status status;
    CLB_TRY(create_merge(&m, vocab_size));
    do {
        CLB_TRY(vocab_frequent_pairs_collect(&pairs, words, least));
        CLB_TRY(merge_frequent(&m, vocab_size, tokens));
    } while (tokens->count < vocab_size && pairs.threshold > least);
cleanup:
    base_log_progress(NULL);
    vocab_frequent_pairs_free(&pairs);
    free_merge(&m);
    return status;
}
