/* SPDX-License-Identifier: Apache-2.0 */
/* The largest of x[begin .. end - 1]; this work-item's share. */
static inline float range_max(const global float *x, long begin, long end)
{
    vec largest = (vec)(-INFINITY);
    FOR_COLUMNS(c, end - begin)
        largest = fmax(largest, load_or(x + begin + c, end - begin - c, -INFINITY));
    return max_lanes(largest);
}

/* row_sums[2 r], [2 r + 1] = loss of row r, and 1 where its first largest logit is at the label. */
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
    const float largest = fmax(at_label, fmax(before, behind));
    vec total = (vec)(0.0f);
    FOR_COLUMNS(c, columns)
        total += exp(load_or(x + c, columns - c, -INFINITY) - largest);
    const float sum = group_sum(sum_lanes(total), shared);
    if (get_local_id(0) == 0) {
        row_sums[2 * r] = log(sum) + (largest - at_label);
        row_sums[2 * r + 1] = before < at_label && behind <= at_label ? 1.0f : 0.0f;
    }
#if GROUP > 1
    barrier(CLK_GLOBAL_MEM_FENCE); /* everyone has read x[label] */
#endif
    if (gradient_scale == 0.0f) return;
    const float factor = gradient_scale / sum;
    FOR_COLUMNS(c, columns) {
        const vec one_hot = select((vec)(0.0f), (vec)(gradient_scale), LANES == (int)(label - c));
        store_part(exp(load_part(x + c, columns - c) - largest) * factor - one_hot, x + c,
                   columns - c);
    }
}

/* sums += totals over rows: group 0 the losses, group 1 the hits. Kahan's way in every work-item. */
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
