/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "compute/opencl/ocl.h"

#include <math.h>
#include <string.h>

static float correction(float beta, int64_t step)
{
    return (float)(1.0 / (1.0 - pow((double)beta, (double)step)));
}

/* The arguments of every kernel that updates; `corrected`: for the bias of the first steps. */
enum { UPDATE_ARGS = 16 };
static void update_args(struct ocl_arg args[UPDATE_ARGS], const struct clb_tensor *w,
                        const struct clb_tensor *g, const struct clb_tensor *m,
                        const struct clb_tensor *v, const struct clb_tensor *grad_square,
                        const struct clb_segments *segments, const struct clb_optimizer_step *step,
                        bool corrected)
{
    const struct ocl_arg all[UPDATE_ARGS] = {
        OCL_TENSOR(w),
        OCL_TENSOR(g),
        OCL_TENSOR(m),
        OCL_TENSOR(v),
        OCL_TENSOR(grad_square),
        OCL_TENSOR(&segments->block_segment),
        OCL_TENSOR(&segments->decay),
        OCL_TENSOR(&segments->rate),
        OCL_I64(w->rows),
        OCL_F32(step->learning_rate),
        OCL_F32(step->beta1),
        OCL_F32(step->beta2),
        OCL_F32(step->epsilon),
        OCL_F32(step->max_grad_norm),
        OCL_F32(corrected ? correction(step->beta1, step->step) : 1.0f),
        OCL_F32(corrected ? correction(step->beta2, step->step) : 1.0f),
    };
    memcpy(args, all, sizeof all);
}

/* A kernel that takes no more than these, an element by itself. */
static enum clb_status update(const char *kernel, bool corrected, const struct clb_tensor *w,
                              const struct clb_tensor *g, const struct clb_tensor *m,
                              const struct clb_tensor *v, const struct clb_tensor *grad_square,
                              const struct clb_segments *segments,
                              const struct clb_optimizer_step *step)
{
    struct ocl_device *device = ocl_device(w->device);
    struct ocl_arg args[UPDATE_ARGS];
    update_args(args, w, g, m, v, grad_square, segments, step, corrected);
    return ocl_launch(device, OCL_OPTIMIZER, "", kernel, ocl_over_elements(device, w->rows),
                      UPDATE_ARGS, args);
}

enum clb_status ocl_adamw(const struct clb_tensor *w, const struct clb_tensor *g,
                          const struct clb_tensor *m, const struct clb_tensor *v,
                          const struct clb_tensor *grad_square, const struct clb_segments *segments,
                          const struct clb_optimizer_step *step)
{
    return update("adamw", true, w, g, m, v, grad_square, segments, step);
}

enum clb_status ocl_bert_adam(const struct clb_tensor *w, const struct clb_tensor *g,
                              const struct clb_tensor *m, const struct clb_tensor *v,
                              const struct clb_tensor *grad_square,
                              const struct clb_segments *segments,
                              const struct clb_optimizer_step *step)
{
    return update("bert_adam", false, w, g, m, v, grad_square, segments, step);
}

enum clb_status ocl_lamb(const struct clb_tensor *w, const struct clb_tensor *g,
                         const struct clb_tensor *m, const struct clb_tensor *v,
                         const struct clb_tensor *grad_square, const struct clb_segments *segments,
                         const struct clb_optimizer_step *step)
{
    struct ocl_device *device = ocl_device(w->device);
    const int64_t count = w->rows, blocks = count / CLB_BLOCK, tensors = segments->decay.rows;
    struct ocl_arg args[UPDATE_ARGS + 1];
    cl_mem norms; /* [blocks, 2], then a ratio for each tensor */
    enum clb_status status;
    CLB_TRY(ocl_workspace(device, 4 * (2 * blocks + tensors), &norms));
    update_args(args, w, g, m, v, grad_square, segments, step, true);
    args[UPDATE_ARGS] = OCL_MEM(norms);
    CLB_TRY(ocl_launch(device, OCL_OPTIMIZER, "", "lamb_update", ocl_over_rows(device, blocks, 1),
                       UPDATE_ARGS + 1, args));
    CLB_TRY(OCL_RUN(device, OCL_OPTIMIZER, "lamb_ratios", ocl_over_rows(device, tensors, 1),
                    OCL_MEM(norms), OCL_I64(2 * blocks), OCL_TENSOR(&segments->first_block)));
    CLB_TRY(OCL_RUN(device, OCL_OPTIMIZER, "lamb_apply", ocl_over_elements(device, count),
                    OCL_TENSOR(w), OCL_TENSOR(g), OCL_MEM(norms), OCL_I64(2 * blocks),
                    OCL_TENSOR(&segments->block_segment), OCL_TENSOR(&segments->rate),
                    OCL_TENSOR(grad_square), OCL_I64(count), OCL_F32(step->learning_rate)));
cleanup:
    return status;
}
