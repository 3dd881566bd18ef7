/* SPDX-License-Identifier: Apache-2.0 */
/* The engine of AMX: tdpbf16ps multiplies a register of 16 rows of A by 32 steps of K with one of
 * 32 steps by 16 columns of B. A tile of C is 2 x 2 registers:
 *
 *                         b0      b1        a panel of B: for each 32 steps b0 and b1, each 16 rows
 *     A's 32 rows  a0   | acc00 acc01       (pairs of steps) of 16 columns' pairs; a panel of A:
 *                  a1   | acc10 acc11       a0 and a1, each 16 rows of 16 pairs. 1 KiB each. */
#include "compute/cpu/cpu_pack_bf16.h"

#include <immintrin.h>

enum { MR = 32, NR = 32, KC = 512, STEP = 32, SIDE = 16, PAIRS = 16, ROW_BYTES = 64 };

/* Both halves of a panel's next 32 steps of K. */
struct chunk {
    uint32_t half[2][SIDE][PAIRS];
};

static void turn(uint32_t (*half)[PAIRS])
{
    uint32_t from[SIDE][PAIRS];
    memcpy(from, half, sizeof from);
    for (int p = 0; p < PAIRS; p += 4)
        for (int l = 0; l < SIDE; l += 4)
            transpose_4x4(&from[p][l], ROW_BYTES, &half[l][p], ROW_BYTES);
}

/* Lines whose pairs of K lie side by side, into rows of a line's pairs. */
static void copy_lines(const struct cpu_operand *from, int64_t line, int64_t k0, int64_t kc,
                       uint32_t (*half)[PAIRS])
{
    const uint16_t *x = (const uint16_t *)from->x + line * from->line_stride + k0;
    const int64_t lines = cpu_smaller(SIDE, from->lines - line);
    for (int64_t l = 0; l < lines; l++) memcpy(half[l], x + l * from->line_stride, 2 * (size_t)kc);
}

/* By lines: rows are lines, as for A; else rows are pairs of steps, as for B. */
static inline void pack(const struct cpu_operand *from, int64_t line, int64_t k0, int64_t kc,
                        struct chunk *chunk, bool by_lines)
{
    for (int64_t k = 0; k < kc; k += STEP, chunk++)
        for (int h = 0; h < 2; h++) {
            const int64_t first = line + h * SIDE, steps = cpu_smaller(STEP, kc - k);
            if (first >= from->lines) {
                memset(chunk->half[h], 0, sizeof chunk->half[h]);
            } else if (by_lines && from->line_stride != 1) {
                if (steps < STEP || from->lines - first < SIDE)
                    memset(chunk->half[h], 0, sizeof chunk->half[h]);
                copy_lines(from, first, k0 + k, steps, chunk->half[h]);
            } else {
                pack_units(from, first, k0 + k, steps, PAIRS, chunk->half[h][0], SIDE);
                if (by_lines) turn(chunk->half[h]);
            }
        }
}

static void pack_a(const struct cpu_operand *a, int64_t line, int64_t k0, int64_t kc, void *panel)
{
    pack(a, line, k0, kc, panel, true);
}

static void pack_b(const struct cpu_operand *b, int64_t line, int64_t k0, int64_t kc, void *panel)
{
    pack(b, line, k0, kc, panel, false);
}

static void begin(void)
{
    static const struct {
        uint8_t palette, start_row, reserved[14];
        uint16_t row_bytes[16];
        uint8_t rows[16];
    } registers = {.palette = 1,
                   .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64},
                   .rows = {SIDE, SIDE, SIDE, SIDE, SIDE, SIDE, SIDE, SIDE}};
    _tile_loadconfig(&registers);
}

static void end(void)
{
    _tile_release();
}

static void multiply(const void *panel_a, const void *panel_b, int64_t kc, float *sums,
                     int64_t stride, bool add)
{
    const struct chunk *a = panel_a, *b = panel_b;
    float *const lower = sums + SIDE * stride;
    const int64_t bytes = stride * (int64_t)sizeof *sums;
    if (add) {
        _tile_loadd(0, sums, bytes);
        _tile_loadd(1, sums + SIDE, bytes);
        _tile_loadd(2, lower, bytes);
        _tile_loadd(3, lower + SIDE, bytes);
    } else {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
    }
    for (int64_t k = 0; k < kc; k += STEP, a++, b++) {
        _tile_loadd(4, a->half[0], ROW_BYTES);
        _tile_loadd(6, b->half[0], ROW_BYTES);
        _tile_loadd(7, b->half[1], ROW_BYTES);
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_loadd(5, a->half[1], ROW_BYTES);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    _tile_stored(0, sums, bytes);
    _tile_stored(1, sums + SIDE, bytes);
    _tile_stored(2, lower, bytes);
    _tile_stored(3, lower + SIDE, bytes);
}

const struct cpu_engine cpu_engine_bf16_amx = {
    .mr = MR,
    .nr = NR,
    .kc = KC,
    .step = STEP,
    .bytes = 2,
    .task_rows = 8 * MR,
    .task_columns = 8 * NR,
    .begin = begin,
    .end = end,
    .pack_a = pack_a,
    .pack_b = pack_b,
    .multiply = multiply,
};
