/* SPDX-License-Identifier: Apache-2.0 */
/* A model directory of anybody's: config.json and the weights beside it, in one file or several. */
#ifndef MODEL_FILES_H
#define MODEL_FILES_H

#include <clbert/model.h>

#include <jansson.h>
#include <stdbool.h>

/* config.c: as clb_config_read, but *tied says whether the MLM head's decoder is the word
 * embeddings (tie_word_embeddings), and *labels are the names of the classes (model/labels.h) or
 * NULL; `labels` may be NULL. */
enum clb_status bert_config_read(const char *path, struct clb_config *config, bool *tied,
                                 json_t **labels);
/* As clb_config_write, with these names. */
enum clb_status bert_config_write(const struct clb_config *config, const json_t *labels,
                                  const char *path);

/* The weights of a directory, their headers read and checked. */
struct model_files;

/* Opens DIR/model.safetensors, or what DIR/model.safetensors.index.json names. */
enum clb_status model_files_open(const char *directory, struct model_files **files);
void model_files_close(struct model_files *files);
/* From here on they have none but the encoder and its pooler. */
void model_files_hide_heads(struct model_files *files);

/* An error where a tensor of the model's encoder is missing, or any has another shape. Modules
 * whose tensors are all there are `filled`. */
enum clb_status model_files_check(const struct model_files *files, struct clb_model *model,
                                  bool tied);

/* For a model whose decoder is not tied: an error where it is not equal to the word embeddings. */
enum clb_status model_files_check_decoder(const struct model_files *files,
                                          const struct clb_model *model);

/* Whether a tensor is there under one of the names that a parameter has had. */
bool model_files_has(const struct model_files *files, const struct clb_parameter *parameter);
/* All parts of a parameter that is there, as floats [rows, columns] of its tensor. Values that are
 * not finite: CLB_ERROR_NUMERIC. */
enum clb_status model_files_read(const struct model_files *files,
                                 const struct clb_parameter *parameter, float *out);
/* The directory, for messages. */
const char *model_files_directory(const struct model_files *files);

/* An error where a tokenizer has more tokens than the model has embeddings for; a warning where it
 * has fewer. */
enum clb_status model_vocabulary_check(const char *directory, int32_t tokens,
                                       const struct clb_config *config);

/* What a path is that was meant to be a model directory and cannot be read as one: the clearest
 * error there is. */
enum clb_status model_directory_error(const char *directory);

#endif
