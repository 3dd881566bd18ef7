/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/error.h"
#include "base/narrow.h"
#include "compute/opencl/ocl_gemm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* No single timed product may be expected to take longer: a candidate that collapses on some driver
 * must not hold up the start. */
static const double patience = 0.1; /* seconds */

static const int64_t checked[][3] = {{37, 45, 29}, {130, 100, 150}};
/* The last is for GPUs: a product of base, which fills the largest. */
static const int64_t timed[][3] = {
    {64, 64, 64}, {256, 256, 128}, {512, 512, 256}, {1024, 768, 768}, {4096, 768, 768}};
enum {
    CHECKED = sizeof checked / sizeof *checked,
    TIMED = sizeof timed / sizeof *timed,
    QUEUED = 32, /* at most so many products are timed together, */
};
static const double together =
    0.02; /* of about so many seconds: the wait for them is little then */

struct bench {
    struct ocl_device *device;
    const struct ocl_gemm_candidate *candidate;
    int shapes;             /* of `timed` */
    int64_t elements;       /* of the largest operand */
    float *a, *b, *c, *out; /* [elements] */
    cl_mem a_memory, b_memory, c_memory;
    enum clb_type operands, result;
};

static enum clb_status bench_open(struct bench *bench)
{
    struct clb_random random = {.seed = 1, .purpose = CLB_PURPOSE_TEST};
    float **arrays[] = {&bench->a, &bench->b, &bench->c, &bench->out};
    cl_mem *memories[] = {&bench->a_memory, &bench->b_memory, &bench->c_memory};
    bench->shapes = bench->device->shape->wide ? TIMED - 1 : TIMED;
    bench->elements = timed[bench->shapes - 1][0] * timed[bench->shapes - 1][1];
    const size_t bytes = (size_t)bench->elements * sizeof(float);
    for (int i = 0; i < 4; i++) {
        float *array = malloc(bytes);
        if (!array) return clb_fail(CLB_ERROR_MEMORY, "measuring products: out of memory");
        random.stream = (uint32_t)i;
        for (int64_t e = 0; e < bench->elements; e++)
            array[e] = clb_uniform_from_bits(clb_random_u32(random, (uint64_t)e)) - 0.5f;
        *arrays[i] = array;
    }
    for (int i = 0; i < 3; i++) {
        cl_int error;
        *memories[i] =
            clCreateBuffer(bench->device->context, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, bytes,
                           *arrays[i], &error);
        enum clb_status status = ocl_check(bench->device, error, "allocate for measuring products");
        if (status != CLB_OK) return status;
    }
    return CLB_OK;
}

static void bench_close(struct bench *bench)
{
    const cl_mem memories[] = {bench->a_memory, bench->b_memory, bench->c_memory};
    clFinish(bench->device->queue);
    for (int i = 0; i < 3; i++)
        if (memories[i]) clReleaseMemObject(memories[i]);
    free(bench->a);
    free(bench->b);
    free(bench->c);
    free(bench->out);
}

/* So many times, and one wait. */
static enum clb_status run(struct bench *bench, enum ocl_gemm_kind kind, const int64_t shape[3],
                           bool accumulate, int times)
{
    struct ocl_product product = {kind,
                                  shape[0],
                                  shape[1],
                                  shape[2],
                                  bench->a_memory,
                                  bench->b_memory,
                                  bench->c_memory,
                                  accumulate,
                                  bench->operands,
                                  bench->result};
    enum clb_status status = CLB_OK;
    for (int i = 0; i < times && status == CLB_OK; i++)
        status = bench->candidate->run(bench->device, bench->candidate->tile, &product);
    return status == CLB_OK ? ocl_finish(&bench->device->base) : status;
}

/* ---- comparing ---- */

/* Rounds numbers to a type and gives them as they lie in a device's memory; `to` may be behind
 * them, but not overlap. */
static void narrow(enum clb_type type, float *x, int64_t count, uint16_t *to)
{
    for (int64_t i = 0; i < count; i++) {
        to[i] = type == CLB_BF16 ? base_bf16_of(x[i]) : base_fp16_of(x[i]);
        x[i] = type == CLB_BF16 ? base_bf16_widen(to[i]) : base_fp16_widen(to[i]);
    }
}

/* In place. */
static void widen(enum clb_type type, float *x, int64_t count)
{
    for (int64_t i = count - 1; i >= 0; i--) {
        uint16_t bits;
        memcpy(&bits, (const char *)x + 2 * i, 2);
        x[i] = type == CLB_BF16 ? base_bf16_widen(bits) : base_fp16_widen(bits);
    }
}

static enum clb_status reduce_operands(struct bench *bench)
{
    float *const arrays[] = {bench->a, bench->b};
    const cl_mem memories[] = {bench->a_memory, bench->b_memory};
    enum clb_status status = CLB_OK;
    for (int i = 0; i < 2; i++) {
        narrow(bench->operands, arrays[i], bench->elements, (uint16_t *)bench->out);
        CLB_TRY(ocl_write(&bench->device->base, memories[i], bench->out, 2 * bench->elements));
    }
cleanup:
    return status;
}

/* Whether element (i, j) is within the rounding of a sum of k terms, and of a reduced result. */
static bool element_right(const struct bench *bench, enum ocl_gemm_kind kind,
                          const int64_t shape[3], bool accumulate, int64_t i, int64_t j)
{
    const int64_t m = shape[0], n = shape[1], k = shape[2];
    double sum = accumulate ? bench->c[i * n + j] : 0.0, absolute = fabs(sum);
    for (int64_t d = 0; d < k; d++) {
        const double a = kind == OCL_GEMM_TN ? bench->a[d * m + i] : bench->a[i * k + d];
        const double b = kind == OCL_GEMM_NT ? bench->b[j * k + d] : bench->b[d * n + j];
        sum += a * b;
        absolute += fabs(a * b);
    }
    const double unit = bench->result == CLB_F32    ? 0.0
                        : bench->result == CLB_BF16 ? 0x1p-8
                                                    : 0x1p-11;
    return fabs(bench->out[i * n + j] - sum) <=
           0x1p-24 * (4.0 + 2.0 * sqrt((double)k)) * absolute + unit * fabs(sum);
}

static enum clb_status check(struct bench *bench, enum ocl_gemm_kind kind, const int64_t shape[3],
                             bool accumulate, bool *right)
{
    const int64_t count = shape[0] * shape[1], bytes = count * clb_type_size(bench->result);
    const bool reduced = bench->result != CLB_F32;
    struct clb_device *device = &bench->device->base;
    enum clb_status status;
    if (reduced) narrow(bench->result, bench->c, count, (uint16_t *)bench->out);
    CLB_TRY(ocl_write(device, bench->c_memory, reduced ? bench->out : bench->c, bytes));
    CLB_TRY(run(bench, kind, shape, accumulate, 1));
    CLB_TRY(ocl_read(device, bench->c_memory, bench->out, bytes));
    if (reduced) widen(bench->result, bench->out, count);
    for (int64_t i = 0; i < shape[0] && *right; i++)
        for (int64_t j = 0; j < shape[1] && *right; j++)
            *right = element_right(bench, kind, shape, accumulate, i, j);
cleanup:
    return status;
}

/* Every kind as the operations use it, at shapes that end in the middle of every tile. */
static enum clb_status check_all(struct bench *bench, bool *right)
{
    enum clb_status status = CLB_OK;
    *right = true;
    for (int s = 0; s < CHECKED; s++) {
        CLB_TRY(check(bench, OCL_GEMM_NT, checked[s], false, right));
        CLB_TRY(check(bench, OCL_GEMM_NN, checked[s], false, right));
        CLB_TRY(check(bench, OCL_GEMM_NN, checked[s], true, right));
        CLB_TRY(check(bench, OCL_GEMM_TN, checked[s], true, right));
    }
cleanup:
    return status;
}

/* Elements of a product too large to check whole: one in a thousand or so. */
static enum clb_status spot_check(struct bench *bench, enum ocl_gemm_kind kind,
                                  const int64_t shape[3], bool *right)
{
    const int64_t m = shape[0], n = shape[1];
    enum clb_status status;
    CLB_TRY(run(bench, kind, shape, false, 1));
    CLB_TRY(ocl_read(&bench->device->base, bench->c_memory, bench->out,
                     m * n * (int64_t)sizeof(float)));
    for (int64_t e = 0; e < m * n && *right; e += 977)
        *right = element_right(bench, kind, shape, false, e / n, e % n);
cleanup:
    return status;
}

static enum clb_status time_kind(struct bench *bench, enum ocl_gemm_kind kind, double *gflops,
                                 bool *right)
{
    enum clb_status status = CLB_OK;
    *gflops = 0.0;
    for (int s = 0; s < bench->shapes && *right; s++) {
        const double gflop = 2e-9 * (double)(timed[s][0] * timed[s][1] * timed[s][2]);
        const int times = (int)fmax(1.0, fmin(QUEUED, together * *gflops / gflop));
        double best = INFINITY;
        if (*gflops > 0.0 && gflop / *gflops > patience) break;
        CLB_TRY(spot_check(bench, kind, timed[s], right));
        for (int i = 0; i < 3; i++) {
            const double begin = base_seconds();
            CLB_TRY(run(bench, kind, timed[s], false, times));
            best = fmin(best, (base_seconds() - begin) / times);
        }
        *gflops = gflop / fmax(best, 1e-9);
    }
cleanup:
    return status;
}

enum clb_status ocl_gemm_measure(struct ocl_device *device,
                                 const struct ocl_gemm_candidate *candidate,
                                 struct ocl_gemm_result *result)
{
    struct bench bench = {.device = device, .candidate = candidate};
    bool right = false;
    enum clb_status status;
    *result = (struct ocl_gemm_result){.wrong = false};
    CLB_TRY(bench_open(&bench));
    CLB_TRY(check_all(&bench, &right));
    for (int kind = 0; kind < OCL_GEMM_KINDS && right; kind++)
        CLB_TRY(time_kind(&bench, kind, &result->gflops[kind], &right));
    result->wrong = !right;
cleanup:
    bench_close(&bench);
    return status;
}

/* Reduced operands with results of both kinds. */
enum clb_status ocl_gemm_check(struct ocl_device *device,
                               const struct ocl_gemm_candidate *candidate, enum clb_type operands,
                               bool *right)
{
    struct bench bench = {.device = device, .candidate = candidate, .operands = operands};
    enum clb_status status;
    CLB_TRY(bench_open(&bench));
    if (operands != CLB_F32) CLB_TRY(reduce_operands(&bench));
    CLB_TRY(check_all(&bench, right));
    bench.result = operands;
    if (operands != CLB_F32 && *right) CLB_TRY(check_all(&bench, right));
cleanup:
    bench_close(&bench);
    return status;
}
