/* SPDX-License-Identifier: Apache-2.0 */
/* jansson with our errors. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <clbert/status.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* The caller releases with json_decref. A syntax error names file, line and column. An integer of
 * more than 64 bits is a real. */
enum clb_status base_json_read(const char *path, const char *what, json_t **json);
/* Indented by 2, keys in the order given, whole or not at all. */
enum clb_status base_json_write(const char *path, const json_t *json);
/* One line to standard output. */
enum clb_status base_json_print(const json_t *json);

/* json_loadb, which does not survive that memory runs out: CLB_OK, with *json NULL where it is no
 * JSON, or CLB_ERROR_MEMORY. */
enum clb_status base_json_parse(const char *bytes, size_t size, size_t flags, json_t **json,
                                json_error_t *error);
/* Whether jansson has wanted for memory on this thread since this was last asked: what was built
 * may then lack something although it reported success. base_json_write and base_json_print ask it
 * of what they are given; who uses what was built in another way asks himself. */
bool base_json_starved(void);

/* A new number; null where JSON has none for it (NaN, infinity). NULL: out of memory. */
json_t *base_json_number(double value);

/* Reads a member. Missing: *value is left alone (give it its default first). Of another kind:
 * CLB_ERROR_FORMAT that names `where` (the file) and the key. */
enum clb_status base_json_get_int(const json_t *object, const char *where, const char *key,
                                  int64_t *value);
enum clb_status base_json_get_double(const json_t *object, const char *where, const char *key,
                                     double *value);
enum clb_status base_json_get_bool(const json_t *object, const char *where, const char *key,
                                   bool *value);
/* *value is malloc'd, NULL where missing or null. */
enum clb_status base_json_get_string(const json_t *object, const char *where, const char *key,
                                     char **value);

#endif
