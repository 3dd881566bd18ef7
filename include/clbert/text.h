/* SPDX-License-Identifier: Apache-2.0 */
/* What text is read from, and what was found there. */
#ifndef CLBERT_TEXT_H
#define CLBERT_TEXT_H

#include <stdbool.h>
#include <stdint.h>

enum clb_text_format {
    CLB_TEXT_AUTO,  /* JSON Lines where a field is named, or a file's first line is an object with
                       the field "text"; else plain */
    CLB_TEXT_PLAIN, /* a blank line or a file's end ends a document. Whatever the file looks like */
    CLB_TEXT_JSONL, /* JSON Lines: a line is a document, its text in a field */
};

/* Files, directories (recursively, in order of name), glob patterns, "-" for standard input; plain
 * or compressed (gzip, bzip2, xz, lzma, zstd, lz4), members of tar and zip archives: recognised by
 * content. UTF-8, with or without a byte order mark. What is no text (images, programs, documents
 * of word processors, ...) is passed over and counted; where it is all there is, it is an error. */
struct clb_texts {
    const char *const *paths;
    int count;
    enum clb_text_format format;
    const char *json_field; /* of JSON Lines; NULL: "text", where a file has it */
    bool skip_unreadable; /* what cannot be read is left out from there on, and counted; else it is
                             an error */
};

/* How labelled examples, which are JSON objects to the program, stand in files. AUTO goes by a
 * file's name (.tsv, .csv, .jsonl, .ndjson, .json, .conll, .bio, .iob, .iob2, then perhaps .gz and
 * the like), else by its content. */
enum clb_record_format {
    CLB_RECORDS_AUTO,
    CLB_RECORDS_TSV,   /* a header, then rows; fields are what lies between tabs */
    CLB_RECORDS_CSV,   /* a header, then rows, as RFC 4180 has them */
    CLB_RECORDS_JSONL, /* an object a line */
    CLB_RECORDS_CONLL, /* a token a line, a blank line between sentences: first column token, last
                           column tag, between tabs or, where a line has none, blanks */
    CLB_RECORDS_SQUAD, /* SQuAD 1.1 or 2.0: the file is one object */
    CLB_RECORDS_LINES, /* a text a line */
};

/* What lines look like. */
enum clb_markup {
    CLB_PROSE,
    CLB_TAGS, /* HTML, XML, wikis */
    CLB_ROWS, /* CSV and other tables */
    CLB_CODE, /* programs, JSON */
    CLB_MARKUPS,
};

enum { CLB_TEXT_KINDS = 48 };

struct clb_text_report {
    int64_t files;              /* that were read; every member of an archive is one */
    int64_t unreadable;         /* files left out, or cut, since they could not be read */
    int64_t lines[CLB_MARKUPS]; /* by what they look like, of a sample */
    int kinds;                  /* of files that were passed over, since they are no text */
    struct {
        const char *name; /* "a PDF document" */
        int64_t files;
    } skipped[CLB_TEXT_KINDS];
};

#endif
