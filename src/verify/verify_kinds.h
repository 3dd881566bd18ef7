/* SPDX-License-Identifier: Apache-2.0 */
/* The models that verify compares: pretraining's, and one for every loss of a task. */
#ifndef VERIFY_VERIFY_KINDS_H
#define VERIFY_VERIFY_KINDS_H

#include <clbert/model.h>

struct verify_kind {
    const char *name; /* in the names of checks: ", regression" */
    enum clb_architecture architecture;
    enum clb_problem_type problem_type;
    int32_t num_labels;
    struct clb_loss_settings loss; /* zero: none */
    struct verify_head {
        const char *name; /* NULL ends them */
        int64_t classes;  /* 0: the vocabulary's words */
    } heads[3];
    /* Labels sequence `number`, which begins in row `row`; NULL: masks and pairs. */
    enum clb_status (*label)(struct clb_batch *batch, int number, int32_t row, int32_t length);
};

enum { VERIFY_KINDS = 6 };
extern const struct verify_kind verify_kinds[VERIFY_KINDS]; /* the first: pretraining */

/* Rows of a head's logits in a batch. */
int64_t verify_head_rows(const struct clb_batch *batch, const char *head);

#endif
