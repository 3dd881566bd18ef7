/* SPDX-License-Identifier: Apache-2.0 */
/* Model directories that are not what they should be: the golden model with one thing changed.
 * Headers are judged as huggingface/safetensors judges them. */
#include "base/files.h"
#include "base/json.h"
#include "model/safetensors.h"
#include "support_devices.h"

#include <clbert/model.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- a directory to change ---- */

struct fixture {
    char directory[32];
    json_t *config, *header; /* of the golden model */
    char *data;
    int64_t size; /* of the data */
};

static struct fixture open_fixture(void)
{
    struct fixture f = {.directory = "/tmp/clbert-test-XXXXXX"};
    char *bytes;
    size_t size;
    uint64_t header;
    assert_non_null(mkdtemp(f.directory));
    OK(base_json_read(TEST_GOLDEN "/model-gelu/config.json", "config", &f.config));
    OK(base_file_read(TEST_GOLDEN "/model-gelu/model.safetensors", "model", 1 << 30, &bytes,
                      &size));
    memcpy(&header, bytes, 8);
    f.header = json_loadb(bytes + 8, header, 0, NULL);
    f.size = (int64_t)(size - 8 - header);
    f.data = malloc((size_t)f.size);
    memcpy(f.data, bytes + 8 + header, (size_t)f.size);
    free(bytes);
    return f;
}

static void close_fixture(struct fixture *f)
{
    json_decref(f->config);
    json_decref(f->header);
    free(f->data);
    OK(base_remove_tree(f->directory));
}

static char *inside(const struct fixture *f, const char *name)
{
    return base_format("%s/%s", f->directory, name);
}

static void write_tensors(const struct fixture *f, const char *name, const char *header,
                          size_t length, const char *data, int64_t size)
{
    struct base_file *file;
    const uint64_t header_size = length;
    char *path = inside(f, name);
    OK(base_file_create(path, &file));
    fwrite(&header_size, 8, 1, base_file_stream(file));
    fwrite(header, 1, length, base_file_stream(file));
    fwrite(data, 1, (size_t)size, base_file_stream(file));
    OK(base_file_commit(file));
    free(path);
}

static void write_config(const struct fixture *f)
{
    char *path = inside(f, "config.json");
    OK(base_json_write(path, f->config));
    free(path);
}

static void write_model(const struct fixture *f)
{
    char *header = json_dumps(f->header, JSON_COMPACT);
    write_config(f);
    write_tensors(f, "model.safetensors", header, strlen(header), f->data, f->size);
    free(header);
}

/* A tensor's first byte within the data. */
static int64_t place_of(const struct fixture *f, const char *tensor)
{
    const json_t *entry = json_object_get(f->header, tensor);
    return json_integer_value(json_array_get(json_object_get(entry, "data_offsets"), 0));
}

static void rename_tensor(struct fixture *f, const char *from, const char *to)
{
    json_t *entry = json_incref(json_object_get(f->header, from));
    assert_non_null(entry);
    json_object_del(f->header, from);
    if (to) json_object_set_new(f->header, to, entry);
}

/* Another tensor [rows, columns] at the end, with a copy of the values at `from`. */
static void add_tensor(struct fixture *f, const char *name, int rows, int columns, int64_t from)
{
    const int64_t bytes = 4 * (int64_t)rows * columns;
    f->data = realloc(f->data, (size_t)(f->size + bytes));
    memcpy(f->data + f->size, f->data + from, (size_t)bytes);
    json_object_set_new(
        f->header, name,
        columns > 1
            ? json_pack("{s:s, s:[i,i], s:[I,I]}", "dtype", "F32", "shape", rows, columns,
                        "data_offsets", (json_int_t)f->size, (json_int_t)(f->size + bytes))
            : json_pack("{s:s, s:[i], s:[I,I]}", "dtype", "F32", "shape", rows, "data_offsets",
                        (json_int_t)f->size, (json_int_t)(f->size + bytes)));
    f->size += bytes;
}

/* Reads configuration and weights as every command does; *heads of the model, its weights' first
 * value in *first (both may be NULL). */
static enum clb_status load(const struct fixture *f, int *heads, float *first)
{
    const struct clb_model_limits limits = {.max_sequences = 1, .max_tokens = 8, .max_masked = 8};
    struct clb_config config;
    struct clb_device *device = NULL;
    struct clb_model *model = NULL;
    enum clb_status status = clb_model_read_config(f->directory, &config);
    if (status == CLB_OK) OK(clb_device_open("cpu", 1, &device));
    if (status == CLB_OK) OK(clb_model_create(device, &config, &limits, &model));
    if (status == CLB_OK) OK(clb_model_commit(model));
    if (status == CLB_OK) status = clb_model_load(model, f->directory, 0);
    if (status == CLB_OK && heads) *heads = clb_model_heads(model);
    if (status == CLB_OK && first) OK(clb_tensor_read(clb_model_weights_whole(model), first, 1));
    clb_model_destroy(model);
    clb_device_close(device);
    return status;
}

/* The model as it is now on the disk: refused, and the message has `word`. */
static void refused(const struct fixture *f, const char *word)
{
    assert_int_not_equal(load(f, NULL, NULL), CLB_OK);
    if (!strstr(clb_error_message(), word)) fail_msg("no \"%s\" in: %s", word, clb_error_message());
}

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
    struct fixture f = open_fixture();
    char *path = inside(&f, "x.safetensors");
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        struct safetensors *file = NULL;
        write_tensors(&f, "x.safetensors", headers[i].header, strlen(headers[i].header), f.data,
                      headers[i].size);
        const enum clb_status status = safetensors_open(path, &file);
        if ((status == CLB_OK) != headers[i].good || (status && status != CLB_ERROR_FORMAT))
            fail_msg("%s with %" PRId64 " bytes: %s", headers[i].header, headers[i].size,
                     status == CLB_OK ? "taken" : clb_error_message());
        safetensors_close(file);
    }
    free(path);
    close_fixture(&f);
}

/* ---- what costs more than the files are worth ---- */

static long most_memory(void) /* MiB, so far */
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss >> 10;
}

static void set_config(struct fixture *f, const char *key, const char *value)
{
    assert_int_equal(json_object_set_new(f->config, key, json_loads(value, JSON_DECODE_ANY, NULL)),
                     0);
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
        struct fixture f = open_fixture();
        set_config(&f, sizes[i][0], sizes[i][1]);
        write_model(&f);
        refused(&f,
                strcmp(sizes[i][0], "num_hidden_layers") == 0 ? "layer.2." : "config.json says");
        close_fixture(&f);
    }
    struct fixture f = open_fixture();
    char *header = malloc(ARRAYS);
    memcpy(header, "{\"a\":[", 6);
    for (int i = 6; i + 3 <= ARRAYS - 2; i += 3) memcpy(header + i, "[],", 3);
    memcpy(header + ARRAYS - 4, "[]]}", 4);
    write_config(&f);
    write_tensors(&f, "model.safetensors", header, ARRAYS, f.data, f.size);
    refused(&f, "values");
    write_tensors(&f, "model.safetensors", header, ARRAYS, header, ARRAYS); /* 24 MiB of header */
    char *path = inside(&f, "model.safetensors");
    FILE *stream = fopen(path, "r+b");
    const uint64_t size = 2 * (uint64_t)ARRAYS;
    fwrite(&size, 8, 1, stream);
    fclose(stream);
    refused(&f, "header would have");
    char *config = inside(&f, "config.json");
    OK(base_file_write(config, header, ARRAYS));
    refused(&f, "values");
    assert_in_range(most_memory() - before, 0, 200);
    free(config);
    free(path);
    free(header);
    close_fixture(&f);
}

/* ---- what is no file, or no longer ---- */

static void test_pipes(void **state)
{
    (void)state;
    static const char *const names[] = {"model.safetensors", "config.json"};
    alarm(20); /* who waits at a pipe waits for ever */
    for (int i = 0; i < 2; i++) {
        struct fixture f = open_fixture();
        char *path = inside(&f, names[i]);
        write_model(&f);
        unlink(path);
        assert_int_equal(mkfifo(path, 0600), 0);
        refused(&f, "regular file");
        free(path);
        close_fixture(&f);
    }
    alarm(0);
}

static void test_cut_while_read(void **state)
{
    (void)state;
    const char *tensor = "cls.predictions.transform.dense.weight";
    struct fixture f = open_fixture();
    struct safetensors *file;
    float values[24 * 24];
    char *path = inside(&f, "model.safetensors");
    write_model(&f);
    OK(safetensors_open(path, &file));
    OK(safetensors_read(file, tensor, 24, 24, values));
    assert_int_equal(truncate(path, 4096), 0);
    assert_int_equal(safetensors_read(file, tensor, 24, 24, values), CLB_ERROR_IO);
    safetensors_close(file);
    refused(&f, "cut short");
    free(path);
    close_fixture(&f);
}

static void test_values_not_finite(void **state)
{
    (void)state;
    const uint32_t values[] = {0x7fc00000, 0x7f800000, 0xff800000};
    for (int i = 0; i < 3; i++) {
        struct fixture f = open_fixture();
        memcpy(f.data + place_of(&f, "bert.pooler.dense.weight") + 40, &values[i], 4);
        write_model(&f);
        assert_int_equal(load(&f, NULL, NULL), CLB_ERROR_NUMERIC);
        assert_non_null(strstr(clb_error_message(), "bert.pooler.dense.weight"));
        close_fixture(&f);
    }
}

/* ---- config.json ---- */

static void test_config(void **state)
{
    (void)state;
    static const struct {
        const char *key, *value;
        bool good;
    } settings[] = {
        {"layer_norm_eps", "1e-5", true},
        {"layer_norm_eps", "0.0", false},
        {"layer_norm_eps", "1e-60", false},
        {"layer_norm_eps", "-1e-12", false},
        {"layer_norm_eps", "3.4e38", false},
        {"layer_norm_eps", "1e300", false},
        {"layer_norm_eps", "\"1e-12\"", false},
        {"initializer_range", "0", true},
        {"initializer_range", "3.4e38", false},
        {"initializer_range", "1e39", false},
        {"initializer_range", "-0.02", false},
        {"hidden_dropout_prob", "1.0", false},
        {"hidden_dropout_prob", "1e39", false},
        {"hidden_size", "2147483647", false},
        {"hidden_size", "4294967320", false},
        {"hidden_size", "-24", false},
        {"num_attention_heads", "0", false},
        {"num_attention_heads", "24", true},
        {"num_hidden_layers", "2.0", false},
        {"num_hidden_layers", "1", true}, /* with a warning: the file has 2 */
        {"vocab_size", "2147483647", false},
        {"pad_token_id", "null", true},
        {"pad_token_id", "4294967296", false},
        {"model_type", "\"roberta\"", false},
        {"model_type", "\"distilbert\"", false},
        {"position_embedding_type", "\"absolute\"", true},
        {"position_embedding_type", "\"relative_key\"", false},
        {"is_decoder", "true", false},
        {"is_decoder", "null", true},
        {"add_cross_attention", "true", false},
        {"pruned_heads", "{}", true},
        {"pruned_heads", "{\"0\": [1]}", false},
        {"quantization_config", "{\"load_in_8bit\": true}", false},
        {"auto_map", "{\"AutoModel\": \"modeling.Mine\"}", false},
        {"hidden_act", "\"relu\"", false},
    };
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        struct fixture f = open_fixture();
        set_config(&f, settings[i].key, settings[i].value);
        write_model(&f);
        const enum clb_status status = load(&f, NULL, NULL);
        if ((status == CLB_OK) != settings[i].good)
            fail_msg("%s %s: %s", settings[i].key, settings[i].value,
                     status == CLB_OK ? "taken" : clb_error_message());
        if (status != CLB_OK && !strstr(clb_error_message(), settings[i].key) &&
            !strstr(clb_error_message(), "dropout"))
            fail_msg("%s is not named: %s", settings[i].key, clb_error_message());
        close_fixture(&f);
    }
}

/* What can be read can be written, and read again. */
static void test_extreme_config(void **state)
{
    (void)state;
    struct fixture f = open_fixture();
    struct clb_config config, again;
    char *path = inside(&f, "config.json");
    set_config(&f, "layer_norm_eps", "1.0");
    set_config(&f, "initializer_range", "100.0");
    write_config(&f);
    OK(clb_config_read(path, &config));
    OK(clb_config_write(&config, path));
    OK(clb_config_read(path, &again));
    assert_true(config.initializer_range == again.initializer_range);
    assert_true(config.layer_norm_eps == again.layer_norm_eps);
    free(path);
    close_fixture(&f);
}

/* ---- heads ---- */

static void test_heads(void **state)
{
    (void)state;
    struct fixture f = open_fixture();
    int heads;
    write_model(&f);
    OK(load(&f, &heads, NULL));
    assert_int_equal(heads, CLB_HEAD_MLM | CLB_HEAD_NSP);
    /* BertForMaskedLM */
    rename_tensor(&f, "cls.seq_relationship.weight", "a");
    rename_tensor(&f, "cls.seq_relationship.bias", "b");
    rename_tensor(&f, "bert.pooler.dense.weight", "c");
    rename_tensor(&f, "bert.pooler.dense.bias", "d");
    write_model(&f);
    OK(load(&f, &heads, NULL));
    assert_int_equal(heads, CLB_HEAD_MLM);
    /* a part of a head is none */
    rename_tensor(&f, "cls.predictions.transform.dense.bias", "e");
    write_model(&f);
    OK(load(&f, &heads, NULL));
    assert_int_equal(heads, 0);
    close_fixture(&f);
}

/* "tie_word_embeddings": false, with a decoder that is equal and one that is not, and without. */
static void test_decoder(void **state)
{
    (void)state;
    const char *decoder = "cls.predictions.decoder.weight",
               *words = "bert.embeddings.word_embeddings.weight";
    struct fixture f = open_fixture();
    const int64_t place = place_of(&f, words);
    int heads;
    set_config(&f, "tie_word_embeddings", "false");
    write_model(&f);
    OK(load(&f, &heads, NULL));
    assert_int_equal(heads, CLB_HEAD_NSP);
    add_tensor(&f, decoder, 61, 24, place);
    write_model(&f);
    OK(load(&f, &heads, NULL));
    assert_int_equal(heads, CLB_HEAD_MLM | CLB_HEAD_NSP);
    f.data[f.size - 1] ^= 1;
    write_model(&f);
    refused(&f, "tie_word_embeddings");
    /* Tied, the word embeddings count, whatever else is there. */
    set_config(&f, "tie_word_embeddings", "true");
    write_model(&f);
    OK(load(&f, &heads, NULL));
    close_fixture(&f);
}

/* A file may have the tied tensors under the decoder's names alone. */
static void test_decoder_names(void **state)
{
    (void)state;
    struct fixture f = open_fixture();
    int heads;
    float first, expected;
    write_model(&f);
    OK(load(&f, NULL, &expected));
    rename_tensor(&f, "bert.embeddings.word_embeddings.weight", "cls.predictions.decoder.weight");
    rename_tensor(&f, "cls.predictions.bias", "cls.predictions.decoder.bias");
    write_model(&f);
    OK(load(&f, &heads, &first));
    assert_int_equal(heads, CLB_HEAD_MLM | CLB_HEAD_NSP);
    assert_true(first == expected);
    close_fixture(&f);
}

/* ---- several files ---- */

/* Moves the tensor that lies last in the data into a file of its own, and writes the index. */
static void write_shards(struct fixture *f, const char *moved, const char *second)
{
    const int64_t begin = place_of(f, moved);
    json_t *map = json_object(), *entry = json_incref(json_object_get(f->header, moved)), *value;
    const char *name;
    json_object_foreach(f->header, name, value) if (strcmp(name, "__metadata__") != 0)
        json_object_set_new(map, name, json_string(strcmp(name, moved) == 0 ? second : "1.st"));
    json_object_del(f->header, moved);
    char *header = json_dumps(f->header, JSON_COMPACT), *path;
    write_tensors(f, "1.st", header, strlen(header), f->data, begin);
    free(header);
    json_object_set_new(entry, "data_offsets",
                        json_pack("[i,I]", 0, (json_int_t)(f->size - begin)));
    json_t *alone = json_pack("{s:o}", moved, entry);
    header = json_dumps(alone, JSON_COMPACT);
    write_tensors(f, "2.st", header, strlen(header), f->data + begin, f->size - begin);
    free(header);
    json_decref(alone);
    json_t *index = json_pack("{s:{}, s:o}", "metadata", "weight_map", map);
    path = inside(f, "model.safetensors.index.json");
    OK(base_json_write(path, index));
    json_decref(index);
    free(path);
    write_config(f);
}

static void test_shards(void **state)
{
    (void)state;
    const char *last = "cls.seq_relationship.weight";
    static const char *const wrong[][2] = {
        {"1.st", "should have"}, {"3.st", "3.st"}, {"../2.st", "not a file's name"}};
    struct fixture f = open_fixture();
    int heads;
    float first, expected;
    write_model(&f);
    OK(load(&f, NULL, &expected));
    char *whole = inside(&f, "model.safetensors");
    unlink(whole);
    free(whole);
    assert_int_equal(place_of(&f, last) + 2 * 24 * 4, f.size);
    write_shards(&f, last, "2.st");
    OK(load(&f, &heads, &first));
    assert_int_equal(heads, CLB_HEAD_MLM | CLB_HEAD_NSP);
    assert_true(first == expected);
    close_fixture(&f);
    for (int i = 0; i < 3; i++) {
        f = open_fixture();
        write_shards(&f, last, wrong[i][0]);
        refused(&f, wrong[i][1]);
        close_fixture(&f);
    }
}

/* ---- what is no model ---- */

static void touch(const struct fixture *f, const char *name)
{
    char *path = inside(f, name);
    OK(base_file_write(path, "{}", 2));
    free(path);
}

static void test_directories(void **state)
{
    (void)state;
    struct fixture f = open_fixture();
    refused(&f, "empty");
    touch(&f, "notes");
    refused(&f, "config.json");
    touch(&f, "vocab.txt");
    refused(&f, "is a tokenizer");
    touch(&f, "model.safetensors");
    refused(&f, "but no config.json");
    touch(&f, "checkpoint-10");
    refused(&f, "/checkpoint-10");
    touch(&f, "corpus.json");
    refused(&f, "is a corpus");
    OK(base_remove_tree(f.directory));
    refused(&f, "no such directory");
    OK(base_file_write(f.directory, "{}", 2));
    refused(&f, "is not a directory");
    close_fixture(&f);
    f = open_fixture();
    write_config(&f);
    refused(&f, "is not there");
    touch(&f, "pytorch_model.bin");
    refused(&f, "save_pretrained");
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory), /* first: it looks at the most that was ever used */
        cmocka_unit_test(test_headers),        cmocka_unit_test(test_pipes),
        cmocka_unit_test(test_cut_while_read), cmocka_unit_test(test_values_not_finite),
        cmocka_unit_test(test_config),         cmocka_unit_test(test_extreme_config),
        cmocka_unit_test(test_heads),          cmocka_unit_test(test_decoder),
        cmocka_unit_test(test_decoder_names),  cmocka_unit_test(test_shards),
        cmocka_unit_test(test_directories),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
