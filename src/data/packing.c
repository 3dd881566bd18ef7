/* SPDX-License-Identifier: Apache-2.0 */
#include "data/packing.h"

#include "data/permutation.h"

/* Draws of one example. Other places are drawn until one is that of an example, which more than
 * half of them are. */
enum { DRAW_SHORT, DRAW_LENGTH, DRAW_PLACE, PLACES = 30, DRAWS = DRAW_PLACE + 2 * PLACES };

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

void packing_begin(struct packing *p, const struct indexed *set, uint64_t seed,
                   int32_t max_seq_length, float short_probability)
{
    p->set = set;
    p->seed = seed;
    p->max_tokens = max_seq_length - 2;
    p->short_probability = short_probability;
    p->slack = smaller(p->max_tokens / 8, 2 * set->tokens / set->sentences); /* two sentences */
    p->stretch = p->max_tokens - p->slack;
    p->examples = stretches_most(set, p->stretch);
}

/* ---- which document, and which of its examples ---- */

static int64_t examples_of(const struct packing *p, struct token_range document)
{
    return document.count <= p->max_tokens ? 1 : (document.count + p->stretch - 1) / p->stretch;
}

/* A key in [0, examples). */
static int64_t draw_key(const struct packing *p, struct clb_random random, uint64_t at)
{
    const uint64_t draw =
        (uint64_t)clb_random_u32(random, at) << 32 | clb_random_u32(random, at + 1);
    return (int64_t)((unsigned __int128)draw * (uint64_t)p->examples >> 64);
}

/* A document has at least as many keys as examples. */
static int64_t find_document(const struct packing *p, uint32_t epoch, int64_t index,
                             int64_t *number)
{
    const struct clb_random order = {p->seed, CLB_PURPOSE_ORDER, epoch};
    const struct clb_random random = {p->seed, CLB_PURPOSE_PAIRING, epoch};
    const struct clb_random layout = {p->seed, CLB_PURPOSE_PAIRING + 1, epoch};
    const struct stretches stretches = {p->set, p->stretch,
                                        clb_random_below(layout, 0, (uint32_t)p->stretch)};
    int64_t key = (int64_t)permutation_at(order, (uint64_t)p->examples, (uint64_t)index);
    for (uint64_t place = 0;; place++) {
        const int64_t document = stretches_document(&stretches, key);
        *number = key - stretches_document_key(&stretches, document);
        if (*number >= 0 && *number < examples_of(p, stretches_document_range(p->set, document)))
            return document;
        *number = 0; /* of the document at hand, should the draws be of no use */
        if (place == PLACES) return document;
        key = draw_key(p, random, (uint64_t)index * DRAWS + DRAW_PLACE + 2 * place);
    }
}

/* ---- an example ---- */

/* Where example `number` of a document begins and the one before it ends. `shift` tokens of the
 * first stretch lie before the document. */
static int64_t cut_at(const struct packing *p, struct token_range document, int64_t shift,
                      int64_t number)
{
    const int64_t place = document.first + number * p->stretch - shift;
    if (number == 0) return document.first;
    if (number == examples_of(p, document)) return document.first + document.count;
    const int64_t begin = indexed_start(p->set, indexed_sentence_at(p->set, place));
    return place - begin <= p->slack ? begin : place;
}

static int64_t target_length(const struct packing *p, struct clb_random random, uint64_t base)
{
    const float u = clb_uniform_from_bits(clb_random_u32(random, base + DRAW_SHORT));
    if (u >= p->short_probability) return p->max_tokens;
    return 2 + clb_random_below(random, base + DRAW_LENGTH, (uint32_t)p->max_tokens - 1);
}

struct token_range packing_at(const struct packing *p, uint32_t epoch, int64_t index)
{
    const struct clb_random random = {p->seed, CLB_PURPOSE_PAIRING, epoch};
    const struct clb_random layout = {p->seed, CLB_PURPOSE_PAIRING + 2, epoch};
    int64_t number;
    const int64_t document = find_document(p, epoch, index, &number);
    const struct token_range whole = stretches_document_range(p->set, document);
    /* What the stretches have beyond the document, less than one of them, goes to both its ends, a
     * quarter at least. */
    const int64_t beyond = examples_of(p, whole) * p->stretch - whole.count;
    const int64_t room = smaller(larger(beyond, 0), p->stretch - 1);
    const int64_t shift =
        room / 4 + clb_random_below(layout, (uint64_t)document, (uint32_t)(room / 2) + 1);
    const int64_t begin = cut_at(p, whole, shift, number);
    const int64_t end = cut_at(p, whole, shift, number + 1);
    const int64_t target = target_length(p, random, (uint64_t)index * DRAWS);
    return (struct token_range){begin, smaller(end - begin, target)};
}
