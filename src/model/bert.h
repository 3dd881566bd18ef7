/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a model: its weights by name, its activations, and the parts of a pass.
 *
 * A pass: model.c uploads the batch, encoder.c goes up through embeddings and layers, heads.c takes
 * the losses and begins the gradient at the last layer's output, encoder.c goes down again. */
#ifndef MODEL_BERT_H
#define MODEL_BERT_H

#include <clbert/model.h>

/* Weights, or their gradients, or a moment: the same places in an arena each time. */
struct bert_layer_weights {
    struct clb_tensor qkv_weight, qkv_bias;                   /* [3H, H], [3H] */
    struct clb_tensor attention_weight, attention_bias;       /* [H, H], [H] */
    struct clb_tensor attention_gamma, attention_beta;        /* [H] */
    struct clb_tensor intermediate_weight, intermediate_bias; /* [I, H], [I] */
    struct clb_tensor output_weight, output_bias;             /* [H, I], [H] */
    struct clb_tensor output_gamma, output_beta;              /* [H] */
};

struct bert_weights {
    struct clb_tensor word, position, segment;          /* [V, H], [P, H], [S, H] */
    struct clb_tensor embedding_gamma, embedding_beta;  /* [H] */
    struct bert_layer_weights *layers;                  /* [num_hidden_layers] */
    struct clb_tensor pooler_weight, pooler_bias;       /* [H, H], [H] */
    struct clb_tensor transform_weight, transform_bias; /* [H, H], [H] */
    struct clb_tensor transform_gamma, transform_beta;  /* [H] */
    struct clb_tensor decoder_bias;                     /* [V]; the decoder is `word` */
    struct clb_tensor seq_weight, seq_bias;             /* [2, H], [2] */
};

/* weights.c: declares every tensor in `arena`; `weights` must stay where it is until commit. */
enum clb_status bert_weights_declare(const struct clb_config *config, struct clb_arena *arena,
                                     struct bert_weights *weights);
void bert_weights_free(struct bert_weights *weights);
/* `*list` is malloc'd, in the order of the arena. */
enum clb_status bert_weights_list(const struct clb_config *config,
                                  const struct bert_weights *weights, struct clb_parameter **list,
                                  int *count);
/* The same list without a model: names and shapes, no memory. */
enum clb_status bert_shapes_list(const struct clb_config *config, struct clb_parameter **list,
                                 int *count);
/* The name in a file of part `part` of a parameter: "qkv" becomes query, key or value. */
enum { BERT_NAME_SIZE = 192 };
void bert_part_name(char name[BERT_NAME_SIZE], const char *prefix,
                    const struct clb_parameter *parameter, int part);

/* What forward leaves for backward. Without training all layers share one. */
struct bert_layer_activations {
    struct clb_tensor qkv;                   /* [T, 3H] */
    struct clb_tensor attention, lse;        /* [T, H], [N, T] */
    struct clb_tensor sum1, stats1, hidden1; /* [T, H], [T, 2], [T, H]: first add and norm */
    struct clb_tensor pre, act;              /* [T, I]: before and after GELU */
    struct clb_tensor sum2, stats2, hidden2; /* second add and norm: the layer's output */
};

struct bert_activations {
    struct clb_tensor embedding, embedding_sum, embedding_stats; /* [T, H], [T, H], [T, 2] */
    struct bert_layer_activations *layers;                       /* [num_hidden_layers] */
    /* Heads; the MLM head runs over chunks of C masked rows. */
    struct clb_tensor masked, transform_pre, transform, transform_stats, predicted; /* [C, H] .. */
    struct clb_tensor logits;                                                       /* [C, V] */
    struct clb_tensor cls, pooled, nsp_logits; /* [B, H], [B, H], [B, 2] */
    struct clb_tensor mlm_sums, nsp_sums;      /* [2]: loss, correct */
    /* Gradients of activations. */
    struct clb_tensor d_hidden, d_sum, d_y;  /* [T, H] */
    struct clb_tensor d_intermediate, d_qkv; /* [T, I], [T, 3H] */
    struct clb_tensor d_rows, d_rows_sum;    /* [max(C, B), H] */
};

/* The batch on the device: index tensors as in struct clb_batch. */
struct bert_device_batch {
    struct clb_tensor ids, positions, segments, cu_seqlens, next_sentence_labels;
    struct clb_row_groups word, position, segment;
    struct clb_tensor *masked_rows, *masked_labels; /* [chunks] of [C] */
};

struct clb_model {
    struct clb_device *device;
    struct clb_config config;
    struct clb_model_limits limits;
    int32_t chunk_rows, chunks; /* of the MLM head */

    struct clb_arena *weight_arena, *gradient_arena, *batch_arena, **activation_arenas;
    int activation_arena_count;
    struct bert_weights weights, gradients;
    struct bert_activations activations;
    struct bert_device_batch batch;
    struct clb_parameter *parameters, *gradient_list;
    int parameter_count;
    int heads; /* whose weights were not made up: a sum of CLB_HEAD_... */
};

/* One batch on its way through the model. */
struct bert_pass {
    int32_t tokens, sequences, masked, max_seqlen;
    bool training; /* dropout, and keep what backward needs */
    uint64_t seed; /* of dropout */
    uint32_t stream;
    struct clb_loss_scales scales;  /* 0: no gradient */
    float *mlm_logits, *nsp_logits; /* host copies for predict, or NULL */
};

/* model.c: which head a parameter belongs to, 0: the encoder. */
int bert_parameter_head(const char *name);
/* Gives one parameter its initial values. */
enum clb_status bert_initialize_parameter(const struct clb_model *model, int index, uint64_t seed);

/* activations.c: declares everything and fixes the size of chunks. */
enum clb_status bert_activations_declare(struct clb_model *model);
enum clb_status bert_batch_declare(struct clb_model *model);

/* encoder.c: from ids to the last layer's output; and back from its gradient in d_hidden. */
enum clb_status bert_encoder_forward(struct clb_model *model, const struct bert_pass *pass);
enum clb_status bert_encoder_backward(struct clb_model *model, const struct bert_pass *pass);

/* heads.c: the losses, and their gradient into d_hidden where the pass trains. */
enum clb_status bert_heads(struct clb_model *model, const struct bert_pass *pass);

/* The last layer's output, as many rows as the pass has tokens. */
struct clb_tensor bert_last_hidden(const struct clb_model *model, const struct bert_pass *pass);

#endif
