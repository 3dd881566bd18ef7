/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of a sentence-transformers directory say of its vectors. */
#ifndef PREDICT_SENTENCE_FILES_H
#define PREDICT_SENTENCE_FILES_H

#include <clbert/ops.h>
#include <clbert/status.h>
#include <stdbool.h>
#include <stdint.h>

struct sentence_recipe {
    char *model; /* the directory of config.json and the tokenizer; malloc'd */
    enum clb_pooling pooling;
    bool normalize;
    bool lower_case;    /* asked for beside the tokenizer's own rules */
    int64_t max_length; /* 0: not said */
};

/* modules.json, and what it names; without one: the mean, not normalised, of the directory's own
 * model. With `any_pooling` the kind of pooling is not looked at. What this program would do
 * otherwise than sentence-transformers: CLB_ERROR_FORMAT that names it. */
enum clb_status sentence_recipe_read(const char *directory, bool any_pooling,
                                     struct sentence_recipe *recipe);
void sentence_recipe_free(struct sentence_recipe *recipe);

#endif
