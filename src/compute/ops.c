/* SPDX-License-Identifier: Apache-2.0 */
/* Checks the arguments of every operation once for all backends, times the call where profiling is
 * on, and dispatches. */
#include "base/clock.h"
#include "base/error.h"
#include "compute/backend.h"

#include <math.h>

uint32_t clb_dropout_threshold(float probability)
{
    return (uint32_t)((double)probability * 0x1p32);
}

/* ---- checks ---- */

enum { MOST_TENSORS = 16 }; /* of one call */

/* What is known of a call while its arguments are checked: its tensors, and the first mistake. */
struct check {
    const char *operation;
    struct clb_device *device;
    enum clb_status status;
    int count;
    struct {
        const struct clb_tensor *tensor;
        const char *name;
        bool written;
    } seen[MOST_TENSORS];
    const struct clb_tensor *written_over, *read_before; /* these two may be the same memory */
};

static void expect(struct check *check, bool holds, const char *what)
{
    if (!holds && check->status == CLB_OK)
        check->status = clb_fail(CLB_ERROR_ARGUMENT, "%s: %s", check->operation, what);
}

/* The tensor exists, is on the same device, has this type and shape, and memory for it. */
static void expect_tensor(struct check *check, const struct clb_tensor *tensor, const char *name,
                          enum clb_type type, int64_t rows, int64_t columns, bool written)
{
    if (check->status != CLB_OK) return;
    const char *op = check->operation;
    if (!tensor || !tensor->memory)
        check->status = clb_fail(CLB_ERROR_ARGUMENT, "%s: %s has no memory", op, name);
    else if (tensor->device != check->device)
        check->status = clb_fail(CLB_ERROR_ARGUMENT, "%s: %s is on another device", op, name);
    else if (tensor->type != type)
        check->status = clb_fail(CLB_ERROR_ARGUMENT, "%s: %s has the wrong type", op, name);
    else if (tensor->rows != rows || tensor->columns != columns)
        check->status =
            clb_fail(CLB_ERROR_ARGUMENT, "%s: %s is %lld x %lld and should be %lld x %lld", op,
                     name, (long long)tensor->rows, (long long)tensor->columns, (long long)rows,
                     (long long)columns);
    else if (rows < 0 || columns < 0 || (columns > 0 && rows > tensor->capacity / columns))
        check->status =
            clb_fail(CLB_ERROR_ARGUMENT, "%s: %s is %lld x %lld and has memory for %lld elements",
                     op, name, (long long)rows, (long long)columns, (long long)tensor->capacity);
    if (check->status != CLB_OK) return;
    check->seen[check->count].tensor = tensor;
    check->seen[check->count].name = name;
    check->seen[check->count++].written = written;
}

static void expect_input(struct check *check, const struct clb_tensor *tensor, const char *name,
                         int64_t rows, int64_t columns)
{
    expect_tensor(check, tensor, name, CLB_F32, rows, columns, false);
}

/* Written, or read and written. */
static void expect_output(struct check *check, const struct clb_tensor *tensor, const char *name,
                          int64_t rows, int64_t columns)
{
    expect_tensor(check, tensor, name, CLB_F32, rows, columns, true);
}

static void expect_indices(struct check *check, const struct clb_tensor *tensor, const char *name,
                           int64_t count)
{
    expect_tensor(check, tensor, name, CLB_I32, count, 1, false);
}

/* `out` may be `in`, all of it and nothing else. */
static void allow_in_place(struct check *check, const struct clb_tensor *out,
                           const struct clb_tensor *in)
{
    check->written_over = out;
    check->read_before = in;
}

static bool is_same(const struct clb_tensor *a, const struct clb_tensor *b)
{
    return a->memory == b->memory && clb_tensor_elements(*a) == clb_tensor_elements(*b);
}

static bool overlap(const struct clb_tensor *a, const struct clb_tensor *b)
{
    if (a->memory == b->memory) return true;
    return a->arena && a->arena == b->arena && a->offset < b->offset + clb_tensor_elements(*b) &&
           b->offset < a->offset + clb_tensor_elements(*a);
}

/* What is written shares no memory with anything else. */
static void expect_apart(struct check *check)
{
    for (int i = 0; i < check->count && check->status == CLB_OK; i++)
        for (int j = 0; j < check->count; j++) {
            const struct clb_tensor *out = check->seen[i].tensor, *other = check->seen[j].tensor;
            if (i == j || !check->seen[i].written || !overlap(out, other)) continue;
            if (out == check->written_over && other == check->read_before && is_same(out, other))
                continue;
            check->status = clb_fail(CLB_ERROR_ARGUMENT, "%s: %s shares memory with %s",
                                     check->operation, check->seen[i].name, check->seen[j].name);
            return;
        }
}

static void expect_dropout(struct check *check, struct clb_dropout dropout)
{
    expect(check, dropout.probability >= 0.0f && dropout.probability < 1.0f,
           "dropout probability is not in [0, 1)");
}

static enum clb_status profiled(struct clb_device *device, enum clb_operation operation,
                                double begin, enum clb_status status)
{
    if (status == CLB_OK) status = device->backend->finish(device);
    device->profile[operation].calls++;
    device->profile[operation].seconds += base_seconds() - begin;
    return status;
}

#define BEGIN(name, tensor)                                                                        \
    if (!(tensor) || !(tensor)->device) return clb_fail(CLB_ERROR_ARGUMENT, #name ": no device");  \
    struct check check = {.operation = #name, .device = (tensor)->device}

#define DISPATCH(name, ...)                                                                        \
    do {                                                                                           \
        struct clb_device *device = check.device;                                                  \
        expect_apart(&check);                                                                      \
        if (check.status != CLB_OK) return check.status;                                           \
        if (!device->profiling) return device->backend->name(device, __VA_ARGS__);                 \
        double begin = base_seconds();                                                             \
        enum clb_status profiled_status = device->backend->name(device, __VA_ARGS__);              \
        return profiled(device, CLB_OPERATION_##name, begin, profiled_status);                     \
    } while (0)

/* ---- linear layers ---- */

enum clb_status clb_linear_forward(const struct clb_tensor *out, const struct clb_tensor *pre,
                                   const struct clb_tensor *x, const struct clb_tensor *weight,
                                   const struct clb_tensor *bias, enum clb_activation activation)
{
    BEGIN(linear_forward, out);
    expect(&check, x && weight, "x or weight is missing");
    if (check.status != CLB_OK) return check.status;
    int64_t tokens = x->rows, inputs = x->columns, outputs = weight->rows;
    expect_input(&check, x, "x", tokens, inputs);
    expect_input(&check, weight, "weight", outputs, inputs);
    expect_output(&check, out, "out", tokens, outputs);
    if (pre) expect_output(&check, pre, "pre", tokens, outputs);
    if (bias) expect_input(&check, bias, "bias", outputs, 1);
    expect(&check, activation >= CLB_ACTIVATION_NONE && activation <= CLB_ACTIVATION_TANH,
           "unknown activation");
    expect(&check, !pre || activation != CLB_ACTIVATION_NONE, "pre without an activation");
    DISPATCH(linear_forward, out, pre, x, weight, bias, activation);
}

enum clb_status clb_linear_backward_input(const struct clb_tensor *d_x,
                                          const struct clb_tensor *d_out,
                                          const struct clb_tensor *weight, bool accumulate)
{
    BEGIN(linear_backward_input, d_x);
    expect(&check, d_out && weight, "d_out or weight is missing");
    if (check.status != CLB_OK) return check.status;
    expect_input(&check, d_out, "d_out", d_out->rows, weight->rows);
    expect_input(&check, weight, "weight", weight->rows, weight->columns);
    expect_output(&check, d_x, "d_x", d_out->rows, weight->columns);
    DISPATCH(linear_backward_input, d_x, d_out, weight, accumulate);
}

enum clb_status clb_linear_backward_weight(const struct clb_tensor *d_weight,
                                           const struct clb_tensor *d_bias,
                                           const struct clb_tensor *d_out,
                                           const struct clb_tensor *x)
{
    BEGIN(linear_backward_weight, d_weight);
    expect(&check, d_out && x, "d_out or x is missing");
    if (check.status != CLB_OK) return check.status;
    expect_input(&check, d_out, "d_out", x->rows, d_out->columns);
    expect_input(&check, x, "x", x->rows, x->columns);
    expect_output(&check, d_weight, "d_weight", d_out->columns, x->columns);
    if (d_bias) expect_output(&check, d_bias, "d_bias", d_out->columns, 1);
    DISPATCH(linear_backward_weight, d_weight, d_bias, d_out, x);
}

enum clb_status clb_activation_backward(const struct clb_tensor *d_x,
                                        const struct clb_tensor *d_out,
                                        const struct clb_tensor *saved,
                                        enum clb_activation activation)
{
    BEGIN(activation_backward, d_x);
    expect_output(&check, d_x, "d_x", d_x->rows, d_x->columns);
    expect_input(&check, d_out, "d_out", d_x->rows, d_x->columns);
    expect_input(&check, saved, "saved", d_x->rows, d_x->columns);
    expect(&check, activation > CLB_ACTIVATION_NONE && activation <= CLB_ACTIVATION_TANH,
           "unknown activation");
    allow_in_place(&check, d_x, d_out);
    DISPATCH(activation_backward, d_x, d_out, saved, activation);
}

/* ---- embeddings ---- */

enum clb_status clb_embedding_forward(const struct clb_tensor *out, const struct clb_tensor *word,
                                      const struct clb_tensor *position,
                                      const struct clb_tensor *segment,
                                      const struct clb_tensor *ids,
                                      const struct clb_tensor *positions,
                                      const struct clb_tensor *segments)
{
    BEGIN(embedding_forward, out);
    expect(&check, word && position && segment, "a table is missing");
    if (check.status != CLB_OK) return check.status;
    int64_t tokens = out->rows, hidden = out->columns;
    expect_output(&check, out, "out", tokens, hidden);
    expect_input(&check, word, "word", word->rows, hidden);
    expect_input(&check, position, "position", position->rows, hidden);
    expect_input(&check, segment, "segment", segment->rows, hidden);
    expect_indices(&check, ids, "ids", tokens);
    expect_indices(&check, positions, "positions", tokens);
    expect_indices(&check, segments, "segments", tokens);
    DISPATCH(embedding_forward, out, word, position, segment, ids, positions, segments);
}

enum clb_status clb_embedding_backward(const struct clb_tensor *d_table,
                                       const struct clb_tensor *d_out,
                                       const struct clb_row_groups *groups)
{
    BEGIN(embedding_backward, d_table);
    expect(&check, d_out && groups, "d_out or groups are missing");
    if (check.status != CLB_OK) return check.status;
    int64_t count = groups->row.rows;
    expect_output(&check, d_table, "d_table", d_table->rows, d_table->columns);
    expect_input(&check, d_out, "d_out", d_out->rows, d_table->columns);
    expect_indices(&check, &groups->order, "order", d_out->rows);
    expect_indices(&check, &groups->begin, "begin", count + 1);
    expect_indices(&check, &groups->row, "row", count);
    expect(&check, count <= d_table->rows, "more groups than rows of the table");
    DISPATCH(embedding_backward, d_table, d_out, groups);
}

/* ---- add and norm ---- */

enum clb_status clb_norm_forward(const struct clb_tensor *out, const struct clb_tensor *sum,
                                 const struct clb_tensor *stats, const struct clb_tensor *y,
                                 const struct clb_tensor *bias, const struct clb_tensor *residual,
                                 const struct clb_tensor *gamma, const struct clb_tensor *beta,
                                 float eps, struct clb_dropout dropout)
{
    BEGIN(norm_forward, out);
    int64_t tokens = out->rows, hidden = out->columns;
    expect_output(&check, out, "out", tokens, hidden);
    expect_output(&check, sum, "sum", tokens, hidden);
    expect_output(&check, stats, "stats", tokens, 2);
    expect_input(&check, y, "y", tokens, hidden);
    if (bias) expect_input(&check, bias, "bias", hidden, 1);
    if (residual) expect_input(&check, residual, "residual", tokens, hidden);
    expect_input(&check, gamma, "gamma", hidden, 1);
    expect_input(&check, beta, "beta", hidden, 1);
    expect_dropout(&check, dropout);
    allow_in_place(&check, sum, y);
    DISPATCH(norm_forward, out, sum, stats, y, bias, residual, gamma, beta, eps, dropout);
}

enum clb_status clb_norm_backward(const struct clb_tensor *d_sum, const struct clb_tensor *d_y,
                                  const struct clb_tensor *d_gamma, const struct clb_tensor *d_beta,
                                  const struct clb_tensor *d_out, const struct clb_tensor *sum,
                                  const struct clb_tensor *stats, const struct clb_tensor *gamma,
                                  struct clb_dropout dropout)
{
    BEGIN(norm_backward, d_sum);
    int64_t tokens = d_sum->rows, hidden = d_sum->columns;
    expect_output(&check, d_sum, "d_sum", tokens, hidden);
    if (d_y) expect_output(&check, d_y, "d_y", tokens, hidden);
    expect_output(&check, d_gamma, "d_gamma", hidden, 1);
    expect_output(&check, d_beta, "d_beta", hidden, 1);
    expect_input(&check, d_out, "d_out", tokens, hidden);
    expect_input(&check, sum, "sum", tokens, hidden);
    expect_input(&check, stats, "stats", tokens, 2);
    expect_input(&check, gamma, "gamma", hidden, 1);
    expect_dropout(&check, dropout);
    expect(&check, d_y || dropout.probability == 0.0f, "dropout without d_y");
    allow_in_place(&check, d_sum, d_out);
    DISPATCH(norm_backward, d_sum, d_y, d_gamma, d_beta, d_out, sum, stats, gamma, dropout);
}

enum clb_status clb_dropout_apply(const struct clb_tensor *out, const struct clb_tensor *x,
                                  struct clb_dropout dropout)
{
    BEGIN(dropout_apply, out);
    expect_output(&check, out, "out", out->rows, out->columns);
    expect_input(&check, x, "x", out->rows, out->columns);
    expect_dropout(&check, dropout);
    allow_in_place(&check, out, x);
    DISPATCH(dropout_apply, out, x, dropout);
}

/* ---- attention ---- */

static void expect_attention(struct check *check, const struct clb_tensor *out,
                             const struct clb_tensor *lse, const struct clb_tensor *qkv,
                             const struct clb_tensor *cu_seqlens, int64_t max_seqlen, int64_t heads,
                             struct clb_dropout dropout, bool forward)
{
    expect(check, out && cu_seqlens, "out or cu_seqlens is missing");
    expect(check, heads > 0 && (!out || out->columns % heads == 0),
           "the number of heads does not divide the hidden size");
    if (check->status != CLB_OK) return;
    int64_t tokens = out->rows, hidden = out->columns;
    expect_tensor(check, out, "out", CLB_F32, tokens, hidden, forward);
    expect_tensor(check, lse, "lse", CLB_F32, heads, tokens, forward);
    expect_input(check, qkv, "qkv", tokens, 3 * hidden);
    expect_indices(check, cu_seqlens, "cu_seqlens", cu_seqlens->rows);
    expect(check, cu_seqlens->rows >= 2, "cu_seqlens has no sequence");
    expect(check, max_seqlen >= 1 && max_seqlen <= 65536, "max_seqlen is not in 1 .. 65536");
    expect_dropout(check, dropout);
}

enum clb_status clb_attention_forward(const struct clb_tensor *out, const struct clb_tensor *lse,
                                      const struct clb_tensor *qkv,
                                      const struct clb_tensor *cu_seqlens, int64_t max_seqlen,
                                      int64_t heads, struct clb_dropout dropout)
{
    BEGIN(attention_forward, out);
    expect_attention(&check, out, lse, qkv, cu_seqlens, max_seqlen, heads, dropout, true);
    DISPATCH(attention_forward, out, lse, qkv, cu_seqlens, max_seqlen, heads, dropout);
}

enum clb_status clb_attention_backward(const struct clb_tensor *d_qkv,
                                       const struct clb_tensor *d_out, const struct clb_tensor *out,
                                       const struct clb_tensor *lse, const struct clb_tensor *qkv,
                                       const struct clb_tensor *cu_seqlens, int64_t max_seqlen,
                                       int64_t heads, struct clb_dropout dropout)
{
    BEGIN(attention_backward, d_qkv);
    expect_attention(&check, out, lse, qkv, cu_seqlens, max_seqlen, heads, dropout, false);
    if (check.status != CLB_OK) return check.status;
    expect_output(&check, d_qkv, "d_qkv", out->rows, 3 * out->columns);
    expect_input(&check, d_out, "d_out", out->rows, out->columns);
    DISPATCH(attention_backward, d_qkv, d_out, out, lse, qkv, cu_seqlens, max_seqlen, heads,
             dropout);
}

/* ---- rows and loss ---- */

enum clb_status clb_gather_rows(const struct clb_tensor *out, const struct clb_tensor *x,
                                const struct clb_tensor *rows)
{
    BEGIN(gather_rows, out);
    expect(&check, x, "x is missing");
    if (check.status != CLB_OK) return check.status;
    expect_output(&check, out, "out", out->rows, x->columns);
    expect_input(&check, x, "x", x->rows, x->columns);
    expect_indices(&check, rows, "rows", out->rows);
    DISPATCH(gather_rows, out, x, rows);
}

enum clb_status clb_scatter_add_rows(const struct clb_tensor *d_x, const struct clb_tensor *d_out,
                                     const struct clb_tensor *rows)
{
    BEGIN(scatter_add_rows, d_x);
    expect(&check, d_out, "d_out is missing");
    if (check.status != CLB_OK) return check.status;
    expect_output(&check, d_x, "d_x", d_x->rows, d_x->columns);
    expect_input(&check, d_out, "d_out", d_out->rows, d_x->columns);
    expect_indices(&check, rows, "rows", d_out->rows);
    DISPATCH(scatter_add_rows, d_x, d_out, rows);
}

enum clb_status clb_cross_entropy(const struct clb_tensor *sums, const struct clb_tensor *logits,
                                  const struct clb_tensor *labels, float gradient_scale)
{
    BEGIN(cross_entropy, sums);
    expect(&check, logits, "logits are missing");
    if (check.status != CLB_OK) return check.status;
    expect_output(&check, sums, "sums", 2, 1);
    expect_output(&check, logits, "logits", logits->rows, logits->columns);
    expect_indices(&check, labels, "labels", logits->rows);
    DISPATCH(cross_entropy, sums, logits, labels, gradient_scale);
}

/* ---- whole buffers ---- */

enum clb_status clb_fill(const struct clb_tensor *x, float value)
{
    BEGIN(fill, x);
    expect_output(&check, x, "x", x->rows, x->columns);
    DISPATCH(fill, x, value);
}

enum clb_status clb_copy(const struct clb_tensor *out, const struct clb_tensor *x)
{
    BEGIN(copy, out);
    expect_output(&check, out, "out", out->rows, out->columns);
    expect_input(&check, x, "x", out->rows, out->columns);
    DISPATCH(copy, out, x);
}

enum clb_status clb_add(const struct clb_tensor *out, const struct clb_tensor *x)
{
    BEGIN(add, out);
    expect_output(&check, out, "out", out->rows, out->columns);
    expect_input(&check, x, "x", out->rows, out->columns);
    DISPATCH(add, out, x);
}

enum clb_status clb_scale(const struct clb_tensor *x, float factor)
{
    BEGIN(scale, x);
    expect_output(&check, x, "x", x->rows, x->columns);
    DISPATCH(scale, x, factor);
}

enum clb_status clb_sum_of_squares(const struct clb_tensor *out, const struct clb_tensor *x)
{
    BEGIN(sum_of_squares, out);
    expect(&check, x, "x is missing");
    if (check.status != CLB_OK) return check.status;
    expect_output(&check, out, "out", 1, 1);
    expect_input(&check, x, "x", x->rows, x->columns);
    DISPATCH(sum_of_squares, out, x);
}

enum clb_status clb_fill_uniform(const struct clb_tensor *x, struct clb_random random)
{
    BEGIN(fill_uniform, x);
    expect_output(&check, x, "x", x->rows, x->columns);
    DISPATCH(fill_uniform, x, random);
}

enum clb_status clb_fill_truncated_normal(const struct clb_tensor *x, float deviation,
                                          struct clb_random random)
{
    BEGIN(fill_truncated_normal, x);
    expect_output(&check, x, "x", x->rows, x->columns);
    expect(&check, isfinite(deviation), "deviation is not finite");
    DISPATCH(fill_truncated_normal, x, deviation, random);
}

/* ---- optimisers ---- */

static void expect_optimizer(struct check *check, const struct clb_tensor *w,
                             const struct clb_tensor *g, const struct clb_tensor *m,
                             const struct clb_tensor *v, const struct clb_tensor *grad_square,
                             const struct clb_segments *segments,
                             const struct clb_optimizer_step *step)
{
    expect(check, segments && step, "segments or step is missing");
    if (check->status != CLB_OK) return;
    int64_t elements = w->rows, count = segments->decay.rows;
    expect(check, elements % CLB_BLOCK == 0, "weights are not whole blocks");
    expect_output(check, w, "w", elements, 1);
    expect_output(check, g, "g", elements, 1);
    expect_output(check, m, "m", elements, 1);
    expect_output(check, v, "v", elements, 1);
    expect_input(check, grad_square, "grad_square", 1, 1);
    expect_indices(check, &segments->block_segment, "block_segment", elements / CLB_BLOCK);
    expect_indices(check, &segments->first_block, "first_block", count + 1);
    expect_input(check, &segments->decay, "decay", count, 1);
    expect(check, step->step >= 1, "step begins at 1");
}

#define OPTIMIZER(name)                                                                            \
    enum clb_status clb_##name(                                                                    \
        const struct clb_tensor *w, const struct clb_tensor *g, const struct clb_tensor *m,        \
        const struct clb_tensor *v, const struct clb_tensor *grad_square,                          \
        const struct clb_segments *segments, const struct clb_optimizer_step *step)                \
    {                                                                                              \
        BEGIN(name, w);                                                                            \
        expect_optimizer(&check, w, g, m, v, grad_square, segments, step);                         \
        DISPATCH(name, w, g, m, v, grad_square, segments, step);                                   \
    }

OPTIMIZER(adamw)
OPTIMIZER(bert_adam)
OPTIMIZER(lamb)
