/* SPDX-License-Identifier: Apache-2.0 */
/* Splitting and leaving out: what becomes of documents on their way into a corpus. */
#include "support_devices.h"

#include "base/files.h"

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
    };
    return cmocka_run_group_tests_name("prepare", tests, make_tokenizer, clean_up);
}
