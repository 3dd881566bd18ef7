/* SPDX-License-Identifier: Apache-2.0 */
#include "model/safetensors.h"

#include "base/error.h"
#include "base/files.h"
#include "base/little_endian.h"
#include "base/narrow.h"
#include "model/model_json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- reading ---- */

struct safetensors {
    char *path;
    int descriptor;
    int64_t size, data; /* of the file; where tensors begin */
    json_t *header;
};

/* A path may name anything: opening a pipe must not wait for somebody who writes to it. */
static enum clb_status open_file(const char *path, struct safetensors *file)
{
    struct stat info;
    file->descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file->descriptor < 0 || fstat(file->descriptor, &info) != 0)
        return clb_fail(CLB_ERROR_IO, "%s: cannot be read: %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode)) return clb_fail(CLB_ERROR_IO, "%s: is not a regular file", path);
    if (info.st_size < 8)
        return clb_fail(CLB_ERROR_FORMAT, "%s: is no safetensors file: %lld bytes", path,
                        (long long)info.st_size);
    file->size = info.st_size;
    return CLB_OK;
}

/* pread, not a mapping: a file that is cut while it is read is an error, not a signal. */
static enum clb_status read_bytes(const struct safetensors *file, int64_t offset, void *bytes,
                                  int64_t count)
{
    char *at = bytes;
    while (count > 0) {
        const ssize_t got = pread(file->descriptor, at, (size_t)count, offset);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0)
            return clb_fail(CLB_ERROR_IO, "%s: cannot be read: %s", file->path,
                            got < 0 ? strerror(errno) : "it was cut short just now");
        at += got;
        offset += got;
        count -= got;
    }
    return CLB_OK;
}

static enum clb_status read_header(struct safetensors *file)
{
    uint64_t size;
    char *text = NULL;
    enum clb_status status;
    CLB_TRY(read_bytes(file, 0, &size, sizeof size));
    if (size > MODEL_JSON_BYTES || size > (uint64_t)file->size - 8) {
        status =
            clb_fail(CLB_ERROR_FORMAT,
                     "%s: is no safetensors file of a BERT, or cut short: its header would have "
                     "%llu bytes",
                     file->path, (unsigned long long)size);
        goto cleanup;
    }
    text = malloc(size + 1);
    if (!text) {
        status = clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", file->path);
        goto cleanup;
    }
    CLB_TRY(read_bytes(file, 8, text, (int64_t)size));
    CLB_TRY(model_json_parse(file->path, "header", text, size, &file->header));
    file->data = 8 + (int64_t)size;
cleanup:
    free(text);
    return status;
}

/* ---- what the header says: checked as the reference implementation does (Metadata::validate) ----
 * Every byte of the data belongs to one tensor, and every tensor has the bytes of its shape. */

/* Bits of an element; 0: no such type. */
static int type_bits(const char *type)
{
    static const struct {
        const char *name;
        int bits;
    } types[] = {
        {"F32", 32},    {"F16", 16},    {"BF16", 16},   {"I64", 64},    {"BOOL", 8},
        {"U8", 8},      {"I8", 8},      {"I16", 16},    {"U16", 16},    {"I32", 32},
        {"U32", 32},    {"U64", 64},    {"F64", 64},    {"C64", 64},    {"F4", 4},
        {"F8_E4M3", 8}, {"F8_E5M2", 8}, {"F8_E8M0", 8}, {"F6_E2M3", 6}, {"F6_E3M2", 6},
    };
    for (size_t i = 0; type && i < sizeof types / sizeof *types; i++)
        if (strcmp(type, types[i].name) == 0) return types[i].bits;
    return 0;
}

struct extent {
    const char *name;
    int64_t begin, end; /* within the data */
};

/* A member of an array that should be a whole number, not negative; -1: is not. */
static int64_t whole_number(const json_t *array, size_t index)
{
    const json_t *value = json_array_get(array, index);
    return json_is_integer(value) && json_integer_value(value) >= 0 ? json_integer_value(value)
                                                                    : -1;
}

/* Bytes of a shape's elements; -1: they are no shape, too many, or end within a byte. */
static int64_t shape_bytes(const json_t *shape, int bits)
{
    int64_t product = 1;
    if (!json_is_array(shape)) return -1;
    for (size_t i = 0; i < json_array_size(shape); i++) {
        const int64_t extent = whole_number(shape, i);
        if (extent < 0 || __builtin_mul_overflow(product, extent, &product)) return -1;
    }
    if (__builtin_mul_overflow(product, bits, &product)) return -1;
    return product % 8 == 0 ? product / 8 : -1;
}

/* What is wrong with an entry; NULL: nothing, and *extent is its place. */
static const char *read_entry(const json_t *entry, struct extent *extent)
{
    const json_t *offsets = json_object_get(entry, "data_offsets");
    const int bits = type_bits(json_string_value(json_object_get(entry, "dtype")));
    if (bits == 0) return "has no dtype that there is";
    const int64_t bytes = shape_bytes(json_object_get(entry, "shape"), bits);
    if (bytes < 0) return "has a shape that cannot be";
    extent->begin = whole_number(offsets, 0);
    extent->end = whole_number(offsets, 1);
    if (json_array_size(offsets) != 2 || extent->begin < 0 || extent->end < extent->begin)
        return "has data_offsets that are not two whole numbers in order";
    if (extent->end - extent->begin != bytes) return "has another shape than its data_offsets";
    return NULL;
}

static enum clb_status check_metadata(const struct safetensors *file)
{
    const json_t *metadata = json_object_get(file->header, "__metadata__");
    const char *key;
    json_t *value;
    bool strings = !metadata || json_is_object(metadata) || json_is_null(metadata);
    json_object_foreach((json_t *)metadata, key, value) strings &= json_is_string(value);
    if (strings) return CLB_OK;
    return clb_fail(CLB_ERROR_FORMAT, "%s: its __metadata__ are not strings", file->path);
}

static int by_place(const void *a, const void *b)
{
    const struct extent *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

/* One behind the other, from the first byte of the data to the last. */
static enum clb_status check_places(const struct safetensors *file, struct extent *extents,
                                    size_t count)
{
    int64_t at = 0;
    qsort(extents, count, sizeof *extents, by_place);
    for (size_t i = 0; i < count; at = extents[i++].end)
        if (extents[i].begin != at)
            return clb_fail(CLB_ERROR_FORMAT, "%s: the data of %s %s", file->path, extents[i].name,
                            extents[i].begin < at ? "overlap another tensor's"
                                                  : "lie behind a gap");
    if (at > file->size - file->data)
        return clb_fail(CLB_ERROR_FORMAT,
                        "%s: its tensors lie past the end: it was cut short by %lld bytes",
                        file->path, (long long)(at - (file->size - file->data)));
    if (at < file->size - file->data)
        return clb_fail(CLB_ERROR_FORMAT, "%s: %lld bytes at the end belong to no tensor",
                        file->path, (long long)(file->size - file->data - at));
    return CLB_OK;
}

static enum clb_status check_header(const struct safetensors *file)
{
    struct extent *extents = malloc((json_object_size(file->header) + 1) * sizeof *extents);
    size_t count = 0;
    const char *name;
    json_t *entry;
    enum clb_status status;
    if (!extents) return clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", file->path);
    CLB_TRY(check_metadata(file));
    json_object_foreach(file->header, name, entry)
    {
        if (strcmp(name, "__metadata__") == 0) continue;
        const char *wrong = read_entry(entry, &extents[count]);
        extents[count++].name = name;
        if (!wrong) continue;
        status = clb_fail(CLB_ERROR_FORMAT, "%s: %s %s", file->path, name, wrong);
        goto cleanup;
    }
    CLB_TRY(check_places(file, extents, count));
cleanup:
    free(extents);
    return status;
}

enum clb_status safetensors_open(const char *path, struct safetensors **out)
{
    struct safetensors *file = calloc(1, sizeof *file);
    if (!file) return clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", path);
    enum clb_status status;
    file->descriptor = -1;
    file->path = strdup(path);
    if (!file->path) {
        status = clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", path);
        goto cleanup;
    }
    CLB_TRY(open_file(path, file));
    CLB_TRY(read_header(file));
    CLB_TRY(check_header(file));
    *out = file;
    file = NULL;
cleanup:
    safetensors_close(file);
    return status;
}

void safetensors_close(struct safetensors *file)
{
    if (!file) return;
    if (file->descriptor >= 0) close(file->descriptor);
    json_decref(file->header);
    free(file->path);
    free(file);
}

/* ---- one tensor ---- */

/* "__metadata__" is no tensor. */
static const json_t *find_entry(const struct safetensors *file, const char *name)
{
    return strcmp(name, "__metadata__") == 0 ? NULL : json_object_get(file->header, name);
}

bool safetensors_has(const struct safetensors *file, const char *name)
{
    return find_entry(file, name) != NULL;
}

static bool shape_is(const json_t *shape, int64_t rows, int64_t columns)
{
    const size_t count = json_array_size(shape);
    if (count == 1 && columns == 1) return whole_number(shape, 0) == rows;
    return count == 2 && whole_number(shape, 0) == rows && whole_number(shape, 1) == columns;
}

enum clb_status safetensors_check(const struct safetensors *file, const char *name, int64_t rows,
                                  int64_t columns)
{
    const json_t *entry = find_entry(file, name);
    if (!entry) return clb_fail(CLB_ERROR_FORMAT, "%s: has no tensor %s", file->path, name);
    const char *type = json_string_value(json_object_get(entry, "dtype"));
    if (strcmp(type, "F32") != 0 && strcmp(type, "F16") != 0 && strcmp(type, "BF16") != 0)
        return clb_fail(CLB_ERROR_FORMAT, "%s: %s is %s; F32, F16 and BF16 can be read", file->path,
                        name, type);
    const json_t *shape = json_object_get(entry, "shape");
    if (shape_is(shape, rows, columns)) return CLB_OK;
    char *text = json_dumps(shape, JSON_COMPACT);
    enum clb_status status =
        clb_fail(CLB_ERROR_FORMAT, "%s: %s has the shape %s; config.json says [%lld, %lld]",
                 file->path, name, text ? text : "?", (long long)rows, (long long)columns);
    free(text);
    return status;
}

static void widen(const uint16_t *narrow, bool half, int64_t count, float *out)
{
    for (int64_t i = 0; i < count; i++)
        out[i] = half ? base_fp16_widen(narrow[i]) : base_bf16_widen(narrow[i]);
}

enum clb_status safetensors_read(const struct safetensors *file, const char *name, int64_t rows,
                                 int64_t columns, float *out)
{
    enum { PART = 4096 };
    uint16_t narrow[PART];
    enum clb_status status;
    CLB_TRY(safetensors_check(file, name, rows, columns));
    const json_t *entry = find_entry(file, name);
    const char *type = json_string_value(json_object_get(entry, "dtype"));
    const int64_t begin = file->data + whole_number(json_object_get(entry, "data_offsets"), 0);
    const int64_t count = rows * columns;
    if (strcmp(type, "F32") == 0) return read_bytes(file, begin, out, 4 * count);
    for (int64_t at = 0; at < count; at += PART) {
        const int64_t part = count - at < PART ? count - at : PART;
        CLB_TRY(read_bytes(file, begin + 2 * at, narrow, 2 * part));
        widen(narrow, strcmp(type, "F16") == 0, part, out + at);
    }
cleanup:
    return status;
}

/* ---- writing ---- */

struct safetensors_writer {
    struct base_file *file;
    json_t *header;
    int64_t declared, written; /* bytes of data */
    bool begun;                /* the header is out */
};

enum clb_status safetensors_create(const char *path, struct safetensors_writer **out)
{
    struct safetensors_writer *writer = calloc(1, sizeof *writer);
    if (!writer) return clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", path);
    enum clb_status status = base_file_create(path, &writer->file);
    writer->header = json_pack("{s:{s:s}}", "__metadata__", "format", "pt");
    if (status == CLB_OK && !writer->header) status = clb_fail(CLB_ERROR_MEMORY, "out of memory");
    if (status != CLB_OK) {
        safetensors_abandon(writer);
        return status;
    }
    *out = writer;
    return CLB_OK;
}

enum clb_status safetensors_declare(struct safetensors_writer *writer, const char *name,
                                    int64_t rows, int64_t columns)
{
    json_int_t begin = writer->declared, end = begin + 4 * rows * columns;
    json_t *entry =
        columns == 1 ? json_pack("{s:s, s:[I], s:[I,I]}", "dtype", "F32", "shape", (json_int_t)rows,
                                 "data_offsets", begin, end)
                     : json_pack("{s:s, s:[I,I], s:[I,I]}", "dtype", "F32", "shape",
                                 (json_int_t)rows, (json_int_t)columns, "data_offsets", begin, end);
    if (!entry || json_object_set_new(writer->header, name, entry) != 0)
        return clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", name);
    writer->declared = end;
    return CLB_OK;
}

/* The header is padded with spaces so that the data begin at a multiple of 8. */
static enum clb_status write_header(struct safetensors_writer *writer)
{
    char *text = json_dumps(writer->header, JSON_COMPACT);
    if (!text) return clb_fail(CLB_ERROR_MEMORY, "safetensors header: out of memory");
    FILE *stream = base_file_stream(writer->file);
    uint64_t length = strlen(text), size = (length + 7) / 8 * 8;
    fwrite(&size, 8, 1, stream);
    fwrite(text, 1, length, stream);
    for (uint64_t i = length; i < size; i++) fputc(' ', stream);
    free(text);
    writer->begun = true;
    return CLB_OK;
}

enum clb_status safetensors_append(struct safetensors_writer *writer, const float *values,
                                   int64_t count)
{
    enum clb_status status = writer->begun ? CLB_OK : write_header(writer);
    if (status != CLB_OK) return status;
    writer->written += 4 * count;
    fwrite(values, 4, (size_t)count, base_file_stream(writer->file)); /* commit finds what failed */
    return CLB_OK;
}

enum clb_status safetensors_commit(struct safetensors_writer *writer)
{
    if (writer->written != writer->declared) {
        safetensors_abandon(writer);
        return clb_fail(CLB_ERROR_ARGUMENT, "safetensors: not all that was declared was written");
    }
    enum clb_status status = base_file_commit(writer->file);
    writer->file = NULL;
    safetensors_abandon(writer);
    return status;
}

void safetensors_abandon(struct safetensors_writer *writer)
{
    if (!writer) return;
    base_file_abandon(writer->file);
    json_decref(writer->header);
    free(writer);
}
