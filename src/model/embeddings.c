/* SPDX-License-Identifier: Apache-2.0 */
/* dropout(norm(word + position + segment)). */
#include "base/error.h"
#include "model/module.h"

static const struct site site = {"bert.embeddings.dropout", 0};

struct groups {
    struct clb_tensor order, begin, row;
};

struct embeddings {
    struct module module;
    struct parameter word, position, segment; /* [V, H], [P, H], [S, H] */
    struct parameter gamma, beta;             /* [H] */
    struct clb_tensor ids, positions, segments;
    struct groups word_groups, position_groups, segment_groups;
    struct clb_tensor sum, stats, out, copy; /* [T, H], [T, 2], [T, H], [T, H] for products */
};

const struct parameter *embeddings_word(const struct clb_model *model)
{
    return &((struct embeddings *)model->modules[0])->word;
}

static void declare_groups(struct registry *r, struct groups *g, int64_t tokens, int64_t table_rows)
{
    const int64_t count = tokens < table_rows ? tokens : table_rows;
    registry_input(r, &g->order, tokens);
    registry_input(r, &g->begin, count + 1);
    registry_input(r, &g->row, count);
}

static void declare(struct module *module, struct registry *r)
{
    struct embeddings *m = (struct embeddings *)module;
    const struct clb_config *c = &module->model->config;
    const int64_t t = module->model->limits.max_tokens, h = c->hidden_size;
    const char *prefix = "bert.embeddings.";
    registry_parameter(r, &m->word, MATRIX, c->vocab_size, h, "%sword_embeddings.weight", prefix);
    registry_parameter(r, &m->position, MATRIX, c->max_position_embeddings, h,
                       "%sposition_embeddings.weight", prefix);
    registry_parameter(r, &m->segment, MATRIX, c->type_vocab_size, h,
                       "%stoken_type_embeddings.weight", prefix);
    registry_parameter(r, &m->gamma, GAMMA, h, 1, "%sLayerNorm.weight", prefix);
    registry_parameter(r, &m->beta, BIAS, h, 1, "%sLayerNorm.bias", prefix);
    registry_input(r, &m->ids, t);
    registry_input(r, &m->positions, t);
    registry_input(r, &m->segments, t);
    if (module->model->limits.training) {
        declare_groups(r, &m->word_groups, t, c->vocab_size);
        declare_groups(r, &m->position_groups, t, c->max_position_embeddings);
        declare_groups(r, &m->segment_groups, t, c->type_vocab_size);
    }
    if (registry_copies(r)) /* the first block does not have it made again */
        registry_activation(r, &m->sum, "embedding sum", t, h, SAVED);
    else
        registry_activation(r, &m->sum, BRANCH, t, h, SCRATCH);
    registry_activation(r, &m->stats, "embedding stats", t, 2, SAVED);
    registry_activation(r, &m->out, STREAM, t, h, OUTPUT);
    registry_copy(r, &m->copy, "stream operand", t, h, SAVED);
}

static void stage_groups(struct registry *r, struct groups *device, const struct clb_groups *host,
                         int32_t tokens)
{
    device->order.rows = tokens;
    device->begin.rows = host->count + 1;
    device->row.rows = host->count;
    registry_stage(r, &device->order, host->order, tokens);
    registry_stage(r, &device->begin, host->begin, host->count + 1);
    registry_stage(r, &device->row, host->row, host->count);
}

static void stage(struct module *module, const struct clb_batch *batch, struct registry *r)
{
    struct embeddings *m = (struct embeddings *)module;
    const int32_t t = batch->total_tokens;
    registry_stage(r, &m->ids, batch->input_ids, t);
    registry_stage(r, &m->positions, batch->positions, t);
    registry_stage(r, &m->segments, batch->token_type_ids, t);
    if (!module->model->limits.training) return;
    stage_groups(r, &m->word_groups, &batch->word, t);
    stage_groups(r, &m->position_groups, &batch->position, t);
    stage_groups(r, &m->segment_groups, &batch->segment, t);
}

static enum clb_status forward(struct module *module, struct pass *pass)
{
    struct embeddings *m = (struct embeddings *)module;
    const struct clb_config *c = &module->model->config;
    const int64_t t = pass->tokens;
    struct clb_tensor ids = clb_tensor_first_rows(m->ids, t);
    struct clb_tensor positions = clb_tensor_first_rows(m->positions, t);
    struct clb_tensor segments = clb_tensor_first_rows(m->segments, t);
    struct clb_tensor sum = clb_tensor_first_rows(m->sum, t);
    struct clb_tensor stats = clb_tensor_first_rows(m->stats, t);
    struct clb_tensor out = clb_tensor_first_rows(m->out, t);
    struct clb_tensor copy = clb_tensor_first_rows(m->copy, t);
    enum clb_status status;
    CLB_TRY(clb_embedding_forward(&sum, &m->word.weight, &m->position.weight, &m->segment.weight,
                                  &ids, &positions, &segments));
    CLB_TRY(clb_norm_forward(&out, NULL, &sum, &stats, &sum, NULL, NULL, &m->gamma.weight,
                             &m->beta.weight, c->layer_norm_eps, (struct clb_dropout){0}));
    if (pass->training)
        CLB_TRY(clb_dropout_apply(&out, &out, pass_dropout(pass, c->hidden_dropout_prob, &site)));
    CLB_TRY(registry_cast(&copy, &out));
    pass->hidden = out;
    pass->operand = registry_taken(&copy, &out);
cleanup:
    return status;
}

static struct clb_row_groups row_groups(const struct groups *g)
{
    return (struct clb_row_groups){g->order, g->begin, g->row};
}

/* After the first block's, which had this module's sum and output made again, where they are not
 * kept, or, with gradient checkpointing, after forward. */
static enum clb_status backward(struct module *module, struct pass *pass)
{
    struct embeddings *m = (struct embeddings *)module;
    const float probability = module->model->config.hidden_dropout_prob;
    const struct clb_tensor *d = &pass->d_hidden;
    struct clb_tensor sum = clb_tensor_first_rows(m->sum, pass->tokens);
    struct clb_tensor stats = clb_tensor_first_rows(m->stats, pass->tokens);
    const struct clb_row_groups word = row_groups(&m->word_groups),
                                position = row_groups(&m->position_groups),
                                segment = row_groups(&m->segment_groups);
    enum clb_status status;
    CLB_TRY(clb_dropout_apply(d, d, pass_dropout(pass, probability, &site)));
    CLB_TRY(clb_norm_backward(d, NULL, &m->gamma.gradient, &m->beta.gradient, NULL, d, &sum, &stats,
                              &m->gamma.weight, (struct clb_dropout){0}));
    CLB_TRY(clb_embedding_backward(&m->word.gradient, d, &word));
    CLB_TRY(clb_embedding_backward(&m->position.gradient, d, &position));
    CLB_TRY(clb_embedding_backward(&m->segment.gradient, d, &segment));
cleanup:
    return status;
}

const struct module_class module_embeddings = {
    .name = "embeddings",
    .size = sizeof(struct embeddings),
    .declare = declare,
    .stage = stage,
    .recompute = true,
    .forward = forward,
    .backward = backward,
    .remake = forward, /* cheaper than to keep anything */
};
