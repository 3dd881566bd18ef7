/* SPDX-License-Identifier: Apache-2.0 */
/* Pretraining: the loop, its options, and evaluation. Names and defaults as in Hugging Face's
 * TrainingArguments where it has them. */
#ifndef CLBERT_TRAIN_H
#define CLBERT_TRAIN_H

#include <clbert/api.h>
#include <clbert/corpus.h>
#include <clbert/model.h>
#include <clbert/status.h>
#include <clbert/stream.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

CLB_BEGIN_DECLS

enum clb_optimizer_kind { CLB_OPTIMIZER_ADAMW, CLB_OPTIMIZER_BERT_ADAM, CLB_OPTIMIZER_LAMB };

/* "adamw", "bert_adam" or "lamb". */
CLB_API const char *clb_optimizer_name(enum clb_optimizer_kind kind);
/* The reverse; another name: CLB_ERROR_ARGUMENT that lists them. */
CLB_API enum clb_status clb_optimizer_named(const char *name, enum clb_optimizer_kind *kind);

/* How the learning rate goes, as Hugging Face's schedules of these names. */
enum clb_schedule_kind {
    CLB_SCHEDULE_LINEAR, /* up over the warm-up, then in a straight line to 0 at the end */
    CLB_SCHEDULE_COSINE, /* then down as half a cosine */
    CLB_SCHEDULE_CONSTANT,
    CLB_SCHEDULE_CONSTANT_WITH_WARMUP,
    CLB_SCHEDULE_WARMUP_STABLE_DECAY, /* then constant, but for half a cosine at the end */
};
CLB_API const char *clb_schedule_name(enum clb_schedule_kind kind);
/* The reverse; another name: CLB_ERROR_ARGUMENT that lists them. */
CLB_API enum clb_status clb_schedule_named(const char *name, enum clb_schedule_kind *kind);

struct clb_training_options {
    const char *const *data; /* prepared corpora, as clb_corpora_open takes them */
    int data_count;
    const char *output_dir; /* the run directory */
    const char *model;  /* a size, a config.json, or a directory to go on from; NULL: mini, or what
                           the checkpoint holds */
    const char *device; /* as clb_device_open takes it */
    const char *resume_from_checkpoint; /* NULL, "auto", or a checkpoint directory */
    bool overwrite; /* another run in output_dir: removed when this one takes its first step */
    bool dry_run;   /* print the plan and stop */
    int threads;    /* of the CPU path, 0 = all */

    int64_t max_steps;                   /* 0: by num_train_epochs */
    float num_train_epochs;              /* times that the data are shown */
    int32_t per_device_train_batch_size; /* sequences */
    int32_t gradient_accumulation_steps;
    int32_t max_seq_length;
    float mlm_probability, short_seq_probability;
    float mlm_probability_last; /* linearly to this at the last step, and in evaluations; 0: as it
                                   is */
    bool whole_word_mask;
    bool span_mask; /* as in struct clb_stream_options; not with whole_word_mask */
    bool no_nsp;    /* the masked language model alone (BertForMaskedLM), on full sequences */
    uint64_t seed;
    float dropout; /* of hidden states and attention, instead of the model's own; -1: that */
    bool gradient_checkpointing; /* as in struct clb_model_limits */
    enum clb_type precision; /* of the products' operands: CLB_F32, CLB_TF32, CLB_BF16, or CLB_F16,
                                whose losses are scaled (Micikevicius et al., 2018) */

    enum clb_optimizer_kind optim;
    float learning_rate, weight_decay, adam_beta1, adam_beta2, adam_epsilon, max_grad_norm;
    enum clb_schedule_kind lr_scheduler_type;
    float warmup_ratio;     /* of max_steps; -1: see warmup_steps */
    int64_t warmup_steps;   /* -1: by warmup_ratio, else a tenth of max_steps */
    int64_t lr_decay_steps; /* of warmup_stable_decay; -1: a tenth of max_steps */

    int64_t logging_steps, eval_steps, save_steps; /* 0: never on the way */
    int32_t save_total_limit;                      /* 0: keep all */
    int64_t eval_samples; /* held-out pairs, drawn anew where there are fewer; 0: each once */

    const char *const *command; /* the words of the command line, kept in training_args.json */
    int command_count;

    volatile sig_atomic_t *stop; /* set by a signal: finish the step, save, leave; may be NULL */
};

/* The defaults: AdamW 1e-4, 1,000 steps of 32 sequences of 128, ... */
CLB_API struct clb_training_options clb_training_defaults(void);

/* Losses over so many examples; examples 0: none were taken. */
struct clb_evaluation {
    struct clb_losses losses;
    int64_t examples;
};

/* What a run is about to do, and, when it has ended, did. */
struct clb_training_report {
    char *plan;                 /* lines for people: device, model, data, steps, memory; free with
                                   clb_training_report_free */
    int64_t global_step;        /* steps done, of this run and what it went on from */
    int64_t tokens;             /* shown by this run */
    double seconds;             /* of training, without evaluations */
    struct clb_evaluation last; /* the last interval's losses on training text */
    struct clb_evaluation held_out; /* the last evaluation's */
};
CLB_API void clb_training_report_free(struct clb_training_report *report);

/* Trains. *report (NULL: not wanted) begins as {0} and is filled as far as the run came, also on
 * failure; of a dry run it has the plan. Interrupted by *stop: CLB_ERROR_INTERRUPTED, with a
 * message that says how to go on; the state is saved. A loss that is not finite:
 * CLB_ERROR_NUMERIC with the step; checkpoints stay.
 *
 * output_dir is locked while the run lasts. It becomes a Hugging Face model directory, with
 * checkpoint-STEP/ on the way, metrics.jsonl and training_args.json. A run resumed from a
 * checkpoint sets aside, as checkpoint-STEP.aside, those of later steps. */
CLB_API enum clb_status clb_pretrain(const struct clb_training_options *options,
                                     struct clb_training_report *report);

struct clb_schedule {
    enum clb_schedule_kind kind;
    double peak;
    int64_t warmup_steps, decay_steps, max_steps; /* decay_steps: of warmup_stable_decay */
};
/* The rate of step `step` (0 for the first, which has peak / warmup_steps). */
CLB_API double clb_learning_rate(const struct clb_schedule *schedule, int64_t step);

/* Losses on the first `examples` examples of a stream (0: one epoch; beyond it the next epochs give
 * new pairs and masks), in batches of `batch_size`, which the model has room for. The model's
 * running sums are kept. */
CLB_API enum clb_status clb_evaluate(struct clb_model *model, const struct clb_stream *stream,
                                     int64_t examples, int32_t batch_size,
                                     struct clb_evaluation *result);

/* An error where the corpus was made with another vocabulary than that of the model's directory
 * (NULL, or without a tokenizer: where it has more ids than the model); a warning where it has
 * fewer ids than the model. */
CLB_API enum clb_status clb_check_vocabulary(const struct clb_corpus *corpus,
                                             const struct clb_config *config,
                                             const char *directory);

CLB_END_DECLS

#endif
