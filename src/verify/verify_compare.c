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

/* |x - reference|; infinite where only one of them is NaN or infinite, or both are otherwise; 0 or
 * infinite where the bits are to be the same. */
static double distance(float x, float reference, bool bits)
{
    if (bits) return memcmp(&x, &reference, sizeof x) == 0 ? 0.0 : (double)INFINITY;
    if (isfinite(x) && isfinite(reference)) {
        const double d = fabs((double)x - (double)reference);
        return d < 2 * (double)FLT_MIN ? 0.0 : d; /* denormals may be flushed to 0 */
    }
    return (isnan(x) && isnan(reference)) || x == reference ? 0.0 : (double)INFINITY;
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
            error = fmax(error, distance(x[r * view.width + c], reference[r * view.width + c],
                                         part->tolerance < 0.0));
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
    return distance(map->x[at], map->reference[at], map->same_bits) > map->allowed;
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
    const struct map map = {operand,
                            part,
                            x,
                            reference,
                            same_bits || part->tolerance < 0.0,
                            fmax(0.0, part->tolerance * scale_of(operand, part, reference))};
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
    fprintf(out, "%.9g instead of %.9g\n", (double)x[where], (double)reference[where]);
    draw(&map, out);
    if (fclose(out) == 0) return text;
    free(text);
    return NULL;
}
