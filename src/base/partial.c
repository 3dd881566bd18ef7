/* SPDX-License-Identifier: Apache-2.0 */
#include "base/partial.h"

#include "base/error.h"
#include "base/files.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MARK ".tmp-"

enum { RANDOM_DIGITS = 16, DAY = 24 * 60 * 60 };

/* ---- names ---- */

static void host_name(char host[64])
{
    memset(host, 0, 64);
    if (gethostname(host, 63) != 0 || !host[0]) memcpy(host, "host", sizeof "host");
    for (char *c = host; *c; c++)
        if (!isalnum((unsigned char)*c)) *c = '-';
}

char *base_partial_name(const char *path)
{
    char host[64];
    uint64_t random = 0;
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/') length--;
    host_name(host);
    if (getrandom(&random, sizeof random, GRND_NONBLOCK) != sizeof random)
        random = (uint64_t)getpid() ^ (uint64_t)time(NULL) << 24 ^ (uint64_t)(uintptr_t)&random;
    return base_format("%.*s" MARK "%s-%016" PRIx64, (int)length, path, host, random);
}

/* Whether a name is of that kind, and of this host; before 0.2, with a process's number behind the
 * mark, of nobody's. */
static bool is_partial(const char *name, bool *ours)
{
    const char *mark = NULL;
    char host[64];
    for (const char *at = name; (at = strstr(at, MARK)); at++) mark = at + strlen(MARK);
    if (!mark) return false;
    *ours = false;
    const char *random = strrchr(mark, '-');
    if (!random) return *mark && strspn(mark, "0123456789") == strlen(mark);
    host_name(host);
    *ours = (size_t)(random - mark) == strlen(host) && !strncmp(mark, host, strlen(host));
    return strspn(random + 1, "0123456789abcdef") == RANDOM_DIGITS &&
           strlen(random + 1) == RANDOM_DIGITS;
}

/* ---- making one ---- */

static int make_file(const char *path)
{
    return open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
}

static int make_directory(const char *path)
{
    return mkdir(path, 0777) == 0 ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
}

static enum clb_status make(const char *path, int (*make_one)(const char *path),
                            struct base_partial *partial)
{
    for (int attempt = 0; attempt < 100; attempt++) {
        char *name = base_partial_name(path);
        if (!name) return clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", path);
        errno = 0;
        const int file = make_one(name);
        const int error = errno;
        if (file >= 0) {
            flock(file, LOCK_EX | LOCK_NB); /* without it, age alone protects */
            /* A sweep may have come between making and locking. */
            if (base_file_is_at(file, name)) {
                *partial = (struct base_partial){.path = name, .file = file};
                return CLB_OK;
            }
            close(file);
        } else if (make_one == make_directory) {
            rmdir(name);
        }
        free(name);
        if (file < 0 && error != EEXIST)
            return clb_fail(CLB_ERROR_IO, "%s: cannot be written: %s", path, strerror(error));
    }
    return clb_fail(CLB_ERROR_IO, "%s: cannot be written: no name is free", path);
}

enum clb_status base_partial_file(const char *path, struct base_partial *partial)
{
    return make(path, make_file, partial);
}

enum clb_status base_partial_directory(const char *path, struct base_partial *partial)
{
    return make(path, make_directory, partial);
}

void base_partial_close(struct base_partial *partial)
{
    if (!partial->path) return;
    if (partial->file >= 0) close(partial->file);
    free(partial->path);
    *partial = (struct base_partial){.file = -1};
}

/* ---- sweeping ---- */

static bool is_left_behind(int directory, const char *name, bool ours)
{
    struct stat info;
    const int file = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (file < 0) return false;
    const bool locked = flock(file, LOCK_EX | LOCK_NB) != 0;
    const bool told = !locked || errno == EWOULDBLOCK; /* some file systems have no locks */
    const bool old = fstat(file, &info) == 0 && time(NULL) - info.st_mtime > DAY;
    close(file);
    return told ? !locked && (ours || old) : old;
}

void base_partial_sweep(const char *directory)
{
    DIR *stream = opendir(directory);
    bool ours;
    for (struct dirent *entry; stream && (entry = readdir(stream));) {
        if (!is_partial(entry->d_name, &ours) ||
            !is_left_behind(dirfd(stream), entry->d_name, ours))
            continue;
        char *path = base_format("%s/%s", directory, entry->d_name);
        if (path) base_discard_tree(path);
        free(path);
    }
    if (stream) closedir(stream);
}
