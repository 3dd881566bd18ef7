/* SPDX-License-Identifier: Apache-2.0 */
/* Proving a device against the CPU path, on the user's own machine. */
#ifndef CLBERT_VERIFY_H
#define CLBERT_VERIFY_H

#include <clbert/api.h>
#include <clbert/device.h>
#include <stdbool.h>

CLB_BEGIN_DECLS

/* One output of one case: error is the largest difference from the reference over the largest
 * magnitude of the reference (infinite where the device did not repeat its own bits), tolerance the
 * bound derived from fp32 rounding; 0 asks for the same bits. */
struct clb_verify_check {
    char name[96]; /* "linear_forward 37x29x45: out" */
    double error, tolerance;
    bool passed;
};

/* Grows as checks are added; begins as {0}; released with clb_verify_report_free. */
struct clb_verify_report {
    struct clb_verify_check *checks;
    int count, capacity, failed;
};

CLB_API enum clb_status clb_verify_report_add(struct clb_verify_report *report, const char *name,
                                              double error, double tolerance);
CLB_API void clb_verify_report_free(struct clb_verify_report *report);

/* Runs every operation over several shapes on `device` and on `reference` and compares. `tiny`: the
 * smallest shapes only, for simulators. A check that fails is no error; a call that fails is. */
CLB_API enum clb_status clb_verify_operations(struct clb_device *device,
                                              struct clb_device *reference, bool tiny,
                                              struct clb_verify_report *report);

/* A whole model with dropout on both: logits, losses and every gradient, and the losses of ten
 * training steps (two, where `tiny`). */
CLB_API enum clb_status clb_verify_model(struct clb_device *device, struct clb_device *reference,
                                         bool tiny, struct clb_verify_report *report);

CLB_END_DECLS

#endif
