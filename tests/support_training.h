/* SPDX-License-Identifier: Apache-2.0 */
/* A tiny model with an optimiser and one pair of sentences, ready for a step. */
#ifndef SUPPORT_TRAINING_H
#define SUPPORT_TRAINING_H

#include "train/train.h"

#include <clbert/model.h>

struct support_training {
    struct clb_device *device;
    struct clb_model *model;
    struct train_optimizer *optimizer;
    struct clb_batch *batch;
};

/* `cap`: the device's largest allocation from now on; 0: its own. */
struct support_training support_training_open(const char *device, int64_t cap,
                                              enum clb_optimizer_kind kind, enum clb_type operands);
void support_training_close(struct support_training *t);
enum clb_status support_training_step(struct support_training *t, int64_t step,
                                      const struct clb_training_options *options,
                                      double learning_rate);

#endif
