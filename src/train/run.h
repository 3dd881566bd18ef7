/* SPDX-License-Identifier: Apache-2.0 */
/* A run: the training loop with what surrounds it (directory, checkpoints, metrics), for any job:
 * pretraining or a task. */
#ifndef TRAIN_RUN_H
#define TRAIN_RUN_H

#include "train/train.h"

#include <jansson.h>
#include <stdio.h>

struct train_run;
struct train_argument; /* training_args.h */

/* What one job does that another does not. */
struct train_job {
    const struct train_argument *arguments; /* its options, for training_args.json */
    const char *data_key; /* there, and in messages: what the hash of the data is called */
    /* Fills in what the options leave to the data, run->tokenizer, data_hash and
     * example. */
    enum clb_status (*read_data)(struct train_run *run);
    /* Fills in run->batches and run->epoch_steps. */
    enum clb_status (*open_batches)(struct train_run *run);
    /* The model's shape, from what --model says, which is `directory` where it is one, or from the
     * directory of a checkpoint; and the limits that are not the loop's own. */
    enum clb_status (*configure)(struct train_run *run, const char *model, const char *directory,
                                 struct clb_config *config, struct clb_model_limits *limits);
    /* The first weights of a run; `directory` is NULL where the model is no directory. */
    enum clb_status (*load)(struct train_run *run, const char *directory);
    /* What else the model and the optimiser are told, also of a resumed run; NULL: nothing. */
    enum clb_status (*dress)(struct train_run *run);
    void (*print_data)(const struct train_run *run, FILE *out); /* its lines of the plan */
    /* Measures what is held out, and tells. */
    enum clb_status (*evaluate)(struct train_run *run);
    bool evaluation_decides; /* it says which step is the best so far, perhaps which is the last */
    /* After the last step: the model into the output directory. */
    enum clb_status (*finish)(struct train_run *run);
};

struct train_interval { /* since the last line of metrics */
    int64_t tokens, sequences;
    int64_t resumed; /* of the tokens: shown before the run was resumed */
};

/* The evaluation that no later one was better than. */
struct train_best {
    bool known;
    int64_t step, seen; /* its own, and that of the newest evaluation */
    double value;       /* of the figure that decides */
    int32_t waited;     /* evaluations since then */
};

struct train_run {
    const struct train_job *job;
    void *context;                        /* the job's own */
    struct clb_training_options *options; /* the job's copy */
    json_t *args;                         /* training_args.json */
    struct clb_training_report *report;
    const struct clb_tokenizer *tokenizer;
    uint64_t data_hash;  /* of what is trained on */
    const char *example; /* "pairs": what a sequence is called */
    struct clb_batch_source batches;
    double epoch_steps; /* steps in which all data are shown once */
    struct clb_device *device;
    struct clb_model *model;
    struct train_optimizer *optimizer;
    int64_t step;    /* finished */
    int64_t checked; /* steps whose gradient norm has been seen to be finite */
    double norm;     /* that of the last of them */
    int64_t saved;   /* step of the newest checkpoint; -1: none */
    struct train_best best;
    bool done; /* no more steps, though there are some left */
    struct train_interval interval;
    double last_log;    /* when the interval began, or was gone on with */
    char figures[160];  /* losses and accuracies of the last interval, for the terminal */
    FILE *metrics;      /* NULL until the first line */
    double peak_gflops; /* what the device reaches, measured at the start; 0: that failed,
                           or the precision is another than fp32 */
};

/* max_steps where num_train_epochs decides it: of so many steps an epoch. */
void train_settle_epochs(struct clb_training_options *options, double epoch_steps);

/* Runs a job to its end: clb_pretrain's contract. */
enum clb_status train_run(const struct train_job *job, void *context,
                          struct clb_training_options *options, struct clb_training_report *report);

/* ---- checkpoint.c ---- */

/* Writes output_dir/checkpoint-STEP, whole or not at all; removes what save_total_limit allows. */
enum clb_status train_save(struct train_run *run);
/* Whether a directory is a checkpoint with all its parts, as far as their beginnings tell. */
enum clb_status train_checkpoint_check(const char *checkpoint);
/* Weights, moments and state of a checkpoint; says which options have changed since. One that
 * would change the stream: CLB_ERROR_ARGUMENT. */
enum clb_status train_restore(struct train_run *run, const char *checkpoint);
/* The final model into the output directory. */
enum clb_status train_save_final(struct train_run *run);

/* ---- plan.c ---- */

/* What is about to be done (model, memory, device, stream): into the report, and said. */
enum clb_status train_plan(struct train_run *run);

/* ---- metrics.c ---- */

/* Keeps the lines of output_dir/metrics.jsonl up to the run's step; measures the peak that speed
 * is shown beside. */
enum clb_status train_metrics_begin(struct train_run *run);
/* A line for the interval that ends now, which begins anew; also to the terminal. The norms have
 * been checked. */
enum clb_status train_log(struct train_run *run);
/* A line for an evaluation. */
enum clb_status train_log_evaluation(struct train_run *run, const struct clb_evaluation *result);
/* A line for figures of what is held out, {"loss": ..., "accuracy": ..., ...}. */
enum clb_status train_log_figures(struct train_run *run, const json_t *figures);
/* The line on the terminal between two lines of metrics. */
void train_progress(const struct train_run *run);
#endif
