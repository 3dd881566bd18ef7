/* SPDX-License-Identifier: Apache-2.0 */
#include <clbert/train.h>

double clb_learning_rate(double peak, int64_t warmup_steps, int64_t max_steps, int64_t step)
{
    if (step < warmup_steps) return peak * (double)(step + 1) / (double)warmup_steps;
    if (step >= max_steps) return 0.0;
    return peak * (double)(max_steps - step) / (double)(max_steps - warmup_steps);
}
