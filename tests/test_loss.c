/* SPDX-License-Identifier: Apache-2.0 */
/* Losses: of a vocabulary, of classes, of spans, of numbers. */
#include "support_test.h"

struct shape {
    int64_t rows, classes;
    double range, scale;
};

static const struct shape shapes[] = {
    {1, 1, 1, 1},       {1, 2, 1, 0},      {77, 2, 5, 0.01}, {3, 7, 1, 0.25},
    {20, 101, 30, 0.5}, {9, 4001, 8, 0.1}, {9, 4001, 8, 0},  {5, 1000, 300, 1},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static void check(struct clb_device *device, const struct shape *s)
{
    struct support_call call = support_open(device);
    double *sums = support_floats(&call, 2, 1),
           *logits = support_floats(&call, s->rows, s->classes);
    int32_t *labels = support_ints(&call, s->rows);
    const int64_t n = s->rows * s->classes;
    const float scale = (float)s->scale;
    for (int64_t r = 0; r < s->rows; r++) labels[r] = (int32_t)(r * 31 % s->classes);
    for (int64_t e = 0; e < n; e++) logits[e] = (double)(float)(logits[e] * s->range);
    sums[0] = 2; /* what is there stays */
    sums[1] = 3;
    support_upload(&call);
    OK(clb_cross_entropy(&call.t[0], &call.t[1], &call.t[2], scale));
    const double before = sums[0];
    reference_cross_entropy(sums, logits, labels, (double)scale, s->rows, s->classes);
    /* A probability's relative error is its exponent's: range units; the rest is the sum. */
    double *magnitude = support_copy(logits, n);
    for (int64_t e = 0; e < n; e++) magnitude[e] = s->scale;
    if (s->scale != 0)
        support_expect(&call, 1, logits, magnitude, 8 + s->range, (double)s->classes);
    else
        support_expect_same(&call, 1, logits);
    const double size[] = {before + sums[0] + s->range, 1};
    support_expect(&call, 0, sums, size, 8, (double)(s->rows + s->classes));
    free(magnitude);
    support_close(&call);
}

static void loss_on(struct clb_device *device)
{
    for (int i = 0; i < SHAPES; i++) check(device, &shapes[i]);
}

static void test_loss(void **state)
{
    (void)state;
    support_on_devices(loss_on);
}

/* Of equal logits the first wins, wherever vectors begin and end. */
static void ties_on(struct clb_device *device)
{
    enum { ROWS = 4, CLASSES = 37 };
    static const int at[ROWS][2] = {{0, 36}, {5, 6}, {3, 35}, {15, 16}};
    for (int which = 0; which < 2; which++) {
        struct support_call call = support_open(device);
        float sums[2];
        memset(support_floats(&call, 2, 1), 0, 2 * sizeof(double));
        double *logits = support_floats(&call, ROWS, CLASSES);
        int32_t *labels = support_ints(&call, ROWS);
        for (int r = 0; r < ROWS; r++) {
            logits[r * CLASSES + at[r][0]] = logits[r * CLASSES + at[r][1]] = 2;
            labels[r] = at[r][which];
        }
        support_upload(&call);
        OK(clb_cross_entropy(&call.t[0], &call.t[1], &call.t[2], 0));
        OK(clb_tensor_read(call.t[0], sums, 2));
        assert_int_equal((int)sums[1], which == 0 ? ROWS : 0);
        support_close(&call);
    }
}

static void test_ties(void **state)
{
    (void)state;
    support_on_devices(ties_on);
}

/* A NaN or an infinity among the logits must show in the loss and in the row's gradient. */
static void not_finite_on(struct clb_device *device)
{
    static const double bad[] = {(double)NAN, (double)INFINITY};
    for (int which = 0; which < 2; which++) {
        struct support_call call = support_open(device);
        float sums[2], gradient[2 * 40];
        support_floats(&call, 2, 1);
        support_floats(&call, 2, 40)[21] = bad[which];
        support_ints(&call, 2);
        support_upload(&call);
        OK(clb_cross_entropy(&call.t[0], &call.t[1], &call.t[2], 1));
        OK(clb_tensor_read(call.t[0], sums, 2));
        OK(clb_tensor_read(call.t[1], gradient, 2 * 40));
        bool seen = false;
        for (int i = 0; i < 40; i++) seen |= !isfinite(gradient[i]);
        assert_false(isfinite(sums[0]));
        assert_true(seen);
        for (int i = 40; i < 80; i++) assert_true(isfinite(gradient[i]));
        support_close(&call);
    }
}

static void test_not_finite(void **state)
{
    (void)state;
    support_on_devices(not_finite_on);
}

/* The same call gives the same bits every time, whichever thread takes which rows. */
static void repeat_on(struct clb_device *device)
{
    enum { ROWS = 77, CLASSES = 2, CALLS = 400 };
    struct support_call call = support_open(device);
    float first[2], sums[2];
    double *start = support_floats(&call, 2, 1), *x = support_floats(&call, ROWS, CLASSES);
    int32_t *labels = support_ints(&call, ROWS);
    memset(start, 0, 2 * sizeof *start);
    for (int r = 0; r < ROWS; r++) labels[r] = r % CLASSES;
    for (int e = 0; e < ROWS * CLASSES; e++) x[e] *= 5;
    support_upload(&call);
    for (int i = 0; i < CALLS; i++) {
        OK(clb_fill(&call.t[0], 0));
        OK(clb_cross_entropy(&call.t[0], &call.t[1], &call.t[2], 0));
        OK(clb_tensor_read(call.t[0], i == 0 ? first : sums, 2));
        if (i > 0) assert_memory_equal(sums, first, sizeof first);
    }
    support_close(&call);
}

static void test_repeat(void **state)
{
    (void)state;
    support_on_devices(repeat_on);
}

/* ---- the losses of fine-tuning ---- */

/* What logits [rows, columns] of such a size were and are, and sums: to a loss of about one a row.
 */
static void expect_loss(struct support_call *call, const double *logits, const double *sums,
                        double range, double scale, double terms)
{
    const int64_t n = clb_tensor_elements(call->t[1]);
    const double size[] = {fabs(sums[0]) + range + 2, 1};
    double *magnitude = support_copy(logits, n);
    for (int64_t e = 0; e < n; e++) magnitude[e] = scale;
    if (scale != 0)
        support_expect(call, 1, logits, magnitude, 12 + range, terms);
    else
        support_expect_same(call, 1, logits);
    support_expect(call, 0, sums, size, 12, terms);
    free(magnitude);
}

static void check_classes(struct clb_device *device, const struct shape *s, bool weighted,
                          float smoothing)
{
    struct support_call call = support_open(device);
    double *sums = support_floats(&call, 2, 1),
           *logits = support_floats(&call, s->rows, s->classes);
    int32_t *labels = support_ints(&call, s->rows);
    double *weights = support_floats(&call, s->classes, 1);
    for (int64_t r = 0; r < s->rows; r++) labels[r] = (int32_t)(r * 31 % s->classes);
    for (int64_t c = 0; c < s->classes; c++) weights[c] = 2 * fabs(weights[c]);
    for (int64_t e = 0; e < s->rows * s->classes; e++)
        logits[e] = (double)(float)(logits[e] * s->range);
    support_upload(&call);
    OK(clb_class_loss(&call.t[0], &call.t[1], &call.t[2], weighted ? &call.t[3] : NULL, smoothing,
                      (float)s->scale));
    reference_class_loss(sums, logits, labels, weighted ? weights : NULL, (double)smoothing,
                         s->scale, s->rows, s->classes);
    expect_loss(&call, logits, sums, s->range, 3 * s->scale, (double)(s->rows + s->classes));
    support_close(&call);
}

static void classes_on(struct clb_device *device)
{
    for (int i = 0; i < SHAPES; i++)
        for (int how = 0; how < 4; how++)
            check_classes(device, &shapes[i], how & 1, how & 2 ? 0.1f : 0.0f);
}

static void test_classes(void **state)
{
    (void)state;
    support_on_devices(classes_on);
}

/* Without weights and smoothing it is cross-entropy. */
static void same_on(struct clb_device *device)
{
    enum { ROWS = 50, CLASSES = 9 };
    struct support_call call = support_open(device);
    double *sums = support_floats(&call, 2, 1), *x = support_floats(&call, ROWS, CLASSES);
    int32_t *labels = support_ints(&call, ROWS);
    for (int r = 0; r < ROWS; r++) labels[r] = r % CLASSES;
    support_upload(&call);
    OK(clb_class_loss(&call.t[0], &call.t[1], &call.t[2], NULL, 0, 0.5f));
    reference_cross_entropy(sums, x, labels, 0.5, ROWS, CLASSES);
    expect_loss(&call, x, sums, 1, 0.5, ROWS);
    assert_int_equal(clb_class_loss(&call.t[0], &call.t[1], &call.t[2], NULL, 1, 0.5f),
                     CLB_ERROR_ARGUMENT);
    support_close(&call);
}

static void test_same(void **state)
{
    (void)state;
    support_on_devices(same_on);
}

enum { SPANS = 5, SPAN_TOKENS = 3 + 1 + 150 + 64 + 2 };
static const int32_t span_begins[SPANS + 1] = {0, 3, 4, 154, 218, SPAN_TOKENS},
                                         spans[2 * SPANS] = {0, 2, 0, 0, 149, 70, -1, 5, -1, -1};

static void check_spans(struct clb_device *device, double range, double scale)
{
    struct support_call call = support_open(device);
    double *sums = support_floats(&call, 2, 1), *x = support_floats(&call, SPAN_TOKENS, 2);
    memcpy(support_ints(&call, SPANS + 1), span_begins, sizeof span_begins);
    memcpy(support_ints(&call, 2 * SPANS), spans, sizeof spans);
    for (int e = 0; e < 2 * SPAN_TOKENS; e++) x[e] = (double)(float)(x[e] * range);
    x[2 * 70 + 1] = x[2 * 90 + 1] = 2 * range; /* of equals the first */
    support_upload(&call);
    const struct clb_tensor pairs = clb_tensor_reshape(call.t[3], SPANS, 2);
    OK(clb_span_loss(&call.t[0], &call.t[1], &call.t[2], &pairs, (float)scale));
    reference_span_loss(sums, x, span_begins, spans, scale, SPANS);
    expect_loss(&call, x, sums, range, scale, 160);
    support_close(&call);
}

static void spans_on(struct clb_device *device)
{
    check_spans(device, 1, 0.5);
    check_spans(device, 1, 0);
    check_spans(device, 300, 1);
}

static void test_spans(void **state)
{
    (void)state;
    support_on_devices(spans_on);
}

typedef enum clb_status number_loss(const struct clb_tensor *, const struct clb_tensor *,
                                    const struct clb_tensor *, float);
typedef void number_reference(double *, double *, const double *, double, int64_t);

static void check_numbers(struct clb_device *device, const struct shape *s, number_loss *run,
                          number_reference *reference)
{
    struct support_call call = support_open(device);
    const int64_t n = s->rows * s->classes;
    double *sums = support_floats(&call, 2, 1), *x = support_floats(&call, s->rows, s->classes);
    double *targets = support_floats(&call, s->rows, s->classes);
    for (int64_t e = 0; e < n; e++) {
        x[e] = (double)(float)(x[e] * fmin(s->range, 30));
        targets[e] = fabs(targets[e]);
    }
    support_upload(&call);
    OK(run(&call.t[0], &call.t[1], &call.t[2], (float)s->scale));
    reference(sums, x, targets, s->scale, n);
    expect_loss(&call, x, sums, 1, s->scale, (double)(s->rows + s->classes));
    support_close(&call);
}

static void numbers_on(struct clb_device *device)
{
    for (int i = 0; i < SHAPES; i++) {
        check_numbers(device, &shapes[i], clb_binary_cross_entropy, reference_binary_cross_entropy);
        check_numbers(device, &shapes[i], clb_squared_error, reference_squared_error);
    }
}

static void test_numbers(void **state)
{
    (void)state;
    support_on_devices(numbers_on);
}

/* ---- the references' own gradients ---- */

static const int32_t small_labels[] = {2, 0, 4};

static double small_loss(void *context)
{
    double logits[15], sums[2] = {0, 0};
    memcpy(logits, context, sizeof logits);
    reference_cross_entropy(sums, logits, small_labels, 0, 3, 5);
    return 0.5 * sums[0];
}

static void test_reference(void **state)
{
    (void)state;
    double logits[15], gradient[15], sums[2] = {0, 0};
    for (int e = 0; e < 15; e++) logits[e] = gradient[e] = 2 * sin(3.0 * e + 1);
    reference_cross_entropy(sums, gradient, small_labels, 0.5, 3, 5);
    support_check_gradient(small_loss, logits, logits, gradient, 15);
}

enum { CLASS_LOSS, SPAN_LOSS, BINARY, SQUARED, LOSSES };
static const int32_t small_begins[] = {0, 3, 7}, small_spans[] = {1, 2, -1, 0};
static const double small_weights[] = {0.5, 2, 1, 0.25, 1.5};

static double small_task(int loss, double *x, double scale)
{
    double sums[2] = {0, 0}, targets[15];
    for (int e = 0; e < 15; e++) targets[e] = 0.5 + 0.5 * sin(e);
    if (loss == CLASS_LOSS)
        reference_class_loss(sums, x, small_labels, small_weights, 0.1, scale, 3, 5);
    if (loss == SPAN_LOSS) reference_span_loss(sums, x, small_begins, small_spans, scale, 2);
    if (loss == BINARY) reference_binary_cross_entropy(sums, x, targets, scale, 15);
    if (loss == SQUARED) reference_squared_error(sums, x, targets, scale, 15);
    return sums[0];
}

struct small {
    int loss;
    double x[15];
};

static double small_of(void *context)
{
    struct small copy = *(const struct small *)context;
    return 0.5 * small_task(copy.loss, copy.x, 0);
}

static void test_task_references(void **state)
{
    (void)state;
    for (int loss = 0; loss < LOSSES; loss++) {
        struct small s = {.loss = loss};
        for (int e = 0; e < 15; e++) s.x[e] = 2 * sin(3.0 * e + 1);
        struct small gradient = s;
        small_task(loss, gradient.x, 0.5);
        support_check_gradient(small_of, &s, s.x, gradient.x, loss == SPAN_LOSS ? 14 : 15);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference), cmocka_unit_test(test_loss),
        cmocka_unit_test(test_ties),      cmocka_unit_test(test_not_finite),
        cmocka_unit_test(test_repeat),    cmocka_unit_test(test_classes),
        cmocka_unit_test(test_same),      cmocka_unit_test(test_spans),
        cmocka_unit_test(test_numbers),   cmocka_unit_test(test_task_references),
    };
    return cmocka_run_group_tests_name("loss", tests, NULL, support_close_devices);
}
