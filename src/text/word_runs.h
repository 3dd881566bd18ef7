/* SPDX-License-Identifier: Apache-2.0 */
/* Counted words in sorted runs, in memory or in temporary files, read as one sorted list: counts of
 * more words than fit in memory. */
#ifndef TEXT_WORD_RUNS_H
#define TEXT_WORD_RUNS_H

#include "text/word_counts.h"

struct text_word_runs;

enum clb_status text_word_runs_create(struct text_word_runs **runs);
void text_word_runs_destroy(struct text_word_runs *runs);

/* Threads may spill, and then keep, at the same time; none may spill once one has kept.
 * Moves the counts into a temporary file and empties them. */
enum clb_status text_word_runs_spill(struct text_word_runs *runs, struct text_word_counts *counts);
/* Takes the counts in memory; they belong to the runs then, after an error too. */
enum clb_status text_word_runs_keep(struct text_word_runs *runs, struct text_word_counts *counts);

int64_t text_word_runs_total(const struct text_word_runs *runs); /* words, every one counted */
int text_word_runs_spilled(const struct text_word_runs *runs);   /* how often */

/* Reads from the first word on. */
enum clb_status text_word_runs_rewind(struct text_word_runs *runs);
/* The next word in order of bytes, with its count in all runs, valid until the next call; its size
 * is 0 at the end. */
enum clb_status text_word_runs_next(struct text_word_runs *runs, struct text_word_count *word);

#endif
