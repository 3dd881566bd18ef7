/* SPDX-License-Identifier: Apache-2.0 */
/* A whole model on a device against the same model on the CPU path: logits, losses, every gradient,
 * ten training steps with dropout. Weights, masks and order are the same bits on both, so that only
 * rounding differs. */
#include "base/error.h"
#include "train/train.h"

#include <clbert/random.h>
#include <clbert/verify.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 10, MASK_EVERY = 6 };

struct shape {
    struct clb_config config;
    int32_t lengths[6]; /* 0 ends them */
};

static const struct shape usual = {
    {.vocab_size = 211,
     .hidden_size = 48,
     .num_hidden_layers = 3,
     .num_attention_heads = 4,
     .intermediate_size = 100,
     .max_position_embeddings = 64,
     .type_vocab_size = 2,
     .hidden_act = CLB_ACTIVATION_GELU,
     .hidden_dropout_prob = 0.1f,
     .attention_probs_dropout_prob = 0.1f,
     .initializer_range = 0.1f,
     .layer_norm_eps = 1e-12f},
    {40, 5, 64, 17, 23},
};

static const struct shape smallest = {
    {.vocab_size = 19,
     .hidden_size = 8,
     .num_hidden_layers = 1,
     .num_attention_heads = 2,
     .intermediate_size = 12,
     .max_position_embeddings = 8,
     .type_vocab_size = 2,
     .hidden_act = CLB_ACTIVATION_GELU_TANH,
     .hidden_dropout_prob = 0.1f,
     .attention_probs_dropout_prob = 0.1f,
     .initializer_range = 0.1f,
     .layer_norm_eps = 1e-12f},
    {7, 4, 3}, /* an odd number: two pairs' gradients at the NSP bias could cancel */
};

/* The model on one device. */
struct side {
    struct clb_model *model;
    struct train_optimizer *optimizer;
};

struct comparison {
    const struct shape *shape;
    struct side device, reference;
    struct clb_batch *batch;
    struct clb_training_options training;
    struct clb_verify_report *report;
    double chain; /* the bound on a forward and a backward pass */
    int steps;
};

/* Rounding through a pass: each operation on the way adds that of its own arithmetic and of its
 * sums, and independent errors add by their squares. 16 operations a layer there and back, 20
 * around. */
static double chain_bound(const struct clb_config *config)
{
    const double operations = 16.0 * config->num_hidden_layers + 20;
    const double longest = fmax(config->intermediate_size, 3.0 * config->hidden_size);
    return 0x1p-24 * sqrt(operations) * (8 + 2 * sqrt(longest));
}

/* ---- setting up ---- */

static enum clb_status fill_batch(struct comparison *c)
{
    const struct clb_random random = {11, CLB_PURPOSE_TEST, 0};
    const uint32_t vocab = (uint32_t)c->shape->config.vocab_size;
    int32_t ids[64], types[64], labels[64];
    uint64_t draw = 0;
    enum clb_status status;
    CLB_TRY(clb_batch_create(6, 6 * 64, &c->batch));
    for (int s = 0; s < 6 && c->shape->lengths[s]; s++) {
        const int32_t length = c->shape->lengths[s];
        for (int32_t i = 0; i < length; i++) {
            ids[i] = (int32_t)clb_random_below(random, draw++, vocab);
            types[i] = i > length / 2;
            labels[i] =
                i % MASK_EVERY == 1 ? (int32_t)clb_random_below(random, draw++, vocab) : -100;
        }
        CLB_TRY(clb_batch_append_pair(c->batch, length, ids, types, labels, s % 2));
    }
    CLB_TRY(clb_batch_finish(c->batch));
cleanup:
    return status;
}

static enum clb_status open_side(const struct comparison *c, struct clb_device *device,
                                 struct side *side)
{
    const struct clb_model_limits limits = {.max_sequences = c->batch->sequences,
                                            .max_tokens = c->batch->total_tokens,
                                            .max_masked = c->batch->total_tokens,
                                            .training = true};
    enum clb_status status;
    CLB_TRY(clb_model_create(device, &c->shape->config, &limits, &side->model));
    CLB_TRY(train_optimizer_create(side->model, CLB_OPTIMIZER_ADAMW, &side->optimizer));
    CLB_TRY(clb_model_commit(side->model));
    CLB_TRY(train_optimizer_commit(side->optimizer, side->model, 0.01f));
    CLB_TRY(clb_model_initialize(side->model, 5));
cleanup:
    return status;
}

static void close_side(struct side *side)
{
    train_optimizer_destroy(side->optimizer);
    clb_model_destroy(side->model);
}

/* ---- comparing ---- */

/* The largest difference over the largest magnitude; infinite where either is not a number. */
static double difference(const float *a, const float *b, int64_t n)
{
    double worst = 0, scale = 0;
    for (int64_t i = 0; i < n; i++) {
        if (!isfinite(a[i]) || !isfinite(b[i])) return INFINITY;
        worst = fmax(worst, fabs((double)a[i] - (double)b[i]));
        scale = fmax(scale, fabs((double)b[i]));
    }
    return scale > 0 ? worst / scale : worst;
}

static enum clb_status compare_logits(struct comparison *c, const char *head, int64_t classes)
{
    const int64_t n = clb_batch_label_count(c->batch, head) * classes;
    float *values = malloc(2 * (size_t)n * sizeof *values);
    char name[96];
    enum clb_status status;
    if (!values) return clb_fail(CLB_ERROR_MEMORY, "verify: out of memory");
    CLB_TRY(clb_model_predict(c->device.model, c->batch, head, values));
    CLB_TRY(clb_model_predict(c->reference.model, c->batch, head, values + n));
    snprintf(name, sizeof name, "model: %s logits", head);
    CLB_TRY(clb_verify_report_add(c->report, name, difference(values, values + n, n), c->chain));
cleanup:
    free(values);
    return status;
}

static enum clb_status compare_forward(struct comparison *c)
{
    enum clb_status status = compare_logits(c, "mlm", c->shape->config.vocab_size);
    return status == CLB_OK ? compare_logits(c, "nsp", 2) : status;
}

static enum clb_status compare_gradients(struct comparison *c)
{
    int count;
    const struct clb_parameter *actual = clb_model_gradients(c->device.model, &count);
    const struct clb_parameter *expected = clb_model_gradients(c->reference.model, &count);
    enum clb_status status = CLB_OK;
    for (int i = 0; i < count && status == CLB_OK; i++) {
        const int64_t n = clb_tensor_elements(actual[i].tensor);
        char name[96];
        float *a = malloc(2 * (size_t)n * sizeof *a);
        if (!a) return clb_fail(CLB_ERROR_MEMORY, "verify: out of memory");
        snprintf(name, sizeof name, "gradient: %.80s", actual[i].name);
        status = clb_tensor_read(actual[i].tensor, a, n);
        if (status == CLB_OK) status = clb_tensor_read(expected[i].tensor, a + n, n);
        if (status == CLB_OK)
            status = clb_verify_report_add(c->report, name, difference(a, a + n, n), c->chain);
        free(a);
    }
    return status;
}

static struct clb_step_batches step_of(struct comparison *c, int step)
{
    return (struct clb_step_batches){.step = step, .count = 1, .batches = &c->batch};
}

static enum clb_status step_side(struct comparison *c, const struct side *side, int step,
                                 struct clb_losses *losses)
{
    const struct clb_step_batches batches = step_of(c, step);
    enum clb_status status;
    CLB_TRY(clb_model_write_losses(side->model, NULL));
    CLB_TRY(train_gradients(side->model, &batches, 3, 1.0f));
    CLB_TRY(clb_model_read_losses(side->model, losses));
cleanup:
    return status;
}

static enum clb_status compare_losses(struct comparison *c, int step,
                                      const struct clb_losses *actual,
                                      const struct clb_losses *expected)
{
    enum clb_status status = CLB_OK;
    for (int i = 0; i < expected->count && status == CLB_OK; i++) {
        const double a = actual->loss[i].sum, e = expected->loss[i].sum;
        char name[96];
        snprintf(name, sizeof name, "model: step %d, %s loss", step + 1, expected->loss[i].name);
        status = clb_verify_report_add(c->report, name,
                                       isfinite(a) && isfinite(e) ? fabs(a - e) / e : INFINITY,
                                       sqrt(step + 1.0) * c->chain);
    }
    return status;
}

static enum clb_status update_side(const struct comparison *c, const struct side *side, int step)
{
    return train_optimizer_step(side->optimizer, side->model, &c->training, step, 1e-3);
}

static enum clb_status compare_steps(struct comparison *c)
{
    enum clb_status status = CLB_OK;
    for (int step = 0; step < c->steps; step++) {
        struct clb_losses actual, expected;
        CLB_TRY(step_side(c, &c->device, step, &actual));
        CLB_TRY(step_side(c, &c->reference, step, &expected));
        CLB_TRY(compare_losses(c, step, &actual, &expected));
        if (step == 0) CLB_TRY(compare_gradients(c));
        CLB_TRY(update_side(c, &c->device, step));
        CLB_TRY(update_side(c, &c->reference, step));
    }
cleanup:
    return status;
}

enum clb_status clb_verify_model(struct clb_device *device, struct clb_device *reference, bool tiny,
                                 struct clb_verify_report *report)
{
    struct comparison c = {.shape = tiny ? &smallest : &usual,
                           .training = clb_training_defaults(),
                           .report = report,
                           .steps = tiny ? 2 : STEPS};
    enum clb_status status;
    c.chain = chain_bound(&c.shape->config);
    CLB_TRY(fill_batch(&c));
    CLB_TRY(open_side(&c, device, &c.device));
    CLB_TRY(open_side(&c, reference, &c.reference));
    CLB_TRY(compare_forward(&c));
    CLB_TRY(compare_steps(&c));
cleanup:
    close_side(&c.device);
    close_side(&c.reference);
    clb_batch_destroy(c.batch);
    return status;
}
