/* SPDX-License-Identifier: Apache-2.0 */
/* Asking a pretrained model: what belongs at [MASK], and whether B follows A. */
#ifndef CLBERT_PREDICT_H
#define CLBERT_PREDICT_H

#include <clbert/api.h>
#include <clbert/device.h>
#include <clbert/tokenizer.h>
#include <stdint.h>

CLB_BEGIN_DECLS

/* A model and its tokenizer, ready to be asked. */
struct clb_predictor;

/* Opens a Hugging Face model directory on a device that outlives it and multiplies `precision`. A
 * vocabulary shorter than the model's vocab_size is a warning. A head may be missing until it is
 * asked for. */
CLB_API enum clb_status clb_predictor_open(struct clb_device *device, const char *directory,
                                           enum clb_type precision,
                                           struct clb_predictor **predictor);
CLB_API void clb_predictor_close(struct clb_predictor *predictor);
CLB_API const struct clb_tokenizer *clb_predictor_tokenizer(const struct clb_predictor *predictor);

struct clb_guess {
    float score; /* probability */
    int32_t token;
};

/* The `top_k` likeliest tokens for every [MASK] of a text: *guesses is malloc'd,
 * [*mask_count][top_k], best first; *ids its ids with [CLS] and [SEP], to be freed with
 * clb_ids_free; the masks' places in *positions, malloc'd. A text without [MASK], or too long:
 * CLB_ERROR_ARGUMENT. A model without an MLM head: CLB_ERROR_FORMAT; logits that are not finite:
 * CLB_ERROR_NUMERIC. */
CLB_API enum clb_status clb_fill_mask(struct clb_predictor *predictor, const char *text, int top_k,
                                      struct clb_ids *ids, int32_t **positions, int *mask_count,
                                      struct clb_guess **guesses);

/* The probability that B follows A. A model without an NSP head: CLB_ERROR_FORMAT; logits that are
 * not finite: CLB_ERROR_NUMERIC. */
CLB_API enum clb_status clb_next_sentence(struct clb_predictor *predictor, const char *a,
                                          const char *b, double *is_next);

CLB_END_DECLS

#endif
