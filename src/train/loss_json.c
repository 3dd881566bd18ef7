/* SPDX-License-Identifier: Apache-2.0 */
#include "train/loss_json.h"

#include "base/json.h"

#include <math.h>
#include <stdio.h>

int train_set_figure(json_t *json, const char *prefix, const struct clb_loss *loss,
                     enum train_figure figure)
{
    static const char *const names[] = {"loss", "accuracy", "perplexity"};
    const double values[] = {clb_loss_mean(loss), clb_loss_accuracy(loss),
                             exp(clb_loss_mean(loss))};
    char key[64];
    if (figure == TRAIN_PERPLEXITY && !loss->perplexity) return 0;
    snprintf(key, sizeof key, "%s%s_%s", prefix, loss->name, names[figure]);
    return json_object_set_new(json, key, base_json_number(values[figure]));
}
