/* SPDX-License-Identifier: Apache-2.0 */
/* Masked language modelling: which tokens are hidden, and how. */
#ifndef DATA_MASKING_H
#define DATA_MASKING_H

#include <clbert/random.h>
#include <clbert/status.h>
#include <clbert/tokenizer.h>
#include <stdbool.h>
#include <stdint.h>

/* What is chosen together. */
enum masking_unit {
    MASKING_TOKENS,
    MASKING_WORDS, /* all pieces of a word */
    MASKING_SPANS, /* neighbouring words, as SpanBERT (Joshi et al., 2020): 1 to 10 of them, n with
                      a probability in proportion to 0.8^n */
};

struct masking {
    const struct clb_tokenizer *tokenizer;
    enum masking_unit unit;
    struct clb_special_ids special;
    int32_t sorted_specials[5];
};

void masking_begin(struct masking *masking, const struct clb_tokenizer *tokenizer,
                   enum masking_unit unit);

/* Masks an example [CLS] A [SEP] or [CLS] A [SEP] B [SEP] in place: of its ordinary tokens the
 * share `probability`, rounded, at least one; of these 80 % become [MASK], 10 % a random ordinary
 * token, 10 % stay, in spans all alike. A word that would be over the share is left out, and ends a
 * span; one alone that is over it is taken where nothing else can be. Labels are the original ids,
 * -100 elsewhere. `scratch` has room for 3 * length. `random` and `base` (a multiple of 2^20,
 * different for each example) decide. */
void masking_apply(const struct masking *masking, float probability, struct clb_random random,
                   uint64_t base, int32_t length, int32_t *ids, int32_t *labels, int32_t *scratch);

/* How many tokens of an example of `length` are masked at most. */
int32_t masking_most(float probability, enum masking_unit unit, int32_t length);

#endif
