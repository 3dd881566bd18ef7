/* SPDX-License-Identifier: Apache-2.0 */
/* Masked language modelling: which tokens are hidden, and how. */
#ifndef DATA_MASKING_H
#define DATA_MASKING_H

#include <clbert/random.h>
#include <clbert/status.h>
#include <clbert/tokenizer.h>
#include <stdbool.h>
#include <stdint.h>

struct masking {
    const struct clb_tokenizer *tokenizer;
    float probability;
    bool whole_words;
    struct clb_special_ids special;
    int32_t sorted_specials[5];
};

void masking_begin(struct masking *masking, const struct clb_tokenizer *tokenizer,
                   float probability, bool whole_words);

/* Masks an example [CLS] A [SEP] B [SEP] in place: of its ordinary tokens the share `probability`,
 * rounded, at least one; of these 80 % become [MASK], 10 % a random ordinary token, 10 % stay.
 * Labels are the original ids, -100 elsewhere. `scratch` has room for 2 * length. `random` and
 * `base` (a multiple of 2^20, different for each example) decide. */
void masking_apply(const struct masking *masking, struct clb_random random, uint64_t base,
                   int32_t length, int32_t *ids, int32_t *labels, int32_t *scratch);

/* How many tokens of an example of `length` are masked at most. */
int32_t masking_most(float probability, bool whole_words, int32_t length);

#endif
