/* SPDX-License-Identifier: Apache-2.0 */
/* The losses of fine-tuning, and pooling. */
#include "verify/verify_ops.h"

#include <math.h>

/* A loss's variants: how its gradient is not wanted, what class_loss has besides. */
enum { NO_GRADIENT = 1, WEIGHTS = 2, SMOOTHING = 4 };

static float gradient_scale(const struct verify_case *c)
{
    return c->variant & NO_GRADIENT       ? 0.0f
           : c->inputs == VERIFY_INTEGERS ? 0.5f
                                          : 1.0f / (float)c->m;
}

/* Sums, whose loss is at least about `floor`; and logits, which a loss leaves or replaces. */
static void out_loss(struct verify_plan *p, double ulps, int64_t terms, double floor)
{
    verify_out(p, "sums", 2, 1, 0, 0);
    verify_part(p, "loss", 1, ulps, terms);
    verify_floor(p, floor);
    verify_part(p, "correct", 1, 0, 0);
}

static void out_logits(struct verify_plan *p, const struct verify_case *c, int64_t rows,
                       int64_t columns, double ulps, int64_t terms)
{
    verify_out(p, "logits", rows, columns, c->variant & NO_GRADIENT ? VERIFY_BITS : ulps, terms);
    verify_usual(p);
}

/* What a softmax's gradient and its loss are rounded by: cases_loss.c. */
#define SOFTMAX_GRADIENT (VERIFY_EXP + VERIFY_DIVIDE + VERIFY_REFERENCE + 4)
#define SOFTMAX_LOSS (VERIFY_LOG + 1.5 * (VERIFY_EXP + VERIFY_REFERENCE))

static float softmax_logits(const struct verify_case *c, int64_t e, float u)
{
    switch (c->inputs) {
    case VERIFY_SHARP: /* exp of them overflows, or vanishes */
        return 200.0f * u + (e / c->n % 2 ? 1000.0f : -1000.0f);
    case VERIFY_TIES:
        return rintf(1.5f * u);
    default:
        return u;
    }
}

/* ---- class_loss: m rows of n classes ---- */

/* Weights are in (0, 1): half a row's loss, at least, is left. Theirs and the smoothed labels'
 * products and sums are four more roundings. */
static void plan_class_loss(struct verify_plan *p, const struct verify_case *c)
{
    out_loss(p, SOFTMAX_LOSS + 4, c->n, 0.5 * (double)c->m * log(2.0));
    out_logits(p, c, c->m, c->n, SOFTMAX_GRADIENT + 4, c->n);
    verify_each(p, softmax_logits);
    verify_in_random_ints(p, "labels", c->m, (int32_t)c->n, false);
    verify_in_positive(p, "class_weights", c->n, 1);
}

static enum clb_status run_class_loss(const struct verify_case *c, const struct clb_tensor *t)
{
    return clb_class_loss(&t[0], &t[1], &t[2], c->variant & WEIGHTS ? &t[3] : NULL,
                          c->variant & SMOOTHING ? 0.1f : 0.0f, gradient_scale(c));
}

/* ---- span_loss: n = 2 columns ---- */

/* First and last rows, others, and every seventh left out. */
static int32_t span(int64_t which, int32_t length)
{
    if (which % 7 == 5) return -1;
    if (which % 3 == 0) return 0;
    return which % 3 == 1 ? length - 1 : (int32_t)(which * 5 % length);
}

static void plan_span_loss(struct verify_plan *p, const struct verify_case *c)
{
    const struct verify_sequences s = verify_sequences(c);
    out_loss(p, SOFTMAX_LOSS, s.longest, (double)s.count * log(2.0));
    out_logits(p, c, s.tokens, 2, SOFTMAX_GRADIENT, s.longest);
    verify_each(p, softmax_logits);
    verify_in_cu_seqlens(p, c);
    const int32_t *cu_seqlens = p->operands[p->count - 1].values;
    int32_t *spans = verify_in_zero_ints(p, "spans", 2 * s.count);
    for (int64_t i = 0; cu_seqlens && spans && i < 2 * s.count; i++)
        spans[i] = span(i, cu_seqlens[i / 2 + 1] - cu_seqlens[i / 2]);
}

static enum clb_status run_span_loss(const struct verify_case *c, const struct clb_tensor *t)
{
    const struct clb_tensor spans = clb_tensor_reshape(t[3], t[3].rows / 2, 2);
    const float scale = c->variant & NO_GRADIENT ? 0.0f : 1.0f / (float)t[3].rows;
    return clb_span_loss(&t[0], &t[1], &t[2], &spans, scale);
}

/* ---- by element: m rows of n numbers ---- */

static float far_logits(const struct verify_case *c, int64_t e, float u)
{
    (void)e;
    return c->inputs == VERIFY_FAR ? 200.0f * u : u;
}

/* An element's loss is about log 2 for logits near 0, and its error that of log. */
static void plan_binary_cross_entropy(struct verify_plan *p, const struct verify_case *c)
{
    out_loss(p, VERIFY_LOG + VERIFY_EXP + 4, c->n, (double)(c->m * c->n) * log(2.0));
    out_logits(p, c, c->m, c->n, SOFTMAX_GRADIENT, 0);
    verify_each(p, far_logits);
    verify_in_positive(p, "targets", c->m, c->n);
}

static enum clb_status run_binary_cross_entropy(const struct verify_case *c,
                                                const struct clb_tensor *t)
{
    return clb_binary_cross_entropy(&t[0], &t[1], &t[2], gradient_scale(c));
}

static void plan_squared_error(struct verify_plan *p, const struct verify_case *c)
{
    out_loss(p, 4, c->n, 0);
    if (c->inputs == VERIFY_INTEGERS) p->operands[0].parts[0].tolerance = 0x1p-23; /* not one */
    out_logits(p, c, c->m, c->n, 4, 0);
    verify_in(p, "targets", c->m, c->n);
    verify_usual(p);
}

static enum clb_status run_squared_error(const struct verify_case *c, const struct clb_tensor *t)
{
    return clb_squared_error(&t[0], &t[1], &t[2], gradient_scale(c));
}

/* ---- pool: n columns; the kind ---- */

static void plan_pool(struct verify_plan *p, const struct verify_case *c)
{
    const struct verify_sequences s = verify_sequences(c);
    const bool mean = c->variant == CLB_POOLING_MEAN;
    verify_out(p, "out", s.count, c->n, mean ? VERIFY_DIVIDE : 0, mean ? s.longest : 0);
    verify_in(p, "x", s.tokens, c->n);
    verify_usual(p);
    verify_in_cu_seqlens(p, c);
}

static enum clb_status run_pool(const struct verify_case *c, const struct clb_tensor *t)
{
    return clb_pool(&t[0], &t[1], &t[2], (enum clb_pooling)c->variant);
}

static const char *pooling_name(int variant)
{
    static const char *const names[] = {" mean", " max", " first"};
    return names[variant];
}

/* ---- the cases ---- */

VERIFY_OPERATION(class_loss, plan_class_loss);
VERIFY_OPERATION(span_loss, plan_span_loss);
VERIFY_OPERATION(binary_cross_entropy, plan_binary_cross_entropy);
VERIFY_OPERATION(squared_error, plan_squared_error);
static const struct verify_operation pool = {"pool", plan_pool, run_pool, pooling_name};

static const int32_t few[] = {3, 1, 5, 0}, several[] = {17, 64, 1, 130, 2, 65, 0},
                     long_one[] = {700, 0};

static const struct verify_case cases[] = {
    {&class_loss, true, 3, 7, 0, WEIGHTS | SMOOTHING, 0, NULL, VERIFY_PLAIN},
    {&class_loss, true, 6, 5, 0, 0, 0, NULL, VERIFY_TIES},
    {&class_loss, false, 77, 2, 0, WEIGHTS, 0, NULL, VERIFY_PLAIN},
    {&class_loss, false, 300, 9, 0, SMOOTHING, 0, NULL, VERIFY_TIES},
    {&class_loss, false, 50, 301, 0, WEIGHTS | SMOOTHING, 0, NULL, VERIFY_SHARP},
    {&class_loss, false, 50, 301, 0, WEIGHTS | SMOOTHING | NO_GRADIENT, 0, NULL, VERIFY_PLAIN},
    {&class_loss, false, 50, 40, 0, WEIGHTS | SMOOTHING, 0, NULL, VERIFY_SPECIAL},
    {&span_loss, true, 1, 2, 0, 0, 0, few, VERIFY_PLAIN},
    {&span_loss, true, 2, 2, 0, NO_GRADIENT, 0, few, VERIFY_TIES},
    {&span_loss, false, 3, 2, 0, 0, 0, several, VERIFY_TIES},
    {&span_loss, false, 3, 2, 0, 0, 0, several, VERIFY_SHARP},
    {&span_loss, false, 2, 2, 0, 0, 0, several, VERIFY_SPECIAL},
    {&span_loss, false, 9, 2, 0, 0, 0, long_one, VERIFY_PLAIN},
    {&binary_cross_entropy, true, 3, 7, 0, 0, 0, NULL, VERIFY_PLAIN},
    {&binary_cross_entropy, true, 5, 1, 0, NO_GRADIENT, 0, NULL, VERIFY_FAR},
    {&binary_cross_entropy, false, 50, 301, 0, 0, 0, NULL, VERIFY_FAR},
    {&binary_cross_entropy, false, 200, 9, 0, 0, 0, NULL, VERIFY_PLAIN},
    {&binary_cross_entropy, false, 50, 40, 0, 0, 0, NULL, VERIFY_SPECIAL},
    {&squared_error, true, 3, 7, 0, 0, 0, NULL, VERIFY_PLAIN},
    {&squared_error, true, 5, 1, 0, NO_GRADIENT, 0, NULL, VERIFY_PLAIN},
    {&squared_error, false, 50, 301, 0, 0, 0, NULL, VERIFY_INTEGERS},
    {&squared_error, false, 50, 40, 0, 0, 0, NULL, VERIFY_SPECIAL},
    {&squared_error, false, 1000, 1, 0, 0, 0, NULL, VERIFY_PLAIN},
    {&pool, true, 1, 7, 0, CLB_POOLING_MEAN, 0, few, VERIFY_PLAIN},
    {&pool, true, 1, 7, 0, CLB_POOLING_MAX, 0, few, VERIFY_PLAIN},
    {&pool, true, 1, 7, 0, CLB_POOLING_FIRST, 0, few, VERIFY_PLAIN},
    {&pool, false, 2, 257, 0, CLB_POOLING_MEAN, 0, several, VERIFY_PLAIN},
    {&pool, false, 2, 257, 0, CLB_POOLING_MEAN, 0, several, VERIFY_SPECIAL},
    {&pool, false, 2, 257, 0, CLB_POOLING_MAX, 0, several, VERIFY_SPECIAL},
    {&pool, false, 2, 257, 0, CLB_POOLING_MAX, 0, several, VERIFY_PLAIN},
    {&pool, false, 2, 257, 0, CLB_POOLING_FIRST, 0, several, VERIFY_SPECIAL},
};
const struct verify_cases verify_task_cases = VERIFY_CASES(cases);
