/* SPDX-License-Identifier: Apache-2.0 */
/* The options that pretrain and fine-tune have in common. */
#ifndef CLI_TRAINING_H
#define CLI_TRAINING_H

#include "cli/cli.h"

#include <clbert/train.h>

/* popt's types: int for 32 bits, long long for 64. */
struct cli_training {
    struct clb_training_options *o; /* the defaults, which the options replace */
    char *output_dir, *model, *device, *resume, *optim, *schedule, *precision;
    long long max_steps, warmup_steps, decay_steps, logging_steps, eval_steps, save_steps, seed;
    int gradient_checkpointing, overwrite, dry_run, json;
};

enum { CLI_TRAINING_OPTIONS = 33 };

/* What --help says of options whose meaning or default is the command's own. */
struct cli_training_words {
    const char *model, *max_steps, *num_train_epochs, *max_seq_length, *learning_rate,
        *adam_epsilon, *eval_steps, *save_steps, *json;
};

/* Takes the defaults, and puts the rows that parse into `training` at *table, which moves behind
 * them. */
void cli_training_options(struct cli_training *training, struct clb_training_options *defaults,
                          const struct cli_training_words *words, struct poptOption **table);
/* Into *training->o, after parsing. */
enum clb_status cli_training_take(struct cli_training *training, int argc, const char **argv);
void cli_training_free(struct cli_training *training);

#endif
