/* SPDX-License-Identifier: Apache-2.0 */
/* What the readers of records share: a form is a few functions, a file of its own. */
#ifndef CLB_RECORDS_FORM_H
#define CLB_RECORDS_FORM_H

#include "text/records.h"
#include "text/text_files.h"
#include "text/text_lines.h"

struct records_table {
    json_t *header; /* the names of the columns */
    char delimiter;
    bool quotes;
};

struct records_squad {
    json_t *document;
    size_t article, paragraph, question; /* the next */
    int64_t number;                      /* of the last, in the file */
};

struct text_records {
    struct text_files files;
    char *first; /* path that was given */
    enum clb_record_format format, otherwise;
    int at; /* the file being read */
    struct text_lines lines;
    const struct records_form *form; /* of the member being read; NULL: none is */
    int64_t count, file_count;       /* records so far */
    bool passed_over;                /* something of the file */
    const char *nothing;             /* what to say of a file without records */
    json_t *record;
    char *where;
    size_t where_size;
    struct records_table table;
    struct records_squad squad;
};

/* A member of a file is read by its form. */
struct records_form {
    enum clb_status (*begin)(struct text_records *r); /* NULL: nothing to do */
    /* A new record and r->where, by records_at_line; NULL at the member's end. */
    enum clb_status (*next)(struct text_records *r, json_t **record);
};

extern const struct records_form records_tsv, records_csv, records_jsonl, records_conll,
    records_squad, records_lines;

/* What the member is, which has been begun. */
enum clb_status records_recognise(struct text_records *r, enum clb_record_format *format);

/* The record begins there. */
void records_at_line(struct text_records *r, int64_t line);
/* CLB_ERROR_FORMAT, "FILE:LINE: ...". */
enum clb_status records_fail(const struct text_records *r, int64_t line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A new string; what is replaced is counted. */
enum clb_status records_string(struct text_records *r, const char *bytes, size_t size,
                               json_t **string);
/* A question of SQuAD's as records have it; `context` is its member, or its paragraph's. */
enum clb_status records_question(struct text_records *r, const json_t *from, json_t *context,
                                 json_t **record);

#endif
