/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/verify_ops.h"

#include <math.h>

/* ---- optimisers: m blocks in three tensors of unequal size; step n; k: gradients are not clipped,
 * are clipped, have a norm below the limit; variant 1, 2: gradients are infinite, NaN, and nothing
 * may change ---- */

enum { NOT_CLIPPED, CLIPPED, BELOW_LIMIT };

/* Weights and gradients of VERIFY_ZEROS: the first tensor has no weights, the second does not move,
 * the last has and does nothing. */
static float zero_weights(const struct verify_case *c, int64_t e, float u)
{
    const int64_t block = e / CLB_BLOCK;
    return block == 0 || block == c->m - 1 ? 0.0f : u;
}

static float zero_gradients(const struct verify_case *c, int64_t e, float u)
{
    (void)c;
    return e < CLB_BLOCK ? u : 0.0f;
}

static float small_squares(const struct verify_case *c, int64_t e, float u)
{
    (void)c;
    (void)e;
    return 1e-6f * u;
}

static void gradient_numbers(struct verify_plan *p, const struct verify_case *c)
{
    if (c->inputs == VERIFY_ZEROS) verify_each(p, zero_gradients);
    if (c->inputs == VERIFY_NEAR || c->inputs == VERIFY_SPECIAL) verify_usual(p);
}

/* Every tensor by itself: their updates are of different sizes. */
static void by_tensor(struct verify_plan *p, const struct verify_case *c, double ulps)
{
    verify_part(p, "first tensor", CLB_BLOCK, ulps, 0);
    verify_part(p, "second tensor", (c->m - 2) * CLB_BLOCK, ulps, 0);
    verify_part(p, "last tensor", CLB_BLOCK, ulps, 0);
}

static void plan_optimizer(struct verify_plan *p, const struct verify_case *c)
{
    const int32_t first_block[] = {0, 1, (int32_t)c->m - 1, (int32_t)c->m};
    const float decay[] = {0.01f, 0.0f, 0.1f}, rate[] = {1.0f, 0.25f, 2.0f};
    const float squares[] = {(float)c->m * CLB_BLOCK / 3.0f, INFINITY, NAN};
    const bool frozen = c->variant != 0;
    /* The clip factor, then the update, and the ratio of LAMB. */
    const double ulps = frozen ? VERIFY_BITS : 2 * (VERIFY_SQRT + VERIFY_DIVIDE) + 10;
    verify_out(p, "w", c->m * CLB_BLOCK, 1, ulps, 0);
    if (c->inputs == VERIFY_ZEROS) verify_each(p, zero_weights);
    by_tensor(p, c, ulps);
    verify_scratch(p, "g", c->m * CLB_BLOCK, 1);
    gradient_numbers(p, c);
    verify_out(p, "m", c->m * CLB_BLOCK, 1, ulps, 0);
    gradient_numbers(p, c);
    by_tensor(p, c, ulps);
    verify_out_positive(p, "v", c->m * CLB_BLOCK, 1, ulps, 0);
    if (c->inputs == VERIFY_ZEROS) verify_each(p, zero_gradients);
    if (c->inputs == VERIFY_NEAR) verify_each(p, small_squares);
    by_tensor(p, c, ulps);
    verify_in_floats(p, "grad_square", &squares[c->variant], 1);
    int32_t *block_segment = verify_in_zero_ints(p, "block_segment", c->m);
    for (int32_t b = 0; block_segment && b < c->m; b++)
        block_segment[b] = b < first_block[1] ? 0 : b < first_block[2] ? 1 : 2;
    verify_in_ints(p, "first_block", first_block, 4);
    verify_in_floats(p, "decay", decay, 3);
    verify_in_floats(p, "rate", rate, 3);
}

static struct clb_optimizer_step step_of(const struct verify_case *c)
{
    const float limits[] = {0.0f, 1.0f, 1e6f};
    return (struct clb_optimizer_step){.learning_rate = 0.1f,
                                       .beta1 = 0.9f,
                                       .beta2 = 0.999f,
                                       .epsilon = c->inputs == VERIFY_NEAR ? 1e-3f : 1e-6f,
                                       .max_grad_norm = limits[c->k],
                                       .step = c->n};
}

#define RUN_OPTIMIZER(name)                                                                        \
    static enum clb_status run_##name(const struct verify_case *c, const struct clb_tensor *t)     \
    {                                                                                              \
        const struct clb_segments segments = {t[5], t[6], t[7], t[8]};                             \
        const struct clb_optimizer_step step = step_of(c);                                         \
        return clb_##name(&t[0], &t[1], &t[2], &t[3], &t[4], &segments, &step);                    \
    }
RUN_OPTIMIZER(adamw)
RUN_OPTIMIZER(bert_adam)
RUN_OPTIMIZER(lamb)

/* ---- the cases ---- */

VERIFY_OPERATION(adamw, plan_optimizer);
VERIFY_OPERATION(bert_adam, plan_optimizer);
VERIFY_OPERATION(lamb, plan_optimizer);

static const struct verify_case cases[] = {
    {&adamw, true, 3, 1, CLIPPED, 0, 0, NULL, VERIFY_PLAIN},
    {&adamw, false, 9, 100, NOT_CLIPPED, 0, 0, NULL, VERIFY_PLAIN},
    {&adamw, false, 150, 3, BELOW_LIMIT, 0, 0, NULL, VERIFY_PLAIN},
    {&adamw, false, 5, 2, NOT_CLIPPED, 0, 0, NULL, VERIFY_NEAR},
    {&adamw, true, 3, 2, BELOW_LIMIT, 0, 0, NULL, VERIFY_ZEROS},
    {&adamw, false, 3, 1, CLIPPED, 1, 0, NULL, VERIFY_SPECIAL},
    {&adamw, false, 3, 1, CLIPPED, 2, 0, NULL, VERIFY_SPECIAL},
    {&adamw, false, 3, 1, NOT_CLIPPED, 2, 0, NULL, VERIFY_PLAIN},
    {&bert_adam, true, 3, 1, CLIPPED, 0, 0, NULL, VERIFY_PLAIN},
    {&bert_adam, false, 9, 100, NOT_CLIPPED, 0, 0, NULL, VERIFY_PLAIN},
    {&bert_adam, false, 150, 3, BELOW_LIMIT, 0, 0, NULL, VERIFY_PLAIN},
    {&bert_adam, false, 5, 2, NOT_CLIPPED, 0, 0, NULL, VERIFY_NEAR},
    {&bert_adam, true, 3, 2, BELOW_LIMIT, 0, 0, NULL, VERIFY_ZEROS},
    {&bert_adam, false, 3, 1, CLIPPED, 1, 0, NULL, VERIFY_SPECIAL},
    {&bert_adam, false, 3, 1, CLIPPED, 2, 0, NULL, VERIFY_SPECIAL},
    {&bert_adam, false, 3, 1, NOT_CLIPPED, 2, 0, NULL, VERIFY_PLAIN},
    {&lamb, true, 3, 1, CLIPPED, 0, 0, NULL, VERIFY_PLAIN},
    {&lamb, false, 9, 100, NOT_CLIPPED, 0, 0, NULL, VERIFY_PLAIN},
    {&lamb, false, 150, 3, BELOW_LIMIT, 0, 0, NULL, VERIFY_PLAIN},
    {&lamb, false, 5, 2, NOT_CLIPPED, 0, 0, NULL, VERIFY_NEAR},
    {&lamb, true, 3, 2, BELOW_LIMIT, 0, 0, NULL, VERIFY_ZEROS},
    {&lamb, false, 3, 1, CLIPPED, 1, 0, NULL, VERIFY_SPECIAL},
    {&lamb, false, 3, 1, CLIPPED, 2, 0, NULL, VERIFY_SPECIAL},
    {&lamb, false, 3, 1, NOT_CLIPPED, 2, 0, NULL, VERIFY_PLAIN},
};
const struct verify_cases verify_optimizer_cases = VERIFY_CASES(cases);
