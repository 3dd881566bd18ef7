/* SPDX-License-Identifier: Apache-2.0 */
/* The example stream: a pure function of (corpus, seed, epoch, index), and the loader thread that
 * runs ahead of the training step. */
#ifndef CLBERT_STREAM_H
#define CLBERT_STREAM_H

#include <clbert/api.h>
#include <clbert/batch.h>
#include <clbert/status.h>
#include <stdbool.h>
#include <stdint.h>

CLB_BEGIN_DECLS

struct clb_corpus; /* corpus.h */

struct clb_stream_options {
    uint64_t seed;
    int32_t max_seq_length;     /* [CLS] A [SEP] B [SEP], at least 8 */
    float mlm_probability;      /* 0.15: share of an example's tokens that are masked */
    float mlm_probability_last; /* 0: the same; else it changes linearly from the first step to the
                                   last one, of `steps` steps of `step_examples` examples */
    int64_t steps, step_examples;
    float short_seq_probability; /* 0.1: share of examples with a shorter target length */
    bool whole_word_mask;
    bool span_mask;  /* spans of whole words (SpanBERT); not with whole_word_mask */
    bool validation; /* of the held-out documents */
    bool no_nsp;     /* [CLS] A [SEP] without a next sentence label: sequences filled with
                        consecutive sentences of one document, each going on where the one before
                        it ended */
};

struct clb_stream;

/* `corpus` must live as long as the stream. A corpus with fewer than two documents (no_nsp: one) in
 * that half, or an option out of range: CLB_ERROR_ARGUMENT. */
CLB_API enum clb_status clb_stream_create(const struct clb_corpus *corpus,
                                          const struct clb_stream_options *options,
                                          struct clb_stream **stream);
CLB_API void clb_stream_destroy(struct clb_stream *stream);

/* Examples in one epoch: it covers every sentence of that half at least once. Of a blend: as many
 * as its corpora's epochs have together; each corpus begins its own next epoch when it has been
 * shown. */
CLB_API int64_t clb_stream_epoch_examples(const struct clb_stream *stream);

CLB_API int32_t clb_stream_max_seq_length(const struct clb_stream *stream);

/* One example, on its own; arrays of max_seq_length. */
struct clb_example {
    int32_t length;
    int32_t *input_ids, *token_type_ids, *labels; /* labels -100 where nothing was masked */
    int32_t next_sentence_label;                  /* 0 IsNext, 1 NotNext, -1 of one segment */
};

/* Example `number` of the endless stream: epoch number / epoch_examples, index the rest. Of a blend
 * every thousand examples hold its corpora's shares exactly, in an order of their own. O(log n),
 * thread-safe on one stream for distinct `example`s. */
CLB_API enum clb_status clb_stream_example(const struct clb_stream *stream, int64_t number,
                                           struct clb_example *example);

/* Appends examples first .. first + count - 1 to a cleared batch and finishes it. */
CLB_API enum clb_status clb_stream_batch(const struct clb_stream *stream, int64_t first,
                                         int32_t count, struct clb_batch *batch);

/* What a stretch of the stream holds. */
struct clb_stream_statistics {
    int64_t examples, not_next;
    int64_t tokens;                 /* with [CLS] and [SEP] */
    int64_t ordinary, chosen;       /* tokens that can be chosen, and that were */
    int64_t masked, replaced, kept; /* of the chosen ones */
    int64_t lengths[8];             /* examples by length, in eighths of max_seq_length */
    int64_t corpus_tokens, seen;    /* of this half, and how many of them were shown */
};

/* Of examples first .. first + count - 1. Takes a bit of memory a token of the corpus. */
CLB_API enum clb_status clb_stream_measure(const struct clb_stream *stream, int64_t first,
                                           int64_t count, struct clb_stream_statistics *statistics);

/* ---- the loader: the next steps' batches, made by a thread of its own ---- */

struct clb_loader_options {
    int64_t first_step;         /* 0 for a new run */
    int32_t batch_size;         /* sequences a micro-batch */
    int32_t accumulation_steps; /* micro-batches a step */
    int32_t prefetch;           /* steps ahead, at least 1 */
    int32_t worker, workers;    /* this one of so many (0: alone): together they see the examples of
                                   one with workers * accumulation_steps micro-batches */
};

/* All micro-batches of a step: step s takes examples s * batch_size * accumulation_steps and on. */
struct clb_step_batches {
    int64_t step;
    int32_t count;              /* accumulation_steps */
    struct clb_batch **batches; /* [count] */
    int64_t tokens, sequences;
};

/* Labels of a kind in all its micro-batches: the denominator of that head's loss. */
CLB_API int64_t clb_step_label_count(const struct clb_step_batches *step, const char *name);

/* Where batches come from: a stream, or a set of labelled examples. `fill` appends micro-batch
 * `number` of an endless row of them to a cleared batch, at most `size` sequences of at most
 * max_seq_length tokens, and finishes it; a pure function of its arguments, called by one thread at
 * a time. */
struct clb_batch_source {
    const void *context;
    enum clb_status (*fill)(const void *context, int64_t number, int32_t size,
                            struct clb_batch *batch);
    int32_t max_seq_length;
};
CLB_API struct clb_batch_source clb_stream_batches(const struct clb_stream *stream);

struct clb_loader;

/* What `source` refers to must outlive the loader. */
CLB_API enum clb_status clb_loader_create(const struct clb_batch_source *source,
                                          const struct clb_loader_options *options,
                                          struct clb_loader **loader);
/* Waits for the next step's batches, in order. They belong to the loader and stay valid until the
 * next call. A failure in the thread comes back here. */
CLB_API enum clb_status clb_loader_next(struct clb_loader *loader,
                                        const struct clb_step_batches **step);
/* Stops the thread, also in the middle. NULL is allowed. */
CLB_API void clb_loader_destroy(struct clb_loader *loader);

CLB_END_DECLS

#endif
