/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include "base/error.h"
#include "base/files.h"

#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#define JSON_LIMIT ((int64_t)256 << 20) /* tokenizer.json of large vocabularies has tens of MiB */

/* ---- memory: jansson does not always notice that it got none ---- */

static _Thread_local bool starved;
static _Thread_local jmp_buf *landing; /* of a parser at work: it would go on and fall apart */
static json_malloc_t allocate;

static void *noting_allocate(size_t size)
{
    void *memory = allocate(size);
    if (memory) return memory;
    starved = true;
    if (landing) longjmp(*landing, 1);
    return NULL;
}

__attribute__((constructor)) static void note_failures(void)
{
    json_free_t release;
    json_get_alloc_funcs(&allocate, &release);
    json_set_alloc_funcs(noting_allocate, release);
}

bool base_json_starved(void)
{
    const bool was = starved;
    starved = false;
    return was;
}

static enum clb_status out_of_memory(const char *where)
{
    return clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", where);
}

/* What has been parsed until memory runs out is lost with it. */
enum clb_status base_json_parse(const char *bytes, size_t size, size_t flags, json_t **json,
                                json_error_t *error)
{
    jmp_buf here;
    *json = NULL;
    if (setjmp(here) == 0) {
        landing = &here;
        *json = json_loadb(bytes, size, flags, error);
    }
    landing = NULL;
    return base_json_starved() ? clb_fail(CLB_ERROR_MEMORY, "JSON: out of memory") : CLB_OK;
}

/* ---- whole files ---- */

/* `value` itself where it is no whole real, else, as new, the integer that it is. */
static json_t *narrowed(json_t *value)
{
    const double real = json_real_value(value);
    const bool whole = json_is_real(value) && real == floor(real) && fabs(real) < 0x1p53;
    return whole ? json_integer((json_int_t)real) : json_incref(value);
}

static void narrow_members(json_t *json)
{
    const char *key;
    size_t i;
    json_t *value;
    json_object_foreach(json, key, value)
    {
        narrow_members(value);
        json_object_set_new(json, key, narrowed(value));
    }
    json_array_foreach(json, i, value)
    {
        narrow_members(value);
        json_array_set_new(json, i, narrowed(value));
    }
}

/* An integer that 64 bits do not hold becomes a real: "no limit" is 10^30 to Hugging Face's
 * tokenizers. Then all others are read as reals first. */
static enum clb_status parse_any_integers(const char *bytes, size_t size, json_t **json,
                                          json_error_t *error)
{
    enum clb_status status = base_json_parse(bytes, size, 0, json, error);
    if (status != CLB_OK || *json || json_error_code(error) != json_error_numeric_overflow)
        return status;
    status = base_json_parse(bytes, size, JSON_DECODE_INT_AS_REAL, json, error);
    if (*json) narrow_members(*json);
    return status;
}

enum clb_status base_json_read(const char *path, const char *what, json_t **json)
{
    char *bytes = NULL;
    size_t size;
    enum clb_status status;
    CLB_TRY(base_file_read(path, what, JSON_LIMIT, &bytes, &size));
    json_error_t error;
    status = parse_any_integers(bytes, size, json, &error);
    if (status != CLB_OK)
        clb_fail_context(status, "%s", path);
    else if (!*json)
        status = clb_fail(CLB_ERROR_FORMAT, "%s:%d:%d: %s is not valid JSON: %s", path, error.line,
                          error.column, what, error.text);
cleanup:
    free(bytes);
    return status;
}

enum clb_status base_json_write(const char *path, const json_t *json)
{
    struct base_file *file;
    if (base_json_starved()) return out_of_memory(path);
    enum clb_status status = base_file_create(path, &file);
    if (status != CLB_OK) return status;
    if (json_dumpf(json, base_file_stream(file), JSON_INDENT(2)) != 0) {
        base_file_abandon(file);
        if (base_json_starved()) return out_of_memory(path);
        return clb_fail(CLB_ERROR_IO, "%s: could not be written (is the disk full?)", path);
    }
    fputc('\n', base_file_stream(file));
    return base_file_commit(file);
}

enum clb_status base_json_print(const json_t *json)
{
    if (base_json_starved()) return out_of_memory("JSON");
    if (json_dumpf(json, stdout, JSON_ENCODE_ANY) != 0 || fputc('\n', stdout) == EOF)
        return clb_fail(CLB_ERROR_IO, "standard output cannot be written");
    return CLB_OK;
}

json_t *base_json_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static enum clb_status wrong_kind(const char *where, const char *key, const char *kind)
{
    return clb_fail(CLB_ERROR_FORMAT, "%s: \"%s\" should be %s", where, key, kind);
}

enum clb_status base_json_get_int(const json_t *object, const char *where, const char *key,
                                  int64_t *value)
{
    json_t *member = json_object_get(object, key);
    if (!member) return CLB_OK;
    if (!json_is_integer(member)) return wrong_kind(where, key, "an integer");
    *value = json_integer_value(member);
    return CLB_OK;
}

enum clb_status base_json_get_double(const json_t *object, const char *where, const char *key,
                                     double *value)
{
    json_t *member = json_object_get(object, key);
    if (!member) return CLB_OK;
    if (!json_is_number(member)) return wrong_kind(where, key, "a number");
    *value = json_number_value(member);
    return CLB_OK;
}

enum clb_status base_json_get_bool(const json_t *object, const char *where, const char *key,
                                   bool *value)
{
    json_t *member = json_object_get(object, key);
    if (!member || json_is_null(member)) return CLB_OK;
    if (!json_is_boolean(member)) return wrong_kind(where, key, "true or false");
    *value = json_is_true(member);
    return CLB_OK;
}

enum clb_status base_json_get_string(const json_t *object, const char *where, const char *key,
                                     char **value)
{
    *value = NULL;
    json_t *member = json_object_get(object, key);
    if (!member || json_is_null(member)) return CLB_OK;
    if (!json_is_string(member)) return wrong_kind(where, key, "a string");
    *value = strdup(json_string_value(member));
    return *value ? CLB_OK : clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", where);
}
