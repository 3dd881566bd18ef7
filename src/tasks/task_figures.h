/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic on logits, and figures by name: what the kinds of tasks share. */
#ifndef TASKS_TASK_FIGURES_H
#define TASKS_TASK_FIGURES_H

#include <clbert/status.h>
#include <jansson.h>
#include <stdint.h>

/* The first of the largest. */
int32_t task_largest(const float *logits, int32_t count);
/* In double precision. */
void task_softmax(const float *logits, int32_t count, double *probabilities);
/* -log softmax(logits)[label]. */
double task_cross_entropy(const float *logits, int32_t count, int32_t label);
/* The same down one of two columns of [rows, 2]. */
double task_column_cross_entropy(const float *logits, int32_t rows, int column, int32_t label);

/* A number, or null where it is not one. */
enum clb_status task_set_figure(json_t *figures, const char *name, double value);

#endif
