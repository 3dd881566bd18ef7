/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/verify_ops.h"

#include <math.h>

/* ---- loss: m rows of n logits; variant 1: no gradient ---- */

enum { LARGE_ROWS = 64 }; /* of VERIFY_LOST: one for every work-item of a group */

static float logits(const struct verify_case *c, int64_t e, float u)
{
    const int64_t row = e / c->n, column = e % c->n;
    switch (c->inputs) {
    case VERIFY_SHARP: /* exp of them overflows in one row and vanishes in the next */
        return 200.0f * u + (row % 2 ? 1000.0f : -1000.0f);
    case VERIFY_SPIKE: /* who does not see it gets infinity */
        return column == (29 * row + 7) % c->n ? 200.0f : u;
    case VERIFY_TIES:
        return rintf(1.5f * u);
    case VERIFY_FAR: /* words that cannot be: their label is none of them */
        return column % 4 == 3 ? -INFINITY : u;
    case VERIFY_LOST: /* losses of 2^24, then many that are too small to be added to that */
        return row < LARGE_ROWS && column == 0 ? -0x1p24f : 0.0f;
    default:
        return u;
    }
}

static void plan_cross_entropy(struct verify_plan *p, const struct verify_case *c)
{
    const double gradient = VERIFY_EXP + VERIFY_DIVIDE + VERIFY_REFERENCE + 4;
    /* Log of a sum, less a logit: the sum's relative error is an error of the log. A row's loss is
     * at least about log 2, unless there is only one. */
    const double loss = VERIFY_LOG + 1.5 * (VERIFY_EXP + VERIFY_REFERENCE);
    int32_t labels[128];
    verify_out(p, "sums", 2, 1, 0, 0);
    verify_part(p, "loss", 1, loss, c->n);
    verify_floor(p, (double)c->m * log(2.0));
    verify_part(p, "correct", 1, 0, 0);
    verify_out(p, "logits", c->m, c->n, c->variant == 1 ? VERIFY_BITS : gradient, c->n);
    verify_usual(p);
    verify_each(p, logits);
    if (c->inputs == VERIFY_LOST)
        verify_in_zero_ints(p, "labels", c->m);
    else if (c->inputs != VERIFY_FAR)
        verify_in_random_ints(p, "labels", c->m, (int32_t)c->n, false);
    else {
        for (int32_t r = 0; r < c->m; r++) labels[r] = r * 4 % (int32_t)((c->n + 3) / 4 * 4);
        verify_in_ints(p, "labels", labels, c->m);
    }
}

static enum clb_status run_cross_entropy(const struct verify_case *c, const struct clb_tensor *t)
{
    return clb_cross_entropy(&t[0], &t[1], &t[2], c->variant == 1 ? 0.0f : 1.0f / (float)c->m);
}

/* ---- the cases ---- */

VERIFY_OPERATION(cross_entropy, plan_cross_entropy);

static const struct verify_case cases[] = {
    {&cross_entropy, true, 3, 7, 0, 0, 0, NULL, VERIFY_PLAIN},
    {&cross_entropy, true, 1, 2, 0, 1, 0, NULL, VERIFY_PLAIN},
    {&cross_entropy, true, 4, 9, 0, 0, 0, NULL, VERIFY_SHARP},
    {&cross_entropy, true, 6, 5, 0, 0, 0, NULL, VERIFY_TIES},
    {&cross_entropy, false, 77, 2, 0, 0, 0, NULL, VERIFY_TIES},
    {&cross_entropy, false, 100, 33, 0, 1, 0, NULL, VERIFY_TIES},
    {&cross_entropy, false, 100, 301, 0, 0, 0, NULL, VERIFY_TIES},
    {&cross_entropy, false, 50, 1001, 0, 0, 0, NULL, VERIFY_SHARP},
    {&cross_entropy, false, 128, 1001, 0, 0, 0, NULL, VERIFY_SPIKE},
    {&cross_entropy, false, 50, 1003, 0, 0, 0, NULL, VERIFY_FAR},
    {&cross_entropy, false, 8192, 2, 0, 0, 0, NULL, VERIFY_LOST},
    {&cross_entropy, false, 50, 40, 0, 0, 0, NULL, VERIFY_SPECIAL},
    {&cross_entropy, false, 77, 2, 0, 0, 0, NULL, VERIFY_PLAIN},
    {&cross_entropy, false, 50, 8003, 0, 0, 0, NULL, VERIFY_PLAIN},
    {&cross_entropy, false, 50, 8003, 0, 1, 0, NULL, VERIFY_PLAIN},
};
const struct verify_cases verify_loss_cases = VERIFY_CASES(cases);
