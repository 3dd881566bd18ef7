/* SPDX-License-Identifier: Apache-2.0 */
/* Text from every kind of file: the same lines and documents, whatever it is packed in. */
#include "support_devices.h"
#include "support_text.h"

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

static const char sample[] = "Satu.\nDua.\n\n\n  \nTiga.\r\n";
static const char expected[] = "[Satu.][Dua.]|[Tiga.\r]|";

/* ---- files made by libarchive ---- */

static void pack(const char *name, int format, int filter, int members)
{
    char *path = text_path(name);
    struct archive *a = archive_write_new();
    assert_int_equal(archive_write_add_filter(a, filter), ARCHIVE_OK);
    assert_int_equal(archive_write_set_format(a, format), ARCHIVE_OK);
    assert_int_equal(archive_write_open_filename(a, path), ARCHIVE_OK);
    if (format != ARCHIVE_FORMAT_RAW) text_add_member(a, "empty-directory", NULL, 0);
    for (int m = 0; m < members; m++) {
        char member[16];
        snprintf(member, sizeof member, "%d.txt", m);
        text_add_member(a, member, sample, sizeof sample - 1);
    }
    assert_int_equal(archive_write_close(a), ARCHIVE_OK);
    archive_write_free(a);
    free(path);
}

static void test_packed(void **state)
{
    (void)state;
    text_write("plain.txt", sample, sizeof sample - 1);
    text_check("plain.txt", expected);
    static const struct {
        const char *name;
        int filter;
    } filters[] = {{"a.gz", ARCHIVE_FILTER_GZIP}, {"a.bz2", ARCHIVE_FILTER_BZIP2},
                   {"a.xz", ARCHIVE_FILTER_XZ},   {"a.lzma", ARCHIVE_FILTER_LZMA},
                   {"a.lz4", ARCHIVE_FILTER_LZ4}, {"a.zst", ARCHIVE_FILTER_ZSTD}};
    for (int i = 0; i < 6; i++) {
        pack(filters[i].name, ARCHIVE_FORMAT_RAW, filters[i].filter, 1);
        text_check(filters[i].name, expected);
    }
    char *twice = base_format("%s%s", expected, expected);
    pack("a.tar", ARCHIVE_FORMAT_TAR, ARCHIVE_FILTER_NONE, 2);
    text_check("a.tar", twice);
    pack("a.tar.zst", ARCHIVE_FORMAT_TAR, ARCHIVE_FILTER_ZSTD, 2);
    text_check("a.tar.zst", twice);
    pack("a.zip", ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE, 2);
    text_check("a.zip", twice);
    free(twice);
    pack("none.tar", ARCHIVE_FORMAT_TAR, ARCHIVE_FILTER_NONE, 0);
    text_refused("none.tar", "is empty");
}

/* ---- which files ---- */

static void test_directories_and_patterns(void **state)
{
    (void)state;
    char *tree = text_path("tree"), *below = text_path("tree/below");
    OK(base_make_directory(tree));
    OK(base_make_directory(below));
    text_write("tree/b.txt", "B\n", 2);
    text_write("tree/a.txt", "A", 1); /* no end of line: still a document of its own */
    text_write("tree/below/c.txt", "C\n", 2);
    text_write("tree/.hidden", "H\n", 2);
    /* What has nothing to read is passed over: an empty file, a pipe, a way round in circles. */
    char *pipe = text_path("tree/pipe"), *circle = text_path("tree/below/circle");
    text_write("tree/_SUCCESS", "", 0);
    assert_int_equal(mkfifo(pipe, 0600), 0);
    assert_int_equal(symlink(tree, circle), 0);
    free(pipe);
    free(circle);
    text_check("tree", "[A]|[B]|[C]|");
    text_check("tree/?.txt", "[A]|[B]|");
    text_refused("tree/*.md", "no such file");
    free(tree);
    free(below);
}

static void test_standard_input(void **state)
{
    (void)state;
    const char *dash = "-";
    const struct clb_texts texts = {.paths = &dash, .count = 1};
    char *path = text_path("plain.txt");
    assert_non_null(freopen(path, "rb", stdin));
    char *out = text_read(&texts, NULL);
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
    text_write("lines.jsonl", lines, sizeof lines - 1);
    char *out = text_read_named("lines.jsonl", CLB_TEXT_AUTO);
    assert_string_equal(out, "[Satu.][Dua.][Tiga]|[Empat \xEF\xBF\xBD.]|[Lima]|");
    free(out);
    out = text_read_named("lines.jsonl", CLB_TEXT_PLAIN);
    assert_memory_equal(out, "[{\"id\": 1", 9);
    free(out);
    static const char odd[] = "{\"text\": \"a\\\\ud83d \\ud83d \\uD83D\\ude00 \\ude00\\n\\u00e9\", "
                              "\"id\": 123456789012345678901234567890}\n";
    text_write("odd.jsonl", odd, sizeof odd - 1);
    out = text_read_named("odd.jsonl", CLB_TEXT_AUTO);
    assert_string_equal(out, "[a\\ud83d \xEF\xBF\xBD \xF0\x9F\x98\x80 \xEF\xBF\xBD][\xC3\xA9]|");
    free(out);
    /* A named field means JSON Lines, whatever a file begins with. */
    const char *path = text_path("field.jsonl");
    const struct clb_texts texts = {.paths = &path, .count = 1, .json_field = "body"};
    text_write("field.jsonl", "{\"text\": \"a\"}\n{\"body\": \"b\"}\n", 28);
    out = text_read(&texts, NULL);
    assert_non_null(strstr(out, "field.jsonl:1: has no string \"body\""));
    free(out);
    text_write("field.jsonl", "Saya.\n", 6);
    out = text_read(&texts, NULL);
    assert_non_null(strstr(out, "field.jsonl:1: is not JSON"));
    free(out);
    free((char *)path);
    text_write("brace.txt", "{saya}\n", 7); /* not every brace is JSON */
    text_check("brace.txt", "[{saya}]|");
    text_write("field.jsonl", "{\"text\": \"a\"}\n{\"body\": \"b\"}\n", 28);
    text_refused("field.jsonl", ":2: has no string \"text\"");
    text_write("broken.jsonl", "{\"text\": \"a\"}\n{\"text\": \n", 25);
    text_refused("broken.jsonl", ":2: is not JSON");
}

/* ---- long lines, byte order marks, damaged files ---- */

static void test_long_line(void **state)
{
    (void)state;
    const size_t size = 5 << 20;
    char *text = malloc(size), *path = text_path("long.txt");
    const struct clb_texts texts = {.paths = (const char *const *)&path, .count = 1};
    struct text_input *input;
    enum text_event event;
    const char *line;
    size_t length, total = 0;
    int lines = 0;
    for (size_t i = 0; i < size; i++) text[i] = i % 7 ? 'a' : ' ';
    text_write("long.txt", text, size);
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
    text_write("mark.txt", "\xEF\xBB\xBFSatu\n", 8);
    text_check("mark.txt", "[Satu]|");
    text_write("wide.txt", "\xFF\xFES\0a\0", 6);
    text_refused("wide.txt", "UTF-16");
    text_write("nothing.txt", "", 0);
    text_refused("nothing.txt", "is empty");
    char *path = text_path("a.xz"), *bytes;
    size_t size;
    OK(base_file_read(path, "text", 1 << 20, &bytes, &size));
    text_write("cut.xz", bytes, size - 20);
    text_refused("cut.xz", "cannot be read");
    free(bytes);
    free(path);
}

static void test_shrinking_file(void **state)
{
    (void)state;
    char *path = text_path("shrinks.txt"), *text = malloc(2 << 20);
    const struct clb_texts texts = {.paths = (const char *const *)&path, .count = 1};
    struct text_input *input;
    enum text_event event;
    const char *line;
    size_t size;
    enum clb_status status;
    for (int i = 0; i < 2 << 20; i++) text[i] = i % 40 == 39 ? '\n' : 'a';
    text_write("shrinks.txt", text, 2 << 20);
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
        char *path = text_path("bomb");
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packed),         cmocka_unit_test(test_directories_and_patterns),
        cmocka_unit_test(test_standard_input), cmocka_unit_test(test_json_lines),
        cmocka_unit_test(test_long_line),      cmocka_unit_test(test_marks_and_damage),
        cmocka_unit_test(test_shrinking_file), cmocka_unit_test(test_bombs),
    };
    return cmocka_run_group_tests_name("text_input", tests, text_begin, text_end);
}
