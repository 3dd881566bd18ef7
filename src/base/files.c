/* SPDX-License-Identifier: Apache-2.0 */
#include "base/files.h"

#include "base/error.h"
#include "base/partial.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct base_file {
    char *path;
    struct base_partial partial;
    FILE *stream; /* owns the partial file, and so its lock */
};

char *base_format(const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0) text = NULL;
    va_end(arguments);
    return text;
}

static void free_file(struct base_file *file)
{
    base_partial_close(&file->partial);
    free(file->path);
    free(file);
}

static enum clb_status open_stream(struct base_file *file)
{
    file->stream = fdopen(file->partial.file, "wb");
    if (file->stream) {
        file->partial.file = -1;
        return CLB_OK;
    }
    const int error = errno;
    unlink(file->partial.path);
    return clb_fail(CLB_ERROR_IO, "%s: cannot be written: %s", file->path, strerror(error));
}

enum clb_status base_file_create(const char *path, struct base_file **out)
{
    struct base_file *file = calloc(1, sizeof *file);
    enum clb_status status = CLB_OK;
    if (file) file->path = strdup(path);
    if (!file || !file->path) status = clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", path);
    if (status == CLB_OK) status = base_partial_file(path, &file->partial);
    if (status == CLB_OK) status = open_stream(file);
    if (status == CLB_OK) {
        *out = file;
    } else if (file) {
        free_file(file);
    }
    return status;
}

FILE *base_file_stream(struct base_file *file)
{
    return file->stream;
}

FILE *base_file_reopen(struct base_file *file)
{
    return fopen(file->partial.path, "rb");
}

static enum clb_status sync_parent(const char *path)
{
    char *parent = base_parent(path);
    enum clb_status status = parent ? base_sync_directory(parent)
                                    : clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", path);
    free(parent);
    return status;
}

enum clb_status base_file_commit(struct base_file *file)
{
    /* A write may have failed long ago: the stream remembers that it did, not always why. */
    errno = 0;
    bool failed = ferror(file->stream) != 0;
    failed |= fflush(file->stream) != 0 || fsync(fileno(file->stream)) != 0;
    failed = failed || rename(file->partial.path, file->path) != 0;
    const int error = errno;
    fclose(file->stream); /* the lock goes last: until then no sweep takes it for left behind */
    enum clb_status status = failed ? CLB_OK : sync_parent(file->path);
    if (failed) {
        unlink(file->partial.path);
        status = clb_fail(CLB_ERROR_IO, "%s: could not be written completely: %s", file->path,
                          error ? strerror(error) : "write error (is the disk full?)");
    }
    free_file(file);
    return status;
}

void base_file_abandon(struct base_file *file)
{
    if (!file) return;
    fclose(file->stream);
    unlink(file->partial.path);
    free_file(file);
}

enum clb_status base_file_write(const char *path, const void *bytes, size_t size)
{
    struct base_file *file;
    enum clb_status status = base_file_create(path, &file);
    if (status != CLB_OK) return status;
    fwrite(bytes, 1, size, file->stream);
    return base_file_commit(file);
}

static const char *temporary_directory(void)
{
    const char *directory = getenv("TMPDIR");
    return directory && *directory ? directory : "/var/tmp";
}

enum clb_status base_temporary_file(FILE **stream)
{
    char *path = base_format("%s/clbert-XXXXXX", temporary_directory());
    if (!path) return clb_fail(CLB_ERROR_MEMORY, "temporary file: out of memory");
    const int file = mkstemp(path);
    if (file >= 0) unlink(path);
    *stream = file >= 0 ? fdopen(file, "w+b") : NULL;
    const int error = errno;
    if (!*stream && file >= 0) close(file);
    free(path);
    if (*stream) {
        setvbuf(*stream, NULL, _IOFBF, 1 << 16);
        return CLB_OK;
    }
    return clb_fail(CLB_ERROR_IO, "%s: no temporary file can be made: %s; set TMPDIR",
                    temporary_directory(), strerror(error));
}

enum clb_status base_temporary_flush(FILE *stream)
{
    errno = 0;
    if (fflush(stream) == 0 && !ferror(stream)) return CLB_OK;
    return clb_fail(CLB_ERROR_IO,
                    "%s: a temporary file could not be written: %s; set TMPDIR to a directory with "
                    "more room",
                    temporary_directory(), errno ? strerror(errno) : "is the disk full?");
}

enum clb_status base_file_read(const char *path, const char *what, int64_t limit, char **bytes,
                               size_t *size)
{
    enum clb_status status = CLB_OK;
    char *buffer = NULL;
    struct stat info;
    /* Opening a pipe would wait for its other end. */
    const int file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    FILE *stream = file >= 0 ? fdopen(file, "rb") : NULL;
    if (file >= 0 && !stream) close(file);
    if (!stream || fstat(fileno(stream), &info) != 0) {
        status = clb_fail(CLB_ERROR_IO, "%s: %s cannot be read: %s", path, what, strerror(errno));
        goto cleanup;
    }
    if (!S_ISREG(info.st_mode)) {
        status = clb_fail(CLB_ERROR_IO, "%s: %s is not a regular file", path, what);
        goto cleanup;
    }
    if (info.st_size > limit) {
        status = clb_fail(CLB_ERROR_FORMAT, "%s: %s has %lld bytes, more than the %lld allowed",
                          path, what, (long long)info.st_size, (long long)limit);
        goto cleanup;
    }
    buffer = malloc((size_t)info.st_size + 1);
    if (!buffer) {
        status = clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", path);
        goto cleanup;
    }
    if (fread(buffer, 1, (size_t)info.st_size, stream) != (size_t)info.st_size) {
        status = clb_fail(CLB_ERROR_IO, "%s: %s could not be read completely", path, what);
        goto cleanup;
    }
    buffer[info.st_size] = 0;
    *bytes = buffer;
    *size = (size_t)info.st_size;
    buffer = NULL;
cleanup:
    free(buffer);
    if (stream) fclose(stream);
    return status;
}

enum clb_status base_make_directory(const char *path)
{
    if (!*path) return clb_fail(CLB_ERROR_ARGUMENT, "the name of a directory is empty");
    char *copy = strdup(path);
    if (!copy) return clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", path);
    enum clb_status status = CLB_OK;
    for (char *at = copy + 1; status == CLB_OK; at++) {
        if (*at != '/' && *at != 0) continue;
        char end = *at;
        *at = 0;
        if (mkdir(copy, 0777) != 0 && errno != EEXIST)
            status =
                clb_fail(CLB_ERROR_IO, "%s: directory cannot be made: %s", path, strerror(errno));
        *at = end;
        if (end == 0) break;
    }
    free(copy);
    if (status == CLB_OK && !base_is_directory(path))
        status = clb_fail(CLB_ERROR_IO, "%s: is there, but is not a directory", path);
    return status;
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

/* With one open file: a program may be cleaning up because it can open no more. */
void base_discard_tree(const char *path)
{
    nftw(path, remove_entry, 1, FTW_DEPTH | FTW_PHYS);
}

enum clb_status base_remove_tree(const char *path)
{
    if (nftw(path, remove_entry, 1, FTW_DEPTH | FTW_PHYS) != 0 && errno != ENOENT)
        return clb_fail(CLB_ERROR_IO, "%s: cannot be removed: %s", path, strerror(errno));
    return CLB_OK;
}

enum clb_status base_sync_directory(const char *path)
{
    const int file = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    /* EINVAL: a file system that needs none, or has none. */
    const bool synced = file >= 0 && (fsync(file) == 0 || errno == EINVAL);
    const int error = errno;
    if (file >= 0) close(file);
    return synced ? CLB_OK
                  : clb_fail(CLB_ERROR_IO, "%s: cannot be synced: %s", path, strerror(error));
}

bool base_is_directory(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

bool base_exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0;
}

bool base_file_is_at(int file, const char *path)
{
    struct stat open_one, named;
    return fstat(file, &open_one) == 0 && stat(path, &named) == 0 &&
           open_one.st_dev == named.st_dev && open_one.st_ino == named.st_ino;
}

char *base_parent(const char *path)
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/') length--;
    while (length > 0 && path[length - 1] != '/') length--;
    while (length > 1 && path[length - 1] == '/') length--;
    return length == 0 ? strdup(".") : strndup(path, length);
}
