/* SPDX-License-Identifier: Apache-2.0 */
#include "base/directory.h"

#include "base/error.h"
#include "base/files.h"
#include "base/partial.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

struct base_directory {
    char *path;
    struct base_partial partial;
};

static enum clb_status cannot_be_renamed(const char *path)
{
    return clb_fail(CLB_ERROR_IO, "%s: cannot be renamed: %s", path, strerror(errno));
}

static void free_directory(struct base_directory *d)
{
    base_partial_close(&d->partial);
    free(d->path);
    free(d);
}

enum clb_status base_directory_create(const char *path, struct base_directory **out)
{
    struct base_directory *d = calloc(1, sizeof *d);
    enum clb_status status = CLB_OK;
    if (d) d->path = strdup(path);
    if (!d || !d->path)
        status = clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", path);
    else
        status = base_partial_directory(path, &d->partial);
    if (status == CLB_OK) {
        *out = d;
    } else if (d) {
        free_directory(d);
    }
    return status;
}

const char *base_directory_path(const struct base_directory *d)
{
    return d->partial.path;
}

/* Renames the new one into place. Afterwards *old, malloc'd, is where the one that was there lies;
 * NULL: there was none. */
static enum clb_status put_in_place(const struct base_directory *d, char **old)
{
    const char *new_path = d->partial.path;
    *old = NULL;
    if (!base_exists(d->path))
        return rename(new_path, d->path) == 0 ? CLB_OK : cannot_be_renamed(new_path);
    if (renameat2(AT_FDCWD, new_path, AT_FDCWD, d->path, RENAME_EXCHANGE) == 0) {
        *old = strdup(new_path);
        return CLB_OK;
    }
    *old = base_partial_name(d->path); /* a file system that does not know how to exchange */
    if (!*old) return clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", d->path);
    if (rename(d->path, *old) != 0) return cannot_be_renamed(d->path);
    if (rename(new_path, d->path) == 0) return CLB_OK;
    enum clb_status status = cannot_be_renamed(new_path);
    rename(*old, d->path);
    return status;
}

enum clb_status base_directory_commit(struct base_directory *d)
{
    char *old = NULL, *parent = base_parent(d->path);
    enum clb_status status =
        parent ? CLB_OK : clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", d->path);
    if (status == CLB_OK) status = base_sync_directory(d->partial.path);
    if (status == CLB_OK) status = put_in_place(d, &old);
    if (status == CLB_OK) {
        status = base_sync_directory(parent);
        if (old) base_discard_tree(old); /* what stays of it is swept some day */
        free_directory(d);
    } else {
        base_directory_abandon(d);
    }
    free(parent);
    free(old);
    return status;
}

void base_directory_abandon(struct base_directory *d)
{
    if (!d) return;
    close(d->partial.file);
    d->partial.file = -1;
    base_discard_tree(d->partial.path);
    free_directory(d);
}

enum clb_status base_directory_remove(const char *path)
{
    char *name = base_partial_name(path);
    enum clb_status status = CLB_OK;
    if (!name) return clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", path);
    if (rename(path, name) == 0)
        status = base_remove_tree(name);
    else if (errno != ENOENT)
        status = clb_fail(CLB_ERROR_IO, "%s: cannot be removed: %s", path, strerror(errno));
    free(name);
    return status;
}
