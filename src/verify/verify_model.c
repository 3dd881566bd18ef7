/* SPDX-License-Identifier: Apache-2.0 */
/* A whole model on a device against the same model on the CPU path: logits, losses, every gradient,
 * ten training steps with dropout; two steps for the head of every task. With reduced operands also
 * against fp32 ones on the CPU path.
 * Weights, masks and order are the same bits on both, so that only rounding differs. */
#include "base/error.h"
#include "train/train.h"
#include "verify/verify_kinds.h"

#include <clbert/random.h>
#include <clbert/verify.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 10, TASK_STEPS = 2, MASK_EVERY = 6 };

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
    struct clb_device *on;
    enum clb_type operands;
    struct clb_model *model;
    struct train_optimizer *optimizer;
};

struct comparison {
    const struct shape *shape;
    const struct verify_kind *kind;
    struct clb_config config; /* the shape's, of that kind */
    struct side device, reference;
    const char *beside; /* in the names of checks: what is compared */
    struct clb_batch *batch;
    struct clb_training_options training;
    struct clb_verify_report *report;
    double chain; /* the bound on a forward and a backward pass */
    int steps;
};

/* u: a number is rounded to a type by at most this part of it. */
static double unit_roundoff(enum clb_type type)
{
    return type == CLB_BF16 ? 0x1p-8 : type == CLB_F32 ? 0x1p-24 : 0x1p-11;
}

/* Rounding through a pass: each operation on the way adds that of its own arithmetic and of its
 * sums, and independent errors add by their squares. 16 operations a layer there and back, 20
 * around.
 *
 * Where operands are reduced, rounding them and the result comes on top: 0.4 u root mean square
 * each (verify_ops.h), which a sum of products keeps, since its errors and its terms are equally
 * independent; 0.7 u an operation. Between two sides that is 1 u, whatever they are: one without
 * this rounding leaves 0.7, and two that round the same soon do not, for a last digit of fp32
 * decides between neighbours, and what differs then reaches every row of the next product. The
 * largest error of many is 5 deviations where the largest number is 3: 2 u an operation. */
static double chain_bound(const struct clb_config *config, enum clb_type operands)
{
    const double operations = 16.0 * config->num_hidden_layers + 20;
    const double longest = fmax(config->intermediate_size, 3.0 * config->hidden_size);
    const double reduced = operands == CLB_F32 ? 0 : 2 * unit_roundoff(operands);
    return sqrt(operations) * (unit_roundoff(CLB_F32) * (8 + 2 * sqrt(longest)) + reduced);
}

/* As in training, what is small must not be lost in fp16; with this, nothing here is too large. */
static float loss_scale(enum clb_type operands)
{
    return operands == CLB_F16 ? 0x1p8f : 1.0f;
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
        const int32_t row = c->batch->total_tokens;
        if (c->kind->label) {
            CLB_TRY(clb_batch_append(c->batch, length, ids, types));
            CLB_TRY(c->kind->label(c->batch, s, row, length));
        } else {
            CLB_TRY(clb_batch_append_pair(c->batch, length, ids, types, labels, s % 2));
        }
    }
    CLB_TRY(clb_batch_finish(c->batch));
cleanup:
    return status;
}

static enum clb_status open_side(const struct comparison *c, struct side *side)
{
    const struct clb_model_limits limits = {.max_sequences = c->batch->sequences,
                                            .max_tokens = c->batch->total_tokens,
                                            .max_masked = c->batch->total_tokens,
                                            .training = true,
                                            .operands = side->operands};
    enum clb_status status;
    CLB_TRY(clb_model_create(side->on, &c->config, &limits, &side->model));
    CLB_TRY(train_optimizer_create(side->model, CLB_OPTIMIZER_ADAMW, &side->optimizer));
    CLB_TRY(clb_model_commit(side->model));
    CLB_TRY(train_optimizer_commit(side->optimizer, side->model, 0.01f));
    CLB_TRY(clb_model_initialize(side->model, 5));
    if (c->kind->loss.class_weights) CLB_TRY(clb_model_set_loss(side->model, &c->kind->loss));
cleanup:
    return status;
}

static void close_side(struct side *side)
{
    train_optimizer_destroy(side->optimizer);
    clb_model_destroy(side->model);
}

/* ---- comparing ---- */

/* The largest difference over the largest magnitude, or over `scale` where that is more; infinite
 * where either is not a number. */
static double difference(const float *a, const float *b, int64_t n, double scale)
{
    double worst = 0;
    for (int64_t i = 0; i < n; i++) {
        if (!isfinite(a[i]) || !isfinite(b[i])) return INFINITY;
        worst = fmax(worst, fabs((double)a[i] - (double)b[i]));
        scale = fmax(scale, fabs((double)b[i]));
    }
    return scale > 0 ? worst / scale : worst;
}

static enum clb_status compare_logits(struct comparison *c, const char *head, int64_t classes)
{
    const int64_t n = verify_head_rows(c->batch, head) * classes;
    float *values = malloc(2 * (size_t)n * sizeof *values);
    char name[96];
    enum clb_status status;
    if (!values) return clb_fail(CLB_ERROR_MEMORY, "verify: out of memory");
    CLB_TRY(clb_model_predict(c->device.model, c->batch, head, values));
    CLB_TRY(clb_model_predict(c->reference.model, c->batch, head, values + n));
    snprintf(name, sizeof name, "model%s%s: %s logits", c->kind->name, c->beside, head);
    CLB_TRY(clb_verify_report_add(c->report, name, difference(values, values + n, n, 0), c->chain));
cleanup:
    free(values);
    return status;
}

static enum clb_status compare_forward(struct comparison *c)
{
    enum clb_status status = CLB_OK;
    for (const struct verify_head *h = c->kind->heads; h->name && status == CLB_OK; h++)
        status = compare_logits(c, h->name, h->classes ? h->classes : c->config.vocab_size);
    return status;
}

/* Both sides' values of a gradient, one behind the other; malloc'd. */
static enum clb_status read_gradient(const struct clb_parameter *actual,
                                     const struct clb_parameter *expected, float **values)
{
    const int64_t n = clb_tensor_elements(actual->tensor);
    enum clb_status status;
    *values = malloc(2 * (size_t)n * sizeof **values);
    if (!*values) return clb_fail(CLB_ERROR_MEMORY, "verify: out of memory");
    CLB_TRY(clb_tensor_read(actual->tensor, *values, n));
    CLB_TRY(clb_tensor_read(expected->tensor, *values + n, n));
cleanup:
    return status;
}

/* Where a softmax is over the rows of a sequence, the gradients of its logits add up to 0 over
 * them: what is added to all rows alike has no gradient but rounding, which is measured by the size
 * of what was added up, the largest of the gradients before it. */
static bool cancels(const struct comparison *c, const char *name)
{
    char last[96];
    snprintf(last, sizeof last, "bert.encoder.layer.%d.output.LayerNorm.bias",
             c->config.num_hidden_layers - 1);
    return strcmp(name, "qa_outputs.bias") == 0 ||
           (c->config.architecture == CLB_BERT_FOR_QUESTION_ANSWERING && strcmp(name, last) == 0);
}

static enum clb_status compare_gradients(struct comparison *c)
{
    int count;
    const struct clb_parameter *actual = clb_model_gradients(c->device.model, &count);
    const struct clb_parameter *expected = clb_model_gradients(c->reference.model, &count);
    double largest = 0;
    enum clb_status status = CLB_OK;
    for (int i = 0; i < count && status == CLB_OK; i++) {
        const int64_t n = clb_tensor_elements(actual[i].tensor);
        char name[96];
        float *a = NULL;
        status = read_gradient(&actual[i], &expected[i], &a);
        for (int64_t k = 0; status == CLB_OK && k < n; k++)
            largest = fmax(largest, fabs((double)a[n + k]));
        snprintf(name, sizeof name, "gradient%s%s: %.64s", c->kind->name, c->beside,
                 actual[i].name);
        if (status == CLB_OK)
            status = clb_verify_report_add(
                c->report, name, difference(a, a + n, n, cancels(c, actual[i].name) ? largest : 0),
                c->chain);
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
    CLB_TRY(train_gradients(side->model, &batches, 3, loss_scale(side->operands)));
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
        snprintf(name, sizeof name, "model%s%s: step %d, %s loss", c->kind->name, c->beside,
                 step + 1, expected->loss[i].name);
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

static enum clb_status compare_kind(const struct verify_kind *kind, struct side device,
                                    struct side reference, const char *beside, bool tiny,
                                    struct clb_verify_report *report)
{
    struct comparison c = {.shape = tiny ? &smallest : &usual,
                           .kind = kind,
                           .device = device,
                           .reference = reference,
                           .beside = beside,
                           .training = clb_training_defaults(),
                           .report = report,
                           .steps = tiny || kind->label ? TASK_STEPS : STEPS};
    enum clb_status status;
    c.config = c.shape->config;
    c.config.architecture = kind->architecture;
    c.config.problem_type = kind->problem_type;
    c.config.num_labels = kind->num_labels;
    c.chain = chain_bound(&c.config, device.operands);
    CLB_TRY(fill_batch(&c));
    CLB_TRY(open_side(&c, &c.device));
    CLB_TRY(open_side(&c, &c.reference));
    CLB_TRY(compare_forward(&c));
    CLB_TRY(compare_steps(&c));
cleanup:
    close_side(&c.device);
    close_side(&c.reference);
    clb_batch_destroy(c.batch);
    return status;
}

static enum clb_status compare_sides(struct side device, struct side reference, const char *beside,
                                     bool tiny, struct clb_verify_report *report)
{
    enum clb_status status = CLB_OK;
    for (int i = 0; i < VERIFY_KINDS && status == CLB_OK; i++)
        status = compare_kind(&verify_kinds[i], device, reference, beside, tiny, report);
    return status;
}

enum clb_status clb_verify_model(struct clb_device *device, struct clb_device *reference,
                                 const struct clb_verify_options *options,
                                 struct clb_verify_report *report)
{
    const enum clb_type operands = options->precision;
    const struct side tested = {.on = device, .operands = operands},
                      same = {.on = reference, .operands = operands},
                      exact = {.on = reference, .operands = CLB_F32};
    char name[64];
    enum clb_status status;
    if (operands == CLB_F32) return compare_sides(tested, same, "", options->tiny, report);
    snprintf(name, sizeof name, " in %s", clb_type_name(operands));
    CLB_TRY(compare_sides(tested, same, name, options->tiny, report));
    snprintf(name, sizeof name, " in %s beside fp32", clb_type_name(operands));
    CLB_TRY(compare_sides(same, exact, name, options->tiny, report));
cleanup:
    return status;
}
