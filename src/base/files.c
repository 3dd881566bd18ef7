/* SPDX-License-Identifier: Apache-2.0 */
#include "base/files.h"

#include "base/error.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct base_file {
    char *path, *temporary;
    FILE *stream;
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
    free(file->path);
    free(file->temporary);
    free(file);
}

enum clb_status base_file_create(const char *path, struct base_file **out)
{
    struct base_file *file = calloc(1, sizeof *file);
    if (!file) return clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", path);
    file->path = strdup(path);
    file->temporary = base_format("%s.tmp-%ld", path, (long)getpid());
    if (!file->path || !file->temporary) {
        free_file(file);
        return clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", path);
    }
    file->stream = fopen(file->temporary, "wb");
    if (!file->stream) {
        int error = errno;
        free_file(file);
        return clb_fail(CLB_ERROR_IO, "%s: cannot be written: %s", path, strerror(error));
    }
    *out = file;
    return CLB_OK;
}

/* Whether a name ends with ".tmp-PID" of a process that is no more. */
static bool is_left_behind(const char *name)
{
    const char *suffix = strstr(name, ".tmp-");
    char *end;
    if (!suffix) return false;
    const long process = strtol(suffix + 5, &end, 10);
    return *end == 0 && process > 0 && kill((pid_t)process, 0) != 0 && errno == ESRCH;
}

void base_file_sweep(const char *directory)
{
    DIR *stream = opendir(directory);
    for (struct dirent *entry; stream && (entry = readdir(stream));)
        if (is_left_behind(entry->d_name)) unlinkat(dirfd(stream), entry->d_name, 0);
    if (stream) closedir(stream);
}

FILE *base_file_stream(struct base_file *file)
{
    return file->stream;
}

FILE *base_file_reopen(struct base_file *file)
{
    return fopen(file->temporary, "rb");
}

enum clb_status base_file_commit(struct base_file *file)
{
    /* A write may have failed long ago: the stream remembers that it did, not always why. */
    errno = 0;
    bool failed = ferror(file->stream) != 0;
    failed |= fflush(file->stream) != 0 || fsync(fileno(file->stream)) != 0;
    int error = errno;
    if (fclose(file->stream) != 0 && !failed) {
        failed = true;
        error = errno;
    }
    if (!failed && rename(file->temporary, file->path) != 0) {
        failed = true;
        error = errno;
    }
    enum clb_status status = CLB_OK;
    if (failed) {
        unlink(file->temporary);
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
    unlink(file->temporary);
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
    FILE *stream = fopen(path, "rb");
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

enum clb_status base_remove_tree(const char *path)
{
    if (nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS) != 0 && errno != ENOENT)
        return clb_fail(CLB_ERROR_IO, "%s: cannot be removed: %s", path, strerror(errno));
    return CLB_OK;
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
