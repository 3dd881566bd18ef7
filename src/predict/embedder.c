/* SPDX-License-Identifier: Apache-2.0 */
#include "predict/embedder.h"

#include "base/error.h"
#include "model/model_files.h"
#include "predict/sentence_files.h"
#include "tasks/task.h"
#include "text/records.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/wordpiece.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct clb_embedder {
    struct clb_tokenizer *tokenizer;
    struct embed_engine *engine;
    struct clb_embedder_info info;
    int64_t cut;
};

/* ---- life ---- */

/* The tokenizer, checked against the model and the recipe. */
static enum clb_status open_tokenizer(const struct sentence_recipe *recipe,
                                      const struct clb_config *config,
                                      struct clb_tokenizer **tokenizer)
{
    enum clb_status status;
    CLB_TRY(clb_tokenizer_open(recipe->model, tokenizer));
    CLB_TRY(model_vocabulary_check(recipe->model, clb_tokenizer_vocab_size(*tokenizer), config));
    if (recipe->lower_case && !tokenizer_parts(*tokenizer)->rules.lower_case)
        status = clb_fail(CLB_ERROR_FORMAT,
                          "%s/sentence_bert_config.json: \"do_lower_case\" is not supported with a "
                          "tokenizer that keeps capitals",
                          recipe->model);
cleanup:
    return status;
}

static struct embed_settings settle(const struct clb_embedder_options *options,
                                    const struct sentence_recipe *recipe, int32_t most)
{
    const bool said = recipe->max_length > 0 && recipe->max_length < most;
    struct embed_settings settings = {.pooling = recipe->pooling,
                                      .normalize = recipe->normalize || options->normalize,
                                      .max_seq_length = said ? (int32_t)recipe->max_length : most,
                                      .batch_size = options->batch_size,
                                      .precision = options->precision,
                                      .stop = options->stop};
    if (options->pooling_given) settings.pooling = options->pooling;
    if (options->max_seq_length) settings.max_seq_length = options->max_seq_length;
    return settings;
}

enum clb_status clb_embedder_open(struct clb_device *device, const char *directory,
                                  const struct clb_embedder_options *options,
                                  struct clb_embedder **out)
{
    struct clb_embedder *e = calloc(1, sizeof *e);
    struct sentence_recipe recipe = {0};
    struct clb_config config;
    enum clb_status status;
    if (!e) return clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", directory);
    CLB_TRY(sentence_recipe_read(directory, options->pooling_given, &recipe));
    CLB_TRY(clb_model_read_config(recipe.model, &config));
    CLB_TRY(open_tokenizer(&recipe, &config, &e->tokenizer));
    const struct embed_settings settings = settle(options, &recipe, config.max_position_embeddings);
    e->info = (struct clb_embedder_info){config.hidden_size, settings.max_seq_length,
                                         settings.pooling, settings.normalize};
    CLB_TRY(embed_engine_create(device, &config, &settings, &e->engine));
    CLB_TRY(clb_model_load(embed_engine_model(e->engine), recipe.model, 0));
    *out = e;
    e = NULL;
cleanup:
    sentence_recipe_free(&recipe);
    clb_embedder_close(e);
    return status;
}

void clb_embedder_close(struct clb_embedder *e)
{
    if (!e) return;
    embed_engine_destroy(e->engine);
    clb_tokenizer_close(e->tokenizer);
    free(e);
}

struct clb_embedder_info clb_embedder_info(const struct clb_embedder *e)
{
    return e->info;
}

/* ---- texts ---- */

enum clb_status embedder_add(struct clb_embedder *e, const char *text, size_t size)
{
    const struct clb_special_ids special = clb_tokenizer_special_ids(e->tokenizer);
    struct clb_ids *ids = embed_engine_ids(e->engine);
    const size_t most = ids->count + (size_t)e->info.max_seq_length - 1;
    enum clb_status status;
    CLB_TRY(tokenizer_ids_push(ids, special.cls));
    CLB_TRY(clb_tokenizer_encode(e->tokenizer, text, size, ids));
    if (ids->count > most) {
        ids->count = most;
        e->cut++;
    }
    CLB_TRY(tokenizer_ids_push(ids, special.sep));
    embed_engine_end(e->engine);
cleanup:
    return status;
}

struct embed_engine *embedder_engine(struct clb_embedder *e)
{
    return e->engine;
}

int64_t embedder_cut(const struct clb_embedder *e)
{
    return e->cut;
}

enum clb_status clb_embed(struct clb_embedder *e, const char *const *texts, int64_t count,
                          float *embeddings)
{
    enum clb_status status = CLB_OK;
    embed_engine_clear(e->engine);
    for (int64_t i = 0; i < count; i++) {
        CLB_TRY(embedder_add(e, texts[i], strlen(texts[i])));
        if (i + 1 < count && !embed_engine_is_full(e->engine)) continue;
        CLB_TRY(embed_engine_run(e->engine, embeddings));
        embeddings += embed_engine_count(e->engine) * e->info.dimension;
        embed_engine_clear(e->engine);
    }
cleanup:
    return status;
}

void clb_cosine_similarity(const float *embeddings, int64_t count, int32_t dimension,
                           float *similarity)
{
    for (int64_t i = 0; i < count; i++)
        for (int64_t j = 0; j <= i; j++) {
            const float *x = embeddings + i * dimension, *y = embeddings + j * dimension;
            double xx = 0.0, yy = 0.0, xy = 0.0;
            for (int32_t k = 0; k < dimension; k++) {
                xx += (double)x[k] * (double)x[k];
                yy += (double)y[k] * (double)y[k];
                xy += (double)x[k] * (double)y[k];
            }
            const double lengths = sqrt(xx) * sqrt(yy);
            similarity[i * count + j] = lengths > 0.0 ? (float)(xy / lengths) : 0.0f;
            similarity[j * count + i] = similarity[i * count + j];
        }
}

/* ---- files ---- */

/* The vectors of the window to `function`; the window is empty then. */
static enum clb_status hand_on(struct clb_embedder *e, float *rows, embed_function *function,
                               void *context)
{
    const int64_t count = embed_engine_count(e->engine);
    enum clb_status status = CLB_OK;
    if (count == 0) return CLB_OK;
    CLB_TRY(embed_engine_run(e->engine, rows));
    CLB_TRY(function(context, rows, count));
    embed_engine_clear(e->engine);
cleanup:
    return status;
}

static enum clb_status add_record(struct clb_embedder *e, const json_t *record, const char *column,
                                  const char *where)
{
    const json_t *value = json_object_get(record, column);
    char *text = NULL;
    enum clb_status status;
    if (json_is_string(value)) /* as nearly all are: no copy */
        return embedder_add(e, json_string_value(value), json_string_length(value));
    CLB_TRY(task_record_text(record, column, where, &text));
    CLB_TRY(embedder_add(e, text, strlen(text)));
cleanup:
    free(text);
    return status;
}

enum clb_status embedder_read(struct clb_embedder *e, const struct embed_source *source,
                              embed_function *function, void *context)
{
    struct text_records *records = NULL;
    float *rows = malloc((size_t)EMBED_WINDOW * (size_t)e->info.dimension * sizeof *rows);
    json_t *record;
    enum clb_status status = CLB_OK;
    embed_engine_clear(e->engine);
    if (!rows) CLB_TRY(clb_fail(CLB_ERROR_MEMORY, "embeddings: out of memory"));
    CLB_TRY(text_records_open(source->paths, source->count, source->format, CLB_RECORDS_LINES,
                              &records));
    CLB_TRY(text_records_next(records, &record));
    while (record) {
        CLB_TRY(add_record(e, record, source->column, text_records_where(records)));
        if (embed_engine_is_full(e->engine)) CLB_TRY(hand_on(e, rows, function, context));
        CLB_TRY(text_records_next(records, &record));
    }
    CLB_TRY(hand_on(e, rows, function, context));
cleanup:
    text_records_close(records);
    free(rows);
    return status;
}
