/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are no text, or cannot be read, or hold no prose: named, counted, passed over. */
#include "base/files.h"
#include "support_devices.h"
#include "support_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct member {
    const char *name, *bytes;
    size_t size;
};

static void pack(const char *name, const struct member *members, int count)
{
    char *path = text_path(name);
    struct archive *a = archive_write_new();
    assert_int_equal(archive_write_set_format(a, ARCHIVE_FORMAT_ZIP), ARCHIVE_OK);
    assert_int_equal(archive_write_open_filename(a, path), ARCHIVE_OK);
    for (int m = 0; m < count; m++)
        text_add_member(a, members[m].name, members[m].bytes, members[m].size);
    assert_int_equal(archive_write_close(a), ARCHIVE_OK);
    archive_write_free(a);
    free(path);
}

static struct clb_text_report report_of(const char *name, char **out)
{
    const char *path = text_path(name);
    const struct clb_texts texts = {.paths = &path, .count = 1};
    struct clb_text_report report;
    *out = text_read(&texts, &report);
    free((char *)path);
    return report;
}

static void make_directory(const char *name)
{
    char *path = text_path(name);
    OK(base_make_directory(path));
    free(path);
}

/* ---- what is no text ---- */

/* A letter with an attachment, as the seventies had it, stays the letter. */
static void test_encoded_text(void **state)
{
    (void)state;
    static const char letter[] = "Dear Budi,\n\nbegin 644 a.txt\n%4V%T=0H\n`\nend\nYours.\n";
    text_write("letter.txt", letter, sizeof letter - 1);
    text_check("letter.txt", "[Dear Budi,]|[begin 644 a.txt][%4V%T=0H][`][end][Yours.]|");
    text_write("begin.txt", letter + 12, sizeof letter - 13);
    text_check("begin.txt", "[begin 644 a.txt][%4V%T=0H][`][end][Yours.]|");
}

static const struct {
    const char *name, *bytes;
    size_t size;
    const char *kind;
} no_texts[] = {
    {"a.pdf", "%PDF-1.4\n1 0 obj\n", 17, "a PDF document"},
    {"a.png", "\x89PNG\r\n\x1A\n\0\0\0\rIHDR", 16, "a PNG image"},
    {"a.jpg", "\xFF\xD8\xFF\xE0JFIF", 8, "a JPEG image"},
    {"a.gif", "GIF89a\1\0\1\0\x80\0\0", 13, "a GIF image"},
    {"program",
     "\x7F"
     "ELF\2\1\1\0\0\0\0",
     11, "a program"},
    {"a.exe", "MZ\x90\0\3\0\0\0\4", 9, "a program"},
    {"a.parquet", "PAR1\x15\0\x15\x9C\1", 9, "a Parquet table"},
    {"a.doc", "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1\0\0", 10, "an old Office document"},
    {"a.rtf", "{\\rtf1\\ansi Saya}", 17, "an RTF document"},
    {"a.7z", "7z\xBC\xAF\x27\x1C\0\4", 8, "a 7-Zip archive"},
    {"a.Z", "\x1F\x9D\x90Satu", 7, "a .Z archive"},
    {"a.bin", "ab\1\2\0\3\4\5\6\7\0\x80\x81", 13, "binary data"},
    {"wide.bin", "S\0a\0y\0a\0 \0a\0", 12, "UTF-16"},
};
enum { NO_TEXTS = sizeof no_texts / sizeof *no_texts };

static void test_no_text(void **state)
{
    (void)state;
    char *out;
    make_directory("mixed");
    for (int i = 0; i < NO_TEXTS; i++) {
        char *below = base_format("mixed/%s", no_texts[i].name);
        text_write(no_texts[i].name, no_texts[i].bytes, no_texts[i].size);
        text_refused(no_texts[i].name, no_texts[i].kind);
        text_write(below, no_texts[i].bytes, no_texts[i].size);
        free(below);
    }
    text_write("mixed/b.txt", "B\n", 2);
    const struct clb_text_report report = report_of("mixed", &out);
    assert_string_equal(out, "[B]|");
    assert_int_equal(report.files, 1);
    assert_int_equal(report.kinds, NO_TEXTS - 1); /* two of them are programs */
    for (int i = 0; i < NO_TEXTS; i++) {
        int64_t files = 0;
        for (int k = 0; k < report.kinds; k++)
            if (strstr(report.skipped[k].name, no_texts[i].kind)) files = report.skipped[k].files;
        assert_int_equal(files, strcmp(no_texts[i].kind, "a program") ? 1 : 2);
    }
    free(out);
}

static void test_members(void **state)
{
    (void)state;
    static const struct member members[] = {{"1.txt", "Satu.\n", 6},
                                            {"2.pdf", "%PDF-1.4\n", 9},
                                            {"3.gz", "\x1F\x8B\x08\0\0", 5},
                                            {"4.txt", "Empat.\n", 7}};
    char *out;
    pack("some.zip", members, 4);
    const struct clb_text_report report = report_of("some.zip", &out);
    assert_string_equal(out, "[Satu.]|[Empat.]|");
    assert_int_equal(report.kinds, 2);
    assert_int_equal(report.files, 2);
    free(out);
}

/* What only begins like something else, or has a zero by accident; what was said to be text. */
static void test_text_after_all(void **state)
{
    (void)state;
    text_write("named.txt", "MZ dan BM.\nOTTO.\n", 17);
    text_check("named.txt", "[MZ dan BM.][OTTO.]|");
    text_write("stray.txt", "Saya \0makan nasi di warung.\n", 28);
    char *out = text_read_named("stray.txt", CLB_TEXT_AUTO);
    assert_memory_equal(out, "[Saya ", 6);
    free(out);
    text_write("a.pdf", "%PDF-1.4\n1 0 obj\n", 17);
    out = text_read_named("a.pdf", CLB_TEXT_PLAIN);
    assert_string_equal(out, "[%PDF-1.4][1 0 obj]|");
    free(out);
}

static void test_office_documents(void **state)
{
    (void)state;
    static const struct member docx[] = {{"word/document.xml", "<w:t>Saya</w:t>\n", 16},
                                         {"[Content_Types].xml", "<Types/>", 8}},
                               odt[] = {{"mimetype", "application/vnd.oasis.opendocument.text", 39},
                                        {"content.xml", "<text:p>Saya</text:p>", 21}};
    char *out;
    make_directory("office");
    pack("office/a.docx", docx, 2);
    pack("office/a.odt", odt, 2);
    text_write("office/b.txt", "B\n", 2);
    const struct clb_text_report report = report_of("office", &out);
    assert_string_equal(out, "[B]|");
    assert_int_equal(report.kinds, 2);
    text_refused("office/a.docx", "an Office document");
    free(out);
}

/* Zeros are the beginning of an empty archive, and of other things. */
static void test_zeros(void **state)
{
    (void)state;
    char zeros[4096] = "";
    text_write("zeros.tar", zeros, sizeof zeros);
    text_refused("zeros.tar", "is empty");
    memcpy(zeros + 2048, "Saya.\n", 6);
    text_write("zeros.bin", zeros, sizeof zeros);
    text_refused("zeros.bin", "binary data");
}

/* ---- what cannot be read ---- */

static void test_skip_unreadable(void **state)
{
    (void)state;
    char *gone = text_path("broken/e.txt"), *tree = text_path("broken"), *out;
    struct clb_texts texts = {.paths = (const char *const *)&tree, .count = 1};
    struct clb_text_report report;
    make_directory("broken");
    text_write("broken/a.txt", "A\n", 2);
    text_write("broken/b.gz", "\x1F\x8B\x08\0\0\0\0\0\0\3\x73", 11);
    text_write("broken/c.jsonl", "{\"text\": \"C\"}\n{\"text\": \n", 24);
    text_write("broken/d.txt", "D\n", 2);
    out = text_read(&texts, NULL);
    assert_non_null(strstr(out, "b.gz: cannot be read"));
    free(out);
    assert_int_equal(symlink("/nonexistent", gone), 0);
    out = text_read(&texts, NULL);
    assert_non_null(strstr(out, "e.txt: cannot be read"));
    free(out);
    texts.skip_unreadable = true;
    out = text_read(&texts, &report);
    assert_string_equal(out, "[A]|[C]|[D]|");
    assert_int_equal(report.unreadable, 3);
    free(out);
    free(gone);
    free(tree);
}

/* ---- what is no prose ---- */

static void check_look(const char *text, enum clb_markup look)
{
    char *out;
    int64_t lines = 0;
    text_write("look.txt", text, strlen(text));
    const struct clb_text_report report = report_of("look.txt", &out);
    for (int m = 0; m < CLB_MARKUPS; m++) lines += report.lines[m];
    if (2 * report.lines[look] <= lines)
        fail_msg("%d of %d: %s", (int)report.lines[look], (int)lines, text);
    free(out);
}

static void test_markup(void **state)
{
    (void)state;
    check_look("<html>\n<head><title>Saya</title>\n</head>\n<p>Budi makan nasi.</p>\n", CLB_TAGS);
    check_look("{{Infobox\n| nama = Budi\n}}\nBudi adalah [[orang]].\n", CLB_TAGS);
    check_look("id,nama,umur,kota\n1,Budi,7,Jakarta\n2,Sari,8,Bandung\n", CLB_ROWS);
    check_look("a\tb\tc\n1\t2\t3\n", CLB_ROWS);
    check_look("#include <stdio.h>\nint main(void)\n{\n    return 0;\n}\n", CLB_CODE);
    check_look("{\n  \"a\": 1,\n  \"b\": {\n    \"c\": 2\n  }\n}\n", CLB_CODE);
    check_look("Saya makan nasi, ikan, dan sayur.\nHarganya 1,000; murah!\nKata <b> saja.\n"
               "\"Apa?\" kata Budi (7).\nDia pergi: ke pasar, ke toko, ke rumah, lalu tidur.\n",
               CLB_PROSE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_encoded_text),     cmocka_unit_test(test_no_text),
        cmocka_unit_test(test_members),          cmocka_unit_test(test_text_after_all),
        cmocka_unit_test(test_office_documents), cmocka_unit_test(test_zeros),
        cmocka_unit_test(test_skip_unreadable),  cmocka_unit_test(test_markup),
    };
    return cmocka_run_group_tests_name("text_kinds", tests, text_begin, text_end);
}
