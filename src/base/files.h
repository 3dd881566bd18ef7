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

/* Opens a file beside `path` (base/partial.h) for writing. */
enum clb_status base_file_create(const char *path, struct base_file **file);
/* The stream to write to; errors may be left for commit to find. */
FILE *base_file_stream(struct base_file *file);
/* Another stream on what has been written so far, to read from its beginning; NULL: errno. */
FILE *base_file_reopen(struct base_file *file);
/* Flushes, checks, syncs and renames onto the final path, for good; on failure the temporary file
 * is gone and the old one stands. Frees `file` either way. */
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

/* mkdir -p. An empty path: CLB_ERROR_ARGUMENT. */
enum clb_status base_make_directory(const char *path);
/* rm -r; a path that does not exist is no error. */
enum clb_status base_remove_tree(const char *path);
/* The same for cleaning up: the message of the failure that led there stays. */
void base_discard_tree(const char *path);
/* Makes what was renamed in a directory last through a crash of the machine. */
enum clb_status base_sync_directory(const char *path);
bool base_is_directory(const char *path);
bool base_exists(const char *path);
/* Whether an open file is still the one that the path leads to. */
bool base_file_is_at(int file, const char *path);
/* The directory that a path lies in, "." for a bare name; malloc'd, NULL: out of memory. */
char *base_parent(const char *path);

/* A malloc'd, formatted string; NULL only when memory is out. */
char *base_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
