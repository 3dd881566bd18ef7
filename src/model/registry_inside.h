/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the registry share. */
#ifndef MODEL_REGISTRY_INSIDE_H
#define MODEL_REGISTRY_INSIDE_H

#include "model/registry.h"

enum { SHARED = -1 }; /* a slot of no single module */

/* Memory of one activation, or of several that are not needed at the same time. */
struct slot {
    const char *name;
    int module;    /* that keeps it, or SHARED */
    int64_t bytes; /* of the largest */
    struct clb_tensor tensor;
};

struct activation {
    struct clb_tensor *tensor;
    enum clb_type type;
    int64_t rows, columns;
    int slot;
};

struct registry {
    struct clb_device *device;
    bool training, checkpointing;
    enum clb_type operands;
    enum clb_status status; /* the first failure */
    char message[256];
    int module, frozen_modules;

    struct parameter **parameters; /* [parameter_count] */
    struct clb_parameter *weights, *gradients;
    int *modules;
    int parameter_count;
    struct activation *activations;
    int activation_count;
    struct slot *slots;
    int slot_count;
    struct clb_layer *layers;
    int layer_count;
    struct clb_tensor **input_lists; /* of registry_inputs */
    int input_list_count;

    struct loss {
        const char *name;
        enum loss_kind kind;
        struct clb_tensor sums; /* [2] */
        int64_t count;
        double weight;
    } losses[CLB_LOSSES];
    int loss_count;

    struct clb_arena *weight_arena, *gradient_arena, *input_arena;
    uint64_t weights_cast;           /* the writes to weight_arena that operand_arena has seen */
    struct clb_arena *operand_arena; /* NULL where operands are fp32 in memory */
    struct clb_arena **activation_arenas;
    int activation_arena_count;
    struct upload *upload;
    int32_t *staged;    /* the batch that is being made */
    int64_t staged_end; /* so many elements of it are to be sent */
};

/* Remembers a failure, the first. */
void registry_note(struct registry *registry, enum clb_status status);

#endif
