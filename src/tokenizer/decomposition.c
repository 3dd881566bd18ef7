/* SPDX-License-Identifier: Apache-2.0 */
#include "tokenizer/decomposition.h"

#include "base/error.h"
#include "text/icu_memory.h"

#include <pthread.h>
#include <stdlib.h>
#include <unicode/unorm2.h>
#include <unicode/uset.h>
#include <unicode/utf16.h>

enum { MOST_UNITS = 4 }; /* NFD gives at most 4 units for one */

enum clb_status tokenizer_run_create(size_t capacity, bool traced, struct tokenizer_run *run)
{
    *run = (struct tokenizer_run){.units = malloc(capacity * sizeof *run->units)};
    if (traced) run->origins = malloc(capacity * sizeof *run->origins);
    if (run->units && (run->origins || !traced)) return CLB_OK;
    tokenizer_run_free(run);
    return clb_fail(CLB_ERROR_MEMORY, "text: out of memory");
}

void tokenizer_run_free(struct tokenizer_run *run)
{
    free(run->units);
    free(run->origins);
    *run = (struct tokenizer_run){0};
}

static const UNormalizer2 *normalizer;
static UErrorCode normalizer_error;

static void open_normalizer(void)
{
    static const UChar pattern[] = u"[:age=9.0:]";
    UErrorCode *error = &normalizer_error;
    text_icu_begin();
    const UNormalizer2 *nfd = unorm2_getNFDInstance(error);
    USet *set = uset_openPattern(pattern, -1, error);
    if (U_SUCCESS(*error)) uset_freeze(set);
    normalizer = unorm2_openFiltered(nfd, set, error);
    if (text_icu_starved()) *error = U_MEMORY_ALLOCATION_ERROR;
}

/* ---- origins ---- */

/* A character of the decomposition: its combining class, and whether it is one more of what the
 * character before it was decomposed to. */
struct piece {
    uint8_t class;
    bool more;
};

/* Appends what a character is decomposed to. */
static int32_t add_pieces(UChar32 c, struct piece *pieces, int32_t count)
{
    UErrorCode error = U_ZERO_ERROR;
    UChar units[4 * MOST_UNITS];
    const int32_t size = unorm2_getDecomposition(normalizer, c, units,
                                                 (int32_t)(sizeof units / sizeof *units), &error);
    const int32_t first = count;
    if (size < 0) {
        pieces[count++] = (struct piece){unorm2_getCombiningClass(normalizer, c), false};
        return count;
    }
    for (int32_t i = 0; i < size; count++) {
        UChar32 part;
        U16_NEXT(units, i, size, part);
        pieces[count] = (struct piece){unorm2_getCombiningClass(normalizer, part), count > first};
    }
    return count;
}

/* Canonical order: marks by their class, those of one class as they were. */
static void sort_pieces(struct piece *pieces, int32_t count)
{
    for (int32_t i = 1; i < count; i++) {
        const struct piece piece = pieces[i];
        int32_t at = i;
        for (; piece.class && at > 0 && pieces[at - 1].class > piece.class; at--)
            pieces[at] = pieces[at - 1];
        pieces[at] = piece;
    }
}

/* As Hugging Face's tokenizers does: after the marks are sorted, what was there comes, in this
 * order, from the text's characters in theirs, and what is one more from where the last of them
 * did. */
static void spread_origins(const struct tokenizer_run *in, const struct piece *pieces,
                           struct tokenizer_run *out)
{
    size_t origin = in->origins[0];
    for (int32_t i = 0, from = 0; i < out->length; pieces++) {
        const int32_t first = i;
        U16_FWD_1(out->units, i, out->length);
        if (!pieces->more) {
            origin = in->origins[from];
            U16_FWD_1(in->units, from, in->length);
        }
        for (int32_t unit = first; unit < i; unit++) out->origins[unit] = origin;
    }
}

static enum clb_status trace(const struct tokenizer_run *in, struct tokenizer_run *out)
{
    int32_t count = 0;
    struct piece *pieces = malloc(((size_t)out->length + 1) * sizeof *pieces);
    if (!pieces) return clb_fail(CLB_ERROR_MEMORY, "text: out of memory");
    for (int32_t i = 0; i < in->length;) {
        UChar32 c;
        U16_NEXT(in->units, i, in->length, c);
        count = add_pieces(c, pieces, count);
    }
    sort_pieces(pieces, count);
    spread_origins(in, pieces, out);
    free(pieces);
    return text_icu_starved() ? clb_fail(CLB_ERROR_MEMORY, "text: out of memory") : CLB_OK;
}

enum clb_status tokenizer_decompose(const struct tokenizer_run *in, struct tokenizer_run *out)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, open_normalizer);
    UErrorCode error = normalizer_error;
    const int32_t capacity = MOST_UNITS * in->length + 16;
    enum clb_status status = tokenizer_run_create((size_t)capacity, in->origins != NULL, out);
    if (status != CLB_OK) return status;
    out->length = unorm2_normalize(normalizer, in->units, in->length, out->units, capacity, &error);
    if (text_icu_starved() || error == U_MEMORY_ALLOCATION_ERROR)
        return clb_fail(CLB_ERROR_MEMORY, "text: out of memory");
    if (U_FAILURE(error)) return clb_fail(CLB_ERROR_FORMAT, "text: ICU: %s", u_errorName(error));
    return in->origins ? trace(in, out) : CLB_OK;
}
