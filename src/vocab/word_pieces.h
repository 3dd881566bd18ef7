/* SPDX-License-Identifier: Apache-2.0 */
/* The words of a text as ids of their pieces, close together in memory. */
#ifndef VOCAB_WORD_PIECES_H
#define VOCAB_WORD_PIECES_H

#include <clbert/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In cells of 4 bytes, like the words' places. */
struct vocab_piece_word {
    uint16_t room, length; /* pieces it once had, and has */
    uint32_t count[2];     /* of the word in the text: low, high */
    int32_t pieces[];      /* [room] */
};

enum { VOCAB_PIECE_WORD_CELLS = 3 }; /* of a word, beside its pieces */

struct vocab_word_pieces {
    uint32_t *cells;
    size_t used, capacity;
    int slice_count; /* the words in as many slices, each for a thread */
    struct word_slice {
        size_t begin, end; /* cells */
    } * slices;
};

/* For `capacity` cells, below 2^32. */
enum clb_status vocab_word_pieces_create(size_t capacity, struct vocab_word_pieces *words);
void vocab_word_pieces_free(struct vocab_word_pieces *words);

static inline struct vocab_piece_word *vocab_word_pieces_at(const struct vocab_word_pieces *words,
                                                            size_t place)
{
    return (struct vocab_piece_word *)(void *)(words->cells + place);
}

static inline size_t vocab_word_pieces_after(const struct vocab_word_pieces *words, size_t place)
{
    return place + VOCAB_PIECE_WORD_CELLS + vocab_word_pieces_at(words, place)->room;
}

static inline int64_t vocab_piece_word_count(const struct vocab_piece_word *word)
{
    return (int64_t)((uint64_t)word->count[1] << 32 | word->count[0]);
}

/* Whether the word has the pair of pieces i and i + 1 further left, too. */
static inline bool vocab_piece_word_repeats(const struct vocab_piece_word *word, int i)
{
    for (int j = 0; j < i; j++)
        if (word->pieces[j] == word->pieces[i] && word->pieces[j + 1] == word->pieces[i + 1])
            return true;
    return false;
}

/* There must be room for it. */
void vocab_word_pieces_add(struct vocab_word_pieces *words, int64_t count, const int32_t *pieces,
                           int length);
/* Ends the adding: cuts the words into slices. */
enum clb_status vocab_word_pieces_slice(struct vocab_word_pieces *words, int slices);
/* Gives back the room of pieces that have been merged, and of words that are one piece. Words
 * move, in order. */
void vocab_word_pieces_compact(struct vocab_word_pieces *words, int slice);

#endif
