/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "compute/opencl/ocl.h"

/* Room for loss and hits of every row. */
static enum clb_status row_sums_of(struct ocl_device *device, int64_t rows, cl_mem *row_sums)
{
    return ocl_workspace(device, 8 * rows, row_sums);
}

static enum clb_status add_up(struct ocl_device *device, const struct clb_tensor *sums,
                              cl_mem row_sums, int64_t rows)
{
    return OCL_RUN(device, OCL_LOSS, "loss_sums", ocl_over_rows(device, 2, 1), OCL_TENSOR(sums),
                   OCL_MEM(row_sums), OCL_I64(rows));
}

enum clb_status ocl_cross_entropy(const struct clb_tensor *sums, const struct clb_tensor *logits,
                                  const struct clb_tensor *labels, float gradient_scale)
{
    struct ocl_device *device = ocl_device(sums->device);
    const int64_t rows = logits->rows;
    cl_mem row_sums;
    enum clb_status status;
    if (rows == 0) return CLB_OK;
    CLB_TRY(row_sums_of(device, rows, &row_sums));
    CLB_TRY(OCL_RUN(device, OCL_LOSS, "cross_entropy", ocl_over_rows(device, rows, 1),
                    OCL_MEM(row_sums), OCL_TENSOR(logits), OCL_TENSOR(labels),
                    OCL_I64(logits->columns), OCL_F32(gradient_scale)));
    CLB_TRY(add_up(device, sums, row_sums, rows));
cleanup:
    return status;
}

enum clb_status ocl_class_loss(const struct clb_tensor *sums, const struct clb_tensor *logits,
                               const struct clb_tensor *labels,
                               const struct clb_tensor *class_weights, float smoothing,
                               float gradient_scale)
{
    struct ocl_device *device = ocl_device(sums->device);
    const int64_t rows = logits->rows;
    cl_mem row_sums;
    enum clb_status status;
    if (rows == 0) return CLB_OK;
    CLB_TRY(row_sums_of(device, rows, &row_sums));
    CLB_TRY(OCL_RUN(device, OCL_LOSS, "class_loss", ocl_over_rows(device, rows, 1),
                    OCL_MEM(row_sums), OCL_TENSOR(logits), OCL_TENSOR(labels),
                    OCL_OPTIONAL(device, class_weights), OCL_I32(class_weights != NULL),
                    OCL_I64(logits->columns), OCL_F32(smoothing), OCL_F32(gradient_scale)));
    CLB_TRY(add_up(device, sums, row_sums, rows));
cleanup:
    return status;
}

enum clb_status ocl_span_loss(const struct clb_tensor *sums, const struct clb_tensor *logits,
                              const struct clb_tensor *cu_seqlens, const struct clb_tensor *spans,
                              float gradient_scale)
{
    struct ocl_device *device = ocl_device(sums->device);
    const int64_t sequences = spans->rows;
    cl_mem row_sums;
    enum clb_status status;
    if (sequences == 0) return CLB_OK;
    CLB_TRY(row_sums_of(device, 2 * sequences, &row_sums));
    CLB_TRY(OCL_RUN(device, OCL_LOSS, "span_loss", ocl_over_rows(device, sequences, 2),
                    OCL_MEM(row_sums), OCL_TENSOR(logits), OCL_TENSOR(cu_seqlens),
                    OCL_TENSOR(spans), OCL_F32(gradient_scale)));
    CLB_TRY(add_up(device, sums, row_sums, 2 * sequences));
cleanup:
    return status;
}

/* A loss by element against numbers. */
static enum clb_status by_element(const char *kernel, const struct clb_tensor *sums,
                                  const struct clb_tensor *x, const struct clb_tensor *targets,
                                  float gradient_scale)
{
    struct ocl_device *device = ocl_device(sums->device);
    cl_mem row_sums;
    enum clb_status status;
    if (x->rows == 0) return CLB_OK;
    CLB_TRY(row_sums_of(device, x->rows, &row_sums));
    CLB_TRY(OCL_RUN(device, OCL_LOSS, kernel, ocl_over_rows(device, x->rows, 1), OCL_MEM(row_sums),
                    OCL_TENSOR(x), OCL_TENSOR(targets), OCL_I64(x->columns),
                    OCL_F32(gradient_scale)));
    CLB_TRY(add_up(device, sums, row_sums, x->rows));
cleanup:
    return status;
}

enum clb_status ocl_binary_cross_entropy(const struct clb_tensor *sums,
                                         const struct clb_tensor *logits,
                                         const struct clb_tensor *targets, float gradient_scale)
{
    return by_element("binary_cross_entropy", sums, logits, targets, gradient_scale);
}

enum clb_status ocl_squared_error(const struct clb_tensor *sums, const struct clb_tensor *values,
                                  const struct clb_tensor *targets, float gradient_scale)
{
    return by_element("squared_error", sums, values, targets, gradient_scale);
}
