/* SPDX-License-Identifier: Apache-2.0 */
/* BERT with the heads of its architecture (config.h), on one device.
 * Devlin et al., 2018; names and shapes as in Hugging Face transformers. */
#ifndef CLBERT_MODEL_H
#define CLBERT_MODEL_H

#include <clbert/api.h>
#include <clbert/batch.h>
#include <clbert/config.h>
#include <clbert/device.h>
#include <clbert/ops.h>

CLB_BEGIN_DECLS

struct clb_model;

/* The largest batch there will be, which fixes the memory. */
struct clb_model_limits {
    int32_t max_sequences;
    int32_t max_tokens;
    int32_t max_masked;
    bool training;               /* gradients and what backward needs */
    bool gradient_checkpointing; /* backward makes a block's activations anew: less memory, a third
                                    more time, the same bits */
    enum clb_type operands;      /* of products and attention, and what is kept of them; weights,
                                    gradients, norms and losses are fp32 always. A type that the device
                                    does not multiply (clb_device_multiplies): CLB_ERROR_ARGUMENT */
    int32_t frozen_modules;      /* in training: so many of the embeddings and the blocks behind
                                    them, from the first on, are left as they are: no gradient of
                                    them is computed, it stays 0. 0: none; 1: the embeddings; at
                                    most 1 + num_hidden_layers */
};

struct clb_memory_plan {
    int64_t weights, gradients, activations, batch, scratch; /* bytes; the device's scratch */
};

/* Plans a model: no device memory yet. The device must outlive it. For training an architecture
 * must have a loss, which BertModel has not: CLB_ERROR_ARGUMENT. */
CLB_API enum clb_status clb_model_create(struct clb_device *device, const struct clb_config *config,
                                         const struct clb_model_limits *limits,
                                         struct clb_model **model);
CLB_API void clb_model_destroy(struct clb_model *model);

CLB_API struct clb_memory_plan clb_model_memory(const struct clb_model *model);
CLB_API struct clb_model_limits clb_model_limits(const struct clb_model *model);
CLB_API enum clb_type clb_model_operands(const struct clb_model *model);
CLB_API const struct clb_config *clb_model_config(const struct clb_model *model);

/* Allocates; every weight is 0 then. */
CLB_API enum clb_status clb_model_commit(struct clb_model *model);

/* Which random numbers a tensor's initial values and a site's dropout take: those of its name, or,
 * as in 0.1.0, of its number. To be set before the first of them is taken. */
enum clb_streams { CLB_STREAMS_BY_NAME, CLB_STREAMS_BY_NUMBER };
CLB_API void clb_model_set_streams(struct clb_model *model, enum clb_streams streams);
CLB_API enum clb_streams clb_model_streams(const struct clb_model *model);

/* Truncated normal weights, biases 0, LayerNorm 1 and 0: a pure function of seed and name. */
CLB_API enum clb_status clb_model_initialize(struct clb_model *model, uint64_t seed);

/* The configuration of a Hugging Face model directory, checked against its weights: sizes, heads
 * that the files have (one called BertForMaskedLM may have both), and that
 * all tensors of the encoder are there (CLB_ERROR_FORMAT). Of the weights only headers are read, so
 * that nothing large needs to be allocated before. What is no model directory: CLB_ERROR_IO that
 * says what it is. */
CLB_API enum clb_status clb_model_read_config(const char *directory, struct clb_config *config);

/* Reads DIR/model.safetensors, or the files that DIR/model.safetensors.index.json names. F16 and
 * BF16 are widened; LayerNorm.gamma/beta and a missing "bert." prefix are accepted. Heads that the
 * files lack are initialised from `seed`, and named in a warning where the model is for training;
 * anything else that is missing, or has another shape: CLB_ERROR_FORMAT. Values that are not
 * finite: CLB_ERROR_NUMERIC. Where config.json says "tie_word_embeddings": false, the decoder of
 * the MLM head must still be equal to the word embeddings (CLB_ERROR_FORMAT). */
CLB_API enum clb_status clb_model_load(struct clb_model *model, const char *directory,
                                       uint64_t seed);

/* The same for a new task: what the files have of heads is not looked at, all of them but the
 * pooler are initialised. */
CLB_API enum clb_status clb_model_load_encoder(struct clb_model *model, const char *directory,
                                               uint64_t seed);

/* The heads whose weights were loaded (or initialised by clb_model_initialize): a sum of these.
 * What the model answers by another head means nothing. */
enum clb_head {
    CLB_HEAD_MLM = 1,      /* cls.predictions */
    CLB_HEAD_NSP = 2,      /* bert.pooler and cls.seq_relationship */
    CLB_HEAD_SEQUENCE = 4, /* bert.pooler and classifier */
    CLB_HEAD_TOKEN = 8,    /* classifier */
    CLB_HEAD_SPAN = 16     /* qa_outputs */
};
CLB_API int clb_model_heads(const struct clb_model *model);

/* The name of class `label` of 0 .. num_labels - 1, as config.json's id2label of the directory that
 * was loaded says, if it is of num_labels; NULL: it has none. Owned by the model. */
CLB_API const char *clb_model_label(const struct clb_model *model, int32_t label);
/* Names all num_labels classes, for clb_model_save, until another directory is loaded. A name that
 * is not UTF-8: CLB_ERROR_ARGUMENT. */
CLB_API enum clb_status clb_model_set_labels(struct clb_model *model, const char *const *names);

/* Writes DIR/config.json and DIR/model.safetensors, each whole or not at all: what Hugging Face's
 * class of the architecture's name loads. */
CLB_API enum clb_status clb_model_save(const struct clb_model *model, const char *directory);

/* ---- running it ---- */

/* One loss of a model, of the head of that name: sums over its labels (struct clb_labels), which
 * those of sequences are for all of a batch or none. A label of several numbers counts by each, a
 * span by each of its two rows that is to be learnt. */
struct clb_loss {
    char name[16];
    double sum, correct; /* of the loss; labels that the largest logit got right */
    int64_t count;       /* labels */
    double weight;       /* what `sum` is divided by: labels by the weights of their classes
                            (clb_model_set_loss); without these, as many as `count` */
    bool perplexity;     /* of a language model: exp of the mean loss means something */
    bool numeric;        /* its labels are numbers to come near to: none is right or wrong */
    bool made_up;        /* by a head that the files lacked (clb_model_heads): it means nothing */
};
enum { CLB_LOSSES = 4 }; /* at most */
struct clb_losses {
    int count;
    struct clb_loss loss[CLB_LOSSES];
};

/* How the loss of a head for classes of sequences or tokens is taken, as PyTorch's
 * CrossEntropyLoss(weight, label_smoothing). */
struct clb_loss_settings {
    float label_smoothing;      /* [0, 1): a share of every label that is spread over all classes */
    const float *class_weights; /* [num_labels], finite, not negative; NULL: all 1 */
};
/* For every pass from now on, in training and out of it; the weights are copied. NULL: neither, as
 * after create. A model without such a head, or wrong settings: CLB_ERROR_ARGUMENT. */
CLB_API enum clb_status clb_model_set_loss(struct clb_model *model,
                                           const struct clb_loss_settings *settings);

/* Means over the labels; NaN where there are none, and of an accuracy that means nothing. */
CLB_API double clb_loss_mean(const struct clb_loss *loss);
CLB_API double clb_loss_accuracy(const struct clb_loss *loss);

/* The losses of the model's heads, and what was summed since the sums were last written. Reading
 * waits for the device. The sums are floats there, so that what was read and written back goes on
 * as if nothing had been. */
CLB_API enum clb_status clb_model_read_losses(const struct clb_model *model,
                                              struct clb_losses *losses);
/* Sums by name; what `losses` lacks becomes 0. NULL: all begin anew. */
CLB_API enum clb_status clb_model_write_losses(struct clb_model *model,
                                               const struct clb_losses *losses);
/* How many there are, and their names, without waiting. */
CLB_API int clb_model_loss_count(const struct clb_model *model);
CLB_API const char *clb_model_loss_name(const struct clb_model *model, int loss);

/* What a batch adds to the weight of loss number `loss`. */
CLB_API double clb_model_label_weight(const struct clb_model *model, int loss,
                                      const struct clb_batch *batch);

/* Forward and backward on one batch: gradients are added to what is there, sums to the losses.
 * Each loss is multiplied by its scale: 1 / its weight in the whole step, in the order of the
 * model's losses. `stream` picks the dropout masks: another one every micro-batch. */
struct clb_loss_scales {
    float scale[CLB_LOSSES];
};
CLB_API enum clb_status clb_model_train(struct clb_model *model, const struct clb_batch *batch,
                                        uint64_t seed, uint32_t stream,
                                        struct clb_loss_scales scales);

/* Called during backward of clb_model_train, as soon as nothing more will be added to the gradients
 * first .. first + count - 1 of clb_model_gradients in this call: what may be sent on meanwhile.
 * NULL: nobody. */
typedef void clb_gradients_ready(void *context, int first, int count);
CLB_API void clb_model_on_gradients(struct clb_model *model, clb_gradients_ready *ready,
                                    void *context);

/* Forward without dropout; sums are added to the losses. */
CLB_API enum clb_status clb_model_evaluate(struct clb_model *model, const struct clb_batch *batch);

/* Forward without dropout; the logits of head `head` to the host. A row for each of the batch's
 * labels of that name: "mlm" [R, vocab_size], "nsp" [R, 2]. Whatever labels there are, a row for
 * each sequence: "sequence" [B, num_labels], or for each token: "token" [T, num_labels], "span"
 * [T, 2], how much the token is the first of the answer, and the last. A head that the model has
 * not: CLB_ERROR_ARGUMENT. */
CLB_API enum clb_status clb_model_predict(struct clb_model *model, const struct clb_batch *batch,
                                          const char *head, float *logits);

/* Forward without dropout up to the output of the embeddings (`layer` 0) or of block `layer` (1 ..
 * num_hidden_layers), to the host: hidden [T, H], a row a token. Another layer: CLB_ERROR_ARGUMENT.
 */
CLB_API enum clb_status clb_model_hidden(struct clb_model *model, const struct clb_batch *batch,
                                         int layer, float *hidden);
/* One row for each sequence, of those of the last block (clb_pool): embedding [B, H]. Of every
 * architecture, whatever heads its files have. */
CLB_API enum clb_status clb_model_embed(struct clb_model *model, const struct clb_batch *batch,
                                        enum clb_pooling kind, float *embedding);

/* ---- parameters ---- */

enum clb_parameter_init { CLB_INIT_NORMAL, CLB_INIT_ZERO, CLB_INIT_ONE };

/* One tensor, in the order in which they lie in memory. */
struct clb_parameter {
    char name[96]; /* Hugging Face's; where parts is 3, with "qkv" for query, key, value */
    struct clb_tensor tensor;
    int parts;   /* tensors of equal size, stacked by row, in a file */
    bool decay;  /* takes part in weight decay: not biases and LayerNorm */
    bool frozen; /* of a module that is not trained (clb_model_limits) */
    enum clb_parameter_init init;
};

/* Owned by the model; their tensors have memory after commit, which renews the list. */
CLB_API const struct clb_parameter *clb_model_parameters(const struct clb_model *model, int *count);
CLB_API const struct clb_parameter *clb_model_gradients(const struct clb_model *model, int *count);
/* All of them as one vector, padding 0; without memory where there are several parts. */
CLB_API struct clb_tensor clb_model_weights_whole(const struct clb_model *model);
CLB_API struct clb_tensor clb_model_gradients_whole(const struct clb_model *model);
/* The same in parts, one where the device's cap on an allocation allows it (clb_arena_in_parts). */
CLB_API int clb_model_parts(const struct clb_model *model);
CLB_API struct clb_tensor clb_model_weights_part(const struct clb_model *model, int part);
CLB_API struct clb_tensor clb_model_gradients_part(const struct clb_model *model, int part);

/* Another arena with a tensor for every parameter in the same places (an optimiser's moments), in
 * the same parts.
 * `*parameters` is malloc'd and must stay until the arena is gone; their memory comes at commit. */
CLB_API enum clb_status clb_model_like_parameters(const struct clb_model *model,
                                                  struct clb_arena *arena,
                                                  struct clb_parameter **parameters, int *count);

/* ---- tensors in files (safetensors) ---- */

/* Writes the parameters of one or more lists as F32, names prefixed by list ("" or "exp_avg."). */
struct clb_tensor_list {
    const char *prefix;
    const struct clb_parameter *parameters;
    int count;
};
CLB_API enum clb_status clb_tensors_save(const char *path, const struct clb_tensor_list *lists,
                                         int list_count);
/* Reads them back; every one must be there with its shape. */
CLB_API enum clb_status clb_tensors_load(const char *path, const struct clb_tensor_list *lists,
                                         int list_count);

CLB_END_DECLS

#endif
