/* SPDX-License-Identifier: Apache-2.0 */
/* Hugging Face's tokenizer.json, of what BERT's tokenizer can be. */
#ifndef TOKENIZER_TOKENIZER_JSON_H
#define TOKENIZER_TOKENIZER_JSON_H

#include "base/json.h"
#include "tokenizer/tokenizer.h"

/* Reads rules, added tokens and, where parts->tokens is NULL, the vocabulary; else that of the file
 * must be the same. What cannot be followed: CLB_ERROR_FORMAT that names the setting. */
enum clb_status tokenizer_json_read(const char *path, struct tokenizer_parts *parts);
enum clb_status tokenizer_json_write(const char *path, const struct tokenizer_parts *parts);

/* Appends an added token as tokenizer.json and tokenizer_config.json describe it; one that is not
 * in the vocabulary must have the next id. */
enum clb_status tokenizer_json_add(const json_t *description, int64_t id, const char *path,
                                   struct tokenizer_parts *parts);

#endif
