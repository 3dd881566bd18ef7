/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "train/train.h"

#include <math.h>
#include <string.h>

static const char *const names[] = {
    [CLB_SCHEDULE_LINEAR] = "linear",
    [CLB_SCHEDULE_COSINE] = "cosine",
    [CLB_SCHEDULE_CONSTANT] = "constant",
    [CLB_SCHEDULE_CONSTANT_WITH_WARMUP] = "constant_with_warmup",
    [CLB_SCHEDULE_WARMUP_STABLE_DECAY] = "warmup_stable_decay",
};
enum { SCHEDULES = sizeof names / sizeof *names };

const char *clb_schedule_name(enum clb_schedule_kind kind)
{
    return names[kind];
}

enum clb_status clb_schedule_named(const char *name, enum clb_schedule_kind *kind)
{
    for (int i = 0; i < SCHEDULES; i++)
        if (strcmp(name, names[i]) == 0) {
            *kind = (enum clb_schedule_kind)i;
            return CLB_OK;
        }
    return clb_fail(CLB_ERROR_ARGUMENT,
                    "learning rate schedule \"%s\" is neither linear, cosine, constant, "
                    "constant_with_warmup nor warmup_stable_decay",
                    name);
}

/* Half a cosine from 1 at `first` to 0 at `end`. */
static double cosine(int64_t first, int64_t end, int64_t step)
{
    return 0.5 * (1.0 + cos(M_PI * (double)(step - first) / (double)(end - first)));
}

double clb_learning_rate(const struct clb_schedule *s, int64_t step)
{
    const int64_t warmup = s->kind == CLB_SCHEDULE_CONSTANT ? 0 : s->warmup_steps;
    const int64_t decay = s->max_steps - s->decay_steps;
    if (step < warmup) return s->peak * (double)(step + 1) / (double)warmup;
    switch (s->kind) {
    case CLB_SCHEDULE_LINEAR:
        if (step >= s->max_steps) return 0.0;
        return s->peak * (double)(s->max_steps - step) / (double)(s->max_steps - warmup);
    case CLB_SCHEDULE_COSINE:
        return step >= s->max_steps ? 0.0 : s->peak * cosine(warmup, s->max_steps, step);
    case CLB_SCHEDULE_WARMUP_STABLE_DECAY:
        if (step < decay) return s->peak;
        return step >= s->max_steps ? 0.0 : s->peak * cosine(decay, s->max_steps, step);
    case CLB_SCHEDULE_CONSTANT:
    case CLB_SCHEDULE_CONSTANT_WITH_WARMUP:
        break;
    }
    return s->peak;
}

double train_learning_rate(const struct clb_training_options *o, int64_t step)
{
    const struct clb_schedule schedule = {.kind = o->lr_scheduler_type,
                                          .peak = (double)o->learning_rate,
                                          .warmup_steps = o->warmup_steps,
                                          .decay_steps = o->lr_decay_steps,
                                          .max_steps = o->max_steps};
    return clb_learning_rate(&schedule, step);
}
