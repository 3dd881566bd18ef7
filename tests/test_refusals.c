/* SPDX-License-Identifier: Apache-2.0 */
/* What ops.h promises to refuse, for every tensor of every operation: one that is missing, without
 * memory, of another type, shape or device, larger than its memory, or sharing memory with what is
 * written, in whole or in part, unless it is said to be allowed. */
#include "support_devices.h"

#include <clbert/ops.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { T = 8, H = 4, HEADS = 2, B = 2, V = 5, O = 6, BLOCKS = 2, MOST = 9 };

/* One tensor of an operation. */
struct argument {
    int64_t rows, columns;
    enum { NONE = 0, IN = 1, OUT = 2, INDEX = 4, MAY_LACK = 8 } is;
    int in_place_of; /* 1 + the number of the output that it may be; 0: none */
};

typedef enum clb_status call(const struct clb_tensor *const *t);

static const struct clb_dropout no_dropout;

/* Groups and segments are passed by value: a missing tensor of one is one without memory. */
static struct clb_tensor value_of(const struct clb_tensor *tensor)
{
    return tensor ? *tensor : (struct clb_tensor){0};
}

static enum clb_status linear_forward(const struct clb_tensor *const *t)
{
    return clb_linear_forward(t[0], t[1], t[2], t[3], t[4], CLB_ACTIVATION_GELU);
}
static enum clb_status linear_backward_input(const struct clb_tensor *const *t)
{
    return clb_linear_backward_input(t[0], t[1], t[2], t[3], t[4], CLB_ACTIVATION_GELU, false);
}
static enum clb_status linear_backward_weight(const struct clb_tensor *const *t)
{
    return clb_linear_backward_weight(t[0], t[1], t[2], t[3]);
}
static enum clb_status activation_backward(const struct clb_tensor *const *t)
{
    return clb_activation_backward(t[0], t[1], t[2], CLB_ACTIVATION_TANH);
}
static enum clb_status embedding_forward(const struct clb_tensor *const *t)
{
    return clb_embedding_forward(t[0], t[1], t[2], t[3], t[4], t[5], t[6]);
}
static enum clb_status embedding_backward(const struct clb_tensor *const *t)
{
    const struct clb_row_groups groups = {value_of(t[2]), value_of(t[3]), value_of(t[4])};
    return clb_embedding_backward(t[0], t[1], &groups);
}
static enum clb_status norm_forward(const struct clb_tensor *const *t)
{
    return clb_norm_forward(t[0], NULL, t[1], t[2], t[3], t[4], t[5], t[6], t[7], 1e-12f,
                            no_dropout);
}
static enum clb_status norm_backward(const struct clb_tensor *const *t)
{
    return clb_norm_backward(t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7], t[8], no_dropout);
}
static enum clb_status dropout_apply(const struct clb_tensor *const *t)
{
    return clb_dropout_apply(t[0], t[1], no_dropout);
}
static enum clb_status attention_forward(const struct clb_tensor *const *t)
{
    return clb_attention_forward(t[0], t[1], t[2], t[3], T, HEADS, no_dropout);
}
static enum clb_status attention_backward(const struct clb_tensor *const *t)
{
    return clb_attention_backward(t[0], t[1], t[2], t[3], t[4], t[5], T, HEADS, no_dropout);
}
static enum clb_status gather_rows(const struct clb_tensor *const *t)
{
    return clb_gather_rows(t[0], t[1], t[2]);
}
static enum clb_status scatter_add_rows(const struct clb_tensor *const *t)
{
    return clb_scatter_add_rows(t[0], t[1], t[2]);
}
static enum clb_status cross_entropy(const struct clb_tensor *const *t)
{
    return clb_cross_entropy(t[0], t[1], t[2], 0.5f);
}
static enum clb_status pool(const struct clb_tensor *const *t)
{
    return clb_pool(t[0], t[1], t[2], CLB_POOLING_FIRST);
}
static enum clb_status class_loss(const struct clb_tensor *const *t)
{
    return clb_class_loss(t[0], t[1], t[2], t[3], 0.1f, 0.5f);
}
static enum clb_status span_loss(const struct clb_tensor *const *t)
{
    return clb_span_loss(t[0], t[1], t[2], t[3], 0.5f);
}
static enum clb_status binary_cross_entropy(const struct clb_tensor *const *t)
{
    return clb_binary_cross_entropy(t[0], t[1], t[2], 0.5f);
}
static enum clb_status squared_error(const struct clb_tensor *const *t)
{
    return clb_squared_error(t[0], t[1], t[2], 0.5f);
}
static enum clb_status fill(const struct clb_tensor *const *t)
{
    return clb_fill(t[0], 0.0f);
}
static enum clb_status copy(const struct clb_tensor *const *t)
{
    return clb_copy(t[0], t[1]);
}
static enum clb_status add(const struct clb_tensor *const *t)
{
    return clb_add(t[0], t[1]);
}
static enum clb_status scale(const struct clb_tensor *const *t)
{
    return clb_scale(t[0], 2.0f);
}
static enum clb_status sum_of_squares(const struct clb_tensor *const *t)
{
    return clb_sum_of_squares(t[0], t[1]);
}
static enum clb_status fill_uniform(const struct clb_tensor *const *t)
{
    return clb_fill_uniform(t[0], (struct clb_random){0});
}
static enum clb_status fill_truncated_normal(const struct clb_tensor *const *t)
{
    return clb_fill_truncated_normal(t[0], 0.02f, (struct clb_random){0});
}

#define OPTIMIZER(name)                                                                            \
    static enum clb_status name(const struct clb_tensor *const *t)                                 \
    {                                                                                              \
        const struct clb_segments s = {value_of(t[5]), value_of(t[6]), value_of(t[7]),             \
                                       value_of(t[8])};                                            \
        const struct clb_optimizer_step step = {1e-3f, 0.9f, 0.999f, 1e-6f, 1.0f, 1};              \
        return clb_##name(t[0], t[1], t[2], t[3], t[4], &s, &step);                                \
    }
OPTIMIZER(adamw)
OPTIMIZER(bert_adam)
OPTIMIZER(lamb)

#define WEIGHTS (BLOCKS * CLB_BLOCK)
#define OPTIMIZER_ARGUMENTS                                                                        \
    {                                                                                              \
        {WEIGHTS, 1, OUT, 0}, {WEIGHTS, 1, OUT, 0}, {WEIGHTS, 1, OUT, 0}, {WEIGHTS, 1, OUT, 0},    \
            {1, 1, IN, 0}, {BLOCKS, 1, INDEX, 0}, {2, 1, INDEX, 0}, {1, 1, IN, 0}, {1, 1, IN, 0},  \
    }

/* The tensors in the order of ops.h. All indices are 0, which every table has. */
static const struct operation {
    const char *name;
    call *call;
    struct argument arguments[MOST];
} operations[] = {
    {"linear_forward",
     linear_forward,
     {{T, O, OUT, 0},
      {T, O, OUT | MAY_LACK, 0},
      {T, H, IN, 0},
      {O, H, IN, 0},
      {O, 1, IN | MAY_LACK, 0}}},
    {"linear_backward_input",
     linear_backward_input,
     {{T, H, OUT, 0}, {T, O, IN, 0}, {O, H, IN, 0}, {T, H, IN, 5}, {T, H, OUT | MAY_LACK, 0}}},
    {"linear_backward_weight",
     linear_backward_weight,
     {{O, H, OUT, 0}, {O, 1, OUT | MAY_LACK, 0}, {T, O, IN, 0}, {T, H, IN, 0}}},
    {"activation_backward", activation_backward, {{T, H, OUT, 0}, {T, H, IN, 1}, {T, H, IN, 0}}},
    {"embedding_forward",
     embedding_forward,
     {{T, H, OUT, 0},
      {V, H, IN, 0},
      {V, H, IN, 0},
      {V, H, IN, 0},
      {T, 1, INDEX, 0},
      {T, 1, INDEX, 0},
      {T, 1, INDEX, 0}}},
    {"embedding_backward",
     embedding_backward,
     {{V, H, OUT, 0}, {T, H, IN, 0}, {T, 1, INDEX, 0}, {2, 1, INDEX, 0}, {1, 1, INDEX, 0}}},
    {"norm_forward",
     norm_forward,
     {{T, H, OUT, 0},
      {T, H, OUT, 0},
      {T, 2, OUT, 0},
      {T, H, IN, 2},
      {H, 1, IN | MAY_LACK, 0},
      {T, H, IN | MAY_LACK, 0},
      {H, 1, IN, 0},
      {H, 1, IN, 0}}},
    {"norm_backward",
     norm_backward,
     {{T, H, OUT, 0},
      {T, H, OUT | MAY_LACK, 0},
      {H, 1, OUT, 0},
      {H, 1, OUT, 0},
      {H, 1, OUT | MAY_LACK, 0},
      {T, H, IN, 1},
      {T, H, IN, 0},
      {T, 2, IN, 0},
      {H, 1, IN, 0}}},
    {"dropout_apply", dropout_apply, {{T, H, OUT, 0}, {T, H, IN, 1}}},
    {"attention_forward",
     attention_forward,
     {{T, H, OUT, 0}, {HEADS, T, OUT, 0}, {T, 3 * H, IN, 0}, {B + 1, 1, INDEX, 0}}},
    {"attention_backward",
     attention_backward,
     {{T, 3 * H, OUT, 0},
      {T, H, IN, 0},
      {T, H, IN, 0},
      {HEADS, T, IN, 0},
      {T, 3 * H, IN, 0},
      {B + 1, 1, INDEX, 0}}},
    {"gather_rows", gather_rows, {{V, H, OUT, 0}, {T, H, IN, 0}, {V, 1, INDEX, 0}}},
    {"scatter_add_rows", scatter_add_rows, {{T, H, OUT, 0}, {1, H, IN, 0}, {1, 1, INDEX, 0}}},
    {"cross_entropy", cross_entropy, {{2, 1, OUT, 0}, {T, V, OUT, 0}, {T, 1, INDEX, 0}}},
    {"pool", pool, {{B, H, OUT, 0}, {T, H, IN, 0}, {B + 1, 1, INDEX, 0}}},
    {"class_loss",
     class_loss,
     {{2, 1, OUT, 0}, {T, V, OUT, 0}, {T, 1, INDEX, 0}, {V, 1, IN | MAY_LACK, 0}}},
    {"span_loss",
     span_loss,
     {{2, 1, OUT, 0}, {T, 2, OUT, 0}, {B + 1, 1, INDEX, 0}, {B, 2, INDEX, 0}}},
    {"binary_cross_entropy", binary_cross_entropy, {{2, 1, OUT, 0}, {T, V, OUT, 0}, {T, V, IN, 0}}},
    {"squared_error", squared_error, {{2, 1, OUT, 0}, {T, V, OUT, 0}, {T, V, IN, 0}}},
    {"fill", fill, {{T, H, OUT, 0}}},
    {"copy", copy, {{T, H, OUT, 0}, {T, H, IN, 0}}},
    {"add", add, {{T, H, OUT, 0}, {T, H, IN, 0}}},
    {"scale", scale, {{T, H, OUT, 0}}},
    {"sum_of_squares", sum_of_squares, {{1, 1, OUT, 0}, {T, H, IN, 0}}},
    {"fill_uniform", fill_uniform, {{T, H, OUT, 0}}},
    {"fill_truncated_normal", fill_truncated_normal, {{T, H, OUT, 0}}},
    {"adamw", adamw, OPTIMIZER_ARGUMENTS},
    {"bert_adam", bert_adam, OPTIMIZER_ARGUMENTS},
    {"lamb", lamb, OPTIMIZER_ARGUMENTS},
};

struct world {
    struct clb_device *device, *other;
    struct clb_arena *arena;
    struct clb_tensor tensors[MOST];
    int count;
};

static void make_world(struct world *w, const struct operation *op)
{
    *w = (struct world){0};
    OK(clb_device_open("cpu", 1, &w->device));
    OK(clb_device_open("cpu", 1, &w->other));
    OK(clb_arena_create(w->device, op->name, &w->arena));
    for (; w->count < MOST && op->arguments[w->count].is; w->count++) {
        const struct argument *a = &op->arguments[w->count];
        OK(clb_arena_add(w->arena, a->is & INDEX ? CLB_I32 : CLB_F32, a->rows, a->columns,
                         &w->tensors[w->count]));
    }
    OK(clb_arena_commit(w->arena));
}

static void free_world(struct world *w)
{
    clb_arena_destroy(w->arena);
    clb_device_close(w->device);
    clb_device_close(w->other);
}

/* The operation with argument `number` replaced. */
static void expect(const struct world *w, const struct operation *op, int number,
                   const struct clb_tensor *replaced, bool refused, const char *what)
{
    const struct clb_tensor *t[MOST] = {NULL};
    for (int i = 0; i < w->count; i++) t[i] = i == number ? replaced : &w->tensors[i];
    const enum clb_status status = op->call(t);
    if (status == (refused ? CLB_ERROR_ARGUMENT : CLB_OK)) return;
    print_error("%s: tensor %d %s gave status %d\n", op->name, number, what, (int)status);
    fail();
}

/* Tensor i where it shares memory with output o. */
static void try_sharing(const struct world *w, const struct operation *op, int i, int o)
{
    const struct argument *a = &op->arguments[i], *output = &op->arguments[o];
    const struct clb_tensor *out = &w->tensors[o];
    const int64_t size = a->rows * a->columns, out_size = output->rows * output->columns;
    struct clb_tensor shared = w->tensors[i];
    shared.offset = out->offset + out_size - 1; /* its first element is the output's last */
    expect(w, op, i, &shared, true, "sharing an element");
    shared.offset = out->offset - size + 1;
    expect(w, op, i, &shared, size > 0, "sharing an element");
    if (out_size < size || a->is & INDEX) return;
    shared.memory = out->memory;
    shared.offset = out->offset;
    expect(w, op, i, &shared, a->in_place_of != 1 + o, "in place");
}

static void try_tensor(const struct world *w, const struct operation *op, int i)
{
    const struct argument *a = &op->arguments[i];
    struct clb_tensor bad = w->tensors[i];
    expect(w, op, i, NULL, !(a->is & MAY_LACK), "missing");
    bad.memory = NULL;
    expect(w, op, i, &bad, true, "without memory");
    bad = w->tensors[i];
    bad.type = bad.type == CLB_F32 ? CLB_I32 : CLB_F32;
    expect(w, op, i, &bad, true, "of another type");
    bad = clb_tensor_first_rows(w->tensors[i], a->rows + 1);
    expect(w, op, i, &bad, true, "with a row more");
    bad = clb_tensor_reshape(w->tensors[i], a->rows, a->columns + 1);
    expect(w, op, i, &bad, true, "with a column more");
    if (w->count > 1) { /* alone it says which device is meant */
        bad = w->tensors[i];
        bad.device = w->other;
        expect(w, op, i, &bad, true, "on another device");
    }
    for (int o = 0; o < w->count; o++)
        if (o != i && op->arguments[o].is & OUT) try_sharing(w, op, i, o);
}

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        struct world w;
        make_world(&w, &operations[i]);
        expect(&w, &operations[i], -1, NULL, false, "(none changed)");
        for (int t = 0; t < w.count; t++) try_tensor(&w, &operations[i], t);
        free_world(&w);
    }
}

static void test_transfers(void **state)
{
    (void)state;
    struct world w;
    float host[T * H + 1] = {0};
    make_world(&w, &operations[0]);
    const struct clb_tensor *x = &w.tensors[2];
    const struct clb_tensor larger = clb_tensor_first_rows(*x, T + 1);
    OK(clb_tensor_write(*x, host, T * H));
    OK(clb_tensor_read(*x, host, T * H));
    assert_int_equal(clb_tensor_write(*x, host, T * H + 1), CLB_ERROR_ARGUMENT);
    assert_int_equal(clb_tensor_read(*x, host, -1), CLB_ERROR_ARGUMENT);
    assert_int_equal(clb_tensor_write(larger, host, T * H + 1), CLB_ERROR_ARGUMENT);
    assert_int_equal(clb_tensor_read(larger, host, T * H + 1), CLB_ERROR_ARGUMENT);
    free_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_transfers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
