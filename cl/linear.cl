/* Bias and activation of a linear layer, and sums over rows. */

static inline vec gelu(vec x)
{
    return 0.5f * x * (1.0f + erf(x * 0.70710678118654752f));
}

static inline vec gelu_tanh(vec x)
{
    return 0.5f * x * (1.0f + tanh(0.79788456080286536f * (x + 0.044715f * x * x * x)));
}

/* enum clb_activation */
static inline vec activate(vec x, int activation)
{
    if (activation == 1) return gelu(x);
    if (activation == 2) return gelu_tanh(x);
    if (activation == 3) return tanh(x);
    return x;
}

/* product [rows, columns] += bias; out = activation(product). */
ROW_KERNEL bias_activation(global float *out, global float *product, const global float *bias,
                           long columns, int has_bias, int keep_product, int activation)
{
    const long row = (long)get_group_id(0) * columns;
    FOR_COLUMNS(c, columns) {
        const long n = columns - c;
        vec x = load_part(product + row + c, n);
        if (has_bias) x += load_part(bias + c, n);
        if (keep_product) store_part(x, product + row + c, n);
        store_part(activate(x, activation), out + row + c, n);
    }
}

/* partial[offset + part * columns + c] = sum over the rows of a part. */
kernel void column_partials(global float *partial, long offset, const global float *x, long rows,
                            long columns, long part_rows)
{
    const long c = (long)get_global_id(0) * W, part = (long)get_group_id(1);
    const long end = min((part + 1) * part_rows, rows);
    vec sum = (vec)(0.0f);
    if (c >= columns) return;
    for (long r = part * part_rows; r < end; r++) sum += load_part(x + r * columns + c, columns - c);
    store_part(sum, partial + offset + part * columns + c, columns - c);
}

kernel void add_partials(global float *sums, const global float *partial, long offset, long parts,
                         long columns)
{
    const long c = (long)get_global_id(0) * W;
    vec sum = (vec)(0.0f);
    if (c >= columns) return;
    for (long p = 0; p < parts; p++)
        sum += load_part(partial + offset + p * columns + c, columns - c);
    store_part(load_part(sums + c, columns - c) + sum, sums + c, columns - c);
}
