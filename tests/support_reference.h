/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of ops.h written down as plainly as can be, in double precision on plain arrays:
 * what the devices are compared with. Names, shapes and order of arguments as in ops.h; backward
 * functions accumulate into gradients of weights and overwrite those of activations. Arguments that
 * may be NULL there may be NULL here. */
#ifndef SUPPORT_REFERENCE_H
#define SUPPORT_REFERENCE_H

#include <clbert/ops.h>

/* 0, or 1 / (1 - probability). */
double reference_dropout(struct clb_dropout dropout, uint64_t element);

double reference_activation(enum clb_activation activation, double x);
/* Derivative at x (not at what forward saved). */
double reference_slope(enum clb_activation activation, double x);

/* out [t, o] = x [t, i] weight^T [o, i] + bias [o]: what `pre` is. */
void reference_linear(double *out, const double *x, const double *weight, const double *bias,
                      int64_t t, int64_t i, int64_t o);
void reference_linear_backward_input(double *d_x, const double *d_out, const double *weight,
                                     bool accumulate, int64_t t, int64_t i, int64_t o);
void reference_linear_backward_weight(double *d_weight, double *d_bias, const double *d_out,
                                      const double *x, int64_t t, int64_t i, int64_t o);

void reference_embedding(double *out, const double *word, const double *position,
                         const double *segment, const int32_t *ids, const int32_t *positions,
                         const int32_t *segments, int64_t t, int64_t h);
/* d_table[ids[row]] += d_out[row]. */
void reference_embedding_backward(double *d_table, const double *d_out, const int32_t *ids,
                                  int64_t t, int64_t h);

void reference_norm(double *out, double *sum, double *stats, const double *y, const double *bias,
                    const double *residual, const double *gamma, const double *beta, double eps,
                    struct clb_dropout dropout, int64_t t, int64_t h);
void reference_norm_backward(double *d_sum, double *d_y, double *d_gamma, double *d_beta,
                             const double *d_out, const double *sum, const double *stats,
                             const double *gamma, struct clb_dropout dropout, int64_t t, int64_t h);

/* One query of one head of one sequence at a time, with the whole row of probabilities. */
struct reference_attention {
    const double *qkv;         /* [tokens, 3 * heads * size] */
    const int32_t *cu_seqlens; /* [sequences + 1] */
    int64_t sequences, heads, size;
    struct clb_dropout dropout;
};
void reference_attention(const struct reference_attention *a, double *out, double *lse);
void reference_attention_backward(const struct reference_attention *a, double *d_qkv,
                                  const double *d_out);

/* sums[2] += ; logits become their gradient where scale is not 0. */
void reference_cross_entropy(double *sums, double *logits, const int32_t *labels, double scale,
                             int64_t rows, int64_t classes);

/* weights NULL: all 1. */
void reference_class_loss(double *sums, double *logits, const int32_t *labels,
                          const double *weights, double smoothing, double scale, int64_t rows,
                          int64_t classes);
/* The 2 columns of each sequence; spans [sequences, 2], -1: left out. */
void reference_span_loss(double *sums, double *logits, const int32_t *cu_seqlens,
                         const int32_t *spans, double scale, int64_t sequences);
void reference_binary_cross_entropy(double *sums, double *logits, const double *targets,
                                    double scale, int64_t count);
void reference_squared_error(double *sums, double *values, const double *targets, double scale,
                             int64_t count);

struct reference_optimizer {
    double *w, *g, *m, *v;
    const int32_t *first_block; /* [segments + 1], blocks of CLB_BLOCK */
    const double *decay, *rate; /* [segments] */
    int64_t segments;
    double grad_square;
    struct clb_optimizer_step step;
};
void reference_adamw(const struct reference_optimizer *o);
void reference_bert_adam(const struct reference_optimizer *o);
void reference_lamb(const struct reference_optimizer *o);

#endif
