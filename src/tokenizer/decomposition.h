/* SPDX-License-Identifier: Apache-2.0 */
/* Canonical decomposition, and where in the text its results come from. */
#ifndef TOKENIZER_DECOMPOSITION_H
#define TOKENIZER_DECOMPOSITION_H

#include <clbert/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <unicode/umachine.h>

/* A stretch of text in UTF-16, with a number for every unit that says where its character comes
 * from, or without. */
struct tokenizer_run {
    UChar *units;
    size_t *origins; /* NULL: not traced */
    int32_t length;
};

enum clb_status tokenizer_run_create(size_t capacity, bool traced, struct tokenizer_run *run);
void tokenizer_run_free(struct tokenizer_run *run);

/* Canonical decomposition of Unicode 9, whose tables tokenizers has: what came later is left as it
 * is, whatever ICU's version knows of it. Makes *out, traced as `in` is. */
enum clb_status tokenizer_decompose(const struct tokenizer_run *in, struct tokenizer_run *out);

#endif
