/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON of model files, which may be anybody's: what it costs to parse is bounded before. */
#ifndef MODEL_JSON_H
#define MODEL_JSON_H

#include <clbert/status.h>

#include <jansson.h>
#include <stddef.h>

/* Far more than any BERT needs: two moments of 1,024 layers have 33,000 tensors. */
enum { MODEL_JSON_BYTES = 16 << 20, MODEL_JSON_VALUES = 1 << 19 };

/* An object of at most MODEL_JSON_VALUES values and without repeated keys; `what` is for messages:
 * "header". The caller releases with json_decref. */
enum clb_status model_json_parse(const char *path, const char *what, const char *text, size_t size,
                                 json_t **json);
/* The same of a whole regular file of at most MODEL_JSON_BYTES. */
enum clb_status model_json_read(const char *path, const char *what, json_t **json);

#endif
