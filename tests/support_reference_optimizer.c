/* SPDX-License-Identifier: Apache-2.0 */
#include "support_reference.h"

#include <math.h>

/* Moments of element e updated, as every optimiser does. */
static void update_moments(const struct reference_optimizer *o, int64_t e)
{
    const double norm = sqrt(o->grad_square), limit = (double)o->step.max_grad_norm;
    const double beta1 = (double)o->step.beta1, beta2 = (double)o->step.beta2;
    const double g = o->g[e] * (limit > 0 && norm > limit ? limit / norm : 1);
    o->m[e] = beta1 * o->m[e] + (1 - beta1) * g;
    o->v[e] = beta2 * o->v[e] + (1 - beta2) * g * g;
}

static double corrected(const struct reference_optimizer *o, int64_t e)
{
    const double m = o->m[e] / (1 - pow((double)o->step.beta1, (double)o->step.step));
    const double v = o->v[e] / (1 - pow((double)o->step.beta2, (double)o->step.step));
    return m / (sqrt(v) + (double)o->step.epsilon);
}

void reference_adamw(const struct reference_optimizer *o)
{
    for (int64_t s = 0; s < o->segments; s++) {
        const double rate = (double)o->step.learning_rate * o->rate[s];
        for (int64_t e = o->first_block[s] * CLB_BLOCK; e < o->first_block[s + 1] * CLB_BLOCK;
             e++) {
            update_moments(o, e);
            o->w[e] -= rate * o->decay[s] * o->w[e];
            o->w[e] -= rate * corrected(o, e);
        }
    }
}

void reference_bert_adam(const struct reference_optimizer *o)
{
    for (int64_t s = 0; s < o->segments; s++)
        for (int64_t e = o->first_block[s] * CLB_BLOCK; e < o->first_block[s + 1] * CLB_BLOCK;
             e++) {
            update_moments(o, e);
            const double u =
                o->m[e] / (sqrt(o->v[e]) + (double)o->step.epsilon) + o->decay[s] * o->w[e];
            o->w[e] -= (double)o->step.learning_rate * o->rate[s] * u;
        }
}

void reference_lamb(const struct reference_optimizer *o)
{
    for (int64_t s = 0; s < o->segments; s++) {
        const int64_t first = o->first_block[s] * CLB_BLOCK,
                      end = o->first_block[s + 1] * CLB_BLOCK;
        double w_square = 0, u_square = 0;
        for (int64_t e = first; e < end; e++) {
            update_moments(o, e);
            o->g[e] = corrected(o, e) + o->decay[s] * o->w[e];
            w_square += o->w[e] * o->w[e];
            u_square += o->g[e] * o->g[e];
        }
        const double ratio = w_square > 0 && u_square > 0 ? sqrt(w_square / u_square) : 1;
        for (int64_t e = first; e < end; e++)
            o->w[e] -= (double)o->step.learning_rate * o->rate[s] * ratio * o->g[e];
    }
}
