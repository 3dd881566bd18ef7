/* SPDX-License-Identifier: Apache-2.0 */
/* Products: CLBlast, tiles of our own in cl/gemm.cl, and for reduced operands a GPU's matrix engine
 * in cl/gemm_matrix.cl. Which one a device uses is measured once,
 * at the first product, and the measurement is kept on disk for this device, driver, shape of
 * kernels and version of clbert. A candidate is first compared with a product on the host; a wrong
 * one is never used and named in info.gemm. One that fails is not used either, but nothing is kept
 * then: the next start tries it again. Reduced operands are multiplied by the first engine that the
 * device says it has and whose results are right; else by the same tile, and, where CLBlast is
 * chosen, by that of the shape that comes first.
 *
 * Environment: CLBERT_GEMM forces one candidate without a measurement: "clblast", "tile" (the
 * wide-vector tile 14x32), "tile6x16", "local" (128x128 in local memory), "local64", or an engine's
 * tile by its name, as "mma 128x128": emulated where the device has not got it, and for reduced
 * operands only. */
#ifndef OCL_GEMM_H
#define OCL_GEMM_H

#include "compute/opencl/ocl.h"

/* C [m, n] = A B, row-major, by how A and B lie in memory. */
enum ocl_gemm_kind {
    OCL_GEMM_NT, /* A [m, k], B [n, k]: forward */
    OCL_GEMM_NN, /* A [m, k], B [k, n]: gradient of the input */
    OCL_GEMM_TN, /* A [k, m], B [k, n]: gradient of the weight */
    OCL_GEMM_KINDS
};

struct ocl_product {
    enum ocl_gemm_kind kind;
    int64_t m, n, k;
    cl_mem a, b, c;
    bool accumulate;              /* C += A B */
    enum clb_type operands, type; /* of A and B, and of C: fp32 or that of A and B */
};

enum clb_status ocl_gemm(struct ocl_device *device, const struct ocl_product *product);

/* One way to multiply. */
typedef enum clb_status ocl_gemm_run(struct ocl_device *device, const struct ocl_tile *tile,
                                     const struct ocl_product *product);
struct ocl_gemm_candidate {
    const char *name;
    ocl_gemm_run *run;
    const struct ocl_tile *tile;                        /* NULL: CLBlast, which has its own */
    unsigned types;                                     /* 1 << enum clb_type of operands */
    bool (*available)(const struct ocl_device *device); /* NULL: always */
};

ocl_gemm_run ocl_gemm_clblast, ocl_gemm_tile;

/* What a device uses. */
struct ocl_gemm {
    const struct ocl_gemm_candidate *chosen[OCL_GEMM_KINDS];
    /* For reduced operands of a type, once they were probed; NULL: there is none. */
    const struct ocl_gemm_candidate *engines[CLB_F16 + 1];
    bool probed[CLB_F16 + 1];
    char text[192]; /* info.gemm */
};

/* Puts the choice, where it is known by now, into the description. */
void ocl_gemm_describe(struct clb_device *device);
/* The same for a device that is not open, from the cache on disk. */
void ocl_gemm_describe_cached(struct clb_device_info *info, const struct ocl_shape *shape);
void ocl_gemm_close(struct ocl_device *device);

/* ---- measuring one candidate: ocl_gemm_measure.c ---- */

struct ocl_gemm_result {
    bool wrong;
    bool failed;                   /* a call did, so that nothing is known */
    double gflops[OCL_GEMM_KINDS]; /* at the largest shape that was quick enough; 0: not measured */
};
enum clb_status ocl_gemm_measure(struct ocl_device *device,
                                 const struct ocl_gemm_candidate *candidate,
                                 struct ocl_gemm_result *result);
/* Whether it gives right results of operands of a type; not how fast. */
enum clb_status ocl_gemm_check(struct ocl_device *device,
                               const struct ocl_gemm_candidate *candidate, enum clb_type operands,
                               bool *right);

/* ---- matrix engines: ocl_gemm_engine.c ---- */

/* 1 << enum ocl_engine: those that the device's name, extensions and capabilities promise. */
unsigned ocl_engines_of(const struct ocl_device *device);
bool ocl_has_mma(const struct ocl_device *device);
bool ocl_has_mfma(const struct ocl_device *device);
bool ocl_has_wmma(const struct ocl_device *device);
bool ocl_has_dpas16(const struct ocl_device *device);
bool ocl_has_dpas8(const struct ocl_device *device);
/* The engine that multiplies reduced operands of that type, found and compared with the host at the
 * first call; NULL: none. What fails or is wrong is named in device->gemm->text. */
const struct ocl_gemm_candidate *ocl_gemm_engine(struct ocl_device *device, enum clb_type operands);

/* ---- the candidates, choosing by what was measured, keeping that: ocl_gemm_choice.c ---- */

enum { OCL_GEMM_CANDIDATES = 15 };
extern const struct ocl_gemm_candidate ocl_gemm_candidates[OCL_GEMM_CANDIDATES];
extern const char *const ocl_gemm_kind_names[OCL_GEMM_KINDS]; /* "nt" */
/* The candidate of a name, where it is worth trying on kernels of that shape; NULL: none. */
const struct ocl_gemm_candidate *ocl_gemm_find(const struct ocl_shape *shape, const char *name);
/* The first tile of kernels of that shape that takes operands of every type. */
const struct ocl_gemm_candidate *ocl_gemm_portable(const struct ocl_shape *shape);
/* Of the candidates that are measured: engines are not. */
bool ocl_gemm_worth_trying(const struct ocl_shape *shape, int candidate);

/* The results of all candidates that are worth trying. */
struct ocl_gemm_table {
    struct ocl_gemm_result results[OCL_GEMM_CANDIDATES];
};
/* Takes the fastest right candidate of each kind and describes the choice; false: there is none. */
bool ocl_gemm_take(struct ocl_gemm *gemm, const struct ocl_shape *shape,
                   const struct ocl_gemm_table *table);
/* The same of what was kept on disk. */
bool ocl_gemm_load(const struct clb_device_info *info, const struct ocl_shape *shape,
                   struct ocl_gemm *gemm);
void ocl_gemm_save(const struct clb_device_info *info, const struct ocl_shape *shape,
                   const struct ocl_gemm_table *table);

/* ---- clb_device_products and clb_device_use_products: ocl_gemm_record.c ---- */

enum clb_status ocl_gemm_products(const struct clb_device *device, char **record);
enum clb_status ocl_gemm_use_products(struct clb_device *device, const char *record,
                                      bool *honoured);
/* The candidate that CLBERT_GEMM forces; NULL: none. An unknown one is an error. */
enum clb_status ocl_gemm_forced(const struct ocl_gemm_candidate **candidate);

#endif
