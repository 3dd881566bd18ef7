/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/verify_ops.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An operand as a matrix: a vector is one row. */
struct view {
    int64_t rows, width;
};

static struct view view_of(const struct verify_operand *operand)
{
    const struct clb_tensor *shape = &operand->shape;
    return shape->columns == 1 ? (struct view){1, shape->rows}
                               : (struct view){shape->rows, shape->columns};
}

/* |x - reference|; infinite where only one of them is NaN or infinite, or both are otherwise. */
static double distance(float x, float reference)
{
    if (isfinite(x) && isfinite(reference)) {
        const double d = fabs((double)x - (double)reference);
        return d < 2 * (double)FLT_MIN ? 0.0 : d; /* denormals may be flushed to 0 */
    }
    return (isnan(x) && isnan(reference)) || x == reference ? 0.0 : (double)INFINITY;
}

static double distance_of_bits(float x, float reference)
{
    return memcmp(&x, &reference, sizeof x) == 0 ? 0.0 : (double)INFINITY;
}

/* From y to the nearest number that is rounded to x, which is of a reduced type: to half of the way
 * to x's neighbours. Beyond the largest number infinity stands where the next one would. */
static double distance_before_rounding(enum clb_type type, float x, float y)
{
    if (isnan(x) || !isfinite(y)) return distance(x, y);
    const double sign = signbit(x) ? -1.0 : 1.0, beside = sign * (double)y;
    const uint16_t bits = reduced_of(type, fabsf(x));
    const double below = bits ? (double)reduced_widen(type, (uint16_t)(bits - 1)) : 0.0;
    double above = (double)reduced_widen(type, (uint16_t)(bits + 1)), at = fabs((double)x);
    if (isinf(x)) {
        at = below + (below - (double)reduced_widen(type, (uint16_t)(bits - 2)));
        above = (double)INFINITY;
    } else if (isinf(above))
        above = at + (at - below);
    const double first = bits ? (below + at) / 2 : -above / 2, last = (at + above) / 2;
    const double d = fmax(0.0, fmax(first - beside, beside - last));
    return d < 2 * (double)FLT_MIN ? 0.0 : d;
}

static double difference_of(const struct verify_operand *operand, const struct verify_part *part,
                            float x, float reference)
{
    const enum clb_type type = operand->shape.type;
    if (part->tolerance < 0.0) return distance_of_bits(x, reference);
    if (!operand->rounded) return distance(x, reference);
    if (part->tolerance == 0.0)
        return distance(x, reduced_widen(type, reduced_of(type, reference)));
    return distance_before_rounding(type, x, reference);
}

static double scale_of(const struct verify_operand *operand, const struct verify_part *part,
                       const float *reference)
{
    const struct view view = view_of(operand);
    double scale = part->floor;
    for (int64_t r = 0; r < view.rows; r++)
        for (int64_t c = part->first; c < part->first + part->count; c++)
            if (isfinite(reference[r * view.width + c]))
                scale = fmax(scale, fabs((double)reference[r * view.width + c]));
    return scale;
}

double verify_difference(const struct verify_operand *operand, const struct verify_part *part,
                         const float *x, const float *reference)
{
    const struct view view = view_of(operand);
    const double scale = scale_of(operand, part, reference);
    double error = 0.0;
    for (int64_t r = 0; r < view.rows; r++)
        for (int64_t c = part->first; c < part->first + part->count; c++)
            error = fmax(error, difference_of(operand, part, x[r * view.width + c],
                                              reference[r * view.width + c]));
    if (error == 0.0) return 0.0; /* zeros of either sign */
    return scale > 0.0 ? error / scale : (double)INFINITY;
}

/* ---- the map ---- */

enum { MAP_ROWS = 16, MAP_COLUMNS = 64 };

struct map {
    const struct verify_operand *operand;
    const struct verify_part *part;
    const float *x, *reference;
    bool same_bits;
    double allowed;
};

static bool differs(const struct map *map, int64_t at)
{
    const float x = map->x[at], reference = map->reference[at];
    if (map->same_bits) return distance_of_bits(x, reference) > 0.0;
    return difference_of(map->operand, map->part, x, reference) > map->allowed;
}

static int64_t at_most(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* A line a row of cells; a cell is 'x' where one of its elements differs. */
static void draw(const struct map *map, FILE *out)
{
    const struct view view = view_of(map->operand);
    const int64_t first = map->part->first, columns = map->part->count;
    const int64_t lines = at_most(view.rows, MAP_ROWS), cells = at_most(columns, MAP_COLUMNS);
    for (int64_t line = 0; line < lines; line++) {
        char marks[MAP_COLUMNS + 1];
        memset(marks, '.', sizeof marks);
        const int64_t end = (line + 1) * view.rows / lines;
        for (int64_t r = line * view.rows / lines; r < end; r++)
            for (int64_t cell = 0; cell < cells; cell++)
                for (int64_t c = cell * columns / cells; c < (cell + 1) * columns / cells; c++)
                    if (differs(map, r * view.width + first + c)) marks[cell] = 'x';
        fprintf(out, "  %6lld %.*s\n", (long long)(line * view.rows / lines), (int)cells, marks);
    }
}

char *verify_map(const struct verify_operand *operand, const struct verify_part *part,
                 const float *x, const float *reference, bool same_bits)
{
    const struct view view = view_of(operand);
    const struct map map = {
        operand,   part,      x,
        reference, same_bits, fmax(0.0, part->tolerance * scale_of(operand, part, reference))};
    int64_t count = 0, where = 0;
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out) return NULL;
    for (int64_t r = view.rows - 1; r >= 0; r--)
        for (int64_t c = part->first + part->count - 1; c >= part->first; c--)
            if (differs(&map, r * view.width + c)) count++, where = r * view.width + c;
    fprintf(out,
            "  %lld of %lld differ, rows %lld x columns %lld..%lld; the first at (%lld, %lld): ",
            (long long)count, (long long)(view.rows * part->count), (long long)view.rows,
            (long long)part->first, (long long)(part->first + part->count - 1),
            (long long)(where / view.width), (long long)(where % view.width));
    fprintf(out, "%.9g instead of %.9g%s\n", (double)x[where], (double)reference[where],
            operand->rounded && !same_bits ? ", rounded" : "");
    draw(&map, out);
    if (fclose(out) == 0) return text;
    free(text);
    return NULL;
}
