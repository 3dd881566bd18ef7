/* SPDX-License-Identifier: Apache-2.0 */
/* One candidate's products: compared with the host's, and timed. The operands are one long pattern
 * of random numbers over and over, so that the host need not keep them. */
#include "base/clock.h"
#include "base/error.h"
#include "compute/opencl/ocl_gemm.h"
#include "compute/reduced.h"

#include <math.h>
#include <stdlib.h>

/* These end in the middle of every tile, with rows that are no whole vectors. */
static const int64_t checked[][3] = {{37, 45, 29}, {130, 102, 150}};
enum {
    CHECKED = sizeof checked / sizeof *checked,
    PATTERN = 1000003, /* a prime: no row of a matrix meets itself again */
    QUEUED = 32,       /* at most so many products are timed together, */
    SPOT_ROWS = 16,    /* of a large product so many rows are looked at, */
    SPOT_COLUMNS = 64, /* at about so many columns */
};
static const double together = 0.02; /* of about so many seconds: the wait is little then */

enum { A, B, C, OPERANDS };

struct ocl_gemm_bench {
    struct ocl_device *device;
    enum clb_type type;
    float *values; /* [PATTERN] as products take them */
    void *stored;  /* [PATTERN] the same as the type has them in memory */
    void *out;     /* [bytes of the largest result looked at] */
    int64_t out_bytes;
    struct {
        cl_mem memory;
        int64_t elements;
        enum clb_type type;
    } operands[OPERANDS];
};

double ocl_gemm_gflop(const struct ocl_gemm_shape *s)
{
    return 2e-9 * (double)s->m * (double)s->n * (double)s->k;
}

enum clb_status ocl_gemm_bench_open(struct ocl_device *device, enum clb_type type,
                                    struct ocl_gemm_bench **out)
{
    const struct clb_random random = {.seed = 1, .purpose = CLB_PURPOSE_TEST};
    struct ocl_gemm_bench *bench = calloc(1, sizeof *bench);
    *out = bench;
    if (bench) bench->values = malloc(PATTERN * sizeof *bench->values);
    if (bench) bench->stored = malloc((size_t)(PATTERN * clb_type_size(type)));
    if (!bench || !bench->values || !bench->stored)
        return clb_fail(CLB_ERROR_MEMORY, "measuring products: out of memory");
    bench->device = device;
    bench->type = type;
    for (int i = 0; i < PATTERN; i++)
        bench->values[i] =
            reduced_put(bench->stored, type, i,
                        clb_uniform_from_bits(clb_random_u32(random, (uint64_t)i)) - 0.5f);
    return CLB_OK;
}

void ocl_gemm_bench_close(struct ocl_gemm_bench *bench)
{
    if (!bench) return;
    if (bench->device) clFinish(bench->device->queue);
    for (int i = 0; i < OPERANDS; i++)
        if (bench->operands[i].memory) clReleaseMemObject(bench->operands[i].memory);
    free(bench->values);
    free(bench->stored);
    free(bench->out);
    free(bench);
}

/* ---- operands ---- */

static float value(const struct ocl_gemm_bench *bench, int operand, int64_t e)
{
    return bench->values[(e + operand * (PATTERN / OPERANDS)) % PATTERN];
}

/* The pattern, from where the operand has it. */
static enum clb_status fill(struct ocl_gemm_bench *bench, int operand, int64_t elements)
{
    const enum clb_type type = bench->operands[operand].type;
    const int64_t size = clb_type_size(type);
    const char *from = type == bench->type ? bench->stored : (const char *)bench->values;
    int64_t at = operand * (PATTERN / OPERANDS);
    cl_int error = CL_SUCCESS;
    for (int64_t done = 0; done < elements && error == CL_SUCCESS; at = 0) {
        const int64_t rest = elements - done, now = rest < PATTERN - at ? rest : PATTERN - at;
        error = clEnqueueWriteBuffer(bench->device->queue, bench->operands[operand].memory, CL_TRUE,
                                     (size_t)(done * size), (size_t)(now * size), from + at * size,
                                     0, NULL, NULL);
        done += now;
    }
    return ocl_check(bench->device, error, "write for measuring products");
}

/* An operand of at least so many elements. A and B keep their numbers, C loses them. */
static enum clb_status provide(struct ocl_gemm_bench *bench, int operand, enum clb_type type,
                               int64_t elements)
{
    cl_int error;
    if (bench->operands[operand].type == type && bench->operands[operand].elements >= elements)
        return CLB_OK;
    if (bench->operands[operand].memory) clReleaseMemObject(bench->operands[operand].memory);
    bench->operands[operand].elements = 0;
    bench->operands[operand].type = type;
    bench->operands[operand].memory =
        clCreateBuffer(bench->device->context, CL_MEM_READ_WRITE,
                       (size_t)(elements * clb_type_size(type)), NULL, &error);
    enum clb_status status = ocl_check(bench->device, error, "allocate for measuring products");
    if (status == CLB_OK) status = fill(bench, operand, elements);
    if (status == CLB_OK) bench->operands[operand].elements = elements;
    return status;
}

/* So many times, and one wait. */
static enum clb_status run(struct ocl_gemm_bench *bench, const struct ocl_gemm_candidate *candidate,
                           const struct ocl_gemm_shape *s, enum clb_type result, bool accumulate,
                           int times)
{
    enum clb_status status;
    CLB_TRY(provide(bench, A, bench->type, s->m * s->k));
    CLB_TRY(provide(bench, B, bench->type, s->n * s->k));
    CLB_TRY(provide(bench, C, result, s->m * s->n));
    const struct ocl_product product = {.kind = s->kind,
                                        .m = s->m,
                                        .n = s->n,
                                        .k = s->k,
                                        .a = bench->operands[A].memory,
                                        .b = bench->operands[B].memory,
                                        .c = bench->operands[C].memory,
                                        .accumulate = accumulate,
                                        .operands = bench->type,
                                        .type = result};
    for (int i = 0; i < times; i++) CLB_TRY(candidate->run(bench->device, candidate, &product));
    CLB_TRY(ocl_finish(&bench->device->base));
cleanup:
    return status;
}

/* ---- checking ---- */

/* `bytes` of C from an offset, into bench->out. */
static enum clb_status read_result(struct ocl_gemm_bench *bench, int64_t offset, int64_t bytes)
{
    if (bytes > bench->out_bytes) {
        free(bench->out);
        bench->out = malloc((size_t)bytes);
        bench->out_bytes = bench->out ? bytes : 0;
        if (!bench->out) return clb_fail(CLB_ERROR_MEMORY, "measuring products: out of memory");
    }
    return ocl_check(bench->device,
                     clEnqueueReadBuffer(bench->device->queue, bench->operands[C].memory, CL_TRUE,
                                         (size_t)offset, (size_t)bytes, bench->out, 0, NULL, NULL),
                     "read");
}

/* Whether `got` at (i, j) is within the rounding of a sum of k terms, and of a reduced result. */
static bool element_right(const struct ocl_gemm_bench *bench, const struct ocl_gemm_shape *s,
                          enum clb_type result, bool accumulate, int64_t i, int64_t j, double got)
{
    const double last = result == CLB_BF16 ? 0x1p-8 : result == CLB_F16 ? 0x1p-11 : 0.0;
    double sum = accumulate ? value(bench, C, i * s->n + j) : 0.0, absolute = fabs(sum);
    for (int64_t d = 0; d < s->k; d++) {
        const double a = value(bench, A, s->kind == OCL_GEMM_TN ? d * s->m + i : i * s->k + d);
        const double b = value(bench, B, s->kind == OCL_GEMM_NT ? j * s->k + d : d * s->n + j);
        sum += a * b;
        absolute += fabs(a * b);
    }
    return fabs(got - sum) <=
           0x1p-24 * (4.0 + 2.0 * sqrt((double)s->k)) * absolute + last * fabs(sum);
}

static double got_at(const struct ocl_gemm_bench *bench, enum clb_type result, int64_t e)
{
    return (double)(result == CLB_F32 ? ((const float *)bench->out)[e]
                                      : reduced_widen(result, ((const uint16_t *)bench->out)[e]));
}

static enum clb_status check(struct ocl_gemm_bench *bench,
                             const struct ocl_gemm_candidate *candidate, enum ocl_gemm_kind kind,
                             const int64_t shape[3], enum clb_type result, bool accumulate,
                             bool *right)
{
    const struct ocl_gemm_shape s = {kind, shape[0], shape[1], shape[2]};
    enum clb_status status;
    if (!*right) return CLB_OK;
    CLB_TRY(provide(bench, C, result, s.m * s.n));
    CLB_TRY(fill(bench, C, s.m * s.n));
    CLB_TRY(run(bench, candidate, &s, result, accumulate, 1));
    CLB_TRY(read_result(bench, 0, s.m * s.n * clb_type_size(result)));
    for (int64_t e = 0; e < s.m * s.n && *right; e++)
        *right = element_right(bench, &s, result, accumulate, e / s.n, e % s.n,
                               got_at(bench, result, e));
cleanup:
    return status;
}

/* Every kind as the operations use it. */
enum clb_status ocl_gemm_bench_check(struct ocl_gemm_bench *bench,
                                     const struct ocl_gemm_candidate *candidate, bool *right)
{
    enum clb_status status = CLB_OK;
    *right = true;
    for (int s = 0; s < CHECKED; s++) {
        CLB_TRY(check(bench, candidate, OCL_GEMM_NT, checked[s], CLB_F32, false, right));
        CLB_TRY(check(bench, candidate, OCL_GEMM_NN, checked[s], CLB_F32, false, right));
        CLB_TRY(check(bench, candidate, OCL_GEMM_NN, checked[s], CLB_F32, true, right));
        CLB_TRY(check(bench, candidate, OCL_GEMM_TN, checked[s], CLB_F32, true, right));
    }
    if (clb_type_stored(bench->type) != CLB_F32)
        CLB_TRY(
            check(bench, candidate, OCL_GEMM_NN, checked[CHECKED - 1], bench->type, false, right));
cleanup:
    return status;
}

enum clb_status ocl_gemm_bench_spot_check(struct ocl_gemm_bench *bench,
                                          const struct ocl_gemm_candidate *candidate,
                                          const struct ocl_gemm_shape *s, bool *right)
{
    const int64_t rows = s->m < SPOT_ROWS ? s->m : SPOT_ROWS, bytes = s->n * 4;
    const int64_t step = s->n / SPOT_COLUMNS + 1;
    enum clb_status status;
    CLB_TRY(run(bench, candidate, s, CLB_F32, false, 1));
    for (int64_t r = 0; r < rows && *right; r++) {
        const int64_t i = rows > 1 ? r * (s->m - 1) / (rows - 1) : 0; /* the first to the last */
        CLB_TRY(read_result(bench, i * bytes, bytes));
        for (int64_t j = s->n - 1; j >= 0 && *right; j -= step)
            *right = element_right(bench, s, CLB_F32, false, i, j, got_at(bench, CLB_F32, j));
    }
cleanup:
    return status;
}

/* ---- timing ---- */

enum clb_status ocl_gemm_bench_time(struct ocl_gemm_bench *bench,
                                    const struct ocl_gemm_candidate *candidate,
                                    const struct ocl_gemm_shape *shape, double expected,
                                    double *gflops)
{
    const double gflop = ocl_gemm_gflop(shape);
    const int times = (int)fmax(1.0, fmin(QUEUED, together * expected / gflop));
    double best = INFINITY;
    enum clb_status status = CLB_OK;
    for (int i = 0; i < 2 && status == CLB_OK; i++) {
        const double begin = base_seconds();
        status = run(bench, candidate, shape, CLB_F32, false, times);
        best = fmin(best, (base_seconds() - begin) / times);
    }
    *gflops = gflop / fmax(best, 1e-9);
    return status;
}
