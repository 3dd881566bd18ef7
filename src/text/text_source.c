/* SPDX-License-Identifier: Apache-2.0 */
#include "text/text_source.h"

#include "base/error.h"
#include "base/files.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_SIZE = 1 << 18 };

struct text_source {
    struct archive *archive;
    const char *path; /* the caller's, or "standard input" */
    char *name;       /* of the member */
    int64_t size;     /* of the file when it was opened; -1: not a plain file */
    char packing[128];
    bool plain; /* neither compressed nor an archive */
};

static enum clb_status failure(const struct text_source *s)
{
    const char *why = archive_error_string(s->archive);
    return clb_fail(CLB_ERROR_IO, "%s: cannot be read: %s", s->name ? s->name : s->path,
                    why ? why : "unknown error");
}

enum clb_status text_source_open(const char *path, struct text_source **out)
{
    const bool standard_input = strcmp(path, "-") == 0;
    struct stat info;
    struct text_source *s = calloc(1, sizeof *s);
    if (s) s->archive = archive_read_new();
    if (!s || !s->archive) {
        free(s);
        return clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", path);
    }
    s->path = standard_input ? "standard input" : path;
    /* A device or pipe has no size. */
    s->size =
        !standard_input && stat(path, &info) == 0 && S_ISREG(info.st_mode) ? info.st_size : -1;
    archive_read_support_filter_all(s->archive);
    archive_read_support_format_raw(s->archive);
    archive_read_support_format_empty(s->archive);
    archive_read_support_format_tar(s->archive);
    archive_read_support_format_zip(s->archive);
    int code = standard_input ? archive_read_open_fd(s->archive, STDIN_FILENO, READ_SIZE)
                              : archive_read_open_filename(s->archive, path, READ_SIZE);
    if (code != ARCHIVE_OK) {
        enum clb_status status = failure(s);
        text_source_close(s);
        return status;
    }
    *out = s;
    return CLB_OK;
}

void text_source_close(struct text_source *s)
{
    if (!s) return;
    archive_read_free(s->archive);
    free(s->name);
    free(s);
}

const char *text_source_name(const struct text_source *s)
{
    return s->name ? s->name : s->path;
}

static bool is_archive(const struct text_source *s)
{
    const int format = archive_format(s->archive) & ARCHIVE_FORMAT_BASE_MASK;
    return format != ARCHIVE_FORMAT_RAW && format != ARCHIVE_FORMAT_EMPTY;
}

const char *text_source_packing(struct text_source *s)
{
    size_t used = 0;
    s->packing[0] = 0;
    for (int i = 0; archive_filter_code(s->archive, i) > ARCHIVE_FILTER_NONE; i++)
        used += (size_t)snprintf(s->packing + used, sizeof s->packing - used, ", %s",
                                 archive_filter_name(s->archive, i));
    if (is_archive(s))
        snprintf(s->packing + used, sizeof s->packing - used, ", in %s",
                 archive_format_name(s->archive));
    return s->packing;
}

enum clb_status text_source_next(struct text_source *s, bool *found)
{
    struct archive_entry *entry;
    int code;
    *found = false;
    do {
        code = archive_read_next_header(s->archive, &entry);
        if (code == ARCHIVE_EOF) return CLB_OK;
        if (code != ARCHIVE_OK && code != ARCHIVE_WARN) return failure(s);
    } while (is_archive(s) && archive_entry_filetype(entry) != AE_IFREG);
    s->plain = !is_archive(s) && archive_filter_code(s->archive, 0) == ARCHIVE_FILTER_NONE;
    free(s->name);
    const char *member = archive_entry_pathname(entry);
    s->name =
        is_archive(s) ? base_format("%s: %s", s->path, member ? member : "?") : strdup(s->path);
    if (!s->name) return clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", s->path);
    *found = true;
    return CLB_OK;
}

enum clb_status text_source_read(struct text_source *s, void *to, size_t size, size_t *got)
{
    const ssize_t bytes = archive_read_data(s->archive, to, size < READ_SIZE ? size : READ_SIZE);
    if (bytes < 0) return failure(s);
    *got = (size_t)bytes;
    if (bytes == 0 && s->plain && archive_filter_bytes(s->archive, -1) < s->size)
        return clb_fail(CLB_ERROR_IO, "%s: became shorter while it was read", s->path);
    return CLB_OK;
}

int64_t text_source_position(const struct text_source *s)
{
    return archive_filter_bytes(s->archive, -1);
}

int64_t text_source_size(const struct text_source *s)
{
    return s->size;
}
