/* SPDX-License-Identifier: Apache-2.0 */
/* Block sizes, and every other number that host and kernels must agree on. The host counts with the
 * rows of these tables and gives them to the compiler as -D options; a kernel that misses one of
 * its options stops with #error. tools/check-kernels compiles with the same rows. Kernels of
 * another shape, or another tile, are another row: what limits each column stands here, what a row
 * means to a kernel at the head of its file in cl/. */
#ifndef OCL_TUNING_H
#define OCL_TUNING_H

#include <clbert/ops.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- the shape of kernels: a row for each class of devices ----
 *
 * One kernel text serves all: wide work-items that walk a row alone where a work-item is a CPU's
 * thread, groups of narrow ones that share a row where it is a lane of a GPU. */
struct ocl_shape {
    const char *name; /* CLBERT_OPENCL_SHAPE's */
    bool wide;        /* no barriers, no local memory; attention_wide.cl, products in registers */
    int vector;       /* W: floats that a work-item takes at once: 4, 8 or 16 */
    int group;        /* GROUP: work-items that share a row: a power of two, 1 where wide */
    int flat;         /* FLAT: elements of a whole buffer a work-item takes: a multiple of W that
                         divides CLB_BLOCK or is divided by it */
    int flat_group;   /* work-items of a group that works on a whole buffer */
    int column_group; /* COLUMN_GROUP: the same on the columns of a matrix, */
    int across; /* COLUMN_ACROSS: W columns each for so many of them; the others have other rows */
};

enum ocl_shape_row { OCL_SHAPE_WIDE, OCL_SHAPE_GROUP, OCL_SHAPES };
extern const struct ocl_shape ocl_shapes[OCL_SHAPES];

/* ---- tiles of a matrix product: gemm.cl, gemm_matrix.cl ---- */

enum ocl_tile_place {
    OCL_REGISTERS, /* a CPU's vector registers: a work-item a tile, operands packed */
    OCL_LOCAL,     /* a GPU's local memory: a work-group a tile */
};

/* What multiplies where it is not the lanes' own arithmetic: gemm_matrix.cl says what each is. */
enum ocl_engine {
    OCL_NO_ENGINE,
    OCL_ENGINE_MMA,
    OCL_ENGINE_MFMA,
    OCL_ENGINE_WMMA,
    OCL_ENGINE_DPAS16,
    OCL_ENGINE_DPAS8,
};

struct ocl_tile {
    const char *name; /* in info.gemm, in caches and in what checkpoints record */
    enum ocl_tile_place place;
    int m, n;  /* rows and columns of C; MR, NR in registers, MWG, NWG in local memory */
    int k;     /* in registers KC: steps of K that are packed at once; in local memory KWG: steps of
                  K that lie there at once */
    int chunk; /* in registers PACK_CHUNK: steps of K that one work-item packs */
    int kwi;   /* in local memory KWI: steps of K that are unrolled */
    enum ocl_engine engine;         /* in local memory; k and kwi count words of 16 bits */
    const struct ocl_tile *smaller; /* where there would be fewer tiles than units; NULL: none */
};

enum {
    OCL_TILE_MWI = 8,      /* in local memory a work-item has 8 x 8 of the tile, or as many, */
    OCL_TILE_PAD = 4,      /* and rows are so much longer: PAD of gemm.cl, */
    OCL_ENGINE_ROW = 80,   /* bytes of a line in gemm_matrix.cl */
    OCL_SPLIT_DEPTH = 128, /* K is split into parts of at least so many steps, */
    OCL_SPLITS = 16,       /* and at most so many parts */
};

enum ocl_tile_row {
    OCL_TILE_14X32,
    OCL_TILE_6X16,
    OCL_TILE_LOCAL_128X128,
    OCL_TILE_LOCAL_64X64,
    OCL_TILE_MMA_128X128,
    OCL_TILE_MMA_64X64,
    OCL_TILE_MFMA_128X128,
    OCL_TILE_MFMA_64X64,
    OCL_TILE_WMMA_128X128,
    OCL_TILE_WMMA_64X64,
    OCL_TILE_DPAS16_128X128,
    OCL_TILE_DPAS16_64X64,
    OCL_TILE_DPAS8_128X128,
    OCL_TILE_DPAS8_64X64,
    OCL_TILES
};
extern const struct ocl_tile ocl_tiles[OCL_TILES];

/* What a tile in local memory takes: work-items of a group, and bytes. */
int ocl_tile_items(const struct ocl_tile *tile);
int64_t ocl_tile_local_bytes(const struct ocl_tile *tile);

/* What a product does with its sums: epilogue.cl. */
enum ocl_epilogue { OCL_NO_EPILOGUE, OCL_FORWARD, OCL_SLOPE, OCL_SUMS, OCL_EPILOGUES };

/* What a product's kernels are compiled for: types, and, where the tile is in local memory, how the
 * operands lie and what follows. */
struct ocl_operands {
    enum clb_type type, result; /* of A and B, and of C */
    bool a_k_major, b_k_major;  /* or k runs along their rows */
    bool a_vector, b_vector;    /* their rows are whole vectors of 4 */
    bool emulated;              /* the tile's engine is not there: in plain OpenCL C */
    enum ocl_epilogue epilogue;
    enum clb_activation activation;
};

/* ---- tiles of attention: attention.cl and attention_wide.cl, by the size of a head ---- */

struct ocl_attention_tile {
    bool wide;
    int head;  /* for heads up to this size */
    int block; /* ATTENTION_BLOCK: rows that a work-group has */
    int step;  /* where not wide ATTENTION_STEP: rows of the other side at a time, a multiple of 32
                */
    int items; /* ATTENTION_ITEMS: work-items of a group; where not wide 4 x 4 scores each */
};

/* The row for heads of a size. */
const struct ocl_attention_tile *ocl_attention_tile(bool wide, int64_t head);

/* ---- long sums: cut into chunks by shapes of tensors alone, so that their order is fixed ---- */

enum {
    OCL_SQUARES_CHUNK = 32768, /* elements of a partial sum of squares: work for a whole group */
    OCL_ROWS_CHUNK = 8,        /* rows of a partial sum of columns, at least, since norm_backward
                                  does no more of them at once; */
    OCL_ROWS_CHUNKS = 1024,    /* and at most so many chunks, whose sum one work-group takes */
    OCL_EMBEDDING_CHUNK = 32,  /* rows of a partial sum of embeddings, about */
};

/* ---- what a device must have ---- */

enum {
    OCL_LEAST_GROUP = 128,         /* work-items of attention, and on whole buffers */
    OCL_PEAK_GROUP = 256,          /* of the measurement of the peak, where there are so many */
    OCL_LOCAL_BYTES = 32 * 1024,   /* of attention_d_key_value */
    OCL_PEAK_CHAINS = 12,          /* PEAK_CHAINS of peak.cl */
    OCL_OPTIONS_SIZE = 512,        /* characters of all options of a program, */
    OCL_SOURCE_OPTIONS_SIZE = 256, /* and of those that not every source has */
};

/* ---- what the compiler is given ---- */

/* Defines what is too long for an option, before every source. */
extern const char ocl_prelude[];

/* Those of every source. */
void ocl_shape_options(const struct ocl_shape *shape, char options[OCL_OPTIONS_SIZE]);
/* Those of gemm.cl and gemm_matrix.cl, norm.cl, activation.cl, attention.cl and attention_wide.cl,
 * and peak.cl besides; and the types of types.cl alone, for linear.cl: none where both are fp32.
 * Only tiles and attention multiply: to the others tf32 is what it is in memory, fp32. */
void ocl_tile_options(const struct ocl_tile *tile, const struct ocl_operands *operands,
                      char *options, size_t size);
void ocl_norm_options(int64_t columns, enum clb_type result, char *options, size_t size);
void ocl_epilogue_options(enum clb_type operands, enum clb_type result, enum ocl_epilogue epilogue,
                          enum clb_activation activation, char *options, size_t size);
void ocl_attention_options(bool wide, int64_t head, enum clb_type operands, enum clb_type result,
                           char *options, size_t size);
void ocl_peak_options(int vector, char *options, size_t size);
void ocl_type_options(enum clb_type operands, enum clb_type result, char *options, size_t size);
/* What a source ("gemm.cl") gets besides from the compiler of Intel's GPUs: where its kernels keep
 * sums, twice the registers a work-item, which newer GPUs have (Arc) and others pass over. Without,
 * the sums are kept in memory: tools/kernel-table shows it. */
const char *ocl_intel_options(const char *source);

#endif
