/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "data/masking.h"
#include "train/train.h"
#include "verify/benchmark.h"

#include <clbert/random.h>
#include <clbert/train.h>
#include <stdlib.h>

struct training_bench {
    struct bench base;
    struct clb_model *model;
    struct train_optimizer *optimizer;
    struct clb_batch *batch;
    struct clb_training_options training;
};

/* Of a sequence. */
static int32_t masked_tokens(const struct training_bench *b)
{
    return masking_most(b->base.options->mlm_probability, MASKING_TOKENS,
                        b->base.options->max_seq_length);
}

/* Full sequences of random ids, two halves each, the first tokens of every sequence masked: where
 * the masks are does not matter to the time. */
static enum clb_status fill_batch(struct training_bench *b)
{
    const int32_t length = b->base.options->max_seq_length,
                  vocab = b->base.options->config.vocab_size;
    const int32_t masked = masked_tokens(b);
    const struct clb_random random = {1, CLB_PURPOSE_TEST, 0};
    int32_t *ids = malloc(3 * (size_t)length * sizeof *ids);
    if (!ids) return clb_fail(CLB_ERROR_MEMORY, "benchmark: out of memory");
    int32_t *types = ids + length, *labels = types + length;
    enum clb_status status;
    CLB_TRY(clb_batch_create(b->base.options->batch_size, b->base.options->batch_size * length,
                             &b->batch));
    for (int32_t s = 0; s < b->base.options->batch_size; s++) {
        for (int32_t i = 0; i < length; i++) {
            ids[i] = (int32_t)clb_random_below(random, (uint64_t)s * (uint64_t)length + (uint64_t)i,
                                               (uint32_t)vocab);
            types[i] = i >= length / 2;
            labels[i] = i < masked ? ids[i] : -100;
        }
        CLB_TRY(clb_batch_append_pair(b->batch, length, ids, types, labels, s % 2));
    }
    CLB_TRY(clb_batch_finish(b->batch));
cleanup:
    free(ids);
    return status;
}

static enum clb_status set_up(struct training_bench *b)
{
    const int32_t tokens = b->base.options->batch_size * b->base.options->max_seq_length;
    const struct clb_model_limits limits = {.max_sequences = b->base.options->batch_size,
                                            .max_tokens = tokens,
                                            .max_masked =
                                                b->base.options->batch_size * masked_tokens(b),
                                            .training = true,
                                            .operands = b->base.options->precision};
    enum clb_status status;
    CLB_TRY(clb_model_create(b->base.device, &b->base.options->config, &limits, &b->model));
    CLB_TRY(train_optimizer_create(b->model, CLB_OPTIMIZER_ADAMW, &b->optimizer));
    CLB_TRY(clb_model_commit(b->model));
    CLB_TRY(train_optimizer_commit(b->optimizer, b->model, 0.01f));
    CLB_TRY(clb_model_initialize(b->model, 1));
    CLB_TRY(fill_batch(b));
cleanup:
    return status;
}

static enum clb_status step(struct bench *bench, int64_t number)
{
    struct training_bench *b = (struct training_bench *)bench;
    const struct clb_step_batches batches = {.step = number, .count = 1, .batches = &b->batch};
    return train_step(b->model, b->optimizer, &batches, &b->training, 1e-4);
}

static void close_bench(struct bench *bench)
{
    struct training_bench *b = (struct training_bench *)bench;
    clb_batch_destroy(b->batch);
    train_optimizer_destroy(b->optimizer);
    clb_model_destroy(b->model);
    free(b);
}

enum clb_status bench_training(struct clb_device *device, const struct clb_bench_options *options,
                               struct bench **out)
{
    struct training_bench *b = calloc(1, sizeof *b);
    enum clb_status status;
    if (!b) return clb_fail(CLB_ERROR_MEMORY, "benchmark: out of memory");
    b->base =
        (struct bench){.options = options, .device = device, .step = step, .close = close_bench};
    b->training = clb_training_defaults();
    CLB_TRY(set_up(b));
    const double tokens = b->batch->total_tokens;
    const double share = clb_batch_label_count(b->batch, "mlm") / tokens;
    b->base.tokens = tokens;
    b->base.sequences = b->batch->sequences;
    b->base.flops =
        tokens * clb_config_flops_per_token(&options->config, options->max_seq_length, share);
    *out = &b->base;
    b = NULL;
cleanup:
    if (b) close_bench(&b->base);
    return status;
}
