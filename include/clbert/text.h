/* SPDX-License-Identifier: Apache-2.0 */
/* What text is read from. */
#ifndef CLBERT_TEXT_H
#define CLBERT_TEXT_H

enum clb_text_format {
    CLB_TEXT_AUTO,  /* JSON Lines where a file's first line is an object with the field, else plain
                     */
    CLB_TEXT_PLAIN, /* a blank line or a file's end ends a document */
    CLB_TEXT_JSONL, /* JSON Lines: a line is a document, its text in a field */
};

/* Files, directories (recursively, in order of name), glob patterns, "-" for standard input; plain
 * or compressed (gzip, bzip2, xz, zstd, ...), members of tar and zip archives: recognised by
 * content. UTF-8, with or without a byte order mark. */
struct clb_texts {
    const char *const *paths;
    int count;
    enum clb_text_format format;
    const char *json_field; /* NULL: "text" */
};

#endif
