/* SPDX-License-Identifier: Apache-2.0 */
/* Character classes and lower case of BERT's normaliser for code points from U+0080, as Hugging
 * Face's tokenizers has them (tools/make_unicode_tables.py). Ranges ascend. */
#ifndef TOKENIZER_UNICODE_TABLES_H
#define TOKENIZER_UNICODE_TABLES_H

#include <stdint.h>

struct tokenizer_range {
    uint32_t first, last;
};

extern const struct tokenizer_range tokenizer_removed[]; /* control, format, private use, U+FFFD */
extern const struct tokenizer_range tokenizer_space[];   /* white space */
extern const struct tokenizer_range tokenizer_punctuation[]; /* a word of its own */
extern const struct tokenizer_range tokenizer_mark[];        /* nonspacing marks: accents */
extern const struct tokenizer_range tokenizer_combining[];   /* all marks */
extern const struct tokenizer_range
    tokenizer_ideograph[]; /* Chinese characters: words of their own */
extern const int tokenizer_removed_count, tokenizer_space_count, tokenizer_punctuation_count,
    tokenizer_mark_count, tokenizer_combining_count, tokenizer_ideograph_count;

/* Code points first, first + step ... last have the lower case to, to + step ... (all but U+0130,
 * whose lower case is two code points). Runs ascend. */
struct tokenizer_lower_run {
    uint32_t first, last, to, step;
};

extern const struct tokenizer_lower_run tokenizer_lower[];
extern const int tokenizer_lower_count;

#endif
