/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "compute/opencl/ocl.h"

#include <math.h>

static float correction(float beta, int64_t step)
{
    return (float)(1.0 / (1.0 - pow((double)beta, (double)step)));
}

#define OCL_OPTIMIZER_ARGS(corrected)                                                              \
    OCL_TENSOR(w), OCL_TENSOR(g), OCL_TENSOR(m), OCL_TENSOR(v), OCL_TENSOR(grad_square),           \
        OCL_TENSOR(&segments->block_segment), OCL_TENSOR(&segments->decay), OCL_I64(count),        \
        OCL_F32(step->learning_rate), OCL_F32(step->beta1), OCL_F32(step->beta2),                  \
        OCL_F32(step->epsilon), OCL_F32(step->max_grad_norm),                                      \
        OCL_F32((corrected) ? correction(step->beta1, step->step) : 1.0f),                         \
        OCL_F32((corrected) ? correction(step->beta2, step->step) : 1.0f)

enum clb_status ocl_adamw(struct clb_device *base, const struct clb_tensor *w,
                          const struct clb_tensor *g, const struct clb_tensor *m,
                          const struct clb_tensor *v, const struct clb_tensor *grad_square,
                          const struct clb_segments *segments,
                          const struct clb_optimizer_step *step)
{
    struct ocl_device *device = ocl_device(base);
    const int64_t count = w->rows;
    return OCL_RUN(device, OCL_OPTIMIZER, "adamw", ocl_over_elements(device, count),
                   OCL_OPTIMIZER_ARGS(true));
}

enum clb_status ocl_bert_adam(struct clb_device *base, const struct clb_tensor *w,
                              const struct clb_tensor *g, const struct clb_tensor *m,
                              const struct clb_tensor *v, const struct clb_tensor *grad_square,
                              const struct clb_segments *segments,
                              const struct clb_optimizer_step *step)
{
    struct ocl_device *device = ocl_device(base);
    const int64_t count = w->rows;
    return OCL_RUN(device, OCL_OPTIMIZER, "bert_adam", ocl_over_elements(device, count),
                   OCL_OPTIMIZER_ARGS(false));
}

enum clb_status ocl_lamb(struct clb_device *base, const struct clb_tensor *w,
                         const struct clb_tensor *g, const struct clb_tensor *m,
                         const struct clb_tensor *v, const struct clb_tensor *grad_square,
                         const struct clb_segments *segments, const struct clb_optimizer_step *step)
{
    struct ocl_device *device = ocl_device(base);
    const int64_t count = w->rows, blocks = count / CLB_BLOCK, tensors = segments->decay.rows;
    cl_mem norms; /* [blocks, 2], then a ratio for each tensor */
    enum clb_status status;
    CLB_TRY(ocl_workspace(device, 4 * (2 * blocks + tensors), &norms));
    CLB_TRY(OCL_RUN(device, OCL_OPTIMIZER, "lamb_update", ocl_over_rows(device, blocks, 1),
                    OCL_OPTIMIZER_ARGS(true), OCL_MEM(norms)));
    CLB_TRY(OCL_RUN(device, OCL_OPTIMIZER, "lamb_ratios", ocl_over_rows(device, tensors, 1),
                    OCL_MEM(norms), OCL_I64(2 * blocks), OCL_TENSOR(&segments->first_block)));
    CLB_TRY(OCL_RUN(device, OCL_OPTIMIZER, "lamb_apply", ocl_over_elements(device, count),
                    OCL_TENSOR(w), OCL_TENSOR(g), OCL_MEM(norms), OCL_I64(2 * blocks),
                    OCL_TENSOR(&segments->block_segment), OCL_TENSOR(grad_square), OCL_I64(count),
                    OCL_F32(step->learning_rate)));
cleanup:
    return status;
}
