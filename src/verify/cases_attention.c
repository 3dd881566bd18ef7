/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/verify_ops.h"

#include <math.h>

/* ---- attention: n heads of size k over sequences of the given lengths, m times (0: once) ---- */

/* Of VERIFY_SHARP: queries and keys are in (-SHARP, SHARP), so that scores have a deviation of
 * SHARP^2 / 3 and the exp of many overflows, or vanishes for a whole row. Of VERIFY_FAR queries are
 * in (SHARP / 2, SHARP) and keys opposite: every score is far below 0, and exp(-lse) overflows. */
enum { SHARP = 18 };

static float qkv_numbers(const struct verify_case *c, int64_t e, float u)
{
    const int64_t hidden = c->n * c->k, row = e / (3 * hidden), column = e % (3 * hidden);
    if (c->inputs == VERIFY_SHARP && column < 2 * hidden) return SHARP * u;
    if (c->inputs == VERIFY_FAR && column < 2 * hidden)
        return (column < hidden ? SHARP : -SHARP) * (0.75f + 0.25f * u);
    if (c->inputs == VERIFY_SPECIAL && row == 0 && column == 0) return NAN;
    if (c->inputs == VERIFY_SPECIAL && row == 7 && column == 2 * hidden) return NAN;
    if (c->inputs == VERIFY_SPECIAL && row == 9 && column == 3 * hidden - 1) return INFINITY;
    return u;
}

static bool is_sharp(const struct verify_case *c)
{
    return c->inputs == VERIFY_SHARP || c->inputs == VERIFY_FAR;
}

/* Queries and keys are in (-spread, spread). */
static double spread(const struct verify_case *c)
{
    return is_sharp(c) ? SHARP : 1.0;
}

/* The deviation of scores: q . k / sqrt(k). */
static double score_size(const struct verify_case *c)
{
    return spread(c) * spread(c) / 3.0;
}

/* What a score's error, that of a sum of k products, changes in a probability: exp makes it a
 * relative one. Half as much again as other sums, for the scores that have the probability are the
 * largest, and so were their partial sums. */
static double score_ulps(const struct verify_case *c)
{
    return 1.5 * 2.0 * score_size(c) * sqrt((double)c->k);
}

static void in_qkv(struct verify_plan *p, const struct verify_case *c,
                   const struct verify_sequences *s)
{
    verify_in(p, "qkv", s->tokens, 3 * c->n * c->k);
    verify_each(p, qkv_numbers);
    verify_multiplied(p);
    verify_in_cu_seqlens(p, c);
}

/* out = sum of p v: the relative error of a probability, exp(s - largest) / sum, is that of out. An
 * error of s is one of lse, which the sum of k terms covers: of a deviation of 1/3, or relative to
 * an lse as large as the scores. */
static void plan_attention_forward(struct verify_plan *p, const struct verify_case *c)
{
    const struct verify_sequences s = verify_sequences(c);
    const double ulps = VERIFY_EXP + VERIFY_DIVIDE + VERIFY_REFERENCE + 4 + score_ulps(c);
    verify_out(p, "out", s.tokens, c->n * c->k, ulps, s.longest + c->k);
    verify_result(p);
    verify_out(p, "lse", c->n, s.tokens, VERIFY_LOG + VERIFY_EXP + 4, s.longest + c->k);
    verify_floor(p, 1);
    in_qkv(p, c, &s);
}

static enum clb_status run_attention_forward(const struct verify_case *c,
                                             const struct clb_tensor *t)
{
    return clb_attention_forward(&t[0], &t[1], &t[2], &t[3], verify_sequences(c).longest, c->n,
                                 verify_dropout(c));
}

/* Of a gradient, in units: p = exp(s - lse) has the errors of exp, of the score in s and in lse, of
 * the log of the sum, at most the length, in lse, and of rounding lse, which is that log and the
 * largest score (4 deviations). Of delta = d_out . out the error of out counts where few keys have
 * the probability, and they share it: a half. */
static double gradient_ulps(const struct verify_case *c, const struct verify_sequences *s)
{
    const double length = log((double)s->longest);
    const double lse = VERIFY_LOG * length + length + 4.0 * score_size(c);
    const double delta = 0.5 * (VERIFY_EXP + VERIFY_DIVIDE + VERIFY_REFERENCE + 4);
    return VERIFY_EXP + VERIFY_REFERENCE + 2.0 * score_ulps(c) + lse + delta;
}

/* What dQ and dK are measured against at least. They are sums over keys (queries) of
 * p (d_out . v - delta) k / sqrt(k): where one key has all the probability this cancels to nothing,
 * but for the rounding of both terms. So it is what one of the terms would give: d_out . v has a
 * deviation of sqrt(k) / 3, more by what dropout scales it, a key one of spread / sqrt(3), and the
 * squares of the probabilities sum up to 1, or to exp(1/9) / length where scores are plain. */
static double gradient_floor(const struct verify_case *c, const struct verify_sequences *s)
{
    const double squares = is_sharp(c) ? 1.0 : fmin(1.0, 1.12 / (double)s->shortest);
    return spread(c) * VERIFY_RMS / 3.0 * sqrt(squares) / (1.0 - (double)c->dropout);
}

/* out and lse are made by the device itself: forward is part of the case. Where out is reduced, two
 * sides' may be neighbours, which delta would see: then backward gets other numbers for it. */
static void plan_attention_backward(struct verify_plan *p, const struct verify_case *c)
{
    const struct verify_sequences s = verify_sequences(c);
    const int64_t hidden = c->n * c->k, terms = s.longest + c->k;
    const double ulps = gradient_ulps(c, &s), floor = gradient_floor(c, &s);
    verify_out(p, "d_qkv", s.tokens, 3 * hidden, 0, 0);
    verify_part(p, "dQ", hidden, ulps, terms);
    verify_floor(p, floor);
    verify_part(p, "dK", hidden, ulps, terms);
    verify_floor(p, floor);
    verify_part(p, "dV", hidden, ulps, terms);
    verify_result(p);
    verify_in(p, "d_out", s.tokens, hidden);
    verify_multiplied(p);
    verify_scratch(p, "out", s.tokens, hidden);
    verify_multiplied(p);
    verify_scratch(p, "lse", c->n, s.tokens);
    in_qkv(p, c, &s);
    if (verify_case_operands(c) == CLB_F32) return;
    verify_in(p, "out of backward", s.tokens, hidden);
    verify_multiplied(p);
}

static enum clb_status run_attention_backward(const struct verify_case *c,
                                              const struct clb_tensor *t)
{
    const int64_t longest = verify_sequences(c).longest;
    const struct clb_tensor *out = verify_case_operands(c) == CLB_F32 ? &t[2] : &t[6];
    enum clb_status status =
        clb_attention_forward(&t[2], &t[3], &t[4], &t[5], longest, c->n, verify_dropout(c));
    if (status != CLB_OK) return status;
    return clb_attention_backward(&t[0], &t[1], out, &t[3], &t[4], &t[5], longest, c->n,
                                  verify_dropout(c));
}

/* ---- the cases ---- */

VERIFY_OPERATION(attention_forward, plan_attention_forward);
VERIFY_OPERATION(attention_backward, plan_attention_backward);

static const int32_t one_token[] = {1, 0};
static const int32_t one_sequence[] = {19, 0};
static const int32_t tiny_mix[] = {5, 1, 9, 0};
static const int32_t mixed[] = {1, 128, 7, 64, 33, 200, 2, 0};
static const int32_t long_one[] = {515, 3, 0};
static const int32_t very_long[] = {2100, 0};
static const int32_t beyond_a_tile[] = {40, 33, 0};
static const int32_t thirty[] = {30, 0};

static const struct verify_case cases[] = {
    {&attention_forward, true, 0, 2, 4, 0, 0.25f, tiny_mix, VERIFY_PLAIN},
    {&attention_forward, true, 0, 1, 3, 0, 0, one_token, VERIFY_PLAIN},
    {&attention_forward, false, 0, 3, 8, 0, 0.1f, one_sequence, VERIFY_PLAIN},
    {&attention_forward, false, 0, 2, 64, 0, 0, mixed, VERIFY_PLAIN},
    {&attention_forward, false, 0, 2, 64, 0, 0.1f, mixed, VERIFY_PLAIN},
    {&attention_forward, false, 0, 3, 21, 0, 0.1f, mixed, VERIFY_PLAIN},
    {&attention_forward, false, 0, 1, 128, 0, 0.1f, mixed, VERIFY_PLAIN},
    {&attention_forward, false, 0, 1, 160, 0, 0.1f, one_sequence, VERIFY_PLAIN},
    {&attention_forward, false, 0, 2, 32, 0, 0.1f, long_one, VERIFY_PLAIN},
    {&attention_forward, true, 0, 1, 4, 0, 0, beyond_a_tile, VERIFY_PLAIN},
    {&attention_forward, false, 0, 3, 4, 0, 0.1f, beyond_a_tile, VERIFY_SHARP},
    {&attention_forward, false, 0, 2, 64, 0, 0.1f, mixed, VERIFY_SHARP},
    {&attention_forward, false, 0, 3, 4, 0, 0.1f, beyond_a_tile, VERIFY_FAR},
    {&attention_forward, false, 0, 2, 64, 0, 0.9999f, tiny_mix, VERIFY_PLAIN},
    {&attention_forward, false, 70, 3, 4, 0, 0.1f, one_token, VERIFY_PLAIN},
    {&attention_forward, false, 0, 2, 80, 0, 0.1f, mixed, VERIFY_PLAIN},
    {&attention_forward, false, 0, 1, 264, 0, 0.1f, beyond_a_tile, VERIFY_PLAIN},
    {&attention_forward, false, 0, 1, 4, 0, 0.1f, very_long, VERIFY_PLAIN},
    {&attention_forward, false, 0, 2, 64, 0, 0.1f, mixed, VERIFY_SPECIAL},
    /* Dropout's elements pass 2^34, and with them a counter's low word 2^32. */
    {&attention_forward, false, 70, 128, 4, 0, 0.1f, thirty, VERIFY_PLAIN},
    {&attention_backward, true, 0, 2, 4, 0, 0.25f, tiny_mix, VERIFY_PLAIN},
    {&attention_backward, true, 0, 1, 3, 0, 0, one_token, VERIFY_PLAIN},
    {&attention_backward, false, 0, 3, 8, 0, 0.1f, one_sequence, VERIFY_PLAIN},
    {&attention_backward, false, 0, 2, 64, 0, 0, mixed, VERIFY_PLAIN},
    {&attention_backward, false, 0, 2, 64, 0, 0.1f, mixed, VERIFY_PLAIN},
    {&attention_backward, false, 0, 3, 21, 0, 0.1f, mixed, VERIFY_PLAIN},
    {&attention_backward, false, 0, 1, 128, 0, 0.1f, mixed, VERIFY_PLAIN},
    {&attention_backward, false, 0, 1, 160, 0, 0.1f, one_sequence, VERIFY_PLAIN},
    {&attention_backward, false, 0, 2, 32, 0, 0.1f, long_one, VERIFY_PLAIN},
    {&attention_backward, true, 0, 1, 4, 0, 0, beyond_a_tile, VERIFY_PLAIN},
    {&attention_backward, false, 0, 3, 4, 0, 0.1f, beyond_a_tile, VERIFY_SHARP},
    {&attention_backward, false, 0, 2, 64, 0, 0.1f, mixed, VERIFY_SHARP},
    {&attention_backward, false, 0, 3, 4, 0, 0.1f, beyond_a_tile, VERIFY_FAR},
    {&attention_backward, false, 0, 2, 64, 0, 0.9999f, tiny_mix, VERIFY_PLAIN},
    {&attention_backward, false, 70, 3, 4, 0, 0.1f, one_token, VERIFY_PLAIN},
    {&attention_backward, false, 0, 2, 80, 0, 0.1f, mixed, VERIFY_PLAIN},
    {&attention_backward, false, 0, 1, 264, 0, 0.1f, beyond_a_tile, VERIFY_PLAIN},
    {&attention_backward, false, 0, 1, 4, 0, 0.1f, very_long, VERIFY_PLAIN},
    {&attention_backward, false, 0, 2, 64, 0, 0.1f, mixed, VERIFY_SPECIAL},
    /* Dropout's elements pass 2^34, and with them a counter's low word 2^32. */
    {&attention_backward, false, 70, 128, 4, 0, 0.1f, thirty, VERIFY_PLAIN},
#define BOTH_WAYS(tiny, m, n, k, variant, dropout, lengths, inputs)                                \
    VERIFY_REDUCED(&attention_forward, tiny, m, n, k, variant, dropout, lengths, inputs),          \
        VERIFY_REDUCED(&attention_backward, tiny, m, n, k, variant, dropout, lengths, inputs)
    BOTH_WAYS(true, 0, 2, 4, 0, 0.25f, tiny_mix, VERIFY_PLAIN),
    BOTH_WAYS(true, 0, 1, 3, VERIFY_FP32_RESULT, 0, one_token, VERIFY_PLAIN),
    BOTH_WAYS(true, 0, 1, 4, VERIFY_FP32_RESULT, 0, beyond_a_tile, VERIFY_PLAIN),
    BOTH_WAYS(false, 0, 3, 8, 0, 0.1f, one_sequence, VERIFY_PLAIN),
    BOTH_WAYS(false, 0, 2, 64, 0, 0, mixed, VERIFY_PLAIN),
    BOTH_WAYS(false, 0, 2, 64, 0, 0.1f, mixed, VERIFY_PLAIN),
    BOTH_WAYS(false, 0, 3, 21, VERIFY_FP32_RESULT, 0.1f, mixed, VERIFY_PLAIN),
    BOTH_WAYS(false, 0, 1, 128, 0, 0.1f, mixed, VERIFY_PLAIN),
    BOTH_WAYS(false, 0, 1, 160, 0, 0.1f, one_sequence, VERIFY_PLAIN),
    BOTH_WAYS(false, 0, 2, 32, 0, 0.1f, long_one, VERIFY_PLAIN),
    BOTH_WAYS(false, 0, 3, 4, 0, 0.1f, beyond_a_tile, VERIFY_SHARP),
    BOTH_WAYS(false, 0, 2, 64, VERIFY_FP32_RESULT, 0.1f, mixed, VERIFY_SHARP),
    BOTH_WAYS(false, 0, 3, 4, 0, 0.1f, beyond_a_tile, VERIFY_FAR),
    BOTH_WAYS(false, 0, 1, 264, 0, 0.1f, beyond_a_tile, VERIFY_PLAIN),
    BOTH_WAYS(false, 0, 2, 64, 0, 0.1f, mixed, VERIFY_SPECIAL),
    {&attention_forward, true, 0, 2, 4, VERIFY_TF32, 0.25f, tiny_mix, VERIFY_PLAIN},
    {&attention_backward, true, 0, 2, 4, VERIFY_TF32, 0.25f, tiny_mix, VERIFY_PLAIN},
};
const struct verify_cases verify_attention_cases = VERIFY_CASES(cases);
