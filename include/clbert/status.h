/* SPDX-License-Identifier: Apache-2.0 */
/* Errors. Every function that can fail returns an enum clb_status and, on failure, leaves one
 * line for the user in a per-thread message: what was wrong, where, and what to do. */
#ifndef CLBERT_STATUS_H
#define CLBERT_STATUS_H

#include <clbert/api.h>

CLB_BEGIN_DECLS

enum clb_status {
    CLB_OK = 0,
    CLB_ERROR_ARGUMENT,    /* a value, shape, flag or device string that cannot be used */
    CLB_ERROR_IO,          /* a file or directory that cannot be read or written */
    CLB_ERROR_FORMAT,      /* a file that was read but is not what it should be */
    CLB_ERROR_MEMORY,      /* not enough host or device memory */
    CLB_ERROR_DEVICE,      /* the device or its driver failed */
    CLB_ERROR_NUMERIC,     /* a loss or gradient is NaN or infinite */
    CLB_ERROR_INTERRUPTED, /* stopped by a signal, state saved */
};

/* The message of the calling thread's last failure; "" before the first. Valid until the
 * thread's next failure. */
CLB_API const char *clb_error_message(void);

CLB_END_DECLS

#endif
