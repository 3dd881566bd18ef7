#include "text/text_input.h"

#include "base/files.h"
#include "base/log.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unicode/utf8.h>

enum { READ_SIZE = 1 << 18, LINE_LIMIT = 1 << 20 };

struct text_input {
    char **paths;
    int count, at; /* `at`: the file being read */
    struct archive *archive;
    char *buffer; /* read, not yet handed out: [begin, end) */
    size_t begin, end, capacity;
    bool file_ended, in_document;
    int64_t bytes, file_bytes, replaced, file_replaced;
};

/* ---- which files ---- */

static enum clb_status add_path(struct text_input *in, const char *path)
{
    char **more = realloc(in->paths, ((size_t)in->count + 1) * sizeof *more);
    if (!more) return clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", path);
    in->paths = more;
    in->paths[in->count] = strdup(path);
    if (!in->paths[in->count]) return clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", path);
    in->count++;
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

static enum clb_status add_tree(struct text_input *in, const char *path)
{
    if (!base_is_directory(path)) {
        if (base_exists(path)) return add_path(in, path);
        return clb_fail(CLB_ERROR_IO, "%s: no such file or directory", path);
    }
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, visible, by_bytes);
    if (count < 0) return clb_fail(CLB_ERROR_IO, "%s: cannot be read: %s", path, strerror(errno));
    enum clb_status status = CLB_OK;
    for (int i = 0; i < count; i++) {
        char *child = status == CLB_OK ? base_format("%s/%s", path, entries[i]->d_name) : NULL;
        if (child) status = add_tree(in, child);
        free(child);
        free(entries[i]);
    }
    free(entries);
    return status;
}

enum clb_status text_input_open(const char *const *paths, int count, struct text_input **out)
{
    struct text_input *in = calloc(1, sizeof *in);
    if (!in) return clb_fail(CLB_ERROR_MEMORY, "text: out of memory");
    enum clb_status status = CLB_OK;
    in->capacity = LINE_LIMIT + READ_SIZE;
    in->buffer = malloc(in->capacity);
    if (!in->buffer) status = clb_fail(CLB_ERROR_MEMORY, "text: out of memory");
    for (int i = 0; i < count && status == CLB_OK; i++) {
        int before = in->count;
        status = add_tree(in, paths[i]);
        if (status == CLB_OK && in->count == before)
            status = clb_fail(CLB_ERROR_IO, "%s: a directory without files", paths[i]);
    }
    if (status != CLB_OK) {
        text_input_close(in);
        return status;
    }
    *out = in;
    return CLB_OK;
}

void text_input_close(struct text_input *in)
{
    if (!in) return;
    archive_read_free(in->archive);
    for (int i = 0; i < in->count; i++) free(in->paths[i]);
    free(in->paths);
    free(in->buffer);
    free(in);
}

int64_t text_input_bytes(const struct text_input *in)
{
    return in->bytes;
}

int64_t text_input_replaced(const struct text_input *in)
{
    return in->replaced;
}

/* ---- one file ---- */

static enum clb_status archive_failure(struct text_input *in)
{
    const char *why = archive_error_string(in->archive);
    return clb_fail(CLB_ERROR_IO, "%s: cannot be read: %s", in->paths[in->at],
                    why ? why : "unknown error");
}

static enum clb_status open_file(struct text_input *in)
{
    struct archive_entry *entry;
    in->archive = archive_read_new();
    if (!in->archive) return clb_fail(CLB_ERROR_MEMORY, "text: out of memory");
    archive_read_support_filter_all(in->archive);
    archive_read_support_format_raw(in->archive);
    archive_read_support_format_empty(in->archive);
    in->begin = in->end = 0;
    in->file_bytes = in->file_replaced = 0;
    in->file_ended = false;
    if (archive_read_open_filename(in->archive, in->paths[in->at], READ_SIZE) != ARCHIVE_OK)
        return archive_failure(in);
    int code = archive_read_next_header(in->archive, &entry);
    if (code == ARCHIVE_EOF) in->file_ended = true;
    return code == ARCHIVE_OK || code == ARCHIVE_EOF ? CLB_OK : archive_failure(in);
}

static enum clb_status close_file(struct text_input *in)
{
    const char *path = in->paths[in->at];
    archive_read_free(in->archive);
    in->archive = NULL;
    if (in->file_bytes == 0) return clb_fail(CLB_ERROR_IO, "%s: is empty", path);
    if (in->file_replaced > 0)
        base_warn("%s: %" PRId64 " sequences were not UTF-8 and count as U+FFFD", path,
                  in->file_replaced);
    in->at++;
    return CLB_OK;
}

/* Moves what is left to the front and reads more behind it. */
static enum clb_status read_more(struct text_input *in)
{
    memmove(in->buffer, in->buffer + in->begin, in->end - in->begin);
    in->end -= in->begin;
    in->begin = 0;
    ssize_t got = archive_read_data(in->archive, in->buffer + in->end, READ_SIZE);
    if (got < 0) return archive_failure(in);
    if (in->file_bytes == 0 && got >= 3 && memcmp(in->buffer, "\xEF\xBB\xBF", 3) == 0)
        in->begin = 3;
    if (in->file_bytes == 0 && got >= 2 &&
        (memcmp(in->buffer, "\xFF\xFE", 2) == 0 || memcmp(in->buffer, "\xFE\xFF", 2) == 0))
        return clb_fail(CLB_ERROR_FORMAT, "%s: is UTF-16; convert it: iconv -f UTF-16 -t UTF-8",
                        in->paths[in->at]);
    in->end += (size_t)got;
    in->bytes += got;
    in->file_bytes += got;
    in->file_ended = got == 0;
    return CLB_OK;
}

static int64_t count_invalid(const char *line, size_t size)
{
    int64_t invalid = 0;
    for (int32_t i = 0; i < (int32_t)size;) {
        UChar32 c;
        U8_NEXT(line, i, (int32_t)size, c);
        invalid += c < 0;
    }
    return invalid;
}

static bool is_blank(const char *line, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!strchr(" \t\r\f\v", line[i]) || line[i] == 0) return false;
    return true;
}

/* The next line of the file into [*line, *size); false: the file has no more. */
static enum clb_status next_line(struct text_input *in, const char **line, size_t *size,
                                 bool *found)
{
    size_t looked = 0;
    for (;;) {
        char *begin = in->buffer + in->begin;
        size_t left = in->end - in->begin;
        char *end = looked < left ? memchr(begin + looked, '\n', left - looked) : NULL;
        if (end || left >= LINE_LIMIT || (in->file_ended && left > 0)) {
            *line = begin;
            *size = end ? (size_t)(end - begin) : left;
            in->begin += *size + (end ? 1 : 0);
            *found = true;
            return CLB_OK;
        }
        *found = false;
        if (in->file_ended) return CLB_OK;
        looked = left;
        enum clb_status status = read_more(in);
        if (status != CLB_OK) return status;
    }
}

/* ---- all files ---- */

static bool end_document(struct text_input *in, enum text_event *event)
{
    bool was = in->in_document;
    in->in_document = false;
    *event = TEXT_DOCUMENT_END;
    return was;
}

enum clb_status text_input_next(struct text_input *in, enum text_event *event, const char **line,
                                size_t *size)
{
    enum clb_status status = CLB_OK;
    while (in->at < in->count) {
        bool found;
        if (!in->archive) CLB_TRY(open_file(in));
        CLB_TRY(next_line(in, line, size, &found));
        if (found && !is_blank(*line, *size)) {
            int64_t invalid = count_invalid(*line, *size);
            in->file_replaced += invalid;
            in->replaced += invalid;
            in->in_document = true;
            *event = TEXT_LINE;
            return CLB_OK;
        }
        if (!found) CLB_TRY(close_file(in));
        if (end_document(in, event)) return CLB_OK;
    }
    *event = TEXT_END;
cleanup:
    return status;
}
