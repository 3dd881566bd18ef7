/* SPDX-License-Identifier: Apache-2.0 */
/* Attention, one task a sequence and head; the formulas are those of the public header:
 *
 *   s = scale q k^T,   scale = 1 / sqrt(D)
 *   p = softmax(s) by row,   lse = log-sum-exp of a row of s
 *   out = (keep p) v                                           keep: dropout's factors
 *
 *   delta = row sums of d_out out                              backward
 *   d_s = scale p (keep (d_out v^T) - delta)
 *   d_v = (keep p)^T d_out,   d_k = d_s^T q,   d_q = d_s k
 *
 *              keys
 *             +-----------------+        QUERIES rows of scores at a time: [QUERIES, stride] in
 *    queries  |  block, then    |        L2, stride being the length in whole vectors. A whole row
 *             |  the next one   |        is there at once, so softmax needs no going on from a
 *             +-----------------+        maximum so far, as the online softmax of cl/attention.cl.
 *
 * As in FlashAttention (Dao et al., 2022) neither scores nor masks are kept for backward: it
 * computes a block's p again from lse, and the mask from Philox's counters. d_q of a block is
 * written, d_k and d_v of all keys are added up block after block by the same task: a fixed order
 * for any number of threads. The products are the serial ones of cpu_gemm.c. */
#include "compute/cpu/cpu_kernels.h"
#include "compute/cpu/cpu_types.h"
#include "compute/cpu/cpu_vector.h"

enum { QUERIES = CPU_QUERIES };

struct attention {
    const struct clb_tensor *qkv, *out, *d_out, *d_qkv;
    float *lse;
    const int32_t *cu_seqlens;
    int64_t tokens, hidden, heads, head_size, sequences, max_seqlen;
    float scale;
    struct clb_dropout dropout;
};

/* One sequence and head. */
struct task {
    int64_t first, length, head;
    float *q, *k, *v, *d_q, *d_k, *d_v, *out, *d_out; /* [length, D] */
    int64_t qkv_row, d_qkv_row, out_row, d_out_row;   /* from one row of them to the next */
    int64_t stride; /* of a row of scores: the length rounded up to whole vectors */
};

/* A thread's scratch. */
struct scratch {
    float *scores, *gradient; /* [QUERIES, stride] */
    float *factors;           /* [stride] of dropout */
    float *wide;              /* [8, length, D]: a task's tensors in fp32, if they are not */
    float *gemm;
};

static int64_t row_stride(int64_t length)
{
    return (length + CPU_LANES - 1) / CPU_LANES * CPU_LANES;
}

static int64_t gemm_floats(int64_t length, int64_t head_size)
{
    int64_t sizes[] = {cpu_gemm_scratch(QUERIES, length, head_size),
                       cpu_gemm_scratch(QUERIES, head_size, length),
                       cpu_gemm_scratch(length, head_size, QUERIES)};
    int64_t most = sizes[0];
    for (int i = 1; i < 3; i++) most = sizes[i] > most ? sizes[i] : most;
    return row_stride(most);
}

static int64_t wide_floats(const struct attention *a)
{
    return a->qkv->type == CLB_F32 ? 0 : row_stride(8 * a->max_seqlen * a->head_size);
}

static int64_t scratch_floats(const struct attention *a)
{
    return (2 * QUERIES + 1) * row_stride(a->max_seqlen) + wide_floats(a) +
           gemm_floats(a->max_seqlen, a->head_size) + 64;
}

static struct scratch thread_scratch(const struct attention *a, float *all, int thread)
{
    const int64_t stride = row_stride(a->max_seqlen);
    struct scratch s;
    s.scores = all + thread * row_stride(scratch_floats(a));
    s.gradient = s.scores + QUERIES * stride;
    s.factors = s.gradient + QUERIES * stride;
    s.wide = s.factors + stride;
    s.gemm = s.wide + wide_floats(a);
    return s;
}

/* One head's part of a task's rows, which is read or written. */
struct part {
    const struct clb_tensor *tensor;
    enum clb_type type; /* of the numbers: as they are taken, or as they are put into memory */
    bool read;
    int64_t column; /* where the head's begin */
    float *wide;    /* where they are as fp32, if the tensor's own are not */
};

static void *part_row(const struct task *t, const struct part *p, int64_t row)
{
    return cpu_element(p->tensor->memory, p->type,
                       (t->first + row) * p->tensor->columns + p->column);
}

/* Where the part is to be read and written as fp32, and how far apart its rows are. */
static float *open_part(const struct attention *a, const struct task *t, const struct part *p,
                        int64_t *row_stride)
{
    const bool is_wide = p->type == CLB_F32;
    *row_stride = is_wide ? p->tensor->columns : a->head_size;
    for (int64_t row = 0; row < t->length && p->read && !is_wide; row++)
        cpu_take(p->wide + row * a->head_size, part_row(t, p, row), p->type, a->head_size);
    return is_wide ? part_row(t, p, 0) : p->wide;
}

static void round_part(const struct attention *a, const struct task *t, const struct part *p)
{
    for (int64_t row = 0; row < t->length && p->type != CLB_F32; row++)
        cpu_narrow(part_row(t, p, row), p->type, p->wide + row * a->head_size, a->head_size);
}

enum { Q, K, V, D_Q, D_K, D_V, OUT, D_OUT, PARTS };

static struct part part_of(const struct attention *a, const struct task *t, const struct scratch *s,
                           int part)
{
    const struct clb_tensor *tensor = part <= V     ? a->qkv
                                      : part <= D_V ? a->d_qkv
                                      : part == OUT ? a->out
                                                    : a->d_out;
    const bool forward = !a->d_qkv, read = part <= V || (!forward && part >= OUT);
    const enum clb_type type = tensor ? tensor->type : CLB_F32;
    const int64_t third = part < OUT ? part % 3 : 0;
    return (struct part){tensor, read ? type : clb_type_stored(type), read,
                         third * a->hidden + t->head * a->head_size,
                         s->wide + part * a->max_seqlen * a->head_size};
}

static struct task task_of(const struct attention *a, int64_t number, const struct scratch *s)
{
    const int64_t b = number / a->heads;
    struct task t = {.first = a->cu_seqlens[b], .head = number % a->heads};
    t.length = a->cu_seqlens[b + 1] - t.first;
    t.stride = row_stride(t.length);
    float **const parts[PARTS] = {&t.q, &t.k, &t.v, &t.d_q, &t.d_k, &t.d_v, &t.out, &t.d_out};
    int64_t *const strides[PARTS] = {&t.qkv_row,   &t.qkv_row,   &t.qkv_row, &t.d_qkv_row,
                                     &t.d_qkv_row, &t.d_qkv_row, &t.out_row, &t.d_out_row};
    for (int i = 0; i < PARTS; i++) {
        const struct part part = part_of(a, &t, s, i);
        if (part.tensor) *parts[i] = open_part(a, &t, &part, strides[i]);
    }
    return t;
}

static void end_task(const struct attention *a, const struct task *t, const struct scratch *s)
{
    const bool forward = !a->d_qkv;
    for (int i = forward ? OUT : D_Q; i <= (forward ? OUT : D_V); i++) {
        const struct part part = part_of(a, t, s, i);
        round_part(a, t, &part);
    }
}

/* c[m, n] = a b^T, b of the task's keys or values: scores, and the gradient of probabilities. */
static void multiply_transposed(const struct attention *a, const struct task *t, const float *left,
                                int64_t left_row, int64_t rows, const float *right, float *c,
                                float padding, float *gemm)
{
    const struct cpu_product product = {.m = rows,
                                        .n = t->length,
                                        .k = a->head_size,
                                        .a = left,
                                        .a_row = left_row,
                                        .a_column = 1,
                                        .b = right,
                                        .b_row = 1,
                                        .b_column = t->qkv_row,
                                        .c = c,
                                        .c_row = t->stride};
    cpu_gemm_serial(&product, gemm);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = t->length; j < t->stride; j++) c[i * t->stride + j] = padding;
}

/* c[rows, head_size] = probabilities times the task's keys or values. */
static void multiply_rows(const struct attention *a, const struct task *t,
                          const float *probabilities, int64_t rows, const float *right, float *c,
                          int64_t c_row, float *gemm)
{
    const struct cpu_product product = {.m = rows,
                                        .n = a->head_size,
                                        .k = t->length,
                                        .a = probabilities,
                                        .a_row = t->stride,
                                        .a_column = 1,
                                        .b = right,
                                        .b_row = t->qkv_row,
                                        .b_column = 1,
                                        .c = c,
                                        .c_row = c_row};
    cpu_gemm_serial(&product, gemm);
}

/* c[length, head_size] (+)= probabilities^T times the block's rows of `right`. */
static void add_transposed(const struct attention *a, const struct task *t,
                           const float *probabilities, int64_t rows, const float *right,
                           int64_t right_row, float *c, bool accumulate, float *gemm)
{
    const struct cpu_product product = {.m = t->length,
                                        .n = a->head_size,
                                        .k = rows,
                                        .a = probabilities,
                                        .a_row = 1,
                                        .a_column = t->stride,
                                        .b = right,
                                        .b_row = right_row,
                                        .b_column = 1,
                                        .c = c,
                                        .c_row = t->d_qkv_row,
                                        .accumulate = accumulate};
    cpu_gemm_serial(&product, gemm);
}

/* Dropout factors of a query row's keys; true where there is dropout. */
static bool row_factors(const struct attention *a, const struct task *t, int64_t query,
                        float *factors)
{
    if (a->dropout.probability == 0.0f) return false;
    const uint64_t row = (uint64_t)(t->head * a->tokens + t->first + query);
    for (int64_t j = 0; j < t->length; j += CPU_DROPOUT_CHUNK) {
        int64_t n = t->length - j < CPU_DROPOUT_CHUNK ? t->length - j : CPU_DROPOUT_CHUNK;
        cpu_dropout_factors(a->dropout, row * CLB_MAX_SEQLEN + (uint64_t)j, n, factors + j);
    }
    for (int64_t j = t->length; j < t->stride; j++) factors[j] = 0.0f;
    return true;
}

/* ---- forward ---- */

/* Scores become probabilities (after dropout); gives log-sum-exp of the scaled scores. */
static float softmax_row(float *row, int64_t stride, float scale, const float *factors)
{
    cpu_vec largest = vec_load(row), sum = {0};
    for (int64_t j = CPU_LANES; j < stride; j += CPU_LANES)
        largest = vec_max(vec_load(row + j), largest);
    const float most = scale * vec_largest(largest);
    for (int64_t j = 0; j < stride; j += CPU_LANES) {
        cpu_vec e = vec_exp(vec_load(row + j) * scale - most);
        vec_store(row + j, e);
        sum += e;
    }
    const float total = vec_sum(sum), factor = 1.0f / total;
    for (int64_t j = 0; j < stride; j += CPU_LANES) {
        cpu_vec p = vec_load(row + j) * factor;
        vec_store(row + j, factors ? p * vec_load(factors + j) : p);
    }
    return most + logf(total);
}

static void forward_task(const struct attention *a, const struct task *t, const struct scratch *s)
{
    for (int64_t q0 = 0; q0 < t->length; q0 += QUERIES) {
        const int64_t rows = t->length - q0 < QUERIES ? t->length - q0 : QUERIES;
        multiply_transposed(a, t, t->q + q0 * t->qkv_row, t->qkv_row, rows, t->k, s->scores,
                            -INFINITY, s->gemm);
        for (int64_t i = 0; i < rows; i++) {
            const float *factors = row_factors(a, t, q0 + i, s->factors) ? s->factors : NULL;
            a->lse[t->head * a->tokens + t->first + q0 + i] =
                softmax_row(s->scores + i * t->stride, t->stride, a->scale, factors);
        }
        multiply_rows(a, t, s->scores, rows, t->v, t->out + q0 * t->out_row, t->out_row, s->gemm);
    }
}

/* ---- backward ---- */

static float row_dot(const float *x, const float *y, int64_t n)
{
    float sum = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i] * y[i];
    return sum;
}

/* In: scores and the gradient of the dropped probabilities. Out: the dropped probabilities in
 * `scores`, the gradient of the unscaled scores in `gradient`. */
static void backward_row(float *scores, float *gradient, int64_t stride, float scale, float lse,
                         float delta, const float *factors)
{
    for (int64_t j = 0; j < stride; j += CPU_LANES) {
        cpu_vec p = vec_exp(vec_load(scores + j) * scale - lse), g = vec_load(gradient + j);
        cpu_vec kept = p;
        if (factors) {
            cpu_vec factor = vec_load(factors + j);
            kept = p * factor;
            g = g * factor;
        }
        vec_store(scores + j, kept);
        vec_store(gradient + j, p * (g - delta) * scale);
    }
}

static void backward_task(const struct attention *a, const struct task *t, const struct scratch *s)
{
    for (int64_t q0 = 0; q0 < t->length; q0 += QUERIES) {
        const int64_t rows = t->length - q0 < QUERIES ? t->length - q0 : QUERIES;
        const float *q = t->q + q0 * t->qkv_row, *d_out = t->d_out + q0 * t->d_out_row;
        const float *out = t->out + q0 * t->out_row;
        multiply_transposed(a, t, q, t->qkv_row, rows, t->k, s->scores, -INFINITY, s->gemm);
        multiply_transposed(a, t, d_out, t->d_out_row, rows, t->v, s->gradient, 0.0f, s->gemm);
        for (int64_t i = 0; i < rows; i++) {
            const float *factors = row_factors(a, t, q0 + i, s->factors) ? s->factors : NULL;
            const float delta =
                row_dot(d_out + i * t->d_out_row, out + i * t->out_row, a->head_size);
            backward_row(s->scores + i * t->stride, s->gradient + i * t->stride, t->stride,
                         a->scale, a->lse[t->head * a->tokens + t->first + q0 + i], delta, factors);
        }
        add_transposed(a, t, s->scores, rows, d_out, t->d_out_row, t->d_v, q0 > 0, s->gemm);
        add_transposed(a, t, s->gradient, rows, q, t->qkv_row, t->d_k, q0 > 0, s->gemm);
        multiply_rows(a, t, s->gradient, rows, t->k, t->d_q + q0 * t->d_qkv_row, t->d_qkv_row,
                      s->gemm);
    }
}

/* ---- both ---- */

static struct attention attention_of(const struct clb_tensor *out, const struct clb_tensor *lse,
                                     const struct clb_tensor *qkv,
                                     const struct clb_tensor *cu_seqlens, int64_t max_seqlen,
                                     int64_t heads, struct clb_dropout dropout)
{
    const int64_t head_size = out->columns / heads;
    return (struct attention){.qkv = qkv,
                              .out = out,
                              .lse = cpu_floats(lse),
                              .cu_seqlens = cpu_ints(cu_seqlens),
                              .tokens = out->rows,
                              .hidden = out->columns,
                              .heads = heads,
                              .head_size = head_size,
                              .sequences = cu_seqlens->rows - 1,
                              .max_seqlen = max_seqlen,
                              .scale = 1.0f / sqrtf((float)head_size),
                              .dropout = dropout};
}

struct job {
    const struct attention *attention;
    float *scratch; /* of all threads */
    void (*run)(const struct attention *, const struct task *, const struct scratch *);
};

static void run_range(const void *context, int64_t begin, int64_t end, int thread)
{
    const struct job *job = context;
    const struct scratch scratch = thread_scratch(job->attention, job->scratch, thread);
    for (int64_t number = begin; number < end; number++) {
        const struct task task = task_of(job->attention, number, &scratch);
        job->run(job->attention, &task, &scratch);
        end_task(job->attention, &task, &scratch);
    }
}

static enum clb_status run_tasks(struct clb_device *device, const struct attention *a,
                                 void (*run)(const struct attention *, const struct task *,
                                             const struct scratch *))
{
    const int threads = cpu_threads(device);
    float *all =
        cpu_workspace(device, CPU_WORKSPACE_THREADS, threads * row_stride(scratch_floats(a)));
    if (!all) return CLB_ERROR_MEMORY;
    const struct job job = {a, all, run};
    cpu_parallel(device, a->sequences * a->heads, 1, run_range, &job);
    return CLB_OK;
}

enum clb_status
CPU_RENAMED(attention_forward)(const struct clb_tensor *out, const struct clb_tensor *lse,
                               const struct clb_tensor *qkv, const struct clb_tensor *cu_seqlens,
                               int64_t max_seqlen, int64_t heads, struct clb_dropout dropout)
{
    struct clb_device *device = out->device;
    const struct attention a = attention_of(out, lse, qkv, cu_seqlens, max_seqlen, heads, dropout);
    return run_tasks(device, &a, forward_task);
}

enum clb_status
CPU_RENAMED(attention_backward)(const struct clb_tensor *d_qkv, const struct clb_tensor *d_out,
                                const struct clb_tensor *out, const struct clb_tensor *lse,
                                const struct clb_tensor *qkv, const struct clb_tensor *cu_seqlens,
                                int64_t max_seqlen, int64_t heads, struct clb_dropout dropout)
{
    struct clb_device *device = d_qkv->device;
    struct attention a = attention_of(out, lse, qkv, cu_seqlens, max_seqlen, heads, dropout);
    a.d_out = d_out;
    a.d_qkv = d_qkv;
    return run_tasks(device, &a, backward_task);
}
