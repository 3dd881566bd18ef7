static inline vec gelu_slope(vec x)
{
    const vec cumulative = 0.5f * (1.0f + erf(x * 0.70710678118654752f));
    return cumulative + x * 0.39894228040143268f * exp(-0.5f * x * x);
}

static inline vec gelu_tanh_slope(vec x)
{
    const vec t = tanh(0.79788456080286536f * (x + 0.044715f * x * x * x));
    const vec inner = 0.79788456080286536f * (1.0f + 0.134145f * x * x);
    return 0.5f * (1.0f + t) + 0.5f * x * (1.0f - t * t) * inner;
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
