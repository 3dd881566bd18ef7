/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a tokenizer, for the rooms that need words rather than ids. */
#ifndef TEXT_TOKENIZER_H
#define TEXT_TOKENIZER_H

#include "text/words.h"

#include <clbert/tokenizer.h>

/* A tokenizer from tokens in order of id; takes over `tokens` (malloc'd, of malloc'd strings) also
 * where it fails. `where` names the source in messages. */
enum clb_status text_tokenizer_create(char **tokens, int32_t count, struct text_rules rules,
                                      const char *where, struct clb_tokenizer **tokenizer);

/* How its text is normalised. */
struct text_rules text_tokenizer_rules(const struct clb_tokenizer *tokenizer);

#endif
