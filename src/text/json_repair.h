/* SPDX-License-Identifier: Apache-2.0 */
/* JSON that parsers refuse for its characters alone. */
#ifndef TEXT_JSON_REPAIR_H
#define TEXT_JSON_REPAIR_H

#include <stddef.h>
#include <stdint.h>

/* A malloc'd copy of *size bytes with U+FFFD for what is not UTF-8 and for \u escapes of half a
 * surrogate pair, which other writers of JSON let through. *replaced says how many; NULL: out of
 * memory. */
char *text_json_repair(const char *line, size_t *size, int64_t *replaced);

#endif
