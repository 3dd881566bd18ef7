/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "cli/cli_evaluate_task.h"
#include "train/loss_figures.h"
#include "train/run_settings.h"

#include <clbert/train.h>

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct cli_usage usage = {
    .name = "evaluate",
    .arguments = "--model DIR --data CORPUS|FILE... [OPTION...]",
    .summary =
        "Losses and accuracies of a model on a corpus's validation part. For a run of clbert\n"
        "pretrain, or one of its checkpoints, options that are not given are the run's own. Of a\n"
        "model from clbert fine-tune: the figures of its task on labelled examples.",
    .examples = "clbert evaluate --model run --data corpus --json\n"
                "clbert evaluate --model task --data test.tsv --confusion --worst 5",
};

struct arguments {
    const char **corpora; /* of --data and behind it */
    int corpus_count;
    char **data, *model, *device, *precision;
    struct train_run_settings settings;
    int whole_word_mask, span_mask, no_nsp, threads, json;
    long long eval_samples, seed;
    struct cli_examples examples; /* from here on for a model of a task */
    int doc_stride, max_answer_length, confusion, worst;
};

/* ---- the settings: the run's own where no option says otherwise ---- */

static void print_settings(const struct train_run_settings *s, const char *source)
{
    base_log("settings, from %s where no option was given: sequences of %d, %.3g of them shorter, "
             "%.3g masked%s, seed %" PRIu64 ", batches of %d, %" PRId64 " %s",
             source ? source : "the defaults", s->stream.max_seq_length,
             (double)s->stream.short_seq_probability, (double)s->stream.mlm_probability,
             s->stream.span_mask         ? " in spans"
             : s->stream.whole_word_mask ? " by whole words"
                                         : "",
             s->stream.seed, s->per_device_train_batch_size, s->eval_samples,
             s->stream.no_nsp ? "sequences" : "pairs");
}

static enum clb_status check_settings(const struct train_run_settings *s)
{
    if (s->per_device_train_batch_size < 1)
        return clb_fail(CLB_ERROR_ARGUMENT, "--per-device-eval-batch-size should be at least 1");
    if (s->eval_samples < 0)
        return clb_fail(CLB_ERROR_ARGUMENT, "--eval-samples should be 0 or more");
    if (s->stream.max_seq_length > INT32_MAX / s->per_device_train_batch_size)
        return clb_fail(CLB_ERROR_ARGUMENT, "%d sequences of %d tokens are too large a batch",
                        s->per_device_train_batch_size, s->stream.max_seq_length);
    return CLB_OK;
}

static enum clb_status choose_settings(struct arguments *a)
{
    const struct train_run_settings given = a->settings;
    struct train_run_settings *s = &a->settings;
    char *source = NULL;
    *s = (struct train_run_settings){.stream = {.seed = 42,
                                                .max_seq_length = 128,
                                                .mlm_probability = 0.15f,
                                                .short_seq_probability = 0.1f},
                                     .per_device_train_batch_size = 32,
                                     .eval_samples = 640};
    enum clb_status status = train_run_settings_read(a->model, s, &source);
    if (cli_given("max-seq-length")) s->stream.max_seq_length = given.stream.max_seq_length;
    if (cli_given("mlm-probability")) s->stream.mlm_probability = given.stream.mlm_probability;
    if (cli_given("short-seq-probability"))
        s->stream.short_seq_probability = given.stream.short_seq_probability;
    if (cli_given("whole-word-mask") || cli_given("span-mask")) {
        s->stream.whole_word_mask = a->whole_word_mask;
        s->stream.span_mask = a->span_mask;
    }
    if (cli_given("no-nsp")) s->stream.no_nsp = true;
    if (cli_given("seed")) s->stream.seed = (uint64_t)a->seed;
    if (cli_given("per-device-eval-batch-size"))
        s->per_device_train_batch_size = given.per_device_train_batch_size;
    if (cli_given("eval-samples")) s->eval_samples = a->eval_samples;
    s->stream.validation = true;
    if (status == CLB_OK) status = check_settings(s);
    if (status == CLB_OK) print_settings(s, source);
    free(source);
    return status;
}

/* ---- evaluating ---- */

static enum clb_status check_result(const struct arguments *a, const struct clb_evaluation *e)
{
    for (int i = 0; i < e->losses.count; i++)
        if (!isfinite(e->losses.loss[i].sum))
            return clb_fail(CLB_ERROR_NUMERIC,
                            "%s: the model's losses are not finite (NaN or infinite): its weights "
                            "are damaged, or its training diverged",
                            a->model);
    return CLB_OK;
}

static enum clb_status evaluate(struct arguments *a, struct clb_evaluation *result)
{
    const struct train_run_settings *s = &a->settings;
    struct clb_model_limits limits = {0};
    struct clb_corpus *corpus = NULL;
    struct clb_stream *stream = NULL;
    struct clb_device *device = NULL;
    struct clb_model *model = NULL;
    struct clb_config config;
    enum clb_status status;
    CLB_TRY(clb_model_read_config(a->model, &config));
    CLB_TRY(choose_settings(a));
    limits.max_sequences = s->per_device_train_batch_size;
    CLB_TRY(cli_precision(a->precision, &limits.operands));
    limits.max_tokens = limits.max_masked =
        s->per_device_train_batch_size * s->stream.max_seq_length;
    CLB_TRY(clb_corpora_open(a->corpora, a->corpus_count, &corpus));
    CLB_TRY(clb_check_vocabulary(corpus, &config, a->model));
    CLB_TRY(clb_stream_create(corpus, &s->stream, &stream));
    CLB_TRY(clb_device_open(a->device ? a->device : "auto", a->threads, &device));
    CLB_TRY(clb_model_create(device, &config, &limits, &model));
    CLB_TRY(clb_model_commit(model));
    CLB_TRY(clb_model_load(model, a->model, 0));
    if (!(clb_model_heads(model) & CLB_HEAD_MLM)) {
        status = clb_fail(CLB_ERROR_FORMAT,
                          "%s: the model has no masked language model head (cls.predictions.*)",
                          a->model);
        goto cleanup;
    }
    CLB_TRY(clb_evaluate(model, stream, s->eval_samples, s->per_device_train_batch_size, result));
    CLB_TRY(check_result(a, result));
cleanup:
    clb_model_destroy(model);
    clb_device_close(device);
    clb_stream_destroy(stream);
    clb_corpus_close(corpus);
    return status;
}

/* Of a head that the model lacks nothing is known. */
static bool is_known(const struct clb_loss *loss)
{
    return loss->count > 0 && !loss->made_up;
}

static int64_t labels_of(const struct clb_evaluation *e, const char *name)
{
    for (int i = 0; i < e->losses.count; i++)
        if (strcmp(e->losses.loss[i].name, name) == 0) return e->losses.loss[i].count;
    return 0;
}

static void print_lines(const struct clb_evaluation *e)
{
    printf("masked tokens   %" PRId64 " in %" PRId64 " examples\n", labels_of(e, "mlm"),
           e->examples);
    for (int i = 0; i < e->losses.count; i++) {
        const struct clb_loss *loss = &e->losses.loss[i];
        if (!is_known(loss)) {
            printf("%-15s the model has no head for it\n", loss->name);
            continue;
        }
        printf("%-15s loss %.4f", loss->name, clb_loss_mean(loss));
        if (loss->perplexity) printf("  perplexity %.3f", exp(clb_loss_mean(loss)));
        printf("  accuracy %.2f %%\n", 100 * clb_loss_accuracy(loss));
    }
}

static enum clb_status print_json(const struct clb_evaluation *e)
{
    json_t *object = json_object();
    int failed = !object;
    for (int i = 0; i < e->losses.count; i++) {
        struct clb_loss loss = e->losses.loss[i];
        if (!is_known(&loss)) loss.weight = (double)(loss.count = 0); /* null: no head said it */
        for (int figure = 0; figure < TRAIN_FIGURES; figure++)
            failed |= train_set_figure(object, "", &loss, (enum train_figure)figure);
    }
    failed |= json_object_set_new(object, "masked_tokens", json_integer(labels_of(e, "mlm")));
    failed |= json_object_set_new(object, "pairs", json_integer(e->examples));
    enum clb_status status =
        failed ? clb_fail(CLB_ERROR_MEMORY, "out of memory") : base_json_print(object);
    json_decref(object);
    return status;
}

static enum clb_status print_result(const struct clb_evaluation *e, bool json)
{
    if (json) return print_json(e);
    print_lines(e);
    return CLB_OK;
}

/* ---- a model of a task ---- */

static enum clb_status evaluate_task(struct arguments *a)
{
    struct cli_evaluate_task what = {
        .model = a->model,
        .device = a->device,
        .threads = a->threads,
        .settings = {.batch_size = a->settings.per_device_train_batch_size,
                     .max_seq_length = a->settings.stream.max_seq_length,
                     .doc_stride = a->doc_stride,
                     .max_answer_length = a->max_answer_length},
        .json = a->json,
        .confusion = a->confusion,
        .worst = a->worst,
    };
    enum clb_status status;
    if (!cli_given("per-device-eval-batch-size")) what.settings.batch_size = 32;
    CLB_TRY(cli_precision(a->precision, &what.settings.precision));
    CLB_TRY(cli_examples_take(&a->examples, &what.examples));
    what.examples.paths = a->corpora;
    what.examples.count = a->corpus_count;
    CLB_TRY(cli_evaluate_task(&what));
cleanup:
    return status;
}

static enum clb_status evaluate_any(struct arguments *a)
{
    struct clb_evaluation result;
    const struct task_kind *kind = NULL;
    enum clb_status status;
    CLB_TRY(task_model_kind_of(a->model, &kind));
    if (kind) return evaluate_task(a);
    CLB_TRY(evaluate(a, &result));
    CLB_TRY(print_result(&result, a->json));
cleanup:
    return status;
}

enum { OWN_OPTIONS = 18 };

static void make_options(struct arguments *a, struct poptOption *table)
{
    struct train_run_settings *s = &a->settings;
    const struct poptOption own[OWN_OPTIONS] = {
        {"model", 0, POPT_ARG_STRING, &a->model, 0, "model directory", "DIR"},
        {"data", 0, POPT_ARG_ARGV, &a->data, 0, "corpus from clbert prepare, or labelled examples",
         "CORPUS"},
        {"device", 0, POPT_ARG_STRING, &a->device, 0, "auto (default), cpu, opencl, ...", "DEVICE"},
        {"threads", 0, POPT_ARG_INT, &a->threads, 0, "threads of the CPU path (0: all)", "N"},
        {"precision", 0, POPT_ARG_STRING, &a->precision, 0,
         "of products: fp32 (default), tf32, bf16 or fp16", "TYPE"},
        {"per-device-eval-batch-size", 0, POPT_ARG_INT, &s->per_device_train_batch_size, 0,
         "sequences a batch (the run's, or 32)", "N"},
        {"max-seq-length", 0, POPT_ARG_INT, &s->stream.max_seq_length, 0,
         "tokens a sequence at most (the run's, or 128; of a task what the model takes)", "N"},
        {"mlm-probability", 0, POPT_ARG_FLOAT, &s->stream.mlm_probability, 0,
         "share of tokens (the run's, or 0.15)", "X"},
        {"whole-word-mask", 0, POPT_ARG_NONE, &a->whole_word_mask, 0, "mask all pieces of a word",
         NULL},
        {"span-mask", 0, POPT_ARG_NONE, &a->span_mask, 0, "mask spans of whole words", NULL},
        {"no-nsp", 0, POPT_ARG_NONE, &a->no_nsp, 0,
         "full sequences, without pairs (as the run's are)", NULL},
        {"short-seq-probability", 0, POPT_ARG_FLOAT, &s->stream.short_seq_probability, 0,
         "share of shorter sequences (the run's, or 0.1)", "X"},
        {"eval-samples", 0, POPT_ARG_LONGLONG, &a->eval_samples, 0,
         "held-out pairs (the run's, or 640), 0: each once", "N"},
        {"seed", 0, POPT_ARG_LONGLONG, &a->seed, 0, "of pairs and masks (the run's, or 42)", "N"},
        {"json", 0, POPT_ARG_NONE, &a->json, 0, "one line of JSON", NULL},
        {"confusion", 0, POPT_ARG_NONE, &a->confusion, 0, "of a task: what was taken for what",
         NULL},
        {"worst", 0, POPT_ARG_INT, &a->worst, 0, "of a task: N examples of the largest loss", "N"},
        {"doc-stride", 0, POPT_ARG_INT, &a->doc_stride, 0,
         "tokens that stretches of a long context share (128, or half of short sequences)", "N"},
    };
    memcpy(table, own, sizeof own);
    table += OWN_OPTIONS;
    cli_examples_options(&a->examples, &table);
    *table = (struct poptOption)POPT_TABLEEND;
}

enum clb_status command_evaluate(int argc, const char **argv)
{
    struct arguments a = {.doc_stride = -1, .max_answer_length = 30};
    struct poptOption options[OWN_OPTIONS + CLI_EXAMPLES_OPTIONS + 1];
    poptContext context = NULL;
    const char **rest;
    int rest_count;
    bool help = false;
    enum clb_status status;
    make_options(&a, options);
    CLB_TRY(cli_parse(&usage, options, argc, argv, &context, &rest, &rest_count, &help));
    if (help) goto cleanup;
    CLB_TRY(cli_require(&usage, a.model, "--model DIR"));
    CLB_TRY(cli_require(&usage, a.data, "--data CORPUS"));
    CLB_TRY(cli_corpora(a.data, rest, rest_count, &a.corpora, &a.corpus_count));
    CLB_TRY(evaluate_any(&a));
cleanup:
    poptFreeContext(context);
    cli_examples_free(&a.examples);
    free(a.model);
    cli_free_strings(a.data);
    free(a.corpora);
    free(a.device);
    free(a.precision);
    return status;
}
