/* SPDX-License-Identifier: Apache-2.0 */
#include "base/lock.h"

#include "base/error.h"
#include "base/files.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

struct base_lock {
    char *path;
    int file;
};

static enum clb_status held_by_another(const char *directory, int file)
{
    char holder[128];
    ssize_t size = pread(file, holder, sizeof holder - 1, 0);
    holder[size > 0 ? size : 0] = 0;
    holder[strcspn(holder, "\n")] = 0;
    return clb_fail(
        CLB_ERROR_ARGUMENT,
        "%s: another program is at work in it (%s): wait for its end, or choose another "
        "directory",
        directory, *holder ? holder : "no more is known");
}

static void write_holder(int file)
{
    char host[64] = "", holder[128];
    gethostname(host, sizeof host - 1);
    int size = snprintf(holder, sizeof holder, "process %ld on %s\n", (long)getpid(), host);
    if (ftruncate(file, 0) == 0 && pwrite(file, holder, (size_t)size, 0) < 0) return;
}

/* Opens and locks; a holder that has just left takes the file with it, so look again. */
static enum clb_status take(const char *directory, struct base_lock *lock)
{
    for (;;) {
        lock->file = open(lock->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (lock->file < 0)
            return clb_fail(CLB_ERROR_IO, "%s: cannot be written: %s", lock->path, strerror(errno));
        if (flock(lock->file, LOCK_EX | LOCK_NB) != 0) {
            if (errno == EWOULDBLOCK) return held_by_another(directory, lock->file);
            base_warn("%s: this file system has no locks (%s): let no other program write here",
                      directory, strerror(errno));
            return CLB_OK;
        }
        if (base_file_is_at(lock->file, lock->path)) break;
        close(lock->file);
    }
    write_holder(lock->file);
    return CLB_OK;
}

enum clb_status base_lock_take(const char *directory, struct base_lock **out)
{
    struct base_lock *lock = calloc(1, sizeof *lock);
    enum clb_status status = CLB_OK;
    *out = NULL;
    if (lock) lock->path = base_format("%s/.lock", directory);
    if (!lock || !lock->path) {
        free(lock);
        return clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", directory);
    }
    CLB_TRY(take(directory, lock));
    *out = lock;
    return CLB_OK;
cleanup:
    if (lock->file >= 0) close(lock->file);
    free(lock->path);
    free(lock);
    return status;
}

void base_lock_release(struct base_lock *lock)
{
    if (!lock) return;
    unlink(lock->path);
    close(lock->file);
    free(lock->path);
    free(lock);
}
