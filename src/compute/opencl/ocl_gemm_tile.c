#include "compute/opencl/ocl_gemm.h"

#include <stdio.h>

enum { PACK_CHUNK = 64 }; /* gemm.cl's */

static int64_t ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

static enum clb_status tile(struct ocl_device *device, const struct ocl_product *p, int rows,
                            int vector)
{
    const int64_t row_panels = ceil_div(p->m, rows), column_panels = ceil_div(p->n, 2 * vector);
    const int64_t b_offset = row_panels * rows * p->k, chunks = ceil_div(p->k, PACK_CHUNK);
    cl_mem panels;
    char options[64];
    enum clb_status status;
    snprintf(options, sizeof options, "-DTILE_ROWS=%d -DTILE_VECTOR=%d", rows, vector);
    CLB_TRY(ocl_workspace(device, 4 * (b_offset + column_panels * 2 * vector * p->k), &panels));
    CLB_TRY(OCL_RUN_WITH(device, OCL_GEMM, options, "pack_rows",
                         ocl_over_groups(chunks, row_panels, 1, 1), OCL_MEM(panels), OCL_I64(0),
                         OCL_MEM(p->a), OCL_I64(p->m), OCL_I64(p->k),
                         OCL_I32(p->kind == OCL_GEMM_TN)));
    CLB_TRY(OCL_RUN_WITH(device, OCL_GEMM, options, "pack_columns",
                         ocl_over_groups(chunks, column_panels, 1, 1), OCL_MEM(panels),
                         OCL_I64(b_offset), OCL_MEM(p->b), OCL_I64(p->n), OCL_I64(p->k),
                         OCL_I32(p->kind != OCL_GEMM_NT)));
    CLB_TRY(OCL_RUN_WITH(device, OCL_GEMM, options, "tile_product",
                         ocl_over_groups(row_panels, column_panels, 1, 1), OCL_MEM(p->c),
                         OCL_MEM(panels), OCL_I64(b_offset), OCL_I64(p->m), OCL_I64(p->n),
                         OCL_I64(p->k), OCL_I32(p->accumulate)));
cleanup:
    return status;
}

enum clb_status ocl_gemm_tile_14x32(struct ocl_device *device, const struct ocl_product *product)
{
    return tile(device, product, 14, 16);
}

enum clb_status ocl_gemm_tile_6x16(struct ocl_device *device, const struct ocl_product *product)
{
    return tile(device, product, 6, 8);
}

enum clb_status ocl_gemm_local(struct ocl_device *device, const struct ocl_product *p)
{
    const struct ocl_range range = {
        {(size_t)ceil_div(p->n, 64) * 16, (size_t)ceil_div(p->m, 64) * 16, 1}, {16, 16, 1}};
    return OCL_RUN(device, OCL_GEMM, "local_product", range, OCL_MEM(p->c), OCL_MEM(p->a),
                   OCL_MEM(p->b), OCL_I64(p->m), OCL_I64(p->n), OCL_I64(p->k),
                   OCL_I32(p->kind == OCL_GEMM_TN), OCL_I32(p->kind != OCL_GEMM_NT),
                   OCL_I32(p->accumulate));
}
