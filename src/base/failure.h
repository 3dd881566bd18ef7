/* SPDX-License-Identifier: Apache-2.0 */
/* The first failure of several threads, with its message, which is each thread's own. */
#ifndef BASE_FAILURE_H
#define BASE_FAILURE_H

#include <clbert/status.h>

/* Zero: none. Read by one thread while others work, `status` may be late by a little. */
struct base_failure {
    enum clb_status status;
    char message[512];
};

/* Notes the calling thread's failure where it is the first. CLB_OK is none. */
void base_failure_note(struct base_failure *failure, enum clb_status status);
/* The status, with the message as the calling thread's. */
enum clb_status base_failure_report(const struct base_failure *failure);

#endif
