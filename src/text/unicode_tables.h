/* Character classes of BERT's normaliser for code points from U+0080, as Hugging Face's tokenizers
 * has them (tools/make_unicode_tables.py). Ranges ascend. */
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
extern const struct text_range text_ideograph[];   /* Chinese characters: words of their own */
extern const int text_removed_count, text_space_count, text_punctuation_count, text_mark_count,
    text_ideograph_count;

#endif
