/* SPDX-License-Identifier: Apache-2.0 */
/* How much an operation multiplies and moves, from the shapes of one call. */
#include "compute/call.h"

#include <string.h>

static const struct clb_tensor *tensor_of(const struct call *call, const char *name)
{
    for (int i = 0; i < call->count; i++)
        if (strcmp(call->seen[i].name, name) == 0) return call->seen[i].tensor;
    return NULL;
}

/* 0 where the call does without it. */
static double bytes_of(const struct call *call, const char *name)
{
    const struct clb_tensor *tensor = tensor_of(call, name);
    return tensor ? (double)clb_tensor_bytes(*tensor) : 0.0;
}

static double product(const struct call *call, const char *matrix, int64_t others)
{
    return 2.0 * (double)clb_tensor_elements(*tensor_of(call, matrix)) * (double)others;
}

/* One product of queries and keys: every token with as many as the longest sequence has. */
static double attention_product(const struct call *call)
{
    const int64_t tokens = tensor_of(call, "out")->rows;
    return product(call, "out", call->max_seqlen < tokens ? call->max_seqlen : tokens);
}

static double flops_of(const struct call *call)
{
    switch (call->operation) {
    case CLB_OPERATION_linear_forward:
        return product(call, "x", tensor_of(call, "weight")->rows);
    case CLB_OPERATION_linear_backward_input:
        return product(call, "d_out", tensor_of(call, "weight")->columns);
    case CLB_OPERATION_linear_backward_weight:
        return product(call, "x", tensor_of(call, "d_out")->columns);
    case CLB_OPERATION_attention_forward:
        return 2.0 * attention_product(call);
    case CLB_OPERATION_attention_backward: /* the scores again, and four gradients */
        return 5.0 * attention_product(call);
    default:
        return 0.0;
    }
}

/* What is updated is read and written, of tables only the rows that are named. */
static double moved_besides(const struct call *call)
{
    switch (call->operation) {
    case CLB_OPERATION_linear_backward_weight:
        return bytes_of(call, "d_weight") + bytes_of(call, "d_bias");
    case CLB_OPERATION_norm_backward:
        return bytes_of(call, "d_gamma") + bytes_of(call, "d_beta") + bytes_of(call, "d_bias");
    case CLB_OPERATION_embedding_forward:
        return 3.0 * bytes_of(call, "out") - bytes_of(call, "word") - bytes_of(call, "position") -
               bytes_of(call, "segment");
    case CLB_OPERATION_embedding_backward: {
        const struct clb_tensor *table = tensor_of(call, "d_table");
        const int64_t row = table->columns * clb_type_size(table->type);
        return 2.0 * (double)(tensor_of(call, "row")->rows * row) - bytes_of(call, "d_table");
    }
    case CLB_OPERATION_gather_rows:
        return bytes_of(call, "out") - bytes_of(call, "x");
    case CLB_OPERATION_scatter_add_rows:
        return 2.0 * bytes_of(call, "d_out") - bytes_of(call, "d_x");
    case CLB_OPERATION_cross_entropy:
    case CLB_OPERATION_class_loss:
    case CLB_OPERATION_span_loss:
    case CLB_OPERATION_binary_cross_entropy:
        return bytes_of(call, "logits");
    case CLB_OPERATION_squared_error:
        return bytes_of(call, "values");
    case CLB_OPERATION_add:
        return bytes_of(call, "out");
    case CLB_OPERATION_scale:
        return bytes_of(call, "x");
    case CLB_OPERATION_adamw:
    case CLB_OPERATION_bert_adam:
        return 3.0 * bytes_of(call, "w"); /* w, m, v */
    case CLB_OPERATION_lamb:
        return 6.0 * bytes_of(call, "w"); /* and the update, through g */
    default:
        return 0.0;
    }
}

void call_count_work(const struct call *call, struct clb_profile_entry *entry)
{
    entry->flops += flops_of(call);
    for (int i = 0; i < call->count; i++)
        entry->bytes += (double)clb_tensor_bytes(*call->seen[i].tensor);
    entry->bytes += moved_besides(call);
}
