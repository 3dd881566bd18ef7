/* SPDX-License-Identifier: Apache-2.0 */
/* Products C [m, n] = A [m, k] B [k, n], after GotoBLAS and BLIS. Both operands are packed into
 * panels that the register tile reads straight through; block sizes: cpu_isa.h.
 *
 *   for MC rows and NC columns of C, and KC steps of K:
 *     all threads pack A and B:         A: panels [KC][MR]        B: panels [KC][NR]
 *     tasks, TASK_ROWS x TASK_COLUMNS of C (panels of A in L2, one panel of B in L1):
 *       for each tile MR x NR:
 *
 *                                 b0  b1     a panel's NR numbers, for each of KC steps
 *             A's MR    a[0]    | acc acc    2 MR sums in registers: acc[i] += a[i] * b
 *             numbers   a[1]    | acc acc
 *                       ...     | ... ...
 *
 *       the first block of K overwrites C (or adds), later ones add, the last adds bias and applies
 *       the activation while the tile is in L1
 *
 * Panels are filled up with zeros past the edges of A and B. Each element of C is summed over K in
 * one order, block after block, whoever computes it: the same bits for any number of threads. */
#include "compute/cpu/cpu_kernels.h"
#include "compute/cpu/cpu_vector.h"

enum {
    MR = CPU_MR,
    NR = CPU_NR,
    KC = CPU_KC,
    TASK_ROWS = CPU_TASK_ROWS,
    TASK_COLUMNS = CPU_TASK_COLUMNS,
    MC = CPU_MC,
    NC = CPU_NC
};

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t round_up(int64_t n, int64_t unit)
{
    return (n + unit - 1) / unit * unit;
}

/* ---- packing ---- */

typedef float four __attribute__((vector_size(16)));

/* to[c * to_row + r] = from[r * from_row + c] for 4 x 4. */
static inline void transpose_4x4(const float *from, int64_t from_row, float *to, int64_t to_row)
{
    four r[4], low01, high01, low23, high23;
    for (int i = 0; i < 4; i++) memcpy(&r[i], from + i * from_row, sizeof r[i]);
    low01 = __builtin_shufflevector(r[0], r[1], 0, 4, 1, 5);
    high01 = __builtin_shufflevector(r[0], r[1], 2, 6, 3, 7);
    low23 = __builtin_shufflevector(r[2], r[3], 0, 4, 1, 5);
    high23 = __builtin_shufflevector(r[2], r[3], 2, 6, 3, 7);
    r[0] = __builtin_shufflevector(low01, low23, 0, 1, 4, 5);
    r[1] = __builtin_shufflevector(low01, low23, 2, 3, 6, 7);
    r[2] = __builtin_shufflevector(high01, high23, 0, 1, 4, 5);
    r[3] = __builtin_shufflevector(high01, high23, 2, 3, 6, 7);
    for (int i = 0; i < 4; i++) memcpy(to + i * to_row, &r[i], sizeof r[i]);
}

/* `lines` strided lines of kc contiguous floats, line l from + l * stride, become out[p * width +
 * l]. Fours of lines by transposition; a last four may overlap the one before it. */
static inline void pack_lines(const float *from, int64_t stride, int64_t lines, int64_t kc,
                              float *out, int width)
{
    const int64_t deep = lines >= 4 ? kc / 4 * 4 : 0;
    for (int64_t p = 0; p < deep; p += 4)
        for (int64_t l = 0; l < lines; l += 4) {
            const int64_t at = smaller(l, lines - 4);
            transpose_4x4(from + at * stride + p, stride, out + p * width + at, width);
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

static inline void pack_panel(const float *from, int64_t line_stride, int64_t depth_stride,
                              int64_t lines, int64_t kc, float *out, int width)
{
    if (line_stride == 1)
        pack_rows(from, depth_stride, lines, kc, out, width);
    else
        pack_lines(from, line_stride, lines, kc, out, width);
    for (int64_t p = 0; p < kc && lines < width; p++)
        for (int64_t l = lines; l < width; l++) out[p * width + l] = 0.0f;
}

/* Panel of rows of A: out[p * MR + i], zero beyond m. */
static void pack_a_panel(const struct cpu_product *g, int64_t row, int64_t k0, int64_t kc,
                         float *out)
{
    pack_panel(g->a + row * g->a_row + k0 * g->a_column, g->a_row, g->a_column,
               smaller(MR, g->m - row), kc, out, MR);
}

/* Panel of columns of B: out[p * NR + j], zero beyond n. */
static void pack_b_panel(const struct cpu_product *g, int64_t column, int64_t k0, int64_t kc,
                         float *out)
{
    pack_panel(g->b + column * g->b_column + k0 * g->b_row, g->b_column, g->b_row,
               smaller(NR, g->n - column), kc, out, NR);
}

/* ---- the register tile ---- */

/* tile[MR][NR] = panel of A times panel of B. */
static void multiply_tile(const float *a, const float *b, int64_t kc, float *tile)
{
    cpu_vec acc[MR][2];
    CPU_UNROLL
    for (int i = 0; i < MR; i++) acc[i][0] = acc[i][1] = (cpu_vec){0};
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
    CPU_UNROLL
    for (int i = 0; i < MR; i++) {
        vec_store(tile + i * NR, acc[i][0]);
        vec_store(tile + i * NR + CPU_LANES, acc[i][1]);
    }
}

/* Puts a tile into C: the first block of K overwrites or adds, the last finishes. */
static void store_tile(const struct cpu_product *g, const float *tile, int64_t row, int64_t column,
                       bool first, bool last)
{
    const int64_t rows = smaller(MR, g->m - row), columns = smaller(NR, g->n - column);
    const bool add = !first || g->accumulate;
    for (int64_t i = 0; i < rows; i++) {
        float *c = g->c + (row + i) * g->c_row + column;
        const float *t = tile + i * NR;
        if (add)
            for (int64_t j = 0; j < columns; j++) c[j] += t[j];
        else
            memcpy(c, t, (size_t)columns * sizeof *c);
        if (!last) continue;
        if (g->bias)
            for (int64_t j = 0; j < columns; j++) c[j] += g->bias[column + j];
        if (g->activation == CLB_ACTIVATION_NONE) continue;
        if (g->pre) memcpy(g->pre + (row + i) * g->c_row + column, c, (size_t)columns * sizeof *c);
        cpu_activate(g->activation, c, c, columns);
    }
}

/* Rows [row, row_end) of C by columns [column, column_end), from packed panels. */
static void multiply_block(const struct cpu_product *g, const float *packed_a,
                           const float *packed_b, int64_t row0, int64_t column0, int64_t row,
                           int64_t row_end, int64_t column, int64_t column_end, int64_t k0,
                           int64_t kc)
{
    float tile[MR * NR] __attribute__((aligned(64)));
    const bool first = k0 == 0, last = k0 + kc == g->k;
    for (int64_t j = column; j < column_end; j += NR)
        for (int64_t i = row; i < row_end; i += MR) {
            multiply_tile(packed_a + (i - row0) * kc, packed_b + (j - column0) * kc, kc, tile);
            store_tile(g, tile, i, j, first, last);
        }
}

/* ---- by one thread ---- */

int64_t cpu_gemm_scratch(int64_t m, int64_t n, int64_t k)
{
    int64_t kc = smaller(k, KC);
    return (round_up(m, MR) + round_up(n, NR)) * kc;
}

void cpu_gemm_serial(const struct cpu_product *g, float *scratch)
{
    for (int64_t k0 = 0; k0 < g->k; k0 += KC) {
        const int64_t kc = smaller(KC, g->k - k0);
        float *packed_a = scratch, *packed_b = scratch + round_up(g->m, MR) * kc;
        for (int64_t i = 0; i < g->m; i += MR) pack_a_panel(g, i, k0, kc, packed_a + i * kc);
        for (int64_t j = 0; j < g->n; j += NR) pack_b_panel(g, j, k0, kc, packed_b + j * kc);
        multiply_block(g, packed_a, packed_b, 0, 0, 0, g->m, 0, g->n, k0, kc);
    }
}

/* ---- by all threads ---- */

struct block { /* what is packed at once */
    const struct cpu_product *g;
    float *packed_a, *packed_b;
    int64_t row0, row_end, column0, column_end, k0, kc;
};

static int64_t panels_across(const struct block *b)
{
    return (b->column_end - b->column0 + NR - 1) / NR;
}

static int64_t panels_down(const struct block *b)
{
    return (b->row_end - b->row0 + MR - 1) / MR;
}

/* First the panels of B, then those of A. */
static void pack_panels(const void *context, int64_t begin, int64_t end, int thread)
{
    const struct block *b = context;
    const int64_t across = panels_across(b);
    (void)thread;
    for (int64_t j = begin; j < end && j < across; j++)
        pack_b_panel(b->g, b->column0 + j * NR, b->k0, b->kc, b->packed_b + j * NR * b->kc);
    for (int64_t i = begin < across ? 0 : begin - across; i < end - across; i++)
        pack_a_panel(b->g, b->row0 + i * MR, b->k0, b->kc, b->packed_a + i * MR * b->kc);
}

static int64_t tasks_across(const struct block *b)
{
    return (b->column_end - b->column0 + TASK_COLUMNS - 1) / TASK_COLUMNS;
}

static int64_t tasks_down(const struct block *b)
{
    return (b->row_end - b->row0 + TASK_ROWS - 1) / TASK_ROWS;
}

static void multiply_tasks(const void *context, int64_t begin, int64_t end, int thread)
{
    const struct block *b = context;
    const int64_t across = tasks_across(b);
    (void)thread;
    for (int64_t task = begin; task < end; task++) {
        const int64_t i = b->row0 + task / across * TASK_ROWS;
        const int64_t j = b->column0 + task % across * TASK_COLUMNS;
        multiply_block(b->g, b->packed_a, b->packed_b, b->row0, b->column0, i,
                       smaller(i + TASK_ROWS, b->row_end), j,
                       smaller(j + TASK_COLUMNS, b->column_end), b->k0, b->kc);
    }
}

enum clb_status cpu_gemm(struct clb_device *device, const struct cpu_product *g)
{
    const int64_t kc = smaller(g->k, KC);
    float *packed_a = cpu_workspace(device, CPU_WORKSPACE_A, smaller(round_up(g->m, MR), MC) * kc);
    float *packed_b = cpu_workspace(device, CPU_WORKSPACE_B, smaller(round_up(g->n, NR), NC) * kc);
    if (!packed_a || !packed_b) return CLB_ERROR_MEMORY;
    for (int64_t row0 = 0; row0 < g->m; row0 += MC)
        for (int64_t column0 = 0; column0 < g->n; column0 += NC)
            for (int64_t k0 = 0; k0 < g->k; k0 += KC) {
                const struct block b = {g,
                                        packed_a,
                                        packed_b,
                                        row0,
                                        smaller(row0 + MC, g->m),
                                        column0,
                                        smaller(column0 + NC, g->n),
                                        k0,
                                        smaller(KC, g->k - k0)};
                cpu_parallel(device, panels_across(&b) + panels_down(&b), 0, pack_panels, &b);
                cpu_parallel(device, tasks_down(&b) * tasks_across(&b), 1, multiply_tasks, &b);
            }
    return CLB_OK;
}
