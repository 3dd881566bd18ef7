/* SPDX-License-Identifier: Apache-2.0 */
/* Linear layers, their activation in the same call. */
#include "support_test.h"

struct shape {
    int64_t t, i, o; /* tokens, inputs, outputs */
};

/* Odd sizes, one token, edges of the register tiles, sums over several blocks of K. */
static const struct shape shapes[] = {
    {1, 1, 1},    {1, 64, 7},    {5, 3, 2},     {37, 29, 45},
    {16, 128, 2}, {14, 256, 32}, {29, 257, 65}, {70, 600, 33},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

/* The size of a sum of products with random signs: see support_tolerance. */
static double *forward_magnitude(const double *x, const double *weight, const double *bias,
                                 const struct shape *s)
{
    double *x2 = support_squares(x, s->t * s->i), *w2 = support_squares(weight, s->o * s->i);
    double *b2 = bias ? support_squares(bias, s->o) : NULL;
    double *magnitude = calloc((size_t)(s->t * s->o), sizeof *magnitude);
    assert_non_null(magnitude);
    reference_linear(magnitude, x2, w2, b2, s->t, s->i, s->o);
    support_roots(magnitude, s->t * s->o);
    free(x2);
    free(w2);
    free(b2);
    return magnitude;
}

static void check_forward(struct clb_device *device, const struct shape *s,
                          enum clb_activation activation, bool with_bias, bool with_pre)
{
    const int64_t n = s->t * s->o;
    struct support_call call = support_open(device);
    double *out = support_floats(&call, s->t, s->o), *pre = support_floats(&call, s->t, s->o);
    const double *x = support_floats(&call, s->t, s->i),
                 *weight = support_floats(&call, s->o, s->i);
    const double *bias = support_floats(&call, s->o, 1);
    support_upload(&call);
    OK(clb_linear_forward(&call.t[0], with_pre ? &call.t[1] : NULL, &call.t[2], &call.t[3],
                          with_bias ? &call.t[4] : NULL, activation));
    double *magnitude = forward_magnitude(x, weight, with_bias ? bias : NULL, s);
    reference_linear(pre, x, weight, with_bias ? bias : NULL, s->t, s->i, s->o);
    for (int64_t e = 0; e < n; e++) out[e] = reference_activation(activation, pre[e]);
    if (with_pre) support_expect(&call, 1, pre, magnitude, 4, (double)s->i);
    /* An activation adds its own rounding, relative to 1 for the bounded parts inside it. */
    for (int64_t e = 0; activation != CLB_ACTIVATION_NONE && e < n; e++)
        magnitude[e] = fmax(1.13 * magnitude[e], 1);
    support_expect(&call, 0, out, magnitude, activation == CLB_ACTIVATION_NONE ? 4 : 8,
                   (double)s->i);
    free(magnitude);
    support_close(&call);
}

static void forward_on(struct clb_device *device)
{
    for (int i = 0; i < SHAPES; i++) {
        check_forward(device, &shapes[i], CLB_ACTIVATION_NONE, i % 2, false);
        check_forward(device, &shapes[i], CLB_ACTIVATION_GELU, true, true);
        check_forward(device, &shapes[i], CLB_ACTIVATION_GELU_TANH, i % 2, i % 2);
        check_forward(device, &shapes[i], CLB_ACTIVATION_TANH, true, false);
    }
}

static void test_forward(void **state)
{
    (void)state;
    support_on_devices(forward_on);
}

static void check_backward_input(struct clb_device *device, const struct shape *s,
                                 enum clb_activation activation, bool accumulate)
{
    const bool slope = activation != CLB_ACTIVATION_NONE;
    struct support_call call = support_open(device);
    double *d_x = support_floats(&call, s->t, s->i);
    const double *d_out = support_floats(&call, s->t, s->o),
                 *weight = support_floats(&call, s->o, s->i);
    double *saved = support_floats(&call, s->t, s->i);
    const bool again = slope && activation != CLB_ACTIVATION_TANH; /* x, in the place of saved */
    support_upload(&call);
    OK(clb_linear_backward_input(&call.t[0], &call.t[1], &call.t[2], slope ? &call.t[3] : NULL,
                                 again ? &call.t[3] : NULL, activation, accumulate));
    double *magnitude = support_squares(d_x, s->t * s->i);
    double *d2 = support_squares(d_out, s->t * s->o), *w2 = support_squares(weight, s->o * s->i);
    reference_linear_backward_input(magnitude, d2, w2, accumulate, s->t, s->i, s->o);
    support_roots(magnitude, s->t * s->i);
    reference_linear_backward_input(d_x, d_out, weight, accumulate, s->t, s->i, s->o);
    for (int64_t e = 0; e < s->t * s->i; e++)
        d_x[e] *= activation == CLB_ACTIVATION_TANH ? 1 - saved[e] * saved[e]
                                                    : reference_slope(activation, saved[e]);
    support_expect(&call, 0, d_x, magnitude, slope ? 32 : 4, (double)s->o);
    for (int64_t e = 0; again && e < s->t * s->i; e++)
        saved[e] = reference_activation(activation, saved[e]);
    if (again) support_expect(&call, 3, saved, NULL, 32, 1);
    free(magnitude);
    free(d2);
    free(w2);
    support_close(&call);
}

static void check_backward_weight(struct clb_device *device, const struct shape *s, bool with_bias)
{
    struct support_call call = support_open(device);
    double *d_weight = support_floats(&call, s->o, s->i), *d_bias = support_floats(&call, s->o, 1);
    const double *d_out = support_floats(&call, s->t, s->o), *x = support_floats(&call, s->t, s->i);
    support_upload(&call);
    OK(clb_linear_backward_weight(&call.t[0], with_bias ? &call.t[1] : NULL, &call.t[2],
                                  &call.t[3]));
    double *weight_size = support_squares(d_weight, s->o * s->i),
           *bias_size = support_squares(d_bias, s->o);
    double *d2 = support_squares(d_out, s->t * s->o), *x2 = support_squares(x, s->t * s->i);
    reference_linear_backward_weight(weight_size, bias_size, d2, x2, s->t, s->i, s->o);
    support_roots(weight_size, s->o * s->i);
    support_roots(bias_size, s->o);
    reference_linear_backward_weight(d_weight, with_bias ? d_bias : NULL, d_out, x, s->t, s->i,
                                     s->o);
    support_expect(&call, 0, d_weight, weight_size, 4, (double)s->t);
    support_expect(&call, 1, d_bias, bias_size, 4, (double)s->t);
    free(weight_size);
    free(bias_size);
    free(d2);
    free(x2);
    support_close(&call);
}

static void backward_on(struct clb_device *device)
{
    const struct shape tall = {700, 33, 18}; /* many blocks of K in the weight's gradient */
    for (int i = 0; i < SHAPES; i++) {
        for (int a = CLB_ACTIVATION_NONE; a <= CLB_ACTIVATION_TANH; a++)
            check_backward_input(device, &shapes[i], (enum clb_activation)a, false);
        check_backward_input(device, &shapes[i], CLB_ACTIVATION_NONE, true);
        check_backward_weight(device, &shapes[i], i % 2);
    }
    check_backward_weight(device, &tall, true);
}

static void test_backward(void **state)
{
    (void)state;
    support_on_devices(backward_on);
}

/* ---- a NaN is not lost on its way ---- */

static void nan_on(struct clb_device *device)
{
    for (int activation = CLB_ACTIVATION_NONE; activation <= CLB_ACTIVATION_TANH; activation++) {
        struct support_call call = support_open(device);
        float got[40];
        support_floats(&call, 1, 40);
        support_floats(&call, 1, 1)[0] = NAN;
        support_floats(&call, 40, 1);
        support_upload(&call);
        OK(clb_linear_forward(&call.t[0], NULL, &call.t[1], &call.t[2], NULL,
                              (enum clb_activation)activation));
        OK(clb_tensor_read(call.t[0], got, 40));
        for (int i = 0; i < 40; i++) assert_true(isnan(got[i]));
        support_close(&call);
    }
}

static void test_nan(void **state)
{
    (void)state;
    support_on_devices(nan_on);
}

/* ---- the reference's own gradients ---- */

struct layer {
    double x[6], weight[8], bias[4], coefficients[12];
    enum clb_activation activation;
};
enum { T = 3, I = 2, O = 4 };

static double layer_loss(void *context)
{
    struct layer *l = context;
    double out[T * O];
    reference_linear(out, l->x, l->weight, l->bias, T, I, O);
    for (int e = 0; e < T * O; e++) out[e] = reference_activation(l->activation, out[e]);
    return support_dot(out, l->coefficients, T * O);
}

static void check_layer(enum clb_activation activation)
{
    struct layer l = {.activation = activation};
    double pre[T * O], d_pre[T * O], d_x[T * I], d_weight[O * I] = {0}, d_bias[O] = {0};
    double *all = (double *)&l;
    for (int e = 0; e < 6 + 8 + 4 + 12; e++) all[e] = sin(3.0 * e + 1);
    reference_linear(pre, l.x, l.weight, l.bias, T, I, O);
    for (int e = 0; e < T * O; e++)
        d_pre[e] = l.coefficients[e] * reference_slope(activation, pre[e]);
    reference_linear_backward_input(d_x, d_pre, l.weight, false, T, I, O);
    reference_linear_backward_weight(d_weight, d_bias, d_pre, l.x, T, I, O);
    support_check_gradient(layer_loss, &l, l.x, d_x, T * I);
    support_check_gradient(layer_loss, &l, l.weight, d_weight, O * I);
    support_check_gradient(layer_loss, &l, l.bias, d_bias, O);
}

static void test_reference(void **state)
{
    (void)state;
    for (int a = CLB_ACTIVATION_NONE; a <= CLB_ACTIVATION_TANH; a++)
        check_layer((enum clb_activation)a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference),
        cmocka_unit_test(test_forward),
        cmocka_unit_test(test_backward),
        cmocka_unit_test(test_nan),
    };
    return cmocka_run_group_tests_name("linear", tests, NULL, support_close_devices);
}
