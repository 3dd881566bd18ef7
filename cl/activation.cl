/* SPDX-License-Identifier: Apache-2.0 */
/* Activations, with the bias that stands before them, and their slopes. */

static inline vec normal_cdf(vec x)
{
    return 0.5f * (1.0f + erf(x * 0.70710678118654752f));
}

/* 0.5 (1 + tanh(u)) of the tanh form of GELU, as a logistic function: no digits cancel. */
static inline vec gelu_tanh_gate(vec x)
{
    return 1.0f / (1.0f + exp(-1.5957691216057308f * (x + 0.044715f * x * x * x)));
}

/* enum clb_activation */
static inline vec activate(vec x, int activation)
{
    if (activation == 1) return x * normal_cdf(x);
    if (activation == 2) return x * gelu_tanh_gate(x);
    if (activation == 3) return tanh(x);
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

/* d_x = d_out * activation'(saved), by enum clb_activation. */
kernel void activation_backward(global float *d_x, const global float *d_out,
                                const global float *saved, long count, int activation)
{
    FOR_ELEMENTS(e, count) {
        const vec s = load_part(saved + e, count - e);
        vec slope = (vec)(1.0f);
        if (activation == 1) slope = gelu_slope(s);
        if (activation == 2) slope = gelu_tanh_slope(s);
        if (activation == 3) slope = 1.0f - s * s;
        store_part(load_part(d_out + e, count - e) * slope, d_x + e, count - e);
    }
}
