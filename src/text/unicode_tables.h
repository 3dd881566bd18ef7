/* SPDX-License-Identifier: Apache-2.0 */
/* Character classes and lower case of BERT's normaliser for code points from U+0080, as Hugging
 * Face's tokenizers has them (tools/make_unicode_tables.py). Ranges ascend. */
#ifndef TEXT_UNICODE_TABLES_H
#define TEXT_UNICODE_TABLES_H

#include <stdint.h>

struct text_range {
    uint32_t first, last;
};

extern const struct text_range text_removed[];     /* control, format, private use, U+FFFD */
extern const struct text_range text_space[];       /* white space */
extern const struct text_range text_punctuation[]; /* a word of its own */
extern const struct text_range text_mark[];        /* nonspacing marks: accents */
extern const struct text_range text_combining[];   /* all marks */
extern const struct text_range text_ideograph[];   /* Chinese characters: words of their own */
extern const int text_removed_count, text_space_count, text_punctuation_count, text_mark_count,
    text_combining_count, text_ideograph_count;

/* Code points first, first + step ... last have the lower case to, to + step ... (all but U+0130,
 * whose lower case is two code points). Runs ascend. */
struct text_lower_run {
    uint32_t first, last, to, step;
};

extern const struct text_lower_run text_lower[];
extern const int text_lower_count;

#endif
