/* SPDX-License-Identifier: Apache-2.0 */
#include "support_operation.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- devices ---- */

enum { DEVICES = 16 };
static struct clb_device *open_devices[DEVICES];

void support_on_devices(void (*check)(struct clb_device *device))
{
    for (int i = 0; i < support_device_count() && i < DEVICES; i++) {
        if (!open_devices[i]) OK(clb_device_open(support_device(i), 0, &open_devices[i]));
        check(open_devices[i]);
    }
}

int support_close_devices(void **state)
{
    (void)state;
    for (int i = 0; i < DEVICES; i++) {
        clb_device_close(open_devices[i]);
        open_devices[i] = NULL;
    }
    return 0;
}

/* ---- operands ---- */

struct support_call support_open(struct clb_device *device)
{
    struct support_call call = {.device = device};
    OK(clb_arena_create(device, "test", &call.arena));
    return call;
}

static void *allocate(size_t bytes)
{
    void *memory = calloc(1, bytes);
    assert_non_null(memory);
    return memory;
}

double *support_floats(struct support_call *call, int64_t rows, int64_t columns)
{
    const struct clb_random random = {41, CLB_PURPOSE_TEST, (uint32_t)call->count};
    double *values = allocate((size_t)(rows * columns) * sizeof *values);
    assert_true(call->count < SUPPORT_OPERANDS);
    for (int64_t i = 0; i < rows * columns; i++) {
        float u = clb_uniform_from_bits(clb_random_u32(random, (uint64_t)i));
        values[i] = (double)(2.0f * u - 1.0f);
    }
    call->t[call->count] = (struct clb_tensor){.rows = rows, .columns = columns, .type = CLB_F32};
    call->host[call->count++] = values;
    return values;
}

int32_t *support_ints(struct support_call *call, int64_t count)
{
    int32_t *values = allocate((size_t)count * sizeof *values);
    assert_true(call->count < SUPPORT_OPERANDS);
    call->t[call->count] = (struct clb_tensor){.rows = count, .columns = 1, .type = CLB_I32};
    call->host[call->count++] = values;
    return values;
}

static void upload_floats(struct clb_tensor tensor, const double *values)
{
    const int64_t n = clb_tensor_elements(tensor);
    float *floats = allocate((size_t)n * sizeof *floats);
    for (int64_t i = 0; i < n; i++) floats[i] = (float)values[i];
    OK(clb_tensor_write(tensor, floats, n));
    free(floats);
}

void support_upload(struct support_call *call)
{
    for (int i = 0; i < call->count; i++) {
        struct clb_tensor *t = &call->t[i];
        OK(clb_arena_add(call->arena, t->type, t->rows, t->columns, t));
    }
    OK(clb_arena_commit(call->arena));
    for (int i = 0; i < call->count; i++)
        if (call->t[i].type == CLB_F32)
            upload_floats(call->t[i], call->host[i]);
        else
            OK(clb_tensor_write(call->t[i], call->host[i], call->t[i].rows));
}

void support_close(struct support_call *call)
{
    clb_arena_destroy(call->arena);
    for (int i = 0; i < call->count; i++) free(call->host[i]);
    *call = (struct support_call){0};
}

/* ---- comparison ---- */

double support_tolerance(double ulps, double terms)
{
    return 0x1p-24 * (ulps + 2.0 * sqrt(terms));
}

static float *download(struct support_call *call, int index)
{
    const int64_t n = clb_tensor_elements(call->t[index]);
    float *values = allocate((size_t)n * sizeof *values);
    OK(clb_tensor_read(call->t[index], values, n));
    return values;
}

static void report(const struct support_call *call, int index, int64_t at, double got,
                   double expected, double tolerance)
{
    print_error("%s: operand %d, element %lld of %lld x %lld: %.9g, expected %.9g within %.3g\n",
                clb_device_info(call->device)->selector, index, (long long)at,
                (long long)call->t[index].rows, (long long)call->t[index].columns, got, expected,
                tolerance);
    fail();
}

void support_expect(struct support_call *call, int index, const double *expected,
                    const double *magnitude, double ulps, double terms)
{
    const int64_t n = clb_tensor_elements(call->t[index]);
    const double unit = support_tolerance(ulps, terms);
    double largest = 0;
    float *got = download(call, index);
    for (int64_t i = 0; i < n; i++) largest = fmax(largest, fabs(expected[i]));
    for (int64_t i = 0; i < n; i++) {
        const double tolerance =
            unit * (magnitude ? fmax(magnitude[i], fabs(expected[i])) : largest);
        /* Not written with >: NaN must fail. */
        if (!(fabs((double)got[i] - expected[i]) <= tolerance))
            report(call, index, i, (double)got[i], expected[i], tolerance);
    }
    free(got);
}

void support_expect_same(struct support_call *call, int index, const double *expected)
{
    const int64_t n = clb_tensor_elements(call->t[index]);
    float *got = download(call, index);
    for (int64_t i = 0; i < n; i++) {
        const float value = (float)expected[i];
        if (memcmp(&got[i], &value, sizeof value) != 0)
            report(call, index, i, (double)got[i], expected[i], 0);
    }
    free(got);
}

double *support_copy(const double *x, int64_t n)
{
    double *copy = allocate((size_t)n * sizeof *copy);
    memcpy(copy, x, (size_t)n * sizeof *copy);
    return copy;
}

double *support_squares(const double *x, int64_t n)
{
    double *squares = support_copy(x, n);
    for (int64_t i = 0; i < n; i++) squares[i] *= squares[i];
    return squares;
}

void support_roots(double *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++) x[i] = sqrt(x[i]);
}

/* ---- gradients ---- */

double support_dot(const double *a, const double *b, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

void support_check_gradient(double (*loss)(void *context), void *context, double *x,
                            const double *gradient, int64_t n)
{
    const double h = 1e-5; /* truncation h^2 = 1e-10, rounding 1e-16 / h = 1e-11 */
    double largest = 0;
    for (int64_t i = 0; i < n; i++) largest = fmax(largest, fabs(gradient[i]));
    assert_true(largest > 0);
    for (int64_t i = 0; i < n; i++) {
        const double value = x[i];
        x[i] = value + h;
        const double above = loss(context);
        x[i] = value - h;
        const double below = loss(context);
        x[i] = value;
        const double difference = (above - below) / (2 * h);
        if (fabs(difference - gradient[i]) > 1e-7 * (1 + largest)) {
            print_error("gradient %lld: %.12g, by differences %.12g\n", (long long)i, gradient[i],
                        difference);
            fail();
        }
    }
}
