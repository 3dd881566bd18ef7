/* SPDX-License-Identifier: Apache-2.0 */
/* Text from every kind of file: the same lines and documents, whatever it is packed in. */
#include "support_devices.h"

#include "base/files.h"
#include "text/text_input.h"

#include <archive.h>
#include <archive_entry.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/clbert-test-XXXXXX";
static const char sample[] = "Satu.\nDua.\n\n\n  \nTiga.\r\n";
static const char expected[] = "[Satu.][Dua.]|[Tiga.\r]|";

static char *path_of(const char *name)
{
    char *path = base_format("%s/%s", directory, name);
    assert_non_null(path);
    return path;
}

static void write_file(const char *name, const char *bytes, size_t size)
{
    char *path = path_of(name);
    OK(base_file_write(path, bytes, size));
    free(path);
}

/* Lines in brackets, a bar after a document; "!" and the message after an error. */
static char *read_texts(const struct clb_texts *texts)
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
    if (opened) text_input_close(input);
    fclose(stream);
    return out;
}

static char *read_named(const char *name, enum clb_text_format format)
{
    const char *path = path_of(name);
    const struct clb_texts texts = {.paths = &path, .count = 1, .format = format};
    char *out = read_texts(&texts);
    free((char *)path);
    return out;
}

static void check_named(const char *name, const char *wanted)
{
    char *out = read_named(name, CLB_TEXT_AUTO);
    assert_string_equal(out, wanted);
    free(out);
}

static void check_refused(const char *name, const char *word)
{
    char *out = read_named(name, CLB_TEXT_AUTO);
    const char *message = strchr(out, '!');
    if (!message || !strstr(message, word) || !strstr(message, name))
        fail_msg("%s: %s, not \"%s\"", name, out, word);
    free(out);
}

/* ---- files made by libarchive ---- */

static void add_member(struct archive *a, const char *name, const char *bytes, size_t size)
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

static void pack(const char *name, int format, int filter, int members)
{
    char *path = path_of(name);
    struct archive *a = archive_write_new();
    assert_int_equal(archive_write_add_filter(a, filter), ARCHIVE_OK);
    assert_int_equal(archive_write_set_format(a, format), ARCHIVE_OK);
    assert_int_equal(archive_write_open_filename(a, path), ARCHIVE_OK);
    if (format != ARCHIVE_FORMAT_RAW) add_member(a, "empty-directory", NULL, 0);
    for (int m = 0; m < members; m++) {
        char member[16];
        snprintf(member, sizeof member, "%d.txt", m);
        add_member(a, member, sample, sizeof sample - 1);
    }
    assert_int_equal(archive_write_close(a), ARCHIVE_OK);
    archive_write_free(a);
    free(path);
}

static void test_packed(void **state)
{
    (void)state;
    write_file("plain.txt", sample, sizeof sample - 1);
    check_named("plain.txt", expected);
    static const struct {
        const char *name;
        int filter;
    } filters[] = {{"a.gz", ARCHIVE_FILTER_GZIP},
                   {"a.bz2", ARCHIVE_FILTER_BZIP2},
                   {"a.xz", ARCHIVE_FILTER_XZ},
                   {"a.zst", ARCHIVE_FILTER_ZSTD}};
    for (int i = 0; i < 4; i++) {
        pack(filters[i].name, ARCHIVE_FORMAT_RAW, filters[i].filter, 1);
        check_named(filters[i].name, expected);
    }
    char *twice = base_format("%s%s", expected, expected);
    pack("a.tar", ARCHIVE_FORMAT_TAR, ARCHIVE_FILTER_NONE, 2);
    check_named("a.tar", twice);
    pack("a.tar.zst", ARCHIVE_FORMAT_TAR, ARCHIVE_FILTER_ZSTD, 2);
    check_named("a.tar.zst", twice);
    pack("a.zip", ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE, 2);
    check_named("a.zip", twice);
    free(twice);
    pack("none.tar", ARCHIVE_FORMAT_TAR, ARCHIVE_FILTER_NONE, 0);
    check_refused("none.tar", "is empty");
}

/* ---- which files ---- */

static void test_directories_and_patterns(void **state)
{
    (void)state;
    char *tree = path_of("tree"), *below = path_of("tree/below");
    OK(base_make_directory(tree));
    OK(base_make_directory(below));
    write_file("tree/b.txt", "B\n", 2);
    write_file("tree/a.txt", "A", 1); /* no end of line: still a document of its own */
    write_file("tree/below/c.txt", "C\n", 2);
    write_file("tree/.hidden", "H\n", 2);
    /* What has nothing to read is passed over: an empty file, a pipe, a way round in circles. */
    char *pipe = path_of("tree/pipe"), *circle = path_of("tree/below/circle");
    write_file("tree/_SUCCESS", "", 0);
    assert_int_equal(mkfifo(pipe, 0600), 0);
    assert_int_equal(symlink(tree, circle), 0);
    free(pipe);
    free(circle);
    check_named("tree", "[A]|[B]|[C]|");
    check_named("tree/?.txt", "[A]|[B]|");
    check_refused("tree/*.md", "no such file");
    free(tree);
    free(below);
}

static void test_standard_input(void **state)
{
    (void)state;
    const char *dash = "-";
    const struct clb_texts texts = {.paths = &dash, .count = 1};
    char *path = path_of("plain.txt");
    assert_non_null(freopen(path, "rb", stdin));
    char *out = read_texts(&texts);
    assert_string_equal(out, expected);
    free(out);
    free(path);
}

/* ---- JSON Lines ---- */

static void test_json_lines(void **state)
{
    (void)state;
    static const char lines[] = "{\"id\": 1, \"text\": \"Satu.\\nDua.\\n\\n\\u0054iga\"}\n\n"
                                "{\"text\": \"Empat \xff.\", \"url\": null}\r\n"
                                "{\"text\": \"\"}\n{\"text\": \"Lima\\u0000.\"}";
    write_file("lines.jsonl", lines, sizeof lines - 1);
    char *out = read_named("lines.jsonl", CLB_TEXT_AUTO);
    assert_string_equal(out, "[Satu.][Dua.][Tiga]|[Empat \xEF\xBF\xBD.]|[Lima]|");
    free(out);
    out = read_named("lines.jsonl", CLB_TEXT_PLAIN);
    assert_memory_equal(out, "[{\"id\": 1", 9);
    free(out);
    static const char odd[] = "{\"text\": \"a\\\\ud83d \\ud83d \\uD83D\\ude00 \\ude00\\n\\u00e9\", "
                              "\"id\": 123456789012345678901234567890}\n";
    write_file("odd.jsonl", odd, sizeof odd - 1);
    out = read_named("odd.jsonl", CLB_TEXT_AUTO);
    assert_string_equal(out, "[a\\ud83d \xEF\xBF\xBD \xF0\x9F\x98\x80 \xEF\xBF\xBD][\xC3\xA9]|");
    free(out);
    write_file("brace.txt", "{saya}\n", 7); /* not every brace is JSON */
    check_named("brace.txt", "[{saya}]|");
    write_file("field.jsonl", "{\"text\": \"a\"}\n{\"body\": \"b\"}\n", 28);
    check_refused("field.jsonl", ":2: has no string \"text\"");
    write_file("broken.jsonl", "{\"text\": \"a\"}\n{\"text\": \n", 25);
    check_refused("broken.jsonl", ":2: is not JSON");
}

/* ---- long lines, byte order marks, damaged files ---- */

static void test_long_line(void **state)
{
    (void)state;
    const size_t size = 5 << 20;
    char *text = malloc(size), *path = path_of("long.txt");
    const struct clb_texts texts = {.paths = (const char *const *)&path, .count = 1};
    struct text_input *input;
    enum text_event event;
    const char *line;
    size_t length, total = 0;
    int lines = 0;
    for (size_t i = 0; i < size; i++) text[i] = i % 7 ? 'a' : ' ';
    write_file("long.txt", text, size);
    OK(text_input_open(&texts, &input));
    for (;;) {
        OK(text_input_next(input, &event, &line, &length));
        if (event != TEXT_LINE) break;
        assert_true(length <= 1 << 20);
        total += length;
        lines++;
        if (total < size) assert_int_equal(line[length - 1], ' ');
    }
    assert_int_equal(total, size);
    assert_int_equal(text_input_cut(input), lines - 1);
    text_input_close(input);
    free(text);
    free(path);
}

static void test_marks_and_damage(void **state)
{
    (void)state;
    write_file("mark.txt", "\xEF\xBB\xBFSatu\n", 8);
    check_named("mark.txt", "[Satu]|");
    write_file("wide.txt", "\xFF\xFES\0a\0", 6);
    check_refused("wide.txt", "UTF-16");
    write_file("nothing.txt", "", 0);
    check_refused("nothing.txt", "is empty");
    char *path = path_of("a.xz"), *bytes;
    size_t size;
    OK(base_file_read(path, "text", 1 << 20, &bytes, &size));
    write_file("cut.xz", bytes, size - 20);
    check_refused("cut.xz", "cannot be read");
    free(bytes);
    free(path);
}

static void test_shrinking_file(void **state)
{
    (void)state;
    char *path = path_of("shrinks.txt"), *text = malloc(2 << 20);
    const struct clb_texts texts = {.paths = (const char *const *)&path, .count = 1};
    struct text_input *input;
    enum text_event event;
    const char *line;
    size_t size;
    enum clb_status status;
    for (int i = 0; i < 2 << 20; i++) text[i] = i % 40 == 39 ? '\n' : 'a';
    write_file("shrinks.txt", text, 2 << 20);
    OK(text_input_open(&texts, &input));
    OK(text_input_next(input, &event, &line, &size));
    assert_int_equal(truncate(path, 1 << 20), 0);
    do {
        status = text_input_next(input, &event, &line, &size);
    } while (status == CLB_OK && event != TEXT_END);
    assert_int_equal(status, CLB_ERROR_IO);
    assert_non_null(strstr(clb_error_message(), "shrinks.txt: became shorter"));
    text_input_close(input);
    free(path);
    free(text);
}

/* ---- bombs: much text from a small file, in the memory that any text takes ---- */

/* 256 MB of one line. */
static void write_bomb(const char *path, int filter)
{
    enum { CHUNK = 1 << 20 };
    struct archive *a = archive_write_new();
    struct archive_entry *entry = archive_entry_new();
    char *chunk = malloc(CHUNK);
    memset(chunk, 'a', CHUNK);
    assert_int_equal(archive_write_add_filter(a, filter), ARCHIVE_OK);
    assert_int_equal(archive_write_set_format_raw(a), ARCHIVE_OK);
    assert_int_equal(archive_write_open_filename(a, path), ARCHIVE_OK);
    archive_entry_set_filetype(entry, AE_IFREG);
    assert_int_equal(archive_write_header(a, entry), ARCHIVE_OK);
    for (int i = 0; i < 256; i++) assert_int_equal(archive_write_data(a, chunk, CHUNK), CHUNK);
    assert_int_equal(archive_write_close(a), ARCHIVE_OK);
    archive_write_free(a);
    archive_entry_free(entry);
    free(chunk);
}

static void test_bombs(void **state)
{
    (void)state;
    const int filters[] = {ARCHIVE_FILTER_ZSTD, ARCHIVE_FILTER_GZIP};
    for (int i = 0; i < 2; i++) {
        char *path = path_of("bomb");
        const struct clb_texts texts = {.paths = (const char *const *)&path, .count = 1};
        struct rusage before, after;
        struct text_input *input;
        enum text_event event;
        const char *line;
        size_t size;
        write_bomb(path, filters[i]);
        getrusage(RUSAGE_SELF, &before);
        OK(text_input_open(&texts, &input));
        do {
            OK(text_input_next(input, &event, &line, &size));
        } while (event != TEXT_END);
        getrusage(RUSAGE_SELF, &after);
        assert_int_equal(text_input_bytes(input), 256 << 20);
        assert_int_equal(text_input_cut(input), 255);
        assert_true(after.ru_maxrss - before.ru_maxrss < 32 << 10); /* KiB */
        text_input_close(input);
        free(path);
    }
}

static int make_directory(void **state)
{
    (void)state;
    return mkdtemp(directory) == NULL;
}

static int remove_directory(void **state)
{
    (void)state;
    return base_remove_tree(directory) != CLB_OK;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packed),         cmocka_unit_test(test_directories_and_patterns),
        cmocka_unit_test(test_standard_input), cmocka_unit_test(test_json_lines),
        cmocka_unit_test(test_long_line),      cmocka_unit_test(test_marks_and_damage),
        cmocka_unit_test(test_shrinking_file), cmocka_unit_test(test_bombs),
    };
    return cmocka_run_group_tests_name("text_input", tests, make_directory, remove_directory);
}
