/* SPDX-License-Identifier: Apache-2.0 */
/* Files that appear whole or not at all, and directories. */
#ifndef BASE_FILES_H
#define BASE_FILES_H

#include <clbert/status.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* A file being written under a temporary name beside its final one. */
struct base_file;

/* Opens path.tmp-PID for writing. */
enum clb_status base_file_create(const char *path, struct base_file **file);
/* Removes the temporary files that programs which were killed have left in a directory. */
void base_file_sweep(const char *directory);
/* The stream to write to; errors may be left for commit to find. */
FILE *base_file_stream(struct base_file *file);
/* Another stream on what has been written so far, to read from its beginning; NULL: errno. */
FILE *base_file_reopen(struct base_file *file);
/* Flushes, checks, syncs and renames onto the final path; on failure the temporary file is gone
 * and the old one stands. Frees `file` either way. */
enum clb_status base_file_commit(struct base_file *file);
/* Removes the temporary file and frees. NULL is allowed: for the cleanup of a failed writer. */
void base_file_abandon(struct base_file *file);

/* Writes `size` bytes to `path` in one go, by the functions above. */
enum clb_status base_file_write(const char *path, const void *bytes, size_t size);

/* A file without a name in $TMPDIR, or /var/tmp: it is gone when it is closed or the program ends,
 * however it ends. */
enum clb_status base_temporary_file(FILE **stream);
/* Of a stream on such a file: whether all that was written to it arrived. */
enum clb_status base_temporary_flush(FILE *stream);

/* Reads a whole regular file into malloc'd memory with a 0 byte behind it. `what` names the kind of
 * file in messages ("vocabulary"); over `limit` bytes is an error. */
enum clb_status base_file_read(const char *path, const char *what, int64_t limit, char **bytes,
                               size_t *size);

/* mkdir -p. */
enum clb_status base_make_directory(const char *path);
/* rm -r; a path that does not exist is no error. */
enum clb_status base_remove_tree(const char *path);
bool base_is_directory(const char *path);
bool base_exists(const char *path);

/* A malloc'd, formatted string; NULL only when memory is out. */
char *base_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
