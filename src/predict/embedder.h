/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of an embedder: one text after another, and whole files of them. */
#ifndef PREDICT_EMBEDDER_H
#define PREDICT_EMBEDDER_H

#include "predict/embed_engine.h"

#include <clbert/embed.h>
#include <clbert/text.h>

/* Appends a text to the window of the engine: its ids, cut. */
enum clb_status embedder_add(struct clb_embedder *embedder, const char *text, size_t size);
struct embed_engine *embedder_engine(struct clb_embedder *embedder);
/* Texts since it was opened that were cut. */
int64_t embedder_cut(const struct clb_embedder *embedder);

/* The texts of files: the member `column` of their records, or the lines that they are. */
struct embed_source {
    const char *const *paths; /* as in clb_examples */
    int count;
    enum clb_record_format format;
    const char *column;
};
/* Gets the vectors of the next `count` texts, [count, H], borrowed; the window of the engine still
 * is theirs. */
typedef enum clb_status embed_function(void *context, const float *embeddings, int64_t count);
/* All of them, in order, in memory that does not grow with them. */
enum clb_status embedder_read(struct clb_embedder *embedder, const struct embed_source *source,
                              embed_function *function, void *context);

#endif
