/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "tasks/task.h"
#include "text/records.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum clb_status task_record_missing(const json_t *record, const char *column, const char *where)
{
    char known[256];
    text_records_names(record, known, sizeof known);
    return clb_fail(CLB_ERROR_FORMAT, "%s: has no \"%s\"; there are: %s", where, column, known);
}

enum clb_status task_record_text(const json_t *record, const char *column, const char *where,
                                 char **text)
{
    const json_t *value = json_object_get(record, column);
    char number[32];
    *text = NULL;
    if (!value || json_is_null(value)) return task_record_missing(record, column, where);
    if (json_is_array(value) || json_is_object(value))
        return clb_fail(CLB_ERROR_FORMAT, "%s: \"%s\" should be a text, and is a list or an object",
                        where, column);
    *text = strdup(text_records_text(value, number, sizeof number));
    return *text ? CLB_OK : clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", where);
}

int32_t task_code_points(const char *text)
{
    int32_t count = 0;
    for (; *text; text++) count += (*text & 0xc0) != 0x80;
    return count;
}

const char *task_at_code_point(const char *text, int64_t point)
{
    for (; *text && point > 0; point--) {
        text++;
        while ((*text & 0xc0) == 0x80) text++;
    }
    return text;
}

char *task_cut(const char *text, int32_t begin, int32_t end)
{
    const char *from = task_at_code_point(text, begin);
    return strndup(from, (size_t)(task_at_code_point(from, end - begin) - from));
}
