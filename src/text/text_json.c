/* SPDX-License-Identifier: Apache-2.0 */
#include "text/text_json.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>
#include <unicode/utf16.h>
#include <unicode/utf8.h>

/* The code unit of a \uXXXX at `text`; -1 where there is none. */
static int32_t unit_at(const char *text, size_t size)
{
    char digits[5] = "", *end;
    if (size < 6 || text[0] != '\\' || text[1] != 'u') return -1;
    memcpy(digits, text + 2, 4);
    const long unit = strtol(digits, &end, 16);
    return end == digits + 4 ? (int32_t)unit : -1;
}

/* How many bytes at a backslash belong together; *lone: they are half a surrogate pair. */
static size_t escape_size(const char *text, size_t size, int *lone)
{
    const int32_t unit = unit_at(text, size);
    *lone = 0;
    if (unit < 0) return size < 2 ? size : 2;
    if (U16_IS_LEAD(unit)) {
        const int32_t next = unit_at(text + 6, size - 6);
        if (next >= 0 && U16_IS_TRAIL(next)) return 12;
    }
    *lone = U16_IS_SURROGATE(unit);
    return 6;
}

/* A malloc'd copy with U+FFFD for what parsers refuse, in JSON (`escapes`) or in plain text; NULL:
 * out of memory. */
static char *repair(const char *line, size_t *size, bool escapes, int64_t *replaced)
{
    char *copy = malloc(3 * *size + 1);
    size_t length = 0;
    *replaced = 0;
    for (size_t i = 0, bytes; copy && i < *size; i += bytes) {
        const char *from = line + i;
        size_t taken;
        if (escapes && line[i] == '\\') {
            int lone;
            taken = bytes = escape_size(from, *size - i, &lone);
            if (lone) from = "\\uFFFD";
            *replaced += lone;
        } else {
            int32_t after = 0;
            const size_t left = *size - i;
            UChar32 c;
            U8_NEXT(from, after, (int32_t)(left < 4 ? left : 4), c);
            taken = bytes = (size_t)after;
            if (c < 0) {
                from = "\xEF\xBF\xBD";
                taken = 3;
                ++*replaced;
            }
        }
        memcpy(copy + length, from, taken);
        length += taken;
    }
    *size = length;
    return copy;
}

/* Integers as such where they fit, else as reals. */
static enum clb_status parse(const char *line, size_t size, json_t **record, json_error_t *error)
{
    json_error_t own;
    if (!error) error = &own;
    enum clb_status status = base_json_parse(line, size, JSON_ALLOW_NUL, record, error);
    if (status != CLB_OK || *record || json_error_code(error) != json_error_numeric_overflow)
        return status;
    return base_json_parse(line, size, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, record, error);
}

enum clb_status text_json_parse(const char *line, size_t size, json_t **record, json_error_t *error,
                                int64_t *replaced)
{
    *replaced = 0;
    enum clb_status status = parse(line, size, record, error);
    if (status != CLB_OK || *record) return status;
    char *repaired = repair(line, &size, true, replaced);
    if (!repaired) return clb_fail(CLB_ERROR_MEMORY, "JSON: out of memory");
    if (*replaced > 0) status = parse(repaired, size, record, error);
    free(repaired);
    return status;
}

enum clb_status text_json_string(const char *bytes, size_t size, json_t **string, int64_t *replaced)
{
    *replaced = 0;
    *string = json_stringn(bytes, size);
    if (!*string && !base_json_starved()) {
        char *repaired = repair(bytes, &size, false, replaced);
        *string = repaired ? json_stringn(repaired, size) : NULL;
        free(repaired);
    }
    return *string ? CLB_OK : clb_fail(CLB_ERROR_MEMORY, "text: out of memory");
}
