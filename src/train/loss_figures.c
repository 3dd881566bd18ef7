/* SPDX-License-Identifier: Apache-2.0 */
#include "train/loss_figures.h"

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

void train_format_losses(const struct clb_losses *losses, bool perplexity, char *text, size_t size)
{
    size_t length = 0;
    *text = 0;
    for (int i = 0; i < losses->count && length < size; i++) {
        const struct clb_loss *loss = &losses->loss[i];
        char more[64] = "", last[48] = "";
        if (loss->count == 0) continue;
        if (perplexity && loss->perplexity)
            snprintf(last, sizeof last, ", perplexity %.2f", exp(clb_loss_mean(loss)));
        if (!loss->numeric)
            snprintf(more, sizeof more, " (%.1f %%%s)", 100 * clb_loss_accuracy(loss), last);
        length += (size_t)snprintf(text + length, size - length, "%s%s %.4f%s", length ? "  " : "",
                                   loss->name, clb_loss_mean(loss), more);
    }
}
