/* SPDX-License-Identifier: Apache-2.0 */
/* Attention over packed sequences. */
#include "support_test.h"

enum { MOST_SEQUENCES = 8 };

struct shape {
    int64_t heads, size;
    float dropout;
    int32_t lengths[MOST_SEQUENCES]; /* 0 ends them */
};

static const struct shape shapes[] = {
    {1, 3, 0, {1}},
    {2, 4, 0.25f, {5, 1, 9}},
    {3, 8, 0.1f, {19}},
    {2, 64, 0, {1, 113, 7, 64, 2}},
    {2, 64, 0.1f, {128, 7, 33, 1}},
    {3, 21, 0.1f, {40, 16, 17}},
    {1, 160, 0.1f, {30}},
    {1, 16, 0.1f, {300, 3}},
    {1100, 1, 0.3f, {32, 32, 32, 32, 32, 32, 32, 32}}, /* random numbers beyond 2^32 blocks */
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

struct problem {
    struct support_call call;
    struct reference_attention reference;
    int64_t tokens, hidden, longest;
    double *d_qkv, *out, *lse, *d_out;
};

/* Operands in the order of the enum. */
enum { D_QKV, OUT, LSE, D_OUT, QKV, CU_SEQLENS };

static void open_problem(struct problem *p, struct clb_device *device, const struct shape *s,
                         double range)
{
    int64_t sequences = 0;
    *p = (struct problem){.call = support_open(device), .hidden = s->heads * s->size};
    for (; sequences < MOST_SEQUENCES && s->lengths[sequences]; sequences++) {
        p->tokens += s->lengths[sequences];
        p->longest = p->longest > s->lengths[sequences] ? p->longest : s->lengths[sequences];
    }
    p->d_qkv = support_floats(&p->call, p->tokens, 3 * p->hidden);
    p->out = support_floats(&p->call, p->tokens, p->hidden);
    p->lse = support_floats(&p->call, s->heads, p->tokens);
    p->d_out = support_floats(&p->call, p->tokens, p->hidden);
    double *qkv = support_floats(&p->call, p->tokens, 3 * p->hidden);
    int32_t *cu_seqlens = support_ints(&p->call, sequences + 1);
    for (int64_t b = 0; b < sequences; b++) cu_seqlens[b + 1] = cu_seqlens[b] + s->lengths[b];
    for (int64_t e = 0; e < p->tokens * 3 * p->hidden; e++) qkv[e] *= range;
    p->reference = (struct reference_attention){
        qkv,      cu_seqlens, sequences,
        s->heads, s->size,    {s->dropout, {77, CLB_PURPOSE_DROPOUT + 3, 5}}};
    support_upload(&p->call);
    const struct clb_tensor *t = p->call.t;
    OK(clb_attention_forward(&t[OUT], &t[LSE], &t[QKV], &t[CU_SEQLENS], p->longest, s->heads,
                             p->reference.dropout));
    reference_attention(&p->reference, p->out, p->lse);
}

/* The rounding of a score is range^2 sqrt(size) units and moves every probability by as much,
 * relatively: `ulps` grows with it. */
static void check_forward(struct clb_device *device, const struct shape *s, double range)
{
    struct problem p;
    open_problem(&p, device, s, range);
    const double ulps = 16 + 2 * range * range * sqrt((double)s->size);
    support_expect(&p.call, OUT, p.out, NULL, ulps, (double)p.longest);
    support_expect(&p.call, LSE, p.lse, NULL, 16, (double)(p.longest + s->size));
    support_close(&p.call);
}

static void check_backward(struct clb_device *device, const struct shape *s)
{
    struct problem p;
    open_problem(&p, device, s, 1);
    const struct clb_tensor *t = p.call.t;
    OK(clb_attention_backward(&t[D_QKV], &t[D_OUT], &t[OUT], &t[LSE], &t[QKV], &t[CU_SEQLENS],
                              p.longest, s->heads, p.reference.dropout));
    reference_attention_backward(&p.reference, p.d_qkv, p.d_out);
    support_expect(&p.call, D_QKV, p.d_qkv, NULL, 32, (double)(p.longest + s->size));
    support_close(&p.call);
}

static void attention_on(struct clb_device *device)
{
    for (int i = 0; i < SHAPES; i++) {
        check_forward(device, &shapes[i], 1);
        check_backward(device, &shapes[i]);
    }
}

static void test_attention(void **state)
{
    (void)state;
    support_on_devices(attention_on);
}

/* Scores of hundreds: softmax must not overflow, and nearly one key takes all. */
static void sharp_on(struct clb_device *device)
{
    const struct shape sharp = {2, 32, 0, {70, 3}};
    check_forward(device, &sharp, 12);
}

static void test_sharp(void **state)
{
    (void)state;
    support_on_devices(sharp_on);
}

/* ---- the reference's own gradient ---- */

struct small {
    struct reference_attention attention;
    double qkv[6 * 3 * 4], coefficients[6 * 4];
};

static double small_loss(void *context)
{
    struct small *s = context;
    double out[6 * 4], lse[2 * 6];
    reference_attention(&s->attention, out, lse);
    return support_dot(out, s->coefficients, 6 * 4);
}

static void test_reference(void **state)
{
    (void)state;
    const int32_t cu_seqlens[] = {0, 2, 6};
    struct small s;
    double d_qkv[6 * 3 * 4];
    for (int e = 0; e < 6 * 3 * 4; e++) s.qkv[e] = sin(3.0 * e + 1);
    for (int e = 0; e < 6 * 4; e++) s.coefficients[e] = sin(5.0 * e + 2);
    s.attention =
        (struct reference_attention){s.qkv, cu_seqlens, 2, 2, 2, {0.3f, {7, CLB_PURPOSE_TEST, 1}}};
    reference_attention_backward(&s.attention, d_qkv, s.coefficients);
    support_check_gradient(small_loss, &s, s.qkv, d_qkv, 6 * 3 * 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference),
        cmocka_unit_test(test_attention),
        cmocka_unit_test(test_sharp),
    };
    return cmocka_run_group_tests_name("attention", tests, NULL, support_close_devices);
}
