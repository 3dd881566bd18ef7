/* SPDX-License-Identifier: Apache-2.0 */
/* The engine of every instruction set: vectors of fp32. Panels are [KC][MR] and [KC][NR] fp32;
 * reduced operands are widened, those of tf32 rounded, on their way into them.
 *
 *                       b0  b1       a panel's NR numbers, for each of KC steps
 *   A's MR    a[0]    | acc acc      2 MR sums in registers: acc[i] += a[i] * b
 *   numbers   a[1]    | acc acc
 *             ...     | ... ...                                                              */
#include "compute/cpu/cpu_engine.h"
#include "compute/cpu/cpu_transpose.h"
#include "compute/cpu/cpu_types.h"
#include "compute/cpu/cpu_vector.h"

enum { MR = CPU_MR, NR = CPU_NR, KC = CPU_KC, WIDEST = MR > NR ? MR : NR };

/* `lines` strided lines of kc contiguous floats, line l from + l * stride, become out[p * width +
 * l]. Fours of lines by transposition; a last four may overlap the one before it. */
static inline void pack_lines(const float *from, int64_t stride, int64_t lines, int64_t kc,
                              float *out, int width)
{
    const int64_t deep = lines >= 4 ? kc / 4 * 4 : 0;
    for (int64_t p = 0; p < deep; p += 4)
        for (int64_t l = 0; l < lines; l += 4) {
            const int64_t at = cpu_smaller(l, lines - 4);
            transpose_4x4(from + at * stride + p, 4 * stride, out + p * width + at, 4 * width);
        }
    for (int64_t p = deep; p < kc; p++)
        for (int64_t l = 0; l < lines; l++) out[p * width + l] = from[l * stride + p];
}

/* The same where lines lie side by side: element p of all lines at from + p * stride. */
static inline void pack_rows(const float *from, int64_t stride, int64_t lines, int64_t kc,
                             float *out, int width)
{
    if (lines == width)
        for (int64_t p = 0; p < kc; p++)
            memcpy(out + p * width, from + p * stride, (size_t)width * 4);
    else
        for (int64_t p = 0; p < kc; p++)
            memcpy(out + p * width, from + p * stride, (size_t)lines * 4);
}

static inline void pack_reduced(const struct cpu_operand *from, int64_t line, int64_t k0,
                                int64_t lines, int64_t kc, float *out, int width)
{
    float wide[WIDEST * KC];
    const int64_t stride = from->line_stride == 1 ? from->depth_stride : from->line_stride;
    if (from->line_stride == 1) {
        for (int64_t p = 0; p < kc; p++)
            cpu_take(out + p * width, cpu_element(from->x, from->type, line + (k0 + p) * stride),
                     from->type, lines);
    } else {
        for (int64_t l = 0; l < lines; l++)
            cpu_take(wide + l * kc, cpu_element(from->x, from->type, (line + l) * stride + k0),
                     from->type, kc);
        pack_lines(wide, kc, lines, kc, out, width);
    }
}

static inline void pack(const struct cpu_operand *from, int64_t line, int64_t k0, int64_t kc,
                        float *out, int width)
{
    const int64_t lines = cpu_smaller(width, from->lines - line);
    const float *x = from->x;
    if (from->type != CLB_F32)
        pack_reduced(from, line, k0, lines, kc, out, width);
    else if (from->line_stride == 1)
        pack_rows(x + line + k0 * from->depth_stride, from->depth_stride, lines, kc, out, width);
    else
        pack_lines(x + line * from->line_stride + k0, from->line_stride, lines, kc, out, width);
    for (int64_t p = 0; p < kc && lines < width; p++)
        for (int64_t l = lines; l < width; l++) out[p * width + l] = 0.0f;
}

static void pack_a(const struct cpu_operand *a, int64_t line, int64_t k0, int64_t kc, void *panel)
{
    pack(a, line, k0, kc, panel, MR);
}

static void pack_b(const struct cpu_operand *b, int64_t line, int64_t k0, int64_t kc, void *panel)
{
    pack(b, line, k0, kc, panel, NR);
}

static void multiply(const void *panel_a, const void *panel_b, int64_t kc, float *sums,
                     int64_t stride, bool add)
{
    const float *a = panel_a, *b = panel_b;
    cpu_vec acc[MR][2];
    CPU_UNROLL
    for (int i = 0; i < MR; i++) acc[i][0] = acc[i][1] = (cpu_vec){0};
    CPU_UNROLL_4
    for (int64_t p = 0; p < kc; p++) {
        const cpu_vec b0 = vec_load(b), b1 = vec_load(b + CPU_LANES);
        CPU_UNROLL
        for (int i = 0; i < MR; i++) {
            acc[i][0] += a[i] * b0;
            acc[i][1] += a[i] * b1;
        }
        a += MR;
        b += NR;
    }
    if (add) {
        CPU_UNROLL
        for (int i = 0; i < MR; i++) {
            acc[i][0] += vec_load(sums + i * stride);
            acc[i][1] += vec_load(sums + i * stride + CPU_LANES);
        }
    }
    CPU_UNROLL
    for (int i = 0; i < MR; i++) {
        vec_store(sums + i * stride, acc[i][0]);
        vec_store(sums + i * stride + CPU_LANES, acc[i][1]);
    }
}

const struct cpu_engine cpu_engine_f32 = {
    .mr = MR,
    .nr = NR,
    .kc = KC,
    .step = 1,
    .bytes = 4,
    .task_rows = CPU_TASK_ROWS,
    .task_columns = CPU_TASK_COLUMNS,
    .pack_a = pack_a,
    .pack_b = pack_b,
    .multiply = multiply,
};
