/* SPDX-License-Identifier: Apache-2.0 */
/* Softmax and cross-entropy of rows of logits x [R, V] against labels, and its gradient in place:
 *
 *   m = max x;   s = sum of exp(x[c] - m)
 *   loss = -log softmax(x)[label] = log s + m - x[label]
 *   hit  = the first largest logit is at the label
 *   x[c] = (exp(x[c] - m) / s - (c == label)) * gradient_scale      where gradient_scale is not 0
 *
 * cross_entropy: a work-group takes row r. V is a vocabulary (30000 or so) and the row is walked
 * three times: for m, for s and for the gradient. m is subtracted so that exp does not overflow.
 * The maximum is taken before the label and behind it:
 *
 *     x: [ ....... before ....... | label | ....... behind ....... ]
 *
 *     hit = before < x[label] && behind <= x[label]      the first of equals, without indices
 *
 * and row_sums[r] = (loss, hit). loss_sums: work-group 0 adds up the losses, work-group 1 the hits,
 * by Kahan's method in every work-item: `lost` is what the last addition rounded away. Which
 * work-item adds which row follows from R and GROUP alone: a fixed order.
 * Workspace: 2 R floats; local memory: GROUP floats. */

/* The largest of x[begin .. end - 1]; this work-item's share. */
static inline float range_max(const global float *x, long begin, long end)
{
    vec row_max = (vec)(-INFINITY);
    FOR_COLUMNS(c, end - begin)
        row_max = fmax(row_max, load_or(x + begin + c, end - begin - c, -INFINITY));
    return max_lanes(row_max);
}

ROW_KERNEL cross_entropy(global float *row_sums, global float *logits, const global int *labels,
                         long columns, float gradient_scale)
{
    SHARED(shared);
    const long r = (long)get_group_id(0);
    const int label = labels[r];
    global float *x = logits + r * columns;
    const float before = group_max(range_max(x, 0, label), shared);
    const float behind = group_max(range_max(x, label + 1, columns), shared);
    const float at_label = x[label];
    const float row_max = fmax(at_label, fmax(before, behind));
    vec total = (vec)(0.0f);
    FOR_COLUMNS(c, columns)
        total += exp(load_or(x + c, columns - c, -INFINITY) - row_max);
    const float sum = group_sum(sum_lanes(total), shared);
    if (get_local_id(0) == 0) {
        row_sums[2 * r] = log(sum) + (row_max - at_label);
        row_sums[2 * r + 1] = before < at_label && behind <= at_label ? 1.0f : 0.0f;
    }
#if GROUP > 1
    barrier(CLK_GLOBAL_MEM_FENCE); /* everyone has read x[label] */
#endif
    if (gradient_scale == 0.0f) return;
    const float factor = gradient_scale / sum;
    FOR_COLUMNS(c, columns) {
        const vec one_hot = select((vec)(0.0f), (vec)(gradient_scale), LANES == (int)(label - c));
        store_part(exp(load_part(x + c, columns - c) - row_max) * factor - one_hot, x + c,
                   columns - c);
    }
}

/* sums[0] += losses, sums[1] += hits. */
ROW_KERNEL loss_sums(global float *sums, const global float *row_sums, long rows)
{
    SHARED(shared);
    const int which = (int)get_group_id(0);
    float sum = 0.0f, lost = 0.0f;
    for (long r = (long)get_local_id(0); r < rows; r += GROUP) {
        const float term = row_sums[2 * r + which] - lost, next = sum + term;
        lost = (next - sum) - term;
        sum = next;
    }
    sum = group_sum(sum, shared);
    if (get_local_id(0) == 0) sums[which] += sum;
}
