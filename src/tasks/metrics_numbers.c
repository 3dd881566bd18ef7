/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "tasks/metrics.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

static double mean_squared_error(const double *x, const double *y, int64_t count)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++) sum += (x[i] - y[i]) * (x[i] - y[i]);
    return sum / (double)count;
}

static bool is_constant(const double *x, int64_t count)
{
    for (int64_t i = 1; i < count; i++)
        if (x[i] != x[0]) return false;
    return true;
}

/* Sums of products of what differs from the mean. */
static double correlation(const double *x, const double *y, int64_t count)
{
    double x_mean = 0, y_mean = 0, xx = 0, yy = 0, xy = 0;
    if (is_constant(x, count) || is_constant(y, count)) return NAN;
    for (int64_t i = 0; i < count; i++) {
        x_mean += x[i];
        y_mean += y[i];
    }
    x_mean /= (double)count;
    y_mean /= (double)count;
    for (int64_t i = 0; i < count; i++) {
        const double dx = x[i] - x_mean, dy = y[i] - y_mean;
        xx += dx * dx;
        yy += dy * dy;
        xy += dx * dy;
    }
    return fmax(-1, fmin(1, xy / (sqrt(xx) * sqrt(yy))));
}

struct placed {
    double value;
    int64_t place;
};

static int by_value(const void *a, const void *b)
{
    const double x = ((const struct placed *)a)->value, y = ((const struct placed *)b)->value;
    return (x > y) - (x < y);
}

/* Values become their ranks, from 1 on; equal ones share the mean of theirs. */
static void rank(double *x, int64_t count, struct placed *room)
{
    for (int64_t i = 0; i < count; i++) room[i] = (struct placed){x[i], i};
    qsort(room, (size_t)count, sizeof *room, by_value);
    for (int64_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && room[end].value == room[i].value;) end++;
        for (int64_t k = i; k < end; k++) x[room[k].place] = 0.5 * (double)(i + 1 + end);
    }
}

enum clb_status tasks_number_scores(const float *truth, const float *guess, int64_t count,
                                    struct tasks_number_scores *result)
{
    const size_t size = (size_t)count + 1;
    double *x = malloc(size * sizeof *x), *y = malloc(size * sizeof *y);
    struct placed *room = malloc(size * sizeof *room);
    const bool done = x && y && room;
    for (int64_t i = 0; done && i < count; i++) {
        x[i] = truth[i];
        y[i] = guess[i];
    }
    if (done) {
        result->mean_squared_error = mean_squared_error(x, y, count);
        result->pearson = correlation(x, y, count);
        rank(x, count, room);
        rank(y, count, room);
        result->spearman = correlation(x, y, count);
    }
    free(x);
    free(y);
    free(room);
    return done ? CLB_OK : clb_fail(CLB_ERROR_MEMORY, "metrics: out of memory");
}
