/* SPDX-License-Identifier: Apache-2.0 */
#include "text/text_source.h"

#include "base/error.h"
#include "base/files.h"
#include "text/text_kinds.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_SIZE = 1 << 18 };

struct text_source {
    struct archive *archive;
    struct archive_entry *entry; /* the archive's own may be missing when memory is short */
    const char *given, *path;    /* the caller's, and what it is called: "standard input" */
    char *name;                  /* of the member */
    int64_t size;                /* of the file when it was opened; -1: not a plain file */
    int64_t members, read;       /* of it, bytes of the member */
    char packing[128];
    bool plain; /* neither compressed nor an archive */
};

static enum clb_status out_of_memory(const char *path)
{
    return clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", path);
}

static enum clb_status archive_failure(struct archive *archive, const char *name)
{
    const char *why = archive_error_string(archive);
    if (archive_errno(archive) == ENOMEM) return out_of_memory(name);
    return clb_fail(CLB_ERROR_IO, "%s: cannot be read: %s", name,
                    why ? why : "it is damaged, or cut short");
}

static enum clb_status failure(const struct text_source *s)
{
    return archive_failure(s->archive, s->name ? s->name : s->path);
}

static bool is_standard_input(const struct text_source *s)
{
    return strcmp(s->given, "-") == 0;
}

/* ---- opening ---- */

/* The compressions that libarchive has built in. Others of its filters find text that was encoded
 * inside a text (uu), or run programs: what they read would not be what is in the file. */
static enum clb_status add_filters(struct archive *archive, const char *name)
{
    static int (*const filters[])(struct archive *) = {
        archive_read_support_filter_gzip, archive_read_support_filter_bzip2,
        archive_read_support_filter_xz,   archive_read_support_filter_lzma,
        archive_read_support_filter_zstd, archive_read_support_filter_lz4};
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) {
        struct archive *trial = archive_read_new();
        const int code = trial ? filters[i](trial) : ARCHIVE_FATAL;
        if (trial) archive_read_free(trial);
        if (code == ARCHIVE_WARN) continue; /* it would run a program */
        if (code != ARCHIVE_OK || filters[i](archive) != ARCHIVE_OK) return out_of_memory(name);
    }
    return CLB_OK;
}

/* libarchive looks for a zip's directory at the end of every file, and does not notice where it
 * cannot come back from there: only what begins like one is given to it so. */
static bool begins_like_zip(const struct text_source *s)
{
    char bytes[4] = "";
    const int file = s->size >= 0 ? open(s->given, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return false;
    const bool read = pread(file, bytes, sizeof bytes, 0) == sizeof bytes;
    close(file);
    return read && memcmp(bytes, "PK", 2) == 0;
}

static enum clb_status add_formats(const struct text_source *s, struct archive *archive,
                                   bool packed)
{
    static int (*const formats[])(struct archive *) = {
        archive_read_support_format_raw, archive_read_support_format_empty,
        archive_read_support_format_tar, archive_read_support_format_zip_streamable,
        archive_read_support_format_zip_seekable};
    const int count = !packed ? 2 : begins_like_zip(s) ? 5 : 4;
    for (int i = 0; i < count; i++)
        if (formats[i](archive) != ARCHIVE_OK) return out_of_memory(s->path);
    return CLB_OK;
}

/* `packed`: members of archives are wanted. */
static enum clb_status open_archive(const struct text_source *s, bool packed, struct archive **out)
{
    struct archive *archive = archive_read_new();
    enum clb_status status = archive ? CLB_OK : out_of_memory(s->path);
    *out = archive;
    if (status == CLB_OK) status = add_filters(archive, s->path);
    if (status == CLB_OK) status = add_formats(s, archive, packed);
    if (status != CLB_OK) return status;
    const int code = is_standard_input(s)
                         ? archive_read_open_fd(archive, STDIN_FILENO, READ_SIZE)
                         : archive_read_open_filename(archive, s->given, READ_SIZE);
    return code == ARCHIVE_OK ? CLB_OK : archive_failure(archive, s->path);
}

enum clb_status text_source_open(const char *path, struct text_source **out)
{
    struct stat info;
    struct text_source *s = calloc(1, sizeof *s);
    if (!s) return out_of_memory(path);
    s->given = path;
    s->path = is_standard_input(s) ? "standard input" : path;
    /* A device or pipe has no size. */
    s->size = !is_standard_input(s) && stat(path, &info) == 0 && S_ISREG(info.st_mode)
                  ? info.st_size
                  : -1;
    s->entry = archive_entry_new();
    enum clb_status status = s->entry ? CLB_OK : out_of_memory(path);
    if (status == CLB_OK) status = open_archive(s, true, &s->archive);
    if (status == CLB_OK)
        *out = s;
    else
        text_source_close(s);
    return status;
}

void text_source_close(struct text_source *s)
{
    if (!s) return;
    if (s->archive) archive_read_free(s->archive);
    archive_entry_free(s->entry);
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

/* ---- members ---- */

static enum clb_status next_header(const struct text_source *s, bool *found)
{
    const int code = archive_read_next_header2(s->archive, s->entry);
    *found = code == ARCHIVE_OK || (code == ARCHIVE_WARN && archive_errno(s->archive) != ENOMEM);
    return *found || code == ARCHIVE_EOF ? CLB_OK : failure(s);
}

static enum clb_status find_other_byte(const struct text_source *s, struct archive *archive,
                                       bool *found)
{
    char bytes[4096];
    la_ssize_t got = archive_read_next_header2(archive, s->entry) == ARCHIVE_OK ? 1 : -1;
    *found = false;
    while (!*found && got > 0) {
        got = archive_read_data(archive, bytes, sizeof bytes);
        for (la_ssize_t i = 0; i < got; i++) *found |= bytes[i] != 0;
    }
    return got < 0 ? archive_failure(archive, s->path) : CLB_OK;
}

/* An archive without members is nothing but zeros; so are the first 512 bytes of some other files,
 * which are then read as they are. */
static enum clb_status leave_empty_tar(struct text_source *s, bool *found)
{
    struct archive *other = NULL;
    bool other_byte;
    enum clb_status status;
    if (s->size < 0)
        return clb_fail(CLB_ERROR_FORMAT, "%s: begins with zeros: no text, or an empty .tar",
                        s->path);
    CLB_TRY(open_archive(s, false, &other));
    CLB_TRY(find_other_byte(s, other, &other_byte));
    if (!other_byte) goto cleanup;
    archive_read_free(s->archive);
    s->archive = NULL;
    CLB_TRY(open_archive(s, false, &s->archive));
    CLB_TRY(next_header(s, found));
cleanup:
    if (other) archive_read_free(other);
    return status;
}

static bool is_tar(const struct text_source *s)
{
    return (archive_format(s->archive) & ARCHIVE_FORMAT_BASE_MASK) == ARCHIVE_FORMAT_TAR;
}

enum clb_status text_source_next(struct text_source *s, bool *found)
{
    enum clb_status status;
    do {
        CLB_TRY(next_header(s, found));
        if (!*found && s->members == 0 && is_tar(s)) CLB_TRY(leave_empty_tar(s, found));
        if (!*found) goto cleanup;
        s->members++;
    } while (is_archive(s) && archive_entry_filetype(s->entry) != AE_IFREG);
    s->read = 0;
    s->plain = !is_archive(s) && archive_filter_code(s->archive, 0) == ARCHIVE_FILTER_NONE;
    free(s->name);
    const char *member = archive_entry_pathname(s->entry);
    s->name =
        is_archive(s) ? base_format("%s: %s", s->path, member ? member : "?") : strdup(s->path);
    if (!s->name) status = out_of_memory(s->path);
cleanup:
    return status;
}

bool text_source_is_archive(const struct text_source *s)
{
    return is_archive(s);
}

/* By the names of all its members, where the file can be read once more; else of the first. */
enum clb_status text_source_kind(const struct text_source *s, const char **kind)
{
    struct archive *list = NULL;
    struct archive_entry *entry = NULL;
    enum clb_status status = CLB_OK;
    const int format = archive_format(s->archive) & ARCHIVE_FORMAT_BASE_MASK;
    *kind = NULL;
    if (format != ARCHIVE_FORMAT_ZIP) return CLB_OK;
    if (s->size < 0) {
        *kind = text_kind_of_member(s->name + strlen(s->path) + 2, true);
        return CLB_OK;
    }
    entry = archive_entry_new();
    if (!entry) CLB_TRY(out_of_memory(s->path));
    CLB_TRY(open_archive(s, true, &list));
    int code = ARCHIVE_OK;
    for (bool first = true; !*kind; first = false) {
        code = archive_read_next_header2(list, entry);
        if (code != ARCHIVE_OK && code != ARCHIVE_WARN) break; /* reading will find it, too */
        const char *name = archive_entry_pathname(entry);
        if (name) *kind = text_kind_of_member(name, first);
    }
    if (code != ARCHIVE_OK && archive_errno(list) == ENOMEM) status = out_of_memory(s->path);
cleanup:
    if (list) archive_read_free(list);
    archive_entry_free(entry);
    return status;
}

enum clb_status text_source_read(struct text_source *s, void *to, size_t size, size_t *got)
{
    const ssize_t bytes = archive_read_data(s->archive, to, size < READ_SIZE ? size : READ_SIZE);
    if (bytes < 0) return failure(s);
    *got = (size_t)bytes;
    s->read += bytes;
    if (bytes == 0 && s->plain && s->read < s->size)
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
