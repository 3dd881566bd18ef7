/* SPDX-License-Identifier: Apache-2.0 */
/* The optimisers: one pass over all parameters, block by block, each block of one tensor. */
#include "compute/cpu/cpu_kernels.h"
#include "compute/cpu/cpu_vector.h"

struct update {
    float *w, *g, *m, *v;
    const int32_t *block_segment;
    const float *decay, *rates; /* of every segment */
    int64_t blocks;
    float clip, learning_rate, beta1, beta2, epsilon;
    float correct1, correct2; /* 1 / (1 - beta^step) */
};

/* False where the gradient is not finite: nothing is to change. */
static bool prepare(struct update *u, const struct clb_tensor *w, const struct clb_tensor *g,
                    const struct clb_tensor *m, const struct clb_tensor *v,
                    const struct clb_tensor *grad_square, const struct clb_segments *segments,
                    const struct clb_optimizer_step *step)
{
    const float norm = sqrtf(*cpu_floats(grad_square));
    if (!isfinite(norm)) return false;
    const bool clipped = step->max_grad_norm > 0 && norm > step->max_grad_norm;
    *u = (struct update){
        .w = cpu_floats(w),
        .g = cpu_floats(g),
        .m = cpu_floats(m),
        .v = cpu_floats(v),
        .block_segment = cpu_ints(&segments->block_segment),
        .decay = cpu_floats(&segments->decay),
        .rates = cpu_floats(&segments->rate),
        .blocks = w->rows / CLB_BLOCK,
        .clip = clipped ? step->max_grad_norm / norm : 1.0f,
        .learning_rate = step->learning_rate,
        .beta1 = step->beta1,
        .beta2 = step->beta2,
        .epsilon = step->epsilon,
        .correct1 = (float)(1.0 / (1.0 - pow((double)step->beta1, (double)step->step))),
        .correct2 = (float)(1.0 / (1.0 - pow((double)step->beta2, (double)step->step))),
    };
    return true;
}

static inline cpu_vec vec_sqrt(cpu_vec x)
{
    for (int i = 0; i < CPU_LANES; i++) x[i] = sqrtf(x[i]);
    return x;
}

/* Updates both moments of a vector and gives m / (sqrt(v) + eps), bias-corrected where asked. */
static inline cpu_vec direction(const struct update *u, int64_t at, float correct1, float correct2)
{
    cpu_vec g = vec_load(u->g + at) * u->clip;
    cpu_vec m = u->beta1 * vec_load(u->m + at) + (1.0f - u->beta1) * g;
    cpu_vec v = u->beta2 * vec_load(u->v + at) + (1.0f - u->beta2) * (g * g);
    vec_store(u->m + at, m);
    vec_store(u->v + at, v);
    return (m * correct1) / (vec_sqrt(v * correct2) + u->epsilon);
}

static void adamw_blocks(const void *context, int64_t begin, int64_t end, int thread)
{
    const struct update u = *(const struct update *)context;
    (void)thread;
    for (int64_t block = begin; block < end; block++) {
        const int32_t segment = u.block_segment[block];
        const float rate = u.learning_rate * u.rates[segment];
        const float keep = 1.0f - rate * u.decay[segment];
        for (int64_t at = block * CLB_BLOCK; at < (block + 1) * CLB_BLOCK; at += CPU_LANES) {
            cpu_vec step_by = direction(&u, at, u.correct1, u.correct2);
            vec_store(u.w + at, vec_load(u.w + at) * keep - rate * step_by);
        }
    }
}

enum clb_status CPU_RENAMED(adamw)(const struct clb_tensor *w, const struct clb_tensor *g,
                                   const struct clb_tensor *m, const struct clb_tensor *v,
                                   const struct clb_tensor *grad_square,
                                   const struct clb_segments *segments,
                                   const struct clb_optimizer_step *step)
{
    struct clb_device *device = w->device;
    struct update u;
    if (!prepare(&u, w, g, m, v, grad_square, segments, step)) return CLB_OK;
    cpu_parallel(device, u.blocks, 0, adamw_blocks, &u);
    return CLB_OK;
}

static void bert_adam_blocks(const void *context, int64_t begin, int64_t end, int thread)
{
    const struct update u = *(const struct update *)context;
    (void)thread;
    for (int64_t block = begin; block < end; block++) {
        const int32_t segment = u.block_segment[block];
        const float decay = u.decay[segment], rate = u.learning_rate * u.rates[segment];
        for (int64_t at = block * CLB_BLOCK; at < (block + 1) * CLB_BLOCK; at += CPU_LANES) {
            cpu_vec weight = vec_load(u.w + at);
            cpu_vec step_by = direction(&u, at, 1.0f, 1.0f) + decay * weight;
            vec_store(u.w + at, weight - rate * step_by);
        }
    }
}

enum clb_status CPU_RENAMED(bert_adam)(const struct clb_tensor *w, const struct clb_tensor *g,
                                       const struct clb_tensor *m, const struct clb_tensor *v,
                                       const struct clb_tensor *grad_square,
                                       const struct clb_segments *segments,
                                       const struct clb_optimizer_step *step)
{
    struct clb_device *device = w->device;
    struct update u;
    if (!prepare(&u, w, g, m, v, grad_square, segments, step)) return CLB_OK;
    cpu_parallel(device, u.blocks, 0, bert_adam_blocks, &u);
    return CLB_OK;
}

/* LAMB's first pass: the direction into g, and the squares of |w| and |u| of the block. */
static void lamb_block(const struct update *u, int64_t block, double squares[2])
{
    const float decay = u->decay[u->block_segment[block]];
    cpu_vec w_square = {0}, u_square = {0};
    for (int64_t at = block * CLB_BLOCK; at < (block + 1) * CLB_BLOCK; at += CPU_LANES) {
        cpu_vec weight = vec_load(u->w + at);
        cpu_vec step_by = direction(u, at, u->correct1, u->correct2) + decay * weight;
        vec_store(u->g + at, step_by);
        w_square += weight * weight;
        u_square += step_by * step_by;
    }
    squares[0] = (double)vec_sum(w_square);
    squares[1] = (double)vec_sum(u_square);
}

static float trust_ratio(const double *squares, int32_t first, int32_t last)
{
    double w = 0, u = 0;
    for (int32_t block = first; block < last; block++) {
        w += squares[2 * block];
        u += squares[2 * block + 1];
    }
    return w > 0 && u > 0 ? (float)sqrt(w / u) : 1.0f;
}

struct lamb {
    const struct update *u;
    double *squares;      /* [blocks, 2] */
    const int32_t *first; /* block of every segment, [segments + 1] */
};

static void lamb_blocks(const void *context, int64_t begin, int64_t end, int thread)
{
    const struct lamb *a = context;
    (void)thread;
    for (int64_t block = begin; block < end; block++)
        lamb_block(a->u, block, &a->squares[2 * block]);
}

static void lamb_segments(const void *context, int64_t begin, int64_t end, int thread)
{
    const struct lamb *a = context;
    const struct update u = *a->u;
    (void)thread;
    for (int64_t s = begin; s < end; s++) {
        const int32_t first = a->first[s], last = a->first[s + 1];
        const float rate = u.learning_rate * u.rates[s] * trust_ratio(a->squares, first, last);
        for (int64_t at = (int64_t)first * CLB_BLOCK; at < (int64_t)last * CLB_BLOCK; at++)
            u.w[at] -= rate * u.g[at];
    }
}

enum clb_status CPU_RENAMED(lamb)(const struct clb_tensor *w, const struct clb_tensor *g,
                                  const struct clb_tensor *m, const struct clb_tensor *v,
                                  const struct clb_tensor *grad_square,
                                  const struct clb_segments *segments,
                                  const struct clb_optimizer_step *step)
{
    struct clb_device *device = w->device;
    struct update u;
    if (!prepare(&u, w, g, m, v, grad_square, segments, step)) return CLB_OK;
    double *squares = (double *)cpu_workspace(device, CPU_WORKSPACE_THREADS, 4 * u.blocks);
    if (!squares) return CLB_ERROR_MEMORY;
    const struct lamb a = {&u, squares, cpu_ints(&segments->first_block)};
    cpu_parallel(device, u.blocks, 0, lamb_blocks, &a);
    cpu_parallel(device, segments->decay.rows, 1, lamb_segments, &a);
    return CLB_OK;
}
