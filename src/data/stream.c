#include <clbert/stream.h>

#include "data/corpus.h"
#include "data/stream.h"

#include <stdlib.h>
#include <string.h>

enum { MASKING_DRAWS_BITS = 20 }; /* random numbers an example: masking.h */

static enum clb_status check_options(const struct clb_stream_options *o)
{
    if (o->max_seq_length < 8 || o->max_seq_length > 65536)
        return clb_fail(CLB_ERROR_ARGUMENT, "--max-seq-length %d should be 8 .. 65536",
                        o->max_seq_length);
    if (!(o->mlm_probability > 0 && o->mlm_probability < 1))
        return clb_fail(CLB_ERROR_ARGUMENT, "--mlm-probability should be above 0 and below 1");
    if (!(o->short_seq_probability >= 0 && o->short_seq_probability <= 1))
        return clb_fail(CLB_ERROR_ARGUMENT, "--short-seq-probability should be in [0, 1]");
    return CLB_OK;
}

enum clb_status clb_stream_create(const struct clb_corpus *corpus,
                                  const struct clb_stream_options *options, struct clb_stream **out)
{
    enum clb_status status = check_options(options);
    if (status != CLB_OK) return status;
    const struct indexed *set =
        corpus_split(corpus, options->validation ? CLB_VALIDATION : CLB_TRAIN);
    if (set->documents < 2)
        return clb_fail(CLB_ERROR_ARGUMENT,
                        "%s: %lld documents in its %s part; next sentence prediction needs two (a "
                        "blank line ends a document)",
                        clb_corpus_directory(corpus), (long long)set->documents,
                        options->validation ? "validation" : "training");
    struct clb_stream *stream = calloc(1, sizeof *stream);
    if (!stream) return clb_fail(CLB_ERROR_MEMORY, "stream: out of memory");
    stream->options = *options;
    stream->set = set;
    pairs_begin(&stream->pairs, set, options->seed, options->max_seq_length,
                options->short_seq_probability);
    masking_begin(&stream->masking, clb_corpus_tokenizer(corpus), options->mlm_probability,
                  options->whole_word_mask);
    *out = stream;
    return CLB_OK;
}

void clb_stream_destroy(struct clb_stream *stream)
{
    free(stream);
}

int64_t clb_stream_epoch_examples(const struct clb_stream *stream)
{
    return stream->pairs.anchors;
}

int32_t clb_stream_max_seq_length(const struct clb_stream *stream)
{
    return stream->options.max_seq_length;
}

/* Puts a segment and its [SEP] behind what is there. */
static void append_segment(const struct clb_stream *stream, struct token_range range, int32_t type,
                           struct clb_example *example)
{
    int32_t *ids = example->input_ids + example->length;
    indexed_tokens(stream->set, range.first, range.count, ids);
    ids[range.count] = stream->masking.special.sep;
    for (int64_t i = 0; i <= range.count; i++) example->token_type_ids[example->length + i] = type;
    example->length += (int32_t)range.count + 1;
}

enum clb_status clb_stream_example(const struct clb_stream *stream, int64_t number,
                                   struct clb_example *example)
{
    const int64_t examples = stream->pairs.anchors, index = number % examples;
    const uint32_t epoch = (uint32_t)(number / examples);
    const struct clb_random random = {stream->options.seed, CLB_PURPOSE_MASKING, epoch};
    const struct pair pair = pairs_at(&stream->pairs, epoch, index);
    int32_t *scratch = malloc(2 * (size_t)stream->options.max_seq_length * sizeof *scratch);
    if (!scratch) return clb_fail(CLB_ERROR_MEMORY, "stream: out of memory");
    example->input_ids[0] = stream->masking.special.cls;
    example->token_type_ids[0] = 0;
    example->length = 1;
    append_segment(stream, pair.a, 0, example);
    append_segment(stream, pair.b, 1, example);
    example->next_sentence_label = pair.label;
    masking_apply(&stream->masking, random, (uint64_t)index << MASKING_DRAWS_BITS, example->length,
                  example->input_ids, example->labels, scratch);
    free(scratch);
    return CLB_OK;
}

enum clb_status clb_stream_batch(const struct clb_stream *stream, int64_t first, int32_t count,
                                 struct clb_batch *batch)
{
    const size_t length = (size_t)stream->options.max_seq_length;
    struct clb_example example;
    enum clb_status status = CLB_OK;
    int32_t *memory = malloc(3 * length * sizeof *memory);
    if (!memory) return clb_fail(CLB_ERROR_MEMORY, "stream: out of memory");
    example.input_ids = memory;
    example.token_type_ids = memory + length;
    example.labels = memory + 2 * length;
    for (int32_t i = 0; i < count; i++) {
        CLB_TRY(clb_stream_example(stream, first + i, &example));
        CLB_TRY(clb_batch_append(batch, example.length, example.input_ids, example.token_type_ids,
                                 example.labels, example.next_sentence_label));
    }
    CLB_TRY(clb_batch_finish(batch));
cleanup:
    free(memory);
    return status;
}
