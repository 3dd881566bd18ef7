/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on reduced operands against the same ones on the same numbers in fp32: sums are those
 * of fp32, and a reduced result is rounded once. On devices that multiply the type. */
#include "support_test.h"

static const enum clb_type types[] = {CLB_BF16, CLB_F16};
static enum clb_type type;    /* of the operands */
static enum clb_type results; /* of the results: that, or fp32 */

/* ---- one call, twice ---- */

struct problem {
    struct support_call call; /* in fp32 */
    struct clb_arena *arena;
    struct clb_tensor r[SUPPORT_OPERANDS]; /* reduced */
};

/* Uploads everything and rounds it to its type: those before `first_operand` are results. Bits of
 * `fixed` name what is fp32 or int32 in both calls. */
static void reduce(struct problem *p, int first_operand, unsigned fixed)
{
    struct support_call *call = &p->call;
    support_upload(call);
    OK(clb_arena_create(call->device, "reduced", &p->arena));
    for (int i = 0; i < call->count; i++) {
        const enum clb_type own = fixed >> i & 1      ? call->t[i].type
                                  : i < first_operand ? results
                                                      : type;
        OK(clb_arena_add(p->arena, own, call->t[i].rows, call->t[i].columns, &p->r[i]));
    }
    OK(clb_arena_commit(p->arena));
    for (int i = 0; i < call->count; i++) {
        if (call->t[i].type == CLB_I32)
            OK(clb_tensor_write(p->r[i], call->host[i], call->t[i].rows));
        if (call->t[i].type == CLB_I32) continue;
        OK(clb_cast(&p->r[i], &call->t[i]));
        if (p->r[i].type != CLB_F32) OK(clb_cast(&call->t[i], &p->r[i]));
    }
}

/* Half of one in the last place of x in the type of `tensor`; fp16's smallest are 2^-24 apart. */
static double rounding(const struct clb_tensor *tensor, double x)
{
    int exponent;
    frexp(x, &exponent);
    if (tensor->type == CLB_F32) return 0;
    return tensor->type == CLB_BF16 ? ldexp(1, exponent - 9)
                                    : fmax(ldexp(1, exponent - 12), 0x1p-25);
}

/* Operand i came out as in fp32, but for one rounding; the sums may differ by `slack`. */
static void expect(struct problem *p, int i, double slack)
{
    const int64_t n = clb_tensor_elements(p->call.t[i]);
    float *expected = malloc((size_t)n * sizeof *expected), *got = malloc((size_t)n * sizeof *got);
    assert_true(expected && got);
    OK(clb_tensor_read(p->call.t[i], expected, n));
    OK(clb_cast(&p->call.t[i], &p->r[i]));
    OK(clb_tensor_read(p->call.t[i], got, n));
    for (int64_t e = 0; e < n; e++) {
        const double x = (double)expected[e], tolerance = rounding(&p->r[i], x) + slack;
        if (fabs((double)got[e] - x) <= tolerance) continue;
        print_error("%s, %s to %s: operand %d, element %lld of %lld x %lld: %.9g, expected %.9g\n",
                    clb_device_info(p->call.device)->selector, clb_type_name(type),
                    clb_type_name(results), i, (long long)e, (long long)p->r[i].rows,
                    (long long)p->r[i].columns, (double)got[e], x);
        fail();
    }
    free(expected);
    free(got);
}

static void close_problem(struct problem *p)
{
    clb_arena_destroy(p->arena);
    support_close(&p->call);
}

/* Of a sum of products of numbers in (-1, 1). */
static double slack_of(int64_t terms)
{
    return support_tolerance(4, (double)terms) * fmax(1, sqrt((double)terms));
}

/* ---- linear layers ---- */

struct shape {
    int64_t t, i, o;
};

/* Odd sizes, whole vectors, sums over blocks and parts of K. */
static const struct shape shapes[] = {
    {1, 1, 1},       {5, 3, 2},      {37, 29, 45},   {64, 128, 96},  {14, 256, 32},
    {130, 100, 150}, {37, 2101, 45}, {36, 2100, 44}, {2101, 33, 18}, {33, 18, 2101}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static void check_forward(struct clb_device *device, const struct shape *s,
                          enum clb_activation activation, bool with_bias, bool with_pre,
                          unsigned fixed)
{
    struct problem p = {.call = support_open(device)};
    support_floats(&p.call, s->t, s->o);
    support_floats(&p.call, s->t, s->o);
    support_floats(&p.call, s->t, s->i);
    support_floats(&p.call, s->o, s->i);
    support_floats(&p.call, s->o, 1);
    reduce(&p, 2, 1u << 4 | fixed);
    for (int reduced = 0; reduced < 2; reduced++) {
        const struct clb_tensor *t = reduced ? p.r : p.call.t;
        OK(clb_linear_forward(&t[0], with_pre ? &t[1] : NULL, &t[2], &t[3],
                              with_bias ? &t[4] : NULL, activation));
    }
    expect(&p, 0, 1.13 * slack_of(s->i) + 8 * 0x1p-24);
    if (with_pre) expect(&p, 1, slack_of(s->i));
    close_problem(&p);
}

static void check_backward_input(struct clb_device *device, const struct shape *s, bool accumulate)
{
    struct problem p = {.call = support_open(device)};
    support_floats(&p.call, s->t, s->i);
    support_floats(&p.call, s->t, s->o);
    support_floats(&p.call, s->o, s->i);
    reduce(&p, 1, 0);
    OK(clb_linear_backward_input(&p.call.t[0], &p.call.t[1], &p.call.t[2], NULL, NULL,
                                 CLB_ACTIVATION_NONE, accumulate));
    OK(clb_linear_backward_input(&p.r[0], &p.r[1], &p.r[2], NULL, NULL, CLB_ACTIVATION_NONE,
                                 accumulate));
    expect(&p, 0, slack_of(s->o));
    close_problem(&p);
}

static void check_backward_weight(struct clb_device *device, const struct shape *s, bool with_bias)
{
    struct problem p = {.call = support_open(device)};
    support_floats(&p.call, s->o, s->i);
    support_floats(&p.call, s->o, 1);
    support_floats(&p.call, s->t, s->o);
    support_floats(&p.call, s->t, s->i);
    reduce(&p, 2, 1u << 0 | 1u << 1);
    for (int reduced = 0; reduced < 2; reduced++) {
        const struct clb_tensor *t = reduced ? p.r : p.call.t;
        OK(clb_linear_backward_weight(&t[0], with_bias ? &t[1] : NULL, &t[2], &t[3]));
    }
    expect(&p, 0, slack_of(s->t));
    if (with_bias) expect(&p, 1, slack_of(s->t));
    close_problem(&p);
}

static void linear_on(struct clb_device *device)
{
    for (int i = 0; i < SHAPES; i++) {
        check_forward(device, &shapes[i], CLB_ACTIVATION_NONE, i % 2, false, 0);
        check_forward(device, &shapes[i], CLB_ACTIVATION_GELU, true, true, 0);
        check_forward(device, &shapes[i], CLB_ACTIVATION_GELU, i % 2, true, 1u << (i % 2));
        check_forward(device, &shapes[i], CLB_ACTIVATION_TANH, i % 2, false, 0);
        check_backward_input(device, &shapes[i], false);
        check_backward_input(device, &shapes[i], true);
        check_backward_weight(device, &shapes[i], i % 2);
    }
}

/* ---- activations ---- */

static void check_slope(struct clb_device *device, int64_t rows, int64_t columns,
                        enum clb_activation activation, bool in_place)
{
    struct problem p = {.call = support_open(device)};
    support_floats(&p.call, rows, columns);
    support_floats(&p.call, rows, columns);
    support_floats(&p.call, rows, columns);
    reduce(&p, 1, 0);
    const int to = in_place && results == type ? 1 : 0;
    OK(clb_activation_backward(&p.call.t[to], &p.call.t[1], &p.call.t[2], activation));
    OK(clb_activation_backward(&p.r[to], &p.r[1], &p.r[2], activation));
    expect(&p, to, 8 * 0x1p-24);
    close_problem(&p);
}

static void activation_on(struct clb_device *device)
{
    for (int activation = CLB_ACTIVATION_GELU; activation <= CLB_ACTIVATION_TANH; activation++) {
        check_slope(device, 1, 3, (enum clb_activation)activation, false);
        check_slope(device, 67, 63, (enum clb_activation)activation, true);
    }
}

/* ---- attention ---- */

enum { MOST_SEQUENCES = 4 };

struct heads {
    int64_t heads, size;
    float dropout;
    int32_t lengths[MOST_SEQUENCES]; /* 0 ends them */
};

static const struct heads heads[] = {
    {1, 3, 0, {1}}, {2, 64, 0.1f, {113, 7, 33, 1}}, {3, 21, 0.1f, {40, 17}}, {1, 160, 0, {70, 30}}};

static void check_attention(struct clb_device *device, const struct heads *s)
{
    const struct clb_dropout dropout = {s->dropout, {77, CLB_PURPOSE_DROPOUT + 3, 5}};
    const int64_t hidden = s->heads * s->size;
    struct problem p = {.call = support_open(device)};
    int64_t tokens = 0, longest = 0, n = 0;
    for (; n < MOST_SEQUENCES && s->lengths[n]; n++) {
        tokens += s->lengths[n];
        longest = longest > s->lengths[n] ? longest : s->lengths[n];
    }
    support_floats(&p.call, tokens, 3 * hidden);
    support_floats(&p.call, tokens, hidden);
    support_floats(&p.call, s->heads, tokens);
    support_floats(&p.call, tokens, hidden);
    support_floats(&p.call, tokens, 3 * hidden);
    support_floats(&p.call, tokens, hidden);
    int32_t *cu_seqlens = support_ints(&p.call, n + 1);
    for (int64_t b = 0; b < n; b++) cu_seqlens[b + 1] = cu_seqlens[b] + s->lengths[b];
    reduce(&p, 2, 1u << 2 | 1u << 6);
    for (int reduced = 0; reduced < 2; reduced++) {
        const struct clb_tensor *t = reduced ? p.r : p.call.t;
        OK(clb_attention_forward(&t[1], &t[2], &t[4], &t[6], longest, s->heads, dropout));
        /* Backward with an `out` that is the same for both: operand 5. */
        OK(clb_attention_backward(&t[0], &t[3], &t[5], &t[2], &t[4], &t[6], longest, s->heads,
                                  dropout));
    }
    const double slack = 4 * slack_of(longest + s->size);
    expect(&p, 1, slack);
    expect(&p, 2, slack);
    expect(&p, 0, slack);
    close_problem(&p);
}

static void attention_on(struct clb_device *device)
{
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) check_attention(device, &heads[i]);
}

/* ---- every type on every device ---- */

static void (*check)(struct clb_device *device);

static void check_types(struct clb_device *device)
{
    for (int i = 0; i < 2; i++) {
        if (!clb_device_multiplies(device, types[i])) continue;
        results = type = types[i];
        check(device);
        results = CLB_F32;
        check(device);
    }
}

static void test_linear(void **state)
{
    (void)state;
    check = linear_on;
    support_on_devices(check_types);
}

static void test_activation(void **state)
{
    (void)state;
    check = activation_on;
    support_on_devices(check_types);
}

static void test_attention(void **state)
{
    (void)state;
    check = attention_on;
    support_on_devices(check_types);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_linear),
        cmocka_unit_test(test_activation),
        cmocka_unit_test(test_attention),
    };
    return cmocka_run_group_tests_name("reduced", tests, NULL, support_close_devices);
}
