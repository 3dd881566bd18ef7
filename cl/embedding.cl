/* SPDX-License-Identifier: Apache-2.0 */
ROW_KERNEL embedding_forward(global float *out, const global float *word,
                             const global float *position, const global float *segment,
                             const global int *ids, const global int *positions,
                             const global int *segments, long hidden)
{
    const long t = (long)get_group_id(0);
    word += ids[t] * hidden;
    position += positions[t] * hidden;
    segment += segments[t] * hidden;
    FOR_COLUMNS(c, hidden) {
        const long n = hidden - c;
        store_part(load_part(word + c, n) + load_part(position + c, n) + load_part(segment + c, n),
                   out + t * hidden + c, n);
    }
}

/* The rows of group g are cut into `parts` runs, so that a table of few rows still keeps many
 * work-items busy: partial[g][part] = sum of d_out over its run. */
ROW_KERNEL embedding_partials(global float *partial, const global float *d_out,
                              const global int *order, const global int *begin, long hidden,
                              long parts)
{
    const long group = (long)get_group_id(0), part = (long)get_group_id(1);
    const long first = begin[group], size = begin[group + 1] - first;
    const long from = first + size * part / parts, to = first + size * (part + 1) / parts;
    FOR_COLUMNS(c, hidden) {
        vec sum = (vec)(0.0f);
        for (long i = from; i < to; i++)
            sum += load_part(d_out + order[i] * hidden + c, hidden - c);
        store_part(sum, partial + (group * parts + part) * hidden + c, hidden - c);
    }
}

ROW_KERNEL embedding_add(global float *d_table, const global float *partial, const global int *row,
                         long hidden, long parts)
{
    const long group = (long)get_group_id(0);
    global float *to = d_table + row[group] * hidden;
    FOR_COLUMNS(c, hidden) {
        vec sum = (vec)(0.0f);
        for (long p = 0; p < parts; p++)
            sum += load_part(partial + (group * parts + p) * hidden + c, hidden - c);
        store_part(load_part(to + c, hidden - c) + sum, to + c, hidden - c);
    }
}
