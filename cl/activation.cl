/* SPDX-License-Identifier: Apache-2.0 */
/* Activations, with the bias that stands before them, and their derivatives.
 *
 *   bias_activation (the end of clb_linear_forward):  pre = product + bias;  out = activation(pre)
 *   activation_backward:                              d_x = d_out * activation'(saved)
 *
 *   GELU       x Phi(x),  Phi(x) = (1 + erf(x / sqrt(2))) / 2;  derivative Phi(x) + x phi(x)
 *   GELU_TANH  x g(x),  g(x) = (1 + tanh(u)) / 2 = 1 / (1 + exp(-2 u)),
 *              u = sqrt(2 / pi) (x + 0.044715 x^3);  derivative g + x g (1 - g) 2 u'
 *   TANH       tanh(x);  derivative 1 - out^2, where `saved` is the output
 *
 * bias_activation: a work-group takes a row [columns], to find the bias by column; the activation
 * does not differ between work-items, so the branch costs nothing. activation_backward: a whole
 * buffer, FLAT elements a work-item. Nothing is summed. Types (types.cl): OPERANDS of pre, d_out
 * and saved, RESULT of out and d_x; a reduced out is not that of the rounded pre. */

static inline vec normal_cdf(vec x)
{
    return 0.5f * (1.0f + erf(x * 0.70710678118654752f));
}

/* g(x), as a logistic function: no digits cancel. */
static inline vec gelu_tanh_gate(vec x)
{
    return 1.0f / (1.0f + exp(-1.5957691216057308f * (x + 0.044715f * x * x * x)));
}

/* enum clb_activation */
static inline vec activate(vec x, int activation)
{
    if (activation == GELU) return x * normal_cdf(x);
    if (activation == GELU_TANH) return x * gelu_tanh_gate(x);
    if (activation == TANH) return tanh(x);
    return x;
}

static inline vec gelu_slope(vec x)
{
    return normal_cdf(x) + x * 0.39894228040143268f * exp(-0.5f * x * x);
}

static inline vec gelu_tanh_slope(vec x)
{
    const vec gate = gelu_tanh_gate(x);
    const vec inner = 1.5957691216057308f * (1.0f + 0.134145f * x * x);
    return gate + x * gate * (1.0f - gate) * inner;
}

/* pre [rows, columns] = product + bias, where it is kept; out = activation(product + bias). pre, or
 * else out, may be product. */
ROW_KERNEL bias_activation(global result *out, global operand *pre, const global float *product,
                           const global float *bias, long columns, int has_bias, int keep_pre,
                           int activation)
{
    const long row = (long)get_group_id(0) * columns;
    FOR_COLUMNS(c, columns) {
        const long n = columns - c;
        vec x = load_part(product + row + c, n);
        if (has_bias) x += load_part(bias + c, n);
        if (keep_pre) operand_store_part(x, pre + row + c, n);
        result_store_part(activate(x, activation), out + row + c, n);
    }
}

/* d_x = d_out * activation'(saved), by enum clb_activation. */
kernel void activation_backward(global result *d_x, const global operand *d_out,
                                const global operand *saved, long count, int activation)
{
    FOR_ELEMENTS(e, count) {
        const vec s = operand_load_part(saved + e, count - e);
        vec slope = (vec)(1.0f);
        if (activation == GELU) slope = gelu_slope(s);
        if (activation == GELU_TANH) slope = gelu_tanh_slope(s);
        if (activation == TANH) slope = 1.0f - s * s;
        result_store_part(operand_load_part(d_out + e, count - e) * slope, d_x + e, count - e);
    }
}
