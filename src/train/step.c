/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "train/train.h"

/* Every loss is a mean over all its labels of the step: sums first, divided once. */
static struct clb_loss_scales scales_of(const struct clb_model *model,
                                        const struct clb_step_batches *batches, float loss_scale)
{
    struct clb_loss_scales scales = {{0}};
    for (int l = 0; l < clb_model_loss_count(model); l++) {
        double weight = 0;
        for (int i = 0; i < batches->count; i++)
            weight += clb_model_label_weight(model, l, batches->batches[i]);
        if (weight > 0) scales.scale[l] = loss_scale * (float)(1.0 / weight);
    }
    return scales;
}

/* Every gradient becomes 0, or is multiplied. */
static enum clb_status set_gradients(const struct clb_model *model, bool clear, float factor)
{
    enum clb_status status = CLB_OK;
    for (int i = 0; i < clb_model_parts(model) && status == CLB_OK; i++) {
        const struct clb_tensor gradients = clb_model_gradients_part(model, i);
        status = clear ? clb_fill(&gradients, 0.0f) : clb_scale(&gradients, factor);
    }
    return status;
}

enum clb_status train_gradients(struct clb_model *model, const struct clb_step_batches *batches,
                                uint64_t seed, float loss_scale)
{
    const struct clb_loss_scales scales = scales_of(model, batches, loss_scale);
    enum clb_status status = set_gradients(model, true, 0.0f);
    for (int i = 0; i < batches->count && status == CLB_OK; i++) {
        const uint32_t stream = (uint32_t)(batches->step * batches->count + i);
        status = clb_model_train(model, batches->batches[i], seed, stream, scales);
    }
    if (status == CLB_OK && loss_scale != 1.0f)
        status = set_gradients(model, false, 1.0f / loss_scale);
    return status;
}

enum clb_status train_step(struct clb_model *model, struct train_optimizer *optimizer,
                           const struct clb_step_batches *batches,
                           const struct clb_training_options *options, double learning_rate)
{
    enum clb_status status;
    CLB_TRY(train_gradients(model, batches, options->seed, optimizer->loss_scale.scale));
    CLB_TRY(train_optimizer_step(optimizer, model, options, batches->step, learning_rate));
    CLB_TRY(clb_device_flush(clb_model_weights_whole(model).device));
    CLB_TRY(train_optimizer_rescale(optimizer, batches->step));
cleanup:
    return status;
}
