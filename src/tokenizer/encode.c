/* SPDX-License-Identifier: Apache-2.0 */
/* Text to ids. Without offsets the words go from the splitter straight to the trie; with them, or
 * where added tokens are looked for in it, the normalised text is made first. */
#include "base/error.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/wordpiece.h"

#include <stdlib.h>
#include <string.h>
#include <unicode/utf8.h>

struct encoding {
    const struct clb_tokenizer *tokenizer;
    struct clb_ids *ids;
    struct clb_offsets *offsets; /* NULL: not wanted */
    const char *text, *part;     /* where the text and its part between added tokens begin */
    size_t size;                 /* of the text */
    const struct tokenizer_normalized *normalized; /* of the part */
};

void clb_ids_free(struct clb_ids *ids)
{
    free(ids->ids);
    *ids = (struct clb_ids){0};
}

void clb_offsets_free(struct clb_offsets *offsets)
{
    free(offsets->offsets);
    *offsets = (struct clb_offsets){0};
}

/* ---- offsets ---- */

static enum clb_status push_offset(struct clb_offsets *offsets, size_t begin, size_t end)
{
    if (offsets->count == offsets->capacity) {
        const size_t capacity = offsets->capacity ? 2 * offsets->capacity : 256;
        struct clb_offset *more = realloc(offsets->offsets, capacity * sizeof *more);
        if (!more) return clb_fail(CLB_ERROR_MEMORY, "offsets: out of memory");
        offsets->offsets = more;
        offsets->capacity = capacity;
    }
    offsets->offsets[offsets->count++] = (struct clb_offset){begin, end};
    return CLB_OK;
}

/* The bytes of the text that a stretch of the normalised part was made of: from where its first
 * character comes from to the end of where its last one does. */
static enum clb_status note_origin(const struct encoding *e, const char *bytes, size_t size)
{
    const size_t *origins = e->normalized->origins + (bytes - e->normalized->bytes);
    const size_t base = (size_t)(e->part - e->text);
    if (size == 0) return push_offset(e->offsets, base, base);
    size_t end = base + origins[size - 1];
    U8_FWD_1(e->text, end, e->size);
    return push_offset(e->offsets, base + origins[0], end);
}

/* Those of the ids from `first` on, which are the pieces of a word, or [UNK] for all of it. */
static enum clb_status note_pieces(const struct encoding *e, size_t first, const char *bytes,
                                   size_t size)
{
    const bool unknown = e->ids->ids[first] == e->tokenizer->special[1];
    enum clb_status status = CLB_OK;
    for (size_t i = first, at = 0; i < e->ids->count && status == CLB_OK; i++) {
        const size_t prefix = at ? strlen("##") : 0;
        const size_t taken =
            unknown ? size : strlen(e->tokenizer->parts.tokens[e->ids->ids[i]]) - prefix;
        status = note_origin(e, bytes + at, taken);
        at += taken;
    }
    return status;
}

/* ---- ids ---- */

static enum clb_status encode_word(void *context, const char *bytes, size_t size, bool over_long)
{
    const struct encoding *e = context;
    const int32_t unknown = e->tokenizer->special[1];
    const size_t first = e->ids->count;
    enum clb_status status =
        over_long ? tokenizer_ids_push(e->ids, unknown)
                  : tokenizer_trie_split(e->tokenizer->trie, bytes, size, unknown, e->ids);
    if (!e->offsets || status != CLB_OK) return status;
    return note_pieces(e, first, bytes, size);
}

static enum clb_status encode_normalized_part(void *context, const char *text, size_t size,
                                              int32_t id)
{
    const struct encoding *e = context;
    if (id < 0) return tokenizer_normalized_words(text, size, encode_word, context);
    enum clb_status status = tokenizer_ids_push(e->ids, id);
    return status == CLB_OK && e->offsets ? note_origin(e, text, size) : status;
}

static enum clb_status encode_added(const struct encoding *e, const char *text, size_t size,
                                    int32_t id)
{
    const size_t begin = (size_t)(text - e->text);
    enum clb_status status = tokenizer_ids_push(e->ids, id);
    return status == CLB_OK && e->offsets ? push_offset(e->offsets, begin, begin + size) : status;
}

static enum clb_status encode_part(void *context, const char *text, size_t size, int32_t id)
{
    struct encoding *e = context;
    const struct clb_tokenizer *t = e->tokenizer;
    struct tokenizer_normalized normalized;
    if (id >= 0) return encode_added(e, text, size, id);
    if (!t->normalized && !e->offsets)
        return tokenizer_words(t->parts.rules, text, size, encode_word, context);
    enum clb_status status =
        tokenizer_normalize(t->parts.rules, text, size, e->offsets != NULL, &normalized);
    if (status != CLB_OK) return status;
    e->part = text;
    e->normalized = &normalized;
    status = t->normalized ? tokenizer_matcher_split(t->normalized, normalized.bytes,
                                                     normalized.size, encode_normalized_part, e)
                           : encode_normalized_part(e, normalized.bytes, normalized.size, -1);
    tokenizer_normalized_free(&normalized);
    return status;
}

static enum clb_status encode(const struct clb_tokenizer *t, const char *text, size_t size,
                              struct clb_ids *ids, struct clb_offsets *offsets)
{
    struct encoding encoding = {t, ids, offsets, text, text, size, NULL};
    if (!t->raw) return encode_part(&encoding, text, size, -1);
    return tokenizer_matcher_split(t->raw, text, size, encode_part, &encoding);
}

enum clb_status clb_tokenizer_encode(const struct clb_tokenizer *t, const char *text, size_t size,
                                     struct clb_ids *ids)
{
    return encode(t, text, size, ids, NULL);
}

enum clb_status clb_tokenizer_encode_offsets(const struct clb_tokenizer *t, const char *text,
                                             size_t size, struct clb_ids *ids,
                                             struct clb_offsets *offsets)
{
    return encode(t, text, size, ids, offsets);
}

/* ---- code points ---- */

/* A place in a text, in bytes and in code points. */
struct place {
    size_t byte, point;
};

static size_t code_point_at(struct place *place, const char *text, size_t size, size_t byte)
{
    if (byte < place->byte) *place = (struct place){0, 0};
    for (; place->byte < byte && place->byte < size; place->point++)
        U8_FWD_1(text, place->byte, size);
    return place->point;
}

void clb_offsets_to_code_points(const char *text, size_t size, struct clb_offset *offsets,
                                size_t count)
{
    struct place begin = {0}, end = {0};
    for (size_t i = 0; i < count; i++) {
        offsets[i].begin = code_point_at(&begin, text, size, offsets[i].begin);
        offsets[i].end = code_point_at(&end, text, size, offsets[i].end);
    }
}
