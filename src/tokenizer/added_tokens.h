/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens that are taken out of a text before WordPiece sees it, as Hugging Face's tokenizers do:
 * [MASK] and its like, and those that a user has added. */
#ifndef TOKENIZER_ADDED_TOKENS_H
#define TOKENIZER_ADDED_TOKENS_H

#include <clbert/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tokenizer_added_token {
    char *content; /* malloc'd */
    int32_t id;
    bool special;        /* left out of decoded text */
    bool normalized;     /* looked for in the normalised text, not in the text as it is */
    bool single_word;    /* only where no letter or digit is beside it */
    bool lstrip, rstrip; /* takes the white space before or behind it */
};

void tokenizer_added_tokens_free(struct tokenizer_added_token *tokens, int count);

/* Finds such tokens: from left to right, of those that begin in one place the longest. */
struct tokenizer_matcher;

/* Of the tokens given, those whose `normalized` is as wanted; contents[i], borrowed for the call,
 * is what token i looks like. *matcher is NULL where there are none. */
enum clb_status tokenizer_matcher_create(const struct tokenizer_added_token *tokens,
                                         const char *const *contents, int count, bool normalized,
                                         struct tokenizer_matcher **matcher);
void tokenizer_matcher_destroy(struct tokenizer_matcher *matcher);

/* Called for every token that was found, with its id, and for the text between them, with -1. */
typedef enum clb_status (*tokenizer_part_function)(void *context, const char *text, size_t size,
                                                   int32_t id);
enum clb_status tokenizer_matcher_split(const struct tokenizer_matcher *matcher, const char *text,
                                        size_t size, tokenizer_part_function part, void *context);

#endif
