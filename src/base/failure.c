/* SPDX-License-Identifier: Apache-2.0 */
#include "base/failure.h"

#include "base/error.h"

#include <pthread.h>
#include <stdio.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void base_failure_note(struct base_failure *f, enum clb_status status)
{
    if (status == CLB_OK) return;
    pthread_mutex_lock(&lock);
    if (f->status == CLB_OK) {
        f->status = status;
        snprintf(f->message, sizeof f->message, "%s", clb_error_message());
    }
    pthread_mutex_unlock(&lock);
}

enum clb_status base_failure_report(const struct base_failure *f)
{
    return f->status == CLB_OK ? CLB_OK : clb_fail(f->status, "%s", f->message);
}
