/* SPDX-License-Identifier: Apache-2.0 */
#include "support_golden.h"

#include "base/files.h"
#include "base/json.h"
#include "support_devices.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

int32_t *support_golden_ints(const json_t *array)
{
    int32_t *values = calloc(json_array_size(array), sizeof *values);
    for (size_t i = 0; i < json_array_size(array); i++)
        values[i] = (int32_t)json_integer_value(json_array_get(array, i));
    return values;
}

struct support_golden support_golden_open(const char *directory, const char *device, bool training)
{
    struct support_golden g = {.directory = directory};
    char path[512];
    snprintf(path, sizeof path, "%s/facts.json", directory);
    if (base_exists(path)) OK(base_json_read(path, "golden values", &g.facts));
    OK(clb_model_read_config(directory, &g.config));
    OK(clb_device_open(device, 0, &g.device));
    OK(clb_batch_create(8, 256, &g.batch));
    const struct clb_model_limits limits = {
        .max_sequences = 8, .max_tokens = 256, .max_masked = 64, .training = training};
    OK(clb_model_create(g.device, &g.config, &limits, &g.model));
    OK(clb_model_commit(g.model));
    OK(clb_model_load(g.model, directory, 0));
    return g;
}

void support_golden_close(struct support_golden *g)
{
    clb_model_destroy(g->model);
    clb_batch_destroy(g->batch);
    clb_device_close(g->device);
    json_decref(g->facts);
}

void support_near(double actual, double expected, double tolerance, const char *what)
{
    if (fabs(actual - expected) <= tolerance) return;
    print_error("%s: %.9g, expected %.9g, off by %.3g\n", what, actual, expected,
                fabs(actual - expected));
    fail();
}

static double largest(const struct clb_parameter *parameters, int count)
{
    double most = 0;
    for (int i = 0; i < count; i++) {
        const int64_t n = clb_tensor_elements(parameters[i].tensor);
        float *values = malloc((size_t)n * sizeof *values);
        OK(clb_tensor_read(parameters[i].tensor, values, n));
        for (int64_t k = 0; k < n; k++) most = fmax(most, fabs((double)values[k]));
        free(values);
    }
    return most;
}

void support_golden_parameters(const struct support_golden *g, const struct clb_parameter *actual,
                               int first, const char *file, double tolerance)
{
    struct clb_arena *arena;
    struct clb_parameter *expected;
    int count;
    char path[512];
    snprintf(path, sizeof path, "%s/%s", g->directory, file);
    OK(clb_arena_create(g->device, "golden", &arena));
    OK(clb_model_like_parameters(g->model, arena, &expected, &count));
    OK(clb_arena_commit(arena));
    const struct clb_tensor_list list = {"", expected, count};
    OK(clb_tensors_load(path, &list, 1));
    const double most = largest(expected, count);
    for (int i = first; i < count; i++) {
        int64_t n = clb_tensor_elements(actual[i].tensor);
        float *a = malloc((size_t)n * sizeof *a), *e = malloc((size_t)n * sizeof *e);
        double scale = 0, worst = 0;
        OK(clb_tensor_read(actual[i].tensor, a, n));
        OK(clb_tensor_read(expected[i].tensor, e, n));
        for (int64_t k = 0; k < n; k++) {
            scale = fmax(scale, fabs((double)e[k]));
            worst = fmax(worst, fabs((double)a[k] - (double)e[k]));
        }
        assert_true(scale > 0);
        if (scale < 1e-12 * most) scale = most; /* 0, but for rounding */
        support_near(worst / scale, 0, tolerance, actual[i].name);
        free(a);
        free(e);
    }
    clb_arena_destroy(arena);
    free(expected);
}
