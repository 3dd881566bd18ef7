/* SPDX-License-Identifier: Apache-2.0 */
/* A directory with the golden model, to change one thing of it and see what is said. */
#ifndef SUPPORT_MODELS_H
#define SUPPORT_MODELS_H

#include <clbert/status.h>
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct support_model {
    char directory[32];      /* empty until something is written */
    json_t *config, *header; /* of the golden model, to be changed */
    char *data;
    int64_t size; /* of the data */
};

struct support_model support_model_open(void);
void support_model_close(struct support_model *m);

/* A path inside the directory, malloc'd. */
char *support_model_path(const struct support_model *m, const char *name);
/* A safetensors file of any header and data. */
void support_model_write_tensors(const struct support_model *m, const char *name,
                                 const char *header, size_t length, const char *data, int64_t size);
void support_model_write_config(const struct support_model *m);
/* config.json and model.safetensors as they are now. */
void support_model_write(const struct support_model *m);

/* Sets a member of config.json to a value written in JSON. */
void support_model_set(struct support_model *m, const char *key, const char *value);
/* A tensor's first byte within the data. */
int64_t support_model_place(const struct support_model *m, const char *tensor);

/* Reads configuration and weights as every command does; *heads of the model, its weights' first
 * value in *first (both may be NULL). */
enum clb_status support_model_load(const struct support_model *m, int *heads, float *first);
/* The model as it is now on the disk is refused, and the message has `word`. */
void support_model_refused(const struct support_model *m, const char *word);

#endif
