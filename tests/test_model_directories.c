/* SPDX-License-Identifier: Apache-2.0 */
/* Model directories: what config.json may say, heads that are missing, decoders, several files, and
 * what is no model. */
#include "base/files.h"
#include "base/json.h"
#include "support_devices.h"
#include "support_models.h"

#include <clbert/model.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void rename_tensor(struct support_model *f, const char *from, const char *to)
{
    json_t *entry = json_incref(json_object_get(f->header, from));
    assert_non_null(entry);
    json_object_del(f->header, from);
    if (to) json_object_set_new(f->header, to, entry);
}

/* Another tensor [rows, columns] at the end, with a copy of the values at `from`. */
static void add_tensor(struct support_model *f, const char *name, int rows, int columns,
                       int64_t from)
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
        struct support_model f = support_model_open();
        support_model_set(&f, settings[i].key, settings[i].value);
        support_model_write(&f);
        const enum clb_status status = support_model_load(&f, NULL, NULL);
        if ((status == CLB_OK) != settings[i].good)
            fail_msg("%s %s: %s", settings[i].key, settings[i].value,
                     status == CLB_OK ? "taken" : clb_error_message());
        if (status != CLB_OK && !strstr(clb_error_message(), settings[i].key) &&
            !strstr(clb_error_message(), "dropout"))
            fail_msg("%s is not named: %s", settings[i].key, clb_error_message());
        support_model_close(&f);
    }
}

/* What can be read can be written, and read again. */
static void test_extreme_config(void **state)
{
    (void)state;
    struct support_model f = support_model_open();
    struct clb_config config, again;
    char *path = support_model_path(&f, "config.json");
    support_model_set(&f, "layer_norm_eps", "1.0");
    support_model_set(&f, "initializer_range", "100.0");
    support_model_write_config(&f);
    OK(clb_config_read(path, &config));
    OK(clb_config_write(&config, path));
    OK(clb_config_read(path, &again));
    assert_true(config.initializer_range == again.initializer_range);
    assert_true(config.layer_norm_eps == again.layer_norm_eps);
    free(path);
    support_model_close(&f);
}

/* ---- heads ---- */

static void test_heads(void **state)
{
    (void)state;
    struct support_model f = support_model_open();
    int heads;
    support_model_write(&f);
    OK(support_model_load(&f, &heads, NULL));
    assert_int_equal(heads, CLB_HEAD_MLM | CLB_HEAD_NSP);
    /* a head needs the pooler that it stands on */
    rename_tensor(&f, "bert.pooler.dense.weight", "c");
    support_model_write(&f);
    OK(support_model_load(&f, &heads, NULL));
    assert_int_equal(heads, CLB_HEAD_MLM);
    /* BertForMaskedLM */
    rename_tensor(&f, "cls.seq_relationship.weight", "a");
    rename_tensor(&f, "cls.seq_relationship.bias", "b");
    rename_tensor(&f, "bert.pooler.dense.bias", "d");
    support_model_write(&f);
    OK(support_model_load(&f, &heads, NULL));
    assert_int_equal(heads, CLB_HEAD_MLM);
    /* a part of a head is none */
    rename_tensor(&f, "cls.predictions.transform.dense.bias", "e");
    support_model_write(&f);
    OK(support_model_load(&f, &heads, NULL));
    assert_int_equal(heads, 0);
    support_model_close(&f);
}

/* "tie_word_embeddings": false, with a decoder that is equal and one that is not, and without. */
static void test_decoder(void **state)
{
    (void)state;
    const char *decoder = "cls.predictions.decoder.weight",
               *words = "bert.embeddings.word_embeddings.weight";
    struct support_model f = support_model_open();
    const int64_t place = support_model_place(&f, words);
    int heads;
    support_model_set(&f, "tie_word_embeddings", "false");
    support_model_write(&f);
    OK(support_model_load(&f, &heads, NULL));
    assert_int_equal(heads, CLB_HEAD_NSP);
    add_tensor(&f, decoder, 61, 24, place);
    support_model_write(&f);
    OK(support_model_load(&f, &heads, NULL));
    assert_int_equal(heads, CLB_HEAD_MLM | CLB_HEAD_NSP);
    f.data[f.size - 1] ^= 1;
    support_model_write(&f);
    support_model_refused(&f, "tie_word_embeddings");
    /* Tied, the word embeddings count, whatever else is there. */
    support_model_set(&f, "tie_word_embeddings", "true");
    support_model_write(&f);
    OK(support_model_load(&f, &heads, NULL));
    support_model_close(&f);
}

/* A file may have the tied tensors under the decoder's names alone. */
static void test_decoder_names(void **state)
{
    (void)state;
    struct support_model f = support_model_open();
    int heads;
    float first, expected;
    support_model_write(&f);
    OK(support_model_load(&f, NULL, &expected));
    rename_tensor(&f, "bert.embeddings.word_embeddings.weight", "cls.predictions.decoder.weight");
    rename_tensor(&f, "cls.predictions.bias", "cls.predictions.decoder.bias");
    support_model_write(&f);
    OK(support_model_load(&f, &heads, &first));
    assert_int_equal(heads, CLB_HEAD_MLM | CLB_HEAD_NSP);
    assert_true(first == expected);
    support_model_close(&f);
}

/* ---- several files ---- */

/* Moves the tensor that lies last in the data into a file of its own, and writes the index. */
static void write_shards(struct support_model *f, const char *moved, const char *second)
{
    const int64_t begin = support_model_place(f, moved);
    json_t *map = json_object(), *entry = json_incref(json_object_get(f->header, moved)), *value;
    const char *name;
    json_object_foreach(f->header, name, value) if (strcmp(name, "__metadata__") != 0)
        json_object_set_new(map, name, json_string(strcmp(name, moved) == 0 ? second : "1.st"));
    json_object_del(f->header, moved);
    char *header = json_dumps(f->header, JSON_COMPACT), *path;
    support_model_write_tensors(f, "1.st", header, strlen(header), f->data, begin);
    free(header);
    json_object_set_new(entry, "data_offsets",
                        json_pack("[i,I]", 0, (json_int_t)(f->size - begin)));
    json_t *alone = json_pack("{s:o}", moved, entry);
    header = json_dumps(alone, JSON_COMPACT);
    support_model_write_tensors(f, "2.st", header, strlen(header), f->data + begin,
                                f->size - begin);
    free(header);
    json_decref(alone);
    json_t *index = json_pack("{s:{}, s:o}", "metadata", "weight_map", map);
    path = support_model_path(f, "model.safetensors.index.json");
    OK(base_json_write(path, index));
    json_decref(index);
    free(path);
    support_model_write_config(f);
}

static void test_shards(void **state)
{
    (void)state;
    const char *last = "cls.seq_relationship.weight";
    static const char *const wrong[][2] = {
        {"1.st", "should have"}, {"3.st", "3.st"}, {"../2.st", "not a file's name"}};
    struct support_model f = support_model_open();
    int heads;
    float first, expected;
    support_model_write(&f);
    OK(support_model_load(&f, NULL, &expected));
    char *whole = support_model_path(&f, "model.safetensors");
    unlink(whole);
    free(whole);
    assert_int_equal(support_model_place(&f, last) + 2 * 24 * 4, f.size);
    write_shards(&f, last, "2.st");
    OK(support_model_load(&f, &heads, &first));
    assert_int_equal(heads, CLB_HEAD_MLM | CLB_HEAD_NSP);
    assert_true(first == expected);
    support_model_close(&f);
    for (int i = 0; i < 3; i++) {
        f = support_model_open();
        write_shards(&f, last, wrong[i][0]);
        support_model_refused(&f, wrong[i][1]);
        support_model_close(&f);
    }
}

/* ---- what is no model ---- */

static void touch(const struct support_model *f, const char *name)
{
    char *path = support_model_path(f, name);
    OK(base_file_write(path, "{}", 2));
    free(path);
}

static void test_directories(void **state)
{
    (void)state;
    struct support_model f = support_model_open();
    support_model_refused(&f, "empty");
    touch(&f, "notes");
    support_model_refused(&f, "config.json");
    touch(&f, "vocab.txt");
    support_model_refused(&f, "is a tokenizer");
    touch(&f, "model.safetensors");
    support_model_refused(&f, "but no config.json");
    touch(&f, "checkpoint-10");
    support_model_refused(&f, "/checkpoint-10");
    touch(&f, "corpus.json");
    support_model_refused(&f, "is a corpus");
    OK(base_remove_tree(f.directory));
    support_model_refused(&f, "no such directory");
    OK(base_file_write(f.directory, "{}", 2));
    support_model_refused(&f, "is not a directory");
    support_model_close(&f);
    f = support_model_open();
    support_model_write_config(&f);
    support_model_refused(&f, "is not there");
    touch(&f, "pytorch_model.bin");
    support_model_refused(&f, "save_pretrained");
    support_model_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_config),        cmocka_unit_test(test_extreme_config),
        cmocka_unit_test(test_heads),         cmocka_unit_test(test_decoder),
        cmocka_unit_test(test_decoder_names), cmocka_unit_test(test_shards),
        cmocka_unit_test(test_directories),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
