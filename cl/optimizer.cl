/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks of 1024 elements belong to one tensor (CLB_BLOCK); W and FLAT divide it, or FLAT is a
 * multiple: what a vector takes is always of one tensor. */
#define BLOCK 1024

/* What the gradients are multiplied by: their norm at most max_norm. */
static inline float clip(float square, float max_norm)
{
    const float norm = sqrt(square);
    return max_norm > 0.0f && norm > max_norm ? max_norm / norm : 1.0f;
}

#define OPTIMIZER                                                                               \
    global float *w, global float *g, global float *m, global float *v,                         \
        const global float *grad_square, const global int *block_segment,                       \
        const global float *decay, long count, float rate, float beta1, float beta2, float eps, \
        float max_norm, float correction1, float correction2

/* Moments at e, updated; correction = 1 / (1 - beta^step), or 1. */
#define MOMENTS(e)                                                                              \
    const float d = decay[block_segment[(e) / BLOCK]];                                          \
    const vec gradient = LOAD(0, g + (e)) * factor;                                             \
    const vec m_new = beta1 * LOAD(0, m + (e)) + (1.0f - beta1) * gradient;                     \
    const vec v_new = beta2 * LOAD(0, v + (e)) + (1.0f - beta2) * gradient * gradient;          \
    const vec old = LOAD(0, w + (e));                                                           \
    const vec step = m_new * correction1 / (sqrt(v_new * correction2) + eps);                   \
    STORE(m_new, 0, m + (e));                                                                   \
    STORE(v_new, 0, v + (e))

kernel void adamw(OPTIMIZER)
{
    if (!isfinite(grad_square[0])) return;
    const float factor = clip(grad_square[0], max_norm);
    FOR_ELEMENTS(e, count) {
        MOMENTS(e);
        STORE(old - rate * d * old - rate * step, 0, w + e);
    }
}

kernel void bert_adam(OPTIMIZER)
{
    if (!isfinite(grad_square[0])) return;
    const float factor = clip(grad_square[0], max_norm);
    FOR_ELEMENTS(e, count) {
        MOMENTS(e);
        STORE(old - rate * (step + d * old), 0, w + e);
    }
}

/* g becomes the update; norms[2 b], [2 b + 1] = squares of w and of the update in block b. Of
 * gradients that are not finite nothing becomes. */
ROW_KERNEL lamb_update(OPTIMIZER, global float *norms)
{
    SHARED(shared);
    const long block = (long)get_group_id(0), begin = block * BLOCK;
    const int finite = isfinite(grad_square[0]);
    vec w_square = (vec)(0.0f), u_square = (vec)(0.0f);
    const float factor = clip(grad_square[0], max_norm);
    FOR_COLUMNS(c, finite ? BLOCK : 0) {
        MOMENTS(begin + c);
        const vec u = step + d * old;
        STORE(u, 0, g + begin + c);
        w_square += old * old;
        u_square += u * u;
    }
    const float w_total = group_sum(sum_lanes(w_square), shared);
    const float u_total = group_sum(sum_lanes(u_square), shared);
    if (get_local_id(0) == 0) {
        norms[2 * block] = w_total;
        norms[2 * block + 1] = u_total;
    }
}

/* ratios[offset + s] = |w| / |u| of segment s, 1 where either is 0. */
ROW_KERNEL lamb_ratios(global float *norms, long offset, const global int *first_block)
{
    SHARED(shared);
    const long s = (long)get_group_id(0), end = first_block[s + 1];
    float w_square = 0.0f, u_square = 0.0f;
    for (long b = first_block[s] + (long)get_local_id(0); b < end; b += GROUP) {
        w_square += norms[2 * b];
        u_square += norms[2 * b + 1];
    }
    w_square = group_sum(w_square, shared);
    u_square = group_sum(u_square, shared);
    if (get_local_id(0) == 0)
        norms[offset + s] = w_square > 0.0f && u_square > 0.0f ? sqrt(w_square / u_square) : 1.0f;
}

kernel void lamb_apply(global float *w, const global float *u, const global float *norms,
                       long offset, const global int *block_segment,
                       const global float *grad_square, long count, float rate)
{
    if (!isfinite(grad_square[0])) return;
    FOR_ELEMENTS(e, count) {
        const float ratio = norms[offset + block_segment[e / BLOCK]];
        STORE(LOAD(0, w + e) - rate * ratio * LOAD(0, u + e), 0, w + e);
    }
}
