/* SPDX-License-Identifier: Apache-2.0 */
/* Sentence embeddings against PyTorch in double precision (tools/make_golden_embeddings.py): what a
 * directory says of pooling, length and normalisation, order over several windows, the NumPy file,
 * and what is refused. */
#include "base/files.h"
#include "base/json.h"
#include "predict/embedder.h"
#include "predict/npy.h"
#include "support_devices.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define GOLDEN TEST_GOLDEN "/embeddings"
enum { WIDTH = 16 };

static char directory[] = "/tmp/clbert-test-XXXXXX";
static struct clb_device *device;
static json_t *expected;
static const char **texts;
static int64_t count;

/* ---- a copy of the golden directory, to change its files ---- */

static char *path_of(const char *name)
{
    char *path = base_format("%s/%s", directory, name);
    assert_non_null(path);
    return path;
}

/* NULL: there is no such file. */
static void write_file(const char *name, const char *content)
{
    char *path = path_of(name);
    if (content)
        OK(base_file_write(path, content, strlen(content)));
    else
        unlink(path);
    free(path);
}

static void restore_file(const char *name)
{
    char *bytes, *from = base_format("%s/%s", GOLDEN, name), *to = path_of(name);
    size_t size;
    OK(base_file_read(from, "file", 1 << 20, &bytes, &size));
    OK(base_file_write(to, bytes, size));
    free(bytes);
    free(from);
    free(to);
}

static const char *const files[] = {"modules.json",          "sentence_bert_config.json",
                                    "1_Pooling/config.json", "config.json",
                                    "model.safetensors",     "vocab.txt",
                                    "tokenizer_config.json"};
enum { FILES = sizeof files / sizeof *files };

/* What was written to a file is undone. */
static void forget_file(const char *name)
{
    write_file(name, NULL);
    for (int i = 0; i < FILES; i++)
        if (strcmp(files[i], name) == 0) restore_file(name);
}

static int set_up(void **state)
{
    (void)state;
    json_t *list;
    assert_non_null(mkdtemp(directory));
    char *pooling = path_of("1_Pooling");
    OK(base_make_directory(pooling));
    free(pooling);
    for (int i = 0; i < FILES; i++) restore_file(files[i]);
    OK(base_json_read(GOLDEN "/expected.json", "golden values", &expected));
    list = json_object_get(expected, "texts");
    count = (int64_t)json_array_size(list);
    texts = calloc((size_t)count, sizeof *texts);
    for (int64_t i = 0; i < count; i++)
        texts[i] = json_string_value(json_array_get(list, (size_t)i));
    OK(clb_device_open("cpu", 2, &device));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    clb_device_close(device);
    free(texts);
    json_decref(expected);
    OK(base_remove_tree(directory));
    return 0;
}

/* ---- vectors ---- */

static void check_row(const float *row, const char *kind, int64_t text)
{
    const json_t *wanted = json_array_get(json_object_get(expected, kind), (size_t)text);
    for (size_t i = 0; i < WIDTH; i++) {
        const double number = json_number_value(json_array_get(wanted, i));
        if (fabs((double)row[i] - number) <= 1e-5) continue;
        print_error("%s of \"%s\", number %zu: %.9g, expected %.9g\n", kind, texts[text], i,
                    (double)row[i], number);
        fail();
    }
}

static void check_kind(const struct clb_embedder_options *options, const char *kind)
{
    struct clb_embedder *e;
    float *rows = calloc((size_t)count * WIDTH, sizeof *rows);
    OK(clb_embedder_open(device, directory, options, &e));
    assert_int_equal(clb_embedder_info(e).dimension, WIDTH);
    OK(clb_embed(e, texts, count, rows));
    for (int64_t i = 0; i < count; i++) check_row(rows + i * WIDTH, kind, i);
    clb_embedder_close(e);
    free(rows);
}

/* As a file of the directory says, which then is as it was. */
static void check_file(const char *name, const char *content, const char *kind)
{
    write_file(name, content);
    check_kind(&(struct clb_embedder_options){0}, kind);
    forget_file(name);
}

static void check_options(struct clb_embedder_options options, const char *kind)
{
    check_kind(&options, kind);
}

static void test_pooling(void **state)
{
    (void)state;
    check_options((struct clb_embedder_options){0}, "mean");
    check_options(
        (struct clb_embedder_options){.pooling_given = true, .pooling = CLB_POOLING_FIRST}, "cls");
    check_options((struct clb_embedder_options){.pooling_given = true, .pooling = CLB_POOLING_MAX},
                  "max");
    check_options((struct clb_embedder_options){.normalize = true}, "normalized");
    check_file("1_Pooling/config.json", "{\"pooling_mode_cls_token\": true}", "cls");
    check_file("1_Pooling/config.json", "{\"pooling_mode_max_tokens\": true}", "max");
    check_file("1_Pooling/config.json", "{\"pooling_mode\": \"max\"}", "max");
    check_file("1_Pooling/config.json", "{\"pooling_mode\": [\"cls\"]}", "cls");
    check_file("1_Pooling/config.json", "{}", "mean");
}

#define MODULE(place, path, type)                                                                  \
    "{\"idx\": " #place ", \"name\": \"" #place "\", \"path\": \"" path                            \
    "\", \"type\": \"sentence_transformers." type "\"}"
#define TRANSFORMER MODULE(0, "", "models.Transformer")
#define POOLING MODULE(1, "1_Pooling", "sentence_transformer.modules.pooling.Pooling")
#define NORMALIZE MODULE(2, "2_Normalize", "base.modules.normalize.Normalize")

static void test_directory(void **state)
{
    (void)state;
    struct clb_embedder *e;
    check_file("modules.json", "[" TRANSFORMER ", " POOLING ", " NORMALIZE "]", "normalized");
    /* A model without modules; the length is then the tokenizer's. */
    write_file("sentence_bert_config.json", NULL);
    write_file("tokenizer_config.json", "{\"do_lower_case\": true, \"model_max_length\": 9}");
    check_file("modules.json", NULL, "mean");
    write_file("tokenizer_config.json", /* no limit: the model's own */
               "{\"do_lower_case\": true, \"model_max_length\": 1000000000000000019884624838656}");
    OK(clb_embedder_open(device, directory, &(struct clb_embedder_options){0}, &e));
    assert_int_equal(clb_embedder_info(e).max_seq_length, 16);
    clb_embedder_close(e);
    check_options((struct clb_embedder_options){.max_seq_length = 9}, "mean");
    restore_file("tokenizer_config.json");
    restore_file("sentence_bert_config.json");
    check_file("sentence_bert_config.json",
               "{\"max_seq_length\": 9, \"do_lower_case\": true, \"transformer_task\": "
               "\"feature-extraction\", \"modality_config\": {\"text\": {\"method\": \"forward\", "
               "\"method_output_name\": \"last_hidden_state\"}}, \"module_output_name\": "
               "\"token_embeddings\"}",
               "mean");
}

/* Any batch gives the same vectors, and how many texts are asked for at once does not matter. */
static void test_batches(void **state)
{
    (void)state;
    struct clb_embedder *e;
    float row[WIDTH];
    check_options((struct clb_embedder_options){.batch_size = 1}, "mean");
    check_options((struct clb_embedder_options){.batch_size = 1000}, "mean");
    OK(clb_embedder_open(device, directory, &(struct clb_embedder_options){0}, &e));
    for (int64_t i = 0; i < count; i++) {
        OK(clb_embed(e, texts + i, 1, row));
        check_row(row, "mean", i);
    }
    OK(clb_embed(e, texts, 0, row));
    assert_int_equal(embedder_cut(e), 3);
    clb_embedder_close(e);
}

/* ---- files ---- */

static enum clb_status append(void *context, const float *rows, int64_t more)
{
    return npy_append(context, rows, more);
}

/* Line i of a long file is this text. */
static int64_t text_of_line(int64_t i)
{
    return i * i % 11 % count;
}

static void write_lines(const char *name, int64_t lines)
{
    struct base_file *file;
    char *path = path_of(name);
    OK(base_file_create(path, &file));
    for (int64_t i = 0; i < lines; i++)
        fprintf(base_file_stream(file), "%s\n", texts[text_of_line(i)]);
    OK(base_file_commit(file));
    free(path);
}

/* The rows of a NumPy file of format 1.0, borrowed from *bytes. */
static const float *read_npy(const char *path, char **bytes, int64_t *rows, int64_t *width)
{
    size_t size;
    long n, h;
    int end = 0;
    OK(base_file_read(path, "vectors", 1 << 24, bytes, &size));
    assert_true(size >= 128);
    assert_memory_equal(*bytes, "\x93NUMPY\x01\x00", 8);
    const size_t header = (size_t)(unsigned char)(*bytes)[8] + 256 * (unsigned char)(*bytes)[9];
    assert_int_equal((10 + header) % 64, 0);
    assert_int_equal((*bytes)[10 + header - 1], '\n');
    assert_int_equal(sscanf(*bytes + 10,
                            "{'descr': '<f4', 'fortran_order': False, 'shape': (%ld, %ld), }%n", &n,
                            &h, &end),
                     2);
    assert_true(end > 0);
    assert_int_equal(strspn(*bytes + 10 + end, " "), header - 1 - (size_t)end);
    assert_int_equal(size, 10 + header + (size_t)(n * h) * sizeof(float));
    *rows = n;
    *width = h;
    return (const float *)(*bytes + 10 + header);
}

static void test_order(void **state)
{
    (void)state;
    enum { LINES = 2 * EMBED_WINDOW + 100 };
    char *from = path_of("lines.txt"), *to = path_of("vectors.npy"), *bytes;
    const struct embed_source source = {(const char *const *)&from, 1, CLB_RECORDS_AUTO, "text"};
    struct clb_embedder *e;
    struct npy_writer *npy;
    int64_t rows, width;
    write_lines("lines.txt", LINES);
    OK(clb_embedder_open(device, directory, &(struct clb_embedder_options){0}, &e));
    OK(npy_create(to, WIDTH, &npy));
    OK(embedder_read(e, &source, append, npy));
    assert_false(base_exists(to));
    OK(npy_commit(npy));
    const float *vectors = read_npy(to, &bytes, &rows, &width);
    assert_int_equal(rows, LINES);
    assert_int_equal(width, WIDTH);
    for (int64_t i = 0; i < rows; i++) check_row(vectors + i * WIDTH, "mean", text_of_line(i));
    OK(npy_create(to, WIDTH, &npy)); /* and what is given up leaves the old one */
    npy_abandon(npy);
    assert_true(base_exists(to));
    clb_embedder_close(e);
    free(bytes);
    free(from);
    free(to);
}

static void test_column(void **state)
{
    (void)state;
    char *path = path_of("texts.csv"), *to = path_of("column.npy"), *bytes;
    struct embed_source source = {(const char *const *)&path, 1, CLB_RECORDS_AUTO, "isi"};
    struct clb_embedder *e;
    struct npy_writer *npy;
    int64_t rows, width;
    write_file("texts.csv", "id,isi\n1,saya makan nasi.\n2,kucing\n");
    OK(clb_embedder_open(device, directory, &(struct clb_embedder_options){0}, &e));
    OK(npy_create(to, WIDTH, &npy));
    OK(embedder_read(e, &source, append, npy));
    OK(npy_commit(npy));
    const float *vectors = read_npy(to, &bytes, &rows, &width);
    assert_int_equal(rows, 2);
    check_row(vectors, "mean", 1);
    check_row(vectors + WIDTH, "mean", 4);
    source.column = "text";
    assert_int_equal(embedder_read(e, &source, append, NULL), CLB_ERROR_FORMAT);
    assert_non_null(strstr(clb_error_message(), "texts.csv:2: has no \"text\""));
    clb_embedder_close(e);
    free(bytes);
    free(path);
    free(to);
}

/* ---- refusals ---- */

static void refused(const struct clb_embedder_options *options, enum clb_status wanted,
                    const char *word)
{
    struct clb_embedder *e;
    assert_int_equal(clb_embedder_open(device, directory, options, &e), wanted);
    if (strstr(clb_error_message(), word)) return;
    print_error("no \"%s\" in: %s\n", word, clb_error_message());
    fail();
}

static void refused_file(const char *name, const char *content, const char *word)
{
    write_file(name, content);
    refused(&(struct clb_embedder_options){0}, CLB_ERROR_FORMAT, word);
    forget_file(name);
}

static void test_refusals(void **state)
{
    (void)state;
    static const char *const sentence = "sentence_bert_config.json";
    static const char *const pooling = "1_Pooling/config.json", *const modules = "modules.json";
    static const char *const whole = "config_sentence_transformers.json";
    refused_file(modules,
                 "[" TRANSFORMER ", " POOLING ", " MODULE(2, "2_Dense", "models.Dense") "]",
                 "module 2, sentence_transformers.models.Dense, is not supported");
    refused_file(modules, "[" POOLING ", " TRANSFORMER "]", "module 0, ");
    refused_file(modules, "[" TRANSFORMER "]", "the second a Pooling");
    refused_file(modules, "[" TRANSFORMER ", {\"path\": \"1_Pooling\"}]", "a type and a path");
    refused_file(pooling, "{\"pooling_mode_lasttoken\": true}", "pooling \"lasttoken\"");
    refused_file(pooling, "{\"pooling_mode_mean_sqrt_len_tokens\": true}", "mean_sqrt_len_tokens");
    refused_file(pooling, "{\"pooling_mode\": [\"cls\", \"mean\"]}", "several kinds of pooling");
    refused_file(pooling, "{\"pooling_mode_cls_token\": true, \"pooling_mode_mean_tokens\": true}",
                 "several kinds of pooling");
    refused_file(pooling, "{\"pooling_mode_new\": true}", "\"pooling_mode_new\" is not supported");
    refused_file(sentence, "{\"max_seq_length\": -1}", "\"max_seq_length\"");
    refused_file(sentence, "{\"processing_kwargs\": {\"text\": {}}}", "\"processing_kwargs\"");
    refused_file(sentence, "{\"transformer_task\": \"fill-mask\"}", "\"transformer_task\"");
    refused_file(sentence, "{\"modality_config\": {\"image\": {}}}", "\"modality_config\"");
    refused_file(whole, "{\"model_type\": \"SparseEncoder\"}", "\"model_type\"");
    refused_file(whole, "{\"truncate_dim\": 8}", "\"truncate_dim\"");
    refused_file(whole, "{\"default_prompt_name\": \"q\", \"prompts\": {\"q\": \"query: \"}}",
                 "\"default_prompt_name\"");
    refused_file("adapter_config.json", "{}", "adapters are not supported");
    refused_file("tokenizer_config.json", "{\"truncation_side\": \"left\"}", "\"truncation_side\"");
    write_file("tokenizer_config.json", "{\"do_lower_case\": false}");
    refused_file(sentence, "{\"do_lower_case\": true}", "\"do_lower_case\"");
    restore_file("tokenizer_config.json");
    refused(&(struct clb_embedder_options){.max_seq_length = 17}, CLB_ERROR_ARGUMENT, "3 .. 16");
    refused(&(struct clb_embedder_options){.max_seq_length = 2}, CLB_ERROR_ARGUMENT, "3 .. 16");
    refused(&(struct clb_embedder_options){.batch_size = INT32_MAX}, CLB_ERROR_ARGUMENT, "batch");
    check_file(whole, "{\"default_prompt_name\": \"q\", \"prompts\": {\"q\": \"\"}}", "mean");
    /* --pooling overrules what the file says, and reads no file. */
    write_file(pooling, NULL);
    check_options((struct clb_embedder_options){.pooling_given = true, .pooling = CLB_POOLING_MAX},
                  "max");
    restore_file(pooling);
}

static void test_similarity(void **state)
{
    (void)state;
    const float rows[4][2] = {{1, 0}, {3, 3}, {0, -2}, {0, 0}};
    const float wanted[4][4] = {{1, 0.70710678f, 0, 0},
                                {0.70710678f, 1, -0.70710678f, 0},
                                {0, -0.70710678f, 1, 0},
                                {0, 0, 0, 0}};
    float actual[4][4];
    clb_cosine_similarity(rows[0], 4, 2, actual[0]);
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++) assert_true(fabsf(actual[i][j] - wanted[i][j]) < 1e-6f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pooling),    cmocka_unit_test(test_directory),
        cmocka_unit_test(test_batches),    cmocka_unit_test(test_order),
        cmocka_unit_test(test_column),     cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_similarity),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
