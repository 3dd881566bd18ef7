/* SPDX-License-Identifier: Apache-2.0 */
/* The safetensors format: u64 header size, JSON header, data. huggingface/safetensors README. */
#ifndef MODEL_SAFETENSORS_H
#define MODEL_SAFETENSORS_H

#include <clbert/status.h>
#include <stdbool.h>
#include <stdint.h>

/* A file open for reading, mapped. */
struct safetensors;

enum clb_status safetensors_open(const char *path, struct safetensors **file);
void safetensors_close(struct safetensors *file);
bool safetensors_has(const struct safetensors *file, const char *name);
/* The tensor as floats (F32, F16, BF16) into out[rows * columns]. Its shape must be [rows,
 * columns], or [rows] where columns is 1. */
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
