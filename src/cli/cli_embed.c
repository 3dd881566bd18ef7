/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "cli/cli_embedder.h"
#include "predict/npy.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct cli_usage usage = {
    .name = "embed",
    .arguments = "--model DIR [--input F|-] [--output F.npy|F.jsonl|-] [OPTION...] [TEXT...]",
    .summary =
        "Makes a vector of each text, as sentence-transformers does: of arguments, lines of a\n"
        "file or of standard input, or a column of TSV, CSV or JSON Lines, in their order. DIR is\n"
        "a directory of sentence-transformers', or of any BERT of Hugging Face's. F.npy is a\n"
        "NumPy array [texts, numbers] of float32; else a line of JSON a text, {\"embedding\": "
        "[...]}.",
    .examples = "clbert embed --model all-MiniLM-L6-v2 \"Saya makan nasi.\"\n"
                "clbert embed --model all-MiniLM-L6-v2 --input texts.txt --output vectors.npy\n"
                "clbert embed --model run --input reviews.csv --text-column review --output "
                "vectors.jsonl",
};

enum form { FORM_NPY, FORM_JSON_LINES };

struct arguments {
    struct cli_embedder embedder;
    char *output;
    int overwrite;
};

/* Where vectors go: npy, or a stream, of a file or standard output. */
struct target {
    struct npy_writer *npy;
    struct base_file *file;
    FILE *stream;
    int32_t width;
    int64_t count;
};

static bool ends_with(const char *text, const char *end)
{
    const size_t length = strlen(text), of_end = strlen(end);
    return length > of_end && strcmp(text + length - of_end, end) == 0;
}

static bool is_file(const char *output)
{
    return output && strcmp(output, "-") != 0;
}

static enum clb_status check_output(const struct arguments *a, enum form *form)
{
    const char *output = a->output;
    *form = FORM_JSON_LINES;
    if (!is_file(output)) return CLB_OK;
    if (ends_with(output, ".npy"))
        *form = FORM_NPY;
    else if (!ends_with(output, ".jsonl"))
        return clb_fail(CLB_ERROR_ARGUMENT,
                        "--output %s: should end with .npy or .jsonl, or be - (standard output)",
                        output);
    if (!a->overwrite && base_exists(output))
        return clb_fail(CLB_ERROR_ARGUMENT,
                        "%s: is there; replace it by --overwrite, or choose another --output",
                        output);
    return CLB_OK;
}

static enum clb_status open_target(const char *output, enum form form, struct target *t)
{
    enum clb_status status = CLB_OK;
    if (form == FORM_NPY) return npy_create(output, t->width, &t->npy);
    t->stream = stdout;
    if (!is_file(output)) return CLB_OK;
    CLB_TRY(base_file_create(output, &t->file));
    t->stream = base_file_stream(t->file);
cleanup:
    return status;
}

/* Nine digits say which float it is. */
static void print_row(FILE *stream, const float *row, int32_t width)
{
    fputs("{\"embedding\": [", stream);
    for (int32_t i = 0; i < width; i++) fprintf(stream, "%s%.9g", i ? ", " : "", (double)row[i]);
    fputs("]}\n", stream);
}

static enum clb_status take_rows(void *context, const float *rows, int64_t count)
{
    struct target *t = context;
    t->count += count;
    if (t->npy || t->file) base_log_progress("%" PRId64 " texts", t->count);
    if (t->npy) return npy_append(t->npy, rows, count);
    for (int64_t i = 0; i < count; i++) print_row(t->stream, rows + i * t->width, t->width);
    if (!t->file && fflush(stdout) != 0)
        return clb_fail(CLB_ERROR_IO, "standard output cannot be written");
    return CLB_OK;
}

static enum clb_status close_target(struct target *t)
{
    enum clb_status status = CLB_OK;
    base_log_progress(NULL);
    if (t->npy) status = npy_commit(t->npy);
    if (t->file) status = base_file_commit(t->file);
    t->npy = NULL;
    t->file = NULL;
    return status;
}

static enum clb_status embed(struct arguments *a, const char **texts, int count)
{
    struct target target = {0};
    enum form form;
    enum clb_status status;
    CLB_TRY(check_output(a, &form));
    if (is_file(a->output))
        a->embedder.options.stop = cli_stop_on_signals(); /* no half of a file is left */
    CLB_TRY(cli_embedder_open(&a->embedder, &usage, count));
    target.width = clb_embedder_info(a->embedder.embedder).dimension;
    CLB_TRY(open_target(a->output, form, &target));
    CLB_TRY(cli_embedder_run(&a->embedder, texts, count, take_rows, &target));
    CLB_TRY(close_target(&target));
cleanup:
    npy_abandon(target.npy);
    base_file_abandon(target.file);
    return status;
}

enum clb_status command_embed(int argc, const char **argv)
{
    struct arguments a = {0};
    struct poptOption options[CLI_EMBEDDER_OPTIONS + 3], *row = options;
    poptContext context = NULL;
    const char **rest;
    int rest_count;
    bool help = false;
    enum clb_status status;
    cli_embedder_options(&a.embedder, &row);
    *row++ = (struct poptOption){"output",  0, POPT_ARG_STRING,
                                 &a.output, 0, ".npy or .jsonl, or - for standard output (default)",
                                 "F"};
    *row++ = (struct poptOption){
        "overwrite", 0, POPT_ARG_NONE, &a.overwrite, 0, "replace a file that is there", NULL};
    *row = (struct poptOption)POPT_TABLEEND;
    CLB_TRY(cli_parse(&usage, options, argc, argv, &context, &rest, &rest_count, &help));
    if (help) goto cleanup;
    CLB_TRY(embed(&a, rest, rest_count));
cleanup:
    poptFreeContext(context);
    cli_embedder_free(&a.embedder);
    free(a.output);
    return status;
}
