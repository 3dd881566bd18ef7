/* SPDX-License-Identifier: Apache-2.0 */
/* What follows products that are not finished in their own kernel, and derivatives of activations
 * (epilogue.cl).
 *
 *   finish_product:       C = epilogue(part 0 + part 1 + ...), or C += that: of a product whose K was
 *                         split, or one that is done by a kernel without epilogues
 *   activation_backward:  d_x = d_out * activation'(saved)
 *
 * finish_product: a work-group takes a row of C, or, where there are more groups than rows, a stretch
 * of it. Parts are [splits, m, n] fp32; behind them, where EPILOGUE is SUMS, lie sums [splits, m]. One
 * part may be C itself. Parts are added in their order: the same bits every time.
 * activation_backward: a whole buffer, FLAT elements a work-item. Types (types.cl): OPERANDS of pre,
 * d_out and saved, RESULT of C and d_x. */
ROW_KERNEL finish_product(global result *c, const global float *parts, long n, int splits,
                          int accumulate EPILOGUE_PARAMETERS)
{
    const long row = (long)get_group_id(0), part = (long)get_num_groups(0) * n;
    const long stretches = (long)get_num_groups(1) * GROUP * W;
    long column = ((long)get_group_id(1) * GROUP + (long)get_local_id(0)) * W;
#if EPILOGUE == SUMS
    if (column == 0) {
        float sum = 0.0f;
        for (int i = 0; i < splits; i++) sum += parts[splits * part + i * (part / n) + row];
        sums[row] += sum;
    }
#endif
    for (; column < n; column += stretches) {
        const long at = row * n + column, left = n - column;
        vec sum = load_part(parts + at, left);
        for (int i = 1; i < splits; i++) sum += load_part(parts + i * part + at, left);
        if (accumulate) sum += result_load_part(c + at, left);
        result_store_part(epilogue_take(sum, EPILOGUE_BIAS(column, left), at, left), c + at, left);
    }
}

/* d_x = d_out * activation'(saved), by enum clb_activation. */
kernel void activation_backward(global result *d_x, const global operand *d_out,
                                const global operand *saved, long count, int activation)
{
    FOR_ELEMENTS(e, count) {
        vec unused;
        const vec x = operand_load_part(saved + e, count - e);
        result_store_part(operand_load_part(d_out + e, count - e) *
                              slope_beside(x, activation, &unused),
                          d_x + e, count - e);
    }
}
