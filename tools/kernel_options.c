/* SPDX-License-Identifier: Apache-2.0 */
/* Prints what clbert compiles a kernel source with: a line "SHAPE OPTION..." for every shape and
 * tile that uses it. Of tools/check-kernels, which compiles it with ocl_tuning.c.
 * Usage: kernel_options SOURCE   (as "gemm.cl"; "prelude": what stands before every source) */
#include "compute/opencl/ocl_tuning.h"

#include <stdio.h>
#include <string.h>

static void print(const struct ocl_shape *shape, const char *more)
{
    char options[OCL_OPTIONS_SIZE];
    ocl_shape_options(shape, options);
    printf("%s %s %s\n", shape->name, options, more);
}

/* nt, nn, tn, with and without whole float4. */
static const struct ocl_operands operands[] = {
    {false, false, true, true},   {false, true, true, true},   {true, true, true, true},
    {false, false, false, false}, {false, true, false, false}, {true, true, false, false},
};

static void print_tiles(const struct ocl_shape *shape)
{
    char options[160];
    for (int i = 0; i < OCL_TILES; i++) {
        if (shape->wide != (ocl_tiles[i].place == OCL_REGISTERS)) continue;
        for (size_t o = 0; o < sizeof operands / sizeof *operands; o++) {
            ocl_tile_options(&ocl_tiles[i], &operands[o], options, sizeof options);
            if (o == 0 || !shape->wide) print(shape, options);
        }
    }
}

/* Heads of every tile of attention.cl, and one that ends inside a vector. */
static void print_heads(const struct ocl_shape *shape)
{
    static const int heads[] = {30, 64, 128, 256, 1024};
    char options[96];
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        ocl_attention_options(shape->wide, heads[i], options, sizeof options);
        print(shape, options);
    }
}

int main(int argc, char **argv)
{
    const char *source = argc == 2 ? argv[1] : "";
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
        else if (strcmp(source, shape->wide ? "attention_wide.cl" : "attention.cl") == 0)
            print_heads(shape);
        else if (strcmp(source, "peak.cl") == 0)
            print(shape, options);
        else if (strncmp(source, "attention", 9) != 0)
            print(shape, "");
    }
    return 0;
}
