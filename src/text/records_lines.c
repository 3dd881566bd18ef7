/* SPDX-License-Identifier: Apache-2.0 */
/* Plain text: a line is a record, {"text": ...}, also an empty one, so that answers may be laid
 * beside the lines. */
#include "base/error.h"
#include "text/records_form.h"

static enum clb_status next_line(struct text_records *r, json_t **record)
{
    const char *line;
    size_t size;
    json_t *text = NULL;
    r->nothing = "has no lines";
    enum clb_status status = text_lines_take(&r->lines, &line, &size);
    if (status != CLB_OK || !line) return status;
    if (size > 0 && line[size - 1] == '\r') size--;
    status = records_string(r, line, size, &text);
    if (status != CLB_OK) return status;
    records_at_line(r, r->lines.line);
    *record = json_pack("{s:o}", "text", text);
    return *record ? CLB_OK : clb_fail(CLB_ERROR_MEMORY, "records: out of memory");
}

const struct records_form records_lines = {NULL, next_line};
