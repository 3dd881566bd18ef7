/* SPDX-License-Identifier: Apache-2.0 */
/* Labelled examples from files, one record at a time: a JSON object, whatever the file's form. */
#ifndef CLB_RECORDS_H
#define CLB_RECORDS_H

#include "base/json.h"

#include <clbert/text.h>

struct text_records;

/* Files, directories, patterns and "-" as text_files_find takes them, packed in any way that
 * text_source.h reads. `otherwise` is what a file is taken for whose form neither its name nor its
 * content tells; TSV, CSV and AUTO mean a table: with tabs in its first line, else with commas;
 * LINES what does not begin with an object. */
enum clb_status text_records_open(const char *const *paths, int count,
                                  enum clb_record_format format, enum clb_record_format otherwise,
                                  struct text_records **records);
void text_records_close(struct text_records *records);

/* The next record, borrowed until the next call; NULL at the end. What is not UTF-8 becomes U+FFFD,
 * with a warning. Its members:
 *  - TSV, CSV: strings, under the names in the header. Empty lines are passed over.
 *  - JSONL: as they are; questions with answers as below.
 *  - CONLL: "tokens" and "tags", lists of strings. Lines that begin with -DOCSTART- are left out;
 *    so are those that begin with "# ", but not inside a sentence where they have as many columns
 *    as the line before.
 *  - SQUAD, and JSON Lines of the same with "answers" as there or as Hugging Face has them
 *    ({"text": [...], "answer_start": [...]}): "id", "question", "context", strings; "answers", a
 *    list of {"text", "answer_start"}, which counts code points; "is_impossible", where the file
 *    does not say, whether there is no answer. A question without "answers" (not even none) is
 *    without "is_impossible", too.
 *  - LINES: "text", a line, also an empty one.
 * CLB_ERROR_FORMAT names file and line: a row with more or fewer columns than the header, a name
 * that is missing or there twice, an open quote, no JSON object, a line without a tag. A file that
 * was named and has no records is an error, one that was found in a directory a warning; no record
 * in all of them is an error. After an error only close. */
enum clb_status text_records_next(struct text_records *records, json_t **record);

/* Where the last record begins, for messages: "train.csv:12", "train.json, question 12". Valid
 * until the next call of next. */
const char *text_records_where(const struct text_records *records);
/* The names of an object's members, or those in a list, for messages: "id, text, label". What there
 * is no room for is left out. */
void text_records_names(const json_t *from, char *list, size_t size);

/* The text of a string (its own), an integer, real or boolean (in `buffer`, of at least 32 bytes):
 * "3" of 3 and 3.0, the shortest number that reads back as the same. Else NULL. */
const char *text_records_text(const json_t *value, char *buffer, size_t size);

#endif
