/* SPDX-License-Identifier: Apache-2.0 */
/* NumPy's format 1.0: "\x93NUMPY", the version, the length of a header, which is a Python
 * dictionary filled up with blanks to a multiple of 64 bytes, then the numbers. A header of 128
 * bytes has room for any number of rows. */
#include "predict/npy.h"

#include "base/error.h"
#include "base/files.h"
#include "base/little_endian.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER = 128, PREAMBLE = 10 }; /* bytes; of them before the dictionary */

struct npy_writer {
    struct base_file *file;
    char *path;
    int64_t rows;
    int32_t width;
};

static void write_header(const struct npy_writer *npy)
{
    char header[HEADER];
    const int length =
        snprintf(header, sizeof header,
                 "\x93NUMPY\x01%c%c%c{'descr': '<f4', 'fortran_order': False, 'shape': (%" PRId64
                 ", %" PRId32 "), }",
                 0, HEADER - PREAMBLE, 0, npy->rows, npy->width);
    memset(header + length, ' ', (size_t)(HEADER - length));
    header[HEADER - 1] = '\n';
    fwrite(header, 1, HEADER, base_file_stream(npy->file));
}

static enum clb_status cannot_write(const struct npy_writer *npy)
{
    return clb_fail(CLB_ERROR_IO, "%s: could not be written (is the disk full?)", npy->path);
}

enum clb_status npy_create(const char *path, int32_t width, struct npy_writer **out)
{
    struct npy_writer *npy = calloc(1, sizeof *npy);
    enum clb_status status = CLB_OK;
    if (npy) npy->path = strdup(path);
    if (!npy || !npy->path) CLB_TRY(clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", path));
    npy->width = width;
    CLB_TRY(base_file_create(path, &npy->file));
    write_header(npy);
    *out = npy;
    npy = NULL;
cleanup:
    npy_abandon(npy);
    return status;
}

enum clb_status npy_append(struct npy_writer *npy, const float *rows, int64_t count)
{
    const size_t numbers = (size_t)count * (size_t)npy->width;
    npy->rows += count;
    return fwrite(rows, sizeof *rows, numbers, base_file_stream(npy->file)) == numbers
               ? CLB_OK
               : cannot_write(npy);
}

enum clb_status npy_commit(struct npy_writer *npy)
{
    enum clb_status status = CLB_OK;
    if (fseeko(base_file_stream(npy->file), 0, SEEK_SET) != 0) CLB_TRY(cannot_write(npy));
    write_header(npy);
    status = base_file_commit(npy->file);
    npy->file = NULL;
cleanup:
    npy_abandon(npy);
    return status;
}

void npy_abandon(struct npy_writer *npy)
{
    if (!npy) return;
    if (npy->file) base_file_abandon(npy->file);
    free(npy->path);
    free(npy);
}
