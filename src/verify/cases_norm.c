/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/verify_ops.h"

#include <math.h>

/* ---- norm: m tokens, n hidden; variant 1: neither bias nor residual nor copy, in place; operands
 * of products, which norm gives, may be reduced ---- */

static bool is_plain(const struct verify_case *c)
{
    return verify_case_variant(c) == 1;
}

enum { MEAN = 4096 }; /* of VERIFY_LARGE_MEAN; sums of up to 4096 such numbers are exact */

/* Integers around MEAN: only the division by n rounds. */
static float around_mean(const struct verify_case *c, int64_t e, float u)
{
    return MEAN + verify_integer(c, e, u);
}

/* Rows of zeros, and of multiples of 2^-20 whose variance is about epsilon: all sums are exact. */
static float constant_rows(const struct verify_case *c, int64_t e, float u)
{
    return e / c->n % 2 ? 0x1p-20f * verify_integer(c, e, u) : 0.0f;
}

static void norm_numbers(struct verify_plan *p, const struct verify_case *c)
{
    verify_usual(p);
    if (c->inputs == VERIFY_LARGE_MEAN) verify_each(p, around_mean);
    if (c->inputs == VERIFY_CONSTANT_ROWS) verify_each(p, constant_rows);
}

/* What the mean's rounding by division adds to a row's distances from it, which are about 1. */
static double mean_ulps(const struct verify_case *c)
{
    return c->inputs == VERIFY_LARGE_MEAN ? (VERIFY_DIVIDE + 1.0) * MEAN : 0.0;
}

static void plan_norm_forward(struct verify_plan *p, const struct verify_case *c)
{
    const double mean = mean_ulps(c), rstd = VERIFY_SQRT + VERIFY_DIVIDE + 4;
    verify_out(p, "out", c->m, c->n, rstd + 4 + mean, c->n);
    verify_out(p, "copy", c->m, c->n, rstd + 4 + mean, c->n);
    verify_result(p);
    verify_out(p, "sum", c->m, c->n, 4, 0);
    if (is_plain(c)) norm_numbers(p, c); /* it is y */
    verify_out(p, "stats", c->m, 2, 0, 0);
    verify_part(p, "mean", 1, VERIFY_DIVIDE, c->n);
    if (c->inputs != VERIFY_LARGE_MEAN && c->inputs != VERIFY_CONSTANT_ROWS)
        verify_floor(p, VERIFY_RMS / sqrt((double)c->n));
    /* The distances' error is the same in all of them, so that only its square remains. */
    verify_part(p, "rstd", 1, rstd + 0.5 * mean * mean * 0x1p-24, c->n);
    verify_in(p, "y", c->m, c->n);
    norm_numbers(p, c);
    verify_in(p, "bias", c->n, 1);
    verify_in(p, "residual", c->m, c->n);
    verify_in(p, "gamma", c->n, 1);
    verify_in(p, "beta", c->n, 1);
}

static enum clb_status run_norm_forward(const struct verify_case *c, const struct clb_tensor *t)
{
    const bool plain = is_plain(c); /* sum is y */
    return clb_norm_forward(&t[0], plain ? NULL : &t[1], &t[2], &t[3], plain ? &t[2] : &t[4],
                            plain ? NULL : &t[5], plain ? NULL : &t[6], &t[7], &t[8], 1e-12f,
                            verify_dropout(c));
}

static float stats_around_mean(const struct verify_case *c, int64_t e, float u)
{
    (void)c;
    return e % 2 ? u : MEAN + u;
}

/* Of d_y, which the reference has not rounded, in a sum: 0.4 u a term, and five deviations. */
static double rounding_of_terms(const struct verify_case *c)
{
    const enum clb_type type = verify_case_operands(c);
    return type == CLB_F32 ? 0.0 : 2.0 * 0x1p24 * (type == CLB_BF16 ? 0x1p-8 : 0x1p-11);
}

static void plan_norm_backward(struct verify_plan *p, const struct verify_case *c)
{
    verify_out(p, "d_sum", c->m, c->n, 16, c->n);
    verify_out(p, "d_y", c->m, c->n, 16, c->n);
    verify_result(p);
    verify_out(p, "d_gamma", c->n, 1, 8, c->m);
    verify_out(p, "d_beta", c->n, 1, 4, c->m);
    verify_out(p, "d_bias", c->n, 1, 16 + rounding_of_terms(c), c->m + c->n);
    verify_in(p, "d_out", c->m, c->n);
    if (c->inputs == VERIFY_SPECIAL) verify_usual(p);
    verify_in(p, "sum", c->m, c->n);
    norm_numbers(p, c);
    verify_in_positive(p, "stats", c->m, 2);
    if (c->inputs == VERIFY_LARGE_MEAN) verify_each(p, stats_around_mean);
    verify_in(p, "gamma", c->n, 1);
}

static enum clb_status run_norm_backward(const struct verify_case *c, const struct clb_tensor *t)
{
    const bool plain = is_plain(c); /* d_sum is d_out */
    return clb_norm_backward(&t[0], plain ? NULL : &t[1], &t[2], &t[3], plain ? NULL : &t[4],
                             plain ? &t[0] : &t[5], &t[6], &t[7], &t[8], verify_dropout(c));
}

static void plan_dropout_apply(struct verify_plan *p, const struct verify_case *c)
{
    verify_out(p, "out", c->m, c->n, VERIFY_DIVIDE + 1, 0);
    verify_in(p, "x", c->m, c->n);
    verify_usual(p);
}

static enum clb_status run_dropout_apply(const struct verify_case *c, const struct clb_tensor *t)
{
    return clb_dropout_apply(&t[0], c->variant == 1 ? &t[0] : &t[1], verify_dropout(c));
}

/* ---- the cases ---- */

VERIFY_OPERATION(norm_forward, plan_norm_forward);
VERIFY_OPERATION(norm_backward, plan_norm_backward);
VERIFY_OPERATION(dropout_apply, plan_dropout_apply);

static const struct verify_case cases[] = {
    {&norm_forward, true, 3, 7, 0, 0, 0.25f, NULL, VERIFY_PLAIN},
    {&norm_forward, true, 1, 70, 0, 1, 0, NULL, VERIFY_PLAIN},
    {&norm_forward, false, 37, 128, 0, 0, 0.1f, NULL, VERIFY_PLAIN},
    {&norm_forward, false, 37, 129, 0, 0, 0.1f, NULL, VERIFY_PLAIN},
    {&norm_forward, false, 65, 768, 0, 0, 0, NULL, VERIFY_PLAIN},
    {&norm_forward, false, 9, 1023, 0, 1, 0, NULL, VERIFY_PLAIN},
    {&norm_forward, true, 4, 20, 0, 1, 0, NULL, VERIFY_CONSTANT_ROWS},
    {&norm_forward, false, 9, 768, 0, 1, 0, NULL, VERIFY_CONSTANT_ROWS},
    {&norm_forward, true, 3, 20, 0, 1, 0, NULL, VERIFY_LARGE_MEAN},
    {&norm_forward, false, 9, 777, 0, 1, 0, NULL, VERIFY_LARGE_MEAN},
    {&norm_forward, false, 37, 128, 0, 0, 0.999f, NULL, VERIFY_PLAIN},
    {&norm_forward, false, 37, 20, 0, 0, 0.1f, NULL, VERIFY_SPECIAL},
    VERIFY_REDUCED(&norm_forward, true, 3, 7, 0, 0, 0.25f, NULL, VERIFY_PLAIN),
    VERIFY_REDUCED(&norm_forward, false, 37, 768, 0, 0, 0.1f, NULL, VERIFY_PLAIN),
    {&norm_backward, true, 3, 7, 0, 0, 0.25f, NULL, VERIFY_PLAIN},
    {&norm_backward, true, 1, 70, 0, 1, 0, NULL, VERIFY_PLAIN},
    {&norm_backward, false, 37, 128, 0, 0, 0.1f, NULL, VERIFY_PLAIN},
    {&norm_backward, false, 37, 129, 0, 0, 0.1f, NULL, VERIFY_PLAIN},
    {&norm_backward, false, 2500, 64, 0, 0, 0, NULL, VERIFY_PLAIN},
    {&norm_backward, false, 65, 768, 0, 1, 0, NULL, VERIFY_PLAIN},
    {&norm_backward, false, 37, 130, 0, 0, 0.1f, NULL, VERIFY_LARGE_MEAN},
    {&norm_backward, false, 37, 130, 0, 0, 0.999f, NULL, VERIFY_PLAIN},
    {&norm_backward, false, 37, 20, 0, 0, 0.1f, NULL, VERIFY_SPECIAL},
    VERIFY_REDUCED(&norm_backward, true, 3, 7, 0, 0, 0.25f, NULL, VERIFY_PLAIN),
    VERIFY_REDUCED(&norm_backward, false, 37, 768, 0, 0, 0, NULL, VERIFY_PLAIN),
    {&dropout_apply, true, 3, 7, 0, 0, 0.5f, NULL, VERIFY_PLAIN},
    {&dropout_apply, false, 301, 129, 0, 0, 0.9999f, NULL, VERIFY_PLAIN},
    {&dropout_apply, false, 301, 129, 0, 0, 0.1f, NULL, VERIFY_SPECIAL},
    {&dropout_apply, false, 301, 129, 0, 1, 0.1f, NULL, VERIFY_PLAIN},
    {&dropout_apply, false, 301, 129, 0, 0, 0, NULL, VERIFY_PLAIN},
};
const struct verify_cases verify_norm_cases = VERIFY_CASES(cases);
