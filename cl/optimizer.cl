/* SPDX-License-Identifier: Apache-2.0 */
/* Optimisers over the parameter arena: weights w, gradients g, moments m and v of all tensors, one
 * behind the other, each from a block of CLB_BLOCK elements on:
 *
 *     w: | block 0 | block 1 | block 2 | ...        decay d and rate of element e:
 *        '---- tensor 0 ----' '- tensor 1 ...       decay, rates[block_segment[e / CLB_BLOCK]]
 *
 *   c = min(1, max_norm / norm of g);   g' = c g
 *   m = b1 m + (1 - b1) g';   v = b2 v + (1 - b2) g'^2
 *   s = correction1 m / (sqrt(correction2 v) + eps)           correction = 1 / (1 - b^step), or 1
 *
 *   adamw      w -= rate (d w + s)
 *              rate = the learning rate times that of the tensor
 *   bert_adam  the same, without corrections
 *   LAMB       u = s + d w;   w -= rate (|w| / |u|) u, norms by tensor, the ratio 1 where one is 0
 *
 * adamw, bert_adam: FLAT elements a work-item; W divides CLB_BLOCK, so a vector is of one tensor.
 * LAMB in three kernels: lamb_update, a work-group a block, puts u where g was and the block's two
 * squares into norms[block]; lamb_ratios, a work-group a tensor, adds those of its blocks;
 * lamb_apply steps. Workspace: norms [blocks, 2], then from `offset` a ratio for each tensor. Which
 * work-item adds which block follows from the arena and GROUP alone: a fixed order.
 *
 * Where the sum of squares of g (grad_square) is not finite nothing changes, no moment either. */
#if CLB_BLOCK % W || (CLB_BLOCK % FLAT && FLAT % CLB_BLOCK)
#error "a vector would be of several tensors"
#endif

/* What the gradients are multiplied by: their norm at most max_norm. */
static inline float clip(float square, float max_norm)
{
    const float norm = sqrt(square);
    return max_norm > 0.0f && norm > max_norm ? max_norm / norm : 1.0f;
}

/* m and v of W elements become those of this step; returns s. */
static inline vec update_moments(global float *m, global float *v, vec gradient, float beta1,
                                 float beta2, float eps, float correction1, float correction2)
{
    const vec m_new = beta1 * LOAD(0, m) + (1.0f - beta1) * gradient;
    const vec v_new = beta2 * LOAD(0, v) + (1.0f - beta2) * gradient * gradient;
    STORE(m_new, 0, m);
    STORE(v_new, 0, v);
    return m_new * correction1 / (sqrt(v_new * correction2) + eps);
}

kernel void adamw(global float *w, global float *g, global float *m, global float *v,
                  const global float *grad_square, const global int *block_segment,
                  const global float *decay, const global float *rates, long count, float base,
                  float beta1, float beta2, float eps, float max_norm, float correction1,
                  float correction2)
{
    if (!isfinite(grad_square[0])) return;
    const float factor = clip(grad_square[0], max_norm);
    FOR_ELEMENTS(e, count) {
        const int segment = block_segment[e / CLB_BLOCK];
        const float d = decay[segment], rate = base * rates[segment];
        const vec old = LOAD(0, w + e);
        const vec step = update_moments(m + e, v + e, LOAD(0, g + e) * factor, beta1, beta2, eps,
                                        correction1, correction2);
        STORE(old - rate * d * old - rate * step, 0, w + e);
    }
}

kernel void bert_adam(global float *w, global float *g, global float *m, global float *v,
                      const global float *grad_square, const global int *block_segment,
                      const global float *decay, const global float *rates, long count, float base,
                      float beta1, float beta2, float eps, float max_norm, float correction1,
                      float correction2)
{
    if (!isfinite(grad_square[0])) return;
    const float factor = clip(grad_square[0], max_norm);
    FOR_ELEMENTS(e, count) {
        const int segment = block_segment[e / CLB_BLOCK];
        const float d = decay[segment], rate = base * rates[segment];
        const vec old = LOAD(0, w + e);
        const vec step = update_moments(m + e, v + e, LOAD(0, g + e) * factor, beta1, beta2, eps,
                                        correction1, correction2);
        STORE(old - rate * (step + d * old), 0, w + e);
    }
}

/* g becomes u; norms[2 b], [2 b + 1] = squares of w and of u in block b. */
ROW_KERNEL lamb_update(global float *w, global float *g, global float *m, global float *v,
                       const global float *grad_square, const global int *block_segment,
                       const global float *decay, const global float *rates, long count,
                       float base, float beta1, float beta2, float eps, float max_norm,
                       float correction1, float correction2, global float *norms)
{
    SHARED(shared);
    const long block = (long)get_group_id(0), begin = block * CLB_BLOCK;
    const int finite = isfinite(grad_square[0]);
    vec w_square = (vec)(0.0f), u_square = (vec)(0.0f);
    const float factor = clip(grad_square[0], max_norm);
    FOR_COLUMNS(c, finite ? CLB_BLOCK : 0) {
        const long e = begin + c;
        const float d = decay[block_segment[block]];
        const vec old = LOAD(0, w + e);
        const vec step = update_moments(m + e, v + e, LOAD(0, g + e) * factor, beta1, beta2, eps,
                                        correction1, correction2);
        const vec u = step + d * old;
        STORE(u, 0, g + e);
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
                       long offset, const global int *block_segment, const global float *rates,
                       const global float *grad_square, long count, float base)
{
    if (!isfinite(grad_square[0])) return;
    FOR_ELEMENTS(e, count) {
        const int segment = block_segment[e / CLB_BLOCK];
        const float rate = base * rates[segment], ratio = norms[offset + segment];
        STORE(LOAD(0, w + e) - rate * ratio * LOAD(0, u + e), 0, w + e);
    }
}
