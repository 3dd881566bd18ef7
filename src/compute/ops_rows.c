/* SPDX-License-Identifier: Apache-2.0 */
/* The operations on rows, and the losses: what their arguments have to be, and whose work it is. */
#include "compute/call.h"

enum clb_status clb_gather_rows(const struct clb_tensor *out, const struct clb_tensor *x,
                                const struct clb_tensor *rows)
{
    struct call call = call_begin(CLB_OPERATION_gather_rows, out);
    call_expect(&call, x, "x is missing");
    if (!call_is_right(&call)) return call.status;
    call_output(&call, out, "out", out->rows, x->columns);
    call_input(&call, x, "x", x->rows, x->columns);
    call_indices(&call, rows, "rows", out->rows);
    if (!call_is_ready(&call)) return call.status;
    return call_end(&call, call.device->backend->gather_rows(out, x, rows));
}

enum clb_status clb_scatter_add_rows(const struct clb_tensor *d_x, const struct clb_tensor *d_out,
                                     const struct clb_tensor *rows)
{
    struct call call = call_begin(CLB_OPERATION_scatter_add_rows, d_x);
    call_expect(&call, d_out, "d_out is missing");
    if (!call_is_right(&call)) return call.status;
    call_output(&call, d_x, "d_x", d_x->rows, d_x->columns);
    call_input(&call, d_out, "d_out", d_out->rows, d_x->columns);
    call_indices(&call, rows, "rows", d_out->rows);
    if (!call_is_ready(&call)) return call.status;
    return call_end(&call, call.device->backend->scatter_add_rows(d_x, d_out, rows));
}

enum clb_status clb_pool(const struct clb_tensor *out, const struct clb_tensor *x,
                         const struct clb_tensor *cu_seqlens, enum clb_pooling kind)
{
    struct call call = call_begin(CLB_OPERATION_pool, out);
    call_expect(&call, x, "x is missing");
    call_expect(&call, kind >= CLB_POOLING_MEAN && kind <= CLB_POOLING_FIRST, "unknown pooling");
    if (!call_is_right(&call)) return call.status;
    call_output(&call, out, "out", out->rows, x->columns);
    call_input(&call, x, "x", x->rows, x->columns);
    call_indices(&call, cu_seqlens, "cu_seqlens", out->rows + 1);
    if (!call_is_ready(&call)) return call.status;
    return call_end(&call, call.device->backend->pool(out, x, cu_seqlens, kind));
}

enum clb_status clb_cross_entropy(const struct clb_tensor *sums, const struct clb_tensor *logits,
                                  const struct clb_tensor *labels, float gradient_scale)
{
    struct call call = call_begin(CLB_OPERATION_cross_entropy, sums);
    call_expect(&call, logits, "logits are missing");
    if (!call_is_right(&call)) return call.status;
    call_output(&call, sums, "sums", 2, 1);
    call_output(&call, logits, "logits", logits->rows, logits->columns);
    call_indices(&call, labels, "labels", logits->rows);
    if (!call_is_ready(&call)) return call.status;
    return call_end(&call,
                    call.device->backend->cross_entropy(sums, logits, labels, gradient_scale));
}

enum clb_status clb_class_loss(const struct clb_tensor *sums, const struct clb_tensor *logits,
                               const struct clb_tensor *labels,
                               const struct clb_tensor *class_weights, float smoothing,
                               float gradient_scale)
{
    struct call call = call_begin(CLB_OPERATION_class_loss, sums);
    call_expect(&call, logits, "logits are missing");
    call_expect(&call, smoothing >= 0.0f && smoothing < 1.0f, "smoothing is not in [0, 1)");
    if (!call_is_right(&call)) return call.status;
    call_output(&call, sums, "sums", 2, 1);
    call_output(&call, logits, "logits", logits->rows, logits->columns);
    call_indices(&call, labels, "labels", logits->rows);
    if (class_weights) call_input(&call, class_weights, "class_weights", logits->columns, 1);
    if (!call_is_ready(&call)) return call.status;
    return call_end(&call, call.device->backend->class_loss(sums, logits, labels, class_weights,
                                                            smoothing, gradient_scale));
}

enum clb_status clb_span_loss(const struct clb_tensor *sums, const struct clb_tensor *logits,
                              const struct clb_tensor *cu_seqlens, const struct clb_tensor *spans,
                              float gradient_scale)
{
    struct call call = call_begin(CLB_OPERATION_span_loss, sums);
    call_expect(&call, logits && spans, "logits or spans are missing");
    if (!call_is_right(&call)) return call.status;
    call_output(&call, sums, "sums", 2, 1);
    call_output(&call, logits, "logits", logits->rows, 2);
    call_indices(&call, cu_seqlens, "cu_seqlens", spans->rows + 1);
    call_index_pairs(&call, spans, "spans", spans->rows);
    if (!call_is_ready(&call)) return call.status;
    return call_end(
        &call, call.device->backend->span_loss(sums, logits, cu_seqlens, spans, gradient_scale));
}

/* A loss by element. */
static struct call element_call(enum clb_operation operation, const struct clb_tensor *sums,
                                const struct clb_tensor *x, const char *name,
                                const struct clb_tensor *targets)
{
    struct call call = call_begin(operation, sums);
    call_expect(&call, x, "logits or values are missing");
    if (!call_is_right(&call)) return call;
    call_output(&call, sums, "sums", 2, 1);
    call_output(&call, x, name, x->rows, x->columns);
    call_input(&call, targets, "targets", x->rows, x->columns);
    return call;
}

enum clb_status clb_binary_cross_entropy(const struct clb_tensor *sums,
                                         const struct clb_tensor *logits,
                                         const struct clb_tensor *targets, float gradient_scale)
{
    struct call call =
        element_call(CLB_OPERATION_binary_cross_entropy, sums, logits, "logits", targets);
    if (!call_is_ready(&call)) return call.status;
    return call_end(
        &call, call.device->backend->binary_cross_entropy(sums, logits, targets, gradient_scale));
}

enum clb_status clb_squared_error(const struct clb_tensor *sums, const struct clb_tensor *values,
                                  const struct clb_tensor *targets, float gradient_scale)
{
    struct call call = element_call(CLB_OPERATION_squared_error, sums, values, "values", targets);
    if (!call_is_ready(&call)) return call.status;
    return call_end(&call,
                    call.device->backend->squared_error(sums, values, targets, gradient_scale));
}
