/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/verify_ops.h"

/* What a case's dropout is: the same on both sides. */
static struct clb_dropout dropout_of(const struct verify_case *c)
{
    return (struct clb_dropout){c->dropout, {77, CLB_PURPOSE_DROPOUT + 3, 5}};
}

static const struct clb_random fill_random = {0x123456789abcdef, CLB_PURPOSE_INIT + 2, 9};

/* ---- linear: m tokens, n inputs, k outputs ---- */

enum { WITH_BIAS = 16 }; /* variant: an activation, and this */

static void plan_linear_forward(struct verify_plan *p, const struct verify_case *c)
{
    verify_out(p, "out", c->m, c->k, 32, c->n);
    verify_out(p, "pre", c->m, c->k, 4, c->variant % WITH_BIAS ? c->n : 0);
    verify_in(p, "x", c->m, c->n);
    verify_in(p, "weight", c->k, c->n);
    verify_in(p, "bias", c->k, 1);
}

static enum clb_status run_linear_forward(const struct verify_case *c, const struct clb_tensor *t)
{
    enum clb_activation activation = c->variant % WITH_BIAS;
    return clb_linear_forward(&t[0], activation == CLB_ACTIVATION_NONE ? NULL : &t[1], &t[2], &t[3],
                              c->variant >= WITH_BIAS ? &t[4] : NULL, activation);
}

static void plan_linear_backward_input(struct verify_plan *p, const struct verify_case *c)
{
    verify_out(p, "d_x", c->m, c->n, 4, c->k);
    verify_in(p, "d_out", c->m, c->k);
    verify_in(p, "weight", c->k, c->n);
}

static enum clb_status run_linear_backward_input(const struct verify_case *c,
                                                 const struct clb_tensor *t)
{
    return clb_linear_backward_input(&t[0], &t[1], &t[2], c->variant == 1);
}

static void plan_linear_backward_weight(struct verify_plan *p, const struct verify_case *c)
{
    verify_out(p, "d_weight", c->k, c->n, 4, c->m);
    verify_out(p, "d_bias", c->k, 1, 4, c->m);
    verify_in(p, "d_out", c->m, c->k);
    verify_in(p, "x", c->m, c->n);
}

static enum clb_status run_linear_backward_weight(const struct verify_case *c,
                                                  const struct clb_tensor *t)
{
    return clb_linear_backward_weight(&t[0], c->variant == 1 ? NULL : &t[1], &t[2], &t[3]);
}

static void plan_activation_backward(struct verify_plan *p, const struct verify_case *c)
{
    verify_out(p, "d_x", c->m, c->n, 48, 0);
    verify_in(p, "d_out", c->m, c->n);
    verify_in(p, "saved", c->m, c->n);
}

static enum clb_status run_activation_backward(const struct verify_case *c,
                                               const struct clb_tensor *t)
{
    return clb_activation_backward(&t[0], &t[1], &t[2], (enum clb_activation)c->variant);
}

/* ---- embeddings: m tokens, n hidden, k rows of the largest table ---- */

static void plan_embedding_forward(struct verify_plan *p, const struct verify_case *c)
{
    verify_out(p, "out", c->m, c->n, 4, 0);
    verify_in(p, "word", c->k, c->n);
    verify_in(p, "position", 7, c->n);
    verify_in(p, "segment", 2, c->n);
    verify_in_random_ints(p, "ids", c->m, (int32_t)c->k, false);
    verify_in_random_ints(p, "positions", c->m, 7, false);
    verify_in_random_ints(p, "segments", c->m, 2, false);
}

static enum clb_status run_embedding_forward(const struct verify_case *c,
                                             const struct clb_tensor *t)
{
    (void)c;
    return clb_embedding_forward(&t[0], &t[1], &t[2], &t[3], &t[4], &t[5], &t[6]);
}

/* Groups of unequal size: all rows of one residue modulo k, but the last group takes one alone
 * where it can. */
static void plan_embedding_backward(struct verify_plan *p, const struct verify_case *c)
{
    int32_t order[1024], begin[1025], row[1024];
    int64_t groups = c->k < c->m ? c->k : c->m, next = 0;
    for (int32_t g = 0; g < groups; g++) {
        begin[g] = (int32_t)next;
        row[g] = (int32_t)(c->k - groups) + g;
        for (int32_t t = 0; t < c->m; t++)
            if (t * (t + 1) / 2 % groups == g) order[next++] = t;
    }
    begin[groups] = (int32_t)next;
    verify_out(p, "d_table", c->k, c->n, 4, c->m);
    verify_in(p, "d_out", c->m, c->n);
    verify_in_ints(p, "order", order, c->m);
    verify_in_ints(p, "begin", begin, groups + 1);
    verify_in_ints(p, "row", row, groups);
}

static enum clb_status run_embedding_backward(const struct verify_case *c,
                                              const struct clb_tensor *t)
{
    (void)c;
    const struct clb_row_groups groups = {t[2], t[3], t[4]};
    return clb_embedding_backward(&t[0], &t[1], &groups);
}

/* ---- norm: m tokens, n hidden; variant 1: neither bias nor residual, in place ---- */

static void plan_norm_forward(struct verify_plan *p, const struct verify_case *c)
{
    verify_out(p, "out", c->m, c->n, 16, c->n);
    verify_out(p, "sum", c->m, c->n, 4, 0);
    verify_out(p, "stats", c->m, 2, 8, c->n);
    verify_in(p, "y", c->m, c->n);
    verify_in(p, "bias", c->n, 1);
    verify_in(p, "residual", c->m, c->n);
    verify_in(p, "gamma", c->n, 1);
    verify_in(p, "beta", c->n, 1);
}

static enum clb_status run_norm_forward(const struct verify_case *c, const struct clb_tensor *t)
{
    const bool plain = c->variant == 1; /* sum is y */
    return clb_norm_forward(&t[0], &t[1], &t[2], plain ? &t[1] : &t[3], plain ? NULL : &t[4],
                            plain ? NULL : &t[5], &t[6], &t[7], 1e-12f, dropout_of(c));
}

static void plan_norm_backward(struct verify_plan *p, const struct verify_case *c)
{
    verify_out(p, "d_sum", c->m, c->n, 16, c->n);
    verify_out(p, "d_y", c->m, c->n, 16, c->n);
    verify_out(p, "d_gamma", c->n, 1, 8, c->m);
    verify_out(p, "d_beta", c->n, 1, 4, c->m);
    verify_in(p, "d_out", c->m, c->n);
    verify_in(p, "sum", c->m, c->n);
    verify_in_positive(p, "stats", c->m, 2);
    verify_in(p, "gamma", c->n, 1);
}

static enum clb_status run_norm_backward(const struct verify_case *c, const struct clb_tensor *t)
{
    const bool plain = c->variant == 1; /* d_sum is d_out */
    return clb_norm_backward(&t[0], plain ? NULL : &t[1], &t[2], &t[3], plain ? &t[0] : &t[4],
                             &t[5], &t[6], &t[7], dropout_of(c));
}

static void plan_dropout_apply(struct verify_plan *p, const struct verify_case *c)
{
    verify_out(p, "out", c->m, c->n, 2, 0);
    verify_in(p, "x", c->m, c->n);
}

static enum clb_status run_dropout_apply(const struct verify_case *c, const struct clb_tensor *t)
{
    return clb_dropout_apply(&t[0], c->variant == 1 ? &t[0] : &t[1], dropout_of(c));
}

/* ---- attention: n heads of size k over sequences of the given lengths ---- */

static int64_t sequences_of(const struct verify_case *c, int32_t *cu_seqlens, int64_t *longest)
{
    int64_t count = 0;
    cu_seqlens[0] = 0;
    *longest = 1;
    for (; c->lengths[count]; count++) {
        cu_seqlens[count + 1] = cu_seqlens[count] + c->lengths[count];
        if (c->lengths[count] > *longest) *longest = c->lengths[count];
    }
    return count;
}

static void plan_attention_forward(struct verify_plan *p, const struct verify_case *c)
{
    int32_t cu_seqlens[64];
    int64_t longest, count = sequences_of(c, cu_seqlens, &longest), tokens = cu_seqlens[count];
    int64_t hidden = c->n * c->k;
    verify_out(p, "out", tokens, hidden, 32, longest + c->k);
    verify_out(p, "lse", c->n, tokens, 16, longest + c->k);
    verify_in(p, "qkv", tokens, 3 * hidden);
    verify_in_ints(p, "cu_seqlens", cu_seqlens, count + 1);
}

static enum clb_status run_attention_forward(const struct verify_case *c,
                                             const struct clb_tensor *t)
{
    int32_t cu_seqlens[64];
    int64_t longest;
    sequences_of(c, cu_seqlens, &longest);
    return clb_attention_forward(&t[0], &t[1], &t[2], &t[3], longest, c->n, dropout_of(c));
}

/* out and lse are made by the device itself: forward is part of the case. */
static void plan_attention_backward(struct verify_plan *p, const struct verify_case *c)
{
    int32_t cu_seqlens[64];
    int64_t longest, count = sequences_of(c, cu_seqlens, &longest), tokens = cu_seqlens[count];
    int64_t hidden = c->n * c->k;
    verify_out(p, "d_qkv", tokens, 3 * hidden, 64, longest + c->k);
    verify_in(p, "d_out", tokens, hidden);
    verify_in(p, "out", tokens, hidden);
    verify_in(p, "lse", c->n, tokens);
    verify_in(p, "qkv", tokens, 3 * hidden);
    verify_in_ints(p, "cu_seqlens", cu_seqlens, count + 1);
}

static enum clb_status run_attention_backward(const struct verify_case *c,
                                              const struct clb_tensor *t)
{
    int32_t cu_seqlens[64];
    int64_t longest;
    sequences_of(c, cu_seqlens, &longest);
    enum clb_status status =
        clb_attention_forward(&t[2], &t[3], &t[4], &t[5], longest, c->n, dropout_of(c));
    if (status != CLB_OK) return status;
    return clb_attention_backward(&t[0], &t[1], &t[2], &t[3], &t[4], &t[5], longest, c->n,
                                  dropout_of(c));
}

/* ---- rows: m of k rows, n columns ---- */

static void plan_gather_rows(struct verify_plan *p, const struct verify_case *c)
{
    verify_out(p, "out", c->m, c->n, 0, 0);
    verify_in(p, "x", c->k, c->n);
    verify_in_random_ints(p, "rows", c->m, (int32_t)c->k, true);
}

static enum clb_status run_gather_rows(const struct verify_case *c, const struct clb_tensor *t)
{
    (void)c;
    return clb_gather_rows(&t[0], &t[1], &t[2]);
}

static void plan_scatter_add_rows(struct verify_plan *p, const struct verify_case *c)
{
    verify_out(p, "d_x", c->k, c->n, 0, 0);
    verify_in(p, "d_out", c->m, c->n);
    verify_in_random_ints(p, "rows", c->m, (int32_t)c->k, true);
}

static enum clb_status run_scatter_add_rows(const struct verify_case *c, const struct clb_tensor *t)
{
    (void)c;
    return clb_scatter_add_rows(&t[0], &t[1], &t[2]);
}

/* ---- loss: m rows of n logits; variant 1: no gradient ---- */

static void plan_cross_entropy(struct verify_plan *p, const struct verify_case *c)
{
    verify_out(p, "sums", 2, 1, 16, c->m + c->n);
    verify_out(p, "logits", c->m, c->n, 16, c->variant == 1 ? 0 : c->n);
    verify_in_random_ints(p, "labels", c->m, (int32_t)c->n, false);
}

static enum clb_status run_cross_entropy(const struct verify_case *c, const struct clb_tensor *t)
{
    return clb_cross_entropy(&t[0], &t[1], &t[2], c->variant == 1 ? 0.0f : 1.0f / (float)c->m);
}

/* ---- buffers of m * n elements ---- */

static void plan_two(struct verify_plan *p, const struct verify_case *c)
{
    verify_out(p, "out", c->m, c->n, 0, 0);
    verify_in(p, "x", c->m, c->n);
}

static enum clb_status run_fill(const struct verify_case *c, const struct clb_tensor *t)
{
    (void)c;
    return clb_fill(&t[0], 1.5f);
}

static enum clb_status run_copy(const struct verify_case *c, const struct clb_tensor *t)
{
    (void)c;
    return clb_copy(&t[0], &t[1]);
}

static enum clb_status run_add(const struct verify_case *c, const struct clb_tensor *t)
{
    (void)c;
    return clb_add(&t[0], &t[1]);
}

static enum clb_status run_scale(const struct verify_case *c, const struct clb_tensor *t)
{
    (void)c;
    return clb_scale(&t[0], 0.3f);
}

static enum clb_status run_fill_uniform(const struct verify_case *c, const struct clb_tensor *t)
{
    (void)c;
    return clb_fill_uniform(&t[0], fill_random);
}

static enum clb_status run_fill_truncated_normal(const struct verify_case *c,
                                                 const struct clb_tensor *t)
{
    (void)c;
    return clb_fill_truncated_normal(&t[0], 0.02f, fill_random);
}

/* Whatever the length: both sides promise better than a plain sum. */
static void plan_sum_of_squares(struct verify_plan *p, const struct verify_case *c)
{
    verify_out(p, "out", 1, 1, 16, 0);
    verify_in(p, "x", c->m, c->n);
}

static enum clb_status run_sum_of_squares(const struct verify_case *c, const struct clb_tensor *t)
{
    (void)c;
    return clb_sum_of_squares(&t[0], &t[1]);
}

/* ---- optimisers: m blocks in three tensors of unequal size; step n; variant 1: gradients are not
 * finite and nothing may change ---- */

static void plan_optimizer(struct verify_plan *p, const struct verify_case *c)
{
    int32_t block_segment[256];
    const int32_t first_block[] = {0, 1, (int32_t)c->m - 1, (int32_t)c->m};
    const float decay[] = {0.01f, 0.0f, 0.1f};
    const float square = c->variant == 1 ? 1.0f / 0.0f : (float)c->m * CLB_BLOCK / 3.0f;
    const double ulps = c->variant == 1 ? 0 : 32;
    for (int32_t b = 0; b < c->m; b++)
        block_segment[b] = b < first_block[1] ? 0 : b < first_block[2] ? 1 : 2;
    verify_out(p, "w", c->m * CLB_BLOCK, 1, ulps, 0);
    verify_in(p, "g", c->m * CLB_BLOCK, 1);
    verify_out(p, "m", c->m * CLB_BLOCK, 1, ulps, 0);
    verify_out_positive(p, "v", c->m * CLB_BLOCK, 1, ulps, 0);
    verify_in_floats(p, "grad_square", &square, 1);
    verify_in_ints(p, "block_segment", block_segment, c->m);
    verify_in_ints(p, "first_block", first_block, 4);
    verify_in_floats(p, "decay", decay, 3);
}

#define RUN_OPTIMIZER(name)                                                                        \
    static enum clb_status run_##name(const struct verify_case *c, const struct clb_tensor *t)     \
    {                                                                                              \
        const struct clb_segments segments = {t[5], t[6], t[7]};                                   \
        const struct clb_optimizer_step step = {0.1f, 0.9f, 0.999f, 1e-6f, c->k ? 1.0f : 0.0f,     \
                                                c->n};                                             \
        return clb_##name(&t[0], &t[1], &t[2], &t[3], &t[4], &segments, &step);                    \
    }
RUN_OPTIMIZER(adamw)
RUN_OPTIMIZER(bert_adam)
RUN_OPTIMIZER(lamb)

/* ---- the list ---- */

#define OPERATION(name, plan) static const struct verify_operation name = {#name, plan, run_##name}
OPERATION(linear_forward, plan_linear_forward);
OPERATION(linear_backward_input, plan_linear_backward_input);
OPERATION(linear_backward_weight, plan_linear_backward_weight);
OPERATION(activation_backward, plan_activation_backward);
OPERATION(embedding_forward, plan_embedding_forward);
OPERATION(embedding_backward, plan_embedding_backward);
OPERATION(norm_forward, plan_norm_forward);
OPERATION(norm_backward, plan_norm_backward);
OPERATION(dropout_apply, plan_dropout_apply);
OPERATION(attention_forward, plan_attention_forward);
OPERATION(attention_backward, plan_attention_backward);
OPERATION(gather_rows, plan_gather_rows);
OPERATION(scatter_add_rows, plan_scatter_add_rows);
OPERATION(cross_entropy, plan_cross_entropy);
OPERATION(fill, plan_two);
OPERATION(copy, plan_two);
OPERATION(add, plan_two);
OPERATION(scale, plan_two);
OPERATION(sum_of_squares, plan_sum_of_squares);
OPERATION(fill_uniform, plan_two);
OPERATION(fill_truncated_normal, plan_two);
OPERATION(adamw, plan_optimizer);
OPERATION(bert_adam, plan_optimizer);
OPERATION(lamb, plan_optimizer);

static const int32_t one_token[] = {1, 0};
static const int32_t one_sequence[] = {19, 0};
static const int32_t tiny_mix[] = {5, 1, 9, 0};
static const int32_t mixed[] = {1, 128, 7, 64, 33, 200, 2, 0};
static const int32_t long_one[] = {515, 3, 0};

static const struct verify_case cases[] = {
    {&linear_forward, true, 5, 7, 9, WITH_BIAS + CLB_ACTIVATION_GELU, 0, NULL},
    {&linear_forward, true, 1, 1, 1, CLB_ACTIVATION_NONE, 0, NULL},
    {&linear_forward, false, 37, 29, 45, WITH_BIAS + CLB_ACTIVATION_GELU, 0, NULL},
    {&linear_forward, false, 37, 29, 45, WITH_BIAS + CLB_ACTIVATION_GELU_TANH, 0, NULL},
    {&linear_forward, false, 37, 29, 45, WITH_BIAS + CLB_ACTIVATION_TANH, 0, NULL},
    {&linear_forward, false, 37, 29, 45, WITH_BIAS + CLB_ACTIVATION_NONE, 0, NULL},
    {&linear_forward, false, 37, 29, 45, CLB_ACTIVATION_TANH, 0, NULL},
    {&linear_forward, false, 16, 128, 2, WITH_BIAS + CLB_ACTIVATION_NONE, 0, NULL},
    {&linear_forward, false, 1, 256, 1024, WITH_BIAS + CLB_ACTIVATION_GELU, 0, NULL},
    {&linear_forward, false, 300, 256, 768, WITH_BIAS + CLB_ACTIVATION_NONE, 0, NULL},
    {&linear_forward, false, 129, 1000, 333, CLB_ACTIVATION_NONE, 0, NULL},
    {&linear_backward_input, true, 5, 7, 9, 0, 0, NULL},
    {&linear_backward_input, true, 5, 7, 9, 1, 0, NULL},
    {&linear_backward_input, false, 37, 29, 45, 0, 0, NULL},
    {&linear_backward_input, false, 16, 128, 2, 1, 0, NULL},
    {&linear_backward_input, false, 300, 256, 768, 0, 0, NULL},
    {&linear_backward_input, false, 129, 1000, 333, 1, 0, NULL},
    {&linear_backward_weight, true, 5, 7, 9, 0, 0, NULL},
    {&linear_backward_weight, true, 1, 3, 2, 1, 0, NULL},
    {&linear_backward_weight, false, 37, 29, 45, 0, 0, NULL},
    {&linear_backward_weight, false, 16, 128, 2, 0, 0, NULL},
    {&linear_backward_weight, false, 2100, 64, 257, 0, 0, NULL},
    {&linear_backward_weight, false, 300, 256, 768, 0, 0, NULL},
    {&activation_backward, true, 3, 7, 0, CLB_ACTIVATION_GELU, 0, NULL},
    {&activation_backward, false, 33, 129, 0, CLB_ACTIVATION_GELU, 0, NULL},
    {&activation_backward, false, 33, 129, 0, CLB_ACTIVATION_GELU_TANH, 0, NULL},
    {&activation_backward, false, 33, 129, 0, CLB_ACTIVATION_TANH, 0, NULL},
    {&embedding_forward, true, 3, 7, 5, 0, 0, NULL},
    {&embedding_forward, false, 131, 257, 1000, 0, 0, NULL},
    {&embedding_backward, true, 6, 7, 4, 0, 0, NULL},
    {&embedding_backward, true, 1, 5, 3, 0, 0, NULL},
    {&embedding_backward, false, 700, 257, 2, 0, 0, NULL},
    {&embedding_backward, false, 700, 128, 90, 0, 0, NULL},
    {&norm_forward, true, 3, 7, 0, 0, 0.25f, NULL},
    {&norm_forward, true, 1, 70, 0, 1, 0, NULL},
    {&norm_forward, false, 37, 128, 0, 0, 0.1f, NULL},
    {&norm_forward, false, 37, 129, 0, 0, 0.1f, NULL},
    {&norm_forward, false, 65, 768, 0, 0, 0, NULL},
    {&norm_forward, false, 9, 1023, 0, 1, 0, NULL},
    {&norm_backward, true, 3, 7, 0, 0, 0.25f, NULL},
    {&norm_backward, true, 1, 70, 0, 1, 0, NULL},
    {&norm_backward, false, 37, 128, 0, 0, 0.1f, NULL},
    {&norm_backward, false, 37, 129, 0, 0, 0.1f, NULL},
    {&norm_backward, false, 2500, 64, 0, 0, 0, NULL},
    {&norm_backward, false, 65, 768, 0, 1, 0, NULL},
    {&dropout_apply, true, 3, 7, 0, 0, 0.5f, NULL},
    {&dropout_apply, false, 301, 129, 0, 1, 0.1f, NULL},
    {&dropout_apply, false, 301, 129, 0, 0, 0, NULL},
    {&attention_forward, true, 0, 2, 4, 0, 0.25f, tiny_mix},
    {&attention_forward, true, 0, 1, 3, 0, 0, one_token},
    {&attention_forward, false, 0, 3, 8, 0, 0.1f, one_sequence},
    {&attention_forward, false, 0, 2, 64, 0, 0, mixed},
    {&attention_forward, false, 0, 2, 64, 0, 0.1f, mixed},
    {&attention_forward, false, 0, 3, 21, 0, 0.1f, mixed},
    {&attention_forward, false, 0, 1, 128, 0, 0.1f, mixed},
    {&attention_forward, false, 0, 1, 160, 0, 0.1f, one_sequence},
    {&attention_forward, false, 0, 2, 32, 0, 0.1f, long_one},
    {&attention_backward, true, 0, 2, 4, 0, 0.25f, tiny_mix},
    {&attention_backward, true, 0, 1, 3, 0, 0, one_token},
    {&attention_backward, false, 0, 3, 8, 0, 0.1f, one_sequence},
    {&attention_backward, false, 0, 2, 64, 0, 0, mixed},
    {&attention_backward, false, 0, 2, 64, 0, 0.1f, mixed},
    {&attention_backward, false, 0, 3, 21, 0, 0.1f, mixed},
    {&attention_backward, false, 0, 1, 128, 0, 0.1f, mixed},
    {&attention_backward, false, 0, 1, 160, 0, 0.1f, one_sequence},
    {&attention_backward, false, 0, 2, 32, 0, 0.1f, long_one},
    {&gather_rows, true, 3, 7, 5, 0, 0, NULL},
    {&gather_rows, false, 77, 257, 300, 0, 0, NULL},
    {&scatter_add_rows, true, 3, 7, 5, 0, 0, NULL},
    {&scatter_add_rows, false, 77, 257, 300, 0, 0, NULL},
    {&cross_entropy, true, 3, 7, 0, 0, 0, NULL},
    {&cross_entropy, true, 1, 2, 0, 1, 0, NULL},
    {&cross_entropy, false, 77, 2, 0, 0, 0, NULL},
    {&cross_entropy, false, 50, 8003, 0, 0, 0, NULL},
    {&cross_entropy, false, 50, 8003, 0, 1, 0, NULL},
    {&fill, true, 3, 7, 0, 0, 0, NULL},
    {&copy, true, 3, 7, 0, 0, 0, NULL},
    {&copy, false, 301, 129, 0, 0, 0, NULL},
    {&add, true, 3, 7, 0, 0, 0, NULL},
    {&add, false, 301, 129, 0, 0, 0, NULL},
    {&scale, true, 3, 7, 0, 0, 0, NULL},
    {&scale, false, 301, 129, 0, 0, 0, NULL},
    {&sum_of_squares, true, 3, 7, 0, 0, 0, NULL},
    {&sum_of_squares, false, 1000, 1001, 0, 0, 0, NULL},
    {&fill_uniform, true, 3, 7, 0, 0, 0, NULL},
    {&fill_uniform, false, 301, 129, 0, 0, 0, NULL},
    {&fill_truncated_normal, true, 3, 7, 0, 0, 0, NULL},
    {&fill_truncated_normal, false, 301, 129, 0, 0, 0, NULL},
    {&adamw, true, 3, 1, 1, 0, 0, NULL},
    {&adamw, false, 9, 100, 0, 0, 0, NULL},
    {&adamw, false, 3, 1, 1, 1, 0, NULL},
    {&bert_adam, true, 3, 1, 1, 0, 0, NULL},
    {&bert_adam, false, 9, 100, 0, 0, 0, NULL},
    {&bert_adam, false, 3, 1, 1, 1, 0, NULL},
    {&lamb, true, 3, 1, 1, 0, 0, NULL},
    {&lamb, false, 9, 100, 0, 0, 0, NULL},
    {&lamb, false, 3, 1, 1, 1, 0, NULL},
};

const struct verify_case *verify_cases(int *count)
{
    *count = (int)(sizeof cases / sizeof *cases);
    return cases;
}
