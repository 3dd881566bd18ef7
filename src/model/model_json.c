/* SPDX-License-Identifier: Apache-2.0 */
#include "model/model_json.h"

#include "base/error.h"
#include "base/files.h"

#include <stdlib.h>

/* jansson takes a hundred bytes and more for a value that is written with two. */
static size_t count_values(const char *text, size_t size)
{
    size_t count = 1;
    for (size_t i = 0; i < size; i++)
        count += text[i] == ',' || text[i] == '[' || text[i] == '{' || text[i] == ':';
    return count;
}

enum clb_status model_json_parse(const char *path, const char *what, const char *text, size_t size,
                                 json_t **json)
{
    json_error_t error = {0};
    if (count_values(text, size) > MODEL_JSON_VALUES)
        return clb_fail(CLB_ERROR_FORMAT, "%s: the %s has over %d values: is it a BERT model?",
                        path, what, MODEL_JSON_VALUES);
    *json = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    if (json_is_object(*json)) return CLB_OK;
    json_decref(*json);
    *json = NULL;
    return clb_fail(CLB_ERROR_FORMAT, "%s:%d:%d: the %s is not a JSON object: %s", path, error.line,
                    error.column, what, error.text[0] ? error.text : "it is an array");
}

enum clb_status model_json_read(const char *path, const char *what, json_t **json)
{
    char *bytes = NULL;
    size_t size;
    enum clb_status status;
    CLB_TRY(base_file_read(path, what, MODEL_JSON_BYTES, &bytes, &size));
    CLB_TRY(model_json_parse(path, what, bytes, size, json));
cleanup:
    free(bytes);
    return status;
}
