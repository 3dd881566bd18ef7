/* SPDX-License-Identifier: Apache-2.0 */
/* The CPU path: its device, and the kernels by family. Every kernel file is compiled once for each
 * instruction set, so each exported name is given the set's name here. */
#ifndef CPU_KERNELS_H
#define CPU_KERNELS_H

#include "compute/backend.h"
#include "compute/cpu/cpu_engine.h"
#include "compute/cpu/cpu_pool.h"

/* ---- the device ---- */

enum cpu_workspace_slot {
    CPU_WORKSPACE_A,
    CPU_WORKSPACE_B,
    CPU_WORKSPACE_THREADS,
    CPU_WORKSPACE_SLOTS
};

struct cpu_device {
    struct clb_device base;
    int threads;
    struct cpu_pool *pool;                /* those threads */
    const struct cpu_engine *bf16_engine; /* the best of the CPU's, or NULL: cpu_engine_f32 */
    float *workspace[CPU_WORKSPACE_SLOTS];
    int64_t workspace_floats[CPU_WORKSPACE_SLOTS];
};

/* Scratch of at least so many floats, 64-byte aligned, kept for the next call. NULL: out of memory,
 * with the message left. */
float *cpu_workspace(struct clb_device *device, enum cpu_workspace_slot slot, int64_t floats);

static inline int cpu_threads(const struct clb_device *device)
{
    return ((const struct cpu_device *)device)->threads;
}

/* By all threads of the device, as cpu_pool_run. */
static inline void cpu_parallel(struct clb_device *device, int64_t count, int64_t chunk,
                                cpu_work *work, const void *context)
{
    cpu_pool_run(((struct cpu_device *)device)->pool, count, chunk, work, context);
}

static inline float *cpu_floats(const struct clb_tensor *tensor)
{
    return tensor ? tensor->memory : NULL;
}

static inline int32_t *cpu_ints(const struct clb_tensor *tensor)
{
    return tensor->memory;
}

/* ---- products ---- */

/* C = A B, or C += A B; then, where given, C += bias by column, pre = C, C = activation(C); or,
 * where there is `saved`, which lies as C does, C *= activation'(saved), and, where there is that,
 * input = activation(saved), of its type, and perhaps in its place.
 * A is [m, k] with element (i, p) at a[i * a_row + p * a_column], B [k, n] likewise, one of the two
 * strides of each being 1; C and pre have rows of c_row elements. Sums are fp32, in the same order
 * whatever the number of threads; what C and pre get of them is rounded to their types. */
struct cpu_product {
    int64_t m, n, k;
    enum clb_type operands, c_type, pre_type;
    const void *a, *b;
    int64_t a_row, a_column, b_row, b_column;
    void *c;
    int64_t c_row;
    bool accumulate;
    const float *bias;
    void *pre;
    const void *saved;
    void *input;
    enum clb_type saved_type;
    enum clb_activation activation;
};

/* Room for each of the packed operands: more for more threads, who all want tasks. */
static inline int64_t cpu_packed_bytes(int threads)
{
    return (int64_t)(threads < 4 ? threads : 4) << 22;
}

/* By all threads of the device. */
#define cpu_gemm CPU_NAME(cpu_gemm)
enum clb_status cpu_gemm(struct clb_device *device, const struct cpu_product *product);

/* By the calling thread alone, with `scratch` of cpu_gemm_scratch floats; all fp32, and neither
 * bias nor activation. */
#define cpu_gemm_serial CPU_NAME(cpu_gemm_serial)
void cpu_gemm_serial(const struct cpu_product *product, float *scratch);
#define cpu_gemm_scratch CPU_NAME(cpu_gemm_scratch)
int64_t cpu_gemm_scratch(int64_t m, int64_t n, int64_t k);

/* ---- elementwise pieces ---- */

/* out = activation(x); may be in place. */
#define cpu_activate CPU_NAME(cpu_activate)
void cpu_activate(enum clb_activation activation, const float *x, float *out, int64_t n);

/* out = d_out * activation'(saved); may be in place. */
#define cpu_activate_backward CPU_NAME(cpu_activate_backward)
void cpu_activate_backward(enum clb_activation activation, const float *d_out, const float *saved,
                           float *out, int64_t n);

/* out[n] += column sums of x [rows, n]. */
#define cpu_column_sums CPU_NAME(cpu_column_sums)
void cpu_column_sums(const struct clb_tensor *x, const struct clb_tensor *out);

/* out[i] = clb_random_u32(random, first + i); first is a multiple of 4, out has room for n rounded
 * up to a multiple of 64. */
#define cpu_random_bits CPU_NAME(cpu_random_bits)
void cpu_random_bits(struct clb_random random, uint64_t first, int64_t n, uint32_t *out);

/* factors[i] = 0 where element first + i is dropped, 1 / (1 - p) where it is kept. Any `first`; n
 * at most CPU_DROPOUT_CHUNK. */
#define cpu_dropout_factors CPU_NAME(cpu_dropout_factors)
void cpu_dropout_factors(struct clb_dropout dropout, uint64_t first, int64_t n, float *factors);

/* ---- the backend of this instruction set ---- */

#define CPU_RENAMED(name) CPU_NAME(cpu_##name)
#define CPU_DECLARE(name) extern __typeof__(clb_##name) CPU_RENAMED(name);
CLB_OPERATION_LIST(CPU_DECLARE)
#undef CPU_DECLARE
enum clb_status CPU_RENAMED(peak)(struct clb_device *device, double *gflops);

/* Fills the operations of a table whose life and memory functions cpu_device.c has filled. */
#define cpu_backend_fill CPU_NAME(cpu_backend_fill)
void cpu_backend_fill(struct clb_backend *backend);

#endif
