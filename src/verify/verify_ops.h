/* SPDX-License-Identifier: Apache-2.0 */
/* The one list of cases of all operations: for `clbert verify`, the tests and Oclgrind. */
#ifndef VERIFY_OPS_H
#define VERIFY_OPS_H

#include <clbert/ops.h>
#include <clbert/verify.h>

enum { VERIFY_OPERANDS = 12 };

struct verify_case {
    const struct verify_operation *operation;
    bool tiny;       /* small enough for a simulator */
    int64_t m, n, k; /* what they mean is the operation's */
    int variant;     /* activation, accumulate, which operand is missing: the operation's */
    float dropout;
    const int32_t *lengths; /* of sequences; 0 ends them; NULL where there are none */
};

/* A tensor of a case: inputs have values, outputs are compared. */
struct verify_operand {
    const char *name;
    struct clb_tensor shape; /* without memory */
    void *values;            /* what it holds before the call */
    bool compared;
    double tolerance;
};

struct verify_plan {
    const struct verify_case *which;
    uint32_t number; /* of the case: its random numbers */
    struct verify_operand operands[VERIFY_OPERANDS];
    int count;
    bool out_of_memory;
};

struct verify_operation {
    const char *name;
    /* Declares the operands with the functions below, in the order that `run` expects. */
    void (*plan)(struct verify_plan *plan, const struct verify_case *c);
    enum clb_status (*run)(const struct verify_case *c, const struct clb_tensor *t);
};

/* All cases; *count of them. */
const struct verify_case *verify_cases(int *count);

/* ---- operands: verify_run.c ---- */

/* Random numbers in (-1, 1). */
void verify_in(struct verify_plan *plan, const char *name, int64_t rows, int64_t columns);
/* The same in (0, 1). */
void verify_in_positive(struct verify_plan *plan, const char *name, int64_t rows, int64_t columns);
void verify_in_ints(struct verify_plan *plan, const char *name, const int32_t *values,
                    int64_t count);
void verify_in_floats(struct verify_plan *plan, const char *name, const float *values,
                      int64_t count);
/* Compared afterwards; `ulps` bounds the rounding of one element's own arithmetic and `terms` is
 * the length of its sum: tolerance = 2^-24 (ulps + 2 sqrt(terms)). 0, 0: the same bits. Filled with
 * random numbers before: a gradient that is accumulated into, or a result that must be overwritten.
 */
void verify_out(struct verify_plan *plan, const char *name, int64_t rows, int64_t columns,
                double ulps, int64_t terms);
/* As verify_out, but not below zero before: second moments. */
void verify_out_positive(struct verify_plan *plan, const char *name, int64_t rows, int64_t columns,
                         double ulps, int64_t terms);
/* Integers 0 .. bound - 1 at random; `distinct`: no two alike, ascending. */
void verify_in_random_ints(struct verify_plan *plan, const char *name, int64_t count, int32_t bound,
                           bool distinct);

#endif
