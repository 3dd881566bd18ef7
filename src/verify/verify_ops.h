/* SPDX-License-Identifier: Apache-2.0 */
/* The one list of cases of all operations: for `clbert verify`, the tests and Oclgrind. A family of
 * operations keeps its cases in cases_FAMILY.c. */
#ifndef VERIFY_OPS_H
#define VERIFY_OPS_H

#include "compute/reduced.h"

#include <clbert/ops.h>
#include <clbert/verify.h>

enum { VERIFY_OPERANDS = 12, VERIFY_PARTS = 4 };

/* What a variant is made of: the operation's own below VERIFY_BF16 ... */
enum {
    VERIFY_WITH_BIAS = 16,   /* of linear_forward: an activation, and these */
    VERIFY_WITHOUT_PRE = 32, /* with an activation */
    VERIFY_SLOPE = 16,       /* of linear_backward_input: an activation, and these */
    VERIFY_WITH_INPUT = 32,  /* which gives the activation, too; fp32 only */
    VERIFY_IN_PLACE = 16     /* of activation_backward: an activation, and this */
};
/* ... and of products and attention the type of their operands, fp32 where neither is. */
enum { VERIFY_BF16 = 64, VERIFY_FP16 = 128, VERIFY_FP32_RESULT = 256, VERIFY_TF32 = 512 };

/* How a case's numbers are made: each for a branch or a weakness that plain ones do not reach. What
 * exactly they are is the operation's. */
enum verify_inputs {
    VERIFY_PLAIN,         /* uniform in (-1, 1) */
    VERIFY_INTEGERS,      /* small integers: sums are exact in any order, and so compared */
    VERIFY_FAR,           /* where functions flatten or overflow */
    VERIFY_NEAR,          /* near 0, where digits cancel and epsilon matters */
    VERIFY_LARGE_MEAN,    /* mean >> deviation */
    VERIFY_CONSTANT_ROWS, /* rows of variance 0, or near epsilon */
    VERIFY_SHARP,         /* logits and scores whose exp overflows or vanishes */
    VERIFY_TIES,          /* equal logits */
    VERIFY_SPIKE,         /* one far above all others, in every row elsewhere */
    VERIFY_LOST,          /* large terms first, of which many small ones are lost */
    VERIFY_ZEROS,         /* tensors of zeros */
    VERIFY_SPECIAL        /* NaN, infinities and denormals among them */
};

struct verify_case {
    const struct verify_operation *operation;
    bool tiny;       /* small enough for a simulator */
    int64_t m, n, k; /* what they mean is the operation's */
    int variant;     /* activation, accumulate, which operand is missing: the operation's */
    float dropout;
    const int32_t *lengths; /* of sequences; 0 ends them; NULL where there are none */
    enum verify_inputs inputs;
};

/* Elements of an output that have a scale and a tolerance of their own: columns of a matrix,
 * elements of a vector. */
struct verify_part {
    const char *name; /* NULL: the operand's */
    int64_t first, count;
    double tolerance; /* of the largest magnitude in the part; 0: equal; below 0: the same bits */
    double floor;     /* that magnitude is at least this */
};

enum verify_use { VERIFY_IN, VERIFY_OUT, VERIFY_SCRATCH };

/* A tensor of a case. Inputs must not change, outputs are compared, scratch is neither. */
struct verify_operand {
    const char *name;
    struct clb_tensor shape; /* without memory */
    void *values; /* what it holds before the call: int32, or fp32 for every other type */
    enum verify_use use;
    struct verify_part parts[VERIFY_PARTS]; /* of an output */
    int part_count;
    bool rounded; /* fp32 in the reference, which this is the rounding of */
};

struct verify_plan {
    const struct verify_case *which;
    uint32_t number, seed; /* of the case, of the run: its random numbers */
    struct verify_operand operands[VERIFY_OPERANDS];
    int count;
    bool out_of_memory;
};

struct verify_operation {
    const char *name;
    /* Declares the operands with the functions below, in the order that `run` expects. */
    void (*plan)(struct verify_plan *plan, const struct verify_case *c);
    enum clb_status (*run)(const struct verify_case *c, const struct clb_tensor *t);
    const char *(*variant_name)(int variant); /* NULL: it is a number */
};

/* ---- the list: verify_ops.c ---- */

struct verify_cases {
    const struct verify_case *cases;
    int count;
};
#define VERIFY_CASES(list)                                                                         \
    {                                                                                              \
        (list), (int)(sizeof(list) / sizeof *(list))                                               \
    }
/* struct verify_operation of a function plan and of run_NAME. */
#define VERIFY_OPERATION(name, plan)                                                               \
    static const struct verify_operation name = {#name, plan, run_##name, NULL}
/* A case with operands of each reduced type. */
#define VERIFY_REDUCED(operation, tiny, m, n, k, variant, dropout, lengths, inputs)                \
    {operation, tiny, m, n, k, (variant) | VERIFY_BF16, dropout, lengths, inputs},                 \
    {                                                                                              \
        operation, tiny, m, n, k, (variant) | VERIFY_FP16, dropout, lengths, inputs                \
    }

extern const struct verify_cases verify_linear_cases, verify_norm_cases, verify_attention_cases,
    verify_row_cases, verify_loss_cases, verify_buffer_cases, verify_optimizer_cases,
    verify_task_cases;

/* Case `number` of the list, NULL past its end. */
const struct verify_case *verify_case(int number);

/* An operation of the list, NULL where none has that name. */
const struct verify_operation *verify_operation(const char *name);

/* The type of its operands, and the variant without that. */
enum clb_type verify_case_operands(const struct verify_case *c);
int verify_case_variant(const struct verify_case *c);

/* "norm_forward 37x128x0 dropout 0.1 large mean", "linear_forward 5x7x9 bias bf16 to fp32" */
void verify_case_name(const struct verify_case *c, char *name, size_t size);

/* What a case's dropout is: the same on both sides. */
struct clb_dropout verify_dropout(const struct verify_case *c);

/* What the operations on buffers are called with. */
#define VERIFY_FILL 1.5f
#define VERIFY_FACTOR 0.3f
#define VERIFY_DEVIATION 0.02f
extern const struct clb_random verify_fill_random;

/* clb_verify_large around 2^power elements. */
enum clb_status verify_large(struct clb_device *device, int power,
                             const struct clb_verify_options *options,
                             struct clb_verify_report *report);

/* ---- tolerances ----
 *
 * In units of u = 2^-24, half the distance from 1 to the next fp32 number, of the largest magnitude
 * in the part. An operation that is rounded correctly gives 1; OpenCL's functions are allowed the
 * units below (full profile), and the reference its own.
 *
 * A sum of n terms of random signs and root mean square r: roundings are independent, each at most
 * u of the partial sum, 0.4 u of it root mean square (Higham and Mary, "A new approach to
 * probabilistic rounding error analysis", 2019, and for random data 2020). Partial sums grow as
 * r sqrt(k), so the error's deviation is 0.4 u r sqrt(1 + 2 + ... + n) = 0.29 u r n, and between
 * two sides 0.41 u r n; the sum's own is r sqrt(n). 2 sqrt(n) units of that are 4.9 deviations,
 * which one sum passes in one case of a million, and of a part of N sums none does: the largest of
 * N is sqrt(2 ln N) r sqrt(n), as many more deviations (21 for ten thousand). Sums by lanes or
 * blocks err less, and so do positive terms: sqrt(2/3) 0.4 sqrt(n) units of the sum, 6 deviations.
 * A part of a few sums may cancel: its floor is then r sqrt(n), here of (-1, 1): 1/sqrt(3) a
 * number, 1/3 a product.
 *
 * Products of reduced numbers are sums of the same kind, and attention is fp32 inside, so all this
 * holds for them, too. A result of a reduced type is such a number y rounded once, to the nearest.
 * Two sides may round to neighbours, a whole unit in the last place apart (2^-7 of a bf16 number,
 * 2^-10 of an fp16 one), where their y differ in the last digits about a boundary. To allow that
 * unit everywhere would let pass what cuts digits off, or rounds twice. So the reference keeps its
 * y, and x passes where it is the rounding of a number within fp32's tolerance of that: its error
 * is the distance from y to the numbers that are rounded to x, which are half a unit to each side
 * (2^-9 to 2^-8 of a bf16 number, 2^-12 to 2^-11 of an fp16 one, 2^-25 of a subnormal one). Where
 * sums are exact, x is y's rounding, ties to even. */
#define VERIFY_RMS 0.57735
#define VERIFY_DIVIDE 5
#define VERIFY_SQRT 6
#define VERIFY_EXP 6
#define VERIFY_LOG 6
#define VERIFY_ERF 32
#define VERIFY_TANH 10
#define VERIFY_REFERENCE 4 /* of a function of the CPU path */

/* ---- operands: verify_operands.c ---- */

/* Random numbers in (-1, 1). */
void verify_in(struct verify_plan *plan, const char *name, int64_t rows, int64_t columns);
/* The same in (0, 1). */
void verify_in_positive(struct verify_plan *plan, const char *name, int64_t rows, int64_t columns);
void verify_in_ints(struct verify_plan *plan, const char *name, const int32_t *values,
                    int64_t count);
void verify_in_floats(struct verify_plan *plan, const char *name, const float *values,
                      int64_t count);
/* Zeros, for the caller to change; NULL where memory is short. */
int32_t *verify_in_zero_ints(struct verify_plan *plan, const char *name, int64_t count);
/* Integers 0 .. bound - 1 at random, both ends among them; `distinct`: no two alike, ascending. */
void verify_in_random_ints(struct verify_plan *plan, const char *name, int64_t count, int32_t bound,
                           bool distinct);
/* The lengths of a case's sequences, all of them m times over (0: once); and where each begins. */
struct verify_sequences {
    int64_t count, longest, shortest, tokens;
};
struct verify_sequences verify_sequences(const struct verify_case *c);
void verify_in_cu_seqlens(struct verify_plan *plan, const struct verify_case *c);
/* What the call leaves is neither an input nor a result. */
void verify_scratch(struct verify_plan *plan, const char *name, int64_t rows, int64_t columns);
/* Compared afterwards; `ulps` bounds the rounding of one element's own arithmetic and `terms` is
 * the length of its sum: tolerance = 2^-24 (ulps + 2 sqrt(terms)). 0, 0: equal, and so it is for
 * VERIFY_INTEGERS; VERIFY_BITS, 0: NaN and denormals, too, bit by bit. Filled with random numbers
 * before: a gradient that is accumulated into, or a result that must be overwritten. */
#define VERIFY_BITS (-1.0)
void verify_out(struct verify_plan *plan, const char *name, int64_t rows, int64_t columns,
                double ulps, int64_t terms);
/* As verify_out, but not below zero before: second moments. */
void verify_out_positive(struct verify_plan *plan, const char *name, int64_t rows, int64_t columns,
                         double ulps, int64_t terms);
/* The last operand's next part, compared by itself: its next `count` columns, or elements of a
 * vector. The first call replaces what verify_out said of the whole. */
void verify_part(struct verify_plan *plan, const char *name, int64_t count, double ulps,
                 int64_t terms);
/* What the last part is measured against at least: where a sum may cancel to nothing. */
void verify_floor(struct verify_plan *plan, double floor);
/* The last operand is of another type on the device; the values that it has now are rounded to it,
 * but for tf32, which is fp32 in memory. */
void verify_reduced(struct verify_plan *plan, enum clb_type type);
/* ... of that of the case's operands. */
void verify_multiplied(struct verify_plan *plan);
/* ... of that, too, unless the case has VERIFY_FP32_RESULT; the reference has it as fp32. */
void verify_result(struct verify_plan *plan);
/* Element e of the last operand becomes f(c, e, what it was). */
void verify_each(struct verify_plan *plan,
                 float (*f)(const struct verify_case *c, int64_t e, float u));

/* For verify_each: integers in [-2, 2], for reduced operands in [-15, 15], so that results have
 * more digits than their type; small numbers; some NaN, infinities and denormals. */
float verify_integer(const struct verify_case *c, int64_t e, float u);
float verify_small(const struct verify_case *c, int64_t e, float u);
float verify_zero(const struct verify_case *c, int64_t e, float u);
float verify_special(const struct verify_case *c, int64_t e, float u);
/* The last operand by the case's inputs, where they are of these kinds. */
void verify_usual(struct verify_plan *plan);

void verify_plan_free(struct verify_plan *plan);

/* ---- a check of the report: verify_run.c ---- */

/* As clb_verify_report_add, with a map (malloc'd, or NULL), which it takes over. */
enum clb_status verify_add_check(struct clb_verify_report *report, const char *name, double error,
                                 double tolerance, char *map);

/* ---- a case on one device: verify_side.c ---- */

struct verify_side {
    bool is_reference; /* keeps as fp32 what the other side rounds */
    struct clb_arena *arena;
    struct clb_tensor tensors[VERIFY_OPERANDS], guards[VERIFY_OPERANDS], whole;
    uint16_t *before, *after;        /* the whole arena, in the units that every type is made of */
    float *widened[VERIFY_OPERANDS]; /* results of a reduced type, as fp32 */
};

/* Begins as {0}, or as the reference: plans its one allocation, whose size is
 * clb_arena_bytes(side->arena) then. */
enum clb_status verify_side_plan(struct verify_side *side, const struct verify_plan *plan,
                                 struct clb_device *device);
/* Allocates it. */
enum clb_status verify_side_open(struct verify_side *side, const struct verify_plan *plan);
/* Also after a failure. */
void verify_side_close(struct verify_side *side);
/* Puts the operands' values on the device. */
enum clb_status verify_side_write(const struct verify_side *side);
/* ... calls the operation and reads everything back. */
enum clb_status verify_side_run(struct verify_side *side, const struct verify_plan *plan);
/* What the call left of an operand, as fp32. */
const float *verify_side_result(const struct verify_side *side, int operand);

/* ---- comparison: verify_compare.c ---- */

/* Largest difference of a part over its largest finite magnitude; differences that flushed
 * denormals, or the rounding of the result, explain do not count. Infinite where NaN or an infinity
 * stands on one side only. */
double verify_difference(const struct verify_operand *operand, const struct verify_part *part,
                         const float *x, const float *reference);

/* What differs, drawn in at most 16 x 64 cells, with the first difference in numbers; malloc'd,
 * NULL where memory is short. `same_bits`: the reference is the same call again. */
char *verify_map(const struct verify_operand *operand, const struct verify_part *part,
                 const float *x, const float *reference, bool same_bits);

#endif
