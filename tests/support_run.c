/* SPDX-License-Identifier: Apache-2.0 */
#include "support_run.h"

#include "base/files.h"
#include "support_devices.h"

#include <clbert/demo_text.h>
#include <clbert/prepare.h>
#include <clbert/vocab.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

char run_directory[] = "/tmp/clbert-test-XXXXXX";
static char *corpus;

char *run_path(const char *name)
{
    return base_format("%s/%s", run_directory, name);
}

int run_make_corpus(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(run_directory));
    char *text = run_path("text.txt"), *tokenizer = run_path("tokenizer");
    struct clb_vocab_options options = clb_vocab_defaults();
    struct clb_vocab_report vocab_report;
    struct clb_prepare_report report;
    FILE *stream = fopen(text, "w");
    OK(clb_demo_text(1, 300, stream));
    fclose(stream);
    corpus = run_path("corpus");
    options.vocab_size = 200;
    OK(clb_vocab_train(&options,
                       &(struct clb_texts){.paths = (const char *const *)&text, .count = 1},
                       tokenizer, &vocab_report));
    const struct clb_prepare_options prepare = {
        .tokenizer = tokenizer,
        .output = corpus,
        .texts = {.paths = (const char *const *)&text, .count = 1},
        .validation_fraction = 0.1};
    OK(clb_prepare(&prepare, &report));
    free(text);
    free(tokenizer);
    return 0;
}

int run_remove_corpus(void **state)
{
    (void)state;
    OK(base_remove_tree(run_directory));
    free(corpus);
    return 0;
}

char *run_config(void)
{
    const char text[] = "{\"vocab_size\": 200, \"hidden_size\": 32, \"num_hidden_layers\": 2, "
                        "\"num_attention_heads\": 2, \"intermediate_size\": 64, "
                        "\"max_position_embeddings\": 64}\n";
    char *path = run_path("config.json");
    OK(base_file_write(path, text, sizeof text - 1));
    return path;
}

struct clb_training_options run_options(const char *output, const char *model)
{
    struct clb_training_options o = clb_training_defaults();
    o.data = (const char *const *)&corpus;
    o.data_count = 1;
    o.output_dir = output;
    o.model = model;
    o.device = "cpu";
    o.max_steps = 12;
    o.per_device_train_batch_size = 4;
    o.gradient_accumulation_steps = 2;
    o.max_seq_length = 48;
    o.learning_rate = 1e-3f;
    o.logging_steps = 5;
    o.eval_steps = 6;
    o.eval_samples = 8;
    o.save_steps = 4;
    return o;
}

void run_assert_same_file(const char *one, const char *other, const char *name)
{
    char *a, *b, *a_path = base_format("%s/%s", one, name),
                 *b_path = base_format("%s/%s", other, name);
    size_t a_size, b_size;
    OK(base_file_read(a_path, "file", 1 << 30, &a, &a_size));
    OK(base_file_read(b_path, "file", 1 << 30, &b, &b_size));
    assert_int_equal(a_size, b_size);
    assert_memory_equal(a, b, a_size);
    free(a);
    free(b);
    free(a_path);
    free(b_path);
}
