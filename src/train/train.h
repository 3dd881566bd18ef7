/* SPDX-License-Identifier: Apache-2.0 */
/* A training step: the optimiser, and the one step of pretrain, fine-tune, bench and verify. */
#ifndef TRAIN_TRAIN_H
#define TRAIN_TRAIN_H

#include <clbert/train.h>

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

/* schedule.c: the rate of a step of a run. */
double train_learning_rate(const struct clb_training_options *options, int64_t step);

/* ---- step.c: the one training step, of pretrain, bench, verify and the tests ---- */

/* The gradients of a step's micro-batches, summed; dropout from `seed`. On their way they are
 * multiplied by `loss_scale`. */
enum clb_status train_gradients(struct clb_model *model, const struct clb_step_batches *batches,
                                uint64_t seed, float loss_scale);
/* And the update. Waits where the loss scale is dynamic. */
enum clb_status train_step(struct clb_model *model, struct train_optimizer *optimizer,
                           const struct clb_step_batches *batches,
                           const struct clb_training_options *options, double learning_rate);

#endif
