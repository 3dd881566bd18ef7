/* SPDX-License-Identifier: Apache-2.0 */
/* One call of an operation on a device, with its operands on the host as doubles, and the
 * comparison of what it left with a reference. */
#ifndef SUPPORT_OPERATION_H
#define SUPPORT_OPERATION_H

#include "support_devices.h"

#include <clbert/ops.h>

/* Runs `check` on every device of the test (support_devices.h). Devices stay open for the next
 * call; support_close_devices is the group's teardown. */
void support_on_devices(void (*check)(struct clb_device *device));
int support_close_devices(void **state);

enum { SUPPORT_OPERANDS = 16 };

struct support_call {
    struct clb_device *device;
    struct clb_arena *arena;
    struct clb_tensor t[SUPPORT_OPERANDS];
    void *host[SUPPORT_OPERANDS]; /* double for CLB_F32, int32_t for CLB_I32 */
    int count;
};

/* The operands: declare them all, change the host values where the random ones do not serve, then
 * upload. The device's memory and the host's are released by close. */
struct support_call support_open(struct clb_device *device);
/* The next operand of fp32, filled with random numbers in (-1, 1) that are fp32 numbers. */
double *support_floats(struct support_call *call, int64_t rows, int64_t columns);
/* The next operand of int32, zeros. */
int32_t *support_ints(struct support_call *call, int64_t count);
void support_upload(struct support_call *call);
void support_close(struct support_call *call);

/* How far a sum of `terms` products may be from the exact one, in units of its `magnitude`, the
 * root of the sum of the squared products: each of the `terms` roundings is at most 2^-24 of a
 * partial sum, partial sums of random signs grow to the magnitude, and independent roundings add up
 * by squares: 2 sqrt(terms) is several deviations. `ulps` bounds what else is rounded in one
 * element. */
double support_tolerance(double ulps, double terms);

/* Operand `index` is `expected`, within support_tolerance(ulps, terms) times the element's
 * magnitude (or |expected|, where signs happened to agree); magnitude NULL: the largest of
 * |expected|. */
void support_expect(struct support_call *call, int index, const double *expected,
                    const double *magnitude, double ulps, double terms);
/* ... exactly, as fp32 numbers. */
void support_expect_same(struct support_call *call, int index, const double *expected);

/* A copy of n doubles, with each squared where asked; the roots in place; free() them. */
double *support_copy(const double *x, int64_t n);
double *support_squares(const double *x, int64_t n);
void support_roots(double *x, int64_t n);

/* Checks `gradient` of loss(context) with respect to the n numbers x by central differences. */
void support_check_gradient(double (*loss)(void *context), void *context, double *x,
                            const double *gradient, int64_t n);

/* sum of a[i] * b[i] */
double support_dot(const double *a, const double *b, int64_t n);

#endif
