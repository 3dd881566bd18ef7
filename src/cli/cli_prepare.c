/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/log.h"
#include "cli/cli.h"
#include "cli/cli_text.h"

#include <clbert/prepare.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const struct cli_usage usage = {
    .name = "prepare",
    .arguments = "--tokenizer DIR --output CORPUS [OPTION...] TEXT...",
    .summary =
        "Turns text into a corpus to train on (Megatron-LM's indexed dataset). TEXT is files,\n"
        "directories, patterns or - for standard input; plain, compressed (.gz .bz2 .xz .zst), in\n"
        ".tar or .zip, or JSON Lines, as their content says. In plain text a blank line or a\n"
        "file's end ends a document; several sentences on a line are split.",
    .examples =
        "clbert prepare --tokenizer tokenizer --output corpus text/\n"
        "clbert prepare --tokenizer tokenizer --output corpus --json-field text 'c4/*.json.gz'",
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
    if (r->duplicates) printf("%" PRId64 " documents were duplicates\n", r->duplicates);
    if (r->cut) printf("%" PRId64 " times a line of more than 1 MiB was cut\n", r->cut);
    if (r->replaced) printf("%" PRId64 " byte sequences were not UTF-8\n", r->replaced);
    cli_print_texts(&r->texts);
    cli_print_speed(r->bytes, r->seconds);
}

/* What will be in the way of training on it. */
static void warn_of_corpus(const struct clb_prepare_report *r, bool held_out)
{
    const struct clb_prepare_counts *train = &r->train, *validation = &r->validation;
    const double unknown = 100 * (double)r->unknown / (double)(train->tokens + validation->tokens);
    if (unknown > 5)
        base_warn("[UNK] is %.1f %% of the tokens: the tokenizer's vocabulary does not fit this "
                  "text",
                  unknown);
    if (train->documents < 2)
        base_warn("there is one document to train on, where next sentence prediction needs two: "
                  "pretrain will refuse this corpus (in plain text a blank line, or a file's end, "
                  "ends a document)");
    else if (train->sentences == train->documents)
        base_warn("every document is one sentence: next sentence prediction will ask for halves of "
                  "sentences (documents of several sentences are better)");
    if (train->documents > 1 && held_out && validation->documents < 2)
        base_warn("fewer than two documents are held out: there will be no evaluation (more text, "
                  "or a greater --validation-fraction)");
}

enum clb_status command_prepare(int argc, const char **argv)
{
    struct clb_prepare_options o = {.validation_fraction = 0.01};
    struct clb_prepare_report report;
    char *tokenizer = NULL, *output = NULL, *format = NULL, *json_field = NULL, *language = NULL;
    int overwrite = 0, one_sentence = 0, deduplicate = 0, skip_unreadable = 0;
    const struct poptOption options[] = {
        {"tokenizer", 0, POPT_ARG_STRING, &tokenizer, 0, "directory with vocab.txt", "DIR"},
        {"output", 0, POPT_ARG_STRING, &output, 0, "directory for the corpus", "CORPUS"},
        {"overwrite", 0, POPT_ARG_NONE, &overwrite, 0, "replace a corpus that is there", NULL},
        {"format", 0, POPT_ARG_STRING, &format, 0, "auto (default), text or jsonl", "NAME"},
        {"json-field", 0, POPT_ARG_STRING, &json_field, 0, "where JSON Lines have the text (text)",
         "NAME"},
        {"skip-unreadable", 0, POPT_ARG_NONE, &skip_unreadable, 0,
         "leave out what cannot be read, and count it", NULL},
        {"language", 0, POPT_ARG_STRING, &language, 0,
         "its abbreviations do not end a sentence, as en or de (none)", "CODE"},
        {"one-sentence-per-line", 0, POPT_ARG_NONE, &one_sentence, 0, "lines are sentences already",
         NULL},
        {"deduplicate", 0, POPT_ARG_NONE, &deduplicate, 0,
         "leave out documents with the same lines as one before", NULL},
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
    o.texts = (struct clb_texts){.paths = texts,
                                 .count = count,
                                 .json_field = json_field,
                                 .skip_unreadable = skip_unreadable};
    CLB_TRY(cli_text_format(format, &o.texts.format));
    CLB_TRY(cli_check_texts(&o.texts));
    o.language = language;
    o.one_sentence_per_line = one_sentence;
    o.deduplicate = deduplicate;
    o.overwrite = overwrite;
    o.stop = cli_stop_on_signals();
    CLB_TRY(clb_prepare(&o, &report));
    print_report(&report);
    warn_of_corpus(&report, o.validation_fraction > 0);
cleanup:
    poptFreeContext(context);
    free(tokenizer);
    free(output);
    free(format);
    free(json_field);
    free(language);
    return status;
}
