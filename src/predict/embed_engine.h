/* SPDX-License-Identifier: Apache-2.0 */
/* Sequences of ids to vectors, a window of sequences at a time: by length, so that batches are of
 * like ones, and as many in a batch as its tokens allow. Memory does not grow with the windows. */
#ifndef PREDICT_EMBED_ENGINE_H
#define PREDICT_EMBED_ENGINE_H

#include <clbert/model.h>
#include <clbert/tokenizer.h>
#include <signal.h>

struct embed_settings {
    enum clb_pooling pooling;
    bool normalize;
    int32_t max_seq_length; /* at most what the model takes */
    int32_t batch_size;     /* as in struct clb_embedder_options */
    enum clb_type precision;
    const volatile sig_atomic_t *stop;
};

struct embed_engine;

/* Its model has no weights yet (clb_model_load, clb_model_initialize). */
enum clb_status embed_engine_create(struct clb_device *device, const struct clb_config *config,
                                    const struct embed_settings *settings,
                                    struct embed_engine **engine);
void embed_engine_destroy(struct embed_engine *engine);
struct clb_model *embed_engine_model(struct embed_engine *engine);

/* The ids of the window, to append a sequence of 1 .. max_seq_length to, which embed_engine_end
 * then closes. */
struct clb_ids *embed_engine_ids(struct embed_engine *engine);
void embed_engine_end(struct embed_engine *engine);

/* Sequences in the window, their tokens, and whether it is time for embed_engine_run: 4096
 * sequences are the most. */
enum { EMBED_WINDOW = 4096 };
int64_t embed_engine_count(const struct embed_engine *engine);
int64_t embed_engine_tokens(const struct embed_engine *engine);
/* Floating-point operations of the model's products over the window. */
double embed_engine_flops(const struct embed_engine *engine);
bool embed_engine_is_full(const struct embed_engine *engine);

/* embeddings [count, H], in the order of the sequences; the window stays. Numbers that are not
 * finite: CLB_ERROR_NUMERIC. Asked to stop: CLB_ERROR_INTERRUPTED. */
enum clb_status embed_engine_run(struct embed_engine *engine, float *embeddings);
/* Empties the window. */
void embed_engine_clear(struct embed_engine *engine);

#endif
