/* SPDX-License-Identifier: Apache-2.0 */
/* Proving a device against the CPU path, on the user's own machine. */
#ifndef CLBERT_VERIFY_H
#define CLBERT_VERIFY_H

#include <clbert/api.h>
#include <clbert/device.h>
#include <stdbool.h>
#include <stdint.h>

CLB_BEGIN_DECLS

/* One part of an output of one case: error is the largest difference from the reference over the
 * largest magnitude of the reference (infinite where the device did not repeat its own bits),
 * tolerance the bound derived from fp32 rounding; 0 asks for equal numbers. Of a result of a
 * reduced type the reference is the number before its rounding, and a difference the way from there
 * to the nearest number that is rounded so: no more than fp32's rounding, either. Or, "the rest
 * untouched": how many elements of inputs, and of zones behind every tensor, are not as they were.
 */
struct clb_verify_check {
    char name[128]; /* case: part, as "linear_forward 37x29x45: out" */
    double error, tolerance;
    bool passed;
    char *map; /* lines that show what differs; NULL where nothing does. The report's */
};

/* Grows as checks are added; begins as {0}; released with clb_verify_report_free. */
struct clb_verify_report {
    struct clb_verify_check *checks;
    int count, capacity, failed;
};

CLB_API enum clb_status clb_verify_report_add(struct clb_verify_report *report, const char *name,
                                              double error, double tolerance);
CLB_API void clb_verify_report_free(struct clb_verify_report *report);

struct clb_verify_options {
    bool tiny;               /* the smallest shapes only, for simulators */
    const char *only;        /* cases whose name contains this; NULL: all */
    uint32_t seed;           /* of the numbers; 0 is as good as any */
    enum clb_type precision; /* of the model's operands; operations are tried with all types */
};

/* Runs every operation over a list of cases on `device` and on `reference` and compares: several
 * shapes, and inputs made for what goes wrong in each (large means, sharp scores, ties, special
 * numbers ...); products and attention also with operands of every reduced type that both devices
 * multiply. A check that fails is no error; a call that fails is. */
CLB_API enum clb_status clb_verify_operations(struct clb_device *device,
                                              struct clb_device *reference,
                                              const struct clb_verify_options *options,
                                              struct clb_verify_report *report);

/* Operations on buffers of more than 2^31 elements, compared around what overflows: 2^31 and 2^32
 * bytes, 2^31 elements, the end. Where memory or the largest allocation of the device do not hold
 * it, or the host's where the device uses that, says so and leaves it out. */
CLB_API enum clb_status clb_verify_large(struct clb_device *device,
                                         const struct clb_verify_options *options,
                                         struct clb_verify_report *report);

/* A whole model with dropout on both: logits, losses and every gradient, and the losses of ten
 * training steps (two, where `tiny`). Where `precision` is reduced, then the same on `reference`
 * with it and with fp32. A precision that either does not multiply: CLB_ERROR_ARGUMENT. */
CLB_API enum clb_status clb_verify_model(struct clb_device *device, struct clb_device *reference,
                                         const struct clb_verify_options *options,
                                         struct clb_verify_report *report);

CLB_END_DECLS

#endif
