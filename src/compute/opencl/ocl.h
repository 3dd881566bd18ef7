/* SPDX-License-Identifier: Apache-2.0 */
/* The OpenCL path: what its files share. Baseline: OpenCL 1.2, 32 KiB of local memory, work-groups
 * of 128, neither fp64 nor fp16 nor float atomics. */
#ifndef OCL_H
#define OCL_H

#include "compute/backend.h"
#include "compute/opencl/ocl_tuning.h"

#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl.h>

/* A kernel source of cl/, compiled with one set of options. */
enum ocl_source {
    OCL_LINEAR,
    OCL_GEMM,
    OCL_GEMM_MATRIX,
    OCL_ACTIVATION,
    OCL_EMBEDDING,
    OCL_NORM,
    OCL_ATTENTION,
    OCL_ATTENTION_WIDE,
    OCL_ROWS,
    OCL_LOSS,
    OCL_BUFFERS,
    OCL_OPTIMIZER,
    OCL_RANDOM,
    OCL_PEAK,
};

struct ocl_program;
struct ocl_gemm;

/* Of a work-group. */
struct ocl_limits {
    int64_t items, local_bytes;
};

struct ocl_device {
    struct clb_device base;
    cl_platform_id platform;
    cl_device_id id;
    cl_context context;
    cl_command_queue queue;
    const struct ocl_shape *shape;
    unsigned engines; /* 1 << enum ocl_engine: those that it says it has */
    struct ocl_limits limits;
    struct ocl_program *programs;             /* compiled so far */
    bool said_compiling;                      /* that kernels are compiled, which may take long */
    struct ocl_gemm *gemm;                    /* what is chosen for products */
    struct ocl_gemm_tuned *tuned;             /* tiles and parameters that have been named */
    const struct ocl_gemm_candidate *clblast; /* with parameters that were kept; NULL: its own */
    struct ocl_scratch {
        cl_mem memory;
        int64_t bytes;
    } workspace, wide; /* scratch of one operation, grown as needed */
    cl_mem empty;      /* stands for a buffer that is not given */
};

static inline struct ocl_device *ocl_device(struct clb_device *device)
{
    return (struct ocl_device *)device; /* base is its first member */
}

/* ---- errors: ocl_error.c ---- */

const char *ocl_error_name(cl_int error);
/* CLB_OK for CL_SUCCESS, else CLB_ERROR_MEMORY or CLB_ERROR_DEVICE with a message. */
enum clb_status ocl_check(struct ocl_device *device, cl_int error, const char *what);

/* ---- programs: ocl_program.c ---- */

/* The kernel `name` of a source, compiled with `options` added ("" for none) at its first use. The
 * device owns it. */
enum clb_status ocl_kernel(struct ocl_device *device, enum ocl_source source, const char *options,
                           const char *name, cl_kernel *kernel);
void ocl_programs_release(struct ocl_device *device);

/* ---- the cache on disk: ocl_cache.c ---- */

/* The path of a file for what `key` names, malloc'd, its directory made; NULL where there is no
 * such place. Its name is `prefix` and a hash of key, device, driver and clbert's version. */
char *ocl_cache_path(const struct clb_device_info *info, const char *prefix, const void *key,
                     size_t key_size);
/* What was written to it, malloc'd, a 0 byte behind it; NULL where there is no file. One that is
 * not whole, by its size and checksum, is deleted. */
char *ocl_cache_read(const char *path, size_t *size);
void ocl_cache_write(const char *path, const void *bytes, size_t size);

/* ---- launching: ocl_launch.c ---- */

struct ocl_arg {
    size_t size;
    union {
        cl_mem mem;
        cl_int i32;
        cl_uint u32;
        cl_long i64;
        cl_ulong u64;
        cl_float f32;
    } value;
};

#define OCL_MEM(m) ((struct ocl_arg){sizeof(cl_mem), {.mem = (cl_mem)(m)}})
#define OCL_TENSOR(t) OCL_MEM((t)->memory)
#define OCL_OPTIONAL(d, t) OCL_MEM((t) ? (t)->memory : (void *)(d)->empty)
#define OCL_I32(x) ((struct ocl_arg){sizeof(cl_int), {.i32 = (cl_int)(x)}})
#define OCL_U32(x) ((struct ocl_arg){sizeof(cl_uint), {.u32 = (cl_uint)(x)}})
#define OCL_I64(x) ((struct ocl_arg){sizeof(cl_long), {.i64 = (cl_long)(x)}})
#define OCL_U64(x) ((struct ocl_arg){sizeof(cl_ulong), {.u64 = (cl_ulong)(x)}})
#define OCL_F32(x) ((struct ocl_arg){sizeof(cl_float), {.f32 = (cl_float)(x)}})
/* seed, purpose, stream: philox.cl's RANDOM parameters. */
#define OCL_RANDOM_ARGS(r) OCL_U64((r).seed), OCL_U32((r).purpose), OCL_U32((r).stream)
/* The same with threshold and scale: philox.cl's DROPOUT parameters. */
#define OCL_DROPOUT_ARGS(d)                                                                        \
    OCL_RANDOM_ARGS((d).random), OCL_U32(clb_dropout_threshold((d).probability)),                  \
        OCL_F32(1.0f / (1.0f - (d).probability))

/* Global and local size. */
struct ocl_range {
    size_t global[3], local[3];
};

/* A work-item for every FLAT of n elements. */
struct ocl_range ocl_over_elements(const struct ocl_device *device, int64_t elements);
/* GROUP work-items a row, in a second dimension the same `count` times. */
struct ocl_range ocl_over_rows(const struct ocl_device *device, int64_t rows, int64_t count);
/* A group for every COLUMN_ACROSS * W columns of `count` things. */
struct ocl_range ocl_over_columns(const struct ocl_device *device, int64_t columns, int64_t count);
/* x * y * z groups of `local` work-items in the first dimension. */
struct ocl_range ocl_over_groups(int64_t x, int64_t y, int64_t z, size_t local);

enum clb_status ocl_launch(struct ocl_device *device, enum ocl_source source, const char *options,
                           const char *name, struct ocl_range range, int count,
                           const struct ocl_arg *args);

#define OCL_RUN_WITH(device, source, options, name, range, ...)                                    \
    ocl_launch(device, source, options, name, range,                                               \
               (int)(sizeof((struct ocl_arg[]){__VA_ARGS__}) / sizeof(struct ocl_arg)),            \
               (struct ocl_arg[]){__VA_ARGS__})
#define OCL_RUN(device, source, name, range, ...)                                                  \
    OCL_RUN_WITH(device, source, "", name, range, __VA_ARGS__)

/* ---- memory: ocl_memory.c ---- */

/* Scratch of at least `bytes`: valid for what is queued until the next call. */
enum clb_status ocl_workspace(struct ocl_device *device, int64_t bytes, cl_mem *workspace);
/* The same beside it, for fp32 numbers that reduced ones are widened to or made of. */
enum clb_status ocl_wide_numbers(struct ocl_device *device, int64_t count, cl_mem *numbers);

enum clb_status ocl_finish(struct clb_device *device);
enum clb_status ocl_allocate(struct clb_device *device, int64_t bytes, void **memory);
enum clb_status ocl_slice(struct clb_device *device, void *memory, int64_t offset, int64_t bytes,
                          void **slice);
void ocl_release(struct clb_device *device, void *memory);
enum clb_status ocl_write(struct clb_device *device, void *memory, const void *host, int64_t bytes);
enum clb_status ocl_read(struct clb_device *device, void *memory, int64_t offset, void *host,
                         int64_t bytes);
enum clb_status ocl_allocate_host(struct clb_device *device, int64_t bytes, void **handle,
                                  void **host);
void ocl_release_host(struct clb_device *device, void *handle, void *host);
enum clb_status ocl_send(struct clb_device *device, void *memory, const void *host, int64_t bytes,
                         void **sent);
enum clb_status ocl_wait_sent(struct clb_device *device, void *sent);
enum clb_status ocl_flush(struct clb_device *device);

/* ---- sums of columns, shared by bias and norm: ocl_linear.c ---- */

/* sums[c] += the sum of column c of x [rows, columns], of any type but indices. */
enum clb_status ocl_column_sums(struct ocl_device *device, const struct clb_tensor *sums, cl_mem x,
                                enum clb_type type, int64_t rows, int64_t columns);
/* How many chunks the rows of a column sum are cut into: a function of their number alone, so that
 * the order of the sum is fixed. */
int64_t ocl_row_chunks(int64_t rows);
/* sums[i][c] += partial[i][0][c] + partial[i][1][c] + ... for each of `count` sums, at most
 * OCL_PARTIAL_SUMS. */
enum { OCL_PARTIAL_SUMS = 3 };
enum clb_status ocl_add_partials(struct ocl_device *device, const struct clb_tensor *const *sums,
                                 int count, cl_mem partial, int64_t chunks, int64_t columns);

/* ---- speed: ocl_peak.c ---- */

enum clb_status ocl_peak(struct clb_device *device, double *gflops);

/* ---- operations: one file a family ---- */

#define OCL_DECLARE(name) extern __typeof__(clb_##name) ocl_##name;
CLB_OPERATION_LIST(OCL_DECLARE)
#undef OCL_DECLARE

#endif
