/* SPDX-License-Identifier: Apache-2.0 */
#include <clbert/tasks.h>

#include "base/error.h"
#include "tasks/task.h"

#include <string.h>

/* A new task is a file with its kind, and its place here. */
static const struct {
    const char *name;
    const struct task_kind *kind;
} tasks[] = {
    [CLB_TASK_CLASSIFICATION] = {"classification", &task_classification},
    [CLB_TASK_MULTI_LABEL_CLASSIFICATION] = {"multi-label-classification", &task_multi_label},
    [CLB_TASK_REGRESSION] = {"regression", &task_regression},
    [CLB_TASK_TOKEN_CLASSIFICATION] = {"token-classification", &task_tokens},
    [CLB_TASK_QUESTION_ANSWERING] = {"question-answering", &task_answers},
};
enum { TASKS = sizeof tasks / sizeof *tasks };

const char *clb_task_name(enum clb_task task)
{
    return tasks[task].name;
}

const struct task_kind *task_kind_of(enum clb_task task)
{
    return tasks[task].kind;
}

enum clb_status clb_task_named(const char *name, enum clb_task *task)
{
    for (int i = 0; i < TASKS; i++)
        if (strcmp(name, tasks[i].name) == 0) {
            *task = (enum clb_task)i;
            return CLB_OK;
        }
    return clb_fail(CLB_ERROR_ARGUMENT,
                    "--task %s is neither classification, multi-label-classification, regression, "
                    "token-classification nor question-answering",
                    name);
}

struct clb_task_columns clb_task_columns_usual(void)
{
    return (struct clb_task_columns){
        .text = "text",
        .text_a = "text_a",
        .text_b = "text_b",
        .label = "label",
        .labels = "labels",
        .tokens = "tokens",
        .tags = "tags",
        .question = "question",
        .context = "context",
        .answers = "answers",
        .id = "id",
    };
}
