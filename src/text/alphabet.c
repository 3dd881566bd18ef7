#include "text/alphabet.h"

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

enum clb_status alphabet_create(struct alphabet *a)
{
    a->counts = calloc(ALPHABET_CODES, sizeof *a->counts);
    a->kept = calloc(ALPHABET_CODES, sizeof *a->kept);
    return a->counts && a->kept ? CLB_OK : out_of_memory();
}

void alphabet_free(struct alphabet *a)
{
    free(a->counts);
    free(a->kept);
}

int alphabet_count(struct alphabet *a, const struct text_word_count *word)
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

enum clb_status alphabet_choose(struct alphabet *a, int32_t limit, struct merge_tokens *tokens,
                                int32_t *size)
{
    int32_t found = 0;
    for (int32_t c = 0; c < ALPHABET_CODES; c++) found += a->counts[c] > 0;
    struct character *all = malloc(((size_t)found + 1) * sizeof *all);
    if (!all) return out_of_memory();
    found = 0;
    for (int32_t c = 0; c < ALPHABET_CODES; c++)
        if (a->counts[c] > 0) all[found++] = (struct character){c, a->counts[c]};
    qsort(all, (size_t)found, sizeof *all, by_count);
    *size = found < limit ? found : limit;
    for (int32_t i = 0; i < *size; i++) a->kept[all[i].code] = true;
    free(all);
    for (int32_t c = 0; c < ALPHABET_CODES; c++) {
        char text[8] = "";
        int32_t length = 0, id;
        if (!a->kept[c]) continue;
        U8_APPEND_UNSAFE(text, length, c);
        enum clb_status status = merge_tokens_add(tokens, text, &id);
        if (status != CLB_OK) return status;
    }
    return CLB_OK;
}
