/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/cpu/cpu_kernels.h"

struct forward {
    float *out;
    const float *word, *position, *segment;
    const int32_t *ids, *positions, *segments;
    int64_t n;
};

static void forward_rows(const void *context, int64_t begin, int64_t end, int thread)
{
    const struct forward *a = context;
    (void)thread;
    for (int64_t t = begin; t < end; t++) {
        const float *w = a->word + a->ids[t] * a->n;
        const float *p = a->position + a->positions[t] * a->n;
        const float *s = a->segment + a->segments[t] * a->n;
        float *sum = a->out + t * a->n;
        for (int64_t i = 0; i < a->n; i++) sum[i] = w[i] + p[i] + s[i];
    }
}

enum clb_status
CPU_RENAMED(embedding_forward)(const struct clb_tensor *out, const struct clb_tensor *word,
                               const struct clb_tensor *position, const struct clb_tensor *segment,
                               const struct clb_tensor *ids, const struct clb_tensor *positions,
                               const struct clb_tensor *segments)
{
    struct clb_device *device = out->device;
    const struct forward a = {cpu_floats(out),     cpu_floats(word), cpu_floats(position),
                              cpu_floats(segment), cpu_ints(ids),    cpu_ints(positions),
                              cpu_ints(segments),  out->columns};
    cpu_parallel(device, out->rows, 0, forward_rows, &a);
    return CLB_OK;
}

enum { COLUMNS = CPU_SUM_COLUMNS }; /* a task */

struct backward {
    float *d_table;
    const float *d_out;
    const int32_t *order, *begin, *row; /* as struct clb_row_groups */
    int64_t n, across;
};

/* A task is one group and some columns: long groups ([MASK], [SEP], the two segments) are shared
 * out by columns. */
static void backward_tasks(const void *context, int64_t begin, int64_t end, int thread)
{
    const struct backward *a = context;
    (void)thread;
    for (int64_t task = begin; task < end; task++) {
        const int64_t g = task / a->across, column = task % a->across * COLUMNS;
        const int64_t width = a->n - column < COLUMNS ? a->n - column : COLUMNS;
        float sums[COLUMNS] = {0};
        for (int32_t r = a->begin[g]; r < a->begin[g + 1]; r++) {
            const float *from = a->d_out + a->order[r] * a->n + column;
            for (int64_t i = 0; i < width; i++) sums[i] += from[i];
        }
        float *to = a->d_table + a->row[g] * a->n + column;
        for (int64_t i = 0; i < width; i++) to[i] += sums[i];
    }
}

enum clb_status CPU_RENAMED(embedding_backward)(const struct clb_tensor *d_table,
                                                const struct clb_tensor *d_out,
                                                const struct clb_row_groups *groups)
{
    struct clb_device *device = d_table->device;
    const struct backward a = {cpu_floats(d_table),
                               cpu_floats(d_out),
                               cpu_ints(&groups->order),
                               cpu_ints(&groups->begin),
                               cpu_ints(&groups->row),
                               d_table->columns,
                               (d_table->columns + COLUMNS - 1) / COLUMNS};
    cpu_parallel(device, groups->row.rows * a.across, 8, backward_tasks, &a);
    return CLB_OK;
}
