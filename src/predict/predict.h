/* SPDX-License-Identifier: Apache-2.0 */
/* What everything that asks a model shares. */
#ifndef PREDICT_PREDICT_H
#define PREDICT_PREDICT_H

#include <clbert/status.h>
#include <stddef.h>

/* CLB_ERROR_NUMERIC where what a model of this directory answers is not finite. */
enum clb_status predict_check_finite(const char *directory, const float *logits, size_t count);

#endif
