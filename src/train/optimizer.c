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

/* ---- segments: one a parameter, in the order of memory, numbered anew in each of its parts ----
 */

static int64_t blocks_of(const struct clb_parameter *parameter)
{
    return (clb_tensor_elements(parameter->tensor) + CLB_BLOCK - 1) / CLB_BLOCK;
}

/* Parameters from `first` on that fill a part of so many elements. */
static int count_in_part(const struct clb_parameter *parameters, int first, int64_t elements)
{
    int end = first;
    for (int64_t blocks = elements / CLB_BLOCK; blocks > 0; end++)
        blocks -= blocks_of(&parameters[end]);
    return end - first;
}

static enum clb_status plan_segments(struct train_optimizer *o, const struct clb_model *model)
{
    int count, first = 0;
    const struct clb_parameter *parameters = clb_model_parameters(model, &count);
    enum clb_status status = CLB_OK;
    o->parts = clb_model_parts(model);
    o->segments = calloc((size_t)o->parts, sizeof *o->segments);
    if (!o->segments) return clb_fail(CLB_ERROR_MEMORY, "optimizer: out of memory");
    for (int part = 0; part < o->parts; part++) {
        struct clb_segments *s = &o->segments[part];
        const int64_t elements = clb_model_weights_part(model, part).rows;
        const int own = count_in_part(parameters, first, elements);
        CLB_TRY(clb_arena_add(o->table_arena, CLB_I32, elements / CLB_BLOCK, 1, &s->block_segment));
        CLB_TRY(clb_arena_add(o->table_arena, CLB_I32, own + 1, 1, &s->first_block));
        CLB_TRY(clb_arena_add(o->table_arena, CLB_F32, own, 1, &s->decay));
        CLB_TRY(clb_arena_add(o->table_arena, CLB_F32, own, 1, &s->rate));
        first += own;
    }
cleanup:
    return status;
}

enum clb_status train_optimizer_create(struct clb_model *model, enum clb_optimizer_kind kind,
                                       struct train_optimizer **out)
{
    struct clb_device *device = clb_model_weights_whole(model).device;
    struct train_optimizer *o = calloc(1, sizeof *o);
    if (!o) return clb_fail(CLB_ERROR_MEMORY, "optimizer: out of memory");
    o->kind = kind;
    o->loss_scale.dynamic = clb_model_operands(model) == CLB_F16;
    o->loss_scale.scale = o->loss_scale.dynamic ? FIRST_SCALE : 1.0f;
    enum clb_status status;
    CLB_TRY(clb_arena_create(device, "first moments", &o->first_arena));
    CLB_TRY(clb_arena_create(device, "second moments", &o->second_arena));
    CLB_TRY(clb_arena_create(device, "optimizer tables", &o->table_arena));
    CLB_TRY(clb_model_like_parameters(model, o->first_arena, &o->first, &o->parameter_count));
    CLB_TRY(clb_model_like_parameters(model, o->second_arena, &o->second, &o->parameter_count));
    CLB_TRY(plan_segments(o, model));
    CLB_TRY(clb_arena_add(o->table_arena, CLB_F32, 1, 1, &o->weights_norm));
    CLB_TRY(clb_arena_add(o->table_arena, CLB_F32, 1, 1, &o->part_norm));
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
    free(o->segments);
    free(o->first);
    free(o->second);
    free(o);
}

/* The tables of one part, whose parameters begin at `parameters`. */
static enum clb_status write_segments(const struct clb_segments *segments,
                                      const struct clb_parameter *parameters, float weight_decay)
{
    const int64_t blocks = segments->block_segment.rows, count = segments->decay.rows;
    int32_t *block_segment = malloc((size_t)blocks * sizeof *block_segment);
    int32_t *first_block = malloc(((size_t)count + 1) * sizeof *first_block);
    float *decay = malloc((size_t)count * sizeof *decay);
    enum clb_status status = CLB_OK;
    if (!block_segment || !first_block || !decay) {
        status = clb_fail(CLB_ERROR_MEMORY, "optimizer: out of memory");
        goto cleanup;
    }
    int32_t block = 0;
    for (int32_t i = 0; i < count; i++) {
        const int64_t end = block + blocks_of(&parameters[i]);
        first_block[i] = block;
        decay[i] = parameters[i].decay ? weight_decay : 0.0f;
        while (block < end) block_segment[block++] = i;
    }
    first_block[count] = block;
    CLB_TRY(clb_tensor_write(segments->block_segment, block_segment, blocks));
    CLB_TRY(clb_tensor_write(segments->first_block, first_block, count + 1));
    CLB_TRY(clb_tensor_write(segments->decay, decay, count));
cleanup:
    free(block_segment);
    free(first_block);
    free(decay);
    return status;
}

enum clb_status train_optimizer_commit(struct train_optimizer *o, const struct clb_model *model,
                                       float weight_decay)
{
    int count;
    const struct clb_parameter *parameters = clb_model_parameters(model, &count);
    enum clb_status status;
    CLB_TRY(clb_arena_commit(o->first_arena));
    CLB_TRY(clb_arena_commit(o->second_arena));
    CLB_TRY(clb_arena_commit(o->table_arena));
    CLB_TRY(clb_arena_commit(o->norm_arena));
    for (int part = 0; part < o->parts; part++) {
        CLB_TRY(write_segments(&o->segments[part], parameters, weight_decay));
        parameters += o->segments[part].decay.rows;
    }
    CLB_TRY(train_optimizer_set_rates(o, model, NULL));
cleanup:
    return status;
}

enum clb_status train_optimizer_set_rates(struct train_optimizer *o, const struct clb_model *model,
                                          const float *rates)
{
    int count, first = 0;
    const struct clb_parameter *parameters = clb_model_parameters(model, &count);
    float *used = malloc((size_t)count * sizeof *used);
    if (!used) return clb_fail(CLB_ERROR_MEMORY, "optimizer: out of memory");
    enum clb_status status = CLB_OK;
    for (int i = 0; i < count; i++) used[i] = parameters[i].frozen ? 0.0f : rates ? rates[i] : 1.0f;
    for (int part = 0; part < o->parts && status == CLB_OK; part++) {
        const struct clb_tensor *rate = &o->segments[part].rate;
        status = clb_tensor_write(*rate, used + first, rate->rows);
        first += (int)rate->rows;
    }
    free(used);
    return status;
}

/* *out = the sum of squares of all parts, in their order. */
static enum clb_status sum_of_squares(const struct train_optimizer *o, const struct clb_tensor *out,
                                      const struct clb_model *model,
                                      struct clb_tensor (*part_of)(const struct clb_model *, int))
{
    enum clb_status status = CLB_OK;
    for (int part = 0; part < o->parts; part++) {
        const struct clb_tensor numbers = part_of(model, part);
        CLB_TRY(clb_sum_of_squares(part == 0 ? out : &o->part_norm, &numbers));
        if (part > 0) CLB_TRY(clb_add(out, &o->part_norm));
    }
cleanup:
    return status;
}

static enum clb_status update_part(const struct train_optimizer *o, const struct clb_model *model,
                                   int part, const struct clb_tensor *norm,
                                   const struct clb_optimizer_step *hyper)
{
    const struct clb_tensor w = clb_model_weights_part(model, part),
                            g = clb_model_gradients_part(model, part);
    const struct clb_tensor m = clb_arena_part(o->first_arena, part),
                            v = clb_arena_part(o->second_arena, part);
    const struct clb_segments *segments = &o->segments[part];
    switch (o->kind) {
    case CLB_OPTIMIZER_ADAMW:
        return clb_adamw(&w, &g, &m, &v, norm, segments, hyper);
    case CLB_OPTIMIZER_BERT_ADAM:
        return clb_bert_adam(&w, &g, &m, &v, norm, segments, hyper);
    case CLB_OPTIMIZER_LAMB:
        return clb_lamb(&w, &g, &m, &v, norm, segments, hyper);
    }
    return clb_fail(CLB_ERROR_ARGUMENT, "unknown optimizer");
}

enum clb_status train_optimizer_step(struct train_optimizer *o, const struct clb_model *model,
                                     const struct clb_training_options *options, int64_t step,
                                     double learning_rate)
{
    const struct clb_tensor *norm = &o->norms[step % TRAIN_NORM_SLOTS];
    const struct clb_optimizer_step hyper = {
        .learning_rate = (float)learning_rate,
        .beta1 = options->adam_beta1,
        .beta2 = options->adam_beta2,
        .epsilon = options->adam_epsilon,
        .max_grad_norm = options->max_grad_norm,
        .step = step + 1,
    };
    enum clb_status status = sum_of_squares(o, norm, model, clb_model_gradients_part);
    for (int part = 0; part < o->parts && status == CLB_OK; part++)
        status = update_part(o, model, part, norm, &hyper);
    return status;
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
    float square;
    enum clb_status status = sum_of_squares(o, &o->weights_norm, model, clb_model_weights_part);
    if (status == CLB_OK) status = clb_tensor_read(o->weights_norm, &square, 1);
    if (status == CLB_OK) *norm = sqrt((double)square);
    return status;
}
