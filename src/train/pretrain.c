/* SPDX-License-Identifier: Apache-2.0 */
/* Pretraining as a job of the training loop: corpora, the stream of examples, held-out losses. */
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "data/stream.h"
#include "train/run.h"
#include "train/training_args.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

struct pretraining {
    struct clb_training_options options;
    struct clb_corpus *corpus;
    struct clb_stream *stream, *validation;
};

struct clb_training_options clb_training_defaults(void)
{
    return (struct clb_training_options){
        .device = "auto",
        .max_steps = 1000,
        .per_device_train_batch_size = 32,
        .gradient_accumulation_steps = 1,
        .max_seq_length = 128,
        .mlm_probability = 0.15f,
        .short_seq_probability = 0.1f,
        .seed = 42,
        .optim = CLB_OPTIMIZER_ADAMW,
        .learning_rate = 1e-4f,
        .weight_decay = 0.01f,
        .adam_beta1 = 0.9f,
        .adam_beta2 = 0.999f,
        .adam_epsilon = 1e-6f,
        .max_grad_norm = 1.0f,
        .lr_scheduler_type = CLB_SCHEDULE_LINEAR,
        .warmup_ratio = -1.0f,
        .dropout = -1.0f,
        .warmup_steps = -1,
        .lr_decay_steps = -1,
        .logging_steps = 50,
        .eval_steps = 500,
        .save_steps = 500,
        .save_total_limit = 3,
        .eval_samples = 640,
    };
}

static struct clb_stream_options stream_options(const struct clb_training_options *o)
{
    return (struct clb_stream_options){
        .seed = o->seed,
        .max_seq_length = o->max_seq_length,
        .mlm_probability = o->mlm_probability,
        .mlm_probability_last = o->mlm_probability_last,
        .steps = o->max_steps,
        .step_examples = (int64_t)o->per_device_train_batch_size * o->gradient_accumulation_steps,
        .short_seq_probability = o->short_seq_probability,
        .whole_word_mask = o->whole_word_mask,
        .span_mask = o->span_mask,
        .no_nsp = o->no_nsp,
    };
}

static enum clb_status open_streams(struct pretraining *p)
{
    const struct clb_training_options *o = &p->options;
    struct clb_stream_options stream = stream_options(o);
    enum clb_status status;
    CLB_TRY(clb_stream_create(p->corpus, &stream, &p->stream));
    const bool held_out = o->no_nsp ? clb_corpus_documents(p->corpus, CLB_VALIDATION) > 0
                                    : clb_corpus_pairs(p->corpus, CLB_VALIDATION);
    if (held_out) {
        stream.validation = true;
        if (o->mlm_probability_last > 0) stream.mlm_probability = o->mlm_probability_last;
        stream.mlm_probability_last = 0;
        CLB_TRY(clb_stream_create(p->corpus, &stream, &p->validation));
    } else {
        base_warn("%s: %s held out: no evaluation", clb_corpus_directory(p->corpus),
                  o->no_nsp ? "no document is" : "fewer than two documents are");
    }
cleanup:
    return status;
}

static double epoch_steps(const struct pretraining *p, const struct clb_stream *stream)
{
    const struct clb_training_options *o = &p->options;
    return (double)clb_stream_epoch_examples(stream) / (double)o->per_device_train_batch_size /
           (double)o->gradient_accumulation_steps;
}

/* How many steps the epochs are. */
static enum clb_status count_epochs(struct pretraining *p)
{
    struct clb_stream_options stream = stream_options(&p->options);
    struct clb_stream *epoch = NULL;
    if (p->options.max_steps != 0) return CLB_OK;
    stream.mlm_probability_last = 0; /* which would need the steps */
    const enum clb_status status = clb_stream_create(p->corpus, &stream, &epoch);
    if (status == CLB_OK) train_settle_epochs(&p->options, epoch_steps(p, epoch));
    clb_stream_destroy(epoch);
    return status;
}

static enum clb_status read_data(struct train_run *run)
{
    struct pretraining *p = run->context;
    struct clb_training_options *o = &p->options;
    enum clb_status status;
    if (o->mlm_probability_last == o->mlm_probability) o->mlm_probability_last = 0;
    if (o->data_count == 0) return clb_fail(CLB_ERROR_ARGUMENT, "needs a corpus: --data");
    CLB_TRY(clb_corpora_open(o->data, o->data_count, &p->corpus));
    run->tokenizer = clb_corpus_tokenizer(p->corpus);
    run->data_hash = clb_corpus_hash(p->corpus);
    run->example = o->no_nsp ? "sequences" : "pairs";
    CLB_TRY(count_epochs(p));
cleanup:
    return status;
}

static enum clb_status open_batches(struct train_run *run)
{
    struct pretraining *p = run->context;
    const enum clb_status status = open_streams(p);
    if (status != CLB_OK) return status;
    run->batches = clb_stream_batches(p->stream);
    run->epoch_steps = epoch_steps(p, p->stream);
    return CLB_OK;
}

/* A directory's model, a config.json's, or a size by name. */
static enum clb_status configure(struct train_run *run, const char *model, const char *directory,
                                 struct clb_config *config, struct clb_model_limits *limits)
{
    const struct pretraining *p = run->context;
    const struct clb_training_options *o = &p->options;
    const struct clb_stream_options stream = stream_options(o);
    enum clb_status status;
    if (directory)
        CLB_TRY(clb_model_read_config(directory, config));
    else if (strchr(model, '/') || strstr(model, ".json"))
        CLB_TRY(clb_config_read(model, config));
    else
        CLB_TRY(clb_config_named(model, clb_tokenizer_vocab_size(run->tokenizer), config));
    config->architecture = o->no_nsp ? CLB_BERT_FOR_MASKED_LM : CLB_BERT_FOR_PRETRAINING;
    if (o->dropout >= 0)
        config->hidden_dropout_prob = config->attention_probs_dropout_prob = o->dropout;
    CLB_TRY(clb_check_vocabulary(p->corpus, config, directory));
    limits->max_masked = o->per_device_train_batch_size *
                         masking_most(fmaxf(o->mlm_probability, o->mlm_probability_last),
                                      stream_masking_unit(&stream), o->max_seq_length);
cleanup:
    return status;
}

static enum clb_status load(struct train_run *run, const char *directory)
{
    const uint64_t seed = run->options->seed;
    return directory ? clb_model_load(run->model, directory, seed)
                     : clb_model_initialize(run->model, seed);
}

static void print_data(const struct train_run *run, FILE *out)
{
    const struct clb_corpus *corpus = ((const struct pretraining *)run->context)->corpus;
    fprintf(out, "data     %s: %" PRId64 " documents, %" PRId64 " sentences, %" PRId64 " tokens\n",
            clb_corpus_directory(corpus), clb_corpus_documents(corpus, CLB_TRAIN),
            clb_corpus_sentences(corpus, CLB_TRAIN), clb_corpus_tokens(corpus, CLB_TRAIN));
}

static enum clb_status evaluate(struct train_run *run)
{
    const struct pretraining *p = run->context;
    struct clb_evaluation result;
    if (!p->validation) return CLB_OK;
    const enum clb_status status = clb_evaluate(run->model, p->validation, p->options.eval_samples,
                                                p->options.per_device_train_batch_size, &result);
    return status == CLB_OK ? train_log_evaluation(run, &result) : status;
}

static const struct train_job job = {
    .arguments = train_pretraining_arguments,
    .data_key = "corpus",
    .read_data = read_data,
    .open_batches = open_batches,
    .configure = configure,
    .load = load,
    .print_data = print_data,
    .evaluate = evaluate,
    .finish = train_save_final,
};

enum clb_status clb_pretrain(const struct clb_training_options *options,
                             struct clb_training_report *report)
{
    struct pretraining p = {.options = *options};
    const enum clb_status status = train_run(&job, &p, &p.options, report);
    clb_stream_destroy(p.stream);
    clb_stream_destroy(p.validation);
    clb_corpus_close(p.corpus);
    return status;
}
