/* SPDX-License-Identifier: Apache-2.0 */
#include "vocab/word_pieces.h"

#include "base/error.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

enum clb_status vocab_word_pieces_create(size_t capacity, struct vocab_word_pieces *w)
{
    *w = (struct vocab_word_pieces){.capacity = capacity};
    w->cells = base_table_alloc((capacity + 1) * sizeof *w->cells);
    return w->cells ? CLB_OK : clb_fail(CLB_ERROR_MEMORY, "vocabulary: out of memory");
}

void vocab_word_pieces_free(struct vocab_word_pieces *w)
{
    free(w->cells);
    free(w->slices);
}

void vocab_word_pieces_add(struct vocab_word_pieces *w, int64_t count, const int32_t *pieces,
                           int length)
{
    struct vocab_piece_word *word = vocab_word_pieces_at(w, w->used);
    word->room = word->length = (uint16_t)length;
    word->count[0] = (uint32_t)count;
    word->count[1] = (uint32_t)((uint64_t)count >> 32);
    memcpy(word->pieces, pieces, (size_t)length * sizeof *pieces);
    w->used += VOCAB_PIECE_WORD_CELLS + (size_t)length;
}

enum clb_status vocab_word_pieces_slice(struct vocab_word_pieces *w, int slices)
{
    size_t place = 0;
    w->slices = calloc((size_t)slices, sizeof *w->slices);
    if (!w->slices) return clb_fail(CLB_ERROR_MEMORY, "vocabulary: out of memory");
    w->slice_count = slices;
    for (int s = 0; s < slices; s++) {
        const size_t target = w->used / (size_t)slices * (size_t)(s + 1);
        w->slices[s].begin = place;
        while (place < (s + 1 < slices ? target : w->used))
            place = vocab_word_pieces_after(w, place);
        w->slices[s].end = place;
    }
    return CLB_OK;
}

void vocab_word_pieces_compact(struct vocab_word_pieces *w, int slice)
{
    struct word_slice *s = &w->slices[slice];
    size_t to = s->begin;
    for (size_t place = s->begin, next; place < s->end; place = next) {
        struct vocab_piece_word *word = vocab_word_pieces_at(w, place);
        next = vocab_word_pieces_after(w, place);
        if (word->length < 2) continue;
        word->room = word->length;
        memmove(w->cells + to, word,
                (VOCAB_PIECE_WORD_CELLS + (size_t)word->length) * sizeof *w->cells);
        to += VOCAB_PIECE_WORD_CELLS + (size_t)vocab_word_pieces_at(w, to)->length;
    }
    s->end = to;
}
