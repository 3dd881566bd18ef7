#include "cli/cli.h"

#include <clbert/prepare.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const struct cli_usage usage = {
    .name = "prepare",
    .arguments = "--tokenizer DIR --output CORPUS [OPTION...] TEXT...",
    .summary =
        "Turns files and directories of text, plain or compressed, into a corpus to train on\n"
        "(Megatron-LM's indexed dataset). A blank line or a file's end ends a document; several\n"
        "sentences on a line are split.",
    .examples = "clbert prepare --tokenizer tokenizer --output corpus text.txt",
};

static void print_counts(const char *name, const struct clb_prepare_counts *c)
{
    printf("%-12s %12" PRId64 " %12" PRId64 " %14" PRId64 "\n", name, c->documents, c->sentences,
           c->tokens);
}

static void print_report(const struct clb_prepare_report *r)
{
    const double tokens = (double)(r->train.tokens + r->validation.tokens);
    printf("%-12s %12s %12s %14s\n", "", "documents", "sentences", "tokens");
    print_counts("train", &r->train);
    print_counts("validation", &r->validation);
    printf("[UNK] %.3f %% of the tokens, %.2f tokens a word, longest sentence %" PRId64 " tokens\n",
           100 * (double)r->unknown / tokens, tokens / (double)r->words, r->longest);
    if (r->replaced) printf("%" PRId64 " byte sequences were not UTF-8\n", r->replaced);
    printf("%.1f MB of text in %.1f s, %.1f MB/s\n", 1e-6 * (double)r->bytes, r->seconds,
           1e-6 * (double)r->bytes / r->seconds);
}

enum clb_status command_prepare(int argc, const char **argv)
{
    struct clb_prepare_options o = {.validation_fraction = 0.01};
    struct clb_prepare_report report;
    char *tokenizer = NULL, *output = NULL;
    int overwrite = 0;
    const struct poptOption options[] = {
        {"tokenizer", 0, POPT_ARG_STRING, &tokenizer, 0, "directory with vocab.txt", "DIR"},
        {"output", 0, POPT_ARG_STRING, &output, 0, "directory for the corpus", "CORPUS"},
        {"overwrite", 0, POPT_ARG_NONE, &overwrite, 0, "replace a corpus that is there", NULL},
        {"validation-fraction", 0, POPT_ARG_DOUBLE, &o.validation_fraction, 0,
         "share of the documents that is held out (0.01)", "X"},
        {"threads", 0, POPT_ARG_INT, &o.threads, 0, "threads (0: all)", "N"},
        POPT_TABLEEND};
    poptContext context = NULL;
    const char **texts;
    int count;
    bool help = false;
    enum clb_status status;
    CLB_TRY(cli_parse(&usage, options, argc, argv, &context, &texts, &count, &help));
    if (help) goto cleanup;
    CLB_TRY(cli_require(&usage, tokenizer, "--tokenizer DIR"));
    CLB_TRY(cli_require(&usage, output, "--output CORPUS"));
    CLB_TRY(cli_require(&usage, texts[0], "a TEXT"));
    o.tokenizer = tokenizer;
    o.output = output;
    o.texts = texts;
    o.text_count = count;
    o.overwrite = overwrite;
    CLB_TRY(clb_prepare(&o, &report));
    print_report(&report);
cleanup:
    poptFreeContext(context);
    free(tokenizer);
    free(output);
    return status;
}
