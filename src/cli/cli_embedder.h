/* SPDX-License-Identifier: Apache-2.0 */
/* What embed and similarity share: options of an embedder, and where texts come from. */
#ifndef CLI_EMBEDDER_H
#define CLI_EMBEDDER_H

#include "cli/cli.h"
#include "predict/embedder.h"

struct cli_embedder {
    char *model, *input, *pooling, *device, *precision, *column, *format;
    int normalize, threads;
    struct clb_embedder_options options;

    struct clb_device *opened;
    struct clb_embedder *embedder; /* after cli_embedder_open */
};

enum { CLI_EMBEDDER_OPTIONS = 11 };

/* Puts the rows that parse into `e` at *table, which moves behind them. */
void cli_embedder_options(struct cli_embedder *e, struct poptOption **table);
/* Opens what the options name. Texts are arguments or --input's, not both: standard input where
 * there are neither. */
enum clb_status cli_embedder_open(struct cli_embedder *e, const struct cli_usage *usage, int texts);
/* The vectors of the arguments, or of --input where there are none, and a word of what was cut. */
enum clb_status cli_embedder_run(struct cli_embedder *e, const char **texts, int count,
                                 embed_function *function, void *context);
void cli_embedder_free(struct cli_embedder *e);

#endif
