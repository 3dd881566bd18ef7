/* SPDX-License-Identifier: Apache-2.0 */
#include "tasks/task_figures.h"

#include "base/error.h"
#include "base/json.h"

#include <math.h>

int32_t task_largest(const float *logits, int32_t count)
{
    int32_t best = 0;
    for (int32_t i = 1; i < count; i++)
        if (logits[i] > logits[best]) best = i;
    return best;
}

/* log of the sum of exp of every `stride`th. */
static double log_sum(const float *logits, int32_t count, int stride)
{
    double most = (double)logits[0], sum = 0;
    for (int32_t i = 1; i < count; i++) most = fmax(most, (double)logits[i * stride]);
    for (int32_t i = 0; i < count; i++) sum += exp((double)logits[i * stride] - most);
    return most + log(sum);
}

void task_softmax(const float *logits, int32_t count, double *probabilities)
{
    const double all = log_sum(logits, count, 1);
    for (int32_t i = 0; i < count; i++) probabilities[i] = exp((double)logits[i] - all);
}

double task_cross_entropy(const float *logits, int32_t count, int32_t label)
{
    return log_sum(logits, count, 1) - (double)logits[label];
}

double task_column_cross_entropy(const float *logits, int32_t rows, int column, int32_t label)
{
    return log_sum(logits + column, rows, 2) - (double)logits[2 * label + column];
}

enum clb_status task_set_figure(json_t *figures, const char *name, double value)
{
    return json_object_set_new(figures, name, base_json_number(value)) == 0
               ? CLB_OK
               : clb_fail(CLB_ERROR_MEMORY, "figures: out of memory");
}
