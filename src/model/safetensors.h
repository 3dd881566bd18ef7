/* SPDX-License-Identifier: Apache-2.0 */
/* The safetensors format: u64 header size, JSON header, data. huggingface/safetensors README. */
#ifndef MODEL_SAFETENSORS_H
#define MODEL_SAFETENSORS_H

#include <clbert/status.h>
#include <stdbool.h>
#include <stdint.h>

/* A file open for reading. */
struct safetensors;

/* Reads and checks the header: what the reference implementation refuses is refused
 * (CLB_ERROR_FORMAT), and a header over MODEL_JSON_BYTES. */
enum clb_status safetensors_open(const char *path, struct safetensors **file);
void safetensors_close(struct safetensors *file);
bool safetensors_has(const struct safetensors *file, const char *name);
/* An error where the tensor is missing, of another type than F32, F16 and BF16, or of another shape
 * than [rows, columns], or [rows] where columns is 1. */
enum clb_status safetensors_check(const struct safetensors *file, const char *name, int64_t rows,
                                  int64_t columns);
/* The same, and the tensor as floats into out[rows * columns]. */
enum clb_status safetensors_read(const struct safetensors *file, const char *name, int64_t rows,
                                 int64_t columns, float *out);

/* A file being written: all tensors are declared, then their data follow in the same order. */
struct safetensors_writer;

enum clb_status safetensors_create(const char *path, struct safetensors_writer **writer);
enum clb_status safetensors_declare(struct safetensors_writer *writer, const char *name,
                                    int64_t rows, int64_t columns);
enum clb_status safetensors_append(struct safetensors_writer *writer, const float *values,
                                   int64_t count);
/* The file appears. Frees `writer` either way. */
enum clb_status safetensors_commit(struct safetensors_writer *writer);
/* NULL is allowed. */
void safetensors_abandon(struct safetensors_writer *writer);

#endif
