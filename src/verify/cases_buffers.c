/* SPDX-License-Identifier: Apache-2.0 */
#include "base/narrow.h"
#include "verify/verify_ops.h"

#include <math.h>

const struct clb_random verify_fill_random = {0x123456789abcdef, CLB_PURPOSE_INIT + 2, 9};

/* ---- buffers of m * n elements ---- */

static void plan_two(struct verify_plan *p, const struct verify_case *c)
{
    verify_out(p, "out", c->m, c->n, 0, 0); /* one rounding, so one result */
    verify_usual(p);
    verify_in(p, "x", c->m, c->n);
    verify_usual(p);
}

static void plan_bits(struct verify_plan *p, const struct verify_case *c)
{
    verify_out(p, "out", c->m, c->n, VERIFY_BITS, 0);
    verify_in(p, "x", c->m, c->n);
    verify_usual(p);
}

static enum clb_status run_fill(const struct verify_case *c, const struct clb_tensor *t)
{
    (void)c;
    return clb_fill(&t[0], VERIFY_FILL);
}

static enum clb_status run_copy(const struct verify_case *c, const struct clb_tensor *t)
{
    (void)c;
    return clb_copy(&t[0], &t[1]);
}

/* ---- casts: variant is the reduced type ---- */

/* Numbers between others, ties, what is too large, what is subnormal there. */
static float of_all_sizes(const struct verify_case *c, int64_t e, float u)
{
    static const float ends[] = {65504.0f,     65519.9f,     65520.0f,   0x1p-14f,
                                 0x1.ffcp-15f, 0x1.ff8p-15f, 0x1.8p-15f, 0x1p-24f,
                                 0x1p-25f,     0x3p-25f,     0x1.004p0f, 0x1.00cp0f,
                                 0x1.01p0f,    0x1.03p0f,    3.4e38f,    0x1.fffffep127f};
    const int64_t count = sizeof ends / sizeof *ends;
    if (e < 2 * count) return e % 2 ? -ends[e / 2] : ends[e / 2];
    if (c->inputs == VERIFY_SPECIAL) {
        /* NaN that is an infinity, or a zero, to who rounds its digits. */
        if (e % 101 == 71) return base_float_of(0x7f800001);
        if (e % 101 == 83) return base_float_of(0xffffffff);
        return verify_special(c, e, u);
    }
    return ldexpf(u, (int)(e % 60) - 40);
}

static void plan_narrow(struct verify_plan *p, const struct verify_case *c)
{
    verify_out(p, "out", c->m, c->n, VERIFY_BITS, 0);
    verify_reduced(p, (enum clb_type)c->variant);
    verify_in(p, "x", c->m, c->n);
    verify_each(p, of_all_sizes);
}

static void plan_widen(struct verify_plan *p, const struct verify_case *c)
{
    verify_out(p, "out", c->m, c->n, VERIFY_BITS, 0);
    verify_in(p, "x", c->m, c->n);
    verify_each(p, of_all_sizes);
    verify_reduced(p, (enum clb_type)c->variant);
}

static const char *type_name(int variant)
{
    return variant == CLB_BF16 ? " bf16" : variant == CLB_F16 ? " fp16" : " tf32";
}

static enum clb_status run_cast(const struct verify_case *c, const struct clb_tensor *t)
{
    (void)c;
    return clb_cast(&t[0], &t[1]);
}

/* ---- arithmetic ---- */

static enum clb_status run_add(const struct verify_case *c, const struct clb_tensor *t)
{
    (void)c;
    return clb_add(&t[0], &t[1]);
}

static enum clb_status run_scale(const struct verify_case *c, const struct clb_tensor *t)
{
    (void)c;
    return clb_scale(&t[0], VERIFY_FACTOR);
}

static enum clb_status run_fill_uniform(const struct verify_case *c, const struct clb_tensor *t)
{
    (void)c;
    return clb_fill_uniform(&t[0], verify_fill_random);
}

static enum clb_status run_fill_truncated_normal(const struct verify_case *c,
                                                 const struct clb_tensor *t)
{
    (void)c;
    return clb_fill_truncated_normal(&t[0], VERIFY_DEVIATION, verify_fill_random);
}

/* A large square begins every lane's sum, to which each of those that follow is too small. */
static float lost_terms(const struct verify_case *c, int64_t e, float u)
{
    (void)c;
    (void)u;
    return e % 32768 < 256 ? 4096.0f : 1.0f;
}

/* Whatever the length: both sides promise better than a plain sum. */
static void plan_sum_of_squares(struct verify_plan *p, const struct verify_case *c)
{
    verify_out(p, "out", 1, 1, 16, 0);
    verify_in(p, "x", c->m, c->n);
    verify_usual(p);
    if (c->inputs == VERIFY_LOST) verify_each(p, lost_terms);
}

static enum clb_status run_sum_of_squares(const struct verify_case *c, const struct clb_tensor *t)
{
    (void)c;
    return clb_sum_of_squares(&t[0], &t[1]);
}

/* ---- the cases ---- */

VERIFY_OPERATION(fill, plan_bits);
VERIFY_OPERATION(copy, plan_bits);
static const struct verify_operation narrow = {"cast", plan_narrow, run_cast, type_name};
static const struct verify_operation widen = {"cast back", plan_widen, run_cast, type_name};
VERIFY_OPERATION(add, plan_two);
VERIFY_OPERATION(scale, plan_two);
VERIFY_OPERATION(sum_of_squares, plan_sum_of_squares);
VERIFY_OPERATION(fill_uniform, plan_bits);
VERIFY_OPERATION(fill_truncated_normal, plan_bits);

static const struct verify_case cases[] = {
    {&fill, true, 3, 7, 0, 0, 0, NULL, VERIFY_PLAIN},
    {&copy, true, 3, 7, 0, 0, 0, NULL, VERIFY_PLAIN},
    {&copy, false, 301, 129, 0, 0, 0, NULL, VERIFY_PLAIN},
    {&fill, false, 301, 129, 0, 0, 0, NULL, VERIFY_PLAIN},
    {&copy, false, 301, 129, 0, 0, 0, NULL, VERIFY_SPECIAL},
    {&narrow, true, 5, 9, 0, CLB_BF16, 0, NULL, VERIFY_PLAIN},
    {&narrow, true, 5, 9, 0, CLB_F16, 0, NULL, VERIFY_PLAIN},
    {&narrow, false, 301, 129, 0, CLB_BF16, 0, NULL, VERIFY_SPECIAL},
    {&narrow, false, 301, 129, 0, CLB_F16, 0, NULL, VERIFY_SPECIAL},
    {&narrow, true, 7, 9, 0, CLB_TF32, 0, NULL, VERIFY_SPECIAL},
    {&widen, true, 5, 9, 0, CLB_BF16, 0, NULL, VERIFY_PLAIN},
    {&widen, true, 5, 9, 0, CLB_F16, 0, NULL, VERIFY_PLAIN},
    {&widen, false, 301, 129, 0, CLB_BF16, 0, NULL, VERIFY_SPECIAL},
    {&widen, false, 301, 129, 0, CLB_F16, 0, NULL, VERIFY_SPECIAL},
    {&add, true, 3, 7, 0, 0, 0, NULL, VERIFY_PLAIN},
    {&add, false, 301, 129, 0, 0, 0, NULL, VERIFY_SPECIAL},
    {&scale, false, 301, 129, 0, 0, 0, NULL, VERIFY_SPECIAL},
    {&add, false, 301, 129, 0, 0, 0, NULL, VERIFY_PLAIN},
    {&scale, true, 3, 7, 0, 0, 0, NULL, VERIFY_PLAIN},
    {&scale, false, 301, 129, 0, 0, 0, NULL, VERIFY_PLAIN},
    {&sum_of_squares, true, 3, 7, 0, 0, 0, NULL, VERIFY_PLAIN},
    {&sum_of_squares, false, 301, 300, 0, 0, 0, NULL, VERIFY_INTEGERS},
    {&sum_of_squares, false, 301, 300, 0, 0, 0, NULL, VERIFY_LOST},
    {&sum_of_squares, false, 301, 300, 0, 0, 0, NULL, VERIFY_SPECIAL},
    {&sum_of_squares, false, 1000, 1001, 0, 0, 0, NULL, VERIFY_PLAIN},
    {&fill_uniform, true, 3, 7, 0, 0, 0, NULL, VERIFY_PLAIN},
    {&fill_uniform, false, 301, 129, 0, 0, 0, NULL, VERIFY_PLAIN},
    {&fill_truncated_normal, true, 3, 7, 0, 0, 0, NULL, VERIFY_PLAIN},
    {&fill_truncated_normal, false, 301, 129, 0, 0, 0, NULL, VERIFY_PLAIN},
};
const struct verify_cases verify_buffer_cases = VERIFY_CASES(cases);
