/* SPDX-License-Identifier: Apache-2.0 */
/* training_args.json: everything that a run was asked for, in the run directory and in every
 * checkpoint, under the names of the options (max_steps, learning_rate, ...). A resumed run is told
 * of every difference. */
#ifndef TRAIN_TRAINING_ARGS_H
#define TRAIN_TRAINING_ARGS_H

#include <clbert/train.h>
#include <jansson.h>

#define TRAIN_ARGS_FILE "training_args.json"

/* All options; `corpus` is clb_corpus_hash's. NULL: out of memory. */
json_t *train_args_json(const struct clb_training_options *options, uint64_t corpus);

/* What `then` (the arguments of the checkpoint, from the file `path`) had otherwise than `now`:
 * what would make it another run is CLB_ERROR_ARGUMENT, the rest is said. What `then` lacks is not
 * compared. */
enum clb_status train_args_compare(const json_t *now, const json_t *then, const char *path);

#endif
