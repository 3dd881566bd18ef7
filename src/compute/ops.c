/* SPDX-License-Identifier: Apache-2.0 */
/* The operations: what their arguments have to be, and whose work it is. */
#include "compute/call.h"

#include <math.h>

uint32_t clb_dropout_threshold(float probability)
{
    return (uint32_t)((double)probability * 0x1p32);
}

/* ---- linear layers ---- */

static void expect_activation(struct call *call, enum clb_activation activation)
{
    call_expect(call, activation >= CLB_ACTIVATION_NONE && activation <= CLB_ACTIVATION_TANH,
                "unknown activation");
}

enum clb_status clb_linear_forward(const struct clb_tensor *out, const struct clb_tensor *pre,
                                   const struct clb_tensor *x, const struct clb_tensor *weight,
                                   const struct clb_tensor *bias, enum clb_activation activation)
{
    struct call call = call_begin(CLB_OPERATION_linear_forward, out);
    call_expect(&call, x && weight, "x or weight is missing");
    if (!call_is_right(&call)) return call.status;
    int64_t tokens = x->rows, inputs = x->columns, outputs = weight->rows;
    call_operand(&call, x, "x", tokens, inputs);
    call_operand(&call, weight, "weight", outputs, inputs);
    call_result(&call, out, "out", tokens, outputs);
    if (pre) call_result(&call, pre, "pre", tokens, outputs);
    if (bias) call_input(&call, bias, "bias", outputs, 1);
    expect_activation(&call, activation);
    call_expect(&call, !pre || activation != CLB_ACTIVATION_NONE, "pre without an activation");
    if (!call_is_ready(&call)) return call.status;
    return call_end(&call,
                    call.device->backend->linear_forward(out, pre, x, weight, bias, activation));
}

enum clb_status clb_linear_backward_input(const struct clb_tensor *d_x,
                                          const struct clb_tensor *d_out,
                                          const struct clb_tensor *weight,
                                          const struct clb_tensor *saved,
                                          const struct clb_tensor *x,
                                          enum clb_activation activation, bool accumulate)
{
    struct call call = call_begin(CLB_OPERATION_linear_backward_input, d_x);
    call_expect(&call, d_out && weight, "d_out or weight is missing");
    if (!call_is_right(&call)) return call.status;
    call_operand(&call, d_out, "d_out", d_out->rows, weight->rows);
    call_operand(&call, weight, "weight", weight->rows, weight->columns);
    call_result(&call, d_x, "d_x", d_out->rows, weight->columns);
    if (saved) call_operand(&call, saved, "saved", d_out->rows, weight->columns);
    expect_activation(&call, activation);
    call_expect(&call, !saved == (activation == CLB_ACTIVATION_NONE),
                "an activation without saved, or saved without an activation");
    call_expect(&call, !saved || !accumulate, "an activation, and d_x to be added to");
    call_expect(&call, !x || (saved && activation != CLB_ACTIVATION_TANH),
                "x is not to be had of what was saved");
    if (!call_is_right(&call)) return call.status;
    if (x) call_expect(&call, x->type == saved->type, "x and saved are of two types");
    if (x) call_result(&call, x, "x", d_out->rows, weight->columns);
    call_allow_in_place(&call, x, saved);
    if (!call_is_ready(&call)) return call.status;
    return call_end(&call, call.device->backend->linear_backward_input(d_x, d_out, weight, saved, x,
                                                                       activation, accumulate));
}

enum clb_status clb_linear_backward_weight(const struct clb_tensor *d_weight,
                                           const struct clb_tensor *d_bias,
                                           const struct clb_tensor *d_out,
                                           const struct clb_tensor *x)
{
    struct call call = call_begin(CLB_OPERATION_linear_backward_weight, d_weight);
    call_expect(&call, d_out && x, "d_out or x is missing");
    if (!call_is_right(&call)) return call.status;
    call_operand(&call, d_out, "d_out", x->rows, d_out->columns);
    call_operand(&call, x, "x", x->rows, x->columns);
    call_output(&call, d_weight, "d_weight", d_out->columns, x->columns);
    if (d_bias) call_output(&call, d_bias, "d_bias", d_out->columns, 1);
    if (!call_is_ready(&call)) return call.status;
    return call_end(&call,
                    call.device->backend->linear_backward_weight(d_weight, d_bias, d_out, x));
}

enum clb_status clb_activation_backward(const struct clb_tensor *d_x,
                                        const struct clb_tensor *d_out,
                                        const struct clb_tensor *saved,
                                        enum clb_activation activation)
{
    struct call call = call_begin(CLB_OPERATION_activation_backward, d_x);
    if (!call_is_right(&call)) return call.status;
    call_operand(&call, d_out, "d_out", d_x->rows, d_x->columns);
    call_operand(&call, saved, "saved", d_x->rows, d_x->columns);
    call_result(&call, d_x, "d_x", d_x->rows, d_x->columns);
    expect_activation(&call, activation);
    call_expect(&call, activation != CLB_ACTIVATION_NONE, "no activation");
    call_allow_in_place(&call, d_x, d_out);
    if (!call_is_ready(&call)) return call.status;
    return call_end(&call,
                    call.device->backend->activation_backward(d_x, d_out, saved, activation));
}

/* ---- embeddings ---- */

enum clb_status clb_embedding_forward(const struct clb_tensor *out, const struct clb_tensor *word,
                                      const struct clb_tensor *position,
                                      const struct clb_tensor *segment,
                                      const struct clb_tensor *ids,
                                      const struct clb_tensor *positions,
                                      const struct clb_tensor *segments)
{
    struct call call = call_begin(CLB_OPERATION_embedding_forward, out);
    call_expect(&call, word && position && segment, "a table is missing");
    if (!call_is_right(&call)) return call.status;
    int64_t tokens = out->rows, hidden = out->columns;
    call_output(&call, out, "out", tokens, hidden);
    call_input(&call, word, "word", word->rows, hidden);
    call_input(&call, position, "position", position->rows, hidden);
    call_input(&call, segment, "segment", segment->rows, hidden);
    call_indices(&call, ids, "ids", tokens);
    call_indices(&call, positions, "positions", tokens);
    call_indices(&call, segments, "segments", tokens);
    if (!call_is_ready(&call)) return call.status;
    return call_end(&call, call.device->backend->embedding_forward(out, word, position, segment,
                                                                   ids, positions, segments));
}

enum clb_status clb_embedding_backward(const struct clb_tensor *d_table,
                                       const struct clb_tensor *d_out,
                                       const struct clb_row_groups *groups)
{
    struct call call = call_begin(CLB_OPERATION_embedding_backward, d_table);
    call_expect(&call, d_out && groups, "d_out or groups are missing");
    if (!call_is_right(&call)) return call.status;
    int64_t count = groups->row.rows;
    call_output(&call, d_table, "d_table", d_table->rows, d_table->columns);
    call_input(&call, d_out, "d_out", d_out->rows, d_table->columns);
    call_indices(&call, &groups->order, "order", d_out->rows);
    call_indices(&call, &groups->begin, "begin", count + 1);
    call_indices(&call, &groups->row, "row", count);
    call_expect(&call, count <= d_table->rows, "more groups than rows of the table");
    if (!call_is_ready(&call)) return call.status;
    return call_end(&call, call.device->backend->embedding_backward(d_table, d_out, groups));
}

/* ---- add and norm ---- */

enum clb_status clb_norm_forward(const struct clb_tensor *out, const struct clb_tensor *copy,
                                 const struct clb_tensor *sum, const struct clb_tensor *stats,
                                 const struct clb_tensor *y, const struct clb_tensor *bias,
                                 const struct clb_tensor *residual, const struct clb_tensor *gamma,
                                 const struct clb_tensor *beta, float eps,
                                 struct clb_dropout dropout)
{
    struct call call = call_begin(CLB_OPERATION_norm_forward, out);
    if (!call_is_right(&call)) return call.status;
    int64_t tokens = out->rows, hidden = out->columns;
    call_output(&call, out, "out", tokens, hidden);
    if (copy) call_numbers(&call, copy, "copy", tokens, hidden, true);
    call_output(&call, sum, "sum", tokens, hidden);
    call_output(&call, stats, "stats", tokens, 2);
    call_input(&call, y, "y", tokens, hidden);
    if (bias) call_input(&call, bias, "bias", hidden, 1);
    if (residual) call_input(&call, residual, "residual", tokens, hidden);
    call_input(&call, gamma, "gamma", hidden, 1);
    call_input(&call, beta, "beta", hidden, 1);
    call_dropout(&call, dropout);
    call_allow_in_place(&call, sum, y);
    if (!call_is_ready(&call)) return call.status;
    return call_end(&call, call.device->backend->norm_forward(out, copy, sum, stats, y, bias,
                                                              residual, gamma, beta, eps, dropout));
}

enum clb_status clb_norm_backward(const struct clb_tensor *d_sum, const struct clb_tensor *d_y,
                                  const struct clb_tensor *d_gamma, const struct clb_tensor *d_beta,
                                  const struct clb_tensor *d_bias, const struct clb_tensor *d_out,
                                  const struct clb_tensor *sum, const struct clb_tensor *stats,
                                  const struct clb_tensor *gamma, struct clb_dropout dropout)
{
    struct call call = call_begin(CLB_OPERATION_norm_backward, d_sum);
    if (!call_is_right(&call)) return call.status;
    int64_t tokens = d_sum->rows, hidden = d_sum->columns;
    call_output(&call, d_sum, "d_sum", tokens, hidden);
    if (d_y) call_numbers(&call, d_y, "d_y", tokens, hidden, true);
    call_output(&call, d_gamma, "d_gamma", hidden, 1);
    call_output(&call, d_beta, "d_beta", hidden, 1);
    if (d_bias) call_output(&call, d_bias, "d_bias", hidden, 1);
    call_input(&call, d_out, "d_out", tokens, hidden);
    call_input(&call, sum, "sum", tokens, hidden);
    call_input(&call, stats, "stats", tokens, 2);
    call_input(&call, gamma, "gamma", hidden, 1);
    call_dropout(&call, dropout);
    call_expect(&call, d_y || dropout.probability == 0.0f, "dropout without d_y");
    call_allow_in_place(&call, d_sum, d_out);
    if (!call_is_ready(&call)) return call.status;
    return call_end(&call, call.device->backend->norm_backward(d_sum, d_y, d_gamma, d_beta, d_bias,
                                                               d_out, sum, stats, gamma, dropout));
}

enum clb_status clb_dropout_apply(const struct clb_tensor *out, const struct clb_tensor *x,
                                  struct clb_dropout dropout)
{
    struct call call = call_begin(CLB_OPERATION_dropout_apply, out);
    if (!call_is_right(&call)) return call.status;
    call_output(&call, out, "out", out->rows, out->columns);
    call_input(&call, x, "x", out->rows, out->columns);
    call_dropout(&call, dropout);
    call_allow_in_place(&call, out, x);
    if (!call_is_ready(&call)) return call.status;
    return call_end(&call, call.device->backend->dropout_apply(out, x, dropout));
}

/* ---- attention ---- */

static void expect_attention(struct call *call, const struct clb_tensor *out,
                             const struct clb_tensor *lse, const struct clb_tensor *qkv,
                             const struct clb_tensor *cu_seqlens, int64_t max_seqlen, int64_t heads,
                             struct clb_dropout dropout, bool forward)
{
    call_expect(call, out && cu_seqlens, "out or cu_seqlens is missing");
    call_expect(call, heads > 0 && (!out || out->columns % heads == 0),
                "the number of heads does not divide the hidden size");
    if (!call_is_right(call)) return;
    int64_t tokens = out->rows, hidden = out->columns;
    call_operand(call, qkv, "qkv", tokens, 3 * hidden);
    if (forward) {
        call_result(call, out, "out", tokens, hidden);
        call_output(call, lse, "lse", heads, tokens);
    } else {
        call_operand(call, out, "out", tokens, hidden);
        call_input(call, lse, "lse", heads, tokens);
    }
    call_indices(call, cu_seqlens, "cu_seqlens", cu_seqlens->rows);
    call_expect(call, cu_seqlens->rows >= 2, "cu_seqlens has no sequence");
    call_expect(call, max_seqlen >= 1 && max_seqlen <= CLB_MAX_SEQLEN,
                "max_seqlen is not in 1 .. 65536");
    call_dropout(call, dropout);
    call->max_seqlen = max_seqlen;
}

enum clb_status clb_attention_forward(const struct clb_tensor *out, const struct clb_tensor *lse,
                                      const struct clb_tensor *qkv,
                                      const struct clb_tensor *cu_seqlens, int64_t max_seqlen,
                                      int64_t heads, struct clb_dropout dropout)
{
    struct call call = call_begin(CLB_OPERATION_attention_forward, out);
    if (!call_is_right(&call)) return call.status;
    expect_attention(&call, out, lse, qkv, cu_seqlens, max_seqlen, heads, dropout, true);
    if (!call_is_ready(&call)) return call.status;
    return call_end(&call, call.device->backend->attention_forward(out, lse, qkv, cu_seqlens,
                                                                   max_seqlen, heads, dropout));
}

enum clb_status clb_attention_backward(const struct clb_tensor *d_qkv,
                                       const struct clb_tensor *d_out, const struct clb_tensor *out,
                                       const struct clb_tensor *lse, const struct clb_tensor *qkv,
                                       const struct clb_tensor *cu_seqlens, int64_t max_seqlen,
                                       int64_t heads, struct clb_dropout dropout)
{
    struct call call = call_begin(CLB_OPERATION_attention_backward, d_qkv);
    if (!call_is_right(&call)) return call.status;
    expect_attention(&call, out, lse, qkv, cu_seqlens, max_seqlen, heads, dropout, false);
    if (!call_is_right(&call)) return call.status;
    call_operand(&call, d_out, "d_out", out->rows, out->columns);
    call_result(&call, d_qkv, "d_qkv", out->rows, 3 * out->columns);
    if (!call_is_ready(&call)) return call.status;
    return call_end(&call, call.device->backend->attention_backward(d_qkv, d_out, out, lse, qkv,
                                                                    cu_seqlens, max_seqlen, heads,
                                                                    dropout));
}

/* ---- whole buffers ---- */

enum clb_status clb_fill(const struct clb_tensor *x, float value)
{
    struct call call = call_begin(CLB_OPERATION_fill, x);
    if (!call_is_right(&call)) return call.status;
    call_output(&call, x, "x", x->rows, x->columns);
    if (!call_is_ready(&call)) return call.status;
    return call_end(&call, call.device->backend->fill(x, value));
}

enum clb_status clb_copy(const struct clb_tensor *out, const struct clb_tensor *x)
{
    struct call call = call_begin(CLB_OPERATION_copy, out);
    if (!call_is_right(&call)) return call.status;
    call_output(&call, out, "out", out->rows, out->columns);
    call_input(&call, x, "x", out->rows, out->columns);
    if (!call_is_ready(&call)) return call.status;
    return call_end(&call, call.device->backend->copy(out, x));
}

enum clb_status clb_cast(const struct clb_tensor *out, const struct clb_tensor *x)
{
    struct call call = call_begin(CLB_OPERATION_cast, out);
    if (!call_is_right(&call)) return call.status;
    call_numbers(&call, out, "out", out->rows, out->columns, true);
    call_numbers(&call, x, "x", out->rows, out->columns, false);
    call_expect(&call, !x || out->type == CLB_F32 || x->type == CLB_F32,
                "neither out nor x is fp32");
    if (!call_is_ready(&call)) return call.status;
    return call_end(&call, call.device->backend->cast(out, x));
}

enum clb_status clb_add(const struct clb_tensor *out, const struct clb_tensor *x)
{
    struct call call = call_begin(CLB_OPERATION_add, out);
    if (!call_is_right(&call)) return call.status;
    call_output(&call, out, "out", out->rows, out->columns);
    call_input(&call, x, "x", out->rows, out->columns);
    if (!call_is_ready(&call)) return call.status;
    return call_end(&call, call.device->backend->add(out, x));
}

enum clb_status clb_scale(const struct clb_tensor *x, float factor)
{
    struct call call = call_begin(CLB_OPERATION_scale, x);
    if (!call_is_right(&call)) return call.status;
    call_output(&call, x, "x", x->rows, x->columns);
    if (!call_is_ready(&call)) return call.status;
    return call_end(&call, call.device->backend->scale(x, factor));
}

enum clb_status clb_sum_of_squares(const struct clb_tensor *out, const struct clb_tensor *x)
{
    struct call call = call_begin(CLB_OPERATION_sum_of_squares, out);
    call_expect(&call, x, "x is missing");
    if (!call_is_right(&call)) return call.status;
    call_output(&call, out, "out", 1, 1);
    call_input(&call, x, "x", x->rows, x->columns);
    if (!call_is_ready(&call)) return call.status;
    return call_end(&call, call.device->backend->sum_of_squares(out, x));
}

enum clb_status clb_fill_uniform(const struct clb_tensor *x, struct clb_random random)
{
    struct call call = call_begin(CLB_OPERATION_fill_uniform, x);
    if (!call_is_right(&call)) return call.status;
    call_output(&call, x, "x", x->rows, x->columns);
    if (!call_is_ready(&call)) return call.status;
    return call_end(&call, call.device->backend->fill_uniform(x, random));
}

enum clb_status clb_fill_truncated_normal(const struct clb_tensor *x, float deviation,
                                          struct clb_random random)
{
    struct call call = call_begin(CLB_OPERATION_fill_truncated_normal, x);
    if (!call_is_right(&call)) return call.status;
    call_output(&call, x, "x", x->rows, x->columns);
    call_expect(&call, isfinite(deviation), "deviation is not finite");
    if (!call_is_ready(&call)) return call.status;
    return call_end(&call, call.device->backend->fill_truncated_normal(x, deviation, random));
}

/* ---- optimisers ---- */

/* What all optimisers take. */
static struct call optimizer_call(enum clb_operation operation, const struct clb_tensor *w,
                                  const struct clb_tensor *g, const struct clb_tensor *m,
                                  const struct clb_tensor *v, const struct clb_tensor *grad_square,
                                  const struct clb_segments *segments,
                                  const struct clb_optimizer_step *step)
{
    struct call call = call_begin(operation, w);
    call_expect(&call, segments && step, "segments or step is missing");
    if (!call_is_right(&call)) return call;
    int64_t elements = w->rows, count = segments->decay.rows;
    call_expect(&call, elements % CLB_BLOCK == 0, "weights are not whole blocks");
    call_output(&call, w, "w", elements, 1);
    call_output(&call, g, "g", elements, 1);
    call_output(&call, m, "m", elements, 1);
    call_output(&call, v, "v", elements, 1);
    call_input(&call, grad_square, "grad_square", 1, 1);
    call_indices(&call, &segments->block_segment, "block_segment", elements / CLB_BLOCK);
    call_indices(&call, &segments->first_block, "first_block", count + 1);
    call_input(&call, &segments->decay, "decay", count, 1);
    call_input(&call, &segments->rate, "rate", count, 1);
    call_expect(&call, step->step >= 1, "step begins at 1");
    return call;
}

enum clb_status clb_adamw(const struct clb_tensor *w, const struct clb_tensor *g,
                          const struct clb_tensor *m, const struct clb_tensor *v,
                          const struct clb_tensor *grad_square, const struct clb_segments *segments,
                          const struct clb_optimizer_step *step)
{
    struct call call = optimizer_call(CLB_OPERATION_adamw, w, g, m, v, grad_square, segments, step);
    if (!call_is_ready(&call)) return call.status;
    return call_end(&call, call.device->backend->adamw(w, g, m, v, grad_square, segments, step));
}

enum clb_status clb_bert_adam(const struct clb_tensor *w, const struct clb_tensor *g,
                              const struct clb_tensor *m, const struct clb_tensor *v,
                              const struct clb_tensor *grad_square,
                              const struct clb_segments *segments,
                              const struct clb_optimizer_step *step)
{
    struct call call =
        optimizer_call(CLB_OPERATION_bert_adam, w, g, m, v, grad_square, segments, step);
    if (!call_is_ready(&call)) return call.status;
    return call_end(&call,
                    call.device->backend->bert_adam(w, g, m, v, grad_square, segments, step));
}

enum clb_status clb_lamb(const struct clb_tensor *w, const struct clb_tensor *g,
                         const struct clb_tensor *m, const struct clb_tensor *v,
                         const struct clb_tensor *grad_square, const struct clb_segments *segments,
                         const struct clb_optimizer_step *step)
{
    struct call call = optimizer_call(CLB_OPERATION_lamb, w, g, m, v, grad_square, segments, step);
    if (!call_is_ready(&call)) return call.status;
    return call_end(&call, call.device->backend->lamb(w, g, m, v, grad_square, segments, step));
}
