/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "train/train.h"

#include <stdlib.h>

/* Whether the directory has a tokenizer of its own; a bare model need not. */
static bool has_tokenizer(const char *directory)
{
    static const char *const names[] = {"vocab.txt", "tokenizer.json"};
    bool has = false;
    for (int i = 0; i < 2 && !has; i++) {
        char *path = base_format("%s/%s", directory, names[i]);
        has = path && base_exists(path);
        free(path);
    }
    return has;
}

static enum clb_status check_tokenizer(const struct clb_corpus *corpus, const char *directory)
{
    struct clb_tokenizer *own;
    enum clb_status status = clb_tokenizer_open(directory, &own);
    if (status != CLB_OK) return status;
    if (clb_tokenizer_hash(own) != clb_tokenizer_hash(clb_corpus_tokenizer(corpus)))
        status =
            clb_fail(CLB_ERROR_ARGUMENT,
                     "%s: was made with another vocabulary than the model's in %s: prepare the "
                     "text with --tokenizer %s",
                     clb_corpus_directory(corpus), directory, directory);
    clb_tokenizer_close(own);
    return status;
}

enum clb_status clb_check_vocabulary(const struct clb_corpus *corpus,
                                     const struct clb_config *config, const char *directory)
{
    int32_t size = clb_tokenizer_vocab_size(clb_corpus_tokenizer(corpus));
    if (size > config->vocab_size)
        return clb_fail(
            CLB_ERROR_ARGUMENT,
            "%s: its vocabulary has %d tokens, the model's vocab_size is %d: prepare the "
            "text with the model's own tokenizer",
            clb_corpus_directory(corpus), size, config->vocab_size);
    const bool own = directory && has_tokenizer(directory);
    const enum clb_status status = own ? check_tokenizer(corpus, directory) : CLB_OK;
    if (status == CLB_OK && size < config->vocab_size)
        base_warn("%s: its vocabulary has %d tokens, the model's vocab_size is %d: %s",
                  clb_corpus_directory(corpus), size, config->vocab_size,
                  own ? "was it cut short?" : "is it the same?");
    return status;
}

static enum clb_status evaluate_batches(struct clb_model *model, const struct clb_stream *stream,
                                        int64_t examples, struct clb_batch *batch,
                                        struct clb_evaluation *result)
{
    enum clb_status status = CLB_OK;
    for (int64_t first = 0; first < examples; first += batch->max_sequences) {
        int64_t left = examples - first;
        int32_t count = left < batch->max_sequences ? (int32_t)left : batch->max_sequences;
        clb_batch_clear(batch);
        CLB_TRY(clb_stream_batch(stream, first, count, batch));
        CLB_TRY(clb_model_evaluate(model, batch));
        result->examples += batch->sequences;
    }
cleanup:
    return status;
}

enum clb_status clb_evaluate(struct clb_model *model, const struct clb_stream *stream,
                             int64_t examples, int32_t batch_size, struct clb_evaluation *result)
{
    const int32_t max_length = clb_stream_max_seq_length(stream);
    const int64_t epoch = clb_stream_epoch_examples(stream);
    struct clb_losses kept;
    struct clb_batch *batch = NULL;
    enum clb_status status;
    *result = (struct clb_evaluation){0};
    if (examples <= 0) examples = epoch;
    if ((int64_t)batch_size * max_length > INT32_MAX)
        return clb_fail(CLB_ERROR_ARGUMENT, "a batch of %d x %d is over 2^31 - 1 tokens",
                        batch_size, max_length);
    CLB_TRY(clb_batch_create(batch_size, batch_size * max_length, &batch));
    CLB_TRY(clb_model_read_losses(model, &kept));
    CLB_TRY(clb_model_write_losses(model, NULL));
    CLB_TRY(evaluate_batches(model, stream, examples, batch, result));
    CLB_TRY(clb_model_read_losses(model, &result->losses));
    CLB_TRY(clb_model_write_losses(model, &kept));
cleanup:
    clb_batch_destroy(batch);
    return status;
}
