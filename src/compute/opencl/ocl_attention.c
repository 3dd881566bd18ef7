/* SPDX-License-Identifier: Apache-2.0 */
/* Attention: the kernels of attention.cl, or of attention_wide.cl, which read what stands on the
 * other side of a product from transposed copies in the workspace. Those read a number once for
 * every row of the other side: reduced ones are widened, and tf32 ones rounded, before, as a whole.
 */
#include "base/error.h"
#include "compute/opencl/ocl.h"

#include <math.h>

/* Everything the kernels of one call share. */
struct attention {
    struct ocl_device *device;
    enum ocl_source source;
    char options[OCL_SOURCE_OPTIONS_SIZE]; /* the head's size and types: the compiler knows them */
    int64_t tokens, hidden, heads, stride;
    float scale;
    struct ocl_range
        blocks; /* blocks of rows x sequences x heads; those past a sequence do nothing */
};

/* `result` is the type of what the call gives. */
static struct attention attention(const struct clb_tensor *out, const struct clb_tensor *qkv,
                                  const struct clb_tensor *cu_seqlens, int64_t max_seqlen,
                                  int64_t heads, enum clb_type result)
{
    struct ocl_device *device = ocl_device(out->device);
    const bool wide = device->shape->wide;
    const int64_t head = out->columns / heads;
    const struct ocl_attention_tile *tile = ocl_attention_tile(wide, head);
    const int64_t lanes = device->shape->vector;
    struct attention a = {.device = device,
                          .source = wide ? OCL_ATTENTION_WIDE : OCL_ATTENTION,
                          .tokens = out->rows,
                          .hidden = out->columns,
                          .heads = heads,
                          .scale = (float)(1.0 / sqrt((double)head))};
    ocl_attention_options(wide, head, qkv->type, result, a.options, sizeof a.options);
    a.blocks = ocl_over_groups((max_seqlen + tile->block - 1) / tile->block, cu_seqlens->rows - 1,
                               heads, (size_t)tile->items);
    /* An odd number of cache lines, or all rows of a transposed matrix fall into the same set. */
    a.stride = lanes * (((a.tokens + lanes - 1) / lanes + 1) | 1);
    return a;
}

/* Elements of one transposed matrix. */
static int64_t transposed_size(const struct attention *a)
{
    return a->hidden * a->stride;
}

static enum clb_status transpose(const struct attention *a, cl_mem to, int64_t offset,
                                 const struct clb_tensor *x, int64_t column)
{
    return OCL_RUN_WITH(a->device, a->source, a->options, "transpose",
                        ocl_over_groups(a->stride / a->device->shape->vector, 1, 1, 1), OCL_MEM(to),
                        OCL_I64(offset), OCL_I64(a->stride), OCL_TENSOR(x), OCL_I64(x->columns),
                        OCL_I64(column), OCL_I64(a->tokens), OCL_I64(a->hidden));
}

/* x in fp32: x itself, or a copy at element `first` of the wide numbers, which have room for
 * `count` elements. A copy's memory is released by the caller; what is queued keeps it. */
static enum clb_status widen(const struct clb_tensor *x, int64_t first, int64_t count,
                             struct clb_tensor *wide)
{
    const int64_t elements = clb_tensor_elements(*x);
    cl_mem numbers;
    enum clb_status status;
    *wide = *x;
    if (x->type == CLB_F32) return CLB_OK;
    wide->type = CLB_F32;
    wide->memory = NULL;
    CLB_TRY(ocl_wide_numbers(ocl_device(x->device), count, &numbers));
    CLB_TRY(ocl_slice(x->device, numbers, 4 * first, 4 * elements, &wide->memory));
    CLB_TRY(ocl_cast(wide, x));
cleanup:
    return status;
}

static void release_copy(const struct clb_tensor *wide, const struct clb_tensor *x)
{
    if (wide->memory && wide->memory != x->memory) ocl_release(x->device, wide->memory);
}

static enum clb_status wide_forward(const struct attention *a, const struct clb_tensor *out,
                                    const struct clb_tensor *lse, const struct clb_tensor *qkv,
                                    const struct clb_tensor *cu_seqlens, struct clb_dropout dropout)
{
    struct clb_tensor x = {.memory = NULL};
    cl_mem transposed;
    enum clb_status status;
    CLB_TRY(widen(qkv, 0, clb_tensor_elements(*qkv), &x));
    CLB_TRY(ocl_workspace(a->device, 4 * transposed_size(a), &transposed));
    CLB_TRY(transpose(a, transposed, 0, &x, a->hidden));
    CLB_TRY(OCL_RUN_WITH(a->device, a->source, a->options, "attention_forward", a->blocks,
                         OCL_TENSOR(out), OCL_TENSOR(lse), OCL_MEM(transposed), OCL_I64(a->stride),
                         OCL_TENSOR(&x), OCL_TENSOR(cu_seqlens), OCL_I64(a->tokens),
                         OCL_I64(a->hidden), OCL_F32(a->scale), OCL_DROPOUT_ARGS(dropout)));
cleanup:
    release_copy(&x, qkv);
    return status;
}

enum clb_status ocl_attention_forward(const struct clb_tensor *out, const struct clb_tensor *lse,
                                      const struct clb_tensor *qkv,
                                      const struct clb_tensor *cu_seqlens, int64_t max_seqlen,
                                      int64_t heads, struct clb_dropout dropout)
{
    const struct attention a = attention(out, qkv, cu_seqlens, max_seqlen, heads, out->type);
    if (a.tokens == 0) return CLB_OK;
    if (a.device->shape->wide) return wide_forward(&a, out, lse, qkv, cu_seqlens, dropout);
    return OCL_RUN_WITH(a.device, a.source, a.options, "attention_forward", a.blocks,
                        OCL_TENSOR(out), OCL_TENSOR(lse), OCL_TENSOR(qkv), OCL_TENSOR(cu_seqlens),
                        OCL_I64(a.tokens), OCL_I64(a.hidden), OCL_F32(a.scale),
                        OCL_DROPOUT_ARGS(dropout));
}

/* One pass of backward. Wide kernels find two transposed matrices before delta in `scratch`. */
static enum clb_status pass(const struct attention *a, const char *name,
                            const struct clb_tensor *d_qkv, const struct clb_tensor *d_out,
                            const struct clb_tensor *lse, cl_mem scratch,
                            const struct clb_tensor *qkv, const struct clb_tensor *cu_seqlens,
                            struct clb_dropout dropout)
{
    if (!a->device->shape->wide)
        return OCL_RUN_WITH(a->device, a->source, a->options, name, a->blocks, OCL_TENSOR(d_qkv),
                            OCL_TENSOR(d_out), OCL_TENSOR(lse), OCL_MEM(scratch), OCL_TENSOR(qkv),
                            OCL_TENSOR(cu_seqlens), OCL_I64(a->tokens), OCL_I64(a->hidden),
                            OCL_F32(a->scale), OCL_DROPOUT_ARGS(dropout));
    return OCL_RUN_WITH(a->device, a->source, a->options, name, a->blocks, OCL_TENSOR(d_qkv),
                        OCL_TENSOR(d_out), OCL_TENSOR(lse), OCL_MEM(scratch), OCL_I64(a->stride),
                        OCL_TENSOR(qkv), OCL_TENSOR(cu_seqlens), OCL_I64(a->tokens),
                        OCL_I64(a->hidden), OCL_F32(a->scale), OCL_DROPOUT_ARGS(dropout));
}

/* dQ over blocks of queries, then dK and dV over blocks of keys: no element is written twice. */
enum clb_status ocl_attention_backward(const struct clb_tensor *d_qkv,
                                       const struct clb_tensor *d_out, const struct clb_tensor *out,
                                       const struct clb_tensor *lse, const struct clb_tensor *qkv,
                                       const struct clb_tensor *cu_seqlens, int64_t max_seqlen,
                                       int64_t heads, struct clb_dropout dropout)
{
    const struct attention a = attention(out, qkv, cu_seqlens, max_seqlen, heads, d_qkv->type);
    const bool wide = a.device->shape->wide;
    const int64_t transposed = wide ? transposed_size(&a) : 0;
    /* A wide work-item takes W rows and all heads, another one row and one head. */
    const int64_t rows = wide ? a.device->shape->vector : a.device->shape->group;
    const struct ocl_range delta_range = ocl_over_groups(
        (a.tokens + rows - 1) / rows, wide ? 1 : heads, 1, (size_t)a.device->shape->group);
    /* Every arena's offsets are multiples of a block: sub-buffers may begin there. */
    const int64_t d_out_first = (clb_tensor_elements(*qkv) + CLB_BLOCK - 1) / CLB_BLOCK * CLB_BLOCK;
    const int64_t copies = d_out_first + clb_tensor_elements(*d_out);
    struct clb_tensor x = *qkv, d_o = *d_out; /* as the passes read them */
    cl_mem scratch;                           /* two transposed matrices, then delta [N, T] */
    enum clb_status status;
    if (a.tokens == 0) return CLB_OK;
    CLB_TRY(ocl_workspace(a.device, 4 * (2 * transposed + heads * a.tokens), &scratch));
    CLB_TRY(OCL_RUN_WITH(a.device, a.source, a.options, "attention_delta", delta_range,
                         OCL_MEM(scratch), OCL_I64(2 * transposed), OCL_TENSOR(d_out),
                         OCL_TENSOR(out), OCL_I64(a.tokens), OCL_I64(a.hidden), OCL_I64(heads)));
    if (wide) {
        CLB_TRY(widen(qkv, 0, copies, &x));
        CLB_TRY(widen(d_out, d_out_first, copies, &d_o));
        CLB_TRY(transpose(&a, scratch, 0, &x, a.hidden));
        CLB_TRY(transpose(&a, scratch, transposed, &x, 2 * a.hidden));
    }
    CLB_TRY(pass(&a, "attention_d_query", d_qkv, &d_o, lse, scratch, &x, cu_seqlens, dropout));
    if (wide) {
        CLB_TRY(transpose(&a, scratch, 0, &x, 0));
        CLB_TRY(transpose(&a, scratch, transposed, &d_o, 0));
    }
    CLB_TRY(pass(&a, "attention_d_key_value", d_qkv, &d_o, lse, scratch, &x, cu_seqlens, dropout));
cleanup:
    release_copy(&x, qkv);
    release_copy(&d_o, d_out);
    return status;
}
