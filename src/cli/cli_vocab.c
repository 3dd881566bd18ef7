/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/log.h"
#include "cli/cli.h"
#include "cli/cli_text.h"

#include <clbert/vocab.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const struct cli_usage usage = {
    .name = "vocab",
    .arguments = "--output DIR [OPTION...] TEXT...",
    .summary =
        "Trains a WordPiece vocabulary on files and directories of text, plain or compressed:\n"
        "DIR/vocab.txt and DIR/tokenizer_config.json.",
    .examples = "clbert vocab --vocab-size 8000 --output tokenizer text.txt",
};

enum clb_status command_vocab(int argc, const char **argv)
{
    struct clb_vocab_options o = clb_vocab_defaults();
    struct clb_vocab_report report;
    char *output = NULL, *format = NULL, *json_field = NULL, *memory = NULL;
    struct clb_texts from = {0};
    int cased = 0, keep_accents = 0, overwrite = 0, skip_unreadable = 0;
    long long min_frequency = o.min_frequency;
    const struct poptOption options[] = {
        {"vocab-size", 0, POPT_ARG_INT, &o.vocab_size, 0, "tokens at most (30000)", "N"},
        {"output", 0, POPT_ARG_STRING, &output, 0, "directory for the vocabulary", "DIR"},
        {"overwrite", 0, POPT_ARG_NONE, &overwrite, 0, "replace a vocabulary that is there", NULL},
        {"cased", 0, POPT_ARG_NONE, &cased, 0, "keep capitals and accents", NULL},
        {"keep-accents", 0, POPT_ARG_NONE, &keep_accents, 0, "lower case, but keep accents", NULL},
        {"min-frequency", 0, POPT_ARG_LONGLONG, &min_frequency, 0, "merge pairs this frequent (2)",
         "N"},
        {"format", 0, POPT_ARG_STRING, &format, 0, "auto (default), text or jsonl", "NAME"},
        {"json-field", 0, POPT_ARG_STRING, &json_field, 0, "where JSON Lines have the text (text)",
         "NAME"},
        {"skip-unreadable", 0, POPT_ARG_NONE, &skip_unreadable, 0,
         "leave out what cannot be read, and count it", NULL},
        {"threads", 0, POPT_ARG_INT, &o.threads, 0, "threads (0: all)", "N"},
        {"memory", 0, POPT_ARG_STRING, &memory, 0,
         "of which no more is used for words (4G); more go to files in $TMPDIR", "SIZE"},
        {"limit-alphabet", 0, POPT_ARG_INT, &o.limit_alphabet, 0, "characters at most (1000)", "N"},
        POPT_TABLEEND};
    poptContext context = NULL;
    const char **texts;
    int count;
    bool help = false;
    enum clb_status status;
    CLB_TRY(cli_parse(&usage, options, argc, argv, &context, &texts, &count, &help));
    if (help) goto cleanup;
    CLB_TRY(cli_require(&usage, output, "--output DIR"));
    CLB_TRY(cli_require(&usage, texts[0], "a TEXT"));
    o.min_frequency = min_frequency;
    o.lower_case = !cased;
    o.strip_accents = !cased && !keep_accents;
    if (o.limit_alphabet < 1 || o.vocab_size < 6) {
        status = clb_fail(CLB_ERROR_ARGUMENT,
                          "--limit-alphabet and --vocab-size should be above 0 and 5");
        goto cleanup;
    }
    o.overwrite = overwrite;
    from = (struct clb_texts){.paths = texts,
                              .count = count,
                              .json_field = json_field,
                              .skip_unreadable = skip_unreadable};
    CLB_TRY(cli_text_format(format, &from.format));
    CLB_TRY(cli_check_texts(&from));
    if (memory) CLB_TRY(cli_size("--memory", memory, &o.memory));
    CLB_TRY(clb_vocab_train(&o, &from, output, &report));
    printf("%s: %d tokens (alphabet %d) from %" PRId64 " words, %" PRId64 " different\n", output,
           report.tokens, report.alphabet, report.words, report.distinct_words);
    cli_print_texts(&report.texts);
    cli_print_speed(report.bytes, report.seconds);
    if (report.left_out)
        base_warn("%" PRId64 " rare words (%" PRId64
                  " times at most) were left out: they need more than --memory",
                  report.left_out, report.left_out_most);
cleanup:
    poptFreeContext(context);
    free(output);
    free(format);
    free(json_field);
    free(memory);
    return status;
}
