/* SPDX-License-Identifier: Apache-2.0 */
/* training_args.json: everything that a run was asked for, in the run directory and in every
 * checkpoint, under the names of the options (max_steps, learning_rate, ...). A resumed run is told
 * of every difference. */
#ifndef TRAIN_TRAINING_ARGS_H
#define TRAIN_TRAINING_ARGS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define TRAIN_ARGS_FILE "training_args.json"

/* The options of a job, in its own struct, which begins with clb_training_options. */
struct train_argument {
    const char *name; /* NULL behind the last */
    int type, effect; /* training_args.c says of which there are */
    size_t offset;
    bool later; /* runs whose arguments lack it had its default */
};
extern const struct train_argument train_pretraining_arguments[], train_fine_tuning_arguments[];

struct train_run;

/* All options of a run, and the hash of its data. NULL: out of memory. */
json_t *train_args_json(const struct train_run *run);

/* What `then` (the arguments of the checkpoint, from the file `path`) had otherwise than the run:
 * what would make it another run is CLB_ERROR_ARGUMENT, the rest is said. What `then` lacks is not
 * compared. */
enum clb_status train_args_compare(const struct train_run *run, const json_t *then,
                                   const char *path);

#endif
