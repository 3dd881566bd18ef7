/* SPDX-License-Identifier: Apache-2.0 */
/* The options that say how labelled examples stand in files: fine-tune, predict and evaluate. */
#ifndef CLI_EXAMPLES_H
#define CLI_EXAMPLES_H

#include "cli/cli.h"

#include <clbert/tasks.h>

struct cli_examples {
    char *format, *separator;
    char *text, *text_a, *text_b, *label, *labels, *tokens, *tags, *question, *context, *answers;
};

enum { CLI_EXAMPLES_OPTIONS = 13 };

/* Puts the rows that parse into `examples` at *table, which moves behind them. */
void cli_examples_options(struct cli_examples *examples, struct poptOption **table);
/* Columns, format and separator after parsing; paths are left alone. */
enum clb_status cli_examples_take(const struct cli_examples *examples, struct clb_examples *out);
void cli_examples_free(struct cli_examples *examples);

/* What --format says of records; NULL: auto. */
enum clb_status cli_record_format(const char *name, enum clb_record_format *format);

#endif
