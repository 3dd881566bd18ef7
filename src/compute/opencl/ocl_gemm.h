/* SPDX-License-Identifier: Apache-2.0 */
/* Products: CLBlast, and tiles of our own in cl/gemm.cl. Which one a device uses is measured once,
 * at the first product, and kept on disk for this device, driver and version of clbert. A candidate
 * is first compared with a product on the host; a wrong one is never used and named in info.gemm.
 *
 * Environment: CLBERT_GEMM forces one candidate without a measurement: "clblast", "tile" (the
 * wide-vector tile 14x32), "tile6x16", or "local" (64x64 in local memory). */
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
    bool accumulate; /* C += A B */
};

enum clb_status ocl_gemm(struct ocl_device *device, enum ocl_gemm_kind kind, int64_t m, int64_t n,
                         int64_t k, void *a, void *b, void *c, bool accumulate);

/* One way to multiply. */
struct ocl_gemm_candidate {
    const char *name;
    enum clb_status (*run)(struct ocl_device *device, const struct ocl_product *product);
};

enum clb_status ocl_gemm_clblast(struct ocl_device *device, const struct ocl_product *product);
enum clb_status ocl_gemm_tile_14x32(struct ocl_device *device, const struct ocl_product *product);
enum clb_status ocl_gemm_tile_6x16(struct ocl_device *device, const struct ocl_product *product);
enum clb_status ocl_gemm_local(struct ocl_device *device, const struct ocl_product *product);

/* Puts the choice, where it is known by now, into the description. */
void ocl_gemm_describe(struct clb_device *device);
/* The same for a device that is not open, from the cache on disk. */
void ocl_gemm_describe_cached(struct clb_device_info *info);
void ocl_gemm_close(struct ocl_device *device);

/* Compares and times candidates: ocl_gemm_measure.c. */
struct ocl_gemm_result {
    bool wrong;                    /* or failed */
    double gflops[OCL_GEMM_KINDS]; /* at the largest shape that was quick enough; 0: not measured */
};
enum clb_status ocl_gemm_measure(struct ocl_device *device,
                                 const struct ocl_gemm_candidate *candidate,
                                 struct ocl_gemm_result *result);

#endif
