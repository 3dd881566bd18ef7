/* SPDX-License-Identifier: Apache-2.0 */
/* The shape of a model, with Hugging Face's names (BertConfig). */
#ifndef CLBERT_CONFIG_H
#define CLBERT_CONFIG_H

#include <clbert/api.h>
#include <clbert/ops.h>
#include <clbert/status.h>
#include <stdint.h>

CLB_BEGIN_DECLS

/* Which heads stand on the encoder: config.json's "architectures". */
enum clb_architecture {
    CLB_BERT_FOR_PRETRAINING,              /* masked language model, next sentence prediction */
    CLB_BERT_FOR_MASKED_LM,                /* the first alone */
    CLB_BERT_FOR_NEXT_SENTENCE_PREDICTION, /* the second alone */
    CLB_BERT_FOR_SEQUENCE_CLASSIFICATION,  /* num_labels classes of a sequence */
    CLB_BERT_FOR_TOKEN_CLASSIFICATION,     /* of a token */
    CLB_BERT_FOR_QUESTION_ANSWERING,       /* where a span begins and ends */
    CLB_BERT_MODEL,                        /* none: the encoder and its pooler */
};

/* What the labels of a sequence are. */
enum clb_problem_type {
    CLB_PROBLEM_UNSAID,     /* null: one of num_labels classes; where that is 1, a number */
    CLB_PROBLEM_REGRESSION, /* num_labels numbers, by mean squared error */
    CLB_PROBLEM_SINGLE_LABEL_CLASSIFICATION,
    CLB_PROBLEM_MULTI_LABEL_CLASSIFICATION, /* whether each of num_labels classes holds */
};

struct clb_config {
    enum clb_architecture architecture;
    int32_t vocab_size;
    int32_t hidden_size;
    int32_t num_hidden_layers;
    int32_t num_attention_heads; /* divides hidden_size */
    int32_t intermediate_size;
    int32_t max_position_embeddings;
    int32_t type_vocab_size;
    int32_t pad_token_id;
    enum clb_activation hidden_act; /* "gelu", "gelu_new" */
    float hidden_dropout_prob;
    float attention_probs_dropout_prob;
    float initializer_range;
    float layer_norm_eps;
    int32_t num_labels;       /* classes; their names are the model's (clb_model_label) */
    float classifier_dropout; /* before them; negative (null): hidden_dropout_prob */
    enum clb_problem_type problem_type;
};

/* tiny, mini, small, medium, base or large (Turc et al., 2019), with the given vocabulary.
 * Another name: CLB_ERROR_ARGUMENT that lists them. */
CLB_API enum clb_status clb_config_named(const char *name, int32_t vocab_size,
                                         struct clb_config *config);

/* Reads a config.json; what it leaves out has BertConfig's default. An architecture that is none of
 * the above: CLB_ERROR_FORMAT that lists them. */
CLB_API enum clb_status clb_config_read(const char *path, struct clb_config *config);

/* Writes one that Hugging Face loads as the same architecture; classes are named LABEL_0, ... */
CLB_API enum clb_status clb_config_write(const struct clb_config *config, const char *path);

/* Sizes positive, heads divide hidden_size, probabilities in [0, 1). `where` names the source. */
CLB_API enum clb_status clb_config_check(const struct clb_config *config, const char *where);

/* All parameters of the architecture, the tied decoder counted once; 0: out of memory. */
CLB_API int64_t clb_config_parameters(const struct clb_config *config);

/* Floating-point operations of one training step (forward and backward) on sequences of
 * `seqlen` tokens, the share `masked_share` of them through the MLM head, a token. */
CLB_API double clb_config_flops_per_token(const struct clb_config *config, double seqlen,
                                          double masked_share);

CLB_END_DECLS

#endif
