/* SPDX-License-Identifier: Apache-2.0 */
/* Prints what clbert compiles a kernel source with: a line "SHAPE OPTION..." for every shape and
 * tile that uses it. Of tools/check-kernels, which compiles it with ocl_tuning.c.
 * Usage: kernel_options SOURCE   (as "gemm.cl"; "prelude": what stands before every source; with
 * "intel" behind it: what Intel's compiler gets besides) */
#include "compute/opencl/ocl_tuning.h"

#include <stdio.h>
#include <string.h>

static void print(const struct ocl_shape *shape, const char *more)
{
    char options[OCL_OPTIONS_SIZE];
    ocl_shape_options(shape, options);
    printf("%s %s %s\n", shape->name, options, more);
}

/* Operands and result: fp32, reduced ones with results of both kinds, and tf32. */
static const enum clb_type types[][2] = {{CLB_F32, CLB_F32},   {CLB_BF16, CLB_F32},
                                         {CLB_BF16, CLB_BF16}, {CLB_F16, CLB_F32},
                                         {CLB_F16, CLB_F16},   {CLB_TF32, CLB_F32}};
enum { TYPES = sizeof types / sizeof *types };

static void print_types(const struct ocl_shape *shape)
{
    char options[OCL_SOURCE_OPTIONS_SIZE];
    for (int i = 0; i < TYPES; i++) {
        if (types[i][0] == CLB_TF32) continue; /* where nothing is multiplied it is fp32 */
        ocl_type_options(types[i][0], types[i][1], options, sizeof options);
        print(shape, options);
    }
}

/* The epilogues of finish_product. */
static void print_ends(const struct ocl_shape *shape)
{
    char options[OCL_SOURCE_OPTIONS_SIZE];
    for (int e = OCL_FORWARD; e < OCL_EPILOGUES; e++) {
        const enum clb_activation activation =
            e == OCL_SUMS ? CLB_ACTIVATION_NONE : CLB_ACTIVATION_GELU;
        ocl_epilogue_options(CLB_BF16, CLB_BF16, (enum ocl_epilogue)e, activation, options,
                             sizeof options);
        print(shape, options);
    }
}

/* nt, nn, tn, with and without whole vectors of 4. */
static const bool lying[][4] = {
    {false, false, true, true},   {false, true, true, true},   {true, true, true, true},
    {false, false, false, false}, {false, true, false, false}, {true, true, false, false},
};
enum { LYING = sizeof lying / sizeof *lying, VECTORS = 3 /* the first */ };

/* The epilogues that a product of operands which lie so has, with the longest activation. */
static void print_epilogues(const struct ocl_shape *shape, const struct ocl_tile *tile,
                            struct ocl_operands operands)
{
    char options[OCL_SOURCE_OPTIONS_SIZE];
    operands.epilogue = operands.a_k_major   ? OCL_SUMS
                        : operands.b_k_major ? OCL_SLOPE
                                             : OCL_FORWARD;
    if (operands.epilogue == OCL_SUMS) operands.result = CLB_F32; /* as gradients of weights are */
    for (int active = operands.epilogue == OCL_SLOPE; active <= (operands.epilogue != OCL_SUMS);
         active++) {
        operands.activation = active ? CLB_ACTIVATION_GELU : CLB_ACTIVATION_NONE;
        ocl_tile_options(tile, &operands, options, sizeof options);
        print(shape, options);
    }
}

/* An epilogue does not depend on how operands are loaded: whole vectors and one reduced type do. */
static bool has_epilogues(int type, int lies)
{
    return lying[lies][2] && (type == 0 || types[type][1] == CLB_BF16);
}

static void print_tile(const struct ocl_shape *shape, const struct ocl_tile *tile)
{
    char options[OCL_SOURCE_OPTIONS_SIZE];
    for (int t = 0; t < TYPES; t++)
        for (int i = 0; i < (shape->wide ? 1 : LYING); i++) {
            if (types[t][0] == CLB_TF32 && i >= VECTORS) continue; /* its loads are fp32's */
            struct ocl_operands operands = {.type = types[t][0],
                                            .result = types[t][1],
                                            .a_k_major = lying[i][0],
                                            .b_k_major = lying[i][1],
                                            .a_vector = lying[i][2],
                                            .b_vector = lying[i][3]};
            ocl_tile_options(tile, &operands, options, sizeof options);
            print(shape, options);
            if (!shape->wide && has_epilogues(t, i)) print_epilogues(shape, tile, operands);
        }
}

static void print_tiles(const struct ocl_shape *shape)
{
    for (int i = 0; i < OCL_TILES; i++)
        if (!ocl_tiles[i].engine && shape->wide == (ocl_tiles[i].place == OCL_REGISTERS))
            print_tile(shape, &ocl_tiles[i]);
}

/* Reduced operands with a reduced result, which needs more than fp32; emulated in one way. */
static void print_engine(const struct ocl_shape *shape, const struct ocl_tile *tile)
{
    char options[OCL_SOURCE_OPTIONS_SIZE];
    struct ocl_operands operands = {CLB_BF16, CLB_F32, .a_k_major = true, .emulated = true};
    ocl_tile_options(tile, &operands, options, sizeof options);
    print(shape, options);
    for (enum clb_type type = CLB_BF16; type <= CLB_TF32; type++)
        for (int i = 0; i < LYING; i++) {
            if (type == CLB_TF32 && tile->engine != OCL_ENGINE_MMA) continue;
            operands = (struct ocl_operands){type,        type,        lying[i][0], lying[i][1],
                                             lying[i][2], lying[i][3], false};
            ocl_tile_options(tile, &operands, options, sizeof options);
            print(shape, options);
        }
}

static void print_engines(const struct ocl_shape *shape)
{
    for (int i = 0; i < OCL_TILES && !shape->wide; i++)
        if (ocl_tiles[i].engine) print_engine(shape, &ocl_tiles[i]);
}

/* Heads of every tile of attention.cl, and one that ends inside a vector. */
static void print_heads(const struct ocl_shape *shape)
{
    static const int heads[] = {30, 64, 128, 256, 1024};
    char options[OCL_SOURCE_OPTIONS_SIZE];
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        for (int t = 0; t < TYPES; t++) {
            ocl_attention_options(shape->wide, heads[i], types[t][0], types[t][1], options,
                                  sizeof options);
            print(shape, options);
        }
}

/* Rows of 128 columns, and of base and large. */
static void print_rows(const struct ocl_shape *shape)
{
    static const int columns[] = {128, 768, 1024};
    char options[OCL_SOURCE_OPTIONS_SIZE];
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        for (enum clb_type result = CLB_F32; result <= CLB_BF16; result += CLB_BF16 - CLB_F32) {
            ocl_norm_options(columns[i], result, options, sizeof options);
            print(shape, options);
        }
}

int main(int argc, char **argv)
{
    const char *source = argc > 1 ? argv[1] : "";
    if (argc == 3 && strcmp(argv[2], "intel") == 0) {
        puts(ocl_intel_options(source));
        return 0;
    }
    if (strcmp(source, "prelude") == 0) {
        fputs(ocl_prelude, stdout);
        return 0;
    }
    for (int s = 0; s < OCL_SHAPES; s++) {
        const struct ocl_shape *shape = &ocl_shapes[s];
        char options[64];
        ocl_peak_options(shape->wide ? 16 : 4, options, sizeof options);
        if (strcmp(source, "gemm.cl") == 0)
            print_tiles(shape);
        else if (strcmp(source, "gemm_matrix.cl") == 0)
            print_engines(shape);
        else if (strcmp(source, shape->wide ? "attention_wide.cl" : "attention.cl") == 0)
            print_heads(shape);
        else if (strcmp(source, "peak.cl") == 0)
            print(shape, options);
        else if (strcmp(source, "norm.cl") == 0)
            print_rows(shape);
        else if (strcmp(source, "activation.cl") == 0 || strcmp(source, "linear.cl") == 0)
            print_types(shape);
        else if (strncmp(source, "attention", 9) != 0)
            print(shape, "");
        if (strcmp(source, "activation.cl") == 0) print_ends(shape);
    }
    return 0;
}
