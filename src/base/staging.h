/* SPDX-License-Identifier: Apache-2.0 */
/* Files of a directory that appear in it together or not at all, also where older ones of the same
 * names lie there. They are written into DIR/new.tmp-HOST-RANDOM; committing renames that to
 * DIR/.committed, from which moment the change is made, and then moves them to their places. Should
 * the program be killed on the way, whoever next opens the directory moves the rest. */
#ifndef BASE_STAGING_H
#define BASE_STAGING_H

#include <clbert/status.h>

struct base_staging;

/* Makes the directory where it is missing, and sweeps it. */
enum clb_status base_staging_create(const char *directory, struct base_staging **staging);
/* Where to write. Files only, no directories. */
const char *base_staging_path(const struct base_staging *staging);
/* Frees `staging` either way; on failure the directory is as it was. */
enum clb_status base_staging_commit(struct base_staging *staging);
/* Removes what was written, and the directory where this made it. NULL is allowed. */
void base_staging_abandon(struct base_staging *staging);

/* Ends a commit that was cut short; before anything in a directory is read. One that was not, or no
 * directory: CLB_OK. */
enum clb_status base_staging_recover(const char *directory);

#endif
