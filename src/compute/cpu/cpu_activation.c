/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/cpu/cpu_kernels.h"
#include "compute/cpu/cpu_types.h"
#include "compute/cpu/cpu_vector.h"

enum { CHUNK = CPU_ELEMENTS }; /* a task */

/* tanh form: 0.5 x (1 + tanh(u)), u = sqrt(2 / pi) (x + 0.044715 x^3). */
#define GELU_SCALE 0.797884561f
#define GELU_CUBIC 0.044715f

static inline cpu_vec gelu(cpu_vec x)
{
    return x * vec_normal_cdf(x);
}

static inline cpu_vec gelu_tanh(cpu_vec x)
{
    cpu_vec u = GELU_SCALE * (x + GELU_CUBIC * x * x * x);
    return 0.5f * x * (1.0f + vec_tanh(u));
}

/* Phi(x) + x phi(x) */
static inline cpu_vec gelu_slope(cpu_vec x)
{
    cpu_vec density = 0.398942280f * vec_exp(-0.5f * x * x);
    return vec_normal_cdf(x) + x * density;
}

static inline cpu_vec gelu_tanh_slope(cpu_vec x)
{
    cpu_vec t = vec_tanh(GELU_SCALE * (x + GELU_CUBIC * x * x * x));
    cpu_vec inner = GELU_SCALE * (1.0f + 3.0f * GELU_CUBIC * x * x);
    return 0.5f * (1.0f + t) + 0.5f * x * (1.0f - t * t) * inner;
}

static inline cpu_vec activation_of(enum clb_activation activation, cpu_vec x)
{
    switch (activation) {
    case CLB_ACTIVATION_GELU:
        return gelu(x);
    case CLB_ACTIVATION_GELU_TANH:
        return gelu_tanh(x);
    case CLB_ACTIVATION_TANH:
        return vec_tanh(x);
    case CLB_ACTIVATION_NONE:
        break;
    }
    return x;
}

/* For TANH `saved` is the output. */
static inline cpu_vec slope_of(enum clb_activation activation, cpu_vec saved)
{
    switch (activation) {
    case CLB_ACTIVATION_GELU:
        return gelu_slope(saved);
    case CLB_ACTIVATION_GELU_TANH:
        return gelu_tanh_slope(saved);
    case CLB_ACTIVATION_TANH:
        return 1.0f - saved * saved;
    case CLB_ACTIVATION_NONE:
        break;
    }
    return vec_set(1.0f);
}

/* Four vectors side by side, since the steps of one wait for each other. */
static inline __attribute__((always_inline)) void activate(enum clb_activation activation,
                                                           const float *x, float *out, int64_t n)
{
    enum { SOME = 4 };
    int64_t i = 0;
    for (; i + SOME * CPU_LANES <= n; i += SOME * CPU_LANES) {
        cpu_vec y[SOME];
        CPU_UNROLL
        for (int j = 0; j < SOME; j++)
            y[j] = activation_of(activation, vec_load(x + i + j * CPU_LANES));
        CPU_UNROLL
        for (int j = 0; j < SOME; j++) vec_store(out + i + j * CPU_LANES, y[j]);
    }
    for (; i + CPU_LANES <= n; i += CPU_LANES)
        vec_store(out + i, activation_of(activation, vec_load(x + i)));
    if (i < n)
        vec_store_part(out + i, activation_of(activation, vec_load_part(x + i, n - i)), n - i);
}

void cpu_activate(enum clb_activation activation, const float *x, float *out, int64_t n)
{
    if (activation == CLB_ACTIVATION_GELU)
        activate(CLB_ACTIVATION_GELU, x, out, n);
    else
        activate(activation, x, out, n);
}

void cpu_activate_backward(enum clb_activation activation, const float *d_out, const float *saved,
                           float *out, int64_t n)
{
    int64_t i = 0;
    for (; i + CPU_LANES <= n; i += CPU_LANES)
        vec_store(out + i, vec_load(d_out + i) * slope_of(activation, vec_load(saved + i)));
    if (i < n) {
        cpu_vec slope = slope_of(activation, vec_load_part(saved + i, n - i));
        vec_store_part(out + i, vec_load_part(d_out + i, n - i) * slope, n - i);
    }
}

struct backward {
    enum clb_activation activation;
    const struct clb_tensor *d_x, *d_out, *saved;
    int64_t n;
};

static void backward_chunks(const void *context, int64_t begin, int64_t end, int thread)
{
    const struct backward *a = context;
    float d_out[CHUNK], saved[CHUNK];
    (void)thread;
    for (int64_t i = begin * CHUNK; i < end * CHUNK && i < a->n; i += CHUNK) {
        const int64_t n = a->n - i < CHUNK ? a->n - i : CHUNK;
        cpu_widen(d_out, cpu_element(a->d_out->memory, a->d_out->type, i), a->d_out->type, n);
        cpu_widen(saved, cpu_element(a->saved->memory, a->saved->type, i), a->saved->type, n);
        cpu_activate_backward(a->activation, d_out, saved, d_out, n);
        cpu_narrow(cpu_element(a->d_x->memory, a->d_x->type, i), a->d_x->type, d_out, n);
    }
}

enum clb_status CPU_RENAMED(activation_backward)(const struct clb_tensor *d_x,
                                                 const struct clb_tensor *d_out,
                                                 const struct clb_tensor *saved,
                                                 enum clb_activation activation)
{
    struct clb_device *device = d_x->device;
    const struct backward a = {activation, d_x, d_out, saved, clb_tensor_elements(*d_x)};
    cpu_parallel(device, (a.n + CHUNK - 1) / CHUNK, 0, backward_chunks, &a);
    return CLB_OK;
}
