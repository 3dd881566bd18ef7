/* SPDX-License-Identifier: Apache-2.0 */
/* Model files of anybody's: headers, judged as huggingface/safetensors judges them, what costs more
 * memory than the files are worth, what is no file, and values that are no numbers. */
#include "base/files.h"
#include "model/safetensors.h"
#include "support_devices.h"
#include "support_models.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- headers ---- */

#define ONE(dtype, shape, offsets)                                                                 \
    "{\"a\":{\"dtype\":" dtype ",\"shape\":" shape ",\"data_offsets\":" offsets "}}"
#define TWO(first, second)                                                                         \
    "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":" first "},"                         \
    "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":" second "}}"

static const struct {
    const char *header;
    int64_t size; /* of the data */
    bool good;
} headers[] = {
    {ONE("\"F32\"", "[2]", "[0,8]"), 8, true},
    {ONE("\"F32\"", "[2]", "[0,8]") "   ", 8, true},
    {ONE("\"I64\"", "[2,1,1]", "[0,16]"), 16, true},
    {ONE("\"BOOL\"", "[]", "[0,1]"), 1, true},
    {ONE("\"F4\"", "[4]", "[0,2]"), 2, true},
    {ONE("\"F32\"", "[0,7]", "[0,0]"), 0, true},
    {TWO("[0,4]", "[4,8]"), 8, true},
    {TWO("[4,8]", "[0,4]"), 8, true},
    {"{\"__metadata__\":{\"format\":\"pt\"}}", 0, true},
    {"{\"__metadata__\":null}", 0, true},
    {"{}", 0, true},
    /* places */
    {TWO("[0,4]", "[0,4]"), 4, false},
    {TWO("[0,4]", "[2,6]"), 6, false},
    {TWO("[0,4]", "[8,12]"), 12, false},
    {TWO("[4,8]", "[8,12]"), 12, false},
    {ONE("\"F32\"", "[2]", "[0,8]"), 12, false},
    {ONE("\"F32\"", "[2]", "[0,8]"), 4, false},
    {"{}", 1, false},
    /* offsets */
    {ONE("\"F32\"", "[2]", "[8,0]"), 8, false},
    {ONE("\"F32\"", "[2]", "[-8,0]"), 8, false},
    {ONE("\"F32\"", "[2]", "[0.0,8.0]"), 8, false},
    {ONE("\"F32\"", "[2]", "[0,8,8]"), 8, false},
    {ONE("\"F32\"", "[2]", "[0]"), 8, false},
    {ONE("\"F32\"", "[2]", "\"0,8\""), 8, false},
    {ONE("\"F32\"", "[2]", "[\"0\",\"8\"]"), 8, false},
    {ONE("\"F32\"", "[2]", "[0,9223372036854775808]"), 8, false},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8, false},
    /* shapes */
    {ONE("\"F32\"", "[3]", "[0,8]"), 8, false},
    {ONE("\"F16\"", "[2]", "[0,8]"), 8, false},
    {ONE("\"F32\"", "[-2]", "[0,8]"), 8, false},
    {ONE("\"F32\"", "[-1,-2]", "[0,8]"), 8, false},
    {ONE("\"F32\"", "[2.0]", "[0,8]"), 8, false},
    {ONE("\"F32\"", "2", "[0,8]"), 8, false},
    {ONE("\"F4\"", "[3]", "[0,2]"), 2, false},
    {ONE("\"F32\"", "[4294967296,4294967296,2]", "[0,8]"), 8, false},
    {ONE("\"F32\"", "[4611686018427387904,2]", "[0,0]"), 0, false},
    {"{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}}", 8, false},
    /* types */
    {ONE("\"F33\"", "[2]", "[0,8]"), 8, false},
    {ONE("\"f32\"", "[2]", "[0,8]"), 8, false},
    {ONE("null", "[2]", "[0,8]"), 8, false},
    {ONE("32", "[2]", "[0,8]"), 8, false},
    /* entries and JSON */
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
     "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
     8, false},
    {"{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4,
     false},
    {"{\"a\":null}", 0, false},
    {"{\"a\":[]}", 0, false},
    {"{\"__metadata__\":{\"n\":1}}", 0, false},
    {"{\"__metadata__\":[]}", 0, false},
    {"[]", 0, false},
    {"", 0, false},
    {"{} {}", 0, false},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}", 8, false},
    {"{\"\xff\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, false},
};

static void test_headers(void **state)
{
    (void)state;
    struct support_model f = support_model_open();
    char *path = support_model_path(&f, "x.safetensors");
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        struct safetensors *file = NULL;
        support_model_write_tensors(&f, "x.safetensors", headers[i].header,
                                    strlen(headers[i].header), f.data, headers[i].size);
        const enum clb_status status = safetensors_open(path, &file);
        if ((status == CLB_OK) != headers[i].good || (status && status != CLB_ERROR_FORMAT))
            fail_msg("%s with %" PRId64 " bytes: %s", headers[i].header, headers[i].size,
                     status == CLB_OK ? "taken" : clb_error_message());
        safetensors_close(file);
    }
    free(path);
    support_model_close(&f);
}

/* ---- what costs more than the files are worth ---- */

static long most_memory(void) /* MiB, so far */
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss >> 10;
}

static void test_memory(void **state)
{
    (void)state;
    static const char *const sizes[][2] = {{"vocab_size", "8000000"},
                                           {"hidden_size", "65535"},
                                           {"intermediate_size", "262144"},
                                           {"max_position_embeddings", "65536"},
                                           {"num_hidden_layers", "1024"}};
    enum { ARRAYS = 12 << 20 };
    const long before = most_memory();
    for (int i = 0; i < 5; i++) {
        struct support_model f = support_model_open();
        support_model_set(&f, sizes[i][0], sizes[i][1]);
        support_model_write(&f);
        support_model_refused(
            &f, strcmp(sizes[i][0], "num_hidden_layers") == 0 ? "layer.2." : "config.json says");
        support_model_close(&f);
    }
    struct support_model f = support_model_open();
    char *header = malloc(ARRAYS);
    memcpy(header, "{\"a\":[", 6);
    for (int i = 6; i + 3 <= ARRAYS - 2; i += 3) memcpy(header + i, "[],", 3);
    memcpy(header + ARRAYS - 4, "[]]}", 4);
    support_model_write_config(&f);
    support_model_write_tensors(&f, "model.safetensors", header, ARRAYS, f.data, f.size);
    support_model_refused(&f, "values");
    support_model_write_tensors(&f, "model.safetensors", header, ARRAYS, header,
                                ARRAYS); /* 24 MiB of header */
    char *path = support_model_path(&f, "model.safetensors");
    FILE *stream = fopen(path, "r+b");
    const uint64_t size = 2 * (uint64_t)ARRAYS;
    fwrite(&size, 8, 1, stream);
    fclose(stream);
    support_model_refused(&f, "header would have");
    char *config = support_model_path(&f, "config.json");
    OK(base_file_write(config, header, ARRAYS));
    support_model_refused(&f, "values");
    assert_in_range(most_memory() - before, 0, 200);
    free(config);
    free(path);
    free(header);
    support_model_close(&f);
}

/* ---- what is no file, or no longer ---- */

static void test_pipes(void **state)
{
    (void)state;
    static const char *const names[] = {"model.safetensors", "config.json"};
    alarm(20); /* who waits at a pipe waits for ever */
    for (int i = 0; i < 2; i++) {
        struct support_model f = support_model_open();
        char *path = support_model_path(&f, names[i]);
        support_model_write(&f);
        unlink(path);
        assert_int_equal(mkfifo(path, 0600), 0);
        support_model_refused(&f, "regular file");
        free(path);
        support_model_close(&f);
    }
    alarm(0);
}

static void test_cut_while_read(void **state)
{
    (void)state;
    const char *tensor = "cls.predictions.transform.dense.weight";
    struct support_model f = support_model_open();
    struct safetensors *file;
    float values[24 * 24];
    char *path = support_model_path(&f, "model.safetensors");
    support_model_write(&f);
    OK(safetensors_open(path, &file));
    OK(safetensors_read(file, tensor, 24, 24, values));
    assert_int_equal(truncate(path, 4096), 0);
    assert_int_equal(safetensors_read(file, tensor, 24, 24, values), CLB_ERROR_IO);
    safetensors_close(file);
    support_model_refused(&f, "cut short");
    free(path);
    support_model_close(&f);
}

static void test_values_not_finite(void **state)
{
    (void)state;
    const uint32_t values[] = {0x7fc00000, 0x7f800000, 0xff800000};
    for (int i = 0; i < 3; i++) {
        struct support_model f = support_model_open();
        memcpy(f.data + support_model_place(&f, "bert.pooler.dense.weight") + 40, &values[i], 4);
        support_model_write(&f);
        assert_int_equal(support_model_load(&f, NULL, NULL), CLB_ERROR_NUMERIC);
        assert_non_null(strstr(clb_error_message(), "bert.pooler.dense.weight"));
        support_model_close(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory), /* first: it looks at the most that was ever used */
        cmocka_unit_test(test_headers),        cmocka_unit_test(test_pipes),
        cmocka_unit_test(test_cut_while_read), cmocka_unit_test(test_values_not_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
