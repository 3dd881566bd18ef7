/* SPDX-License-Identifier: Apache-2.0 */
/* Types of tensors: which operands may be reduced, and what memory is planned for them. A device
 * that multiplies bf16 is played by a backend that does nothing. */
#include "support_devices.h"

#include "compute/backend.h"

#include <clbert/model.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static int called;

static enum clb_status linear_forward(const struct clb_tensor *out, const struct clb_tensor *pre,
                                      const struct clb_tensor *x, const struct clb_tensor *weight,
                                      const struct clb_tensor *bias, enum clb_activation activation)
{
    (void)out, (void)pre, (void)x, (void)weight, (void)bias, (void)activation;
    called++;
    return CLB_OK;
}

static enum clb_status linear_backward_weight(const struct clb_tensor *d_weight,
                                              const struct clb_tensor *d_bias,
                                              const struct clb_tensor *d_out,
                                              const struct clb_tensor *x)
{
    (void)d_weight, (void)d_bias, (void)d_out, (void)x;
    called++;
    return CLB_OK;
}

static enum clb_status
attention_backward(const struct clb_tensor *d_qkv, const struct clb_tensor *d_out,
                   const struct clb_tensor *out, const struct clb_tensor *lse,
                   const struct clb_tensor *qkv, const struct clb_tensor *cu_seqlens,
                   int64_t max_seqlen, int64_t heads, struct clb_dropout dropout)
{
    (void)d_qkv, (void)d_out, (void)out, (void)lse, (void)qkv, (void)cu_seqlens;
    (void)max_seqlen, (void)heads, (void)dropout;
    called++;
    return CLB_OK;
}

static const struct clb_backend backend = {
    .name = "bf16",
    .multiplies = 1u << CLB_F32 | 1u << CLB_BF16,
    .linear_forward = linear_forward,
    .linear_backward_weight = linear_backward_weight,
    .attention_backward = attention_backward,
};
static struct clb_device device = {.backend = &backend, .info = {.selector = "bf16"}};

/* A tensor with an address of its own, which nobody looks behind. */
static struct clb_tensor tensor(enum clb_type type, int64_t rows, int64_t columns)
{
    static char memory[64];
    static int next;
    return (struct clb_tensor){.device = &device,
                               .memory = &memory[next++ % 64],
                               .rows = rows,
                               .columns = columns,
                               .type = type,
                               .capacity = rows * columns};
}

static void expect(enum clb_status status, bool right, const char *word)
{
    if (right) {
        assert_int_equal(status, CLB_OK);
        assert_int_equal(called, 1);
    } else {
        assert_int_equal(status, CLB_ERROR_ARGUMENT);
        assert_int_equal(called, 0);
        assert_non_null(strstr(clb_error_message(), word));
    }
    called = 0;
}

static void forward(enum clb_type out_type, enum clb_type pre_type, enum clb_type x_type,
                    enum clb_type weight_type, enum clb_type bias_type, bool right,
                    const char *word)
{
    const struct clb_tensor out = tensor(out_type, 4, 6), pre = tensor(pre_type, 4, 6);
    const struct clb_tensor x = tensor(x_type, 4, 8), weight = tensor(weight_type, 6, 8);
    const struct clb_tensor bias = tensor(bias_type, 6, 1);
    expect(clb_linear_forward(&out, &pre, &x, &weight, &bias, CLB_ACTIVATION_GELU), right, word);
}

static void test_products(void **state)
{
    (void)state;
    const enum clb_type f = CLB_F32, b = CLB_BF16, h = CLB_F16;
    forward(f, f, f, f, f, true, "");
    forward(b, b, b, b, f, true, "");
    forward(f, b, b, b, f, true, "");
    forward(b, b, b, f, f, false, "weight is fp32 and should be bf16");
    forward(b, b, f, f, f, false, "out is bf16 and should be fp32");
    forward(f, f, h, h, f, false, "x is fp16, which bf16 does not multiply");
    forward(b, b, b, b, b, false, "bias is bf16 and should be fp32");
    forward(h, b, b, b, f, false, "out is fp16 and should be bf16");
    forward(f, f, CLB_I32, f, f, false, "x is int32");
}

static void weight_gradient(enum clb_type d_weight_type, enum clb_type d_out_type,
                            enum clb_type x_type, bool right, const char *word)
{
    const struct clb_tensor d_weight = tensor(d_weight_type, 6, 8), d_bias = tensor(CLB_F32, 6, 1);
    const struct clb_tensor d_out = tensor(d_out_type, 4, 6), x = tensor(x_type, 4, 8);
    expect(clb_linear_backward_weight(&d_weight, &d_bias, &d_out, &x), right, word);
}

static void test_gradients_of_weights(void **state)
{
    (void)state;
    weight_gradient(CLB_F32, CLB_BF16, CLB_BF16, true, "");
    weight_gradient(CLB_BF16, CLB_BF16, CLB_BF16, false, "d_weight is bf16 and should be fp32");
    weight_gradient(CLB_F32, CLB_BF16, CLB_F32, false, "x is fp32 and should be bf16");
}

static void attention(enum clb_type qkv_type, enum clb_type out_type, enum clb_type lse_type,
                      enum clb_type d_qkv_type, bool right, const char *word)
{
    const struct clb_tensor qkv = tensor(qkv_type, 4, 24), out = tensor(out_type, 4, 8);
    const struct clb_tensor d_out = tensor(out_type, 4, 8), lse = tensor(lse_type, 2, 4);
    const struct clb_tensor d_qkv = tensor(d_qkv_type, 4, 24), ends = tensor(CLB_I32, 2, 1);
    const struct clb_dropout none = {0};
    expect(clb_attention_backward(&d_qkv, &d_out, &out, &lse, &qkv, &ends, 4, 2, none), right,
           word);
}

static void test_attention(void **state)
{
    (void)state;
    attention(CLB_BF16, CLB_BF16, CLB_F32, CLB_BF16, true, "");
    attention(CLB_BF16, CLB_BF16, CLB_F32, CLB_F32, true, "");
    attention(CLB_BF16, CLB_F32, CLB_F32, CLB_BF16, false, "out is fp32 and should be bf16");
    attention(CLB_BF16, CLB_BF16, CLB_BF16, CLB_BF16, false, "lse is bf16 and should be fp32");
    attention(CLB_F32, CLB_F32, CLB_F32, CLB_BF16, false, "d_qkv is bf16 and should be fp32");
}

static void test_cast(void **state)
{
    (void)state;
    const struct clb_tensor a = tensor(CLB_BF16, 4, 8), b = tensor(CLB_F16, 4, 8);
    const struct clb_tensor indices = tensor(CLB_I32, 4, 8), x = tensor(CLB_F32, 4, 8);
    expect(clb_cast(&a, &b), false, "neither out nor x is fp32");
    expect(clb_cast(&x, &indices), false, "x is int32");
    expect(clb_cast(NULL, &x), false, "no device");
    expect(clb_cast(&x, NULL), false, "x has no memory");
}

/* ---- memory ---- */

static void test_arena(void **state)
{
    (void)state;
    struct clb_device *cpu;
    struct clb_arena *arena, *mixed;
    struct clb_tensor one, two, other;
    OK(clb_device_open("cpu", 1, &cpu));
    OK(clb_arena_create(cpu, "reduced", &arena));
    OK(clb_arena_add(arena, CLB_BF16, 3, 5, &one));
    OK(clb_arena_add(arena, CLB_BF16, 2000, 1, &two));
    OK(clb_arena_commit(arena));
    assert_int_equal(clb_arena_bytes(arena), 2 * 3 * CLB_BLOCK);
    assert_int_equal(clb_arena_whole(arena).rows, 3 * CLB_BLOCK);
    assert_int_equal(clb_arena_whole(arena).type, CLB_BF16);
    assert_int_equal(clb_tensor_bytes(one), 30);
    assert_int_equal((char *)two.memory - (char *)one.memory, 2 * CLB_BLOCK);
    OK(clb_arena_create(cpu, "mixed", &mixed));
    OK(clb_arena_add(mixed, CLB_F16, 7, 1, &other));
    OK(clb_arena_add(mixed, CLB_F32, 7, 1, &one));
    OK(clb_arena_commit(mixed));
    assert_int_equal(clb_arena_bytes(mixed), 6 * CLB_BLOCK);
    assert_int_equal(clb_arena_whole(mixed).type, CLB_I32);
    assert_int_equal(clb_arena_whole(mixed).rows, 6 * CLB_BLOCK / 4);
    clb_arena_destroy(arena);
    clb_arena_destroy(mixed);
    clb_device_close(cpu);
}

static struct clb_memory_plan plan_of(struct clb_device *cpu, enum clb_type operands)
{
    const struct clb_model_limits limits = {.max_sequences = 4,
                                            .max_tokens = 512,
                                            .max_masked = 128,
                                            .training = true,
                                            .operands = operands};
    struct clb_config config;
    struct clb_model *model;
    OK(clb_config_named("tiny", 1000, &config));
    OK(clb_model_create(cpu, &config, &limits, &model));
    const struct clb_memory_plan plan = clb_model_memory(model);
    clb_model_destroy(model);
    return plan;
}

/* Reduced weights beside the fp32 ones, reduced activations instead of them. */
static void test_plan(void **state)
{
    (void)state;
    struct clb_device *cpu;
    OK(clb_device_open("cpu", 1, &cpu));
    const struct clb_memory_plan full = plan_of(cpu, CLB_F32), half = plan_of(cpu, CLB_BF16);
    assert_int_equal(2 * half.weights, 3 * full.weights);
    assert_int_equal(half.gradients, full.gradients);
    assert_true(half.activations < full.activations);
    const struct clb_memory_plan tf32 = plan_of(cpu, CLB_TF32);
    assert_memory_equal(&tf32, &full, sizeof full);
    clb_device_close(cpu);
}

/* No kernels for it: the first product says so, and nothing crashes. */
static void test_not_multiplied(void **state)
{
    (void)state;
    const struct clb_model_limits limits = {.max_sequences = 1,
                                            .max_tokens = 8,
                                            .max_masked = 8,
                                            .training = true,
                                            .operands = CLB_F16};
    struct clb_config config;
    struct clb_model *model = NULL;
    OK(clb_config_named("tiny", 100, &config));
    assert_int_equal(clb_model_create(&device, &config, &limits, &model), CLB_ERROR_ARGUMENT);
    assert_null(model);
    assert_non_null(strstr(clb_error_message(), "bf16 does not multiply fp16"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_products),       cmocka_unit_test(test_gradients_of_weights),
        cmocka_unit_test(test_attention),      cmocka_unit_test(test_cast),
        cmocka_unit_test(test_arena),          cmocka_unit_test(test_plan),
        cmocka_unit_test(test_not_multiplied),
    };
    return cmocka_run_group_tests_name("types", tests, NULL, NULL);
}
