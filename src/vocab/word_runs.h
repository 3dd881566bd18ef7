/* SPDX-License-Identifier: Apache-2.0 */
/* Counted words in sorted runs, in memory or in temporary files, read as one sorted list: counts of
 * more words than fit in memory. */
#ifndef VOCAB_WORD_RUNS_H
#define VOCAB_WORD_RUNS_H

#include "vocab/word_counts.h"

struct vocab_word_runs;

enum clb_status vocab_word_runs_create(struct vocab_word_runs **runs);
void vocab_word_runs_destroy(struct vocab_word_runs *runs);

/* Threads may spill, and then keep, at the same time; none may spill once one has kept.
 * Moves the counts into a temporary file and empties them. */
enum clb_status vocab_word_runs_spill(struct vocab_word_runs *runs,
                                      struct vocab_word_counts *counts);
/* Takes the counts in memory; they belong to the runs then, after an error too. */
enum clb_status vocab_word_runs_keep(struct vocab_word_runs *runs,
                                     struct vocab_word_counts *counts);

int64_t vocab_word_runs_total(const struct vocab_word_runs *runs); /* words, every one counted */
int vocab_word_runs_spilled(const struct vocab_word_runs *runs);   /* how often */

/* Reads from the first word on. */
enum clb_status vocab_word_runs_rewind(struct vocab_word_runs *runs);
/* The next word in order of bytes, with its count in all runs, valid until the next call; its size
 * is 0 at the end. */
enum clb_status vocab_word_runs_next(struct vocab_word_runs *runs, struct vocab_word_count *word);

#endif
