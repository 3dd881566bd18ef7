/* SPDX-License-Identifier: Apache-2.0 */
/* The losses of a model's heads: sums on the device, counts beside them. */
#include "base/error.h"
#include "model/registry_inside.h"

#include <stdio.h>
#include <string.h>

int registry_loss(struct registry *r, const char *name, enum loss_kind kind)
{
    if (r->loss_count == CLB_LOSSES) {
        registry_note(r, clb_fail(CLB_ERROR_ARGUMENT, "a model has at most %d losses", CLB_LOSSES));
        return 0;
    }
    struct loss *loss = &r->losses[r->loss_count];
    loss->name = name;
    loss->kind = kind;
    registry_activation(r, &loss->sums, name, 2, 1, SAVED);
    return r->loss_count++;
}

int registry_loss_count(const struct registry *r)
{
    return r->loss_count;
}

const char *registry_loss_name(const struct registry *r, int loss)
{
    return r->losses[loss].name;
}

const struct clb_tensor *registry_loss_sums(const struct registry *r, int loss)
{
    return &r->losses[loss].sums;
}

void registry_count_labels(struct registry *r, int loss, int64_t count, double weight)
{
    r->losses[loss].count += count;
    r->losses[loss].weight += weight;
}

enum clb_status registry_read_losses(const struct registry *r, struct clb_losses *losses)
{
    enum clb_status status = CLB_OK;
    *losses = (struct clb_losses){.count = r->loss_count};
    for (int i = 0; i < r->loss_count && status == CLB_OK; i++) {
        const struct loss *from = &r->losses[i];
        float sums[2] = {0};
        status = clb_tensor_read(from->sums, sums, 2);
        struct clb_loss *to = &losses->loss[i];
        *to = (struct clb_loss){.sum = (double)sums[0],
                                .correct = (double)sums[1],
                                .count = from->count,
                                .weight = from->weight,
                                .perplexity = from->kind == LOSS_OF_WORDS,
                                .numeric = from->kind == LOSS_OF_NUMBERS};
        snprintf(to->name, sizeof to->name, "%s", from->name);
    }
    return status;
}

enum clb_status registry_write_losses(struct registry *r, const struct clb_losses *losses)
{
    enum clb_status status = CLB_OK;
    for (int i = 0; i < r->loss_count && status == CLB_OK; i++) {
        float sums[2] = {0};
        r->losses[i].count = 0;
        r->losses[i].weight = 0;
        for (int j = 0; losses && j < losses->count; j++) {
            if (strcmp(losses->loss[j].name, r->losses[i].name) != 0) continue;
            sums[0] = (float)losses->loss[j].sum;
            sums[1] = (float)losses->loss[j].correct;
            r->losses[i].count = losses->loss[j].count;
            r->losses[i].weight = losses->loss[j].weight;
        }
        status = clb_tensor_write(r->losses[i].sums, sums, 2);
    }
    return status;
}
