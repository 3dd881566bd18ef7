/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of one file: decompressed, member by member where it is an archive (libarchive). */
#ifndef TEXT_TEXT_SOURCE_H
#define TEXT_TEXT_SOURCE_H

#include <clbert/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text_source;

/* "-" is standard input. Errors here and below name the file. */
enum clb_status text_source_open(const char *path, struct text_source **source);
void text_source_close(struct text_source *source);

/* Goes to the next member that is a file; *found is false where there is none. A file that is no
 * archive is its own single member. */
enum clb_status text_source_next(struct text_source *source, bool *found);
bool text_source_is_archive(const struct text_source *source);
/* At the first member: what the whole archive is (text_kind_of_member), NULL: one of files. */
enum clb_status text_source_kind(const struct text_source *source, const char **kind);
/* Of the member, for messages: "a.zip: b/c.txt". Valid until the next member. */
const char *text_source_name(const struct text_source *source);
/* How the file is packed: "", or ", gzip, in tar". Valid until the source is closed. */
const char *text_source_packing(struct text_source *source);
/* Up to `size` bytes of the member; *got is 0 at its end. A file that has become shorter since it
 * was opened is an error. */
enum clb_status text_source_read(struct text_source *source, void *to, size_t size, size_t *got);

/* Bytes of the file itself that have been read, and its size (-1: unknown). */
int64_t text_source_position(const struct text_source *source);
int64_t text_source_size(const struct text_source *source);

#endif
