/* SPDX-License-Identifier: Apache-2.0 */
#include "vocab/alphabet.h"

#include "base/error.h"

#include <stdlib.h>
#include <unicode/utf8.h>

struct character {
    int32_t code;
    int64_t count;
};

static enum clb_status out_of_memory(void)
{
    return clb_fail(CLB_ERROR_MEMORY, "alphabet: out of memory");
}

enum clb_status vocab_alphabet_create(struct vocab_alphabet *a)
{
    a->counts = calloc(VOCAB_ALPHABET_CODES, sizeof *a->counts);
    for (int i = 0; i < 2; i++) a->ids[i] = calloc(VOCAB_ALPHABET_CODES, sizeof *a->ids[i]);
    return a->counts && a->ids[0] && a->ids[1] ? CLB_OK : out_of_memory();
}

void vocab_alphabet_free(struct vocab_alphabet *a)
{
    free(a->counts);
    free(a->ids[0]);
    free(a->ids[1]);
}

int vocab_alphabet_count(struct vocab_alphabet *a, const struct vocab_word_count *word)
{
    int characters = 0;
    for (int32_t i = 0; i < (int32_t)word->size; characters++) {
        UChar32 c;
        U8_NEXT(word->bytes, i, (int32_t)word->size, c);
        if (c >= 0) a->counts[c] += word->count;
    }
    return characters;
}

static int by_count(const void *a, const void *b)
{
    const struct character *x = a, *y = b;
    if (x->count != y->count) return x->count < y->count ? 1 : -1;
    return (x->code > y->code) - (x->code < y->code);
}

static int by_code(const void *a, const void *b)
{
    const struct character *x = a, *y = b;
    return (x->code > y->code) - (x->code < y->code);
}

static enum clb_status add_piece(struct vocab_alphabet *a, int32_t code, bool behind,
                                 struct vocab_merge_tokens *tokens)
{
    char text[8] = "##";
    int32_t size = behind ? 2 : 0, id = -1;
    U8_APPEND_UNSAFE(text, size, code);
    text[size] = 0;
    enum clb_status status = vocab_merge_tokens_add(tokens, text, &id);
    a->ids[behind][code] = id + 1;
    return status;
}

enum clb_status vocab_alphabet_choose(struct vocab_alphabet *a, int32_t limit,
                                      struct vocab_merge_tokens *tokens, int32_t *size)
{
    int32_t found = 0;
    for (int32_t c = 0; c < VOCAB_ALPHABET_CODES; c++) found += a->counts[c] > 0;
    struct character *all = malloc(((size_t)found + 1) * sizeof *all);
    if (!all) return out_of_memory();
    found = 0;
    for (int32_t c = 0; c < VOCAB_ALPHABET_CODES; c++)
        if (a->counts[c] > 0) all[found++] = (struct character){c, a->counts[c]};
    qsort(all, (size_t)found, sizeof *all, by_count);
    *size = found < limit ? found : limit;
    qsort(all, (size_t)*size, sizeof *all, by_code);
    enum clb_status status = CLB_OK;
    for (int32_t i = 0; i < *size && status == CLB_OK; i++)
        status = add_piece(a, all[i].code, false, tokens);
    free(all);
    return status;
}

enum clb_status vocab_alphabet_pieces(struct vocab_alphabet *a, const struct vocab_word_count *word,
                                      struct vocab_merge_tokens *tokens, int32_t *pieces,
                                      int *length)
{
    *length = 0;
    for (int32_t i = 0; i < (int32_t)word->size;) {
        const bool behind = i > 0;
        UChar32 c;
        U8_NEXT(word->bytes, i, (int32_t)word->size, c);
        if (c < 0 || a->ids[0][c] == 0) continue;
        if (a->ids[behind][c] == 0) {
            enum clb_status status = add_piece(a, c, behind, tokens);
            if (status != CLB_OK) return status;
        }
        pieces[(*length)++] = a->ids[behind][c] - 1;
    }
    return CLB_OK;
}
