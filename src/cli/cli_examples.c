/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli_examples.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

void cli_examples_options(struct cli_examples *e, struct poptOption **table)
{
    const struct poptOption rows[CLI_EXAMPLES_OPTIONS] = {
        {"format", 0, POPT_ARG_STRING, &e->format, 0,
         "of the examples: auto (default), tsv, csv, jsonl, conll, squad or lines", "F"},
        {"text-column", 0, POPT_ARG_STRING, &e->text, 0, "column of the text (text)", "NAME"},
        {"text-a-column", 0, POPT_ARG_STRING, &e->text_a, 0, "of a pair's first (text_a)", "NAME"},
        {"text-b-column", 0, POPT_ARG_STRING, &e->text_b, 0, "of its second (text_b)", "NAME"},
        {"label-column", 0, POPT_ARG_STRING, &e->label, 0, "of the class or number (label)",
         "NAME"},
        {"labels-column", 0, POPT_ARG_STRING, &e->labels, 0, "of several classes (labels)", "NAME"},
        {"label-separator", 0, POPT_ARG_STRING, &e->separator, 0, "between several classes (,)",
         "C"},
        {"tokens-column", 0, POPT_ARG_STRING, &e->tokens, 0, "of the words (tokens)", "NAME"},
        {"tags-column", 0, POPT_ARG_STRING, &e->tags, 0, "of their classes (tags)", "NAME"},
        {"question-column", 0, POPT_ARG_STRING, &e->question, 0, "of the question (question)",
         "NAME"},
        {"context-column", 0, POPT_ARG_STRING, &e->context, 0, "of its text (context)", "NAME"},
        {"answers-column", 0, POPT_ARG_STRING, &e->answers, 0, "of the answers (answers)", "NAME"},
    };
    memcpy(*table, rows, sizeof rows);
    while ((*table)->longName) ++*table;
}

enum clb_status cli_record_format(const char *name, enum clb_record_format *format)
{
    static const char *const names[] = {"auto", "tsv", "csv", "jsonl", "conll", "squad", "lines"};
    *format = CLB_RECORDS_AUTO;
    for (int i = 0; i < 7; i++) {
        if (name && strcmp(name, names[i]) != 0) continue;
        *format = (enum clb_record_format)i;
        return CLB_OK;
    }
    return clb_fail(CLB_ERROR_ARGUMENT,
                    "--format %s is unknown; there are: auto, tsv, csv, jsonl, conll, squad, lines",
                    name);
}

enum clb_status cli_examples_take(const struct cli_examples *e, struct clb_examples *out)
{
    const struct {
        const char *given, **column;
    } columns[] = {
        {e->text, &out->columns.text},       {e->text_a, &out->columns.text_a},
        {e->text_b, &out->columns.text_b},   {e->label, &out->columns.label},
        {e->labels, &out->columns.labels},   {e->tokens, &out->columns.tokens},
        {e->tags, &out->columns.tags},       {e->question, &out->columns.question},
        {e->context, &out->columns.context}, {e->answers, &out->columns.answers},
    };
    out->columns = clb_task_columns_usual();
    out->separator = ',';
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        if (columns[i].given) *columns[i].column = columns[i].given;
    if (e->separator && strlen(e->separator) != 1)
        return clb_fail(CLB_ERROR_ARGUMENT, "--label-separator should be one character");
    if (e->separator) out->separator = *e->separator;
    return cli_record_format(e->format, &out->format);
}

void cli_examples_free(struct cli_examples *e)
{
    char *strings[] = {e->format, e->separator, e->text, e->text_a,   e->text_b,  e->label,
                       e->labels, e->tokens,    e->tags, e->question, e->context, e->answers};
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) free(strings[i]);
}
