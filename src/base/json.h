/* SPDX-License-Identifier: Apache-2.0 */
/* jansson with our errors. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <clbert/status.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* The caller releases with json_decref. A syntax error names file, line and column. */
enum clb_status base_json_read(const char *path, const char *what, json_t **json);
/* Indented by 2, keys in the order given, whole or not at all. */
enum clb_status base_json_write(const char *path, const json_t *json);
/* One line to standard output. */
enum clb_status base_json_print(const json_t *json);

/* Whether jansson has wanted for memory on this thread since this was last asked: its results may
 * then lack something although it reported success. base_json_write and base_json_print ask it of
 * what they are given, base_json_read of what it read; who uses jansson directly asks after
 * parsing or building. */
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
