/* SPDX-License-Identifier: Apache-2.0 */
#include "data/pairs.h"

#include "data/permutation.h"

/* Draws of one example. */
enum { DRAW_LABEL, DRAW_SHORT, DRAW_LENGTH, DRAW_PLACE_LOW, DRAW_PLACE_HIGH, DRAWS = 8 };

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

void pairs_begin(struct pairs *p, const struct indexed *set, uint64_t seed, int32_t max_seq_length,
                 float short_probability)
{
    p->set = set;
    p->seed = seed;
    p->max_tokens = max_seq_length - 3;
    p->short_probability = short_probability;
    p->stretch = larger(p->max_tokens / 2, 1);
    p->anchors = stretches_most(set, p->stretch);
}

/* ---- anchors ---- */

/* The first sentence of [first, end) of a document whose key is at least `key`; `end` if none. */
static int64_t first_with_key(const struct stretches *s, int64_t document, int64_t first,
                              int64_t end, int64_t key)
{
    while (first < end) {
        int64_t middle = first + (end - first) / 2;
        if (stretches_key(s, middle, document) >= key)
            end = middle;
        else
            first = middle + 1;
    }
    return first;
}

static struct token_range anchor_at(const struct pairs *p, int64_t shift, int64_t key,
                                    int64_t *document)
{
    const struct indexed *set = p->set;
    const struct stretches stretches = {set, p->stretch, shift};
    *document = stretches_document(&stretches, key);
    const int64_t first = indexed_document_first(set, *document);
    const int64_t end = indexed_document_first(set, *document + 1);
    const int64_t from = first_with_key(&stretches, *document, first, end, key);
    const int64_t to = first_with_key(&stretches, *document, from, end, key + 1);
    if (from < to) {
        int64_t begin = indexed_start(set, from);
        return (struct token_range){begin, indexed_start(set, to) - begin};
    }
    /* No sentence begins here: the part of a long one that lies in the stretch, or, past the
     * document's end, its last sentence once more. */
    const int64_t begin = larger((key - *document) * p->stretch - shift, 0);
    const struct token_range whole = stretches_document_range(set, *document);
    if (begin > whole.first && begin < whole.first + whole.count)
        return (struct token_range){begin, smaller(p->stretch, whole.first + whole.count - begin)};
    const int64_t last = from > first ? from - 1 : first;
    return (struct token_range){indexed_start(set, last), indexed_length(set, last)};
}

/* ---- the second segment ---- */

/* A run of up to `room` tokens of another document than [avoid), every token as likely to be hit:
 * from the beginning of the sentence that was hit, and, where the document ends too soon, from
 * earlier ones. */
static struct token_range random_run(const struct pairs *p, uint64_t draw, struct token_range avoid,
                                     int64_t room)
{
    const struct indexed *set = p->set;
    const uint64_t others = (uint64_t)(set->tokens - avoid.count);
    int64_t token = (int64_t)((unsigned __int128)draw * others >> 64);
    if (token >= avoid.first) token += avoid.count;
    int64_t sentence = indexed_sentence_at(set, token);
    const int64_t document = indexed_document_of(set, sentence);
    const int64_t first = indexed_document_first(set, document);
    const struct token_range whole = stretches_document_range(p->set, document);
    const int64_t end = whole.first + whole.count;
    while (sentence > first && end - indexed_start(set, sentence) < room) sentence--;
    const int64_t begin = indexed_start(set, sentence);
    return (struct token_range){begin, smaller(end - begin, room)};
}

/* Cuts A from its front and B from its end, so that the seam stays: B first, which the epoch shows
 * as A elsewhere, down to a quarter of the target. */
static void truncate_outer_ends(struct pair *pair, int64_t target)
{
    const int64_t b_least = smaller(pair->b.count, larger(target / 4, 1));
    const int64_t a = smaller(pair->a.count, target - b_least);
    pair->a.first += pair->a.count - a;
    pair->a.count = a;
    pair->b.count = smaller(pair->b.count, target - a);
}

/* IsNext: A and B are neighbours of one document. At the document's end there is nothing after the
 * anchor: then the seam moves to before its last sentence, or into a single sentence's middle. */
static void take_next(const struct pairs *p, struct token_range anchor, struct token_range whole,
                      int64_t document, struct pair *pair)
{
    const int64_t end = whole.first + whole.count;
    int64_t seam = anchor.first + anchor.count;
    if (seam == end) {
        const int64_t last = indexed_document_first(p->set, document + 1) - 1;
        seam = indexed_start(p->set, last);
        if (anchor.first < seam)
            anchor.count = seam - anchor.first;
        else if (anchor.first > whole.first)
            seam = anchor.first;
        else
            seam = anchor.first + anchor.count / 2;
    }
    pair->a = (struct token_range){smaller(anchor.first, seam), 0};
    pair->a.count = seam - pair->a.first;
    pair->b = (struct token_range){seam, smaller(end - seam, p->max_tokens)};
}

/* ---- an example ---- */

static int64_t target_length(const struct pairs *p, struct clb_random random, uint64_t base)
{
    float u = clb_uniform_from_bits(clb_random_u32(random, base + DRAW_SHORT));
    if (u >= p->short_probability) return p->max_tokens;
    return 2 + clb_random_below(random, base + DRAW_LENGTH, (uint32_t)p->max_tokens - 1);
}

struct pair pairs_at(const struct pairs *p, uint32_t epoch, int64_t index)
{
    const struct clb_random order = {p->seed, CLB_PURPOSE_ORDER, epoch};
    const struct clb_random random = {p->seed, CLB_PURPOSE_PAIRING, epoch};
    const struct clb_random layout = {p->seed, CLB_PURPOSE_PAIRING + 1, epoch};
    const int64_t shift = clb_random_below(layout, 0, (uint32_t)p->stretch);
    const int64_t key = (int64_t)permutation_at(order, (uint64_t)p->anchors, (uint64_t)index);
    const uint64_t base = (uint64_t)index * DRAWS;
    const int64_t target = target_length(p, random, base);
    int64_t document;
    struct pair pair = {.label = (int32_t)(clb_random_u32(random, base + DRAW_LABEL) >> 31)};
    const struct token_range anchor = anchor_at(p, shift, key, &document);
    const struct token_range whole = stretches_document_range(p->set, document);
    if (whole.count < 2) pair.label = 1;
    if (pair.label == 0) {
        take_next(p, anchor, whole, document, &pair);
    } else {
        uint64_t draw = (uint64_t)clb_random_u32(random, base + DRAW_PLACE_HIGH) << 32 |
                        clb_random_u32(random, base + DRAW_PLACE_LOW);
        pair.a = anchor;
        pair.b = random_run(p, draw, whole, larger(target - anchor.count, larger(target / 4, 1)));
    }
    /* Room that is left goes to the text before A. */
    const int64_t room = target - pair.a.count - pair.b.count;
    const int64_t more = smaller(larger(room, 0), pair.a.first - whole.first);
    pair.a.first -= more;
    pair.a.count += more;
    truncate_outer_ends(&pair, target);
    return pair;
}
