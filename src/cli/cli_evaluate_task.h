/* SPDX-License-Identifier: Apache-2.0 */
/* clbert evaluate for a model that was fine-tuned: figures on labelled examples. */
#ifndef CLI_EVALUATE_TASK_H
#define CLI_EVALUATE_TASK_H

#include "cli/cli_examples.h"
#include "predict/task_model.h"

struct cli_evaluate_task {
    const char *model, *device;
    int threads;
    struct task_model_settings settings;
    struct clb_examples examples;
    bool json, confusion;
    int worst; /* examples to be shown */
};

enum clb_status cli_evaluate_task(const struct cli_evaluate_task *what);

#endif
