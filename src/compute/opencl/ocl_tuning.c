/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/opencl/ocl_tuning.h"

#include "base/inverse_normal.h"
#include "compute/backend.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

/* clang-format off */
const struct ocl_shape ocl_shapes[OCL_SHAPES] = {
    /* CPUs. 16 floats are a register of AVX-512; a compiler splits them for AVX2 and SSE, which
     * costs nothing. 4096 elements hide the cost of a work-item and stay in the L1 cache. */
    [OCL_SHAPE_WIDE] = {.name = "wide", .wide = true, .vector = 16, .group = 1, .flat = 4096,
                        .flat_group = 1, .column_group = 1, .across = 1},
    /* GPUs. Four floats are 16 bytes, the widest load of a lane; 64 lanes are AMD's wavefront, two
     * warps of NVIDIA's, and read 1 KiB of a row at once; on columns 256 read 256 bytes of 16 rows. */
    [OCL_SHAPE_GROUP] = {.name = "group", .wide = false, .vector = 4, .group = 64, .flat = 4,
                         .flat_group = 128, .column_group = 256, .across = 16},
};

const struct ocl_tile ocl_tiles[OCL_TILES] = {
    /* AVX-512: 14 x 2 of 32 registers hold C, three more two vectors of B and one number of A. A
     * panel of B over KC is 128 KiB and stays in the L2 cache. */
    [OCL_TILE_14X32] = {"tile 14x32", OCL_REGISTERS, .m = 14, .n = 32, .k = 1024, .chunk = 64},
    /* AVX2: 6 x 2 of 16 registers. */
    [OCL_TILE_6X16] = {"tile 6x16", OCL_REGISTERS, .m = 6, .n = 16, .k = 1024, .chunk = 64},
    /* Any GPU: 256 work-items, 2 * 8 * 2 * (128 + 4) floats = 16.5 KiB of local memory. Two steps
     * unrolled: about 125 registers, so that two groups share an NVIDIA unit. */
    [OCL_TILE_LOCAL_128X128] = {"local 128x128", OCL_LOCAL, .m = 128, .n = 128, .k = 8, .kwi = 2,
                                .smaller = &ocl_tiles[OCL_TILE_LOCAL_64X64]},
    /* Where the larger are too few to fill the device: 64 work-items, 8.5 KiB. */
    [OCL_TILE_LOCAL_64X64] = {"local 64x64", OCL_LOCAL, .m = 64, .n = 64, .k = 8, .kwi = 2},
    /* Engines: 64 sums a work-item, as above; 40 and 20 KiB of local memory. 32 steps are 64 bytes of
     * a row, two or four products of each fragment between barriers. */
#define ENGINE(id, text)                                                                           \
    [OCL_TILE_##id##_128X128] = {text " 128x128", OCL_LOCAL, .m = 128, .n = 128, .k = 32,          \
                                 .kwi = 32, .engine = OCL_ENGINE_##id,                             \
                                 .smaller = &ocl_tiles[OCL_TILE_##id##_64X64]},                    \
    [OCL_TILE_##id##_64X64] = {text " 64x64", OCL_LOCAL, .m = 64, .n = 64, .k = 32, .kwi = 32,     \
                               .engine = OCL_ENGINE_##id}
    ENGINE(MMA, "mma"),
    ENGINE(MFMA, "mfma"),
    ENGINE(WMMA, "wmma"),
    ENGINE(DPAS16, "dpas16"),
    ENGINE(DPAS8, "dpas8"),
#undef ENGINE
};
static const struct ocl_attention_tile attention_tiles[] = {
    {true, INT_MAX, .block = 32, .items = 1},
    /* At most 64 floats of sums a work-item and twice 16 scores fit 255 registers without a spill
     * (tools/check-kernels). */
    {false, 96, .block = 64, .step = 32, .items = 128},
    {false, 512, .block = 32, .step = 64, .items = 128},
    {false, INT_MAX, .block = 32, .step = 32, .items = 64}, /* within local memory up to D = 1408 */
};
/* clang-format on */

const struct ocl_attention_tile *ocl_attention_tile(bool wide, int64_t head)
{
    const struct ocl_attention_tile *tile = attention_tiles;
    while (tile->wide != wide || head > tile->head) tile++;
    return tile;
}

int ocl_tile_items(const struct ocl_tile *tile)
{
    return tile->m / OCL_TILE_MWI * (tile->n / OCL_TILE_MWI);
}

/* Two of each operand's. */
int64_t ocl_tile_local_bytes(const struct ocl_tile *tile)
{
    if (tile->engine) return 2 * OCL_ENGINE_ROW * (int64_t)(tile->m + tile->n);
    return 2 * (int64_t)sizeof(float) * tile->k * (tile->m + tile->n + 2 * OCL_TILE_PAD);
}

#define TEXT_OF(...) #__VA_ARGS__
#define TEXT(...) TEXT_OF(__VA_ARGS__)
const char ocl_prelude[] = "#define INVERSE_NORMAL " TEXT(BASE_INVERSE_NORMAL) "\n";

void ocl_shape_options(const struct ocl_shape *shape, char options[OCL_OPTIONS_SIZE])
{
    snprintf(options, OCL_OPTIONS_SIZE,
             "-cl-std=CL1.2 -DW=%d -DGROUP=%d -DFLAT=%d -DCOLUMN_GROUP=%d -DCOLUMN_ACROSS=%d "
             "-DCLB_BLOCK=%d -DMAX_SEQLEN=%d -DGELU=%d -DGELU_TANH=%d -DTANH=%d",
             shape->vector, shape->group, shape->flat, shape->column_group, shape->across,
             CLB_BLOCK, CLB_MAX_SEQLEN, CLB_ACTIVATION_GELU, CLB_ACTIVATION_GELU_TANH,
             CLB_ACTIVATION_TANH);
}

/* Results are as they lie in memory; operands may be rounded when they are read. */
static void append_types(enum clb_type operands, enum clb_type result, char *options, size_t size)
{
    static const char *const names[] = {
        [CLB_F32] = "fp32", [CLB_BF16] = "bf16", [CLB_F16] = "fp16", [CLB_TF32] = "tf32"};
    const enum clb_type stored = clb_type_stored(result);
    const size_t length = strlen(options);
    if (operands != CLB_F32 || stored != CLB_F32)
        snprintf(options + length, size - length, " -DOPERANDS=%s -DRESULT=%s", names[operands],
                 names[stored]);
}

void ocl_type_options(enum clb_type operands, enum clb_type result, char *options, size_t size)
{
    options[0] = 0;
    append_types(clb_type_stored(operands), result, options, size);
}

static void append_engine(enum ocl_engine engine, bool emulated, char *options, size_t size)
{
    static const char *const names[] = {[OCL_ENGINE_MMA] = "MMA",
                                        [OCL_ENGINE_MFMA] = "MFMA",
                                        [OCL_ENGINE_WMMA] = "WMMA",
                                        [OCL_ENGINE_DPAS16] = "DPAS16",
                                        [OCL_ENGINE_DPAS8] = "DPAS8"};
    const size_t length = strlen(options);
    snprintf(options + length, size - length, " -DENGINE=ENGINE_%s -DEMULATED=%d", names[engine],
             emulated);
}

static void append_epilogue(enum ocl_epilogue epilogue, enum clb_activation activation,
                            char *options, size_t size)
{
    static const char *const names[OCL_EPILOGUES] = {
        [OCL_FORWARD] = "FORWARD", [OCL_SLOPE] = "SLOPE", [OCL_SUMS] = "SUMS"};
    const size_t length = strlen(options);
    if (epilogue != OCL_NO_EPILOGUE)
        snprintf(options + length, size - length, " -DEPILOGUE=%s -DACTIVATION=%d", names[epilogue],
                 (int)activation);
}

void ocl_epilogue_options(enum clb_type operands, enum clb_type result, enum ocl_epilogue epilogue,
                          enum clb_activation activation, char *options, size_t size)
{
    ocl_type_options(operands, result, options, size);
    append_epilogue(epilogue, activation, options, size);
}

void ocl_tile_options(const struct ocl_tile *tile, const struct ocl_operands *operands,
                      char *options, size_t size)
{
    const int per = tile->engine && operands->type == CLB_TF32 ? 2 : 1; /* 16 bits a number */
    if (tile->place == OCL_REGISTERS)
        snprintf(options, size, "-DMR=%d -DNR=%d -DPACK_CHUNK=%d", tile->m, tile->n, tile->chunk);
    else
        snprintf(options, size,
                 "-DMWG=%d -DNWG=%d -DKWG=%d -DKWI=%d -DA_K_MAJOR=%d -DB_K_MAJOR=%d -DA_VECTOR=%d "
                 "-DB_VECTOR=%d",
                 tile->m, tile->n, tile->k / per, tile->kwi / per, operands->a_k_major,
                 operands->b_k_major, operands->a_vector, operands->b_vector);
    if (tile->engine) append_engine(tile->engine, operands->emulated, options, size);
    append_types(operands->type, operands->result, options, size);
    append_epilogue(operands->epilogue, operands->activation, options, size);
}

void ocl_norm_options(int64_t columns, enum clb_type result, char *options, size_t size)
{
    snprintf(options, size, "-DCOLUMNS=%d", (int)columns);
    append_types(CLB_F32, result, options, size);
}

void ocl_attention_options(bool wide, int64_t head, enum clb_type operands, enum clb_type result,
                           char *options, size_t size)
{
    const struct ocl_attention_tile *tile = ocl_attention_tile(wide, head);
    snprintf(options, size,
             "-DHEAD=%d -DATTENTION_BLOCK=%d -DATTENTION_STEP=%d -DATTENTION_ITEMS=%d", (int)head,
             tile->block, tile->step, tile->items);
    append_types(operands, result, options, size);
}

void ocl_peak_options(int vector, char *options, size_t size)
{
    snprintf(options, size, "-DPEAK_VECTOR=%d -DPEAK_CHAINS=%d", vector, OCL_PEAK_CHAINS);
}

const char *ocl_intel_options(const char *source)
{
    static const char *const many[] = {"gemm.cl", "gemm_matrix.cl", "attention.cl", "norm.cl"};
    for (size_t i = 0; i < sizeof many / sizeof *many; i++)
        if (strcmp(source, many[i]) == 0) return "-cl-intel-256-GRF-per-thread";
    return "";
}
