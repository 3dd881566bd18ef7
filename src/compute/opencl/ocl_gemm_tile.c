/* SPDX-License-Identifier: Apache-2.0 */
/* Products by the tiles of cl/gemm.cl, a row of ocl_tiles each. In registers C is done in blocks of
 * KC steps of K: A and B are packed into panels, then the tiles of C are added up. In local memory
 * one kernel does it all. */
#include "base/error.h"
#include "compute/opencl/ocl_gemm.h"

static int64_t ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

/* One product by one tile. */
struct tiling {
    const struct ocl_tile *tile;
    char options[64];
    int64_t row_tiles, column_tiles; /* of C; in registers also the panels of A and of B */
};

/* C (+)= the block of A B from k_begin. */
static enum clb_status register_block(struct ocl_device *device, const struct ocl_product *p,
                                      const struct tiling *t, int64_t k_begin, int64_t k_count)
{
    const int64_t b_offset = t->row_tiles * t->tile->m * k_count;
    const int64_t b_size = t->column_tiles * t->tile->n * k_count;
    const int64_t chunks = ceil_div(k_count, t->tile->chunk);
    cl_mem panels;
    enum clb_status status;
    CLB_TRY(ocl_workspace(device, 4 * (b_offset + b_size), &panels));
    CLB_TRY(OCL_RUN_WITH(device, OCL_GEMM, t->options, "pack_rows",
                         ocl_over_groups(chunks, t->row_tiles, 1, 1), OCL_MEM(panels), OCL_I64(0),
                         OCL_MEM(p->a), OCL_I64(p->m), OCL_I64(p->k), OCL_I64(k_begin),
                         OCL_I64(k_count), OCL_I32(p->kind == OCL_GEMM_TN)));
    CLB_TRY(OCL_RUN_WITH(device, OCL_GEMM, t->options, "pack_columns",
                         ocl_over_groups(chunks, t->column_tiles, 1, 1), OCL_MEM(panels),
                         OCL_I64(b_offset), OCL_MEM(p->b), OCL_I64(p->n), OCL_I64(p->k),
                         OCL_I64(k_begin), OCL_I64(k_count), OCL_I32(p->kind != OCL_GEMM_NT)));
    CLB_TRY(OCL_RUN_WITH(device, OCL_GEMM, t->options, "register_product",
                         ocl_over_groups(t->row_tiles, t->column_tiles, 1, 1), OCL_MEM(p->c),
                         OCL_MEM(panels), OCL_I64(b_offset), OCL_I64(p->m), OCL_I64(p->n),
                         OCL_I64(k_count), OCL_I32(p->accumulate || k_begin > 0)));
cleanup:
    return status;
}

/* K in equal blocks of at most KC. */
static enum clb_status register_product(struct ocl_device *device, const struct ocl_product *p,
                                        const struct tiling *t)
{
    const int64_t blocks = ceil_div(p->k, t->tile->k), depth = ceil_div(p->k, blocks);
    enum clb_status status = CLB_OK;
    for (int64_t k = 0; k < p->k && status == CLB_OK; k += depth)
        status = register_block(device, p, t, k, depth < p->k - k ? depth : p->k - k);
    return status;
}

static enum clb_status local_product(struct ocl_device *device, const struct ocl_product *p,
                                     const struct tiling *t)
{
    const size_t across = (size_t)(t->tile->n / t->tile->mwi);
    const size_t down = (size_t)(t->tile->m / t->tile->mwi);
    const struct ocl_range range = {
        {(size_t)t->column_tiles * across, (size_t)t->row_tiles * down, 1}, {across, down, 1}};
    return OCL_RUN_WITH(device, OCL_GEMM, t->options, "local_product", range, OCL_MEM(p->c),
                        OCL_MEM(p->a), OCL_MEM(p->b), OCL_I64(p->m), OCL_I64(p->n), OCL_I64(p->k),
                        OCL_I32(p->kind == OCL_GEMM_TN), OCL_I32(p->kind != OCL_GEMM_NT),
                        OCL_I32(p->accumulate));
}

enum clb_status ocl_gemm_tile(struct ocl_device *device, const struct ocl_tile *tile,
                              const struct ocl_product *p)
{
    struct tiling t = {.tile = tile,
                       .row_tiles = ceil_div(p->m, tile->m),
                       .column_tiles = ceil_div(p->n, tile->n)};
    ocl_tile_options(tile, t.options, sizeof t.options);
    return tile->place == OCL_REGISTERS ? register_product(device, p, &t)
                                        : local_product(device, p, &t);
}
