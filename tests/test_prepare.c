/* SPDX-License-Identifier: Apache-2.0 */
/* Splitting and leaving out: what becomes of documents on their way into a corpus. */
#include "support_devices.h"

#include "base/files.h"
#include "base/json.h"

#include <clbert/corpus.h>
#include <clbert/prepare.h>
#include <clbert/vocab.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/clbert-test-XXXXXX";
static char *text, *tokenizer, *output;

static void write_text(const char *content)
{
    OK(base_file_write(text, content, strlen(content)));
}

static struct clb_prepare_options options(void)
{
    return (struct clb_prepare_options){.tokenizer = tokenizer,
                                        .output = output,
                                        .texts = {.paths = (const char *const *)&text, .count = 1},
                                        .threads = 2,
                                        .overwrite = true};
}

static struct clb_prepare_report prepare(const struct clb_prepare_options *o)
{
    struct clb_prepare_report report;
    OK(clb_prepare(o, &report));
    return report;
}

static void test_language(void **state)
{
    (void)state;
    struct clb_prepare_options o = options();
    write_text("Mr. Satu saw it. Dua came.\nTiga。四。\n");
    assert_int_equal(prepare(&o).train.sentences, 5);
    o.language = "en"; /* knows Mr. */
    assert_int_equal(prepare(&o).train.sentences, 4);
    o.language = "id"; /* ICU has none for it */
    assert_int_equal(prepare(&o).train.sentences, 5);
    struct clb_prepare_report report;
    o.language = "klingonese";
    assert_int_equal(clb_prepare(&o, &report), CLB_ERROR_ARGUMENT);
}

/* Full stops of their own. */
static void test_scripts(void **state)
{
    (void)state;
    const struct clb_prepare_options o = options();
    write_text("नमस्ते। फिर मिलेंगे। ठीक है।\nكيف حالك؟ أنا بخير.\nမင်္ဂလာပါ။ နေကောင်းလား။\nሰላም። እንዴት ነህ?\n"
               "你好。再见！真的？\nیہ ہے۔ وہ ہے۔\n");
    assert_int_equal(prepare(&o).train.sentences, 3 + 2 + 2 + 2 + 3 + 2);
}

static void test_one_sentence_per_line(void **state)
{
    (void)state;
    struct clb_prepare_options o = options();
    o.one_sentence_per_line = true;
    write_text("Satu. Dua.\n  Tiga. \n\nEmpat\n");
    const struct clb_prepare_report report = prepare(&o);
    assert_int_equal(report.train.sentences, 3);
    assert_int_equal(report.train.documents, 2);
}

/* What is left is what would have been prepared without the duplicates, also where the last one is
 * a duplicate and where one begins as another does. */
static void test_deduplicate(void **state)
{
    (void)state;
    struct clb_prepare_options o = options();
    char *kept[2], *index[2], *bin = base_format("%s/train.bin", output);
    char *idx = base_format("%s/train.idx", output);
    size_t size[2], index_size[2];
    for (int i = 0; i < 2; i++) {
        o.deduplicate = i == 1;
        write_text(
            i == 0 ? "Satu.\nDua.\n\nSatu.\n\nDua.\nSatu.\n"
                   : "Satu.\nDua.\n\nSatu.\nDua.\n\nSatu.\n\nSatu.\n\nDua.\nSatu.\n\nSatu.\nDua.");
        const struct clb_prepare_report report = prepare(&o);
        assert_int_equal(report.train.documents, 3);
        assert_int_equal(report.duplicates, 3 * i);
        assert_int_equal(report.words, 10);
        OK(base_file_read(bin, "corpus", 1 << 20, &kept[i], &size[i]));
        OK(base_file_read(idx, "corpus", 1 << 20, &index[i], &index_size[i]));
    }
    assert_int_equal(size[0], size[1]);
    assert_memory_equal(kept[0], kept[1], size[0]);
    assert_int_equal(index_size[0], index_size[1]);
    assert_memory_equal(index[0], index[1], index_size[0]);
    for (int i = 0; i < 2; i++) {
        free(kept[i]);
        free(index[i]);
    }
    free(bin);
    free(idx);
}

static char *read_bytes(const char *name, size_t *size)
{
    char *path = base_format("%s/%s", output, name), *bytes;
    OK(base_file_read(path, "corpus", 1 << 20, &bytes, size));
    free(path);
    return bytes;
}

/* An older corpus stands until the new one is whole, and so do the user's own files. */
static void test_overwrite(void **state)
{
    (void)state;
    static const char *const files[] = {"corpus.json", "train.bin", "train.idx", "vocab.txt",
                                        "mine.txt"};
    struct clb_prepare_options o = options();
    struct clb_prepare_report report;
    char *before[5], *broken = base_format("%s/broken.gz", directory);
    char *mine = base_format("%s/mine.txt", output);
    const char *texts[] = {text, broken};
    size_t size[5], now;
    volatile sig_atomic_t stop = 1;
    write_text("Satu.\n\nDua. Tiga.\n");
    prepare(&o);
    OK(base_file_write(mine, "mine", 4));
    OK(base_file_write(broken, "\x1F\x8B\x08\0\0\0\0\0\0\3\x73", 11));
    for (int f = 0; f < 5; f++) before[f] = read_bytes(files[f], &size[f]);
    for (int attempt = 0; attempt < 3; attempt++) {
        write_text("Tiga. Empat. Satu.\n\nDua.\n\nEmpat.\n");
        o = options();
        if (attempt == 0) o.texts = (struct clb_texts){.paths = texts, .count = 2};
        if (attempt == 1) o.stop = &stop;
        if (attempt == 2) o.overwrite = false;
        assert_int_not_equal(clb_prepare(&o, &report), CLB_OK);
        for (int f = 0; f < 5; f++) {
            char *after = read_bytes(files[f], &now);
            assert_int_equal(now, size[f]);
            assert_memory_equal(after, before[f], now);
            free(after);
        }
        struct clb_corpus *corpus;
        OK(clb_corpus_open(output, &corpus));
        clb_corpus_close(corpus);
    }
    o = options();
    prepare(&o);
    char *after = read_bytes("train.bin", &now);
    assert_true(now != size[1]);
    free(after);
    after = read_bytes("mine.txt", &now);
    assert_memory_equal(after, "mine", 4);
    free(after);
    for (int f = 0; f < 5; f++) free(before[f]);
    free(broken);
    free(mine);
}

/* What a program had decided on and was killed before it was in its place is found all the same. */
static void test_killed_at_the_end(void **state)
{
    (void)state;
    const struct clb_prepare_options o = options();
    struct clb_corpus *corpus;
    write_text("Satu.\n\nDua. Tiga.\n");
    prepare(&o);
    char *committed = base_format("%s/.committed", output);
    OK(base_make_directory(committed));
    static const char *const files[] = {"corpus.json", "train.bin", "vocab.txt"};
    for (int f = 0; f < 3; f++) {
        char *from = base_format("%s/%s", output, files[f]);
        char *to = base_format("%s/%s", committed, files[f]);
        assert_int_equal(rename(from, to), 0);
        free(from);
        free(to);
    }
    OK(clb_corpus_open(output, &corpus));
    clb_corpus_close(corpus);
    assert_false(base_exists(committed));
    free(committed);
}

/* A first one that fails leaves nothing; not even the directory. */
static void test_failure_leaves_nothing(void **state)
{
    (void)state;
    struct clb_prepare_options o = options();
    struct clb_prepare_report report;
    char *fresh = base_format("%s/fresh", directory);
    o.output = fresh;
    write_text("\n\n");
    assert_int_equal(clb_prepare(&o, &report), CLB_ERROR_FORMAT);
    assert_false(base_exists(fresh));
    free(fresh);
}

/* corpus.json of a later version is not guessed at; one without a version is an old one. */
static void test_version(void **state)
{
    (void)state;
    const struct clb_prepare_options o = options();
    struct clb_corpus *corpus;
    char *path = base_format("%s/corpus.json", output);
    write_text("Satu.\n\nDua. Tiga.\n");
    prepare(&o);
    for (int version = 0; version < 3; version++) {
        json_t *json;
        OK(base_json_read(path, "corpus description", &json));
        if (version)
            json_object_set_new(json, "version", json_integer(version));
        else
            json_object_del(json, "version");
        OK(base_json_write(path, json));
        json_decref(json);
        assert_int_equal(clb_corpus_open(output, &corpus), version < 2 ? CLB_OK : CLB_ERROR_FORMAT);
        if (version < 2) clb_corpus_close(corpus);
    }
    assert_non_null(strstr(clb_error_message(), "version 2"));
    free(path);
}

static int make_tokenizer(void **state)
{
    (void)state;
    struct clb_vocab_options vocab = clb_vocab_defaults();
    struct clb_vocab_report report;
    assert_non_null(mkdtemp(directory));
    text = base_format("%s/text.txt", directory);
    tokenizer = base_format("%s/tokenizer", directory);
    output = base_format("%s/corpus", directory);
    write_text("satu satu dua dua tiga tiga empat empat . . , , 四 四 。 。\n");
    return clb_vocab_train(&vocab,
                           &(struct clb_texts){.paths = (const char *const *)&text, .count = 1},
                           tokenizer, &report) != CLB_OK;
}

static int clean_up(void **state)
{
    (void)state;
    free(text);
    free(tokenizer);
    free(output);
    return base_remove_tree(directory) != CLB_OK;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_language),
        cmocka_unit_test(test_scripts),
        cmocka_unit_test(test_one_sentence_per_line),
        cmocka_unit_test(test_deduplicate),
        cmocka_unit_test(test_overwrite),
        cmocka_unit_test(test_killed_at_the_end),
        cmocka_unit_test(test_failure_leaves_nothing),
        cmocka_unit_test(test_version),
    };
    return cmocka_run_group_tests_name("prepare", tests, make_tokenizer, clean_up);
}
