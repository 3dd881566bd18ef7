/* SPDX-License-Identifier: Apache-2.0 */
/* What the modules of a model need, declared once: parameters, activations, and their part of a
 * batch. From it follow the memory, the files, the optimiser's segments and the printed plan.
 * A declaration that fails is remembered; registry_plan reports it. */
#ifndef MODEL_REGISTRY_H
#define MODEL_REGISTRY_H

#include <clbert/model.h>

/* A parameter, its gradient (in training), and what products take of it: the weight itself, seen as
 * the type of the model's operands, or its copy in that where it is a reduced one. All of one
 * shape. */
struct parameter {
    struct clb_tensor weight, gradient, operand;
};

enum parameter_kind { MATRIX, BIAS, GAMMA, STACKED_MATRIX, STACKED_BIAS };

/* How long an activation is needed. Those of one name that are not kept share memory, as large as
 * the largest, whatever their types. */
enum lifetime {
    SAVED,      /* until the module's backward */
    RECOMPUTED, /* likewise; with gradient checkpointing only within the module: backward makes it
                   anew */
    OUTPUT,     /* of a module that the next one takes: until that one's output is made, and again,
                   remade, within its backward; with gradient checkpointing kept until then */
    SCRATCH,    /* within one call */
};

struct registry;

/* A registry without a device only lists parameters. */
enum clb_status registry_create(struct clb_device *device, const struct clb_model_limits *limits,
                                struct registry **registry);
void registry_destroy(struct registry *registry);

/* What follows is declared by module number `module`. Tensors must stay where they are. */
void registry_module(struct registry *registry, int module);
/* Named as in Hugging Face's files; of a stacked one "qkv" stands for query, key, value. */
void registry_parameter(struct registry *registry, struct parameter *parameter,
                        enum parameter_kind kind, int64_t rows, int64_t columns, const char *format,
                        ...) __attribute__((format(printf, 6, 7)));
void registry_activation(struct registry *registry, struct clb_tensor *tensor, const char *name,
                         int64_t rows, int64_t columns, enum lifetime lifetime);
/* One of the type of the operands: what goes from product to product, or to attention. */
void registry_operand(struct registry *registry, struct clb_tensor *tensor, const char *name,
                      int64_t rows, int64_t columns, enum lifetime lifetime);
/* A linear layer of [outputs, inputs] multiplies so many rows, of such operands: what the device is
 * told to expect. */
void registry_layer(struct registry *registry, enum clb_type operands, int64_t rows,
                    int64_t outputs, int64_t inputs);
/* Whether products take copies of fp32 activations: where they are reduced in memory. */
bool registry_copies(const struct registry *registry);
/* Room for such a copy, or nothing: a tensor without memory, whose type is the operands'. */
void registry_copy(struct registry *registry, struct clb_tensor *tensor, const char *name,
                   int64_t rows, int64_t columns, enum lifetime lifetime);
/* The copy for an operation that may fill it: NULL where there is none. */
const struct clb_tensor *registry_optional(const struct clb_tensor *copy);
/* What products take of x: the copy, or, where there is none, x itself, as of the operands' type.
 */
struct clb_tensor registry_taken(const struct clb_tensor *copy, const struct clb_tensor *x);
/* Fills the copy, where there is one. */
enum clb_status registry_cast(const struct clb_tensor *copy, const struct clb_tensor *x);
/* The operands of all parameters follow their weights, where these have changed. */
enum clb_status registry_cast_weights(struct registry *registry);
/* Indices that come with every batch; and numbers. */
void registry_input(struct registry *registry, struct clb_tensor *tensor, int64_t count);
void registry_input_numbers(struct registry *registry, struct clb_tensor *tensor, int64_t rows,
                            int64_t columns);
/* A loss: its sums on the device, [2] loss and correct. Gives its number. */
enum loss_kind { LOSS_OF_WORDS, LOSS_OF_CLASSES, LOSS_OF_NUMBERS };
int registry_loss(struct registry *registry, const char *name, enum loss_kind kind);
/* Several tensors of the same size, owned by the registry; NULL where that failed. */
struct clb_tensor *registry_inputs(struct registry *registry, int tensors, int64_t count);

/* Whether all declarations succeeded. */
enum clb_status registry_check(const struct registry *registry);
/* Everything is declared: plans the memory. */
enum clb_status registry_plan(struct registry *registry);
/* Allocates it; all tensors have memory then. */
enum clb_status registry_commit(struct registry *registry);
struct clb_memory_plan registry_memory(const struct registry *registry);

/* Parameters in order of declaration; after commit with memory. Owned by the registry. */
const struct clb_parameter *registry_weights(const struct registry *registry, int *count);
const struct clb_parameter *registry_gradients(const struct registry *registry, int *count);
/* The module that declared parameter `index`. */
int registry_module_of(const struct registry *registry, int index);
/* Where they lie, both in the same parts. */
const struct clb_arena *registry_weight_arena(const struct registry *registry);
const struct clb_arena *registry_gradient_arena(const struct registry *registry);

/* ---- losses ---- */

int registry_loss_count(const struct registry *registry);
const char *registry_loss_name(const struct registry *registry, int loss);
const struct clb_tensor *registry_loss_sums(const struct registry *registry, int loss);
/* A pass has so many labels more, of such a weight (struct clb_loss). */
void registry_count_labels(struct registry *registry, int loss, int64_t count, double weight);
enum clb_status registry_read_losses(const struct registry *registry, struct clb_losses *losses);
enum clb_status registry_write_losses(struct registry *registry, const struct clb_losses *losses);

/* ---- a batch goes up in one piece ---- */

/* A batch begins: may wait until the device has fetched the one before the last. */
enum clb_status registry_begin_batch(struct registry *registry);
/* Puts the first `count` indices or numbers of an input into its place. */
void registry_stage(struct registry *registry, const struct clb_tensor *input, const void *values,
                    int64_t count);
/* Queues the copy of what was staged to the device. */
enum clb_status registry_send_batch(struct registry *registry);

#endif
