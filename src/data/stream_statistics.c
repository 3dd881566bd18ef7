#include "data/stream.h"

#include <stdlib.h>

static void mark(uint8_t *shown, struct token_range range)
{
    for (int64_t t = range.first; t < range.first + range.count; t++)
        shown[t / 8] |= (uint8_t)(1 << t % 8);
}

static void count_example(const struct clb_stream *stream, const struct clb_example *e,
                          struct clb_stream_statistics *s)
{
    const int32_t mask = stream->masking.special.mask;
    s->examples++;
    s->not_next += e->next_sentence_label;
    s->tokens += e->length;
    s->ordinary += e->length - 3;
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
    const int64_t tokens = stream->set->tokens, examples = stream->pairs.anchors;
    const size_t length = (size_t)stream->options.max_seq_length;
    uint8_t *shown = calloc((size_t)tokens / 8 + 1, 1);
    int32_t *memory = malloc(3 * length * sizeof *memory);
    struct clb_example example = {.input_ids = memory};
    enum clb_status status = CLB_OK;
    *s = (struct clb_stream_statistics){.corpus_tokens = tokens};
    if (!shown || !memory) CLB_TRY(clb_fail(CLB_ERROR_MEMORY, "statistics: out of memory"));
    example.token_type_ids = memory + length;
    example.labels = memory + 2 * length;
    for (int64_t n = first; n < first + count; n++) {
        const struct pair pair = pairs_at(&stream->pairs, (uint32_t)(n / examples), n % examples);
        CLB_TRY(clb_stream_example(stream, n, &example));
        count_example(stream, &example, s);
        mark(shown, pair.a);
        mark(shown, pair.b);
    }
    for (int64_t t = 0; t < tokens; t++) s->seen += shown[t / 8] >> t % 8 & 1;
cleanup:
    free(shown);
    free(memory);
    return status;
}
