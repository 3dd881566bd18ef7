/* SPDX-License-Identifier: Apache-2.0 */
/* A model that was fine-tuned, with its tokenizer and the names of its classes: asked, and
 * measured. */
#ifndef PREDICT_TASK_MODEL_H
#define PREDICT_TASK_MODEL_H

#include "tasks/task.h"

struct task_model;

struct task_model_settings {
    enum clb_type precision;
    int32_t batch_size;        /* sequences */
    int32_t max_seq_length;    /* 0: what the model takes; of questions 384 */
    int32_t doc_stride;        /* as task_doc_stride takes it */
    int32_t max_answer_length; /* tokens, for task_model_evaluate */
};

/* Opens a directory on a device that outlives it. One whose config.json names no task, or whose
 * head is missing: CLB_ERROR_FORMAT. */
enum clb_status task_model_open(struct clb_device *device, const char *directory,
                                const struct task_model_settings *settings,
                                struct task_model **model);
void task_model_close(struct task_model *model);
const struct task_kind *task_model_kind(const struct task_model *model);
const struct task_labels *task_model_labels(const struct task_model *model);
/* Whether a directory's config.json names a task; its kind. */
enum clb_status task_model_kind_of(const char *directory, const struct task_kind **kind);

/* Gets a record and what the model says of it, both borrowed. */
typedef enum clb_status task_answer_function(void *context, const json_t *record,
                                             const json_t *answer);

/* Asks for all records of the examples, in their order, in memory that does not grow with them.
 * Labels are not looked at. *cut: texts that were too long and were cut. */
enum clb_status task_model_predict(struct task_model *model, const struct clb_examples *examples,
                                   const struct task_answers *how, task_answer_function *answer,
                                   void *context, int64_t *cut);
/* The same for records at hand. */
enum clb_status task_model_ask(struct task_model *model, json_t *const *records, int count,
                               const struct task_answers *how, task_answer_function *answer,
                               void *context);

/* Reads labelled examples and answers them all. The caller frees *logits; the set keeps records. */
enum clb_status task_model_evaluate(struct task_model *model, const struct clb_examples *examples,
                                    struct task_set **set, float **logits);

#endif
