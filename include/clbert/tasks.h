/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks that a pretrained model is fine-tuned for: which there are, and how their labelled examples
 * stand in files. */
#ifndef CLBERT_TASKS_H
#define CLBERT_TASKS_H

#include <clbert/api.h>
#include <clbert/status.h>
#include <clbert/text.h>
#include <stdint.h>

CLB_BEGIN_DECLS

enum clb_task {
    CLB_TASK_CLASSIFICATION,             /* a text or a pair of texts is of one class */
    CLB_TASK_MULTI_LABEL_CLASSIFICATION, /* of any number of classes */
    CLB_TASK_REGRESSION,                 /* has a number */
    CLB_TASK_TOKEN_CLASSIFICATION,       /* every word is of one class */
    CLB_TASK_QUESTION_ANSWERING,         /* the answer to a question is a span of a text */
};

/* "classification", "multi-label-classification", "regression", "token-classification" or
 * "question-answering". */
CLB_API const char *clb_task_name(enum clb_task task);
/* The reverse; another name: CLB_ERROR_ARGUMENT that lists them. */
CLB_API enum clb_status clb_task_named(const char *name, enum clb_task *task);

/* What the columns (or members) of an example are called. A record with `text` is one text, one
 * without it a pair of text_a and text_b. */
struct clb_task_columns {
    const char *text, *text_a, *text_b;
    const char *label;  /* a class, or a number */
    const char *labels; /* several classes: a list, or names between separators */
    const char *tokens, *tags;
    const char *question, *context, *answers, *id;
};
/* The names above. */
CLB_API struct clb_task_columns clb_task_columns_usual(void);

/* Labelled examples: files, directories, patterns and "-" as in clb_texts. */
struct clb_examples {
    const char *const *paths;
    int count;
    enum clb_record_format format;
    struct clb_task_columns columns;
    char separator; /* between the names of several classes in a field: ',' */
};

CLB_END_DECLS

#endif
