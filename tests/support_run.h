/* SPDX-License-Identifier: Apache-2.0 */
/* A small world to train in: a practice corpus and a model of two layers, in a directory of its
 * own. */
#ifndef SUPPORT_RUN_H
#define SUPPORT_RUN_H

#include <clbert/train.h>

extern char run_directory[];

/* Group setup and teardown of cmocka. */
int run_make_corpus(void **state);
int run_remove_corpus(void **state);

/* A path in the directory; malloc'd. */
char *run_path(const char *name);
/* Writes the config.json of a model small enough for a test, with dropout; its path, malloc'd. */
char *run_config(void);
/* Twelve steps, a checkpoint every four, on the CPU path. */
struct clb_training_options run_options(const char *output, const char *model);
void run_assert_same_file(const char *one, const char *other, const char *name);

#endif
