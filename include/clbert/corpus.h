/* SPDX-License-Identifier: Apache-2.0 */
/* A prepared corpus: Megatron-LM indexed datasets, one sequence a sentence, read where needed.
 * Format: megatron/core/datasets/indexed_dataset.py. */
#ifndef CLBERT_CORPUS_H
#define CLBERT_CORPUS_H

#include <clbert/api.h>
#include <clbert/status.h>
#include <clbert/tokenizer.h>
#include <stdbool.h>
#include <stdint.h>

CLB_BEGIN_DECLS

struct clb_corpus;

/* Opens DIR/{train,validation}.{bin,idx}, its vocabulary and corpus.json. Nothing of the corpus is
 * read into memory. Cut short, foreign or made with another vocabulary than lies beside it:
 * CLB_ERROR_FORMAT. */
CLB_API enum clb_status clb_corpus_open(const char *directory, struct clb_corpus **corpus);
/* Several as one: each of `specs` is "DIR" or "DIR:WEIGHT", all with a weight or none (then by
 * size). Weights are shares of the examples. Different vocabularies: CLB_ERROR_ARGUMENT. */
CLB_API enum clb_status clb_corpora_open(const char *const *specs, int count,
                                         struct clb_corpus **corpus);
CLB_API void clb_corpus_close(struct clb_corpus *corpus);

/* The vocabulary it was made with, owned by the corpus. */
CLB_API const struct clb_tokenizer *clb_corpus_tokenizer(const struct clb_corpus *corpus);
/* As it was opened: "DIR", or "DIR:0.7 OTHER:0.3". */
CLB_API const char *clb_corpus_directory(const struct clb_corpus *corpus);

/* One half of it, all corpora of a blend together. */
enum clb_split { CLB_TRAIN = 0, CLB_VALIDATION = 1 };
CLB_API int64_t clb_corpus_documents(const struct clb_corpus *corpus, enum clb_split split);
CLB_API int64_t clb_corpus_sentences(const struct clb_corpus *corpus, enum clb_split split);
CLB_API int64_t clb_corpus_tokens(const struct clb_corpus *corpus, enum clb_split split);
/* Whether a corpus of it has two documents in this half: what next sentence prediction needs. */
CLB_API bool clb_corpus_pairs(const struct clb_corpus *corpus, enum clb_split split);
/* A hash of what matters to the stream (counts, sizes, vocabulary): kept in trainer_state.json so
 * that a resume on another corpus is noticed. */
CLB_API uint64_t clb_corpus_hash(const struct clb_corpus *corpus);

CLB_END_DECLS

#endif
