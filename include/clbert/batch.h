/* SPDX-License-Identifier: Apache-2.0 */
/* A batch as the model takes it: sequences packed one after another, without padding. */
#ifndef CLBERT_BATCH_H
#define CLBERT_BATCH_H

#include <clbert/api.h>
#include <clbert/status.h>
#include <stdbool.h>
#include <stdint.h>

CLB_BEGIN_DECLS

/* Rows 0 .. total - 1 sorted by a key: group g holds order[begin[g]] .. order[begin[g + 1] - 1],
 * ascending, whose key is row[g]; keys ascend. Host side of struct clb_row_groups (ops.h). */
struct clb_groups {
    int32_t count;  /* G */
    int32_t *order; /* [total_tokens] */
    int32_t *begin; /* [G + 1] */
    int32_t *row;   /* [G] */
};

/* Labels of one kind, for the head of that name, each of a row of the batch: `width` classes or
 * numbers. Of a sequence, the row is that in which it begins.
 *
 *   "mlm"       the original id of a masked token
 *   "nsp"       0 IsNext, 1 NotNext, of a sequence
 *   "sequence"  the class of a sequence; or, where the model's problem_type says so, num_labels
 *               numbers: what they should be (regression), or 0 and 1 (multi-label)
 *   "token"     the class of a token
 *   "span"      of a sequence two of its rows, counted from its first: where the answer begins and
 *               where it ends, -1: there is none to learn */
struct clb_labels {
    const char *name;
    int32_t count;   /* R */
    int32_t width;   /* 1, of "span" 2, of numbers as many as they are */
    int32_t *rows;   /* [R] ascending */
    int32_t *values; /* [R, width], or NULL: the labels are numbers */
    float *numbers;  /* [R, width], or NULL: they are not */
};

enum { CLB_LABEL_KINDS = 4 }; /* at most */

/* [CLS] A [SEP] B [SEP] of every sequence, one after another. Each array is as long as said, in
 * memory that clb_batch_create made for the largest batch. */
struct clb_batch {
    int32_t sequences;    /* B */
    int32_t total_tokens; /* T, all real */
    int32_t max_seqlen;   /* longest sequence */

    int32_t *input_ids;      /* [T] after masking */
    int32_t *token_type_ids; /* [T] 0 in [CLS] A [SEP], 1 in B [SEP] */
    int32_t *positions;      /* [T] 0, 1, 2, ... in each sequence */
    int32_t *cu_seqlens;     /* [B + 1] sequence b is rows cu_seqlens[b] .. cu_seqlens[b+1]-1 */

    struct clb_labels labels[CLB_LABEL_KINDS];
    int label_kinds;

    struct clb_groups word, position, segment; /* of input_ids, positions, token_type_ids */

    int32_t max_sequences, max_tokens; /* what there is room for */
    bool finished;                     /* the groups are those of the sequences */
};

/* Room for max_sequences sequences of together max_tokens tokens. */
CLB_API enum clb_status clb_batch_create(int32_t max_sequences, int32_t max_tokens,
                                         struct clb_batch **batch);
CLB_API void clb_batch_destroy(struct clb_batch *batch);

/* Begins anew: no sequence. */
CLB_API void clb_batch_clear(struct clb_batch *batch);

/* Appends one sequence of `length` tokens, without labels. More than there is room for or a
 * negative id: CLB_ERROR_ARGUMENT; ids beyond the vocabulary are refused by the model. */
CLB_API enum clb_status clb_batch_append(struct clb_batch *batch, int32_t length,
                                         const int32_t *input_ids, const int32_t *token_type_ids);

/* Gives row `row` of the batch, which comes after all rows with such a label, a label of kind
 * `name` (a string that outlives the batch). A negative one: CLB_ERROR_ARGUMENT; which ones there
 * are the head knows, and refuses others. */
CLB_API enum clb_status clb_batch_label(struct clb_batch *batch, const char *name, int32_t row,
                                        int32_t value);
/* Gives the sequence that begins in row `row` `width` numbers, as many as others of the kind have.
 * One that is not finite: CLB_ERROR_ARGUMENT. */
CLB_API enum clb_status clb_batch_label_numbers(struct clb_batch *batch, const char *name,
                                                int32_t row, int32_t width, const float *numbers);
/* Gives the sequence that begins in row `row` a label "span": rows `first` and `last` of it, each
 * -1 where it is not to be learnt. */
CLB_API enum clb_status clb_batch_label_span(struct clb_batch *batch, int32_t row, int32_t first,
                                             int32_t last);

/* The labels of a kind; NULL: the batch has none. */
CLB_API const struct clb_labels *clb_batch_labels(const struct clb_batch *batch, const char *name);
/* How many there are. */
CLB_API int32_t clb_batch_label_count(const struct clb_batch *batch, const char *name);

/* Appends an example of pretraining with its labels: labels[i] is -100 where nothing was masked, or
 * NULL for none (Hugging Face's convention); next_sentence_label -1: none. */
CLB_API enum clb_status clb_batch_append_pair(struct clb_batch *batch, int32_t length,
                                              const int32_t *input_ids,
                                              const int32_t *token_type_ids, const int32_t *labels,
                                              int32_t next_sentence_label);

/* Sorts the groups: after the last sequence and before the model, which refuses a batch that is not
 * finished. */
CLB_API enum clb_status clb_batch_finish(struct clb_batch *batch);

CLB_END_DECLS

#endif
