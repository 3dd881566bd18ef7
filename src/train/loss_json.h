/* SPDX-License-Identifier: Apache-2.0 */
/* A loss in JSON: in metrics.jsonl and in what commands print. */
#ifndef TRAIN_LOSS_JSON_H
#define TRAIN_LOSS_JSON_H

#include <clbert/model.h>
#include <jansson.h>

enum train_figure { TRAIN_LOSS, TRAIN_ACCURACY, TRAIN_PERPLEXITY, TRAIN_FIGURES };

/* Adds PREFIXmlm_loss, PREFIXmlm_accuracy or PREFIXmlm_perplexity, the last where it means
 * something; null of a loss without labels, and where JSON has no number for it. Not 0: out of
 * memory. */
int train_set_figure(json_t *json, const char *prefix, const struct clb_loss *loss,
                     enum train_figure figure);

#endif
