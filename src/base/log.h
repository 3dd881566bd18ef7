/* SPDX-License-Identifier: Apache-2.0 */
/* Messages for people, on standard error. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

/* One line: what is being done. Silent after base_log_quiet(true). */
void base_log(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* One line behind "warning: ". Never silent. */
void base_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void base_log_quiet(bool quiet);

/* A line kept up to date on a terminal; nothing where standard error is not one. base_log and
 * base_warn clear it first. NULL ends it. */
void base_log_progress(const char *format, ...) __attribute__((format(printf, 1, 2)));
bool base_log_is_terminal(void);

#endif
