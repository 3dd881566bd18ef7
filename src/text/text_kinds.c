/* SPDX-License-Identifier: Apache-2.0 */
#include "text/text_kinds.h"

#include "base/error.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unicode/utf8.h>

enum { EVERY_LINE = 1 << 12, LINE_SAMPLE = 16 };

/* ---- files ---- */

/* How a kind of file begins. Where that could also be the beginning of a text, it counts only if
 * there are NUL bytes, too. */
static const struct magic {
    const char *name;
    int at, size;
    const char *bytes;
    bool sure;
} magics[] = {
    {"a PDF document", 0, 5, "%PDF-", true},
    {"a PostScript document", 0, 4, "%!PS", true},
    {"an RTF document", 0, 5, "{\\rtf", true},
    {"an old Office document", 0, 8, "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", true},
    {"a PNG image", 0, 4, "\x89PNG", true},
    {"a JPEG image", 0, 3, "\xFF\xD8\xFF", true},
    {"a GIF image", 0, 4, "GIF8", false},
    {"a TIFF image", 0, 4, "II*\0", true},
    {"a TIFF image", 0, 4, "MM\0*", true},
    {"a WebP image", 8, 4, "WEBP", false},
    {"a BMP image", 0, 2, "BM", false},
    {"a DjVu document", 0, 8, "AT&TFORM", true},
    {"sound or video", 0, 4, "RIFF", false},
    {"sound or video", 4, 4, "ftyp", false},
    {"sound or video", 0, 4, "OggS", false},
    {"sound or video", 0, 4, "fLaC", false},
    {"sound or video", 0, 3, "ID3", false},
    {"sound or video", 0, 4, "\x1A\x45\xDF\xA3", true},
    {"a program", 0, 4,
     "\x7F"
     "ELF",
     true},
    {"a program", 0, 4, "\xCF\xFA\xED\xFE", true},
    {"a program", 0, 4, "\xCA\xFE\xBA\xBE", true},
    {"a program", 0, 4, "\0asm", true},
    {"a program", 0, 2, "MZ", false},
    {"a Python program, compiled", 2, 2, "\r\n", false},
    {"a static library", 0, 8, "!<arch>\n", true},
    {"a Parquet table", 0, 4, "PAR1", false},
    {"an Arrow table", 0, 6, "ARROW1", false},
    {"an ORC table", 0, 3, "ORC", false},
    {"an Avro table", 0, 4, "Obj\x01", true},
    {"an SQLite database", 0, 15, "SQLite format 3", false},
    {"an HDF5 file", 0, 4, "\x89HDF", true},
    {"a NumPy array", 0, 6, "\x93NUMPY", true},
    {"a GGUF model", 0, 4, "GGUF", false},
    {"a font", 0, 4, "OTTO", false},
    {"a font", 0, 4, "wOFF", false},
    {"a font", 0, 5, "\0\1\0\0\0", true},
    {"gzip inside an archive", 0, 3, "\x1F\x8B\x08", true},
    {"bzip2 inside an archive", 4, 6, "1AY&SY", true},
    {"xz inside an archive", 0, 6,
     "\xFD"
     "7zXZ\0",
     true},
    {"zstd inside an archive", 0, 4, "\x28\xB5\x2F\xFD", true},
    {"zip inside an archive", 0, 4, "PK\3\4", true},
    {"a 7-Zip archive", 0, 6, "7z\xBC\xAF\x27\x1C", true},
    {"a RAR archive", 0, 4, "Rar!", false},
    {"a .Z archive", 0, 2, "\x1F\x9D", true},
    {"an lzip archive", 0, 4, "LZIP", false},
    {"an RPM package", 0, 4, "\xED\xAB\xEE\xDB", true},
    {"a cabinet archive", 0, 4, "MSCF", false},
};

/* Bytes by what they say: zeros (in even and odd places), and others that no text has. */
struct census {
    size_t zeros[2], strange;
};

static struct census take_census(const char *bytes, size_t size)
{
    struct census c = {{0, 0}, 0};
    for (int32_t i = 0; i < (int32_t)size;) {
        const int32_t at = i;
        UChar32 code;
        U8_NEXT(bytes, i, (int32_t)size, code);
        if (code == 0)
            c.zeros[at % 2]++;
        else if (code < 8 || (code > '\r' && code < ' ' && code != 27) || code == 127)
            c.strange++; /* also what is not UTF-8 */
    }
    return c;
}

/* A stray zero in a text is dropped from it. Many of them, or some among other bytes that no text
 * has, are something else. */
static const char *kind_of_zeros(const char *bytes, size_t size)
{
    const struct census c = take_census(bytes, size);
    const size_t zeros = c.zeros[0] + c.zeros[1], many = size / 5;
    if (zeros <= size / 10 && c.strange <= size / 100) return NULL;
    if (c.strange == 0 &&
        ((c.zeros[0] == 0 && c.zeros[1] > many) || (c.zeros[1] == 0 && c.zeros[0] > many)))
        return "UTF-16 (iconv -f UTF-16 -t UTF-8)";
    return "binary data (NUL bytes)";
}

const char *text_kind_of(const char *bytes, size_t size)
{
    const bool zeros = memchr(bytes, 0, size) != NULL;
    for (size_t i = 0; i < sizeof magics / sizeof *magics; i++) {
        const struct magic *m = &magics[i];
        if ((m->sure || zeros) && size >= (size_t)(m->at + m->size) &&
            memcmp(bytes + m->at, m->bytes, (size_t)m->size) == 0)
            return m->name;
    }
    return zeros ? kind_of_zeros(bytes, size) : NULL;
}

const char *text_kind_of_member(const char *name, bool first)
{
    if (strcmp(name, "[Content_Types].xml") == 0) return "an Office document (docx, xlsx, pptx)";
    if (first && strcmp(name, "mimetype") == 0) return "an OpenDocument or EPUB document";
    if (strcmp(name, "META-INF/MANIFEST.MF") == 0) return "a Java archive";
    return NULL;
}

void text_report_skip(struct clb_text_report *r, const char *name)
{
    int k = 0;
    while (k < r->kinds && strcmp(r->skipped[k].name, name) != 0) k++;
    if (k == CLB_TEXT_KINDS) k--; /* there are not so many */
    if (k == r->kinds) r->skipped[r->kinds++].name = name;
    r->skipped[k].files++;
}

enum clb_status text_report_nothing(const struct clb_text_report *r, const char *where,
                                    const char *what)
{
    char skipped[512] = "";
    size_t used = 0;
    for (int k = 0; k < r->kinds && used < sizeof skipped; k++)
        used +=
            (size_t)snprintf(skipped + used, sizeof skipped - used, "%s%s (%" PRId64 ")",
                             k ? ", " : "; passed over: ", r->skipped[k].name, r->skipped[k].files);
    return clb_fail(CLB_ERROR_FORMAT, "%s: no %s in it%s", where, what, skipped);
}

/* ---- lines ---- */

static bool begins(const char *line, size_t size, const char *with)
{
    return size >= strlen(with) && memcmp(line, with, strlen(with)) == 0;
}

static bool ends(const char *line, size_t size, const char *with)
{
    return size >= strlen(with) && memcmp(line + size - strlen(with), with, strlen(with)) == 0;
}

static bool holds(const char *line, size_t size, const char *what)
{
    return memmem(line, size, what, strlen(what)) != NULL;
}

static bool is_tagged(const char *line, size_t size)
{
    return (line[0] == '<' && memchr(line, '>', size)) || line[size - 1] == '>' ||
           holds(line, size, "</") || holds(line, size, "[[") || begins(line, size, "{{") ||
           begins(line, size, "}}") || (line[0] == '|' && holds(line, size, "="));
}

/* Fields one behind the other: prose has a blank behind most of its commas. */
static bool is_row(const char *line, size_t size)
{
    static const char separators[] = "\t,;|";
    for (const char *s = separators; *s; s++) {
        const int least = *s == '\t' ? 2 : 3;
        int tight = 0, loose = 0;
        for (size_t i = 0; i + 1 < size; i++)
            if (line[i] == *s) *(line[i + 1] == ' ' ? &loose : &tight) += 1;
        if (tight >= least && tight > 2 * loose) return true;
    }
    return false;
}

static bool is_code(const char *line, size_t size)
{
    static const char *const beginnings[] = {
        "//", "/*", "#include", "#define", "import ", "from ", "def ", "return", "@", "}", "{"};
    static const char *const endings[] = {";", "{", "}", "},", ");", "):", "],", "\\", "\","};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (ends(line, size, endings[i])) return true;
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++)
        if (begins(line, size, beginnings[i]))
            return strcmp(beginnings[i], "from ") != 0 || holds(line, size, " import ");
    return false;
}

static bool is_white(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

enum clb_markup text_markup_of(const char *line, size_t size)
{
    enum { MOST = 1 << 12 }; /* bytes looked at */
    while (size > 0 && is_white(line[0])) line++, size--;
    while (size > 0 && is_white(line[size - 1])) size--;
    if (size > MOST) size = MOST;
    if (size == 0) return CLB_PROSE;
    if (is_tagged(line, size)) return CLB_TAGS;
    if (is_row(line, size)) return CLB_ROWS;
    return is_code(line, size) ? CLB_CODE : CLB_PROSE;
}

void text_report_line(struct clb_text_report *report, int64_t number, const char *line, size_t size)
{
    const bool all = number < EVERY_LINE;
    if (all || number % LINE_SAMPLE == 0)
        report->lines[text_markup_of(line, size)] += all ? 1 : LINE_SAMPLE;
}
