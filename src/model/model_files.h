/* SPDX-License-Identifier: Apache-2.0 */
/* A model directory of anybody's: config.json and the weights beside it, in one file or several. */
#ifndef MODEL_FILES_H
#define MODEL_FILES_H

#include <clbert/model.h>

#include <stdbool.h>

/* config.c: as clb_config_read, but *tied says whether the MLM head's decoder is the word
 * embeddings (tie_word_embeddings). */
enum clb_status bert_config_read(const char *path, struct clb_config *config, bool *tied);

/* The weights of a directory, their headers read and checked. */
struct model_files;

/* Opens DIR/model.safetensors, or what DIR/model.safetensors.index.json names. */
enum clb_status model_files_open(const char *directory, struct model_files **files);
void model_files_close(struct model_files *files);

/* An error where a tensor that the configuration asks for is missing or has another shape; *heads:
 * the heads whose tensors are all there (a sum of CLB_HEAD_...). */
enum clb_status model_files_check(const struct model_files *files, const struct clb_config *config,
                                  bool tied, int *heads);

/* For a model whose decoder is not tied: an error where it is not equal to the word embeddings. */
enum clb_status model_files_check_decoder(const struct model_files *files,
                                          const struct clb_config *config);

/* Whether a tensor is there under one of the names that a parameter has had. */
bool model_files_has(const struct model_files *files, const struct clb_parameter *parameter);
/* All parts of a parameter that is there, as floats [rows, columns] of its tensor. Values that are
 * not finite: CLB_ERROR_NUMERIC. */
enum clb_status model_files_read(const struct model_files *files,
                                 const struct clb_parameter *parameter, float *out);
/* The directory, for messages. */
const char *model_files_directory(const struct model_files *files);

/* What a path is that was meant to be a model directory and cannot be read as one: the clearest
 * error there is. */
enum clb_status model_directory_error(const char *directory);

#endif
