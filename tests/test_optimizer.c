/* SPDX-License-Identifier: Apache-2.0 */
/* AdamW, BERT's Adam and LAMB over tensors of unequal size. */
#include "support_test.h"

typedef enum clb_status (*optimizer)(const struct clb_tensor *, const struct clb_tensor *,
                                     const struct clb_tensor *, const struct clb_tensor *,
                                     const struct clb_tensor *, const struct clb_segments *,
                                     const struct clb_optimizer_step *);

enum { SEGMENTS = 3, BLOCKS = 7 };
enum { W, G, M, V, SQUARE, BLOCK_SEGMENT, FIRST_BLOCK, DECAY, RATE }; /* operands */
static const int32_t first_block[SEGMENTS + 1] = {0, 1, 6, BLOCKS};

struct setting {
    double grad_square;
    struct clb_optimizer_step step;
    double rate[SEGMENTS];
};

static const struct setting settings[] = {
    {2400, {0.1f, 0.9f, 0.999f, 1e-6f, 1.0f, 1}, {1, 1, 1}},       /* clipped */
    {0.5, {0.01f, 0.9f, 0.98f, 1e-8f, 1.0f, 20}, {1, 0.25, 2}},    /* below the limit */
    {1e6, {1e-4f, 0.85f, 0.999f, 1e-6f, 0.0f, 3000}, {0.5, 1, 0}}, /* no limit; one stays */
};
enum { SETTING_COUNT = sizeof settings / sizeof *settings };

static struct reference_optimizer open_problem(struct support_call *call, const struct setting *s)
{
    const int64_t n = BLOCKS * CLB_BLOCK;
    struct reference_optimizer r = {.segments = SEGMENTS, .step = s->step};
    r.w = support_floats(call, n, 1);
    r.g = support_floats(call, n, 1);
    r.m = support_floats(call, n, 1);
    r.v = support_floats(call, n, 1);
    double *square = support_floats(call, 1, 1);
    int32_t *block_segment = support_ints(call, BLOCKS), *first = support_ints(call, SEGMENTS + 1);
    double *decay = support_floats(call, SEGMENTS, 1), *rate = support_floats(call, SEGMENTS, 1);
    for (int64_t e = 0; e < n; e++) r.v[e] = fabs(r.v[e]);
    for (int64_t e = 0; e < CLB_BLOCK; e++) r.w[e] = 0; /* a tensor of zeros: LAMB's ratio is 1 */
    for (int b = 0; b < BLOCKS; b++) block_segment[b] = b < 1 ? 0 : b < 6 ? 1 : 2;
    memcpy(first, first_block, sizeof first_block);
    decay[0] = 0;
    decay[1] = (double)0.01f;
    decay[2] = (double)0.1f;
    square[0] = r.grad_square = (double)(float)s->grad_square;
    r.first_block = first;
    r.decay = decay;
    r.rate = memcpy(rate, s->rate, sizeof s->rate);
    support_upload(call);
    return r;
}

static void apply(optimizer run, struct support_call *call, const struct clb_optimizer_step *step)
{
    struct clb_tensor *t = call->t;
    const struct clb_segments segments = {t[BLOCK_SEGMENT], t[FIRST_BLOCK], t[DECAY], t[RATE]};
    OK(run(&t[W], &t[G], &t[M], &t[V], &t[SQUARE], &segments, step));
}

/* |w| and the change it would get if all signs agreed: what the roundings are relative to. */
static double *magnitude_of(const struct reference_optimizer *r,
                            void (*reference)(const struct reference_optimizer *))
{
    const int64_t n = BLOCKS * CLB_BLOCK;
    struct reference_optimizer all = *r;
    double *magnitude = support_copy(r->w, n);
    all.w = support_copy(r->w, n);
    all.g = support_copy(r->g, n);
    all.m = support_copy(r->m, n);
    all.v = support_copy(r->v, n);
    for (int64_t e = 0; e < n; e++) {
        all.w[e] = magnitude[e] = fabs(r->w[e]);
        all.g[e] = fabs(r->g[e]);
        all.m[e] = fabs(r->m[e]);
    }
    reference(&all);
    for (int64_t e = 0; e < n; e++) magnitude[e] += 8 * fabs(all.w[e] - magnitude[e]);
    free(all.w);
    free(all.g);
    free(all.m);
    free(all.v);
    return magnitude;
}

/* A rate of 0 leaves the tensor as it was, bit for bit. */
static void check_rates(struct support_call *call, const struct setting *s)
{
    const double *before = call->host[W];
    struct clb_tensor w = call->t[W];
    float after[BLOCKS * CLB_BLOCK];
    OK(clb_tensor_read(w, after, BLOCKS * CLB_BLOCK));
    for (int k = 0; k < SEGMENTS; k++)
        for (int64_t e = first_block[k] * CLB_BLOCK;
             s->rate[k] == 0 && e < first_block[k + 1] * CLB_BLOCK; e++)
            assert_true((double)after[e] == before[e]);
}

static void check(struct clb_device *device, optimizer run,
                  void (*reference)(const struct reference_optimizer *), const struct setting *s)
{
    struct support_call call = support_open(device);
    struct reference_optimizer r = open_problem(&call, s);
    double *magnitude = magnitude_of(&r, reference);
    apply(run, &call, &s->step);
    reference(&r);
    /* A moment: two products and a sum. A weight: one rounding of it, and of its change, whose own
     * error is a dozen roundings and that of 1 - beta^step. */
    support_expect(&call, M, r.m, NULL, 4, 0);
    support_expect(&call, V, r.v, NULL, 4, 0);
    support_expect(&call, W, r.w, magnitude, 4, 0);
    check_rates(&call, s);
    free(magnitude);
    support_close(&call);
}

/* Where the gradient is not finite nothing changes, bit for bit. */
static void check_not_finite(struct clb_device *device, optimizer run, double square)
{
    const struct setting s = {square, settings[0].step, {1, 1, 1}};
    struct support_call call = support_open(device);
    struct reference_optimizer r = open_problem(&call, &s);
    apply(run, &call, &s.step);
    support_expect_same(&call, W, r.w);
    support_expect_same(&call, M, r.m);
    support_expect_same(&call, V, r.v);
    support_close(&call);
}

static void check_all(struct clb_device *device, optimizer run,
                      void (*reference)(const struct reference_optimizer *))
{
    for (int i = 0; i < SETTING_COUNT; i++) check(device, run, reference, &settings[i]);
    check_not_finite(device, run, (double)NAN);
    check_not_finite(device, run, (double)INFINITY);
}

static void adamw_on(struct clb_device *device)
{
    check_all(device, clb_adamw, reference_adamw);
}

static void bert_adam_on(struct clb_device *device)
{
    check_all(device, clb_bert_adam, reference_bert_adam);
}

static void lamb_on(struct clb_device *device)
{
    check_all(device, clb_lamb, reference_lamb);
}

static void test_adamw(void **state)
{
    (void)state;
    support_on_devices(adamw_on);
}

static void test_bert_adam(void **state)
{
    (void)state;
    support_on_devices(bert_adam_on);
}

static void test_lamb(void **state)
{
    (void)state;
    support_on_devices(lamb_on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_adamw),
        cmocka_unit_test(test_bert_adam),
        cmocka_unit_test(test_lamb),
    };
    return cmocka_run_group_tests_name("optimizer", tests, NULL, support_close_devices);
}
