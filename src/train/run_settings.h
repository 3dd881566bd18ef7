/* SPDX-License-Identifier: Apache-2.0 */
/* What a run was trained with, for those who come after it: evaluate. */
#ifndef TRAIN_RUN_SETTINGS_H
#define TRAIN_RUN_SETTINGS_H

#include <clbert/stream.h>

/* As in clb_training_options. */
struct train_run_settings {
    struct clb_stream_options stream; /* of its evaluations; `validation` is left alone */
    int32_t per_device_train_batch_size;
    int64_t eval_samples;
};

/* Reads the settings of the run whose model `directory` holds (RUN or RUN/checkpoint-N): from its
 * training_args.json, else "stream" in its trainer_state.json (0.1.0's checkpoints), else from its
 * newest checkpoint that has one of them. What they leave out is left alone: give it its default
 * first. *source is the file's path, malloc'd, or NULL: a model that no run left. */
enum clb_status train_run_settings_read(const char *directory, struct train_run_settings *settings,
                                        char **source);

#endif
