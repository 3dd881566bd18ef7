/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/verify_kinds.h"

#include <string.h>

enum { CLASSES = 3 };

static const float class_weights[CLASSES] = {0.5f, 2.0f, 1.25f};

static enum clb_status label_class(struct clb_batch *batch, int number, int32_t row, int32_t length)
{
    (void)length;
    return clb_batch_label(batch, "sequence", row, number % CLASSES);
}

static enum clb_status label_classes(struct clb_batch *batch, int number, int32_t row,
                                     int32_t length)
{
    const float targets[CLASSES] = {(float)(number & 1), (float)(number >> 1 & 1), 1.0f};
    (void)length;
    return clb_batch_label_numbers(batch, "sequence", row, CLASSES, targets);
}

static enum clb_status label_number(struct clb_batch *batch, int number, int32_t row,
                                    int32_t length)
{
    const float target = 0.75f * (float)number - 1.0f;
    (void)length;
    return clb_batch_label_numbers(batch, "sequence", row, 1, &target);
}

/* Two tokens of three. */
static enum clb_status label_tokens(struct clb_batch *batch, int number, int32_t row,
                                    int32_t length)
{
    enum clb_status status = CLB_OK;
    for (int32_t i = 0; i < length && status == CLB_OK; i++)
        if ((number + i) % 3) status = clb_batch_label(batch, "token", row + i, i % CLASSES);
    return status;
}

static enum clb_status label_span(struct clb_batch *batch, int number, int32_t row, int32_t length)
{
    const int32_t first = number == 1 ? -1 : number % length; /* one is not to be learnt */
    return clb_batch_label_span(batch, row, first, length - 1);
}

const struct verify_kind verify_kinds[VERIFY_KINDS] = {
    {.name = "", .architecture = CLB_BERT_FOR_PRETRAINING, .heads = {{"mlm", 0}, {"nsp", 2}}},
    {.name = ", classes",
     .architecture = CLB_BERT_FOR_SEQUENCE_CLASSIFICATION,
     .problem_type = CLB_PROBLEM_SINGLE_LABEL_CLASSIFICATION,
     .num_labels = CLASSES,
     .loss = {.label_smoothing = 0.1f, .class_weights = class_weights},
     .heads = {{"sequence", CLASSES}},
     .label = label_class},
    {.name = ", several classes",
     .architecture = CLB_BERT_FOR_SEQUENCE_CLASSIFICATION,
     .problem_type = CLB_PROBLEM_MULTI_LABEL_CLASSIFICATION,
     .num_labels = CLASSES,
     .heads = {{"sequence", CLASSES}},
     .label = label_classes},
    {.name = ", numbers",
     .architecture = CLB_BERT_FOR_SEQUENCE_CLASSIFICATION,
     .problem_type = CLB_PROBLEM_REGRESSION,
     .num_labels = 1,
     .heads = {{"sequence", 1}},
     .label = label_number},
    {.name = ", tokens",
     .architecture = CLB_BERT_FOR_TOKEN_CLASSIFICATION,
     .num_labels = CLASSES,
     .heads = {{"token", CLASSES}},
     .label = label_tokens},
    {.name = ", answers",
     .architecture = CLB_BERT_FOR_QUESTION_ANSWERING,
     .num_labels = 2,
     .heads = {{"span", 2}},
     .label = label_span},
};

int64_t verify_head_rows(const struct clb_batch *batch, const char *head)
{
    if (strcmp(head, "sequence") == 0) return batch->sequences;
    if (strcmp(head, "token") == 0 || strcmp(head, "span") == 0) return batch->total_tokens;
    return clb_batch_label_count(batch, head);
}
