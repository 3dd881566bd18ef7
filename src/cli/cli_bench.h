/* SPDX-License-Identifier: Apache-2.0 */
/* bench --compare: this run's figures beside those of an earlier one, both as --json prints them.
 */
#ifndef CLI_BENCH_H
#define CLI_BENCH_H

#include <clbert/status.h>
#include <jansson.h>
#include <stdbool.h>

/* Reads an earlier output, for the caller to release, that a run with this `head` (what names
 * device, model and shape) can be compared with: of the same model and shape, and of steps as this
 * one or of operations. Else CLB_ERROR_ARGUMENT that says what differs. */
enum clb_status cli_bench_read(const char *path, const json_t *head, bool of_steps,
                               json_t **before);

/* Prints the figures that both have. */
void cli_bench_compare(const char *path, const json_t *before, const json_t *now);

#endif
