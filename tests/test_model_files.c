/* SPDX-License-Identifier: Apache-2.0 */
/* Models in files: a round trip, the names that older files use, narrower types, missing heads. */
#include "base/files.h"
#include "model/safetensors.h"
#include "support_devices.h"

#include <clbert/model.h>
#include <clbert/ops.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char golden[] = TEST_GOLDEN "/model-gelu";

struct fixture {
    struct clb_device *device;
    struct clb_model *model;
    char directory[32];
};

static struct fixture open_fixture(void)
{
    const struct clb_model_limits limits = {.max_sequences = 1, .max_tokens = 8, .max_masked = 8};
    struct fixture f = {.directory = "/tmp/clbert-test-XXXXXX"};
    struct clb_config config;
    assert_non_null(mkdtemp(f.directory));
    OK(clb_config_read(TEST_GOLDEN "/model-gelu/config.json", &config));
    OK(clb_device_open("cpu", 1, &f.device));
    OK(clb_model_create(f.device, &config, &limits, &f.model));
    OK(clb_model_commit(f.model));
    return f;
}

static void close_fixture(struct fixture *f)
{
    clb_model_destroy(f->model);
    clb_device_close(f->device);
    OK(base_remove_tree(f->directory));
}

/* All weights as one vector, malloc'd. */
static float *weights_of(const struct clb_model *model, int64_t *count)
{
    struct clb_tensor whole = clb_model_weights_whole(model);
    *count = clb_tensor_elements(whole);
    float *values = malloc((size_t)*count * sizeof *values);
    OK(clb_tensor_read(whole, values, *count));
    return values;
}

static void test_round_trip(void **state)
{
    (void)state;
    struct fixture f = open_fixture();
    const struct clb_tensor whole = clb_model_weights_whole(f.model);
    int64_t count;
    OK(clb_model_load(f.model, golden, 0));
    OK(clb_model_save(f.model, f.directory));
    float *before = weights_of(f.model, &count);
    OK(clb_fill(&whole, 0.0f));
    OK(clb_model_load(f.model, f.directory, 0));
    float *after = weights_of(f.model, &count);
    assert_memory_equal(before, after, (size_t)count * sizeof *before);
    free(before);
    free(after);
    close_fixture(&f);
}

/* Rewrites the golden file's header: every occurrence of `from` becomes `to`. */
static void rename_in_header(const char *directory, const char *from, const char *to)
{
    char *bytes, *path = base_format("%s/model.safetensors", directory);
    size_t size;
    uint64_t header;
    OK(base_file_read(TEST_GOLDEN "/model-gelu/model.safetensors", "model", 1 << 30, &bytes,
                      &size));
    memcpy(&header, bytes, 8);
    char *old = strndup(bytes + 8, header), *renamed = calloc(1, 4 * header + 1);
    for (const char *at = old; *at;) {
        if (strncmp(at, from, strlen(from)) == 0) {
            strcat(renamed, to);
            at += strlen(from);
        } else {
            strncat(renamed, at++, 1);
        }
    }
    struct base_file *file;
    const uint64_t new_header = strlen(renamed);
    OK(base_file_create(path, &file));
    fwrite(&new_header, 8, 1, base_file_stream(file));
    fwrite(renamed, 1, new_header, base_file_stream(file));
    fwrite(bytes + 8 + header, 1, size - 8 - header, base_file_stream(file));
    OK(base_file_commit(file));
    free(bytes);
    free(old);
    free(renamed);
    free(path);
}

static void check_renamed(const char *from, const char *to)
{
    struct fixture f = open_fixture();
    int64_t count;
    OK(clb_model_load(f.model, golden, 0));
    float *before = weights_of(f.model, &count);
    rename_in_header(f.directory, from, to);
    OK(clb_model_load(f.model, f.directory, 0));
    float *after = weights_of(f.model, &count);
    assert_memory_equal(before, after, (size_t)count * sizeof *before);
    free(before);
    free(after);
    close_fixture(&f);
}

static void test_older_names(void **state)
{
    (void)state;
    check_renamed("LayerNorm.weight", "LayerNorm.gamma");
    check_renamed("LayerNorm.bias", "LayerNorm.beta");
    check_renamed("\"bert.", "\"");
}

/* An encoder without heads: they get the initial values of the seed, the rest is read. */
static void test_missing_heads(void **state)
{
    (void)state;
    struct fixture f = open_fixture();
    int64_t count;
    rename_in_header(f.directory, "\"cls.", "\"other.");
    OK(clb_model_load(f.model, f.directory, 7));
    float *loaded = weights_of(f.model, &count);
    OK(clb_model_load(f.model, f.directory, 7));
    float *again = weights_of(f.model, &count);
    assert_memory_equal(loaded, again, (size_t)count * sizeof *loaded);
    OK(clb_model_load(f.model, golden, 0));
    float *whole = weights_of(f.model, &count);
    assert_memory_equal(loaded, whole, 61 * 24 * sizeof *loaded); /* the word embeddings */
    assert_true(memcmp(loaded, whole, (size_t)count * sizeof *loaded) != 0);
    free(loaded);
    free(again);
    free(whole);
    close_fixture(&f);
}

/* F16 and BF16: bits written by hand, values known. */
static void test_narrow_types(void **state)
{
    (void)state;
    const char header[] =
        "{\"half\":{\"dtype\":\"F16\",\"shape\":[5],\"data_offsets\":[0,10]},"
        "\"brain\":{\"dtype\":\"BF16\",\"shape\":[1,2],\"data_offsets\":[10,14]}}";
    const uint16_t data[7] = {0x3c00, 0xc000, 0x0001, 0x7bff, 0x8000, 0x3f80, 0xc049};
    const uint64_t size = sizeof header - 1;
    char directory[] = "/tmp/clbert-test-XXXXXX", bytes[512];
    struct safetensors *file;
    float half[5], brain[2];
    assert_non_null(mkdtemp(directory));
    char *path = base_format("%s/narrow.safetensors", directory);
    memcpy(bytes, &size, 8);
    memcpy(bytes + 8, header, size);
    memcpy(bytes + 8 + size, data, sizeof data);
    OK(base_file_write(path, bytes, 8 + size + sizeof data));
    OK(safetensors_open(path, &file));
    OK(safetensors_read(file, "half", 5, 1, half));
    OK(safetensors_read(file, "brain", 1, 2, brain));
    const float expected_half[5] = {1.0f, -2.0f, 0x1p-24f, 65504.0f, -0.0f};
    const float expected_brain[2] = {1.0f, -3.140625f};
    assert_memory_equal(half, expected_half, sizeof half);
    assert_memory_equal(brain, expected_brain, sizeof brain);
    assert_int_equal(safetensors_read(file, "half", 2, 3, half), CLB_ERROR_FORMAT);
    assert_int_equal(safetensors_read(file, "none", 5, 1, half), CLB_ERROR_FORMAT);
    safetensors_close(file);
    OK(base_remove_tree(directory));
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_older_names),
        cmocka_unit_test(test_missing_heads),
        cmocka_unit_test(test_narrow_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
