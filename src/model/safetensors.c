/* SPDX-License-Identifier: Apache-2.0 */
#include "model/safetensors.h"

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/little_endian.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEADER_LIMIT ((uint64_t)100 << 20) /* as the reference implementation's */

/* ---- reading ---- */

struct safetensors {
    char *path;
    const uint8_t *bytes; /* mapped */
    size_t size, data;    /* data: where tensors begin */
    json_t *header;
};

static enum clb_status map_file(const char *path, struct safetensors *file)
{
    enum clb_status status = CLB_OK;
    struct stat info;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0 || fstat(descriptor, &info) != 0) {
        status = clb_fail(CLB_ERROR_IO, "%s: cannot be read: %s", path, strerror(errno));
    } else if (info.st_size < 8) {
        status = clb_fail(CLB_ERROR_FORMAT, "%s: is no safetensors file: %lld bytes", path,
                          (long long)info.st_size);
    } else {
        void *bytes = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
        if (bytes == MAP_FAILED)
            status = clb_fail(CLB_ERROR_IO, "%s: cannot be mapped: %s", path, strerror(errno));
        else {
            file->bytes = bytes;
            file->size = (size_t)info.st_size;
        }
    }
    if (descriptor >= 0) close(descriptor);
    return status;
}

static enum clb_status parse_header(struct safetensors *file)
{
    uint64_t size;
    memcpy(&size, file->bytes, 8);
    if (size > HEADER_LIMIT || size > file->size - 8)
        return clb_fail(
            CLB_ERROR_FORMAT,
            "%s: is no safetensors file, or cut short: its header would have %llu bytes",
            file->path, (unsigned long long)size);
    json_error_t error;
    file->header = json_loadb((const char *)file->bytes + 8, size, 0, &error);
    if (!json_is_object(file->header))
        return clb_fail(CLB_ERROR_FORMAT, "%s: the header is not valid JSON: %s", file->path,
                        error.text);
    file->data = 8 + size;
    return CLB_OK;
}

enum clb_status safetensors_open(const char *path, struct safetensors **out)
{
    struct safetensors *file = calloc(1, sizeof *file);
    if (!file) return clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", path);
    enum clb_status status;
    file->path = strdup(path);
    if (!file->path) {
        status = clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", path);
        goto cleanup;
    }
    CLB_TRY(map_file(path, file));
    CLB_TRY(parse_header(file));
    *out = file;
    file = NULL;
cleanup:
    safetensors_close(file);
    return status;
}

void safetensors_close(struct safetensors *file)
{
    if (!file) return;
    if (file->bytes) munmap((void *)file->bytes, file->size);
    json_decref(file->header);
    free(file->path);
    free(file);
}

bool safetensors_has(const struct safetensors *file, const char *name)
{
    return json_object_get(file->header, name) != NULL;
}

static bool shape_is(const json_t *shape, int64_t rows, int64_t columns)
{
    if (!json_is_array(shape)) return false;
    size_t count = json_array_size(shape);
    if (count == 1 && columns == 1) return json_integer_value(json_array_get(shape, 0)) == rows;
    return count == 2 && json_integer_value(json_array_get(shape, 0)) == rows &&
           json_integer_value(json_array_get(shape, 1)) == columns;
}

static float widen_half(uint16_t bits)
{
    uint32_t sign = (uint32_t)(bits & 0x8000u) << 16, exponent = (bits >> 10) & 31u;
    uint32_t mantissa = bits & 0x3ffu, wide;
    float value;
    if (exponent == 0) { /* zero or subnormal: mantissa * 2^-24 */
        value = (float)mantissa * 0x1p-24f;
        memcpy(&wide, &value, 4);
        wide |= sign;
    } else {
        wide = sign | (exponent == 31 ? 0x7f800000u : (exponent + 112) << 23) | mantissa << 13;
    }
    memcpy(&value, &wide, 4);
    return value;
}

static void convert(const uint8_t *bytes, const char *type, int64_t count, float *out)
{
    if (strcmp(type, "F32") == 0) {
        memcpy(out, bytes, (size_t)count * 4);
        return;
    }
    bool half = strcmp(type, "F16") == 0;
    for (int64_t i = 0; i < count; i++) {
        uint16_t bits;
        memcpy(&bits, bytes + 2 * i, 2);
        uint32_t wide = (uint32_t)bits << 16;
        if (half)
            out[i] = widen_half(bits);
        else
            memcpy(&out[i], &wide, 4);
    }
}

enum clb_status safetensors_read(const struct safetensors *file, const char *name, int64_t rows,
                                 int64_t columns, float *out)
{
    const json_t *entry = json_object_get(file->header, name);
    if (!entry) return clb_fail(CLB_ERROR_FORMAT, "%s: has no tensor %s", file->path, name);
    const char *type = json_string_value(json_object_get(entry, "dtype"));
    const json_t *offsets = json_object_get(entry, "data_offsets");
    if (!type || json_array_size(offsets) != 2)
        return clb_fail(CLB_ERROR_FORMAT, "%s: %s has no dtype or offsets", file->path, name);
    int64_t width = strcmp(type, "F32") == 0                                ? 4
                    : strcmp(type, "F16") == 0 || strcmp(type, "BF16") == 0 ? 2
                                                                            : 0;
    if (width == 0)
        return clb_fail(CLB_ERROR_FORMAT, "%s: %s is %s; F32, F16 and BF16 can be read", file->path,
                        name, type);
    char *shape = json_dumps(json_object_get(entry, "shape"), JSON_COMPACT | JSON_ENCODE_ANY);
    bool fits = shape_is(json_object_get(entry, "shape"), rows, columns);
    enum clb_status status = CLB_OK;
    if (!fits)
        status =
            clb_fail(CLB_ERROR_FORMAT, "%s: %s has the shape %s; config.json says [%lld, %lld]",
                     file->path, name, shape ? shape : "?", (long long)rows, (long long)columns);
    free(shape);
    if (status != CLB_OK) return status;
    int64_t begin = json_integer_value(json_array_get(offsets, 0));
    int64_t end = json_integer_value(json_array_get(offsets, 1));
    if (begin < 0 || end < begin || end > (int64_t)(file->size - file->data) ||
        end - begin != rows * columns * width)
        return clb_fail(CLB_ERROR_FORMAT,
                        "%s: the data of %s lie past the end or have a wrong size", file->path,
                        name);
    convert(file->bytes + file->data + begin, type, rows * columns, out);
    return CLB_OK;
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
