/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of fine-tuning share. */
#ifndef TRAIN_FINE_TUNE_H
#define TRAIN_FINE_TUNE_H

#include "tasks/task.h"
#include "train/run.h"
#include "train/run_directory.h"

#include <clbert/fine_tune.h>

struct fine_tuning {
    struct clb_fine_tune_options options;
    const struct task_kind *kind;
    struct clb_tokenizer *tokenizer;
    struct task_labels labels;
    float *weights;                             /* of the classes, or NULL */
    bool same_head;                             /* the model has one for these very classes */
    struct task_set *train, *validation, *test; /* the latter may be NULL */
    struct task_batches batches;
    json_t *evaluated; /* the last evaluation's figures, of step run->best.seen, or NULL */
    char *figures;     /* of the best model, JSON */
    int64_t best_step;
};

/* ---- fine_tune_data.c: the functions of struct train_job that look at the examples ---- */

enum clb_status fine_tune_read(struct train_run *run);
enum clb_status fine_tune_open_batches(struct train_run *run);
void fine_tune_print_data(const struct train_run *run, FILE *out);
void fine_tune_free(struct fine_tuning *fine_tuning);

#endif
