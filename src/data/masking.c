/* SPDX-License-Identifier: Apache-2.0 */
#include "data/masking.h"

#include <stdlib.h>

/* Draws of one example: which units, what happens to a token, by which it is replaced, and how long
 * a span is. */
enum { DRAW_UNIT = 0, DRAW_KIND = 1 << 18, DRAW_TOKEN = 2 << 18, DRAW_SPAN = 3 << 18 };

static int by_size(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

void masking_begin(struct masking *m, const struct clb_tokenizer *tokenizer, enum masking_unit unit)
{
    m->tokenizer = tokenizer;
    m->unit = unit;
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

/* Masks a token in the way that is drawn at `kind_at`. */
static void mask_token(const struct masking *m, struct clb_random random, uint64_t base,
                       int32_t kind_at, int32_t at, int32_t *ids, int32_t *labels)
{
    const uint32_t ordinary = (uint32_t)clb_tokenizer_vocab_size(m->tokenizer) - 5;
    const uint32_t kind = clb_random_below(random, base + DRAW_KIND + (uint64_t)kind_at, 10);
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
        if (m->unit != MASKING_TOKENS && !after_special &&
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

int32_t masking_most(float probability, enum masking_unit unit, int32_t length)
{
    const bool tokens = unit == MASKING_TOKENS; /* a word may be all there is */
    return tokens ? share_of(probability, length) : length;
}

/* n of 1 .. 10 with the weight 4^(n-1) 5^(10-n); together they are 5^10 - 4^10. */
static int32_t span_words(struct clb_random random, uint64_t at)
{
    uint32_t draw = clb_random_below(random, at, 8717049), weight = 1953125;
    int32_t words = 1;
    for (; draw >= weight; words++) {
        draw -= weight;
        weight = weight / 5 * 4;
    }
    return words;
}

/* Masks the span that begins at a word, as far as `left` allows: returns what is left of that.
 * word_sizes[i] is the size of the word that begins at i, 0 where none does. */
static int32_t mask_span(const struct masking *m, struct clb_random random, uint64_t base,
                         int32_t begin, int32_t left, const int32_t *word_sizes, int32_t *ids,
                         int32_t *labels)
{
    const int32_t words = span_words(random, base + DRAW_SPAN + (uint64_t)begin);
    for (int32_t word = 0, at = begin; word < words; word++) {
        const int32_t end = at + word_sizes[at];
        const bool masked = labels[at] >= 0;
        if (end == at || masked || end - at > left) break; /* the text before a [SEP] ends, too */
        left -= end - at;
        for (; at < end; at++) mask_token(m, random, base, begin, at, ids, labels);
    }
    return left;
}

void masking_apply(const struct masking *m, float probability, struct clb_random random,
                   uint64_t base, int32_t length, int32_t *ids, int32_t *labels, int32_t *scratch)
{
    int32_t *begins = scratch, *sizes = scratch + length, *word_sizes = scratch + 2 * length;
    int32_t maskable, left;
    const int32_t units = find_units(m, length, ids, begins, sizes, &maskable);
    for (int32_t i = 0; i < length; i++) labels[i] = -100;
    for (int32_t i = 0; i < length; i++) word_sizes[i] = 0;
    for (int32_t u = 0; u < units; u++) word_sizes[begins[u]] = sizes[u];
    left = share_of(probability, maskable);
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
        if (m->unit == MASKING_SPANS && !last_chance) {
            left = mask_span(m, random, base, begins[u], left, word_sizes, ids, labels);
            continue;
        }
        for (int32_t i = begins[u]; i < begins[u] + sizes[u]; i++)
            mask_token(m, random, base, i, i, ids, labels);
        left -= sizes[u];
    }
}
