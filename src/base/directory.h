/* SPDX-License-Identifier: Apache-2.0 */
/* Directories that appear and vanish whole. */
#ifndef BASE_DIRECTORY_H
#define BASE_DIRECTORY_H

#include <clbert/status.h>

struct base_directory;

/* Makes PATH.tmp-HOST-RANDOM; the directory that `path` will be in must exist. */
enum clb_status base_directory_create(const char *path, struct base_directory **directory);
/* Where to write. */
const char *base_directory_path(const struct base_directory *directory);
/* Renames it to its final name; one that is there already changes places with it and is then
 * deleted. Frees `directory` either way; on failure the old one stands. */
enum clb_status base_directory_commit(struct base_directory *directory);
/* Deletes what was written. NULL is allowed. */
void base_directory_abandon(struct base_directory *directory);

/* Renames it, so that it is gone from one moment to the next, and then deletes it; what a killed
 * program leaves of it base_partial_sweep finds. One that is not there is no error. */
enum clb_status base_directory_remove(const char *path);

#endif
