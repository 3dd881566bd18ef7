/* SPDX-License-Identifier: Apache-2.0 */
/* JSON as other programs write it. */
#ifndef TEXT_TEXT_JSON_H
#define TEXT_TEXT_JSON_H

#include "base/json.h"

/* Parses a line; *record, to be released, is NULL where it is no JSON, and `error` (NULL: not
 * wanted) says why. What is not UTF-8, and \u escapes of half a surrogate pair, which other writers
 * let through, become U+FFFD: *replaced says how many. Integers that are too large are reals.
 * CLB_OK, or CLB_ERROR_MEMORY. */
enum clb_status text_json_parse(const char *line, size_t size, json_t **record, json_error_t *error,
                                int64_t *replaced);

/* A new string of bytes as they are; what is not UTF-8 becomes U+FFFD, likewise. */
enum clb_status text_json_string(const char *bytes, size_t size, json_t **string,
                                 int64_t *replaced);

#endif
