/* SPDX-License-Identifier: Apache-2.0 */
/* Activations and their slopes over their whole range. */
#include "support_test.h"

enum { POINTS = 30000 };

static void check_activation(struct clb_device *device, enum clb_activation activation)
{
    struct support_call call = support_open(device);
    double *out = support_floats(&call, POINTS, 1), *d_x = support_floats(&call, POINTS, 1);
    double *x = support_floats(&call, POINTS, 1), *one = support_floats(&call, 1, 1);
    double *d_out = support_floats(&call, POINTS, 1);
    double magnitude[POINTS];
    one[0] = 1;
    for (int64_t e = 0; e < POINTS; e++) x[e] = (double)(float)(30.0 * ((double)e / POINTS - 0.5));
    support_upload(&call);
    OK(clb_linear_forward(&call.t[0], NULL, &call.t[2], &call.t[3], NULL, activation));
    const bool by_output = activation == CLB_ACTIVATION_TANH;
    OK(clb_activation_backward(&call.t[1], &call.t[4], by_output ? &call.t[0] : &call.t[2],
                               activation));
    for (int64_t e = 0; e < POINTS; e++) {
        out[e] = reference_activation(activation, x[e]);
        d_x[e] = d_out[e] * reference_slope(activation, x[e]);
        magnitude[e] = fmax(1, fabs(x[e]));
    }
    support_expect(&call, 0, out, magnitude, 5, 0); /* 3e-7 */
    support_expect(&call, 1, d_x, magnitude, 10, 0);
    support_close(&call);
}

static void activations_on(struct clb_device *device)
{
    check_activation(device, CLB_ACTIVATION_GELU);
    check_activation(device, CLB_ACTIVATION_GELU_TANH);
    check_activation(device, CLB_ACTIVATION_TANH);
}

static void test_activations(void **state)
{
    (void)state;
    support_on_devices(activations_on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_activations),
    };
    return cmocka_run_group_tests_name("activation", tests, NULL, support_close_devices);
}
