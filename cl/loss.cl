/* SPDX-License-Identifier: Apache-2.0 */
/* Losses of logits x, a sum over all rows, and their gradients in place of x where gradient_scale is
 * not 0. Of every row row_sums gets (loss, hits); loss_sums adds them up.
 *
 * By softmax, of rows of R logits [R, V] against a label y each:
 *
 *   m = max x;   s = sum of exp(x[c] - m);   -log softmax(x)[c] = log s + m - x[c]
 *   hit = the first largest logit is at the label
 *
 *   cross_entropy  loss = -log p[y];   x[c] = p[c] - (c == y)
 *   class_loss     weights w of classes, smoothing a:
 *                  loss = (1 - a) w[y] (-log p[y]) + a / V sum of w[c] (-log p[c])
 *                  x[c] = p[c] ((1 - a) w[y] + a / V sum w) - (c == y) (1 - a) w[y] - a / V w[c]
 *   span_loss      cross_entropy of each of the two columns of a sequence's rows, down the column
 *
 * A work-group takes row r (span_loss: column get_group_id(1) of sequence r). The row is walked three
 * times: for m, for s and for the gradient; V may be a vocabulary (30000 or so). m is subtracted so
 * that exp does not overflow. The maximum is taken before the label and behind it:
 *
 *     x: [ ....... before ....... | label | ....... behind ....... ]
 *
 *     hit = before < x[label] && behind <= x[label]      the first of equals, without indices
 *
 * By element, against numbers t [R, V]; a work-group takes a row:
 *
 *   binary_cross_entropy  loss = max(x, 0) - x t + log(1 + exp(-|x|)), which is that of sigmoid(x);
 *                         x = sigmoid(x) - t;   hit = (x > 0) == (t > 1/2)
 *   squared_error         loss = (x - t)^2;   x = 2 (x - t);   no hits
 *
 * loss_sums: work-group 0 adds up the losses, work-group 1 the hits, by Kahan's method in every
 * work-item: `lost` is what the last addition rounded away. Which work-item adds which row follows
 * from R and GROUP alone: a fixed order. Workspace: 2 R floats; local memory: GROUP floats. */

/* The largest of x[begin .. end - 1]; this work-item's share. */
static inline float range_max(const global float *x, long begin, long end)
{
    vec row_max = (vec)(-INFINITY);
    FOR_COLUMNS(c, end - begin)
        row_max = fmax(row_max, load_or(x + begin + c, end - begin - c, -INFINITY));
    return max_lanes(row_max);
}

/* What is largest in a row, and whether that is the label's. */
struct top {
    float largest, at_label, hit;
};

INLINE struct top top_of(float before, float at_label, float behind)
{
    const struct top top = {fmax(at_label, fmax(before, behind)), at_label,
                            before < at_label && behind <= at_label ? 1.0f : 0.0f};
    return top;
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
    const struct top top = top_of(before, x[label], behind);
    vec total = (vec)(0.0f);
    FOR_COLUMNS(c, columns)
        total += exp(load_or(x + c, columns - c, -INFINITY) - top.largest);
    const float sum = group_sum(sum_lanes(total), shared);
    if (get_local_id(0) == 0) {
        row_sums[2 * r] = log(sum) + (top.largest - top.at_label);
        row_sums[2 * r + 1] = top.hit;
    }
#if GROUP > 1
    barrier(CLK_GLOBAL_MEM_FENCE); /* everyone has read x[label] */
#endif
    if (gradient_scale == 0.0f) return;
    const float factor = gradient_scale / sum;
    FOR_COLUMNS(c, columns) {
        const vec one_hot = select((vec)(0.0f), (vec)(gradient_scale), LANES == (int)(label - c));
        store_part(exp(load_part(x + c, columns - c) - top.largest) * factor - one_hot, x + c,
                   columns - c);
    }
}

/* Weights of classes c .. c + n - 1, 0 behind the last. */
static inline vec weights_part(const global float *class_weights, int weighted, long c, long n)
{
    return weighted ? load_part(class_weights + c, n) : keep_lanes((vec)(1.0f), n, 0.0f);
}

ROW_KERNEL class_loss(global float *row_sums, global float *logits, const global int *labels,
                      const global float *class_weights, int weighted, long columns,
                      float smoothing, float gradient_scale)
{
    SHARED(shared);
    const long r = (long)get_group_id(0);
    const int label = labels[r];
    global float *x = logits + r * columns;
    const float before = group_max(range_max(x, 0, label), shared);
    const float behind = group_max(range_max(x, label + 1, columns), shared);
    const struct top top = top_of(before, x[label], behind);
    vec total = (vec)(0.0f), weights = (vec)(0.0f), away = (vec)(0.0f);
    FOR_COLUMNS(c, columns) {
        const long n = columns - c;
        const vec below = load_or(x + c, n, -INFINITY) - top.largest;
        const vec w = weights_part(class_weights, weighted, c, n);
        total += exp(below);
        weights += w;
        away -= keep_lanes(w * below, n, 0.0f);
    }
    const float sum = group_sum(sum_lanes(total), shared), log_sum = log(sum);
    const float all = group_sum(sum_lanes(weights), shared);
    const float far = group_sum(sum_lanes(away), shared); /* sum of w[c] (m - x[c]) */
    const float own = (1.0f - smoothing) * (weighted ? class_weights[label] : 1.0f);
    const float share = smoothing / (float)columns;
    if (get_local_id(0) == 0) {
        const float smooth = smoothing > 0.0f ? share * (all * log_sum + far) : 0.0f;
        row_sums[2 * r] = own * (log_sum + (top.largest - top.at_label)) + smooth;
        row_sums[2 * r + 1] = top.hit;
    }
#if GROUP > 1
    barrier(CLK_GLOBAL_MEM_FENCE); /* everyone has read x[label] */
#endif
    if (gradient_scale == 0.0f) return;
    const float factor = (own + share * all) * gradient_scale / sum;
    FOR_COLUMNS(c, columns) {
        const long n = columns - c;
        const vec own_hot = select((vec)(0.0f), (vec)(own), LANES == (int)(label - c));
        const vec target = own_hot + share * weights_part(class_weights, weighted, c, n);
        store_part(exp(load_part(x + c, n) - top.largest) * factor - target * gradient_scale, x + c,
                   n);
    }
}

/* Rows of a sequence that this work-item takes. */
#define FOR_ROWS(t, rows) for (int t = (int)get_local_id(0); t < (rows); t += GROUP)

/* A span of -1 is left out: neither loss nor gradient. */
ROW_KERNEL span_loss(global float *row_sums, global float *logits, const global int *cu_seqlens,
                     const global int *spans, float gradient_scale)
{
    SHARED(shared);
    const long b = (long)get_group_id(0), which = 2 * b + (long)get_group_id(1);
    const int rows = cu_seqlens[b + 1] - cu_seqlens[b], span = spans[which];
    const int label = max(span, 0);
    global float *x = logits + 2 * (long)cu_seqlens[b] + (long)get_group_id(1);
    float before = -INFINITY, behind = -INFINITY, total = 0.0f;
    FOR_ROWS(t, rows) {
        if (t < label) before = fmax(before, x[2 * t]);
        if (t > label) behind = fmax(behind, x[2 * t]);
    }
    before = group_max(before, shared);
    behind = group_max(behind, shared);
    const struct top top = top_of(before, x[2 * label], behind);
    FOR_ROWS(t, rows) total += exp(x[2 * t] - top.largest);
    const float sum = group_sum(total, shared);
    if (get_local_id(0) == 0) {
        row_sums[2 * which] = span >= 0 ? log(sum) + (top.largest - top.at_label) : 0.0f;
        row_sums[2 * which + 1] = span >= 0 ? top.hit : 0.0f;
    }
#if GROUP > 1
    barrier(CLK_GLOBAL_MEM_FENCE); /* everyone has read x[label] */
#endif
    if (gradient_scale == 0.0f) return;
    const float factor = gradient_scale / sum;
    FOR_ROWS(t, rows) {
        const float one_hot = t == span ? gradient_scale : 0.0f;
        x[2 * t] = span >= 0 ? exp(x[2 * t] - top.largest) * factor - one_hot : 0.0f;
    }
}

ROW_KERNEL binary_cross_entropy(global float *row_sums, global float *logits,
                                const global float *targets, long columns, float gradient_scale)
{
    SHARED(shared);
    const long r = (long)get_group_id(0), row = r * columns;
    vec losses = (vec)(0.0f), hits = (vec)(0.0f);
    FOR_COLUMNS(c, columns) {
        const long n = columns - c;
        const vec x = load_part(logits + row + c, n), t = load_part(targets + row + c, n);
        const vec e = exp(-fabs(x));
        const ivec hit = (x > 0.0f) == (t > 0.5f);
        losses += keep_lanes(fmax(x, 0.0f) - x * t + log(1.0f + e), n, 0.0f);
        hits += keep_lanes(select((vec)(0.0f), (vec)(1.0f), hit), n, 0.0f);
        if (gradient_scale != 0.0f) {
            const vec sigmoid = select(e, (vec)(1.0f), x >= 0.0f) / (1.0f + e);
            store_part((sigmoid - t) * gradient_scale, logits + row + c, n);
        }
    }
    const float loss = group_sum(sum_lanes(losses), shared);
    const float hit = group_sum(sum_lanes(hits), shared);
    if (get_local_id(0) == 0) {
        row_sums[2 * r] = loss;
        row_sums[2 * r + 1] = hit;
    }
}

ROW_KERNEL squared_error(global float *row_sums, global float *values, const global float *targets,
                         long columns, float gradient_scale)
{
    SHARED(shared);
    const long r = (long)get_group_id(0), row = r * columns;
    vec losses = (vec)(0.0f);
    FOR_COLUMNS(c, columns) {
        const long n = columns - c;
        const vec d = load_part(values + row + c, n) - load_part(targets + row + c, n);
        losses += d * d;
        if (gradient_scale != 0.0f)
            store_part(2.0f * d * gradient_scale, values + row + c, n);
    }
    const float loss = group_sum(sum_lanes(losses), shared);
    if (get_local_id(0) == 0) {
        row_sums[2 * r] = loss;
        row_sums[2 * r + 1] = 0.0f;
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
