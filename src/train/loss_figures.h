/* SPDX-License-Identifier: Apache-2.0 */
/* What is told of losses: in metrics.jsonl, on the terminal and by commands. */
#ifndef TRAIN_LOSS_FIGURES_H
#define TRAIN_LOSS_FIGURES_H

#include <clbert/model.h>
#include <jansson.h>

enum train_figure { TRAIN_LOSS, TRAIN_ACCURACY, TRAIN_PERPLEXITY, TRAIN_FIGURES };

/* Adds PREFIXmlm_loss, PREFIXmlm_accuracy or PREFIXmlm_perplexity, the last where it means
 * something; null of a loss without labels, where nothing is right or wrong, and where JSON has no
 * number for it. Not 0: out of memory. */
int train_set_figure(json_t *json, const char *prefix, const struct clb_loss *loss,
                     enum train_figure figure);

/* "mlm 5.7241 (0.7 %)  nsp 0.6941 (55.0 %)", with ", perplexity 306.15" where asked for and known;
 * a loss without labels is left out, and the share where nothing is right or wrong. */
void train_format_losses(const struct clb_losses *losses, bool perplexity, char *text, size_t size);

#endif
