/* SPDX-License-Identifier: Apache-2.0 */
/* Packing for engines that take bf16 two by two: a unit is the pair of numbers of one line at K's
 * steps 2 p and 2 p + 1, the even one in the lower half, 0 past the end of K. */
#ifndef CPU_PACK_BF16_H
#define CPU_PACK_BF16_H

#include "compute/cpu/cpu_engine.h"
#include "compute/cpu/cpu_transpose.h"

/* out[p * width + l] = the unit of line `line` + l; of `units` units a line, those of the first
 * `kc` steps of K filled. Past the operand's lines 0. */
static inline void pack_units(const struct cpu_operand *from, int64_t line, int64_t k0, int64_t kc,
                              int64_t units, uint32_t *out, int width)
{
    const uint16_t *x = from->x;
    const int64_t lines = cpu_smaller(width, from->lines - line), pairs = kc / 2;
    const int64_t stride = from->line_stride == 1 ? from->depth_stride : from->line_stride;
    if (lines < width || pairs < units) memset(out, 0, (size_t)(units * width) * sizeof *out);
    if (from->line_stride == 1) {
        const uint16_t *at = x + line + k0 * stride;
        for (int64_t p = 0; p < pairs; p++, at += 2 * stride)
            for (int64_t l = 0; l < lines; l++)
                out[p * width + l] = at[l] | (uint32_t)at[stride + l] << 16;
        for (int64_t l = 0; l < lines && kc % 2 != 0; l++) out[pairs * width + l] = at[l];
        return;
    }
    const uint16_t *at = x + line * stride + k0;
    const int64_t deep = lines >= 4 ? pairs / 4 * 4 : 0;
    for (int64_t p = 0; p < deep; p += 4)
        for (int64_t l = 0; l < lines; l += 4) { /* a last four may overlap the one before */
            const int64_t first = cpu_smaller(l, lines - 4);
            transpose_4x4(at + first * stride + 2 * p, 2 * stride, out + p * width + first,
                          4 * width);
        }
    for (int64_t p = deep; p < pairs; p++)
        for (int64_t l = 0; l < lines; l++) memcpy(out + p * width + l, at + l * stride + 2 * p, 4);
    for (int64_t l = 0; l < lines && kc % 2 != 0; l++)
        out[pairs * width + l] = at[l * stride + kc - 1];
}

#endif
