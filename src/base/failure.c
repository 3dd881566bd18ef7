#include "base/failure.h"

#include <stdio.h>

void base_failure_note(struct base_failure *f, enum clb_status status)
{
    if (status == CLB_OK) return;
#pragma omp critical(base_failure)
    if (f->status == CLB_OK) {
        f->status = status;
        snprintf(f->message, sizeof f->message, "%s", clb_error_message());
    }
}

enum clb_status base_failure_report(const struct base_failure *f)
{
    return f->status == CLB_OK ? CLB_OK : clb_fail(f->status, "%s", f->message);
}
