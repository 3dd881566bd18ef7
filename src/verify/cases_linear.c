/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/verify_ops.h"

#include <math.h>
#include <string.h>

/* ---- linear: m tokens, n inputs, k outputs ---- */

/* Of an activation or its slope, in units of the tolerance. */
static double activation_ulps(int activation)
{
    switch (activation) {
    case CLB_ACTIVATION_GELU:
        return VERIFY_ERF / 2 + VERIFY_EXP + VERIFY_REFERENCE + 8;
    case CLB_ACTIVATION_GELU_TANH:
        return VERIFY_EXP + VERIFY_DIVIDE + 3 * VERIFY_REFERENCE + 16;
    case CLB_ACTIVATION_TANH:
        return VERIFY_TANH + VERIFY_REFERENCE;
    }
    return 2;
}

static const char *forward_name(int variant)
{
    static const char *const names[] = {"",
                                        " gelu",
                                        " gelu_tanh",
                                        " tanh",
                                        " bias",
                                        " bias gelu",
                                        " bias gelu_tanh",
                                        " bias tanh",
                                        "",
                                        " gelu alone",
                                        " gelu_tanh alone",
                                        " tanh alone",
                                        " bias",
                                        " bias gelu alone",
                                        " bias gelu_tanh alone",
                                        " bias tanh alone"};
    return names[variant % VERIFY_WITH_BIAS + variant / VERIFY_WITH_BIAS * 4];
}

static const char *activation_name(int variant)
{
    static const char *const names[] = {
        "",          " gelu",          " gelu_tanh",          " tanh",
        " in place", " gelu in place", " gelu_tanh in place", " tanh in place"};
    return names[variant % VERIFY_IN_PLACE + variant / VERIFY_IN_PLACE * 4];
}

static float far(const struct verify_case *c, int64_t e, float u)
{
    (void)c;
    (void)e;
    return 8.0f * u;
}

/* Dense near 0, and out to 30. */
static float farther(const struct verify_case *c, int64_t e, float u)
{
    (void)c;
    (void)e;
    return 30.0f * u * u * u;
}

/* What a sum of `terms` products is measured against at least; those of VERIFY_FAR and VERIFY_NEAR
 * have an activation or are many. */
static void sum_floor(struct verify_plan *p, const struct verify_case *c, int64_t terms, double rms)
{
    if (c->inputs == VERIFY_PLAIN) verify_floor(p, rms * sqrt((double)terms));
}

/* About where fp16 ends, at 65504, and what is rounded to that, at 65520. */
static float spike(const struct verify_case *c, int64_t e, float u)
{
    (void)c;
    return e % 5 == 1 ? 65518.0f : e % 5 == 3 ? -7e4f : u;
}

/* A bias with which even short sums of integers have more digits than reduced types. */
static float more_digits(const struct verify_case *c, int64_t e, float u)
{
    (void)e;
    return verify_case_operands(c) == CLB_F32 ? u : 300.0f * u;
}

static bool gives_pre(const struct verify_case *c)
{
    return c->variant % VERIFY_WITH_BIAS != CLB_ACTIVATION_NONE &&
           !(c->variant & VERIFY_WITHOUT_PRE);
}

static void plan_linear_forward(struct verify_plan *p, const struct verify_case *c)
{
    verify_out(p, "out", c->m, c->k, activation_ulps(c->variant % VERIFY_WITH_BIAS), c->n);
    if (c->variant % VERIFY_WITH_BIAS == 0) sum_floor(p, c, c->n, VERIFY_RMS * VERIFY_RMS);
    if (c->inputs == VERIFY_SPECIAL) verify_each(p, verify_special); /* is overwritten */
    verify_result(p);
    verify_out(p, "pre", c->m, c->k, 4, gives_pre(c) ? c->n : 0);
    verify_result(p);
    verify_in(p, "x", c->m, c->n);
    verify_usual(p);
    if (c->inputs == VERIFY_FAR) verify_each(p, far);
    verify_multiplied(p);
    verify_in(p, "weight", c->k, c->n);
    if (c->inputs == VERIFY_INTEGERS) verify_usual(p);
    verify_multiplied(p);
    verify_in(p, "bias", c->k, 1);
    if (c->inputs == VERIFY_INTEGERS || c->inputs == VERIFY_NEAR) verify_usual(p);
    if (c->inputs == VERIFY_INTEGERS) verify_each(p, more_digits);
    if (c->inputs == VERIFY_SPIKE) verify_each(p, spike);
}

static enum clb_status run_linear_forward(const struct verify_case *c, const struct clb_tensor *t)
{
    enum clb_activation activation = c->variant % VERIFY_WITH_BIAS;
    return clb_linear_forward(&t[0], gives_pre(c) ? &t[1] : NULL, &t[2], &t[3],
                              c->variant & VERIFY_WITH_BIAS ? &t[4] : NULL, activation);
}

/* 0, or an activation whose slope follows. */
static enum clb_activation slope_of(const struct verify_case *c)
{
    const int variant = verify_case_variant(c);
    return variant > VERIFY_SLOPE ? (enum clb_activation)(variant % VERIFY_SLOPE)
                                  : CLB_ACTIVATION_NONE;
}

static bool gives_input(const struct verify_case *c)
{
    return verify_case_variant(c) > VERIFY_SLOPE + VERIFY_WITH_INPUT;
}

static const char *input_name(int variant)
{
    static const char *const slopes[][4] = {
        {"", " gelu's slope", " gelu_tanh's slope", " tanh's slope"},
        {"", " gelu and its slope", " gelu_tanh and its slope", ""}};
    return variant == 1 ? " added" : slopes[variant / VERIFY_WITH_INPUT][variant % VERIFY_SLOPE];
}

static void plan_linear_backward_input(struct verify_plan *p, const struct verify_case *c)
{
    verify_out(p, "d_x", c->m, c->n, 4 + activation_ulps(slope_of(c)), c->k);
    sum_floor(p, c, c->k, VERIFY_RMS * VERIFY_RMS);
    verify_usual(p);
    verify_result(p);
    verify_in(p, "d_out", c->m, c->k);
    verify_usual(p);
    verify_multiplied(p);
    verify_in(p, "weight", c->k, c->n);
    if (c->inputs == VERIFY_INTEGERS) verify_usual(p);
    verify_multiplied(p);
    verify_in(p, "saved", c->m, c->n);
    verify_multiplied(p);
    if (gives_input(c)) verify_out(p, "x", c->m, c->n, activation_ulps(slope_of(c)), 0);
}

static enum clb_status run_linear_backward_input(const struct verify_case *c,
                                                 const struct clb_tensor *t)
{
    const enum clb_activation slope = slope_of(c);
    return clb_linear_backward_input(
        &t[0], &t[1], &t[2], slope == CLB_ACTIVATION_NONE ? NULL : &t[3],
        gives_input(c) ? &t[4] : NULL, slope, verify_case_variant(c) == 1);
}

static void plan_linear_backward_weight(struct verify_plan *p, const struct verify_case *c)
{
    verify_out(p, "d_weight", c->k, c->n, 4, c->m);
    sum_floor(p, c, c->m, VERIFY_RMS * VERIFY_RMS);
    verify_usual(p);
    verify_out(p, "d_bias", c->k, 1, 4, c->m);
    sum_floor(p, c, c->m, VERIFY_RMS);
    verify_usual(p);
    verify_in(p, "d_out", c->m, c->k);
    verify_usual(p);
    verify_multiplied(p);
    verify_in(p, "x", c->m, c->n);
    if (c->inputs == VERIFY_INTEGERS) verify_usual(p);
    verify_multiplied(p);
}

static enum clb_status run_linear_backward_weight(const struct verify_case *c,
                                                  const struct clb_tensor *t)
{
    const bool without_bias = verify_case_variant(c) == 1;
    return clb_linear_backward_weight(&t[0], without_bias ? NULL : &t[1], &t[2], &t[3]);
}

static void copy_values(const struct verify_operand *to, const struct verify_operand *from)
{
    if (to->values && from->values)
        memcpy(to->values, from->values, (size_t)(4 * clb_tensor_elements(to->shape)));
}

static void plan_activation_backward(struct verify_plan *p, const struct verify_case *c)
{
    verify_out(p, "d_x", c->m, c->n, activation_ulps(c->variant % VERIFY_IN_PLACE) + 8, 0);
    verify_result(p);
    verify_in(p, "d_out", c->m, c->n);
    verify_multiplied(p);
    if (c->variant & VERIFY_IN_PLACE) copy_values(&p->operands[0], &p->operands[1]);
    verify_in(p, "saved", c->m, c->n);
    verify_usual(p);
    if (c->inputs == VERIFY_FAR) verify_each(p, farther);
    verify_multiplied(p);
}

static enum clb_status run_activation_backward(const struct verify_case *c,
                                               const struct clb_tensor *t)
{
    /* What the reference has as fp32 is not the place of what is reduced. */
    const bool in_place = (c->variant & VERIFY_IN_PLACE) && t[0].type == t[1].type;
    return clb_activation_backward(&t[0], in_place ? &t[0] : &t[1], &t[2],
                                   (enum clb_activation)(c->variant % VERIFY_IN_PLACE));
}

/* ---- the cases ---- */

static const struct verify_operation linear_forward = {"linear_forward", plan_linear_forward,
                                                       run_linear_forward, forward_name};
static const struct verify_operation linear_backward_input = {
    "linear_backward_input", plan_linear_backward_input, run_linear_backward_input, input_name};
VERIFY_OPERATION(linear_backward_weight, plan_linear_backward_weight);
static const struct verify_operation activation_backward = {
    "activation_backward", plan_activation_backward, run_activation_backward, activation_name};

static const struct verify_case cases[] = {
    {&linear_forward, true, 5, 7, 9, VERIFY_WITH_BIAS + CLB_ACTIVATION_GELU, 0, NULL, VERIFY_PLAIN},
    {&linear_forward, true, 1, 1, 1, CLB_ACTIVATION_NONE, 0, NULL, VERIFY_PLAIN},
    {&linear_forward, false, 37, 29, 45, VERIFY_WITH_BIAS + CLB_ACTIVATION_GELU, 0, NULL,
     VERIFY_PLAIN},
    {&linear_forward, false, 37, 29, 45, VERIFY_WITH_BIAS + CLB_ACTIVATION_GELU_TANH, 0, NULL,
     VERIFY_PLAIN},
    {&linear_forward, false, 37, 29, 45, VERIFY_WITH_BIAS + CLB_ACTIVATION_TANH, 0, NULL,
     VERIFY_PLAIN},
    {&linear_forward, false, 37, 29, 45, VERIFY_WITH_BIAS + CLB_ACTIVATION_NONE, 0, NULL,
     VERIFY_PLAIN},
    {&linear_forward, false, 37, 29, 45, CLB_ACTIVATION_TANH, 0, NULL, VERIFY_PLAIN},
    {&linear_forward, false, 16, 128, 2, VERIFY_WITH_BIAS + CLB_ACTIVATION_NONE, 0, NULL,
     VERIFY_PLAIN},
    {&linear_forward, false, 1, 256, 1024, VERIFY_WITH_BIAS + CLB_ACTIVATION_GELU, 0, NULL,
     VERIFY_PLAIN},
    {&linear_forward, false, 300, 256, 768, VERIFY_WITH_BIAS + CLB_ACTIVATION_NONE, 0, NULL,
     VERIFY_PLAIN},
    {&linear_forward, false, 129, 1000, 333, CLB_ACTIVATION_NONE, 0, NULL, VERIFY_PLAIN},
    {&linear_forward, true, 5, 7, 9, VERIFY_WITH_BIAS + CLB_ACTIVATION_NONE, 0, NULL,
     VERIFY_INTEGERS},
    {&linear_forward, true, 5, 20, 9, CLB_ACTIVATION_NONE, 0, NULL, VERIFY_INTEGERS},
    {&linear_forward, false, 64, 48, 64, CLB_ACTIVATION_NONE, 0, NULL, VERIFY_INTEGERS},
    {&linear_forward, false, 65, 17, 63, CLB_ACTIVATION_NONE, 0, NULL, VERIFY_INTEGERS},
    {&linear_forward, false, 129, 515, 131, VERIFY_WITH_BIAS + CLB_ACTIVATION_NONE, 0, NULL,
     VERIFY_INTEGERS},
    {&linear_forward, false, 33, 1, 129, CLB_ACTIVATION_GELU, 0, NULL, VERIFY_FAR},
    {&linear_forward, false, 33, 1, 129, CLB_ACTIVATION_GELU_TANH, 0, NULL, VERIFY_FAR},
    {&linear_forward, false, 33, 1, 129, CLB_ACTIVATION_TANH, 0, NULL, VERIFY_FAR},
    {&linear_forward, false, 33, 5, 129, CLB_ACTIVATION_GELU, 0, NULL, VERIFY_NEAR},
    {&linear_forward, false, 33, 5, 129, CLB_ACTIVATION_GELU_TANH, 0, NULL, VERIFY_NEAR},
    {&linear_forward, false, 33, 5, 129, VERIFY_WITH_BIAS + CLB_ACTIVATION_TANH, 0, NULL,
     VERIFY_NEAR},
    {&linear_forward, false, 37, 29, 45, VERIFY_WITH_BIAS + CLB_ACTIVATION_NONE, 0, NULL,
     VERIFY_SPECIAL},
    {&linear_forward, false, 37, 1, 45, CLB_ACTIVATION_GELU, 0, NULL, VERIFY_SPECIAL},
    {&linear_forward, false, 37, 1, 45, CLB_ACTIVATION_GELU_TANH, 0, NULL, VERIFY_SPECIAL},
    {&linear_forward, false, 37, 1, 45, CLB_ACTIVATION_TANH, 0, NULL, VERIFY_SPECIAL},
    {&linear_forward, false, 20, 30, 515, CLB_ACTIVATION_NONE, 0, NULL, VERIFY_INTEGERS},
    {&linear_forward, false, 20, 32, 1030, CLB_ACTIVATION_NONE, 0, NULL, VERIFY_PLAIN},
    {&linear_backward_input, true, 5, 7, 9, 0, 0, NULL, VERIFY_PLAIN},
    {&linear_backward_input, false, 60, 515, 31, 1, 0, NULL, VERIFY_INTEGERS},
    {&linear_backward_input, true, 5, 7, 9, 1, 0, NULL, VERIFY_PLAIN},
    {&linear_backward_input, false, 37, 29, 45, 0, 0, NULL, VERIFY_PLAIN},
    {&linear_backward_input, false, 16, 128, 2, 1, 0, NULL, VERIFY_PLAIN},
    {&linear_backward_input, false, 300, 256, 768, 0, 0, NULL, VERIFY_PLAIN},
    {&linear_backward_input, false, 129, 1000, 333, 1, 0, NULL, VERIFY_PLAIN},
    {&linear_backward_input, true, 5, 7, 9, 1, 0, NULL, VERIFY_INTEGERS},
    {&linear_backward_input, false, 65, 63, 17, 0, 0, NULL, VERIFY_INTEGERS},
    {&linear_backward_input, false, 129, 131, 515, 1, 0, NULL, VERIFY_INTEGERS},
    {&linear_backward_input, false, 37, 29, 45, 0, 0, NULL, VERIFY_SPECIAL},
    {&linear_backward_input, true, 5, 7, 9, VERIFY_SLOPE + CLB_ACTIVATION_GELU, 0, NULL,
     VERIFY_PLAIN},
    {&linear_backward_input, false, 130, 260, 45, VERIFY_SLOPE + CLB_ACTIVATION_GELU, 0, NULL,
     VERIFY_PLAIN},
    {&linear_backward_input, false, 37, 29, 515, VERIFY_SLOPE + CLB_ACTIVATION_GELU_TANH, 0, NULL,
     VERIFY_PLAIN},
    {&linear_backward_input, false, 37, 29, 45, VERIFY_SLOPE + CLB_ACTIVATION_TANH, 0, NULL,
     VERIFY_PLAIN},
#define BOTH(tiny, m, n, k, activation)                                                            \
    {                                                                                              \
        &linear_backward_input, tiny, m, n, k, VERIFY_SLOPE + VERIFY_WITH_INPUT + (activation), 0, \
            NULL, VERIFY_PLAIN                                                                     \
    }
    BOTH(true, 5, 7, 9, CLB_ACTIVATION_GELU),
    BOTH(false, 130, 260, 45, CLB_ACTIVATION_GELU),
    BOTH(false, 37, 29, 515, CLB_ACTIVATION_GELU_TANH),
    {&linear_backward_weight, true, 5, 7, 9, 0, 0, NULL, VERIFY_PLAIN},
    {&linear_backward_weight, false, 700, 30, 29, 0, 0, NULL, VERIFY_INTEGERS},
    {&linear_backward_weight, false, 1030, 32, 64, 0, 0, NULL, VERIFY_PLAIN},
    {&linear_backward_weight, true, 1, 3, 2, 1, 0, NULL, VERIFY_PLAIN},
    {&linear_backward_weight, false, 37, 29, 45, 0, 0, NULL, VERIFY_PLAIN},
    {&linear_backward_weight, false, 16, 128, 2, 0, 0, NULL, VERIFY_PLAIN},
    {&linear_backward_weight, false, 2100, 64, 257, 0, 0, NULL, VERIFY_PLAIN},
    {&linear_backward_weight, false, 300, 256, 768, 0, 0, NULL, VERIFY_PLAIN},
    {&linear_backward_weight, true, 5, 7, 9, 0, 0, NULL, VERIFY_INTEGERS},
    {&linear_backward_weight, false, 17, 65, 63, 1, 0, NULL, VERIFY_INTEGERS},
    {&linear_backward_weight, false, 515, 129, 131, 0, 0, NULL, VERIFY_INTEGERS},
    {&linear_backward_weight, false, 37, 29, 45, 0, 0, NULL, VERIFY_SPECIAL},
    {&activation_backward, true, 3, 7, 0, CLB_ACTIVATION_GELU, 0, NULL, VERIFY_PLAIN},
    {&activation_backward, false, 33, 129, 0, CLB_ACTIVATION_GELU, 0, NULL, VERIFY_FAR},
    {&activation_backward, false, 33, 129, 0, CLB_ACTIVATION_GELU_TANH, 0, NULL, VERIFY_FAR},
    {&activation_backward, false, 33, 129, 0, CLB_ACTIVATION_GELU, 0, NULL, VERIFY_SPECIAL},
    {&activation_backward, false, 33, 129, 0, CLB_ACTIVATION_GELU_TANH, 0, NULL, VERIFY_SPECIAL},
    {&activation_backward, false, 33, 129, 0, CLB_ACTIVATION_TANH, 0, NULL, VERIFY_SPECIAL},
    {&activation_backward, false, 33, 129, 0, CLB_ACTIVATION_GELU, 0, NULL, VERIFY_PLAIN},
    {&activation_backward, false, 33, 129, 0, CLB_ACTIVATION_GELU_TANH, 0, NULL, VERIFY_PLAIN},
    {&activation_backward, false, 33, 129, 0, CLB_ACTIVATION_TANH, 0, NULL, VERIFY_PLAIN},
    {&activation_backward, true, 3, 7, 0, VERIFY_IN_PLACE + CLB_ACTIVATION_GELU, 0, NULL,
     VERIFY_PLAIN},
    {&linear_forward, true, 5, 7, 9, VERIFY_WITHOUT_PRE + CLB_ACTIVATION_GELU, 0, NULL,
     VERIFY_PLAIN},
#define FORWARD(tiny, m, n, k, variant, inputs)                                                    \
    VERIFY_REDUCED(&linear_forward, tiny, m, n, k, variant, 0, NULL, inputs)
    FORWARD(true, 5, 7, 9, VERIFY_WITH_BIAS + CLB_ACTIVATION_GELU, VERIFY_PLAIN),
    FORWARD(true, 5, 7, 9, VERIFY_WITHOUT_PRE + CLB_ACTIVATION_GELU, VERIFY_PLAIN),
    FORWARD(true, 1, 1, 1, CLB_ACTIVATION_NONE, VERIFY_PLAIN),
    FORWARD(true, 6, 8, 10, VERIFY_FP32_RESULT, VERIFY_PLAIN),
    FORWARD(true, 6, 20, 9, VERIFY_WITH_BIAS, VERIFY_INTEGERS),
    FORWARD(true, 5, 6, 10, VERIFY_WITH_BIAS, VERIFY_SPIKE),
    FORWARD(false, 37, 29, 45, VERIFY_WITH_BIAS + CLB_ACTIVATION_GELU, VERIFY_PLAIN),
    FORWARD(false, 37, 29, 45, VERIFY_WITH_BIAS + CLB_ACTIVATION_GELU_TANH, VERIFY_PLAIN),
    FORWARD(false, 37, 29, 45, VERIFY_FP32_RESULT + VERIFY_WITH_BIAS + CLB_ACTIVATION_TANH,
            VERIFY_PLAIN),
    FORWARD(false, 37, 29, 45, VERIFY_WITHOUT_PRE + VERIFY_WITH_BIAS + CLB_ACTIVATION_GELU_TANH,
            VERIFY_PLAIN),
    FORWARD(false, 16, 128, 2, VERIFY_FP32_RESULT + VERIFY_WITH_BIAS, VERIFY_PLAIN),
    FORWARD(false, 1, 256, 1024, VERIFY_WITH_BIAS + CLB_ACTIVATION_GELU, VERIFY_PLAIN),
    FORWARD(false, 300, 256, 768, VERIFY_WITH_BIAS, VERIFY_PLAIN),
    FORWARD(false, 300, 256, 768, VERIFY_FP32_RESULT, VERIFY_PLAIN),
    FORWARD(false, 129, 1000, 333, CLB_ACTIVATION_NONE, VERIFY_PLAIN),
    FORWARD(false, 20, 32, 1030, CLB_ACTIVATION_NONE, VERIFY_PLAIN),
    FORWARD(false, 64, 48, 64, CLB_ACTIVATION_NONE, VERIFY_INTEGERS),
    FORWARD(false, 65, 17, 63, VERIFY_FP32_RESULT, VERIFY_INTEGERS),
    FORWARD(false, 129, 515, 131, VERIFY_WITH_BIAS, VERIFY_INTEGERS),
    FORWARD(false, 129, 515, 131, VERIFY_FP32_RESULT + VERIFY_WITH_BIAS, VERIFY_INTEGERS),
    FORWARD(false, 33, 1, 129, CLB_ACTIVATION_GELU, VERIFY_FAR),
    FORWARD(false, 33, 5, 129, VERIFY_WITH_BIAS + CLB_ACTIVATION_TANH, VERIFY_NEAR),
    FORWARD(false, 37, 29, 45, VERIFY_WITH_BIAS, VERIFY_SPECIAL),
    FORWARD(false, 37, 1, 45, CLB_ACTIVATION_GELU, VERIFY_SPECIAL),
#define INPUT(tiny, m, n, k, variant, inputs)                                                      \
    VERIFY_REDUCED(&linear_backward_input, tiny, m, n, k, variant, 0, NULL, inputs)
    INPUT(true, 5, 7, 9, 0, VERIFY_PLAIN),
    INPUT(true, 5, 7, 9, 1, VERIFY_PLAIN),
    INPUT(true, 6, 9, 20, 1, VERIFY_INTEGERS),
    INPUT(true, 5, 7, 9, VERIFY_FP32_RESULT + 1, VERIFY_PLAIN),
    INPUT(false, 37, 29, 45, VERIFY_FP32_RESULT, VERIFY_PLAIN),
    INPUT(false, 16, 128, 2, 1, VERIFY_PLAIN),
    INPUT(false, 300, 256, 768, 0, VERIFY_PLAIN),
    INPUT(false, 300, 256, 768, VERIFY_FP32_RESULT + 1, VERIFY_PLAIN),
    INPUT(false, 129, 1000, 333, 1, VERIFY_PLAIN),
    INPUT(false, 65, 63, 17, VERIFY_FP32_RESULT, VERIFY_INTEGERS),
    INPUT(false, 129, 131, 515, 1, VERIFY_INTEGERS),
    INPUT(false, 60, 515, 31, 0, VERIFY_INTEGERS),
    INPUT(false, 37, 29, 45, 0, VERIFY_SPECIAL),
    INPUT(true, 5, 7, 9, VERIFY_SLOPE + CLB_ACTIVATION_GELU, VERIFY_PLAIN),
    INPUT(false, 130, 260, 45, VERIFY_SLOPE + CLB_ACTIVATION_GELU, VERIFY_PLAIN),
    INPUT(false, 37, 29, 515, VERIFY_FP32_RESULT + VERIFY_SLOPE + CLB_ACTIVATION_TANH,
          VERIFY_PLAIN),
#define WEIGHT(tiny, m, n, k, variant, inputs)                                                     \
    VERIFY_REDUCED(&linear_backward_weight, tiny, m, n, k, variant, 0, NULL, inputs)
    WEIGHT(true, 5, 7, 9, 0, VERIFY_PLAIN),
    WEIGHT(true, 1, 3, 2, 1, VERIFY_PLAIN),
    WEIGHT(true, 6, 8, 10, 0, VERIFY_INTEGERS),
    WEIGHT(false, 37, 29, 45, 0, VERIFY_PLAIN),
    WEIGHT(false, 16, 128, 2, 0, VERIFY_PLAIN),
    WEIGHT(false, 2100, 64, 257, 0, VERIFY_PLAIN),
    WEIGHT(false, 300, 256, 768, 0, VERIFY_PLAIN),
    WEIGHT(false, 700, 30, 29, 0, VERIFY_INTEGERS),
    WEIGHT(false, 515, 129, 131, 1, VERIFY_INTEGERS),
    WEIGHT(false, 37, 29, 45, 0, VERIFY_SPECIAL),
    {&linear_forward, true, 5, 7, 9, VERIFY_TF32 + VERIFY_WITH_BIAS + CLB_ACTIVATION_GELU, 0, NULL,
     VERIFY_PLAIN},
    {&linear_forward, false, 129, 100, 133, VERIFY_TF32, 0, NULL, VERIFY_PLAIN},
    {&linear_backward_input, true, 5, 7, 9, VERIFY_TF32 + VERIFY_SLOPE + CLB_ACTIVATION_GELU, 0,
     NULL, VERIFY_PLAIN},
    {&linear_backward_weight, true, 5, 7, 9, VERIFY_TF32, 0, NULL, VERIFY_PLAIN},
    {&linear_backward_weight, false, 300, 64, 68, VERIFY_TF32, 0, NULL, VERIFY_PLAIN},
#define ACTIVATION(tiny, m, n, variant, inputs)                                                    \
    VERIFY_REDUCED(&activation_backward, tiny, m, n, 0, variant, 0, NULL, inputs)
    ACTIVATION(true, 3, 7, CLB_ACTIVATION_GELU, VERIFY_PLAIN),
    ACTIVATION(true, 3, 7, VERIFY_IN_PLACE + CLB_ACTIVATION_GELU, VERIFY_PLAIN),
    ACTIVATION(false, 33, 129, VERIFY_IN_PLACE + CLB_ACTIVATION_GELU_TANH, VERIFY_PLAIN),
    ACTIVATION(false, 33, 129, VERIFY_FP32_RESULT + CLB_ACTIVATION_TANH, VERIFY_PLAIN),
    ACTIVATION(false, 33, 129, VERIFY_IN_PLACE + CLB_ACTIVATION_GELU, VERIFY_FAR),
    ACTIVATION(false, 33, 129, CLB_ACTIVATION_GELU_TANH, VERIFY_FAR),
    ACTIVATION(false, 33, 129, CLB_ACTIVATION_GELU, VERIFY_SPECIAL),
};
const struct verify_cases verify_linear_cases = VERIFY_CASES(cases);
