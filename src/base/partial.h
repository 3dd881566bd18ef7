/* SPDX-License-Identifier: Apache-2.0 */
/* Files and directories under construction. They are called NAME.tmp-HOST-RANDOM, beside the name
 * that they will have, and locked (flock) by the program at work on them: the lock dies with it, so
 * what a killed program left is told from the work of a living one. */
#ifndef BASE_PARTIAL_H
#define BASE_PARTIAL_H

#include <clbert/status.h>

struct base_partial {
    char *path; /* malloc'd */
    int file;   /* open and locked */
};

/* Makes a file (opened to be read and written) or a directory for what will be called `path`. */
enum clb_status base_partial_file(const char *path, struct base_partial *partial);
enum clb_status base_partial_directory(const char *path, struct base_partial *partial);
/* Closes and frees; the file or directory stays where it is. A zeroed one is allowed. */
void base_partial_close(struct base_partial *partial);

/* A free name of that kind, for what is renamed to be deleted; malloc'd, NULL: out of memory. */
char *base_partial_name(const char *path);

/* Removes from a directory what killed programs have left: what nobody holds a lock on; of another
 * host, whose locks may not be seen here, only what is older than a day. */
void base_partial_sweep(const char *directory);

#endif
