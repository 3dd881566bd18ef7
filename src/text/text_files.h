/* SPDX-License-Identifier: Apache-2.0 */
/* The list of files that paths, directories and patterns stand for. */
#ifndef TEXT_TEXT_FILES_H
#define TEXT_TEXT_FILES_H

#include <clbert/status.h>
#include <stdbool.h>

struct text_files {
    struct text_file {
        char *path;
        bool found; /* in a directory or by a pattern, not named */
    } * files;
    int count;
    int unreadable; /* left out */
};

/* Directories recursively in order of name, without hidden entries, links to directories and what
 * is not a file; patterns as the shell's, sorted; "-" as it is. A path that is missing, a pattern
 * without a match or a directory without files: CLB_ERROR_IO that names it. So is what was found
 * and cannot be looked at, unless `skip`: then it is left out with a warning. */
enum clb_status text_files_find(const char *const *paths, int count, bool skip,
                                struct text_files *files);
void text_files_free(struct text_files *files);

#endif
