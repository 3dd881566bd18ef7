/* SPDX-License-Identifier: Apache-2.0 */
/* Prelude of every source: activations, their derivatives, and what a product does with its sums
 * before it stores them. -D options name the epilogue that a program is compiled for:
 *
 *   EPILOGUE    NONE     C = sum
 *               FORWARD  pre = sum + bias, C = activation(pre)       the end of clb_linear_forward
 *               SLOPE    C = sum * activation'(saved), input = activation(saved)
 *                                                                     of clb_linear_backward_input
 *               SUMS     C = sum, and bias[i] += sum over k of A[i][k]      of ..._backward_weight
 *   ACTIVATION  enum clb_activation, 0 for none
 *
 *   GELU       x Phi(x),  Phi(x) = (1 + erf(x / sqrt(2))) / 2;  derivative Phi(x) + x phi(x)
 *   GELU_TANH  x g(x),  g(x) = (1 + tanh(u)) / 2 = 1 / (1 + exp(-2 u)),
 *              u = sqrt(2 / pi) (x + 0.044715 x^3);  derivative g + x g (1 - g) 2 u'
 *   TANH       tanh(x);  derivative 1 - out^2, where `saved` is the output
 *
 * EPILOGUE_PARAMETERS ends a kernel's list of parameters, epilogue_take turns W sums that stand at
 * element `at` of C into what is stored there; `pre`, `saved` and `input` lie as C does, and have the
 * type OPERANDS; `input` may be `saved`. A reduced C is not that of the rounded pre. */
#define NONE 0
#define FORWARD 1
#define SLOPE 2
#define SUMS 3
#ifndef EPILOGUE
#define EPILOGUE NONE
#define ACTIVATION 0
#endif

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

static inline vec slope(vec saved, int activation)
{
    if (activation == GELU) return gelu_slope(saved);
    if (activation == GELU_TANH) return gelu_tanh_slope(saved);
    if (activation == TANH) return 1.0f - saved * saved;
    return (vec)(1.0f);
}

/* A loop over sums in registers: unrolled where little is done with each. */
#if EPILOGUE == FORWARD || EPILOGUE == SLOPE
#define EPILOGUE_UNROLL UNROLL_BY(1)
#else
#define EPILOGUE_UNROLL UNROLL
#endif

#if EPILOGUE == FORWARD
/* bias [n] and pre, where there are such. */
#define EPILOGUE_PARAMETERS , const global float *bias, int has_bias, global operand *pre, int has_pre
#define EPILOGUE_BIAS(column, n) (has_bias ? load_part(bias + (column), n) : (vec)(0.0f))
#define epilogue_take(x, of_columns, at, n) forward(x, of_columns, pre + (at), has_pre, n)
static inline vec forward(vec x, vec of_columns, global operand *pre, int has_pre, long n)
{
    x += of_columns;
    if (has_pre) operand_store_part(x, pre, n);
    return activate(x, ACTIVATION);
}
#elif EPILOGUE == SLOPE
#define EPILOGUE_PARAMETERS , const global operand *saved, global operand *input, int has_input
#define EPILOGUE_BIAS(column, n) ((vec)(0.0f))
#define epilogue_take(x, of_columns, at, n) \
    ((void)(of_columns), (x) * backward(saved + (at), input + (at), has_input, n))
static inline vec backward(const global operand *saved, global operand *input, int has_input, long n)
{
    const vec x = operand_load_part(saved, n), result = slope(x, ACTIVATION);
    if (has_input) operand_store_part(activate(x, ACTIVATION), input, n);
    return result;
}
#else
#if EPILOGUE == SUMS
#define EPILOGUE_PARAMETERS , global float *sums
#else
#define EPILOGUE_PARAMETERS
#endif
#define EPILOGUE_BIAS(column, n) ((vec)(0.0f))
#define epilogue_take(x, of_columns, at, n) ((void)(of_columns), (x))
#endif
