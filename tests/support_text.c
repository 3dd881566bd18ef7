/* SPDX-License-Identifier: Apache-2.0 */
#include "support_text.h"

#include "base/files.h"
#include "support_devices.h"

#include <archive_entry.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/clbert-test-XXXXXX";

int text_begin(void **state)
{
    (void)state;
    return mkdtemp(directory) == NULL;
}

int text_end(void **state)
{
    (void)state;
    return base_remove_tree(directory) != CLB_OK;
}

char *text_path(const char *name)
{
    char *path = base_format("%s/%s", directory, name);
    assert_non_null(path);
    return path;
}

void text_write(const char *name, const char *bytes, size_t size)
{
    char *path = text_path(name);
    OK(base_file_write(path, bytes, size));
    free(path);
}

char *text_read(const struct clb_texts *texts, struct clb_text_report *report)
{
    struct text_input *input;
    enum text_event event = TEXT_LINE;
    char *out = NULL;
    size_t out_size = 0, size;
    const char *line;
    FILE *stream = open_memstream(&out, &out_size);
    enum clb_status status = text_input_open(texts, &input);
    const bool opened = status == CLB_OK;
    while (status == CLB_OK && event != TEXT_END) {
        status = text_input_next(input, &event, &line, &size);
        if (status == CLB_OK && event == TEXT_LINE) fprintf(stream, "[%.*s]", (int)size, line);
        if (status == CLB_OK && event == TEXT_DOCUMENT_END) fputc('|', stream);
    }
    if (status != CLB_OK) fprintf(stream, "!%s", clb_error_message());
    if (opened && report) *report = *text_input_report(input);
    if (opened) text_input_close(input);
    fclose(stream);
    return out;
}

char *text_read_named(const char *name, enum clb_text_format format)
{
    const char *path = text_path(name);
    const struct clb_texts texts = {.paths = &path, .count = 1, .format = format};
    char *out = text_read(&texts, NULL);
    free((char *)path);
    return out;
}

void text_check(const char *name, const char *wanted)
{
    char *out = text_read_named(name, CLB_TEXT_AUTO);
    assert_string_equal(out, wanted);
    free(out);
}

void text_refused(const char *name, const char *word)
{
    char *out = text_read_named(name, CLB_TEXT_AUTO);
    const char *message = strchr(out, '!');
    if (!message || !strstr(message, word) || !strstr(message, name))
        fail_msg("%s: %s, not \"%s\"", name, out, word);
    free(out);
}

void text_add_member(struct archive *a, const char *name, const char *bytes, size_t size)
{
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, bytes ? AE_IFREG : AE_IFDIR);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, (la_int64_t)size);
    assert_int_equal(archive_write_header(a, entry), ARCHIVE_OK);
    if (bytes) assert_int_equal(archive_write_data(a, bytes, size), size);
    archive_entry_free(entry);
}
