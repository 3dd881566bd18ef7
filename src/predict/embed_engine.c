/* SPDX-License-Identifier: Apache-2.0 */
#include "predict/embed_engine.h"

#include "base/error.h"
#include "data/lengths.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOW_TOKENS = 1 << 18 };
/* Tokens of a batch: what the caches of a CPU hold, what keeps a GPU's units busy. */
enum { CPU_BATCH = 2048, GPU_BATCH = 1 << 14 };

struct embed_engine {
    struct embed_settings settings;
    struct clb_model *model;
    struct clb_batch *batch;
    struct clb_ids ids;
    struct length_place places[EMBED_WINDOW];
    int64_t begins[EMBED_WINDOW + 1]; /* of sequences, in ids */
    int64_t count;
    int32_t *types; /* [max_seq_length] of 0: one text has one segment */
    float *rows;    /* [max_sequences, H] */
    int32_t dimension;
};

/* ---- life ---- */

static int32_t batch_tokens(const struct clb_device *device, const struct embed_settings *settings)
{
    const int32_t usual = clb_device_info(device)->is_gpu ? GPU_BATCH : CPU_BATCH;
    const int32_t length = settings->max_seq_length;
    if (settings->batch_size > 0) return settings->batch_size * length;
    return usual > length ? usual : length;
}

static enum clb_status check(const struct clb_config *config, const struct embed_settings *settings)
{
    const int32_t length = settings->max_seq_length, most = config->max_position_embeddings;
    if (length < 3 || length > most)
        return clb_fail(CLB_ERROR_ARGUMENT, "--max-seq-length %d: should be 3 .. %d", length, most);
    if (settings->batch_size < 0 || settings->batch_size > INT32_MAX / length)
        return clb_fail(CLB_ERROR_ARGUMENT, "a batch of %d sequences of %d tokens cannot be",
                        settings->batch_size, length);
    return CLB_OK;
}

enum clb_status embed_engine_create(struct clb_device *device, const struct clb_config *config,
                                    const struct embed_settings *settings,
                                    struct embed_engine **out)
{
    struct embed_engine *e = calloc(1, sizeof *e);
    enum clb_status status;
    if (!e) return clb_fail(CLB_ERROR_MEMORY, "embeddings: out of memory");
    CLB_TRY(check(config, settings));
    const int32_t tokens = batch_tokens(device, settings);
    const struct clb_model_limits limits = {.max_sequences =
                                                tokens < EMBED_WINDOW ? tokens : EMBED_WINDOW,
                                            .max_tokens = tokens,
                                            .max_masked = 1,
                                            .operands = settings->precision};
    e->settings = *settings;
    e->dimension = config->hidden_size;
    e->types = calloc((size_t)settings->max_seq_length, sizeof *e->types);
    e->rows = malloc((size_t)limits.max_sequences * (size_t)e->dimension * sizeof *e->rows);
    if (!e->types || !e->rows) CLB_TRY(clb_fail(CLB_ERROR_MEMORY, "embeddings: out of memory"));
    CLB_TRY(clb_batch_create(limits.max_sequences, tokens, &e->batch));
    CLB_TRY(clb_model_create(device, config, &limits, &e->model));
    CLB_TRY(clb_model_commit(e->model));
    *out = e;
    e = NULL;
cleanup:
    embed_engine_destroy(e);
    return status;
}

void embed_engine_destroy(struct embed_engine *e)
{
    if (!e) return;
    clb_model_destroy(e->model);
    clb_batch_destroy(e->batch);
    clb_ids_free(&e->ids);
    free(e->types);
    free(e->rows);
    free(e);
}

struct clb_model *embed_engine_model(struct embed_engine *e)
{
    return e->model;
}

/* ---- the window ---- */

struct clb_ids *embed_engine_ids(struct embed_engine *e)
{
    return &e->ids;
}

void embed_engine_end(struct embed_engine *e)
{
    e->begins[++e->count] = (int64_t)e->ids.count;
}

int64_t embed_engine_count(const struct embed_engine *e)
{
    return e->count;
}

int64_t embed_engine_tokens(const struct embed_engine *e)
{
    return e->begins[e->count];
}

double embed_engine_flops(const struct embed_engine *e)
{
    const struct clb_config *config = clb_model_config(e->model);
    const double h = config->hidden_size;
    double flops = 0.0;
    for (int64_t i = 0; i < e->count; i++) {
        const double n = (double)(e->begins[i + 1] - e->begins[i]);
        /* a third of training's is forward; the pooler, a row a sequence, is not asked */
        flops += n * clb_config_flops_per_token(config, n, 0.0) / 3.0 - 2.0 * h * h;
    }
    return flops;
}

bool embed_engine_is_full(const struct embed_engine *e)
{
    return e->count == EMBED_WINDOW || e->ids.count >= WINDOW_TOKENS;
}

void embed_engine_clear(struct embed_engine *e)
{
    e->count = 0;
    e->ids.count = 0;
}

/* ---- its vectors ---- */

static enum clb_status fill_batch(struct embed_engine *e, const struct length_place *places,
                                  int64_t count)
{
    enum clb_status status;
    clb_batch_clear(e->batch);
    for (int64_t i = 0; i < count; i++)
        CLB_TRY(clb_batch_append(e->batch, places[i].length,
                                 e->ids.ids + e->begins[places[i].sequence], e->types));
    CLB_TRY(clb_batch_finish(e->batch));
cleanup:
    return status;
}

/* By its length, where that is more than 10^-12, as PyTorch's normalize. */
static void normalize(float *row, int32_t width)
{
    double sum = 0.0;
    for (int32_t i = 0; i < width; i++) sum += (double)row[i] * (double)row[i];
    const double length = fmax(sqrt(sum), 1e-12);
    for (int32_t i = 0; i < width; i++) row[i] = (float)((double)row[i] / length);
}

static enum clb_status take_row(const struct embed_engine *e, const float *row, float *out)
{
    for (int32_t i = 0; i < e->dimension; i++)
        if (!isfinite(row[i]))
            return clb_fail(CLB_ERROR_NUMERIC,
                            "an embedding is not finite (NaN or infinite): the model's weights are "
                            "damaged, or too large for the precision");
    memcpy(out, row, (size_t)e->dimension * sizeof *out);
    if (e->settings.normalize) normalize(out, e->dimension);
    return CLB_OK;
}

enum clb_status embed_engine_run(struct embed_engine *e, float *embeddings)
{
    const int64_t width = e->dimension;
    enum clb_status status = CLB_OK;
    for (int64_t i = 0; i < e->count; i++)
        e->places[i] = (struct length_place){(int32_t)(e->begins[i + 1] - e->begins[i]), i};
    lengths_sort(e->places, e->count);
    for (int64_t first = 0, taken; first < e->count; first += taken) {
        const struct length_place *places = e->places + first;
        if (e->settings.stop && *e->settings.stop)
            CLB_TRY(clb_fail(CLB_ERROR_INTERRUPTED, "interrupted: there are no vectors"));
        taken = lengths_fit(places, e->count - first, e->batch);
        CLB_TRY(fill_batch(e, places, taken));
        CLB_TRY(clb_model_embed(e->model, e->batch, e->settings.pooling, e->rows));
        for (int64_t i = 0; i < taken; i++)
            CLB_TRY(take_row(e, e->rows + i * width, embeddings + places[i].sequence * width));
    }
cleanup:
    return status;
}
