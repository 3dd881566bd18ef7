/* SPDX-License-Identifier: Apache-2.0 */
/* A model is a list of modules: embeddings, blocks, heads, each in a file of its own. A pass walks
 * forward over them, each taking pass->hidden and leaving its own, and back again. A head leaves
 * pass->hidden alone: it takes a loss there, and adds that loss's gradient to pass->d_hidden. */
#ifndef MODEL_MODULE_H
#define MODEL_MODULE_H

#include "model/registry.h"

#include <jansson.h>

struct module;

/* One batch on its way through the model. */
struct pass {
    struct clb_model *model;
    const struct clb_batch *batch;
    int modules;                           /* so many of the model's, from the first on */
    int32_t tokens, sequences, max_seqlen; /* T, B */
    bool training;                         /* dropout, and keep what backward needs */
    uint64_t seed;                         /* of dropout */
    uint32_t stream;
    struct clb_loss_scales scales; /* 0: no gradient */
    const char *head;              /* whose logits are wanted on the host, or NULL */
    float *logits;

    struct clb_tensor cu_seqlens;       /* i32 [B + 1] */
    struct clb_tensor hidden, operand;  /* [T, H] of the last module, and that as products take it;
                                           back again, unused */
    struct clb_tensor d_hidden;         /* [T, H] its gradient, in training */
    struct clb_tensor pooled, d_pooled; /* [B, H] between the pooler and the heads on it */
    bool d_pooled_begun; /* a head has put its gradient there: others add theirs, with none there is
                            none */
};

/* What a batch's labels of a head count, and what they weigh (struct clb_loss). */
struct measure {
    int64_t count;
    double weight;
};

struct module_class {
    const char *name;
    size_t size;  /* of its struct, which begins with a struct module */
    bool is_head; /* behind the encoder: adds to pass->d_hidden; files may lack its parameters */
    bool answers; /* has logits for clb_model_predict */
    int head;     /* its CLB_HEAD_..., 0: none */
    const struct module_class *on; /* whose rows it takes, NULL: the encoder's */
    bool recompute; /* with gradient checkpointing goes forward again before it goes back */
    void (*declare)(struct module *module, struct registry *registry);
    /* Whether its part of a batch can be; NULL: it has none. */
    enum clb_status (*check)(const struct module *module, const struct clb_batch *batch);
    /* Puts its part of a batch into the registry's copy; NULL: it has none. */
    void (*stage)(struct module *module, const struct clb_batch *batch, struct registry *registry);
    /* Of its labels; NULL: each counts and weighs 1. */
    struct measure (*measure)(const struct module *module, const struct clb_batch *batch);
    enum clb_status (*forward)(struct module *module, struct pass *pass);
    enum clb_status (*backward)(struct module *module, struct pass *pass); /* NULL: forward did */
    /* Makes the output again, in its place, from what is kept; NULL: no module takes it. */
    enum clb_status (*remake)(struct module *module, struct pass *pass);
};

struct module {
    const struct module_class *class;
    struct clb_model *model;
    int index;            /* among those of its class */
    struct module *below; /* whose output it takes; NULL: none's */
    struct clb_tensor input,
        input_operand; /* that, which forward took from pass->hidden, ->operand */
    int loss;          /* a head's: its number in the registry */
    bool filled;       /* its weights were loaded or initialised, none made up */
};

/* Memory that activations of a pass take turns in: block.c says which, and when. */
#define STREAM "stream" /* [T, H]: what goes from module to module */
#define BRANCH "branch" /* [T, H] beside it */
#define INNER "inner"   /* [T, I] of blocks, and of heads what is as wide */

extern const struct module_class module_pooler; /* what heads stand on; others: architectures.c */

struct clb_model {
    struct clb_device *device;
    struct clb_config config;
    struct clb_model_limits limits;
    struct registry *registry;
    struct module **modules; /* [module_count] */
    int module_count;
    struct clb_tensor cu_seqlens; /* i32 [max_sequences + 1] */
    struct clb_tensor d_hidden;   /* [max_tokens, H] */
    struct clb_tensor embedding;  /* [max_sequences, H] */
    float label_smoothing;
    float *class_weights; /* [num_labels], or NULL */
    enum clb_streams streams;
    clb_gradients_ready *ready; /* or NULL */
    void *ready_context;
    json_t *labels; /* labels.c: the names of its classes, or NULL */
};

/* ---- architectures.c ---- */

/* The modules of a model, declared; `model` has device or not, config, limits and registry. */
enum clb_status model_make_modules(struct clb_model *model);
void model_free_modules(struct clb_model *model);
/* The name in config.json. */
const char *model_architecture_name(enum clb_architecture architecture);
/* The architecture of a name; `where` has it, for messages. */
enum clb_status model_architecture_named(const char *name, const char *where,
                                         enum clb_architecture *architecture);

/* model.c: in backward, the module's input lies in its place again. */
enum clb_status module_remake_input(const struct module *module, struct pass *pass);

/* embeddings.c: the table that the MLM head's decoder is tied to. */
const struct parameter *embeddings_word(const struct clb_model *model);

/* A place where the model drops out. */
struct site {
    char name[80]; /* Hugging Face's of the module */
    int number;    /* in 0.1.0 */
};
/* The dropout of a site in this pass: none where it does not train. */
struct clb_dropout pass_dropout(const struct pass *pass, float probability,
                                const struct site *site);
/* The same before a classifier. */
struct clb_dropout pass_classifier_dropout(const struct pass *pass);

/* ---- heads.c: what heads share ---- */

/* Whether the logits of this head are wanted on the host. */
bool head_asked(const struct module *module, const struct pass *pass);
/* Gives them, from row `first` on, where they are. */
enum clb_status head_answer(const struct module *module, const struct pass *pass,
                            const struct clb_tensor *logits, int64_t first);
/* The batch's labels of this head; a kind without any where it has none. */
struct clb_labels head_labels(const struct module *module, const struct clb_batch *batch);
struct measure head_measure(const struct module *module, const struct clb_batch *batch);
/* Whether all sequences of a batch have such a label, each for its first row, or none; `what` names
 * one in messages. */
enum clb_status head_check_sequences(const struct clb_batch *batch, const struct clb_labels *labels,
                                     const char *what);

/* What a head does with the logits of its labels first .. first + rows - 1, of labels on the
 * device: gives them to who wants them, and takes the loss; in training they become their own
 * gradient. */
enum clb_status head_loss(struct module *module, struct pass *pass, const struct clb_tensor *logits,
                          const struct clb_tensor *labels, int64_t first);

/* A head for num_labels classes, whose loss may have settings: what it needs of a batch. */
struct classes {
    struct clb_tensor labels;  /* i32 [rows] */
    struct clb_tensor weights; /* [num_labels] */
};
void classes_declare(struct classes *classes, const struct module *module,
                     struct registry *registry, int64_t rows);
enum clb_status classes_check(const struct module *module, const struct clb_labels *labels);
void classes_stage(const struct classes *classes, const struct module *module,
                   const struct clb_labels *labels, struct registry *registry);
struct measure classes_measure(const struct module *module, const struct clb_labels *labels);
/* As head_loss, of all labels. */
enum clb_status classes_loss(const struct classes *classes, struct module *module,
                             struct pass *pass, const struct clb_tensor *logits);
/* What a model's labels of sequences are, where config.json does not say. */
enum clb_problem_type model_problem(const struct clb_config *config);

/* ---- parameters by name ---- */

/* A model without a device: its modules and the names and shapes of their parameters. To be
 * destroyed as others. */
enum clb_status model_outline(const struct clb_config *config, struct clb_model **model);
/* The module of parameter `index`. */
struct module *model_module_of(const struct clb_model *model, int index);
/* The name in a file of part `part` of a parameter: "qkv" becomes query, key or value. */
enum { MODEL_NAME_SIZE = 192 };
void model_part_name(char name[MODEL_NAME_SIZE], const char *prefix,
                     const struct clb_parameter *parameter, int part);
/* Gives one parameter its initial values. */
enum clb_status model_initialize_parameter(const struct clb_model *model, int index, uint64_t seed);

#endif
