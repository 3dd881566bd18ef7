/* SPDX-License-Identifier: Apache-2.0 */
#include "text/text_files.h"

#include "base/error.h"
#include "base/files.h"
#include "base/log.h"

#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static enum clb_status add_path(struct text_files *files, const char *path, bool found)
{
    struct text_file *more = realloc(files->files, ((size_t)files->count + 1) * sizeof *more);
    if (!more) return clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", path);
    files->files = more;
    more[files->count] = (struct text_file){strdup(path), found};
    if (!more[files->count].path) return clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", path);
    files->count++;
    return CLB_OK;
}

static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* What was found while looking and cannot be looked at. */
static enum clb_status not_readable(struct text_files *files, const char *path, bool skip)
{
    enum clb_status status =
        clb_fail(CLB_ERROR_IO, "%s: cannot be read: %s", path, strerror(errno));
    if (!skip || errno == ENOMEM) return status;
    base_warn("%s: it is left out", clb_error_message());
    files->unreadable++;
    return CLB_OK;
}

static enum clb_status add_directory(struct text_files *files, const char *path, bool skip);

/* What lies in a directory. A link to a directory may lead back to where it is. */
static enum clb_status add_entry(struct text_files *files, const char *path, bool skip)
{
    struct stat info;
    if (lstat(path, &info) == 0 && S_ISDIR(info.st_mode)) return add_directory(files, path, skip);
    if (stat(path, &info) != 0) return not_readable(files, path, skip);
    return S_ISREG(info.st_mode) ? add_path(files, path, true) : CLB_OK;
}

static enum clb_status add_directory(struct text_files *files, const char *path, bool skip)
{
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, visible, by_bytes);
    if (count < 0) return not_readable(files, path, skip);
    enum clb_status status = CLB_OK;
    for (int i = 0; i < count; i++) {
        char *child = status == CLB_OK ? base_format("%s/%s", path, entries[i]->d_name) : NULL;
        if (child)
            status = add_entry(files, child, skip);
        else if (status == CLB_OK)
            status = clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", path);
        free(child);
        free(entries[i]);
    }
    free(entries);
    return status;
}

static enum clb_status add_tree(struct text_files *files, const char *path, bool found, bool skip)
{
    return base_is_directory(path) ? add_directory(files, path, skip)
                                   : add_path(files, path, found);
}

static enum clb_status add_pattern(struct text_files *files, const char *pattern, bool skip)
{
    glob_t found;
    enum clb_status status = CLB_OK;
    int code = glob(pattern, 0, NULL, &found);
    if (code == GLOB_NOSPACE) return clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", pattern);
    if (code == GLOB_NOMATCH)
        return clb_fail(CLB_ERROR_IO, "%s: no such file or directory", pattern);
    if (code != 0) return clb_fail(CLB_ERROR_IO, "%s: the pattern cannot be followed", pattern);
    for (size_t i = 0; i < found.gl_pathc; i++)
        CLB_TRY(add_tree(files, found.gl_pathv[i], true, skip));
cleanup:
    globfree(&found);
    return status;
}

enum clb_status text_files_find(const char *const *paths, int count, bool skip,
                                struct text_files *files)
{
    enum clb_status status = CLB_OK;
    *files = (struct text_files){0};
    for (int i = 0; i < count; i++) {
        const int before = files->count, unreadable = files->unreadable;
        if (strcmp(paths[i], "-") == 0)
            CLB_TRY(add_path(files, paths[i], false));
        else if (base_exists(paths[i]))
            CLB_TRY(add_tree(files, paths[i], false, skip));
        else
            CLB_TRY(add_pattern(files, paths[i], skip));
        if (files->count == before && files->unreadable == unreadable)
            CLB_TRY(clb_fail(CLB_ERROR_IO, "%s: a directory without files", paths[i]));
    }
cleanup:
    if (status != CLB_OK) text_files_free(files);
    return status;
}

void text_files_free(struct text_files *files)
{
    for (int i = 0; i < files->count; i++) free(files->files[i].path);
    free(files->files);
    *files = (struct text_files){0};
}
