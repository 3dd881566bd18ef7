/* SPDX-License-Identifier: Apache-2.0 */
#include <clbert/stream.h>

#include "base/error.h"
#include "data/corpus.h"
#include "data/permutation.h"
#include "data/stream.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MASKING_DRAWS_BITS = 20 }; /* random numbers an example: masking.h */

static enum clb_status check_options(const struct clb_stream_options *o)
{
    if (o->max_seq_length < 8 || o->max_seq_length > 65536)
        return clb_fail(CLB_ERROR_ARGUMENT, "--max-seq-length %d should be 8 .. 65536",
                        o->max_seq_length);
    if (!(o->mlm_probability > 0 && o->mlm_probability < 1) ||
        !(o->mlm_probability_last >= 0 && o->mlm_probability_last < 1))
        return clb_fail(CLB_ERROR_ARGUMENT, "--mlm-probability should be above 0 and below 1");
    if (o->mlm_probability_last > 0 && (o->steps < 1 || o->step_examples < 1))
        return clb_fail(CLB_ERROR_ARGUMENT,
                        "--mlm-probability from %g to %g: in how many steps? (--max-steps)",
                        (double)o->mlm_probability, (double)o->mlm_probability_last);
    if (o->whole_word_mask && o->span_mask)
        return clb_fail(CLB_ERROR_ARGUMENT,
                        "--whole-word-mask and --span-mask: choose one (spans are of whole words)");
    if (!(o->short_seq_probability >= 0 && o->short_seq_probability <= 1))
        return clb_fail(CLB_ERROR_ARGUMENT, "--short-seq-probability should be in [0, 1]");
    return CLB_OK;
}

/* ---- the corpora of a blend ---- */

static enum clb_split split_of(const struct clb_stream_options *o)
{
    return o->validation ? CLB_VALIDATION : CLB_TRAIN;
}

static bool is_usable(const struct clb_corpus *corpus, const struct clb_stream_options *o)
{
    const struct indexed *set = corpus_split(corpus, split_of(o));
    return o->no_nsp ? set->tokens > 0 : set->documents >= 2;
}

static int count_usable(const struct clb_corpus *corpus, const struct clb_stream_options *o)
{
    int count = 0;
    for (const struct clb_corpus *c = corpus; c; c = corpus_next(c)) count += is_usable(c, o);
    return count;
}

static void open_part(const struct clb_stream_options *o, const struct indexed *set, int number,
                      struct stream_part *part)
{
    part->set = set;
    part->seed = o->seed + 0x9E3779B97F4A7C15u * (uint64_t)number;
    if (o->no_nsp)
        packing_begin(&part->packing, set, part->seed, o->max_seq_length, o->short_seq_probability);
    else
        pairs_begin(&part->pairs, set, part->seed, o->max_seq_length, o->short_seq_probability);
    part->examples = o->no_nsp ? part->packing.examples : part->pairs.anchors;
}

/* Brings weights of any size to 1 or less, by a power of two, so that no bit of what follows
 * changes. */
static void scale_weights(double *weights, int count)
{
    double greatest = 0;
    for (int i = 0; i < count; i++) greatest = fmax(greatest, weights[i]);
    const int exponent = ilogb(greatest) + 1;
    for (int i = 0; i < count; i++) weights[i] = scalbn(weights[i], -exponent);
}

/* Shares of a cycle in proportion to the weights, each at least one place. */
static void share_cycle(struct clb_stream *stream, double *weights)
{
    double all = 0, before = 0;
    const double free_places = STREAM_CYCLE - stream->part_count;
    scale_weights(weights, stream->part_count);
    for (int i = 0; i < stream->part_count; i++) all += weights[i];
    for (int i = 0; i < stream->part_count; i++) {
        const double after = before + weights[i];
        stream->parts[i].first = i + (int32_t)lround(free_places * before / all);
        stream->parts[i].share =
            i + 1 + (int32_t)lround(free_places * after / all) - stream->parts[i].first;
        before = after;
    }
}

static enum clb_status open_stream_parts(struct clb_stream *stream, const struct clb_corpus *corpus)
{
    const struct clb_stream_options *o = &stream->options;
    const int count = count_usable(corpus, o);
    double weights[STREAM_CYCLE / 2];
    int number = 0;
    if (count > STREAM_CYCLE / 2)
        return clb_fail(CLB_ERROR_ARGUMENT, "%d corpora: at most %d can be blended", count,
                        STREAM_CYCLE / 2);
    stream->parts = calloc((size_t)count, sizeof *stream->parts);
    if (!stream->parts) return clb_fail(CLB_ERROR_MEMORY, "stream: out of memory");
    for (const struct clb_corpus *c = corpus; c; c = corpus_next(c), number++) {
        if (!is_usable(c, o)) continue;
        struct stream_part *part = &stream->parts[stream->part_count];
        open_part(o, corpus_split(c, split_of(o)), number, part);
        weights[stream->part_count++] =
            corpus_weight(c) > 0 ? corpus_weight(c) : (double)part->examples;
    }
    share_cycle(stream, weights);
    return CLB_OK;
}

/* Which part gives an example, and as which of its own. */
static const struct stream_part *part_of(const struct clb_stream *stream, int64_t number,
                                         int64_t *own)
{
    const struct stream_part *part = stream->parts;
    *own = number;
    if (stream->part_count == 1) return part;
    const int64_t cycle = number / STREAM_CYCLE;
    const struct clb_random random = {stream->options.seed, CLB_PURPOSE_ORDER + 1, (uint32_t)cycle};
    const int32_t place =
        (int32_t)permutation_at(random, STREAM_CYCLE, (uint64_t)(number % STREAM_CYCLE));
    while (place >= part->first + part->share) part++;
    *own = cycle * part->share + place - part->first;
    return part;
}

/* From the first to the last step it changes linearly; beyond, it stays. */
static float mlm_probability(const struct clb_stream_options *o, int64_t number)
{
    const double first = (double)o->mlm_probability, last = (double)o->mlm_probability_last;
    if (o->mlm_probability_last == 0) return o->mlm_probability;
    const int64_t step = number / o->step_examples, end = o->steps - 1;
    const double share = step < end ? (double)step / (double)end : step > 0;
    return (float)(first + (last - first) * share);
}

enum masking_unit stream_masking_unit(const struct clb_stream_options *o)
{
    return o->span_mask ? MASKING_SPANS : o->whole_word_mask ? MASKING_WORDS : MASKING_TOKENS;
}

struct stream_place stream_place(const struct clb_stream *stream, int64_t number)
{
    int64_t own;
    const struct stream_part *part = part_of(stream, number, &own);
    const uint32_t epoch = (uint32_t)(own / part->examples);
    const int64_t index = own % part->examples;
    struct stream_place place = {.part = part,
                                 .epoch = epoch,
                                 .index = index,
                                 .mlm_probability = mlm_probability(&stream->options, number)};
    if (stream->options.no_nsp)
        place.pair = (struct pair){.a = packing_at(&part->packing, epoch, index), .label = -1};
    else
        place.pair = pairs_at(&part->pairs, epoch, index);
    return place;
}

/* ---- the stream ---- */

enum clb_status clb_stream_create(const struct clb_corpus *corpus,
                                  const struct clb_stream_options *options, struct clb_stream **out)
{
    enum clb_status status = check_options(options);
    if (status != CLB_OK) return status;
    if (count_usable(corpus, options) == 0)
        return clb_fail(CLB_ERROR_ARGUMENT, "%s: %lld documents in its %s part; %s",
                        clb_corpus_directory(corpus),
                        (long long)clb_corpus_documents(corpus, split_of(options)),
                        options->validation ? "validation" : "training",
                        options->no_nsp ? "training needs one"
                                        : "next sentence prediction needs two (a blank line ends a "
                                          "document)");
    struct clb_stream *stream = calloc(1, sizeof *stream);
    if (!stream) return clb_fail(CLB_ERROR_MEMORY, "stream: out of memory");
    stream->options = *options;
    status = open_stream_parts(stream, corpus);
    if (status != CLB_OK) {
        clb_stream_destroy(stream);
        return status;
    }
    masking_begin(&stream->masking, clb_corpus_tokenizer(corpus), stream_masking_unit(options));
    *out = stream;
    return CLB_OK;
}

void clb_stream_destroy(struct clb_stream *stream)
{
    if (stream) free(stream->parts);
    free(stream);
}

int64_t clb_stream_epoch_examples(const struct clb_stream *stream)
{
    int64_t examples = 0;
    for (int i = 0; i < stream->part_count; i++) examples += stream->parts[i].examples;
    return examples;
}

int32_t clb_stream_max_seq_length(const struct clb_stream *stream)
{
    return stream->options.max_seq_length;
}

/* Whether the pair can be one, as it is where the index is not damaged. */
static enum clb_status check_place(const struct clb_stream *stream,
                                   const struct stream_place *place)
{
    const int32_t special = place->pair.label < 0 ? 2 : 3; /* [CLS], [SEP], [SEP] */
    const struct indexed *set = place->part->set;
    const struct token_range a = place->pair.a, b = place->pair.b;
    const bool sound = a.first >= 0 && b.first >= 0 && a.count >= 0 && b.count >= 0 &&
                       a.count + b.count <= stream->options.max_seq_length - special &&
                       a.first + a.count <= set->tokens && b.first + b.count <= set->tokens;
    const enum clb_status status = indexed_check(set);
    return sound || status != CLB_OK ? status : indexed_damaged(set);
}

static enum clb_status check_tokens(const struct clb_stream *stream, const struct indexed *set,
                                    const struct clb_example *example)
{
    const int32_t size = clb_tokenizer_vocab_size(stream->masking.tokenizer);
    enum clb_status status = indexed_check(set);
    for (int32_t i = 0; i < example->length && status == CLB_OK; i++)
        if (example->input_ids[i] < 0 || example->input_ids[i] >= size)
            status = clb_fail(CLB_ERROR_FORMAT,
                              "%s.bin: token %d is not in the vocabulary of %d: prepare it again",
                              set->prefix, example->input_ids[i], size);
    return status;
}

/* Puts a segment and its [SEP] behind what is there. */
static void append_segment(const struct clb_stream *stream, const struct indexed *set,
                           struct token_range range, int32_t type, struct clb_example *example)
{
    int32_t *ids = example->input_ids + example->length;
    indexed_tokens(set, range.first, range.count, ids);
    ids[range.count] = stream->masking.special.sep;
    for (int64_t i = 0; i <= range.count; i++) example->token_type_ids[example->length + i] = type;
    example->length += (int32_t)range.count + 1;
}

enum clb_status stream_example_at(const struct clb_stream *stream, const struct stream_place *place,
                                  struct clb_example *example)
{
    const struct indexed *set = place->part->set;
    const struct clb_random random = {place->part->seed, CLB_PURPOSE_MASKING, place->epoch};
    int32_t *scratch = malloc(3 * (size_t)stream->options.max_seq_length * sizeof *scratch);
    enum clb_status status;
    if (!scratch) return clb_fail(CLB_ERROR_MEMORY, "stream: out of memory");
    CLB_TRY(check_place(stream, place));
    example->input_ids[0] = stream->masking.special.cls;
    example->token_type_ids[0] = 0;
    example->length = 1;
    append_segment(stream, set, place->pair.a, 0, example);
    if (place->pair.label >= 0) append_segment(stream, set, place->pair.b, 1, example);
    CLB_TRY(check_tokens(stream, set, example));
    example->next_sentence_label = place->pair.label;
    masking_apply(&stream->masking, place->mlm_probability, random,
                  (uint64_t)place->index << MASKING_DRAWS_BITS, example->length, example->input_ids,
                  example->labels, scratch);
cleanup:
    free(scratch);
    return status;
}

enum clb_status clb_stream_example(const struct clb_stream *stream, int64_t number,
                                   struct clb_example *example)
{
    const struct stream_place place = stream_place(stream, number);
    return stream_example_at(stream, &place, example);
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
        CLB_TRY(clb_batch_append_pair(batch, example.length, example.input_ids,
                                      example.token_type_ids, example.labels,
                                      example.next_sentence_label));
    }
    CLB_TRY(clb_batch_finish(batch));
cleanup:
    free(memory);
    return status;
}

static enum clb_status fill_batch(const void *stream, int64_t number, int32_t size,
                                  struct clb_batch *batch)
{
    return clb_stream_batch(stream, number * size, size, batch);
}

struct clb_batch_source clb_stream_batches(const struct clb_stream *stream)
{
    return (struct clb_batch_source){stream, fill_batch, clb_stream_max_seq_length(stream)};
}
