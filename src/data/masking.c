/* SPDX-License-Identifier: Apache-2.0 */
#include "data/masking.h"

#include <stdlib.h>

/* Draws of one example: which units, what happens to a token, and by which it is replaced. */
enum { DRAW_UNIT = 0, DRAW_KIND = 1 << 18, DRAW_TOKEN = 2 << 18 };

static int by_size(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

void masking_begin(struct masking *m, const struct clb_tokenizer *tokenizer, float probability,
                   bool whole_words)
{
    m->tokenizer = tokenizer;
    m->probability = probability;
    m->whole_words = whole_words;
    m->special = clb_tokenizer_special_ids(tokenizer);
    const int32_t ids[5] = {m->special.pad, m->special.unk, m->special.cls, m->special.sep,
                            m->special.mask};
    for (int i = 0; i < 5; i++) m->sorted_specials[i] = ids[i];
    qsort(m->sorted_specials, 5, sizeof *m->sorted_specials, by_size);
}

/* [UNK] is what the text has, and may be masked; the others never. */
static bool may_mask(const struct masking *m, int32_t id)
{
    return id != m->special.cls && id != m->special.sep && id != m->special.pad &&
           id != m->special.mask;
}

/* The n-th of the ids that are not special. */
static int32_t ordinary_token(const struct masking *m, uint32_t n)
{
    int32_t id = (int32_t)n;
    for (int i = 0; i < 5; i++) id += id >= m->sorted_specials[i];
    return id;
}

static void mask_token(const struct masking *m, struct clb_random random, uint64_t base, int32_t at,
                       int32_t *ids, int32_t *labels)
{
    const uint32_t ordinary = (uint32_t)clb_tokenizer_vocab_size(m->tokenizer) - 5;
    const uint32_t kind = clb_random_below(random, base + DRAW_KIND + (uint64_t)at, 10);
    labels[at] = ids[at];
    if (kind < 8)
        ids[at] = m->special.mask;
    else if (kind == 8 && ordinary > 0)
        ids[at] =
            ordinary_token(m, clb_random_below(random, base + DRAW_TOKEN + (uint64_t)at, ordinary));
}

/* Units are single tokens, or whole words: begins[u] and how many tokens in sizes[u]. */
static int32_t find_units(const struct masking *m, int32_t length, const int32_t *ids,
                          int32_t *begins, int32_t *sizes, int32_t *maskable)
{
    int32_t units = 0;
    bool after_special = true; /* a word does not go on across [CLS] or [SEP] */
    *maskable = 0;
    for (int32_t i = 0; i < length; i++) {
        if (!may_mask(m, ids[i])) {
            after_special = true;
            continue;
        }
        ++*maskable;
        if (m->whole_words && !after_special &&
            clb_tokenizer_is_continuation(m->tokenizer, ids[i])) {
            sizes[units - 1]++;
        } else {
            begins[units] = i;
            sizes[units++] = 1;
        }
        after_special = false;
    }
    return units;
}

static void swap(int32_t *a, int32_t *b)
{
    int32_t kept = *a;
    *a = *b;
    *b = kept;
}

/* The share of an example's ordinary tokens. */
static int32_t share_of(float probability, int32_t maskable)
{
    const int32_t share = (int32_t)((float)maskable * probability + 0.5f);
    return share < 1 ? 1 : share;
}

int32_t masking_most(float probability, bool whole_words, int32_t length)
{
    return whole_words ? length : share_of(probability, length); /* a word may be all there is */
}

void masking_apply(const struct masking *m, struct clb_random random, uint64_t base, int32_t length,
                   int32_t *ids, int32_t *labels, int32_t *scratch)
{
    int32_t *begins = scratch, *sizes = scratch + length, maskable, left;
    const int32_t units = find_units(m, length, ids, begins, sizes, &maskable);
    for (int32_t i = 0; i < length; i++) labels[i] = -100;
    left = share_of(m->probability, maskable);
    /* A shuffle as far as it is needed; a word that would be too much is passed over, unless it is
     * the only one there will be. */
    const int32_t wanted = left;
    for (int32_t u = 0; u < units && left > 0; u++) {
        const uint32_t from =
            clb_random_below(random, base + DRAW_UNIT + (uint64_t)u, (uint32_t)(units - u));
        swap(&begins[u], &begins[u + (int32_t)from]);
        swap(&sizes[u], &sizes[u + (int32_t)from]);
        const bool last_chance = left == wanted && u == units - 1;
        if (sizes[u] > left && !last_chance) continue;
        for (int32_t i = 0; i < sizes[u]; i++)
            mask_token(m, random, base, begins[u] + i, ids, labels);
        left -= sizes[u];
    }
}
