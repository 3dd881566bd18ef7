/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "compute/opencl/ocl_gemm.h"

#include <stdio.h>

enum {
    PACK_CHUNK = 64, /* gemm.cl's */
    MAX_DEPTH = 1024,
};

static int64_t ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

struct tiling {
    int rows, vector;
    char options[64];
    int64_t row_panels, column_panels;
};

/* C (+)= the part of A B from k_begin. */
static enum clb_status tile_part(struct ocl_device *device, const struct ocl_product *p,
                                 const struct tiling *t, int64_t k_begin, int64_t k_count)
{
    const int64_t b_offset = t->row_panels * t->rows * k_count;
    const int64_t b_size = t->column_panels * 2 * t->vector * k_count;
    const int64_t chunks = ceil_div(k_count, PACK_CHUNK);
    cl_mem panels;
    enum clb_status status;
    CLB_TRY(ocl_workspace(device, 4 * (b_offset + b_size), &panels));
    CLB_TRY(OCL_RUN_WITH(device, OCL_GEMM, t->options, "pack_rows",
                         ocl_over_groups(chunks, t->row_panels, 1, 1), OCL_MEM(panels), OCL_I64(0),
                         OCL_MEM(p->a), OCL_I64(p->m), OCL_I64(p->k), OCL_I64(k_begin),
                         OCL_I64(k_count), OCL_I32(p->kind == OCL_GEMM_TN)));
    CLB_TRY(OCL_RUN_WITH(device, OCL_GEMM, t->options, "pack_columns",
                         ocl_over_groups(chunks, t->column_panels, 1, 1), OCL_MEM(panels),
                         OCL_I64(b_offset), OCL_MEM(p->b), OCL_I64(p->n), OCL_I64(p->k),
                         OCL_I64(k_begin), OCL_I64(k_count), OCL_I32(p->kind != OCL_GEMM_NT)));
    CLB_TRY(OCL_RUN_WITH(device, OCL_GEMM, t->options, "tile_product",
                         ocl_over_groups(t->row_panels, t->column_panels, 1, 1), OCL_MEM(p->c),
                         OCL_MEM(panels), OCL_I64(b_offset), OCL_I64(p->m), OCL_I64(p->n),
                         OCL_I64(k_count), OCL_I32(p->accumulate || k_begin > 0)));
cleanup:
    return status;
}

/* A panel of each operand over MAX_DEPTH stays in a core's second-level cache. */
static enum clb_status tile(struct ocl_device *device, const struct ocl_product *p, int rows,
                            int vector)
{
    const int64_t parts = ceil_div(p->k, MAX_DEPTH), depth = ceil_div(p->k, parts);
    struct tiling t = {.rows = rows,
                       .vector = vector,
                       .row_panels = ceil_div(p->m, rows),
                       .column_panels = ceil_div(p->n, 2 * vector)};
    enum clb_status status = CLB_OK;
    snprintf(t.options, sizeof t.options, "-DTILE_ROWS=%d -DTILE_VECTOR=%d", rows, vector);
    for (int64_t k = 0; k < p->k && status == CLB_OK; k += depth)
        status = tile_part(device, p, &t, k, depth < p->k - k ? depth : p->k - k);
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
