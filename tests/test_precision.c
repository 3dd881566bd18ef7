/* SPDX-License-Identifier: Apache-2.0 */
/* Operands of other types than fp32 on the CPU path, with every instruction set that this CPU has:
 * products beside sums in double of the same rounded numbers; and the scale of fp16's losses.
 * OpenCL's are compared with these by the cases of `clbert verify`. */
#include "support_devices.h"
#include "support_test.h"
#include "support_training.h"
#include "verify/verify_ops.h"

#include <clbert/model.h>

static const char *const isas[] = {"x86-64-v4+amx", "x86-64-v4+bf16", "x86-64-v4", "x86-64-v3",
                                   "x86-64-v2"};
static const enum clb_type types[] = {CLB_BF16, CLB_F16, CLB_TF32};
enum { TYPES = sizeof types / sizeof *types };

/* Beyond a tile, a task's block and what is summed at once; odd, single, whole. */
static const struct shape {
    int64_t m, n, k;
} shapes[] = {{1, 1, 1}, {3, 5, 2}, {33, 47, 31}, {64, 64, 64}, {70, 300, 513}, {300, 37, 1100}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

/* A matrix of numbers of a type, on the device and in double. */
struct matrix {
    struct clb_tensor tensor, wide; /* of the type, and fp32 */
    double *x, *taken;              /* as they lie there, and as a product takes them */
};

enum { OUT, PRE, A, B, BIAS, MATRICES };

struct product {
    struct clb_arena *arena;
    struct matrix matrix[MATRICES];
};

/* As the type is in memory. */
static float rounded(enum clb_type type, float x)
{
    if (clb_type_stored(type) == CLB_F32) return x;
    return reduced_widen(type, reduced_of(type, x));
}

static void plan(struct product *p, int i, enum clb_type type, int64_t rows, int64_t columns)
{
    struct matrix *m = &p->matrix[i];
    OK(clb_arena_add(p->arena, type, rows, columns, &m->tensor));
    OK(clb_arena_add(p->arena, CLB_F32, rows, columns, &m->wide));
}

/* As products take what lies there: of tf32 the nearest number of 11 digits. */
static double taken(enum clb_type type, double x)
{
    int exponent;
    const double digits = frexp(x, &exponent);
    return type == CLB_TF32 ? ldexp(nearbyint(ldexp(digits, 11)), exponent - 11) : x;
}

/* Integers are summed without rounding, in any order. */
static void fill(struct product *p, int i, bool integers)
{
    struct matrix *m = &p->matrix[i];
    const int64_t count = clb_tensor_elements(m->tensor);
    const struct clb_random random = {7, CLB_PURPOSE_TEST, (uint32_t)i};
    float *x = malloc((size_t)count * sizeof *x);
    m->x = malloc((size_t)count * sizeof *m->x);
    m->taken = malloc((size_t)count * sizeof *m->taken);
    assert_true(x && m->x && m->taken);
    for (int64_t e = 0; e < count; e++) {
        const float u = 2.0f * clb_uniform_from_bits(clb_random_u32(random, (uint64_t)e)) - 1.0f;
        x[e] = integers ? roundf(4 * u) : rounded(m->tensor.type, u);
        m->x[e] = (double)x[e];
        m->taken[e] = taken(m->tensor.type, m->x[e]);
    }
    OK(clb_tensor_write(m->wide, x, count));
    if (m->tensor.type == CLB_TF32)
        OK(clb_tensor_write(m->tensor, x, count));
    else
        OK(clb_cast(&m->tensor, &m->wide));
    free(x);
}

static void close_product(struct product *p)
{
    for (int i = 0; i < MATRICES; i++) {
        free(p->matrix[i].x);
        free(p->matrix[i].taken);
    }
    clb_arena_destroy(p->arena);
}

static float *result_of(struct matrix *m)
{
    const int64_t count = clb_tensor_elements(m->tensor);
    float *x = malloc((size_t)count * sizeof *x);
    assert_non_null(x);
    const bool wide = clb_type_stored(m->tensor.type) == CLB_F32;
    if (!wide) OK(clb_cast(&m->wide, &m->tensor));
    OK(clb_tensor_read(wide ? m->tensor : m->wide, x, count));
    return x;
}

/* Within what rounding allows: each of k sums in fp32, and the result once to its type. */
static void expect_product(struct matrix *m, const double *sums, const double *magnitudes,
                           int64_t k, bool exact)
{
    const enum clb_type type = clb_type_stored(m->tensor.type);
    const double unit = type == CLB_BF16 ? 0x1p-8 : type == CLB_F16 ? 0x1p-11 : 0x1p-24;
    float *x = result_of(m);
    for (int64_t e = 0; e < clb_tensor_elements(m->tensor); e++) {
        const double error = fabs((double)x[e] - sums[e]);
        const double in_sum = exact ? 0 : (double)(k + 1) * 0x1p-24 * magnitudes[e];
        const double in_type = exact && type == CLB_F32 ? 0 : unit * (fabs(sums[e]) + in_sum);
        if (!(error <= in_sum + in_type + 0x1p-24 * (type == CLB_F16)))
            fail_msg("element %lld: %.9g, not %.9g", (long long)e, (double)x[e], sums[e]);
        if (exact && type != CLB_F32) assert_true(x[e] == rounded(type, (float)sums[e]));
    }
    free(x);
}

struct reference {
    double *sums, *magnitudes; /* [m, n] */
};

/* sum over k of a b, where a's and b's element of step k are so far apart. */
static struct reference multiply(const struct product *p, const struct shape *s, int64_t a_row,
                                 int64_t a_step, int64_t b_column, int64_t b_step)
{
    const size_t count = (size_t)(s->m * s->n);
    struct reference r = {calloc(count, sizeof(double)), calloc(count, sizeof(double))};
    assert_non_null(r.sums);
    assert_non_null(r.magnitudes);
    for (int64_t i = 0; i < s->m; i++)
        for (int64_t j = 0; j < s->n; j++)
            for (int64_t k = 0; k < s->k; k++) {
                const double product = p->matrix[A].taken[i * a_row + k * a_step] *
                                       p->matrix[B].taken[j * b_column + k * b_step];
                r.sums[i * s->n + j] += product;
                r.magnitudes[i * s->n + j] += fabs(product);
            }
    return r;
}

static void free_reference(struct reference *r)
{
    free(r->sums);
    free(r->magnitudes);
}

static struct product open_product(struct clb_device *device, enum clb_type type,
                                   enum clb_type result, const struct shape *s, int64_t a_rows,
                                   int64_t b_rows, bool integers)
{
    struct product p = {0};
    OK(clb_arena_create(device, "test", &p.arena));
    plan(&p, OUT, result, s->m, s->n);
    plan(&p, PRE, type, s->m, s->n);
    plan(&p, A, type, a_rows, s->m * s->k / a_rows);
    plan(&p, B, type, b_rows, s->n * s->k / b_rows);
    plan(&p, BIAS, CLB_F32, s->n, 1);
    OK(clb_arena_commit(p.arena));
    for (int i = 0; i < BIAS; i++) fill(&p, i, integers);
    fill(&p, BIAS, true);
    return p;
}

static void check_forward(struct clb_device *device, enum clb_type type, enum clb_type result,
                          const struct shape *s, bool integers)
{
    struct product p = open_product(device, type, result, s, s->m, s->n, integers);
    struct matrix *m = p.matrix;
    OK(clb_linear_forward(&m[OUT].tensor, NULL, &m[A].tensor, &m[B].tensor, &m[BIAS].wide,
                          CLB_ACTIVATION_NONE));
    struct reference r = multiply(&p, s, s->k, 1, s->k, 1);
    for (int64_t e = 0; e < s->m * s->n; e++) {
        r.sums[e] += m[BIAS].x[e % s->n];
        r.magnitudes[e] += fabs(m[BIAS].x[e % s->n]);
    }
    expect_product(&m[OUT], r.sums, r.magnitudes, s->k, integers);
    /* tanh of the sum that `pre` is the rounding of; tanh' is at most 1. */
    OK(clb_linear_forward(&m[OUT].tensor, &m[PRE].tensor, &m[A].tensor, &m[B].tensor, &m[BIAS].wide,
                          CLB_ACTIVATION_TANH));
    expect_product(&m[PRE], r.sums, r.magnitudes, s->k, integers);
    for (int64_t e = 0; e < s->m * s->n; e++) {
        r.sums[e] = tanh(r.sums[e]);
        r.magnitudes[e] += 4;
    }
    expect_product(&m[OUT], r.sums, r.magnitudes, s->k, false);
    free_reference(&r);
    close_product(&p);
}

static void check_backward_input(struct clb_device *device, enum clb_type type,
                                 enum clb_type result, const struct shape *s, bool accumulate)
{
    struct product p = open_product(device, type, result, s, s->m, s->k, false);
    struct matrix *m = p.matrix;
    OK(clb_linear_backward_input(&m[OUT].tensor, &m[A].tensor, &m[B].tensor, NULL, NULL,
                                 CLB_ACTIVATION_NONE, accumulate));
    struct reference r = multiply(&p, s, s->k, 1, 1, s->n);
    for (int64_t e = 0; accumulate && e < s->m * s->n; e++) {
        r.sums[e] += m[OUT].x[e];
        r.magnitudes[e] += fabs(m[OUT].x[e]);
    }
    expect_product(&m[OUT], r.sums, r.magnitudes, s->k, false);
    free_reference(&r);
    close_product(&p);
}

static void check_backward_weight(struct clb_device *device, enum clb_type type,
                                  const struct shape *s, bool integers)
{
    struct product p = open_product(device, type, CLB_F32, s, s->k, s->k, integers);
    struct matrix *m = p.matrix;
    const struct clb_tensor d_bias = clb_tensor_reshape(m[PRE].wide, s->m, 1);
    OK(clb_fill(&d_bias, 0.0f));
    OK(clb_linear_backward_weight(&m[OUT].tensor, &d_bias, &m[A].tensor, &m[B].tensor));
    struct reference r = multiply(&p, s, 1, s->m, 1, s->n);
    for (int64_t e = 0; e < s->m * s->n; e++) {
        r.sums[e] += m[OUT].x[e];
        r.magnitudes[e] += fabs(m[OUT].x[e]);
    }
    expect_product(&m[OUT], r.sums, r.magnitudes, s->k, integers);
    float *sums = calloc((size_t)s->m, sizeof *sums);
    assert_non_null(sums);
    OK(clb_tensor_read(d_bias, sums, s->m));
    for (int64_t i = 0; i < s->m; i++) {
        double sum = 0, magnitude = 0;
        for (int64_t k = 0; k < s->k; k++) sum += m[A].x[k * s->m + i];
        for (int64_t k = 0; k < s->k; k++) magnitude += fabs(m[A].x[k * s->m + i]);
        assert_true(fabs((double)sums[i] - sum) <= (double)s->k * 0x1p-24 * magnitude);
    }
    free(sums);
    free_reference(&r);
    close_product(&p);
}

static void check_products(struct clb_device *device)
{
    for (int t = 0; t < TYPES; t++)
        for (int i = 0; i < SHAPES; i++) {
            const struct shape *s = &shapes[i];
            assert_true(clb_device_multiplies(device, types[t]));
            check_forward(device, types[t], types[t], s, i % 2);
            check_forward(device, types[t], CLB_F32, s, i % 2 == 0);
            check_backward_input(device, types[t], types[t], s, i % 2);
            check_backward_input(device, types[t], CLB_F32, s, i % 2 == 0);
            check_backward_weight(device, types[t], s, i % 2);
        }
}

/* Also with more threads than there is work for. */
static void test_products(void **state)
{
    (void)state;
    int seen = 0;
    for (size_t i = 0; i < sizeof isas / sizeof *isas; i++) {
        struct clb_device *device;
        assert_int_equal(setenv("CLBERT_ISA", isas[i], 1), 0);
        if (clb_device_open("cpu", 1 + (int)i, &device) != CLB_OK) continue; /* not this CPU */
        check_products(device);
        clb_device_close(device);
        seen++;
    }
    unsetenv("CLBERT_ISA");
    struct clb_device *device;
    OK(clb_device_open("cpu", 3, &device)); /* whatever it is */
    check_products(device);
    clb_device_close(device);
#if defined(__x86_64__)
    assert_true(seen > 0);
#endif
}

/* ---- the scale of losses ---- */

static struct support_training open_scaled(const char *device)
{
    return support_training_open(device, 0, CLB_OPTIMIZER_ADAMW, CLB_F16);
}

static enum clb_status scaled_step(struct support_training *s, int64_t step)
{
    const struct clb_training_options options = clb_training_defaults();
    return support_training_step(s, step, &options, 1e-3);
}

static float first_weight(const struct support_training *s)
{
    int count;
    float first;
    OK(clb_tensor_read(clb_model_parameters(s->model, &count)[0].tensor, &first, 1));
    return first;
}

/* A scale far too large: steps are left out, and it is halved, until gradients are finite. */
static void test_overflow(void **state)
{
    (void)state;
    for (int d = 0; d < support_device_count(); d++) {
        struct support_training s = open_scaled(support_device(d));
        struct train_loss_scale *scale = &s.optimizer->loss_scale;
        assert_true(scale->dynamic && scale->scale == 65536.0f);
        scale->scale = 0x1p40f;
        double norm = INFINITY;
        for (int step = 0; step < 40 && !isfinite(norm); step++) {
            const float before = first_weight(&s), was = scale->scale;
            OK(scaled_step(&s, step));
            OK(train_optimizer_norms(s.optimizer, step, 1, &norm));
            assert_true(isfinite(norm) || (first_weight(&s) == before && scale->scale == was / 2));
            if (step == 0) assert_false(isfinite(norm));
        }
        assert_true(isfinite(norm) && norm < 100 && scale->good_steps == 1);
        support_training_close(&s);
    }
}

static void test_growth_and_end(void **state)
{
    (void)state;
    struct support_training s = open_scaled("cpu");
    struct train_loss_scale *scale = &s.optimizer->loss_scale;
    scale->scale = 1024.0f;
    scale->good_steps = 1999;
    OK(scaled_step(&s, 0));
    assert_true(scale->scale == 2048.0f && scale->good_steps == 0);
    const struct clb_tensor weights = clb_model_weights_whole(s.model);
    OK(clb_fill(&weights, 1e6f)); /* beyond fp16 */
    scale->scale = 2.0f;
    OK(scaled_step(&s, 1));
    assert_true(scale->scale == 1.0f);
    assert_int_equal(scaled_step(&s, 2), CLB_ERROR_NUMERIC);
    assert_non_null(strstr(clb_error_message(), "--precision bf16"));
    support_training_close(&s);
}

/* ---- the operands of weights follow them ---- */

static double loss_of(const struct support_training *s)
{
    struct clb_losses losses = {0};
    OK(clb_model_write_losses(s->model, &losses));
    OK(clb_model_evaluate(s->model, s->batch));
    OK(clb_model_read_losses(s->model, &losses));
    return clb_loss_mean(&losses.loss[0]);
}

static void test_weights_are_cast_again(void **state)
{
    struct support_training s = open_scaled("cpu");
    int count, i = 0;
    const struct clb_parameter *all = clb_model_parameters(s.model, &count);
    (void)state;
    while (i < count && !strstr(all[i].name, "intermediate.dense.weight"))
        i++; /* in products only */
    assert_true(i < count);
    const int64_t elements = clb_tensor_elements(all[i].tensor);
    float *values = malloc((size_t)elements * sizeof *values);
    assert_non_null(values);
    const double before = loss_of(&s);
    assert_true(loss_of(&s) == before);
    OK(clb_tensor_read(all[i].tensor, values, elements));
    for (int64_t e = 0; e < elements; e++) values[e] *= 2.0f;
    OK(clb_tensor_write(all[i].tensor, values, elements));
    assert_true(loss_of(&s) != before);
    OK(clb_scale(&all[i].tensor, 0.5f));
    assert_true(loss_of(&s) == before);
    free(values);
    support_training_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_products),
        cmocka_unit_test(test_overflow),
        cmocka_unit_test(test_growth_and_end),
        cmocka_unit_test(test_weights_are_cast_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
