/* SPDX-License-Identifier: Apache-2.0 */
#include "base/staging.h"

#include "base/error.h"
#include "base/files.h"
#include "base/partial.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COMMITTED ".committed"

struct base_staging {
    char *directory;
    bool made; /* the directory */
    struct base_partial partial;
};

static enum clb_status out_of_memory(const char *where)
{
    return clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", where);
}

static void free_staging(struct base_staging *s)
{
    base_partial_close(&s->partial);
    free(s->directory);
    free(s);
}

/* ---- committing ---- */

static enum clb_status move_file(const char *from, const char *to, const char *name)
{
    char *old_path = base_format("%s/%s", from, name), *new_path = base_format("%s/%s", to, name);
    enum clb_status status = CLB_OK;
    if (!old_path || !new_path)
        status = out_of_memory(to);
    else if (rename(old_path, new_path) != 0 && errno != ENOENT) /* another program moved it */
        status = clb_fail(CLB_ERROR_IO, "%s: cannot be moved to %s: %s", old_path, new_path,
                          strerror(errno));
    free(old_path);
    free(new_path);
    return status;
}

static enum clb_status move_all(const char *committed, const char *directory)
{
    DIR *stream = opendir(committed);
    enum clb_status status = CLB_OK;
    if (!stream)
        return errno == ENOENT || errno == ENOTDIR
                   ? CLB_OK
                   : clb_fail(CLB_ERROR_IO, "%s: cannot be read: %s", committed, strerror(errno));
    for (struct dirent *entry; status == CLB_OK && (entry = readdir(stream));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            status = move_file(committed, directory, entry->d_name);
    closedir(stream);
    if (status == CLB_OK) status = base_sync_directory(directory);
    if (status == CLB_OK && rmdir(committed) != 0 && errno != ENOENT)
        status = clb_fail(CLB_ERROR_IO, "%s: cannot be removed: %s", committed, strerror(errno));
    return status;
}

enum clb_status base_staging_recover(const char *directory)
{
    char *committed = base_format("%s/" COMMITTED, directory);
    enum clb_status status = committed ? move_all(committed, directory) : out_of_memory(directory);
    free(committed);
    return status;
}

/* ---- one staging ---- */

enum clb_status base_staging_create(const char *directory, struct base_staging **out)
{
    struct base_staging *s = calloc(1, sizeof *s);
    char *path = NULL;
    enum clb_status status = CLB_OK;
    if (!s) return out_of_memory(directory);
    s->directory = strdup(directory);
    path = base_format("%s/new", directory);
    if (!s->directory || !path) {
        status = out_of_memory(directory);
        goto cleanup;
    }
    s->made = !base_exists(directory);
    CLB_TRY(base_make_directory(directory));
    base_partial_sweep(directory);
    CLB_TRY(base_partial_directory(path, &s->partial));
    *out = s;
    s = NULL;
cleanup:
    base_staging_abandon(s);
    free(path);
    return status;
}

const char *base_staging_path(const struct base_staging *s)
{
    return s->partial.path;
}

enum clb_status base_staging_commit(struct base_staging *s)
{
    char *committed = base_format("%s/" COMMITTED, s->directory);
    enum clb_status status = committed ? CLB_OK : out_of_memory(s->directory);
    if (status == CLB_OK) status = base_staging_recover(s->directory);
    if (status == CLB_OK) status = base_sync_directory(s->partial.path);
    if (status == CLB_OK && rename(s->partial.path, committed) != 0)
        status =
            clb_fail(CLB_ERROR_IO, "%s: cannot be renamed: %s", s->partial.path, strerror(errno));
    if (status != CLB_OK) {
        free(committed);
        base_staging_abandon(s);
        return status;
    }
    status = base_sync_directory(s->directory);
    if (status == CLB_OK) status = move_all(committed, s->directory);
    free(committed);
    free_staging(s);
    return status;
}

void base_staging_abandon(struct base_staging *s)
{
    if (!s) return;
    if (s->partial.path) {
        close(s->partial.file);
        s->partial.file = -1;
        base_discard_tree(s->partial.path);
    }
    if (s->made) rmdir(s->directory);
    free_staging(s);
}
