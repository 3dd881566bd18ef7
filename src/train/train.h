/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the training room share. */
#ifndef TRAIN_TRAIN_H
#define TRAIN_TRAIN_H

#include <clbert/train.h>

#include <jansson.h>
#include <stdio.h>

/* ---- optimizer.c: moments, segments, the norm ---- */

enum { TRAIN_NORM_SLOTS = 64 }; /* steps between two looks at the gradient norm, at most */

#define TRAIN_MOST_LOSS_SCALE 16777216.0f

/* Fp16's smallest numbers are too large for many gradients: losses, and so all gradients, are
 * multiplied by a power of two, which is taken out of the sums again. A step whose gradients
 * overflow is left out, and the scale halved; after GROWTH_STEPS without that it is doubled. */
struct train_loss_scale {
    bool dynamic; /* else it stays 1 */
    float scale;
    int32_t good_steps; /* since it changed */
};

struct train_optimizer {
    enum clb_optimizer_kind kind;
    struct clb_arena *first_arena, *second_arena, *table_arena, *norm_arena;
    struct clb_parameter *first, *second; /* the two moments by parameter */
    int parameter_count;
    struct clb_segments *segments; /* [parts] of the model's memory */
    int parts;
    struct clb_tensor weights_norm;            /* the weights' sum of squares */
    struct clb_tensor part_norm;               /* that of one part */
    struct clb_tensor norms[TRAIN_NORM_SLOTS]; /* a step's sum of squares, by step % slots */
    struct train_loss_scale loss_scale;
};

/* Plans its memory for a committed model; train_optimizer_commit allocates. */
enum clb_status train_optimizer_create(struct clb_model *model, enum clb_optimizer_kind kind,
                                       struct train_optimizer **optimizer);
enum clb_status train_optimizer_commit(struct train_optimizer *optimizer,
                                       const struct clb_model *model, float weight_decay);
/* rates[i] multiplies the learning rate of parameter i of clb_model_parameters, from the next step
 * on; NULL: all 1, as after commit. That of a frozen parameter stays 0. Waits. */
enum clb_status train_optimizer_set_rates(struct train_optimizer *optimizer,
                                          const struct clb_model *model, const float *rates);
int64_t train_optimizer_bytes(const struct train_optimizer *optimizer);
void train_optimizer_destroy(struct train_optimizer *optimizer);

/* The update of step `step` (0 for the first) from the model's gradients. Queued. */
enum clb_status train_optimizer_step(struct train_optimizer *optimizer,
                                     const struct clb_model *model,
                                     const struct clb_training_options *options, int64_t step,
                                     double learning_rate);
/* Follows the gradients of step `step`, which was left out where they are not finite; waits. A
 * scale that cannot be halved any more: CLB_ERROR_NUMERIC. */
enum clb_status train_optimizer_rescale(struct train_optimizer *optimizer, int64_t step);
/* The norm of all weights, to see whether they are finite; waits. */
enum clb_status train_optimizer_weights_norm(const struct train_optimizer *optimizer,
                                             const struct clb_model *model, double *norm);
/* The gradient norms of steps first .. first + count - 1, none longer ago than TRAIN_NORM_SLOTS;
 * waits. */
enum clb_status train_optimizer_norms(const struct train_optimizer *optimizer, int64_t first,
                                      int64_t count, double *norms);

/* ---- the state of a run ---- */

struct train_interval { /* since the last line of metrics */
    int64_t tokens, sequences;
    int64_t resumed; /* of the tokens: shown before the run was resumed */
};

struct train_run {
    struct clb_training_options options;
    json_t *args; /* training_args.json */
    struct clb_training_report *report;
    struct clb_device *device;
    struct clb_corpus *corpus;
    struct clb_stream *stream, *validation;
    struct clb_model *model;
    struct train_optimizer *optimizer;
    int64_t step;    /* finished */
    int64_t checked; /* steps whose gradient norm has been seen to be finite */
    double norm;     /* that of the last of them */
    int64_t saved;   /* step of the newest checkpoint; -1: none */
    struct train_interval interval;
    double last_log;    /* when the interval began, or was gone on with */
    char figures[160];  /* losses and accuracies of the last interval, for the terminal */
    FILE *metrics;      /* NULL until the first line */
    double peak_gflops; /* what the device reaches, measured at the start; 0: that failed,
                           or the precision is another than fp32 */
};

/* ---- step.c: the one training step, of pretrain, bench, verify and the tests ---- */

/* The gradients of a step's micro-batches, summed; dropout from `seed`. On their way they are
 * multiplied by `loss_scale`. */
enum clb_status train_gradients(struct clb_model *model, const struct clb_step_batches *batches,
                                uint64_t seed, float loss_scale);
/* And the update. Waits where the loss scale is dynamic. */
enum clb_status train_step(struct clb_model *model, struct train_optimizer *optimizer,
                           const struct clb_step_batches *batches,
                           const struct clb_training_options *options, double learning_rate);

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
/* The line on the terminal between two lines of metrics. */
void train_progress(const struct train_run *run);
#endif
