/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "train/train.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* As PyTorch's GradScaler. */
#define FIRST_SCALE 65536.0f
enum { GROWTH_STEPS = 2000 };

static const char *const names[] = {
    [CLB_OPTIMIZER_ADAMW] = "adamw",
    [CLB_OPTIMIZER_BERT_ADAM] = "bert_adam",
    [CLB_OPTIMIZER_LAMB] = "lamb",
};

const char *clb_optimizer_name(enum clb_optimizer_kind kind)
{
    return names[kind];
}

enum clb_status clb_optimizer_named(const char *name, enum clb_optimizer_kind *kind)
{
    for (int i = 0; i < 3; i++)
        if (strcmp(name, names[i]) == 0) {
            *kind = (enum clb_optimizer_kind)i;
            return CLB_OK;
        }
    return clb_fail(CLB_ERROR_ARGUMENT, "optimizer \"%s\" is neither adamw, bert_adam nor lamb",
                    name);
}

enum clb_status train_optimizer_create(struct clb_model *model, enum clb_optimizer_kind kind,
                                       struct train_optimizer **out)
{
    struct clb_tensor weights = clb_model_weights_whole(model);
    struct clb_device *device = weights.device;
    struct train_optimizer *o = calloc(1, sizeof *o);
    if (!o) return clb_fail(CLB_ERROR_MEMORY, "optimizer: out of memory");
    o->kind = kind;
    o->loss_scale.dynamic = clb_model_operands(model) == CLB_F16;
    o->loss_scale.scale = o->loss_scale.dynamic ? FIRST_SCALE : 1.0f;
    int count;
    enum clb_status status;
    clb_model_parameters(model, &count);
    CLB_TRY(clb_arena_create(device, "first moments", &o->first_arena));
    CLB_TRY(clb_arena_create(device, "second moments", &o->second_arena));
    CLB_TRY(clb_arena_create(device, "optimizer tables", &o->table_arena));
    CLB_TRY(clb_model_like_parameters(model, o->first_arena, &o->first, &o->parameter_count));
    CLB_TRY(clb_model_like_parameters(model, o->second_arena, &o->second, &o->parameter_count));
    CLB_TRY(clb_arena_add(o->table_arena, CLB_I32, weights.rows / CLB_BLOCK, 1,
                          &o->segments.block_segment));
    CLB_TRY(clb_arena_add(o->table_arena, CLB_I32, count + 1, 1, &o->segments.first_block));
    CLB_TRY(clb_arena_add(o->table_arena, CLB_F32, count, 1, &o->segments.decay));
    CLB_TRY(clb_arena_add(o->table_arena, CLB_F32, 1, 1, &o->weights_norm));
    CLB_TRY(clb_arena_create(device, "gradient norms", &o->norm_arena));
    for (int i = 0; i < TRAIN_NORM_SLOTS; i++)
        CLB_TRY(clb_arena_add(o->norm_arena, CLB_F32, 1, 1, &o->norms[i]));
    *out = o;
    o = NULL;
cleanup:
    train_optimizer_destroy(o);
    return status;
}

int64_t train_optimizer_bytes(const struct train_optimizer *o)
{
    return clb_arena_bytes(o->first_arena) + clb_arena_bytes(o->second_arena) +
           clb_arena_bytes(o->table_arena) + clb_arena_bytes(o->norm_arena);
}

void train_optimizer_destroy(struct train_optimizer *o)
{
    if (!o) return;
    clb_arena_destroy(o->first_arena);
    clb_arena_destroy(o->second_arena);
    clb_arena_destroy(o->table_arena);
    clb_arena_destroy(o->norm_arena);
    free(o->first);
    free(o->second);
    free(o);
}

/* The tables of struct clb_segments: one segment a parameter, in the arena's order. */
static enum clb_status write_segments(struct train_optimizer *o, const struct clb_model *model,
                                      float weight_decay)
{
    int count;
    const struct clb_parameter *parameters = clb_model_parameters(model, &count);
    const int64_t blocks = o->segments.block_segment.rows;
    int32_t *block_segment = malloc((size_t)blocks * sizeof *block_segment);
    int32_t *first_block = malloc(((size_t)count + 1) * sizeof *first_block);
    float *decay = malloc((size_t)count * sizeof *decay);
    enum clb_status status = CLB_OK;
    if (!block_segment || !first_block || !decay) {
        status = clb_fail(CLB_ERROR_MEMORY, "optimizer: out of memory");
        goto cleanup;
    }
    int32_t block = 0;
    for (int i = 0; i < count; i++) {
        int64_t elements = clb_tensor_elements(parameters[i].tensor);
        first_block[i] = block;
        decay[i] = parameters[i].decay ? weight_decay : 0.0f;
        for (int64_t e = 0; e < elements; e += CLB_BLOCK) block_segment[block++] = i;
    }
    first_block[count] = block;
    CLB_TRY(clb_tensor_write(o->segments.block_segment, block_segment, blocks));
    CLB_TRY(clb_tensor_write(o->segments.first_block, first_block, count + 1));
    CLB_TRY(clb_tensor_write(o->segments.decay, decay, count));
cleanup:
    free(block_segment);
    free(first_block);
    free(decay);
    return status;
}

enum clb_status train_optimizer_commit(struct train_optimizer *o, const struct clb_model *model,
                                       float weight_decay)
{
    enum clb_status status;
    CLB_TRY(clb_arena_commit(o->first_arena));
    CLB_TRY(clb_arena_commit(o->second_arena));
    CLB_TRY(clb_arena_commit(o->table_arena));
    CLB_TRY(clb_arena_commit(o->norm_arena));
    CLB_TRY(write_segments(o, model, weight_decay));
cleanup:
    return status;
}

enum clb_status train_optimizer_step(struct train_optimizer *o, const struct clb_model *model,
                                     const struct clb_training_options *options, int64_t step,
                                     double learning_rate)
{
    const struct clb_tensor w = clb_model_weights_whole(model),
                            g = clb_model_gradients_whole(model);
    const struct clb_tensor m = clb_arena_whole(o->first_arena),
                            v = clb_arena_whole(o->second_arena);
    const struct clb_tensor *norm = &o->norms[step % TRAIN_NORM_SLOTS];
    const struct clb_optimizer_step hyper = {
        .learning_rate = (float)learning_rate,
        .beta1 = options->adam_beta1,
        .beta2 = options->adam_beta2,
        .epsilon = options->adam_epsilon,
        .max_grad_norm = options->max_grad_norm,
        .step = step + 1,
    };
    enum clb_status status = clb_sum_of_squares(norm, &g);
    if (status != CLB_OK) return status;
    switch (o->kind) {
    case CLB_OPTIMIZER_ADAMW:
        return clb_adamw(&w, &g, &m, &v, norm, &o->segments, &hyper);
    case CLB_OPTIMIZER_BERT_ADAM:
        return clb_bert_adam(&w, &g, &m, &v, norm, &o->segments, &hyper);
    case CLB_OPTIMIZER_LAMB:
        return clb_lamb(&w, &g, &m, &v, norm, &o->segments, &hyper);
    }
    return clb_fail(CLB_ERROR_ARGUMENT, "unknown optimizer");
}

/* One read, whatever lies between the numbers: each begins a block. */
enum clb_status train_optimizer_norms(const struct train_optimizer *o, int64_t first, int64_t count,
                                      double *norms)
{
    const struct clb_tensor whole = clb_arena_whole(o->norm_arena);
    float *squares = malloc((size_t)clb_tensor_bytes(whole));
    if (!squares) return clb_fail(CLB_ERROR_MEMORY, "optimizer: out of memory");
    const enum clb_status status = clb_tensor_read(whole, squares, whole.rows);
    for (int64_t i = 0; i < count && status == CLB_OK; i++)
        norms[i] = sqrt((double)squares[(first + i) % TRAIN_NORM_SLOTS * CLB_BLOCK]);
    free(squares);
    return status;
}

enum clb_status train_optimizer_rescale(struct train_optimizer *o, int64_t step)
{
    struct train_loss_scale *s = &o->loss_scale;
    float square;
    if (!s->dynamic) return CLB_OK;
    const enum clb_status status = clb_tensor_read(o->norms[step % TRAIN_NORM_SLOTS], &square, 1);
    if (status != CLB_OK) return status;
    const bool finite = isfinite(square) != 0;
    if (!finite && s->scale <= 1.0f)
        return clb_fail(CLB_ERROR_NUMERIC,
                        "step %" PRId64 ": gradients overflow fp16 however small their scale: try "
                        "--precision bf16, or a lower --learning-rate",
                        step + 1);
    const bool grows =
        finite && s->good_steps + 1 >= GROWTH_STEPS && s->scale < TRAIN_MOST_LOSS_SCALE;
    s->good_steps = finite && !grows ? s->good_steps + 1 : 0;
    if (!finite) s->scale *= 0.5f;
    if (grows) s->scale *= 2.0f;
    return CLB_OK;
}

enum clb_status train_optimizer_weights_norm(const struct train_optimizer *o,
                                             const struct clb_model *model, double *norm)
{
    const struct clb_tensor weights = clb_model_weights_whole(model);
    float square;
    enum clb_status status = clb_sum_of_squares(&o->weights_norm, &weights);
    if (status == CLB_OK) status = clb_tensor_read(o->weights_norm, &square, 1);
    if (status == CLB_OK) *norm = sqrt((double)square);
    return status;
}
