/* SPDX-License-Identifier: Apache-2.0 */
/* Leaving a message for clb_error_message, and passing a failure on. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <clbert/status.h>

/* Leaves a formatted message and returns `status`, so that a function can end with
 * `return clb_fail(CLB_ERROR_IO, "%s: %s", path, strerror(errno));`. */
enum clb_status clb_fail(enum clb_status status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Puts "prefix: " before the current message and returns `status`. */
enum clb_status clb_fail_context(enum clb_status status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Runs `expression`; on failure keeps its status in `status` and jumps to `cleanup`. Both names
 * must exist in the function: one exit, one cleanup. */
#define CLB_TRY(expression)                                                                        \
    do {                                                                                           \
        status = (expression);                                                                     \
        if (status != CLB_OK) goto cleanup;                                                        \
    } while (0)

#endif
