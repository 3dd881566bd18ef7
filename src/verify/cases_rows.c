/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/verify_ops.h"

/* ---- embeddings: m tokens, n hidden, k rows of the largest table ---- */

static void plan_embedding_forward(struct verify_plan *p, const struct verify_case *c)
{
    verify_out(p, "out", c->m, c->n, 4, 0);
    verify_in(p, "word", c->k, c->n);
    verify_usual(p);
    verify_in(p, "position", 7, c->n);
    if (c->inputs == VERIFY_INTEGERS) verify_usual(p);
    verify_in(p, "segment", 2, c->n);
    if (c->inputs == VERIFY_INTEGERS) verify_usual(p);
    verify_in_random_ints(p, "ids", c->m, (int32_t)c->k, false);
    verify_in_random_ints(p, "positions", c->m, 7, false);
    verify_in_random_ints(p, "segments", c->m, 2, false);
}

static enum clb_status run_embedding_forward(const struct verify_case *c,
                                             const struct clb_tensor *t)
{
    (void)c;
    return clb_embedding_forward(&t[0], &t[1], &t[2], &t[3], &t[4], &t[5], &t[6]);
}

/* Groups of unequal size: all rows of one residue modulo k, but the last group takes one alone
 * where it can. */
static void plan_embedding_backward(struct verify_plan *p, const struct verify_case *c)
{
    const int64_t groups = c->k < c->m ? c->k : c->m;
    verify_out(p, "d_table", c->k, c->n, 4, c->m);
    verify_usual(p);
    verify_in(p, "d_out", c->m, c->n);
    verify_usual(p);
    int32_t *order = verify_in_zero_ints(p, "order", c->m), next = 0;
    int32_t *begin = verify_in_zero_ints(p, "begin", groups + 1);
    int32_t *row = verify_in_zero_ints(p, "row", groups);
    for (int64_t g = 0; order && begin && row && g < groups; g++) {
        row[g] = (int32_t)(c->k - groups + g);
        for (int64_t t = 0; t < c->m; t++)
            if (t * (t + 1) / 2 % groups == g) order[next++] = (int32_t)t;
        begin[g + 1] = next;
    }
}

static enum clb_status run_embedding_backward(const struct verify_case *c,
                                              const struct clb_tensor *t)
{
    (void)c;
    const struct clb_row_groups groups = {t[2], t[3], t[4]};
    return clb_embedding_backward(&t[0], &t[1], &groups);
}

/* ---- rows: m of k rows, n columns ---- */

static void plan_gather_rows(struct verify_plan *p, const struct verify_case *c)
{
    verify_out(p, "out", c->m, c->n, VERIFY_BITS, 0);
    verify_in(p, "x", c->k, c->n);
    verify_usual(p);
    verify_in_random_ints(p, "rows", c->m, (int32_t)c->k, true);
}

static enum clb_status run_gather_rows(const struct verify_case *c, const struct clb_tensor *t)
{
    (void)c;
    return clb_gather_rows(&t[0], &t[1], &t[2]);
}

static void plan_scatter_add_rows(struct verify_plan *p, const struct verify_case *c)
{
    verify_out(p, "d_x", c->k, c->n, 0, 0);
    verify_in(p, "d_out", c->m, c->n);
    verify_usual(p);
    verify_in_random_ints(p, "rows", c->m, (int32_t)c->k, true);
}

static enum clb_status run_scatter_add_rows(const struct verify_case *c, const struct clb_tensor *t)
{
    (void)c;
    return clb_scatter_add_rows(&t[0], &t[1], &t[2]);
}

/* ---- the cases ---- */

VERIFY_OPERATION(embedding_forward, plan_embedding_forward);
VERIFY_OPERATION(embedding_backward, plan_embedding_backward);
VERIFY_OPERATION(gather_rows, plan_gather_rows);
VERIFY_OPERATION(scatter_add_rows, plan_scatter_add_rows);

static const struct verify_case cases[] = {
    {&embedding_forward, true, 3, 7, 5, 0, 0, NULL, VERIFY_PLAIN},
    {&embedding_forward, false, 131, 257, 1000, 0, 0, NULL, VERIFY_PLAIN},
    {&embedding_forward, true, 5, 6, 5, 0, 0, NULL, VERIFY_INTEGERS},
    {&embedding_forward, false, 131, 257, 1000, 0, 0, NULL, VERIFY_SPECIAL},
    {&embedding_backward, true, 6, 7, 4, 0, 0, NULL, VERIFY_PLAIN},
    {&embedding_backward, false, 1000, 130, 3, 0, 0, NULL, VERIFY_INTEGERS},
    {&embedding_backward, false, 700, 65, 300, 0, 0, NULL, VERIFY_SPECIAL},
    {&embedding_backward, true, 1, 5, 3, 0, 0, NULL, VERIFY_PLAIN},
    {&embedding_backward, false, 700, 257, 2, 0, 0, NULL, VERIFY_PLAIN},
    {&embedding_backward, false, 700, 128, 90, 0, 0, NULL, VERIFY_PLAIN},
    {&gather_rows, true, 3, 7, 5, 0, 0, NULL, VERIFY_PLAIN},
    {&gather_rows, false, 77, 257, 300, 0, 0, NULL, VERIFY_PLAIN},
    {&gather_rows, false, 77, 257, 300, 0, 0, NULL, VERIFY_SPECIAL},
    {&scatter_add_rows, true, 3, 7, 5, 0, 0, NULL, VERIFY_PLAIN},
    {&scatter_add_rows, false, 77, 257, 300, 0, 0, NULL, VERIFY_SPECIAL},
    {&scatter_add_rows, false, 77, 257, 300, 0, 0, NULL, VERIFY_PLAIN},
};
const struct verify_cases verify_row_cases = VERIFY_CASES(cases);
