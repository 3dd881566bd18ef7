/* SPDX-License-Identifier: Apache-2.0 */
#include "predict/task_model.h"

#include "base/error.h"
#include "model/model_files.h"
#include "predict/predict.h"
#include "text/records.h"

#include <stdlib.h>
#include <string.h>

enum { WINDOW = 1024, WINDOW_TOKENS = 1 << 18 }; /* inputs that are sorted by length together */
enum { USUAL_QUESTION_LENGTH = 384 };            /* as Hugging Face's pipeline */

struct task_model {
    const struct task_kind *kind;
    struct task_model_settings settings;
    struct clb_tokenizer *tokenizer;
    struct clb_model *model;
    struct task_labels labels;
    char *directory;
};

/* ---- life ---- */

static const struct task_kind *kind_of(const struct clb_config *config)
{
    switch (config->architecture) {
    case CLB_BERT_FOR_SEQUENCE_CLASSIFICATION:
        if (config->problem_type == CLB_PROBLEM_REGRESSION ||
            (config->problem_type == CLB_PROBLEM_UNSAID && config->num_labels == 1))
            return &task_regression;
        return config->problem_type == CLB_PROBLEM_MULTI_LABEL_CLASSIFICATION
                   ? &task_multi_label
                   : &task_classification;
    case CLB_BERT_FOR_TOKEN_CLASSIFICATION:
        return &task_tokens;
    case CLB_BERT_FOR_QUESTION_ANSWERING:
        return &task_answers;
    default:
        return NULL;
    }
}

enum clb_status task_model_kind_of(const char *directory, const struct task_kind **kind)
{
    struct clb_config config;
    const enum clb_status status = clb_model_read_config(directory, &config);
    if (status == CLB_OK) *kind = kind_of(&config);
    return status;
}

static enum clb_status read_shape(struct task_model *m, struct clb_config *config)
{
    enum clb_status status;
    CLB_TRY(clb_model_read_config(m->directory, config));
    m->kind = kind_of(config);
    if (!m->kind) {
        status = clb_fail(CLB_ERROR_FORMAT,
                          "%s: is a model of language, not of a task: teach it one by clbert "
                          "fine-tune --model %s, or ask it by clbert fill-mask",
                          m->directory, m->directory);
        goto cleanup;
    }
    CLB_TRY(clb_tokenizer_open(m->directory, &m->tokenizer));
    status = model_vocabulary_check(m->directory, clb_tokenizer_vocab_size(m->tokenizer), config);
cleanup:
    return status;
}

static enum clb_status choose_length(struct task_model *m, int32_t most)
{
    int32_t *length = &m->settings.max_seq_length;
    if (*length == 0)
        *length = m->kind->task == CLB_TASK_QUESTION_ANSWERING && most > USUAL_QUESTION_LENGTH
                      ? USUAL_QUESTION_LENGTH
                      : most;
    if (*length < 8 || *length > most)
        return clb_fail(CLB_ERROR_ARGUMENT, "--max-seq-length %d: should be 8 .. %d", *length,
                        most);
    if (m->settings.batch_size < 1 || m->settings.batch_size > INT32_MAX / *length)
        return clb_fail(CLB_ERROR_ARGUMENT, "a batch of %d sequences of %d tokens cannot be",
                        m->settings.batch_size, *length);
    return CLB_OK;
}

static enum clb_status load(struct task_model *m, struct clb_device *device,
                            const struct clb_config *config)
{
    const int32_t tokens = m->settings.batch_size * m->settings.max_seq_length;
    const struct clb_model_limits limits = {.max_sequences = m->settings.batch_size,
                                            .max_tokens = tokens,
                                            .max_masked = tokens,
                                            .operands = m->settings.precision};
    struct clb_config unused;
    enum clb_status status;
    CLB_TRY(clb_model_create(device, config, &limits, &m->model));
    CLB_TRY(clb_model_commit(m->model));
    CLB_TRY(clb_model_load(m->model, m->directory, 0));
    if (clb_model_heads(m->model) == 0) {
        status = clb_fail(CLB_ERROR_FORMAT,
                          "%s: its files have no weights of the head that its "
                          "config.json names",
                          m->directory);
        goto cleanup;
    }
    if (m->kind->task != CLB_TASK_QUESTION_ANSWERING)
        CLB_TRY(task_labels_of_directory(m->directory, &unused, &m->labels));
cleanup:
    return status;
}

enum clb_status task_model_open(struct clb_device *device, const char *directory,
                                const struct task_model_settings *settings, struct task_model **out)
{
    struct task_model *m = calloc(1, sizeof *m);
    struct clb_config config;
    enum clb_status status;
    if (m) m->directory = strdup(directory);
    if (!m || !m->directory) {
        status = clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", directory);
        goto cleanup;
    }
    m->settings = *settings;
    CLB_TRY(read_shape(m, &config));
    CLB_TRY(choose_length(m, config.max_position_embeddings));
    CLB_TRY(load(m, device, &config));
    *out = m;
    m = NULL;
cleanup:
    task_model_close(m);
    return status;
}

void task_model_close(struct task_model *m)
{
    if (!m) return;
    clb_model_destroy(m->model);
    clb_tokenizer_close(m->tokenizer);
    task_labels_free(&m->labels);
    free(m->directory);
    free(m);
}

const struct task_kind *task_model_kind(const struct task_model *m)
{
    return m->kind;
}

const struct task_labels *task_model_labels(const struct task_model *m)
{
    return &m->labels;
}

/* ---- answers ---- */

/* The logits of all examples of a set; malloc'd. */
static enum clb_status answer_set(struct task_model *m, struct task_set *set, float **logits)
{
    enum clb_status status;
    CLB_TRY(task_set_arrange(set, m->settings.max_seq_length,
                             task_doc_stride(m->settings.doc_stride, m->settings.max_seq_length)));
    const int64_t count = task_logit_rows(set) * task_width(set);
    *logits = malloc(((size_t)count + 1) * sizeof **logits);
    if (!*logits) return clb_fail(CLB_ERROR_MEMORY, "answers: out of memory");
    CLB_TRY(task_predict(m->model, set, *logits));
    CLB_TRY(predict_check_finite(m->directory, *logits, (size_t)count));
cleanup:
    return status;
}

static enum clb_status create_set(struct task_model *m, struct task_set **set)
{
    *set = task_set_create(m->kind, m->tokenizer, &m->labels);
    if (!*set) return clb_fail(CLB_ERROR_MEMORY, "examples: out of memory");
    (*set)->keeps = true;
    (*set)->max_answer_length = m->settings.max_answer_length;
    return CLB_OK;
}

/* Answers what the set holds, and empties it. */
static enum clb_status answer_window(struct task_model *m, struct task_set *set,
                                     const struct task_answers *how, task_answer_function *function,
                                     void *context, int64_t *cut)
{
    float *logits = NULL;
    json_t *answer = NULL;
    enum clb_status status = CLB_OK;
    if (set->example_count == 0) return CLB_OK;
    CLB_TRY(answer_set(m, set, &logits));
    for (int64_t i = 0; i < set->example_count; i++) {
        CLB_TRY(m->kind->answer(set, logits, i, how, &answer));
        CLB_TRY(function(context, set->records[i], answer));
        json_decref(answer);
        answer = NULL;
    }
    if (m->kind->task != CLB_TASK_QUESTION_ANSWERING) *cut += set->truncated;
    task_set_clear(set);
cleanup:
    json_decref(answer);
    free(logits);
    return status;
}

/* Of what people ask: lines of text, or questions in a file of them. */
static enum clb_record_format usual_of(const struct task_kind *kind)
{
    return kind->task == CLB_TASK_QUESTION_ANSWERING ? kind->usual : CLB_RECORDS_LINES;
}

enum clb_status task_model_predict(struct task_model *m, const struct clb_examples *examples,
                                   const struct task_answers *how, task_answer_function *function,
                                   void *context, int64_t *cut)
{
    struct text_records *records = NULL;
    struct task_set *set = NULL;
    json_t *record;
    enum clb_status status;
    *cut = 0;
    CLB_TRY(create_set(m, &set));
    set->labelled = false;
    set->columns = examples->columns;
    CLB_TRY(text_records_open(examples->paths, examples->count, examples->format, usual_of(m->kind),
                              &records));
    CLB_TRY(text_records_next(records, &record));
    while (record) {
        CLB_TRY(task_set_add(set, record, text_records_where(records)));
        if (set->example_count == WINDOW || set->id_count >= WINDOW_TOKENS)
            CLB_TRY(answer_window(m, set, how, function, context, cut));
        CLB_TRY(text_records_next(records, &record));
    }
    CLB_TRY(answer_window(m, set, how, function, context, cut));
cleanup:
    text_records_close(records);
    task_set_destroy(set);
    return status;
}

enum clb_status task_model_ask(struct task_model *m, json_t *const *records, int count,
                               const struct task_answers *how, task_answer_function *function,
                               void *context)
{
    struct task_set *set = NULL;
    int64_t cut = 0;
    enum clb_status status;
    CLB_TRY(create_set(m, &set));
    set->labelled = false;
    for (int i = 0; i < count; i++) CLB_TRY(task_set_add(set, records[i], "the text"));
    CLB_TRY(answer_window(m, set, how, function, context, &cut));
cleanup:
    task_set_destroy(set);
    return status;
}

enum clb_status task_model_evaluate(struct task_model *m, const struct clb_examples *examples,
                                    struct task_set **out, float **logits)
{
    struct task_set *set = NULL;
    enum clb_status status;
    *logits = NULL;
    CLB_TRY(create_set(m, &set));
    if (m->kind->task == CLB_TASK_REGRESSION && task_width(set) != 1) {
        status = clb_fail(CLB_ERROR_ARGUMENT, "%s: its answer is %d numbers, an example's is one",
                          m->directory, task_width(set));
        goto cleanup;
    }
    CLB_TRY(task_set_read(set, NULL, 0.0, 0, examples));
    CLB_TRY(task_set_check_labels(set, examples->paths[0]));
    CLB_TRY(answer_set(m, set, logits));
    *out = set;
    set = NULL;
cleanup:
    if (status != CLB_OK) free(*logits);
    task_set_destroy(set);
    return status;
}
