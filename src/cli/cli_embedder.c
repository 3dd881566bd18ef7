/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli_embedder.h"

#include "base/error.h"
#include "base/log.h"
#include "cli/cli_examples.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void cli_embedder_options(struct cli_embedder *e, struct poptOption **table)
{
    struct clb_embedder_options *o = &e->options;
    const struct poptOption rows[CLI_EMBEDDER_OPTIONS] = {
        {"model", 0, POPT_ARG_STRING, &e->model, 0, "directory of a model", "DIR"},
        {"input", 0, POPT_ARG_STRING, &e->input, 0, "file, or - for standard input", "F"},
        {"pooling", 0, POPT_ARG_STRING, &e->pooling, 0,
         "of a text's tokens: auto (default: as the directory says), mean, cls or max", "P"},
        {"normalize", 0, POPT_ARG_NONE, &e->normalize, 0,
         "to length 1, whatever the directory says", NULL},
        {"max-seq-length", 0, POPT_ARG_INT, &o->max_seq_length, 0,
         "tokens at most, with [CLS] and [SEP] (as the directory says)", "N"},
        {"batch-size", 0, POPT_ARG_INT, &o->batch_size, 0,
         "a batch has the tokens of so many texts of that length (as many as are fast)", "N"},
        {"text-column", 0, POPT_ARG_STRING, &e->column, 0, "column of the text (text)", "NAME"},
        {"format", 0, POPT_ARG_STRING, &e->format, 0,
         "of --input: auto (default), tsv, csv, jsonl or lines", "F"},
        {"device", 0, POPT_ARG_STRING, &e->device, 0, "auto (default), cpu, opencl, ...", "DEVICE"},
        {"threads", 0, POPT_ARG_INT, &e->threads, 0, "threads of the CPU path (0: all)", "N"},
        {"precision", 0, POPT_ARG_STRING, &e->precision, 0,
         "of products: fp32 (default), tf32, bf16 or fp16", "TYPE"},
    };
    memcpy(*table, rows, sizeof rows);
    *table += CLI_EMBEDDER_OPTIONS;
}

static enum clb_status take_pooling(const char *name, struct clb_embedder_options *options)
{
    static const struct {
        const char *name;
        enum clb_pooling pooling;
    } kinds[] = {{"mean", CLB_POOLING_MEAN}, {"cls", CLB_POOLING_FIRST}, {"max", CLB_POOLING_MAX}};
    if (!name || strcmp(name, "auto") == 0) return CLB_OK;
    for (int i = 0; i < 3; i++) {
        if (strcmp(name, kinds[i].name) != 0) continue;
        options->pooling_given = true;
        options->pooling = kinds[i].pooling;
        return CLB_OK;
    }
    return clb_fail(CLB_ERROR_ARGUMENT, "--pooling %s is unknown; there are: auto, mean, cls, max",
                    name);
}

enum clb_status cli_embedder_open(struct cli_embedder *e, const struct cli_usage *usage, int texts)
{
    enum clb_status status;
    CLB_TRY(cli_require(usage, e->model, "--model DIR"));
    if (texts > 0 && e->input)
        CLB_TRY(clb_fail(CLB_ERROR_ARGUMENT, "--input, or texts as arguments, not both"));
    e->options.normalize = e->normalize;
    CLB_TRY(take_pooling(e->pooling, &e->options));
    CLB_TRY(cli_precision(e->precision, &e->options.precision));
    CLB_TRY(clb_device_open(e->device ? e->device : "auto", e->threads, &e->opened));
    CLB_TRY(clb_embedder_open(e->opened, e->model, &e->options, &e->embedder));
cleanup:
    return status;
}

static enum clb_status run_arguments(struct cli_embedder *e, const char **texts, int count,
                                     embed_function *function, void *context)
{
    const int64_t width = clb_embedder_info(e->embedder).dimension;
    float *rows = malloc((size_t)count * (size_t)width * sizeof *rows);
    enum clb_status status = CLB_OK;
    if (!rows) return clb_fail(CLB_ERROR_MEMORY, "embeddings: out of memory");
    CLB_TRY(clb_embed(e->embedder, texts, count, rows));
    CLB_TRY(function(context, rows, count));
cleanup:
    free(rows);
    return status;
}

enum clb_status cli_embedder_run(struct cli_embedder *e, const char **texts, int count,
                                 embed_function *function, void *context)
{
    const char *path = e->input ? e->input : "-";
    struct embed_source source = {&path, 1, CLB_RECORDS_AUTO, e->column ? e->column : "text"};
    enum clb_status status;
    CLB_TRY(cli_record_format(e->format, &source.format));
    CLB_TRY(count > 0 ? run_arguments(e, texts, count, function, context)
                      : embedder_read(e->embedder, &source, function, context));
    if (embedder_cut(e->embedder) > 0)
        base_log("%" PRId64 " texts were longer than %d tokens, and were cut",
                 embedder_cut(e->embedder), clb_embedder_info(e->embedder).max_seq_length);
cleanup:
    return status;
}

void cli_embedder_free(struct cli_embedder *e)
{
    char *strings[] = {e->model,     e->input,  e->pooling, e->device,
                       e->precision, e->column, e->format};
    clb_embedder_close(e->embedder);
    clb_device_close(e->opened);
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) free(strings[i]);
}
