/* A prepared corpus: Megatron-LM indexed datasets, one sequence a sentence, read by mmap.
 * Format: megatron/core/datasets/indexed_dataset.py. */
#ifndef CLBERT_CORPUS_H
#define CLBERT_CORPUS_H

#include <clbert/status.h>
#include <clbert/tokenizer.h>
#include <stdint.h>

struct clb_corpus;

/* Opens DIR/{train,validation}.{bin,idx}, its vocabulary and corpus.json. Nothing of the corpus is
 * read into memory. Cut short, foreign or made with another vocabulary than lies beside it:
 * CLB_ERROR_FORMAT. */
enum clb_status clb_corpus_open(const char *directory, struct clb_corpus **corpus);
void clb_corpus_close(struct clb_corpus *corpus);

/* The vocabulary it was made with, owned by the corpus. */
const struct clb_tokenizer *clb_corpus_tokenizer(const struct clb_corpus *corpus);
const char *clb_corpus_directory(const struct clb_corpus *corpus);

/* One half of it. */
enum clb_split { CLB_TRAIN = 0, CLB_VALIDATION = 1 };
int64_t clb_corpus_documents(const struct clb_corpus *corpus, enum clb_split split);
int64_t clb_corpus_sentences(const struct clb_corpus *corpus, enum clb_split split);
int64_t clb_corpus_tokens(const struct clb_corpus *corpus, enum clb_split split);
/* A hash of what matters to the stream (counts, sizes, vocabulary): kept in trainer_state.json so
 * that a resume on another corpus is noticed. */
uint64_t clb_corpus_hash(const struct clb_corpus *corpus);

#endif
