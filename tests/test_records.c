/* SPDX-License-Identifier: Apache-2.0 */
/* Labelled examples: the same records from every form of file, and errors that say where. */
#include "support_devices.h"
#include "support_text.h"

#include "base/files.h"
#include "text/records.h"

#include <archive.h>
#include <archive_entry.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- what is read, as text ---- */

/* "PLACE JSON", a line a record, with the place behind the last slash; "!" and the message after an
 * error. malloc'd. */
static char *read_all(const char *const *paths, int count, enum clb_record_format format,
                      enum clb_record_format otherwise)
{
    struct text_records *records = NULL;
    json_t *record = NULL;
    char *out = NULL;
    size_t size;
    FILE *stream = open_memstream(&out, &size);
    enum clb_status status = text_records_open(paths, count, format, otherwise, &records);
    while (status == CLB_OK) {
        status = text_records_next(records, &record);
        if (status != CLB_OK || !record) break;
        const char *where = text_records_where(records), *slash = strrchr(where, '/');
        fprintf(stream, "%s ", slash ? slash + 1 : where);
        json_dumpf(record, stream, JSON_COMPACT);
        fputc('\n', stream);
    }
    if (status != CLB_OK) fprintf(stream, "!%s", clb_error_message());
    text_records_close(records);
    fclose(stream);
    return out;
}

static char *read_named(const char *name, enum clb_record_format format,
                        enum clb_record_format otherwise)
{
    char *path = text_path(name);
    char *out = read_all((const char *const *)&path, 1, format, otherwise);
    free(path);
    return out;
}

static void expect(const char *name, enum clb_record_format otherwise, const char *wanted)
{
    char *out = read_named(name, CLB_RECORDS_AUTO, otherwise);
    assert_string_equal(out, wanted);
    free(out);
}

/* A file of these bytes gives these records. */
static void check_bytes(const char *name, const char *bytes, size_t size, const char *wanted)
{
    text_write(name, bytes, size);
    expect(name, CLB_RECORDS_AUTO, wanted);
}
#define check(name, bytes, wanted) check_bytes(name, bytes, sizeof(bytes) - 1, wanted)

/* A file of these bytes is an error that ends so, behind the file's directory. */
static void refuse_as(const char *name, enum clb_record_format format, const char *bytes,
                      const char *message)
{
    text_write(name, bytes, strlen(bytes));
    char *out = read_named(name, format, CLB_RECORDS_AUTO), *found = strchr(out, '!');
    char *wanted = base_format("/%s", message);
    if (!found || !strstr(found, wanted)) fail_msg("%s: \"%s\", not \"%s\"", name, out, message);
    free(wanted);
    free(out);
}

static void refuse(const char *name, const char *bytes, const char *message)
{
    refuse_as(name, CLB_RECORDS_AUTO, bytes, message);
}

/* ---- tables ---- */

#define ROWS                                                                                       \
    "a.%s:2 {\"id\":\"1\",\"text\":\"Saya\",\"label\":\"ya\"}\n"                                   \
    "a.%s:3 {\"id\":\"2\",\"text\":\"\",\"label\":\"tidak\"}\n"

static void check_rows(const char *ending, const char *bytes)
{
    char *name = base_format("a.%s", ending), *wanted = base_format(ROWS, ending, ending);
    check_bytes(name, bytes, strlen(bytes), wanted);
    free(name);
    free(wanted);
}

static void test_tsv(void **state)
{
    (void)state;
    check_rows("tsv", "id\ttext\tlabel\n1\tSaya\tya\n2\t\ttidak\n");
    check_rows("tsv", "\xEF\xBB\xBFid\ttext\tlabel\r\n1\tSaya\tya\r\n2\t\ttidak");
    /* Quotes are characters as others, and empty lines are none. */
    check("b.tsv", "text\tlabel\n\n\"a\tb\"\n\n\"\t,\n",
          "b.tsv:3 {\"text\":\"\\\"a\",\"label\":\"b\\\"\"}\n"
          "b.tsv:5 {\"text\":\"\\\"\",\"label\":\",\"}\n");
    check("c.tsv", "a\tb\n1\t\n\t\n",
          "c.tsv:2 {\"a\":\"1\",\"b\":\"\"}\n"
          "c.tsv:3 {\"a\":\"\",\"b\":\"\"}\n");
    check("d.tsv", "a\tb\nx\xffy\t\xe4\xb8\n",
          "d.tsv:2 {\"a\":\"x\xEF\xBF\xBDy\",\"b\":\"\xEF\xBF\xBD\"}\n");
    refuse("e.tsv", "a\tb\n1\t2\n1\n", "e.tsv:3: has 1 column, the header 2 (columns: a, b)");
    refuse("e.tsv", "a\tb\n\n1\t2\t\n", "e.tsv:3: has 3 columns, the header 2 (columns: a, b)");
    refuse("e.tsv", "a\t\tb\n1\t2\t3\n", "e.tsv:1: column 2 of the header has no name");
    refuse("e.tsv", "a\tb\ta\n1\t2\t3\n", "e.tsv:1: two columns of the header are called \"a\"");
    refuse("e.tsv", "a\tb\n", "e.tsv: has a header, but no rows");
    refuse("e.tsv", "", "e.tsv: is empty");
    refuse("e.tsv", "\n\n", "e.tsv: is empty");
}

static void test_csv(void **state)
{
    (void)state;
    check_rows("csv", "id,text,label\n1,Saya,ya\n2,,tidak\n");
    check_rows("csv", "\xEF\xBB\xBF\"id\",\"text\",label\r\n1,\"Saya\",ya\r\n2,\"\",\"tidak\"\r");
    check_rows("csv", "id,text,label\n\"1\",Saya,\"ya\"\n2,,tidak");
    /* Quotes over lines, doubled, beside commas; places count lines, not rows. */
    check("q.csv", "a,b\r\n\"x\r\ny\n\",\"say \"\"hi\"\", he said\"\r\n\r\n1,\"\"\"\"\n5\" x,\n",
          "q.csv:2 {\"a\":\"x\\r\\ny\\n\",\"b\":\"say \\\"hi\\\", he said\"}\n"
          "q.csv:6 {\"a\":\"1\",\"b\":\"\\\"\"}\n"
          "q.csv:7 {\"a\":\"5\\\" x\",\"b\":\"\"}\n");
    check("z.csv", "a\n\"x\"\n\"\"\n", "z.csv:2 {\"a\":\"x\"}\nz.csv:3 {\"a\":\"\"}\n");
    check("z.csv", "a,b\nstray \0 here,x\n",
          "z.csv:2 {\"a\":\"stray \\u0000 here\",\"b\":\"x\"}\n");
    refuse("e.csv", "a,b\n\"x\ny\",1\n1,2,3\n",
           "e.csv:4: has 3 columns, the header 2 (columns: a, b)");
    refuse("e.csv", "a,b\n1\n", "e.csv:2: has 1 column, the header 2 (columns: a, b)");
    refuse("e.csv", "a,b\n1,2\n\"x\",\"y\n\n1,2\n", "e.csv:3: a quote that is not closed");
    refuse("e.csv", "a,b\n\"x\n\",\"y\n\n1,2\n", "e.csv:3: a quote that is not closed");
    refuse("e.csv", "a,b\n\"x\"y,1\n", "e.csv:2: there is text behind the quote that closes");
    refuse("e.csv", "a,b\n\"x\"\ry,1\n", "e.csv:2: there is text behind the quote that closes");
    refuse("e.csv", "a,\n1,2\n", "e.csv:1: column 2 of the header has no name");
    refuse("e.csv", "a,\"\"\n1,2\n", "e.csv:1: column 2 of the header has no name");
    refuse("e.csv", "a,\"a\"\n1,2\n", "e.csv:1: two columns of the header are called \"a\"");
    refuse("e.csv", "a,b\r\n", "e.csv: has a header, but no rows");
    refuse("e.csv", "a,b", "e.csv: has a header, but no rows");
    refuse("e.csv", "\xFF\xFEx", "e.csv: is UTF-16");
    refuse("e.csv", "%PDF-1.4 x", "e.csv: is a PDF document, no labelled text");
}

/* Rows and fields that are longer than what is read at once. */
static void test_long_rows(void **state)
{
    (void)state;
    enum { ROWS_WRITTEN = 300, FIELD = 5000 };
    char *bytes = NULL, *path = text_path("long.csv"), buffer[32];
    size_t size;
    FILE *stream = open_memstream(&bytes, &size);
    fputs("number,text\n", stream);
    for (int i = 0; i < ROWS_WRITTEN; i++) {
        fprintf(stream, "%d,\"", i);
        for (int k = 0; k < FIELD; k++) fputs(k % 50 ? "a" : k % 100 ? "\"\"" : "\n", stream);
        fputs("\"\n", stream);
    }
    fclose(stream);
    text_write("long.csv", bytes, size);
    struct text_records *records;
    json_t *record;
    OK(text_records_open((const char *const *)&path, 1, CLB_RECORDS_AUTO, CLB_RECORDS_AUTO,
                         &records));
    for (int i = 0; i < ROWS_WRITTEN; i++) {
        char number[16];
        snprintf(number, sizeof number, "%d", i);
        OK(text_records_next(records, &record));
        const json_t *text = json_object_get(record, "text");
        assert_string_equal(
            text_records_text(json_object_get(record, "number"), buffer, sizeof buffer), number);
        assert_int_equal(json_string_length(text), FIELD);
        assert_memory_equal(json_string_value(text) + 49, "a\"a", 3);
        char *where = base_format("long.csv:%d", 2 + i * (1 + FIELD / 100));
        assert_string_equal(strrchr(text_records_where(records), '/') + 1, where);
        free(where);
    }
    OK(text_records_next(records, &record));
    assert_null(record);
    text_records_close(records);
    free(bytes);
    free(path);
}

/* ---- JSON ---- */

static void test_json_lines(void **state)
{
    (void)state;
    check("a.jsonl", "{\"text\": \"Saya \xff\", \"label\": 3}\r\n\n{\"label\":[\"a\",null]}",
          "a.jsonl:1 {\"text\":\"Saya \xEF\xBF\xBD\",\"label\":3}\n"
          "a.jsonl:3 {\"label\":[\"a\",null]}\n");
    refuse("e.jsonl", "{\"a\": 1}\n\n{\"a\": \n", "e.jsonl:3: is not JSON: ");
    refuse("e.jsonl", "{\"a\": 1}\n[1]\n", "e.jsonl:2: is no JSON object: JSON Lines have one");
    refuse("e.json", "[{\"a\": 1},\n{}]\n", "e.json:1: is not JSON: ");
    refuse("e.json", "[{\"a\": 1}]\n",
           "e.json:1: is no JSON object: JSON Lines have one a line; jq");
    refuse("e.ndjson", "\n \n", "e.ndjson: has no records");
    refuse("e.json", "", "e.json: is empty");
    refuse("e.jsonl",
           "{\"question\":\"q\",\"context\":\"c\",\"answers\":[]}\n"
           "{\"question\":\"q\",\"context\":\"c\",\"answers\":{\"text\":[\"a\"]}}\n",
           "e.jsonl:2: \"answers\" should be a list of {\"text\", \"answer_start\"}, or");
    refuse("e.jsonl", "{\"question\":\"q\",\"context\":\"c\",\"answers\":[{\"text\":\"a\"}]}\n",
           "e.jsonl:1: an answer should have a string \"text\" and an integer \"answer_start\"");
}

static void test_texts_of_values(void **state)
{
    (void)state;
    static const struct {
        const char *json, *text;
    } cases[] = {{"3", "3"},
                 {"-7", "-7"},
                 {"3.0", "3"},
                 {"0.1", "0.1"},
                 {"1e3", "1000"},
                 {"2.5e-7", "2.5e-07"},
                 {"1.7976931348623157e308", "1.7976931348623157e+308"},
                 {"9007199254740993", "9007199254740993"},
                 {"100000000000000000000", "1e+20"},
                 {"true", "true"},
                 {"false", "false"},
                 {"\" a\"", " a"},
                 {"null", NULL},
                 {"[1]", NULL},
                 {"{}", NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *line = base_format("{\"v\": %s}\n", cases[i].json), buffer[32];
        char *path = text_path("value.jsonl");
        struct text_records *records;
        json_t *record;
        text_write("value.jsonl", line, strlen(line));
        OK(text_records_open((const char *const *)&path, 1, CLB_RECORDS_AUTO, CLB_RECORDS_AUTO,
                             &records));
        OK(text_records_next(records, &record));
        const char *text = text_records_text(json_object_get(record, "v"), buffer, sizeof buffer);
        if (cases[i].text)
            assert_string_equal(text, cases[i].text);
        else
            assert_null(text);
        text_records_close(records);
        free(line);
        free(path);
    }
    char buffer[32];
    assert_null(text_records_text(NULL, buffer, sizeof buffer));
}

static const char squad[] =
    "{\"version\": \"v2.0\", \"data\": [{\"title\": \"A\", \"paragraphs\": [\n"
    "{\"context\": \"Saya makan.\", \"qas\": [\n"
    "{\"id\": \"q1\", \"question\": \"Siapa?\", \"is_impossible\": false,\n"
    "\"answers\": [{\"text\": \"Saya\", \"answer_start\": 0}, {\"text\": \"S\", \"answer_start\": "
    "0}]},\n"
    "{\"id\": \"q2\", \"question\": \"Apa?\", \"answers\": [], \"is_impossible\": true,\n"
    "\"plausible_answers\": [{\"text\": \"x\", \"answer_start\": 1}]}]},\n"
    "{\"context\": \"none\", \"qas\": []}]},\n"
    "{\"paragraphs\": []},\n"
    "{\"paragraphs\": [{\"context\": \"Dia.\", \"qas\": [{\"id\": 7, \"question\": \"?\"}]}]}]}\n";
#define QUESTION_1                                                                                 \
    " {\"id\":\"q1\",\"question\":\"Siapa?\",\"context\":\"Saya makan.\",\"answers\":[{\"text\":"  \
    "\"Saya\",\"answer_start\":0},{\"text\":\"S\",\"answer_start\":0}],\"is_impossible\":false}\n"
#define QUESTION_2                                                                                 \
    " {\"id\":\"q2\",\"question\":\"Apa?\",\"context\":\"Saya makan.\",\"answers\":[],"            \
    "\"is_impossible\":true}\n"

static void test_squad(void **state)
{
    (void)state;
    static const char wanted[] =
        "a.json, question 1" QUESTION_1 "a.json, question 2" QUESTION_2
        "a.json, question 3 {\"id\":\"7\",\"question\":\"?\",\"context\":\"Dia.\"}\n";
    check_bytes("a.json", squad, sizeof squad - 1, wanted);
    /* Its own files are of one line. */
    char *line = strdup(squad);
    for (char *c = line; *c; c++) *c = *c == '\n' ? ' ' : *c;
    check_bytes("a.json", line, strlen(line), wanted);
    free(line);
    /* The same questions, line by line. */
    check("h.jsonl",
          "{\"title\":\"A\",\"id\":\"q1\",\"context\":\"Saya makan.\",\"question\":\"Siapa?\","
          "\"answers\":{\"text\":[\"Saya\",\"S\"],\"answer_start\":[0,0]}}\n"
          "{\"id\":\"q2\",\"context\":\"Saya makan.\",\"question\":\"Apa?\","
          "\"answers\":{\"text\":[],\"answer_start\":[]}}\n"
          "{\"context\":\"c\",\"question\":\"q\",\"answers\":[{\"text\":\"c\",\"answer_start\":0}]}"
          "\n",
          "h.jsonl:1" QUESTION_1 "h.jsonl:2" QUESTION_2
          "h.jsonl:3 {\"id\":\"3\",\"question\":\"q\",\"context\":\"c\",\"answers\":[{\"text\":"
          "\"c\",\"answer_start\":0}],\"is_impossible\":false}\n");
    check("i.jsonl",
          "{\"id\":1,\"question\":\"\",\"context\":\"\",\"answers\":[],\"is_impossible\":false}",
          "i.jsonl:1 {\"id\":\"1\",\"question\":\"\",\"context\":\"\",\"answers\":[],"
          "\"is_impossible\":false}\n");
    refuse("e.json", "{\"data\": [\n{\"paragraphs\": }]}", "e.json:2: is not JSON: ");
    refuse("e.json", "\n\n{\"data\": [\n{\"paragraphs\": }]}", "e.json:4: is not JSON: ");
    refuse("e.json", "{\"version\": 1,\n\"rows\": []}", "e.json: has no list \"data\"");
    refuse("e.json", "{\"data\": []}", "e.json: has no questions");
    refuse("e.json", "{\"data\": [{\"paragraphs\": [{\"context\": \"c\"}]}]}",
           "e.json, behind question 0: an object should have a list \"qas\"");
    refuse("e.json", "{\"data\": [{\"paragraphs\": [{\"qas\": [{\"question\": \"q\"}]}]}]}",
           "e.json, question 1: has no string \"context\"");
    refuse("e.json",
           "{\"data\": [{\"paragraphs\": [{\"context\": \"c\", \"qas\": [{\"question\": \"q\"},"
           "{\"id\": \"x\"}]}]}]}",
           "e.json, question 2: has no string \"question\"");
    refuse_as("e.txt", CLB_RECORDS_SQUAD, "", "e.txt: is empty");
}

/* ---- CoNLL ---- */

static void test_conll(void **state)
{
    (void)state;
    check("a.conll", "\n# id 1\nSaya\tB-PER\nNew York\tB-LOC\n\n\nmakan\tO\r\n \r\n",
          "a.conll:3 {\"tokens\":[\"Saya\",\"New York\"],\"tags\":[\"B-PER\",\"B-LOC\"]}\n"
          "a.conll:7 {\"tokens\":[\"makan\"],\"tags\":[\"O\"]}\n");
    /* CoNLL-2003's columns; # is also a token. */
    check("a.bio",
          "-DOCSTART- -X- -X- O\n\nEU NNP B-NP  B-ORG \n# # I-NP O\n# no token\n. . O O\n"
          "-DOCSTART- -X- -X- O\n{ ( O O",
          "a.bio:3 {\"tokens\":[\"EU\",\"#\",\".\"],\"tags\":[\"B-ORG\",\"O\",\"O\"]}\n"
          "a.bio:8 {\"tokens\":[\"{\"],\"tags\":[\"O\"]}\n");
    check("b.iob2", "\xff\tO\n", "b.iob2:1 {\"tokens\":[\"\xEF\xBF\xBD\"],\"tags\":[\"O\"]}\n");
    refuse("e.iob", "a\tO\n\nb\n", "e.iob:3: has no tag: a line is a token and its tag");
    refuse("e.iob", "a\tO\nb\t\n", "e.iob:2: has no tag");
    refuse("e.iob", "a O\n\tO\n", "e.iob:2: has no token");
    refuse("e.conll", "# only\n-DOCSTART- O\n", "e.conll: has no sentences");
    refuse("e.conll", "", "e.conll: is empty");
}

/* ---- which form, and which files ---- */

static void test_forms(void **state)
{
    (void)state;
    static const char table[] = "a.txt:2 {\"a\":\"1\",\"b\":\"2\"}\n";
    text_write("a.txt", "a\tb\n1\t2\n", 8);
    expect("a.txt", CLB_RECORDS_CSV, table);
    expect("a.txt", CLB_RECORDS_CONLL,
           "a.txt:1 {\"tokens\":[\"a\",\"1\"],\"tags\":[\"b\",\"2\"]}\n");
    text_write("a.txt", "a,b\n1,2\n", 8);
    expect("a.txt", CLB_RECORDS_TSV, table);
    expect("a.txt", CLB_RECORDS_AUTO, table);
    text_write("a.txt", "a\n1\n", 4);
    expect("a.txt", CLB_RECORDS_TSV, "a.txt:2 {\"a\":\"1\"}\n");
    text_write("a.txt", "\n{\"a\": 1}\n", 10);
    expect("a.txt", CLB_RECORDS_CONLL, "a.txt:2 {\"a\":1}\n");
    text_write("a.txt", "{ O\n\n} O\n", 9); /* no JSON */
    expect("a.txt", CLB_RECORDS_CONLL,
           "a.txt:1 {\"tokens\":[\"{\"],\"tags\":[\"O\"]}\n"
           "a.txt:3 {\"tokens\":[\"}\"],\"tags\":[\"O\"]}\n");
    text_write("a.txt", squad, sizeof squad - 1);
    char *out = read_named("a.txt", CLB_RECORDS_AUTO, CLB_RECORDS_CSV);
    assert_memory_equal(out, "a.txt, question 1 {", 19);
    free(out);
    /* What was said goes before the name. */
    text_write("a.csv", "a\tb,\nc\td\n", 9);
    out = read_named("a.csv", CLB_RECORDS_TSV, CLB_RECORDS_AUTO);
    assert_string_equal(out, "a.csv:2 {\"a\":\"c\",\"b,\":\"d\"}\n");
    free(out);
    check("a.data", "{\"data\": [1]}\n{\"data\": 5}\n",
          "a.data:1 {\"data\":[1]}\na.data:2 {\"data\":5}\n");
}

static void pack(const char *name, int format, int filter, int members)
{
    static const char *const names[] = {"x/a.TSV", "x/b.csv", "x/c.jsonl"};
    static const char *const bytes[] = {"a\tb\n1\t2\n", "a,b\n3,4\n", "{\"a\":5}\n"};
    char *path = text_path(name);
    struct archive *a = archive_write_new();
    assert_int_equal(archive_write_add_filter(a, filter), ARCHIVE_OK);
    assert_int_equal(archive_write_set_format(a, format), ARCHIVE_OK);
    assert_int_equal(archive_write_open_filename(a, path), ARCHIVE_OK);
    for (int m = 0; m < members; m++) text_add_member(a, names[m], bytes[m], strlen(bytes[m]));
    assert_int_equal(archive_write_close(a), ARCHIVE_OK);
    archive_write_free(a);
    free(path);
}

static void test_packed(void **state)
{
    (void)state;
    static const char three[] =
        "a.TSV:2 {\"a\":\"1\",\"b\":\"2\"}\nb.csv:2 {\"a\":\"3\",\"b\":\"4\"}\n"
        "c.jsonl:1 {\"a\":5}\n";
    pack("p.tsv.gz", ARCHIVE_FORMAT_RAW, ARCHIVE_FILTER_GZIP, 1);
    expect("p.tsv.gz", CLB_RECORDS_AUTO, "p.tsv.gz:2 {\"a\":\"1\",\"b\":\"2\"}\n");
    pack("p.tsv.XZ", ARCHIVE_FORMAT_RAW, ARCHIVE_FILTER_XZ, 1);
    expect("p.tsv.XZ", CLB_RECORDS_CONLL, "p.tsv.XZ:2 {\"a\":\"1\",\"b\":\"2\"}\n");
    pack("p.zst", ARCHIVE_FORMAT_RAW, ARCHIVE_FILTER_ZSTD, 1);
    expect("p.zst", CLB_RECORDS_AUTO, "p.zst:2 {\"a\":\"1\",\"b\":\"2\"}\n");
    pack("p.zip", ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE, 3);
    expect("p.zip", CLB_RECORDS_CONLL, three);
    pack("p.tar.gz", ARCHIVE_FORMAT_TAR, ARCHIVE_FILTER_GZIP, 3);
    expect("p.tar.gz", CLB_RECORDS_CONLL, three);
    pack("none.tar", ARCHIVE_FORMAT_TAR, ARCHIVE_FILTER_NONE, 0);
    char *out = read_named("none.tar", CLB_RECORDS_AUTO, CLB_RECORDS_AUTO);
    assert_non_null(strstr(out, "none.tar: is empty"));
    free(out);
}

static void test_files(void **state)
{
    (void)state;
    char *tree = text_path("tree"), *paths[2] = {text_path("tree/b.csv"), text_path("tree/a.tsv")};
    OK(base_make_directory(tree));
    text_write("tree/a.tsv", "a\n1\n", 4);
    text_write("tree/b.csv", "b,c\n2,3\n", 8);
    text_write("tree/c.csv", "b,c\n", 4); /* found, not named: a warning */
    text_write("tree/d.pdf", "%PDF-1.4 x", 10);
    expect("tree", CLB_RECORDS_AUTO, "a.tsv:2 {\"a\":\"1\"}\nb.csv:2 {\"b\":\"2\",\"c\":\"3\"}\n");
    char *out = read_all((const char *const *)paths, 2, CLB_RECORDS_AUTO, CLB_RECORDS_AUTO);
    assert_string_equal(out, "b.csv:2 {\"b\":\"2\",\"c\":\"3\"}\na.tsv:2 {\"a\":\"1\"}\n");
    free(out);
    free(paths[1]);
    paths[1] = text_path("tree/c.csv");
    out = read_all((const char *const *)paths, 2, CLB_RECORDS_AUTO, CLB_RECORDS_AUTO);
    assert_non_null(strstr(out, "}\n!"));
    assert_non_null(strstr(out, "tree/c.csv: has a header, but no rows"));
    free(out);
    out = read_named("tree/[cd].*", CLB_RECORDS_AUTO, CLB_RECORDS_AUTO);
    assert_non_null(strstr(out, "tree/[cd].*: no records in it"));
    free(out);
    out = read_named("tree/z.csv", CLB_RECORDS_AUTO, CLB_RECORDS_AUTO);
    assert_non_null(strstr(out, "z.csv: no such file"));
    free(out);
    free(tree);
    free(paths[0]);
    free(paths[1]);
}

static void test_standard_input(void **state)
{
    (void)state;
    static const char bytes[] = "text,label\n\"a\nb\",1\n";
    const char *dash = "-";
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], bytes, sizeof bytes - 1), sizeof bytes - 1);
    close(ends[1]);
    assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    close(ends[0]);
    char *out = read_all(&dash, 1, CLB_RECORDS_AUTO, CLB_RECORDS_CSV);
    assert_string_equal(out, "standard input:2 {\"text\":\"a\\nb\",\"label\":\"1\"}\n");
    free(out);
}

static void check_names(json_t *from, size_t room, const char *wanted)
{
    char names[64];
    assert_non_null(from);
    text_records_names(from, names, room);
    assert_string_equal(names, wanted);
    json_decref(from);
}

static void test_names(void **state)
{
    (void)state;
    check_names(json_pack("{s:i, s:i}", "label", 1, "te\nxt", 2), 64, "label, te xt");
    check_names(json_pack("[s, s]", "id", "text"), 64, "id, text");
    check_names(json_pack("[s, s, s]", "id", "text", "label"), 12, "id, ...");
    check_names(json_object(), 64, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tsv),
        cmocka_unit_test(test_csv),
        cmocka_unit_test(test_long_rows),
        cmocka_unit_test(test_json_lines),
        cmocka_unit_test(test_texts_of_values),
        cmocka_unit_test(test_squad),
        cmocka_unit_test(test_conll),
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_packed),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_standard_input),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests_name("records", tests, text_begin, text_end);
}
