/* SPDX-License-Identifier: Apache-2.0 */
#include "support_models.h"

#include "base/files.h"
#include "base/json.h"
#include "support_devices.h"

#include <clbert/model.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct support_model support_model_open(void)
{
    struct support_model m = {.directory = "/tmp/clbert-test-XXXXXX"};
    char *bytes;
    size_t size;
    uint64_t header;
    assert_non_null(mkdtemp(m.directory));
    OK(base_json_read(TEST_GOLDEN "/model-gelu/config.json", "config", &m.config));
    OK(base_file_read(TEST_GOLDEN "/model-gelu/model.safetensors", "model", 1 << 30, &bytes,
                      &size));
    memcpy(&header, bytes, 8);
    m.header = json_loadb(bytes + 8, header, 0, NULL);
    m.size = (int64_t)(size - 8 - header);
    m.data = malloc((size_t)m.size);
    memcpy(m.data, bytes + 8 + header, (size_t)m.size);
    free(bytes);
    return m;
}

void support_model_close(struct support_model *m)
{
    json_decref(m->config);
    json_decref(m->header);
    free(m->data);
    OK(base_remove_tree(m->directory));
}

char *support_model_path(const struct support_model *m, const char *name)
{
    return base_format("%s/%s", m->directory, name);
}

void support_model_write_tensors(const struct support_model *m, const char *name,
                                 const char *header, size_t length, const char *data, int64_t size)
{
    struct base_file *file;
    const uint64_t header_size = length;
    char *path = support_model_path(m, name);
    OK(base_file_create(path, &file));
    fwrite(&header_size, 8, 1, base_file_stream(file));
    fwrite(header, 1, length, base_file_stream(file));
    fwrite(data, 1, (size_t)size, base_file_stream(file));
    OK(base_file_commit(file));
    free(path);
}

void support_model_write_config(const struct support_model *m)
{
    char *path = support_model_path(m, "config.json");
    OK(base_json_write(path, m->config));
    free(path);
}

void support_model_write(const struct support_model *m)
{
    char *header = json_dumps(m->header, JSON_COMPACT);
    support_model_write_config(m);
    support_model_write_tensors(m, "model.safetensors", header, strlen(header), m->data, m->size);
    free(header);
}

int64_t support_model_place(const struct support_model *m, const char *tensor)
{
    const json_t *entry = json_object_get(m->header, tensor);
    return json_integer_value(json_array_get(json_object_get(entry, "data_offsets"), 0));
}

enum clb_status support_model_load(const struct support_model *m, int *heads, float *first)
{
    const struct clb_model_limits limits = {.max_sequences = 1, .max_tokens = 8, .max_masked = 8};
    struct clb_config config;
    struct clb_device *device = NULL;
    struct clb_model *model = NULL;
    enum clb_status status = clb_model_read_config(m->directory, &config);
    if (status == CLB_OK) OK(clb_device_open("cpu", 1, &device));
    if (status == CLB_OK) OK(clb_model_create(device, &config, &limits, &model));
    if (status == CLB_OK) OK(clb_model_commit(model));
    if (status == CLB_OK) status = clb_model_load(model, m->directory, 0);
    if (status == CLB_OK && heads) *heads = clb_model_heads(model);
    if (status == CLB_OK && first) OK(clb_tensor_read(clb_model_weights_whole(model), first, 1));
    clb_model_destroy(model);
    clb_device_close(device);
    return status;
}

void support_model_refused(const struct support_model *m, const char *word)
{
    assert_int_not_equal(support_model_load(m, NULL, NULL), CLB_OK);
    if (!strstr(clb_error_message(), word)) fail_msg("no \"%s\" in: %s", word, clb_error_message());
}

void support_model_set(struct support_model *m, const char *key, const char *value)
{
    assert_int_equal(json_object_set_new(m->config, key, json_loads(value, JSON_DECODE_ANY, NULL)),
                     0);
}
