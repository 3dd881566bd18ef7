/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of the model, the same on every device: the upper half of the dispatch layer.
 *
 * T tokens of a packed batch, B sequences, H hidden, N heads, D = H / N, R rows picked out of T,
 * I inputs and O outputs of a linear layer, V rows of a table. Numbers are fp32, indices int32.
 *
 * The operands of products and attention may be reduced: x, weight and d_out of the linear layers,
 * qkv, out and d_out of attention, d_out and saved of activations may be of a type that
 * the device multiplies (clb_device_multiplies), all of one call of the same. What comes of them
 * (out, pre, d_x, d_qkv) is then of that type or fp32. Sums are taken in fp32, and what is fp32
 * always is: gradients of weights, biases, norms, softmax and losses, optimisers.
 *
 * Forward operations overwrite their outputs. Backward operations overwrite gradients of
 * activations and ACCUMULATE into gradients of weights (d_weight, d_bias, d_gamma, d_beta,
 * d_table). Every reduction has a fixed order: the same device gives the same bits twice, and the
 * CPU path gives them for any number of threads. Calls are queued: a failure of the device may come
 * back from a later call. Wrong shapes, types, devices or aliasing: CLB_ERROR_ARGUMENT, nothing
 * queued. Outputs may not alias inputs unless it says so. */
#ifndef CLBERT_OPS_H
#define CLBERT_OPS_H

#include <clbert/api.h>
#include <clbert/device.h>
#include <clbert/random.h>

CLB_BEGIN_DECLS

enum clb_activation {
    CLB_ACTIVATION_NONE,
    CLB_ACTIVATION_GELU,      /* x * Phi(x), by erf: Hugging Face's "gelu" */
    CLB_ACTIVATION_GELU_TANH, /* the tanh form: "gelu_new", "gelu_pytorch_tanh" */
    CLB_ACTIVATION_TANH,
};

/* Which elements are dropped: element e is kept iff clb_random_u32(random, e) >= probability * 2^32
 * (see clb_dropout_threshold), and then scaled by 1 / (1 - probability). Probability 0: nothing
 * is dropped or scaled. Backward takes the same value and recomputes the same mask. */
struct clb_dropout {
    float probability; /* [0, 1) */
    struct clb_random random;
};

/* probability * 2^32, as both paths compute it. */
CLB_API uint32_t clb_dropout_threshold(float probability);

/* ---- linear layers: weight is [O, I], as in PyTorch ---- */

/* pre = x * weight^T + bias; out = activation(pre).
 * out [T, O], pre [T, O] or NULL, x [T, I], weight [O, I], bias [O] or NULL.
 * `pre` is needed where clb_activation_backward for GELU follows; NULL: it is not kept.
 * With CLB_ACTIVATION_NONE `pre` must be NULL. */
CLB_API enum clb_status clb_linear_forward(const struct clb_tensor *out,
                                           const struct clb_tensor *pre, const struct clb_tensor *x,
                                           const struct clb_tensor *weight,
                                           const struct clb_tensor *bias,
                                           enum clb_activation activation);

/* d_x = d_out * weight, or d_x += d_out * weight where `accumulate`; or, for an x that an
 * activation gave, d_x = (d_out * weight) * activation'(saved), as clb_activation_backward takes
 * it. d_x, saved [T, I], d_out [T, O], weight [O, I]. `saved` is NULL with CLB_ACTIVATION_NONE, and
 * where `accumulate`.
 * x, where not NULL, becomes activation(saved): what clb_linear_backward_weight takes, where
 * forward's output was not kept. [T, I], of the type of `saved`, which it may be; NULL with
 * CLB_ACTIVATION_TANH, whose `saved` it is. */
CLB_API enum clb_status clb_linear_backward_input(const struct clb_tensor *d_x,
                                                  const struct clb_tensor *d_out,
                                                  const struct clb_tensor *weight,
                                                  const struct clb_tensor *saved,
                                                  const struct clb_tensor *x,
                                                  enum clb_activation activation, bool accumulate);

/* d_weight += d_out^T * x; d_bias += column sums of d_out.
 * d_weight [O, I], d_bias [O] or NULL, d_out [T, O], x [T, I]. */
CLB_API enum clb_status clb_linear_backward_weight(const struct clb_tensor *d_weight,
                                                   const struct clb_tensor *d_bias,
                                                   const struct clb_tensor *d_out,
                                                   const struct clb_tensor *x);

/* d_x = d_out * activation'(saved), all [T, O]; d_x may be d_out.
 * `saved` is what forward's `pre` held for the GELUs, and its output for TANH. */
CLB_API enum clb_status clb_activation_backward(const struct clb_tensor *d_x,
                                                const struct clb_tensor *d_out,
                                                const struct clb_tensor *saved,
                                                enum clb_activation activation);

/* ---- embeddings ---- */

/* out[t] = word[ids[t]] + position[positions[t]] + segment[segments[t]].
 * out [T, H]; word [V, H]; position [P, H]; segment [S, H]; ids, positions, segments i32 [T],
 * within the tables (the host checks them: a device cannot). */
CLB_API enum clb_status
clb_embedding_forward(const struct clb_tensor *out, const struct clb_tensor *word,
                      const struct clb_tensor *position, const struct clb_tensor *segment,
                      const struct clb_tensor *ids, const struct clb_tensor *positions,
                      const struct clb_tensor *segments);

/* Rows of a batch sorted by the table row they belong to: what makes a scatter-add without atomics
 * a sum over runs. Group g are the rows order[begin[g]] .. order[begin[g + 1] - 1], ascending, and
 * belongs to table row row[g]; no two groups have the same row. */
struct clb_row_groups {
    struct clb_tensor order; /* i32 [T] */
    struct clb_tensor begin; /* i32 [G + 1] */
    struct clb_tensor row;   /* i32 [G] */
};

/* d_table[row[g]] += sum of d_out over group g, in the order of the group. d_table [V, H],
 * d_out [T, H]. */
CLB_API enum clb_status clb_embedding_backward(const struct clb_tensor *d_table,
                                               const struct clb_tensor *d_out,
                                               const struct clb_row_groups *groups);

/* ---- add and norm ---- */

/* sum = dropout(y + bias) + residual; out = (sum - mean) * rstd * gamma + beta, by row; copy = out,
 * rounded to its type, or NULL. out, copy, sum, y [T, H]; stats [T, 2] = mean and 1 / sqrt(variance
 * + eps); bias [H] or NULL; residual [T, H] or NULL; gamma, beta [H]. sum may be y. Dropout element
 * of (t, h): t * H + h. */
CLB_API enum clb_status
clb_norm_forward(const struct clb_tensor *out, const struct clb_tensor *copy,
                 const struct clb_tensor *sum, const struct clb_tensor *stats,
                 const struct clb_tensor *y, const struct clb_tensor *bias,
                 const struct clb_tensor *residual, const struct clb_tensor *gamma,
                 const struct clb_tensor *beta, float eps, struct clb_dropout dropout);

/* d_sum = gradient at sum (and so at residual); d_y = gradient at y, which is d_sum through
 * dropout, rounded to its type; d_gamma += , d_beta += , d_bias += column sums of d_y. d_sum, d_y,
 * d_out, sum [T, H]; d_y NULL where there was no dropout: d_sum serves; d_bias [H] or NULL. d_sum
 * may be d_out. */
CLB_API enum clb_status
clb_norm_backward(const struct clb_tensor *d_sum, const struct clb_tensor *d_y,
                  const struct clb_tensor *d_gamma, const struct clb_tensor *d_beta,
                  const struct clb_tensor *d_bias, const struct clb_tensor *d_out,
                  const struct clb_tensor *sum, const struct clb_tensor *stats,
                  const struct clb_tensor *gamma, struct clb_dropout dropout);

/* out = dropout(x), by element in row-major order; its own backward. out may be x. */
CLB_API enum clb_status clb_dropout_apply(const struct clb_tensor *out, const struct clb_tensor *x,
                                          struct clb_dropout dropout);

/* ---- attention over packed sequences ---- */

/* Sequence b are rows cu_seqlens[b] .. cu_seqlens[b + 1] - 1; each attends to itself alone.
 * out = dropout(softmax(q k^T / sqrt(D))) v, by head; lse = log-sum-exp of the scaled scores.
 * out [T, H]; lse [N, T]; qkv [T, 3H] = q, k, v side by side, head n in columns n * D of each;
 * cu_seqlens i32 [B + 1]; max_seqlen the longest sequence, at most 65536.
 * Dropout element of (head n, query row t, key j of the same sequence, counted from the sequence's
 * start): (n * T + t) * 65536 + j. */
CLB_API enum clb_status
clb_attention_forward(const struct clb_tensor *out, const struct clb_tensor *lse,
                      const struct clb_tensor *qkv, const struct clb_tensor *cu_seqlens,
                      int64_t max_seqlen, int64_t heads, struct clb_dropout dropout);

/* d_qkv [T, 3H] from d_out [T, H] and what forward took and gave. */
CLB_API enum clb_status
clb_attention_backward(const struct clb_tensor *d_qkv, const struct clb_tensor *d_out,
                       const struct clb_tensor *out, const struct clb_tensor *lse,
                       const struct clb_tensor *qkv, const struct clb_tensor *cu_seqlens,
                       int64_t max_seqlen, int64_t heads, struct clb_dropout dropout);

/* ---- rows: masked positions, [CLS] ---- */

/* out[r] = x[rows[r]]. out [R, H], x [T, H], rows i32 [R]. */
CLB_API enum clb_status clb_gather_rows(const struct clb_tensor *out, const struct clb_tensor *x,
                                        const struct clb_tensor *rows);

/* d_x[rows[r]] += d_out[r]; rows are distinct. d_x [T, H], d_out [R, H], rows i32 [R]. */
CLB_API enum clb_status clb_scatter_add_rows(const struct clb_tensor *d_x,
                                             const struct clb_tensor *d_out,
                                             const struct clb_tensor *rows);

enum clb_pooling { CLB_POOLING_MEAN, CLB_POOLING_MAX, CLB_POOLING_FIRST };

/* One row for the rows of each sequence, by column: their mean, the largest (NaN is none), or the
 * first row, [CLS]. out [B, H], x [T, H], cu_seqlens i32 [B + 1], no sequence empty. */
CLB_API enum clb_status clb_pool(const struct clb_tensor *out, const struct clb_tensor *x,
                                 const struct clb_tensor *cu_seqlens, enum clb_pooling kind);

/* ---- loss: sums [2]; logits become their own gradient times gradient_scale, or, where that is 0,
 * stay ---- */

/* Softmax and cross-entropy of R rows of logits [R, V] against labels i32 [R].
 * sums[0] += total of -log softmax(logits)[label]; sums[1] += rows whose largest logit (the first
 * of equals) is at the label. sums [2]. Where gradient_scale is not 0 the logits become their own
 * gradient, (softmax - one-hot) * gradient_scale; where it is 0 they stay. */
CLB_API enum clb_status clb_cross_entropy(const struct clb_tensor *sums,
                                          const struct clb_tensor *logits,
                                          const struct clb_tensor *labels, float gradient_scale);

/* The same for few classes, which may have weights, with labels that may be smoothed, as
 * torch.nn.CrossEntropyLoss(weight, label_smoothing), but a sum over the rows:
 * sums[0] += (1 - smoothing) w[y] (-log p[y]) + smoothing / C * sum over c of w[c] (-log p[c]).
 * logits [R, C], labels i32 [R], class_weights [C] or NULL (all 1), smoothing in [0, 1). */
CLB_API enum clb_status clb_class_loss(const struct clb_tensor *sums,
                                       const struct clb_tensor *logits,
                                       const struct clb_tensor *labels,
                                       const struct clb_tensor *class_weights, float smoothing,
                                       float gradient_scale);

/* Softmax and cross-entropy down each of two columns of a sequence's rows: where a span begins and
 * where it ends. spans i32 [B, 2]: rows counted from the sequence's first, or -1: that one is left
 * out, its gradient 0. sums[0] += losses, sums[1] += those whose largest logit is at the span's.
 * logits [T, 2], cu_seqlens i32 [B + 1], no sequence empty. */
CLB_API enum clb_status clb_span_loss(const struct clb_tensor *sums,
                                      const struct clb_tensor *logits,
                                      const struct clb_tensor *cu_seqlens,
                                      const struct clb_tensor *spans, float gradient_scale);

/* Cross-entropy of sigmoid(logits) against targets in [0, 1], both [R, C], without overflow:
 * sums[0] += total over all elements; sums[1] += elements where (logit > 0) == (target > 0.5). */
CLB_API enum clb_status clb_binary_cross_entropy(const struct clb_tensor *sums,
                                                 const struct clb_tensor *logits,
                                                 const struct clb_tensor *targets,
                                                 float gradient_scale);

/* sums[0] += total of (value - target)^2, both [R, C]; sums[1] stays. */
CLB_API enum clb_status clb_squared_error(const struct clb_tensor *sums,
                                          const struct clb_tensor *values,
                                          const struct clb_tensor *targets, float gradient_scale);

/* ---- whole buffers ---- */

CLB_API enum clb_status clb_fill(const struct clb_tensor *x, float value);
/* out = x, as many elements. */
CLB_API enum clb_status clb_copy(const struct clb_tensor *out, const struct clb_tensor *x);
/* out = x in another type: fp32 to bf16 or fp16, to the nearest, of two equally near the even one;
 * too large becomes infinite, NaN stays NaN. Or back, exactly. Fp32 to fp32 is clb_copy. Between
 * fp32 and tf32, either way: the numbers that products take. */
CLB_API enum clb_status clb_cast(const struct clb_tensor *out, const struct clb_tensor *x);
/* out += x. */
CLB_API enum clb_status clb_add(const struct clb_tensor *out, const struct clb_tensor *x);
/* x *= factor. */
CLB_API enum clb_status clb_scale(const struct clb_tensor *x, float factor);
/* out[0] = sum of squares of x, to better than fp32's plain left-to-right sum. out [1]. */
CLB_API enum clb_status clb_sum_of_squares(const struct clb_tensor *out,
                                           const struct clb_tensor *x);
/* x[e] = clb_uniform_from_bits(clb_random_u32(random, e)): the same bits on every device. */
CLB_API enum clb_status clb_fill_uniform(const struct clb_tensor *x, struct clb_random random);
/* x[e] = deviation * clb_truncated_normal_from_uniform(uniform e): the same bits everywhere. */
CLB_API enum clb_status clb_fill_truncated_normal(const struct clb_tensor *x, float deviation,
                                                  struct clb_random random);

/* ---- optimisers: all parameters in one call ---- */

/* Which tensor each block of CLB_BLOCK elements of the parameter arena belongs to. Segment s are
 * the blocks first_block[s] .. first_block[s + 1] - 1. */
struct clb_segments {
    struct clb_tensor block_segment; /* i32 [blocks] */
    struct clb_tensor first_block;   /* i32 [segments + 1] */
    struct clb_tensor decay;         /* f32 [segments]: weight decay, 0 for biases and LayerNorm */
    struct clb_tensor rate;          /* f32 [segments]: learning rates are multiplied by it; 1 */
};

struct clb_optimizer_step {
    float learning_rate;
    float beta1, beta2, epsilon;
    float max_grad_norm; /* gradients are scaled by min(1, max_grad_norm / norm); 0: never */
    int64_t step;        /* 1 for the first: bias correction */
};

/* All take: weights w, gradients g, moments m and v, [blocks * CLB_BLOCK] each; grad_square [1],
 * the sum of squares of g as clb_sum_of_squares left it. Where that is not finite, nothing changes.
 * g is left unspecified. c = clip factor; of the tensor, d = decay and lr = learning_rate * rate.
 */

/* m = b1 m + (1 - b1) c g; v = b2 v + (1 - b2) (c g)^2; w -= lr d w;
 * w -= lr (m / (1 - b1^step)) / (sqrt(v / (1 - b2^step)) + eps). As torch.optim.AdamW. */
CLB_API enum clb_status clb_adamw(const struct clb_tensor *w, const struct clb_tensor *g,
                                  const struct clb_tensor *m, const struct clb_tensor *v,
                                  const struct clb_tensor *grad_square,
                                  const struct clb_segments *segments,
                                  const struct clb_optimizer_step *step);

/* Google's AdamWeightDecayOptimizer: no bias correction;
 * u = m / (sqrt(v) + eps) + d w; w -= lr u. */
CLB_API enum clb_status clb_bert_adam(const struct clb_tensor *w, const struct clb_tensor *g,
                                      const struct clb_tensor *m, const struct clb_tensor *v,
                                      const struct clb_tensor *grad_square,
                                      const struct clb_segments *segments,
                                      const struct clb_optimizer_step *step);

/* LAMB (You et al., 2019): u = m^ / (sqrt(v^) + eps) + d w, bias-corrected; by tensor
 * w -= lr (|w| / |u|) u, the ratio 1 where either norm is 0. g is used for u. */
CLB_API enum clb_status clb_lamb(const struct clb_tensor *w, const struct clb_tensor *g,
                                 const struct clb_tensor *m, const struct clb_tensor *v,
                                 const struct clb_tensor *grad_square,
                                 const struct clb_segments *segments,
                                 const struct clb_optimizer_step *step);

/* clang-format off */
/* Every operation above, by what follows clb_: a backend has a function for each. */
#define CLB_OPERATION_LIST(X)                                                                      \
    X(linear_forward) X(linear_backward_input) X(linear_backward_weight) X(activation_backward)    \
    X(embedding_forward) X(embedding_backward) X(norm_forward) X(norm_backward) X(dropout_apply)   \
    X(attention_forward) X(attention_backward) X(gather_rows) X(scatter_add_rows) X(pool)          \
    X(cross_entropy) X(class_loss) X(span_loss) X(binary_cross_entropy) X(squared_error)           \
    X(fill) X(copy) X(cast) X(add) X(scale) X(sum_of_squares) X(fill_uniform)                      \
    X(fill_truncated_normal) X(adamw) X(bert_adam) X(lamb)
/* clang-format on */

enum clb_operation {
#define CLB_OPERATION_ENUM(name) CLB_OPERATION_##name,
    CLB_OPERATION_LIST(CLB_OPERATION_ENUM)
#undef CLB_OPERATION_ENUM
        CLB_OPERATION_COUNT
};

CLB_END_DECLS

#endif
