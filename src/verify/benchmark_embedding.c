/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "predict/embedder.h"
#include "tokenizer/wordpiece.h"
#include "verify/benchmark.h"

#include <clbert/random.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TEXTS = 128 };
/* Lengths are log-normal, cut at two standard deviations: of 5 to 168 tokens, 39 on average. */
#define MEDIAN 28.0
#define DEVIATION 0.9

struct embedding_bench {
    struct bench base;
    struct clb_embedder *embedder; /* of texts; NULL where they are synthetic */
    struct embed_engine *engine;   /* the embedder's, or one without */
    float *rows;                   /* [TEXTS, H] of synthetic texts */
};

/* Adds the window to what a step does. */
static enum clb_status count_window(void *context, const float *rows, int64_t count)
{
    struct embedding_bench *b = context;
    (void)rows;
    b->base.sequences += (double)count;
    b->base.tokens += (double)embed_engine_tokens(b->engine);
    b->base.flops += embed_engine_flops(b->engine);
    return CLB_OK;
}

static enum clb_status embed_input(struct embedding_bench *b)
{
    const struct embed_source source = {&b->base.options->input, 1, CLB_RECORDS_AUTO, "text"};
    return embedder_read(b->embedder, &source, count_window, b);
}

static enum clb_status embed_synthetic(struct embedding_bench *b)
{
    const enum clb_status status = embed_engine_run(b->engine, b->rows);
    return status == CLB_OK ? count_window(b, b->rows, TEXTS) : status;
}

static enum clb_status step(struct bench *bench, int64_t number)
{
    struct embedding_bench *b = (struct embedding_bench *)bench;
    (void)number;
    b->base.tokens = b->base.sequences = b->base.flops = 0.0;
    return b->embedder ? embed_input(b) : embed_synthetic(b);
}

static void close_bench(struct bench *bench)
{
    struct embedding_bench *b = (struct embedding_bench *)bench;
    if (!b->embedder) embed_engine_destroy(b->engine);
    clb_embedder_close(b->embedder);
    free(b->rows);
    free(b);
}

static enum clb_status open_input(struct embedding_bench *b)
{
    const struct clb_bench_options *o = b->base.options;
    const struct clb_embedder_options options = {.max_seq_length = o->max_seq_length,
                                                 .batch_size = o->batch_size,
                                                 .precision = o->precision};
    const enum clb_status status =
        clb_embedder_open(b->base.device, o->directory, &options, &b->embedder);
    if (status == CLB_OK) b->engine = embedder_engine(b->embedder);
    return status;
}

static int32_t synthetic_length(int64_t text, int32_t most)
{
    const struct clb_random random = {1, CLB_PURPOSE_TEST, 1};
    const float uniform = clb_uniform_from_bits(clb_random_u32(random, (uint64_t)text));
    const double length =
        MEDIAN * exp(DEVIATION * (double)clb_truncated_normal_from_uniform(uniform));
    return length < most ? (int32_t)length : most;
}

static enum clb_status fill_window(struct embedding_bench *b)
{
    const struct clb_random random = {1, CLB_PURPOSE_TEST, 2};
    const uint32_t vocabulary = (uint32_t)b->base.options->config.vocab_size;
    struct clb_ids *ids = embed_engine_ids(b->engine);
    enum clb_status status = CLB_OK;
    for (int64_t text = 0; text < TEXTS; text++) {
        const int32_t length = synthetic_length(text, b->base.options->max_seq_length);
        for (int32_t i = 0; i < length; i++)
            CLB_TRY(
                tokenizer_ids_push(ids, (int32_t)clb_random_below(random, ids->count, vocabulary)));
        embed_engine_end(b->engine);
    }
cleanup:
    return status;
}

static enum clb_status open_synthetic(struct embedding_bench *b)
{
    const struct clb_bench_options *o = b->base.options;
    const struct embed_settings settings = {.normalize = true,
                                            .max_seq_length = o->max_seq_length,
                                            .batch_size = o->batch_size,
                                            .precision = o->precision};
    enum clb_status status;
    CLB_TRY(embed_engine_create(b->base.device, &o->config, &settings, &b->engine));
    CLB_TRY(clb_model_initialize(embed_engine_model(b->engine), 1));
    b->rows = malloc((size_t)TEXTS * (size_t)o->config.hidden_size * sizeof *b->rows);
    status = b->rows ? fill_window(b) : clb_fail(CLB_ERROR_MEMORY, "benchmark: out of memory");
cleanup:
    return status;
}

enum clb_status bench_embedding(struct clb_device *device, const struct clb_bench_options *options,
                                struct bench **out)
{
    struct embedding_bench *b = calloc(1, sizeof *b);
    if (!b) return clb_fail(CLB_ERROR_MEMORY, "benchmark: out of memory");
    b->base =
        (struct bench){.options = options, .device = device, .step = step, .close = close_bench};
    const enum clb_status status = options->input ? open_input(b) : open_synthetic(b);
    if (status == CLB_OK)
        *out = &b->base;
    else
        close_bench(&b->base);
    return status;
}
