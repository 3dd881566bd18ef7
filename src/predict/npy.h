/* SPDX-License-Identifier: Apache-2.0 */
/* A NumPy file of float32 rows whose number is known at the end; it appears whole or not at all. */
#ifndef PREDICT_NPY_H
#define PREDICT_NPY_H

#include <clbert/status.h>
#include <stdint.h>

struct npy_writer;

enum clb_status npy_create(const char *path, int32_t width, struct npy_writer **npy);
enum clb_status npy_append(struct npy_writer *npy, const float *rows, int64_t count);
/* Writes the number of rows and moves the file to its name; frees either way. */
enum clb_status npy_commit(struct npy_writer *npy);
/* Removes what was written and frees. NULL is allowed. */
void npy_abandon(struct npy_writer *npy);

#endif
