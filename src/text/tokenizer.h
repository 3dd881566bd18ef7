/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a tokenizer, for the rooms that need words rather than ids. */
#ifndef TEXT_TOKENIZER_H
#define TEXT_TOKENIZER_H

#include "text/added_tokens.h"
#include "text/words.h"

#include <clbert/tokenizer.h>

/* More is no vocabulary of a language model. */
enum { TEXT_MOST_TOKENS = 1 << 22 };

/* What a tokenizer is made of. */
struct text_tokenizer_parts {
    char **tokens;      /* by id; malloc'd, of malloc'd strings */
    int32_t count;      /* of them */
    int32_t vocabulary; /* WordPiece's own; behind them come added ones */
    struct text_rules rules;
    struct text_added_token *added; /* malloc'd; special tokens that are not in it are added */
    int added_count;
};

void text_tokenizer_parts_free(struct text_tokenizer_parts *parts);

/* Takes the parts over, also where it fails. `where` names the source in messages. */
enum clb_status text_tokenizer_create(struct text_tokenizer_parts *parts, const char *where,
                                      struct clb_tokenizer **tokenizer);

const struct text_tokenizer_parts *text_tokenizer_parts(const struct clb_tokenizer *tokenizer);
/* Whether vocab.txt and tokenizer_config.json say all of it. */
bool text_tokenizer_is_plain(const struct clb_tokenizer *tokenizer);

/* Writes the tokenizer's files into `directory`, from where they will be moved to `destination`:
 * tokenizer.json, too, where the others do not say all, or where there is one to be replaced. */
enum clb_status text_tokenizer_write(const struct clb_tokenizer *tokenizer, const char *directory,
                                     const char *destination);

#endif
