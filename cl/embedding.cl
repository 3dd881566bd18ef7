/* SPDX-License-Identifier: Apache-2.0 */
/* Embeddings: the sum of three rows, and its gradient.
 *
 *   embedding_forward   out[t] = word[ids[t]] + position[positions[t]] + segment[segments[t]]
 *                       a work-group takes token t, its work-items the columns
 *   backward            d_table[row[g]] += sum of d_out[order[i]], begin[g] <= i < begin[g + 1]
 *
 * Backward for one of the tables is a scatter-add. Many tokens go to the same row ([MASK], the two
 * segments), so the host has sorted them: group g of struct clb_row_groups is all tokens of one
 * table row, and a sum over a run of `order` needs no atomics. Groups may be few and long (two
 * segments), so each is cut into `chunks` runs:
 *
 *      order:  | chunk 0 | chunk 1 | ... |  of group g     embedding_partials: a work-group sums up
 *                   |         |                            one chunk: partial[g][chunk][columns]
 *                   v         v
 *              partial[g][0] + partial[g][1] + ...         embedding_add: a work-group adds these
 *                                                          to d_table[row[g]]
 *
 * `chunks` is a function of the number of tokens and groups alone (group_chunks, on the host), and
 * `order` ascends within a group: the order of every sum is fixed. Workspace: groups * chunks *
 * hidden floats. */
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

/* partial[g][chunk] = sum of d_out over a run of group g. */
ROW_KERNEL embedding_partials(global float *partial, const global float *d_out,
                              const global int *order, const global int *begin, long hidden,
                              long chunks)
{
    const long group = (long)get_group_id(0), chunk = (long)get_group_id(1);
    const long first = begin[group], size = begin[group + 1] - first;
    const long from = first + size * chunk / chunks, to = first + size * (chunk + 1) / chunks;
    FOR_COLUMNS(c, hidden) {
        vec sum = (vec)(0.0f);
        for (long i = from; i < to; i++)
            sum += load_part(d_out + order[i] * hidden + c, hidden - c);
        store_part(sum, partial + (group * chunks + chunk) * hidden + c, hidden - c);
    }
}

ROW_KERNEL embedding_add(global float *d_table, const global float *partial, const global int *row,
                         long hidden, long chunks)
{
    const long group = (long)get_group_id(0);
    global float *to = d_table + row[group] * hidden;
    FOR_COLUMNS(c, hidden) {
        vec sum = (vec)(0.0f);
        for (long p = 0; p < chunks; p++)
            sum += load_part(partial + (group * chunks + p) * hidden + c, hidden - c);
        store_part(load_part(to + c, hidden - c) + sum, to + c, hidden - c);
    }
}
