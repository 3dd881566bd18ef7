/* SPDX-License-Identifier: Apache-2.0 */
/* Fine-tuning: a pretrained model learns a task from labelled examples (Devlin et al., 2018,
 * section 3.2). The loop, its checkpoints and guarantees are those of pretraining (train.h). */
#ifndef CLBERT_FINE_TUNE_H
#define CLBERT_FINE_TUNE_H

#include <clbert/api.h>
#include <clbert/tasks.h>
#include <clbert/train.h>

CLB_BEGIN_DECLS

struct clb_fine_tune_options {
    /* Of these `data`, eval_samples and what is said of masks, pairs and short sequences are
     * pretraining's alone. model: a directory with a tokenizer.
     * max_seq_length 0: by max_length_quantile; eval_steps and save_steps -1: once an epoch. */
    struct clb_training_options training;
    enum clb_task task;
    struct clb_examples train;
    struct clb_examples validation; /* none: validation_fraction of the training examples */
    struct clb_examples test;       /* or none: measured once, at the end, by the best model */
    float validation_fraction;
    bool from_scratch;         /* the model's shape and tokenizer, but none of its weights */
    float max_length_quantile; /* of the examples that are not cut, where the model allows it */
    int32_t doc_stride;        /* tokens that two stretches of a long context have in common;
                                  negative: 128, or half of shorter sequences */
    int32_t max_answer_length; /* tokens */
    float label_smoothing;
    const char *class_weights; /* NULL; "balanced": examples / (classes * those of the class); or
                                  "NAME=WEIGHT,..." */
    float layer_decay;         /* the learning rate of a layer, by that of the one above it */
    int32_t frozen_layers;     /* 1: embeddings; more: so many less one blocks, too */
    const char *metric_for_best_model; /* NULL: the task's own */
    int32_t early_stopping_patience;   /* evaluations without a better one; 0: never */
};

/* The defaults: 3 epochs of AdamW, 2e-5, batches of 32, a tenth of warm-up, ... */
CLB_API struct clb_fine_tune_options clb_fine_tune_defaults(void);

struct clb_fine_tune_report {
    struct clb_training_report training; /* `held_out` stays empty */
    int64_t best_step;                   /* 0: nothing was held out */
    char *figures; /* JSON: {"eval_loss": ..., "eval_accuracy": ..., "test_...": ...} of the best
                      model; NULL: none */
};
CLB_API void clb_fine_tune_report_free(struct clb_fine_tune_report *report);

/* Trains; as clb_pretrain. output_dir becomes a Hugging Face directory of the task's class
 * (BertForSequenceClassification, ...) with the weights of the best evaluation, and
 * eval_results.json. */
CLB_API enum clb_status clb_fine_tune(const struct clb_fine_tune_options *options,
                                      struct clb_fine_tune_report *report);

/* The same once for each seed, in output_dir/seed-SEED: `training.seed` is not looked at. The
 * report's figures are means, with deviations (of a sample) as "..._std", and stand in
 * output_dir/eval_results.json, too. `report` begins as {0}. */
CLB_API enum clb_status clb_fine_tune_seeds(const struct clb_fine_tune_options *options,
                                            const uint64_t *seeds, int count,
                                            struct clb_fine_tune_report *report);

CLB_END_DECLS

#endif
