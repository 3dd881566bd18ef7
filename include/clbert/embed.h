/* SPDX-License-Identifier: Apache-2.0 */
/* Sentence embeddings: a text becomes one vector, as sentence-transformers makes it. */
#ifndef CLBERT_EMBED_H
#define CLBERT_EMBED_H

#include <clbert/api.h>
#include <clbert/device.h>
#include <clbert/ops.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

CLB_BEGIN_DECLS

/* A model, its tokenizer, and how its vectors are made of its tokens. For one thread at a time. */
struct clb_embedder;

/* What a zeroed one means stands in brackets. */
struct clb_embedder_options {
    bool pooling_given; /* `pooling` overrules what the directory says (it does not) */
    enum clb_pooling pooling;
    bool normalize;         /* to length 1, whatever the directory says (as it says) */
    int32_t max_seq_length; /* tokens, [CLS] and [SEP] among them, behind which texts are cut (0: as
                               the directory says) */
    int32_t batch_size;     /* a batch has as many tokens as so many texts of that length, whatever
                               their number (0: as many as the device does fastest) */
    enum clb_type precision; /* of products' operands (fp32), which the device multiplies */
    const volatile sig_atomic_t *stop; /* clb_embed ends with CLB_ERROR_INTERRUPTED where it is not
                                          0 (NULL) */
};

/* What an embedder does. */
struct clb_embedder_info {
    int32_t dimension; /* H */
    int32_t max_seq_length;
    enum clb_pooling pooling;
    bool normalize;
};

/* Opens a directory of sentence-transformers' (modules.json, and what it names), or of a Hugging
 * Face BERT: pooled by the mean, not normalised. The device outlives it. What would give other
 * numbers than sentence-transformers (a Dense module, several kinds of pooling at once, ...) is
 * refused by its name: CLB_ERROR_FORMAT. Options that cannot be: CLB_ERROR_ARGUMENT. */
CLB_API enum clb_status clb_embedder_open(struct clb_device *device, const char *directory,
                                          const struct clb_embedder_options *options,
                                          struct clb_embedder **embedder);
CLB_API void clb_embedder_close(struct clb_embedder *embedder);
CLB_API struct clb_embedder_info clb_embedder_info(const struct clb_embedder *embedder);

/* embeddings [count, H], in the caller's memory, row i of texts[i], which is UTF-8 and ends with a
 * 0 byte; what is not UTF-8 counts as nothing, an empty text is [CLS] [SEP]. Texts are worked on by
 * length, so that many at once are faster than one after another. Numbers that are not finite:
 * CLB_ERROR_NUMERIC. */
CLB_API enum clb_status clb_embed(struct clb_embedder *embedder, const char *const *texts,
                                  int64_t count, float *embeddings);

/* similarity [count, count] = the cosine of each two rows of embeddings [count, dimension]; 0 where
 * a row is 0. */
CLB_API void clb_cosine_similarity(const float *embeddings, int64_t count, int32_t dimension,
                                   float *similarity);

CLB_END_DECLS

#endif
