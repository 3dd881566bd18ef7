/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "cli/cli.h"

#include <clbert/train.h>

#include <inttypes.h>
#include <stdlib.h>

static const struct cli_usage usage = {
    .name = "evaluate",
    .arguments = "--model DIR --data CORPUS [OPTION...]",
    .summary = "Losses and accuracies of a model on a corpus's validation part.",
    .examples = "clbert evaluate --model run --data corpus --json",
};

struct arguments {
    const char **corpora; /* of --data and behind it */
    int corpus_count;
    char *model, *data, *device;
    int batch_size, max_seq_length, whole_word_mask, threads, json;
    long long eval_samples, seed;
    float mlm_probability, short_seq_probability;
};

static enum clb_status evaluate(const struct arguments *a, struct clb_evaluation *result)
{
    struct clb_corpus *corpus = NULL;
    struct clb_stream *stream = NULL;
    struct clb_device *device = NULL;
    struct clb_model *model = NULL;
    struct clb_config config;
    struct clb_stream_options stream_options = {.seed = (uint64_t)a->seed,
                                                .max_seq_length = a->max_seq_length,
                                                .mlm_probability = a->mlm_probability,
                                                .whole_word_mask = a->whole_word_mask,
                                                .short_seq_probability = a->short_seq_probability,
                                                .validation = true};
    struct clb_model_limits limits = {.max_sequences = a->batch_size,
                                      .max_tokens = a->batch_size * a->max_seq_length,
                                      .max_masked = a->batch_size * a->max_seq_length};
    char *path = base_format("%s/config.json", a->model);
    enum clb_status status;
    if (!path) return clb_fail(CLB_ERROR_MEMORY, "out of memory");
    CLB_TRY(clb_config_read(path, &config));
    CLB_TRY(clb_corpora_open(a->corpora, a->corpus_count, &corpus));
    CLB_TRY(clb_check_vocabulary(corpus, &config, a->model));
    CLB_TRY(clb_stream_create(corpus, &stream_options, &stream));
    CLB_TRY(clb_device_open(a->device ? a->device : "auto", a->threads, &device));
    CLB_TRY(clb_model_create(device, &config, &limits, &model));
    CLB_TRY(clb_model_commit(model));
    CLB_TRY(clb_model_load(model, a->model, 0));
    CLB_TRY(clb_evaluate(model, stream, a->eval_samples, a->batch_size, result));
cleanup:
    clb_model_destroy(model);
    clb_device_close(device);
    clb_stream_destroy(stream);
    clb_corpus_close(corpus);
    free(path);
    return status;
}

static enum clb_status print_result(const struct clb_evaluation *e, bool json)
{
    if (!json) {
        printf("masked tokens   %" PRId64 " in %" PRId64 " pairs\n", e->masked_tokens, e->pairs);
        printf("mlm             loss %.4f  perplexity %.3f  accuracy %.2f %%\n", e->mlm_loss,
               e->mlm_perplexity, 100 * e->mlm_accuracy);
        printf("nsp             loss %.4f  accuracy %.2f %%\n", e->nsp_loss, 100 * e->nsp_accuracy);
        return CLB_OK;
    }
    json_t *object =
        json_pack("{s:f, s:f, s:f, s:f, s:f, s:I, s:I}", "mlm_loss", e->mlm_loss, "mlm_accuracy",
                  e->mlm_accuracy, "mlm_perplexity", e->mlm_perplexity, "nsp_loss", e->nsp_loss,
                  "nsp_accuracy", e->nsp_accuracy, "masked_tokens", (json_int_t)e->masked_tokens,
                  "pairs", (json_int_t)e->pairs);
    if (!object) return clb_fail(CLB_ERROR_NUMERIC, "a loss is not finite");
    enum clb_status status = base_json_print(object);
    json_decref(object);
    return status;
}

enum clb_status command_evaluate(int argc, const char **argv)
{
    struct arguments a = {.batch_size = 32,
                          .max_seq_length = 128,
                          .seed = 42,
                          .mlm_probability = 0.15f,
                          .short_seq_probability = 0.1f,
                          .eval_samples = 640};
    const struct poptOption options[] = {
        {"model", 0, POPT_ARG_STRING, &a.model, 0, "model directory", "DIR"},
        {"data", 0, POPT_ARG_STRING, &a.data, 0, "corpus from clbert prepare", "CORPUS"},
        {"device", 0, POPT_ARG_STRING, &a.device, 0, "auto (default), cpu, opencl, ...", "DEVICE"},
        {"threads", 0, POPT_ARG_INT, &a.threads, 0, "threads of the CPU path (0: all)", "N"},
        {"per-device-eval-batch-size", 0, POPT_ARG_INT, &a.batch_size, 0, "sequences a batch (32)",
         "N"},
        {"max-seq-length", 0, POPT_ARG_INT, &a.max_seq_length, 0, "tokens a sequence at most (128)",
         "N"},
        {"mlm-probability", 0, POPT_ARG_FLOAT, &a.mlm_probability, 0, "share of tokens (0.15)",
         "X"},
        {"whole-word-mask", 0, POPT_ARG_NONE, &a.whole_word_mask, 0, "mask all pieces of a word",
         NULL},
        {"short-seq-probability", 0, POPT_ARG_FLOAT, &a.short_seq_probability, 0,
         "share of shorter sequences (0.1)", "X"},
        {"eval-samples", 0, POPT_ARG_LONGLONG, &a.eval_samples, 0,
         "held-out pairs (640), 0: each once", "N"},
        {"seed", 0, POPT_ARG_LONGLONG, &a.seed, 0, "of pairs and masks (42)", "N"},
        {"json", 0, POPT_ARG_NONE, &a.json, 0, "one line of JSON", NULL},
        POPT_TABLEEND};
    poptContext context = NULL;
    const char **rest;
    int rest_count;
    bool help = false;
    struct clb_evaluation result;
    enum clb_status status;
    CLB_TRY(cli_parse(&usage, options, argc, argv, &context, &rest, &rest_count, &help));
    if (help) goto cleanup;
    CLB_TRY(cli_require(&usage, a.model, "--model DIR"));
    CLB_TRY(cli_require(&usage, a.data, "--data CORPUS"));
    CLB_TRY(cli_corpora(a.data, rest, rest_count, &a.corpora, &a.corpus_count));
    if (a.batch_size < 1) {
        status = clb_fail(CLB_ERROR_ARGUMENT, "--per-device-eval-batch-size should be at least 1");
        goto cleanup;
    }
    CLB_TRY(evaluate(&a, &result));
    CLB_TRY(print_result(&result, a.json));
cleanup:
    poptFreeContext(context);
    free(a.model);
    free(a.data);
    free(a.corpora);
    free(a.device);
    return status;
}
