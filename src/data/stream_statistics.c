/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "data/stream.h"

#include <stdlib.h>

/* A bit a token. `before`: tokens of the parts before this one. */
static void mark(uint64_t *shown, int64_t before, struct token_range range)
{
    for (int64_t t = before + range.first; t < before + range.first + range.count; t++)
        shown[t / 64] |= UINT64_C(1) << t % 64;
}

static void count_example(const struct clb_stream *stream, const struct clb_example *e,
                          struct clb_stream_statistics *s)
{
    const int32_t mask = stream->masking.special.mask;
    s->examples++;
    s->not_next += e->next_sentence_label == 1;
    s->tokens += e->length;
    s->ordinary += e->length - (e->next_sentence_label < 0 ? 2 : 3);
    s->lengths[8 * (e->length - 1) / stream->options.max_seq_length]++;
    for (int32_t i = 0; i < e->length; i++) {
        if (e->labels[i] < 0) continue;
        s->chosen++;
        s->masked += e->input_ids[i] == mask;
        s->kept += e->input_ids[i] == e->labels[i];
    }
    s->replaced = s->chosen - s->masked - s->kept;
}

enum clb_status clb_stream_measure(const struct clb_stream *stream, int64_t first, int64_t count,
                                   struct clb_stream_statistics *s)
{
    int64_t tokens = 0;
    const size_t length = (size_t)stream->options.max_seq_length;
    for (int p = 0; p < stream->part_count; p++) tokens += stream->parts[p].set->tokens;
    uint64_t *shown = calloc((size_t)tokens / 64 + 1, sizeof *shown);
    int32_t *memory = malloc(3 * length * sizeof *memory);
    struct clb_example example = {.input_ids = memory};
    enum clb_status status = CLB_OK;
    *s = (struct clb_stream_statistics){.corpus_tokens = tokens};
    if (!shown || !memory) CLB_TRY(clb_fail(CLB_ERROR_MEMORY, "statistics: out of memory"));
    example.token_type_ids = memory + length;
    example.labels = memory + 2 * length;
    for (int64_t n = first; n < first + count; n++) {
        const struct stream_place place = stream_place(stream, n);
        int64_t before = 0;
        for (const struct stream_part *p = stream->parts; p < place.part; p++)
            before += p->set->tokens;
        CLB_TRY(stream_example_at(stream, &place, &example));
        count_example(stream, &example, s);
        mark(shown, before, place.pair.a);
        mark(shown, before, place.pair.b);
    }
    for (int64_t w = 0; w <= tokens / 64; w++) s->seen += __builtin_popcountll(shown[w]);
cleanup:
    free(shown);
    free(memory);
    return status;
}
