/* SPDX-License-Identifier: Apache-2.0 */
/* Products by the tiles of cl/gemm.cl and cl/gemm_matrix.cl, a row of ocl_tiles each. In registers
 * C is done in blocks of KC steps of K: A and B are packed into panels, then the tiles of C are
 * added up. In local memory one kernel does it all, or two where K is split. */
#include "base/error.h"
#include "compute/opencl/ocl_gemm.h"

static int64_t ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

/* One product by one tile. */
struct tiling {
    const struct ocl_tile *tile;
    char options[OCL_SOURCE_OPTIONS_SIZE];
    int64_t row_tiles, column_tiles; /* of C; in registers also the panels of A and of B */
};

static struct tiling tiling(const struct ocl_tile *tile, const struct ocl_operands *operands,
                            const struct ocl_product *p)
{
    struct tiling t = {.tile = tile,
                       .row_tiles = ceil_div(p->m, tile->m),
                       .column_tiles = ceil_div(p->n, tile->n)};
    ocl_tile_options(tile, operands, t.options, sizeof t.options);
    return t;
}

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

/* K in equal blocks of at most KC. A reduced C is rounded when all of them are summed. */
static enum clb_status register_product(struct ocl_device *device, const struct ocl_tile *tile,
                                        const struct ocl_product *p)
{
    const int64_t blocks = ceil_div(p->k, tile->k), depth = ceil_div(p->k, blocks);
    const bool rounded = p->type != CLB_F32 && blocks > 1;
    struct ocl_product sum = *p;
    enum clb_status status = CLB_OK;
    if (rounded) {
        CLB_TRY(ocl_wide_numbers(device, p->m * p->n, &sum.c));
        sum.accumulate = false;
        sum.type = CLB_F32;
    }
    /* However they lie. */
    const struct ocl_operands packed = {.type = p->operands, .result = sum.type};
    const struct tiling t = tiling(tile, &packed, p);
    for (int64_t k = 0; k < p->k; k += depth)
        CLB_TRY(register_block(device, &sum, &t, k, depth < p->k - k ? depth : p->k - k));
    if (rounded) CLB_TRY(ocl_finish_product(device, p, sum.c, 1));
cleanup:
    return status;
}

/* Into how many parts K is cut, so that there are two groups for each unit. */
static int64_t split(int64_t groups, int64_t units, int64_t k)
{
    int64_t parts = 2 * units / groups;
    if (groups >= units || parts < 1) parts = 1;
    if (parts > k / OCL_SPLIT_DEPTH) parts = k / OCL_SPLIT_DEPTH;
    if (parts > OCL_SPLITS) parts = OCL_SPLITS;
    return parts < 1 ? 1 : parts;
}

static int64_t tiles_of(const struct ocl_tile *tile, const struct ocl_product *p)
{
    return ceil_div(p->m, tile->m) * ceil_div(p->n, tile->n);
}

/* One launch, whose parts of K are `depth` deep; C is where parts are left, if there are more. */
static enum clb_status local_parts(struct ocl_device *device, const struct tiling *t,
                                   const struct ocl_product *p, int64_t depth)
{
    enum { OWN = 8 };
    const bool engine = t->tile->engine != OCL_NO_ENGINE;
    struct ocl_arg args[OWN + OCL_EPILOGUE_ARGS] = {
        OCL_MEM(p->c), OCL_MEM(p->a), OCL_MEM(p->b),  OCL_I32(p->m),
        OCL_I32(p->n), OCL_I32(p->k), OCL_I32(depth), OCL_I32(p->accumulate)};
    return ocl_launch(device, engine ? OCL_GEMM_MATRIX : OCL_GEMM, t->options,
                      engine ? "matrix_product" : "local_product",
                      ocl_over_groups(t->column_tiles, t->row_tiles, ceil_div(p->k, depth),
                                      (size_t)ocl_tile_items(t->tile)),
                      OWN + ocl_epilogue_args(device, &p->then, args + OWN), args);
}

/* C (+)= A B where it fits the device: a smaller tile where there would be fewer groups than units,
 * and K in parts where there still are. */
static enum clb_status local_product(struct ocl_device *device, const struct ocl_tile *tile,
                                     const struct ocl_product *p)
{
    const int64_t units = device->base.info.compute_units;
    while (tiles_of(tile, p) < units && tile->smaller) tile = tile->smaller;
    const int64_t splits = split(tiles_of(tile, p), units, p->k);
    const int64_t depth = ceil_div(ceil_div(p->k, splits), tile->k) * tile->k;
    const int64_t parts = ceil_div(p->k, depth);
    const bool parted = parts > 1, sums = p->then.epilogue == OCL_SUMS;
    struct ocl_product product = *p;
    enum clb_status status;
    if (parted) { /* what follows comes when they are added, but the sums */
        product.type = CLB_F32;
        product.accumulate = false;
        if (!sums) product.then = (struct ocl_then){.epilogue = OCL_NO_EPILOGUE};
        CLB_TRY(ocl_workspace(device, 4 * parts * p->m * (p->n + sums), &product.c));
    }
    const struct ocl_operands operands = {
        .type = p->operands,
        .result = product.type,
        .a_k_major = p->kind == OCL_GEMM_TN,
        .b_k_major = p->kind != OCL_GEMM_NT,
        .a_vector = (p->kind == OCL_GEMM_TN ? p->m : p->k) % 4 == 0,
        .b_vector = (p->kind == OCL_GEMM_NT ? p->k : p->n) % 4 == 0,
        .emulated = !ocl_has_engine(device, tile->engine),
        .epilogue = product.then.epilogue,
        .activation = product.then.activation};
    const struct tiling t = tiling(tile, &operands, p);
    CLB_TRY(local_parts(device, &t, &product, depth));
    if (parted) CLB_TRY(ocl_finish_product(device, p, product.c, parts));
cleanup:
    return status;
}

enum clb_status ocl_gemm_tile(struct ocl_device *device, const struct ocl_gemm_candidate *candidate,
                              const struct ocl_product *p)
{
    const struct ocl_tile *tile = candidate->tile;
    return tile->place == OCL_REGISTERS ? register_product(device, tile, p)
                                        : local_product(device, tile, p);
}
