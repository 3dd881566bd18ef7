/* SPDX-License-Identifier: Apache-2.0 */
/* A model of tests/golden, whole on a device, and what Hugging Face's class says of it
 * (tools/make_golden_model.py). */
#ifndef SUPPORT_GOLDEN_H
#define SUPPORT_GOLDEN_H

#include <clbert/model.h>
#include <jansson.h>
#include <stdbool.h>

struct support_golden {
    const char *directory;
    json_t *facts;
    struct clb_device *device;
    struct clb_config config;
    struct clb_batch *batch; /* room for 8 sequences of together 256 tokens */
    struct clb_model *model;
};

/* The batch is empty still. Without facts where the directory has none. */
struct support_golden support_golden_open(const char *directory, const char *device, bool training);
void support_golden_close(struct support_golden *g);

/* An array's integers, malloc'd. */
int32_t *support_golden_ints(const json_t *array);
void support_near(double actual, double expected, double tolerance, const char *what);
/* Each parameter's largest difference to a file of the directory, relative to the largest value in
 * the tensor, or in all of them where that is nothing; from parameter `first` on. */
void support_golden_parameters(const struct support_golden *g, const struct clb_parameter *actual,
                               int first, const char *file, double tolerance);

#endif
