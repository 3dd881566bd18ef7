/* SPDX-License-Identifier: Apache-2.0 */
/* Add and norm. */
#include "support_test.h"

static const struct clb_random site = {77, CLB_PURPOSE_DROPOUT + 3, 5};

struct shape {
    int64_t t, h;
    float dropout;
    bool bias, residual, in_place;
};

static const struct shape shapes[] = {
    {1, 1, 0, true, true, false},       {1, 70, 0, false, false, true},
    {3, 7, 0.25f, true, true, false},   {37, 128, 0.1f, true, true, true},
    {37, 129, 0.1f, true, true, false}, {5, 1100, 0.1f, false, true, false},
    {65, 768, 0, true, true, false},    {600, 64, 0.1f, true, false, false},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static void check_forward(struct clb_device *device, const struct shape *s)
{
    const struct clb_dropout dropout = {s->dropout, site};
    const double eps = s->h == 1 ? 1 : (double)1e-12f; /* one column alone has no variance */
    struct support_call call = support_open(device);
    double *out = support_floats(&call, s->t, s->h), *sum = support_floats(&call, s->t, s->h);
    double *stats = support_floats(&call, s->t, 2);
    const double *y = s->in_place ? sum : NULL;
    const double *own_y = support_floats(&call, s->t, s->h), *bias = support_floats(&call, s->h, 1);
    const double *residual = support_floats(&call, s->t, s->h);
    const double *gamma = support_floats(&call, s->h, 1), *beta = support_floats(&call, s->h, 1);
    support_upload(&call);
    OK(clb_norm_forward(&call.t[0], NULL, &call.t[1], &call.t[2],
                        s->in_place ? &call.t[1] : &call.t[3], s->bias ? &call.t[4] : NULL,
                        s->residual ? &call.t[5] : NULL, &call.t[6], &call.t[7], (float)eps,
                        dropout));
    double *input = support_copy(y ? y : own_y, s->t * s->h);
    reference_norm(out, sum, stats, input, s->bias ? bias : NULL, s->residual ? residual : NULL,
                   gamma, beta, eps, dropout, s->t, s->h);
    support_expect(&call, 1, sum, NULL, 3, 0);
    support_expect(&call, 2, stats, NULL, 8, (double)s->h);
    support_expect(&call, 0, out, NULL, 8, (double)s->h);
    free(input);
    support_close(&call);
}

static void forward_on(struct clb_device *device)
{
    for (int i = 0; i < SHAPES; i++) check_forward(device, &shapes[i]);
}

static void test_forward(void **state)
{
    (void)state;
    support_on_devices(forward_on);
}

static void check_backward(struct clb_device *device, const struct shape *s)
{
    const struct clb_dropout dropout = {s->dropout, site};
    const bool with_d_y = s->bias || s->dropout > 0;
    struct support_call call = support_open(device);
    double *d_sum = support_floats(&call, s->t, s->h), *d_y = support_floats(&call, s->t, s->h);
    double *d_gamma = support_floats(&call, s->h, 1), *d_beta = support_floats(&call, s->h, 1);
    double *d_bias = support_floats(&call, s->h, 1);
    const double *own = support_floats(&call, s->t, s->h), *sum = support_floats(&call, s->t, s->h);
    double *stats = support_floats(&call, s->t, 2), *gamma = support_floats(&call, s->h, 1);
    for (int64_t row = 0; row < s->t; row++) stats[2 * row + 1] = 1.5 + 0.5 * stats[2 * row + 1];
    for (int64_t e = 0; e < 2 * s->t; e++) stats[e] = (double)(float)stats[e];
    support_upload(&call);
    OK(clb_norm_backward(&call.t[0], with_d_y ? &call.t[1] : NULL, &call.t[2], &call.t[3],
                         s->bias ? &call.t[4] : NULL, s->in_place ? &call.t[0] : &call.t[5],
                         &call.t[6], &call.t[7], &call.t[8], dropout));
    double *d_out = support_copy(s->in_place ? d_sum : own, s->t * s->h);
    reference_norm_backward(d_sum, with_d_y ? d_y : NULL, d_gamma, d_beta, d_out, sum, stats, gamma,
                            dropout, s->t, s->h);
    for (int64_t e = 0; s->bias && e < s->t * s->h; e++)
        d_bias[e % s->h] += with_d_y ? d_y[e] : d_sum[e];
    const double size = sqrt((double)s->t); /* sums of t terms below 2 with random signs */
    double *magnitude = support_copy(d_gamma, s->h);
    for (int64_t c = 0; c < s->h; c++) magnitude[c] = fmax(size, fabs(d_gamma[c]));
    support_expect(&call, 0, d_sum, NULL, 16, (double)s->h);
    support_expect(&call, 1, d_y, NULL, 16, (double)s->h);
    support_expect(&call, 2, d_gamma, magnitude, 8, (double)s->t);
    support_expect(&call, 3, d_beta, magnitude, 4, (double)s->t);
    support_expect(&call, 4, d_bias, NULL, 16, (double)(s->t + s->h));
    free(magnitude);
    free(d_out);
    support_close(&call);
}

static void backward_on(struct clb_device *device)
{
    for (int i = 0; i < SHAPES; i++) check_backward(device, &shapes[i]);
}

static void test_backward(void **state)
{
    (void)state;
    support_on_devices(backward_on);
}

/* ---- the reference's own gradients ---- */

enum { T = 3, H = 5 };
struct norm {
    double y[T * H], bias[H], residual[T * H], gamma[H], beta[H], coefficients[T * H];
};
static const struct clb_dropout some = {0.3f, {77, CLB_PURPOSE_DROPOUT + 3, 5}};

static double norm_loss(void *context)
{
    struct norm *n = context;
    double out[T * H], sum[T * H], stats[T * 2];
    reference_norm(out, sum, stats, n->y, n->bias, n->residual, n->gamma, n->beta, 1e-12, some, T,
                   H);
    return support_dot(out, n->coefficients, T * H);
}

static void test_reference(void **state)
{
    (void)state;
    struct norm n;
    double *all = (double *)&n;
    double out[T * H], sum[T * H], stats[T * 2], d_sum[T * H], d_y[T * H], d_bias[H] = {0};
    double d_gamma[H] = {0}, d_beta[H] = {0};
    for (size_t e = 0; e < sizeof n / sizeof *all; e++) all[e] = sin(3.0 * (double)e + 1);
    reference_norm(out, sum, stats, n.y, n.bias, n.residual, n.gamma, n.beta, 1e-12, some, T, H);
    reference_norm_backward(d_sum, d_y, d_gamma, d_beta, n.coefficients, sum, stats, n.gamma, some,
                            T, H);
    for (int e = 0; e < T * H; e++) d_bias[e % H] += d_y[e];
    support_check_gradient(norm_loss, &n, n.y, d_y, T * H);
    support_check_gradient(norm_loss, &n, n.residual, d_sum, T * H);
    support_check_gradient(norm_loss, &n, n.bias, d_bias, H);
    support_check_gradient(norm_loss, &n, n.gamma, d_gamma, H);
    support_check_gradient(norm_loss, &n, n.beta, d_beta, H);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference),
        cmocka_unit_test(test_forward),
        cmocka_unit_test(test_backward),
    };
    return cmocka_run_group_tests_name("norm", tests, NULL, support_close_devices);
}
