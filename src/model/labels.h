/* SPDX-License-Identifier: Apache-2.0 */
/* The classes of a model: how many, and config.json's "id2label" and "label2id", which are kept as
 * they were given. */
#ifndef MODEL_LABELS_H
#define MODEL_LABELS_H

#include <clbert/status.h>

#include <jansson.h>
#include <stdint.h>

enum { MODEL_LABELS_USUAL = 2, MODEL_LABELS_LIMIT = 1 << 20 };

/* *num_labels: of id2label, else "num_labels", else the usual. *labels: an object of both members,
 * for json_decref, NULL where there is neither. `labels` may be NULL. */
enum clb_status model_labels_read(const json_t *config, const char *path, int32_t *num_labels,
                                  json_t **labels);
/* Puts them into a config.json: LABEL_0, ... where there are no names and classes other than the
 * usual. */
enum clb_status model_labels_write(const json_t *labels, int32_t num_labels, json_t *config);

#endif
