/* SPDX-License-Identifier: Apache-2.0 */
/* Products C [m, n] = A [m, k] B [k, n], after GotoBLAS and BLIS. Both operands are packed into
 * panels that the register tile of an engine (cpu_engine.h) reads straight through.
 *
 *   for DEEP steps of K, rows of C and columns of C, as many of each as cpu_packed_bytes have
 *   room for:
 *     all threads pack A and B:       for each KC steps of K: panels of MR rows, of NR columns
 *     tasks, each a block of C, task_rows x task_columns, with its sums in the thread's scratch:
 *       for KC steps of K             (panels of A in L2, one panel of B in L1):
 *         for each tile MR x NR:      the engine adds to its sums; after the last steps bias and
 *                                     activation follow, and the tile is put into C, while in L1
 *
 * Each element of C is summed over K in one order, block after block, whoever computes it: the same
 * bits for any number of threads. A reduced C is rounded once, from the whole sum. */
#include "compute/cpu/cpu_engine.h"
#include "compute/cpu/cpu_kernels.h"
#include "compute/cpu/cpu_types.h"

/* DEEP is whole KCs of every engine. */
enum { DEEP = 1024 };

static struct cpu_operand operand_a(const struct cpu_product *g)
{
    return (struct cpu_operand){g->a, g->operands, g->m, g->a_row, g->a_column};
}

static struct cpu_operand operand_b(const struct cpu_product *g)
{
    return (struct cpu_operand){g->b, g->operands, g->n, g->b_column, g->b_row};
}

/* ---- from sums to C ---- */

typedef void visit_row(const struct cpu_product *g, float *x, int64_t at, int64_t column,
                       int64_t columns);

/* C's numbers as sums to be added to. */
static inline void load_row(const struct cpu_product *g, float *x, int64_t at, int64_t column,
                            int64_t columns)
{
    (void)column;
    cpu_widen(x, cpu_element(g->c, g->c_type, at), g->c_type, columns);
}

/* An activation's slope at what is saved, and the activation itself, where that is wanted. */
static inline void take_slope(const struct cpu_product *g, float *x, int64_t at, int64_t columns)
{
    float saved[CPU_WIDEST_TILE];
    cpu_widen(saved, cpu_element(g->saved, g->saved_type, at), g->saved_type, columns);
    cpu_activate_backward(g->activation, x, saved, x, columns);
    if (!g->input) return;
    cpu_activate(g->activation, saved, saved, columns);
    cpu_narrow(cpu_element(g->input, g->saved_type, at), g->saved_type, saved, columns);
}

/* Finished sums, with what follows, into C. They are used up. */
static inline void store_row(const struct cpu_product *g, float *x, int64_t at, int64_t column,
                             int64_t columns)
{
    if (g->bias)
        for (int64_t j = 0; j < columns; j++) x[j] += g->bias[column + j];
    if (g->pre) cpu_narrow(cpu_element(g->pre, g->pre_type, at), g->pre_type, x, columns);
    if (g->saved)
        take_slope(g, x, at, columns);
    else if (g->activation != CLB_ACTIVATION_NONE)
        cpu_activate(g->activation, x, x, columns);
    cpu_narrow(cpu_element(g->c, g->c_type, at), g->c_type, x, columns);
}

/* A tile's rows within C; whole ones are of a size that the compiler knows. */
static inline __attribute__((always_inline)) void
visit_tile(const struct cpu_product *g, const struct cpu_engine *e, float *sums, int64_t stride,
           int64_t row, int64_t column, visit_row *visit)
{
    const int64_t rows = cpu_smaller(e->mr, g->m - row);
    const int64_t columns = cpu_smaller(e->nr, g->n - column);
    for (int64_t i = 0; i < rows; i++) {
        const int64_t at = (row + i) * g->c_row + column;
        if (columns == CPU_NR)
            visit(g, sums + i * stride, at, column, CPU_NR);
        else
            visit(g, sums + i * stride, at, column, columns);
    }
}

static void load_tile(const struct cpu_product *g, const struct cpu_engine *e, float *sums,
                      int64_t stride, int64_t row, int64_t column)
{
    visit_tile(g, e, sums, stride, row, column, load_row);
}

static void store_tile(const struct cpu_product *g, const struct cpu_engine *e, float *sums,
                       int64_t stride, int64_t row, int64_t column)
{
    visit_tile(g, e, sums, stride, row, column, store_row);
}

/* ---- by one thread, in fp32 ---- */

int64_t cpu_gemm_scratch(int64_t m, int64_t n, int64_t k)
{
    return (cpu_round_up(m, CPU_MR) + cpu_round_up(n, CPU_NR)) * cpu_smaller(k, CPU_KC);
}

void cpu_gemm_serial(const struct cpu_product *g, float *scratch)
{
    const struct cpu_engine *e = &cpu_engine_f32;
    const struct cpu_operand a = operand_a(g), b = operand_b(g);
    float tile[CPU_MR * CPU_NR] __attribute__((aligned(64)));
    for (int64_t k0 = 0; k0 < g->k; k0 += CPU_KC) {
        const int64_t kc = cpu_smaller(CPU_KC, g->k - k0);
        const bool add = k0 > 0 || g->accumulate; /* a whole C lies in L2: sums go on from there */
        float *packed_a = scratch, *packed_b = scratch + cpu_round_up(g->m, CPU_MR) * kc;
        for (int64_t i = 0; i < g->m; i += CPU_MR) e->pack_a(&a, i, k0, kc, packed_a + i * kc);
        for (int64_t j = 0; j < g->n; j += CPU_NR) e->pack_b(&b, j, k0, kc, packed_b + j * kc);
        for (int64_t j = 0; j < g->n; j += CPU_NR)
            for (int64_t i = 0; i < g->m; i += CPU_MR) {
                if (add) load_tile(g, e, tile, CPU_NR, i, j);
                e->multiply(packed_a + i * kc, packed_b + j * kc, kc, tile, CPU_NR, add);
                store_tile(g, e, tile, CPU_NR, i, j);
            }
    }
}

/* ---- by all threads ---- */

struct block { /* what is packed at once */
    const struct cpu_product *g;
    const struct cpu_engine *e;
    char *packed_a, *packed_b;
    float *sums; /* [threads] of a task */
    int64_t row0, row_end, column0, column_end, k0, k_end;
    bool has_a, has_b; /* packed already */
};

static int64_t panels_down(const struct block *b)
{
    return (b->row_end - b->row0 + b->e->mr - 1) / b->e->mr;
}

static int64_t panels_across(const struct block *b)
{
    return (b->column_end - b->column0 + b->e->nr - 1) / b->e->nr;
}

static int64_t panels_to_pack(const struct block *b)
{
    return (b->has_b ? 0 : panels_across(b)) + (b->has_a ? 0 : panels_down(b));
}

static int64_t packed_steps(const struct cpu_engine *e, int64_t steps)
{
    return cpu_round_up(steps, e->step);
}

/* Where the panel of `line` (of mr or nr lines) begins, for the steps from k. All panels of the
 * steps before k lie before it; `kc` as packed. */
static char *panel_at(const struct block *b, char *packed, int64_t lines_packed, int64_t line,
                      int64_t k, int64_t kc)
{
    return packed + ((k - b->k0) * lines_packed + line * kc) * b->e->bytes;
}

static char *panel_a(const struct block *b, int64_t row, int64_t k, int64_t kc)
{
    return panel_at(b, b->packed_a, panels_down(b) * b->e->mr, row - b->row0, k, kc);
}

static char *panel_b(const struct block *b, int64_t column, int64_t k, int64_t kc)
{
    return panel_at(b, b->packed_b, panels_across(b) * b->e->nr, column - b->column0, k, kc);
}

/* First the panels of B, then those of A. Neighbours go before the next steps of K: they may share
 * cache lines and pages. */
static void pack_panels(const void *context, int64_t begin, int64_t end, int thread)
{
    const struct block *b = context;
    const struct cpu_engine *e = b->e;
    const struct cpu_operand from_a = operand_a(b->g), from_b = operand_b(b->g);
    const int64_t across = b->has_b ? 0 : panels_across(b);
    (void)thread;
    for (int64_t k = b->k0; k < b->k_end; k += e->kc) {
        const int64_t kc = cpu_smaller(e->kc, b->k_end - k), steps = packed_steps(e, kc);
        for (int64_t panel = begin; panel < end; panel++) {
            const int64_t row = b->row0 + (panel - across) * e->mr;
            const int64_t column = b->column0 + panel * e->nr;
            if (panel < across)
                e->pack_b(&from_b, column, k, kc, panel_b(b, column, k, steps));
            else
                e->pack_a(&from_a, row, k, kc, panel_a(b, row, k, steps));
        }
    }
}

/* Whether a finished sum is what C gets. */
static bool is_plain(const struct cpu_product *g)
{
    return clb_type_stored(g->c_type) == CLB_F32 && !g->pre && !g->bias &&
           g->activation == CLB_ACTIVATION_NONE;
}

/* Where a tile's sums are made. */
struct place {
    float *sums;
    int64_t stride;
    bool in_c; /* C's own numbers: nothing to load or store */
};

/* Rows [row, row_end) of C by columns [column, column_end). Sums that are whole after one go are
 * made in C itself, if they may be, or else in one tile's place, in L1. */
static void multiply_task(const struct block *b, int64_t row, int64_t row_end, int64_t column,
                          int64_t column_end, float *sums)
{
    const struct cpu_product *g = b->g;
    const struct cpu_engine *e = b->e;
    const bool at_once = b->k_end - b->k0 <= e->kc, add = b->k0 > 0 || g->accumulate;
    const bool plain = at_once && is_plain(g);
    for (int64_t k = b->k0; k < b->k_end; k += e->kc) {
        const int64_t kc = cpu_smaller(e->kc, b->k_end - k), steps = packed_steps(e, kc);
        for (int64_t j = column; j < column_end; j += e->nr)
            for (int64_t i = row; i < row_end; i += e->mr) {
                struct place to = {sums + (i - row) * e->task_columns + (j - column),
                                   e->task_columns, false};
                if (at_once) to = (struct place){sums, e->nr, false};
                if (plain && i + e->mr <= row_end && j + e->nr <= column_end)
                    to = (struct place){(float *)g->c + i * g->c_row + j, g->c_row, true};
                if (add && k == b->k0 && !to.in_c) load_tile(g, e, to.sums, to.stride, i, j);
                e->multiply(panel_a(b, i, k, steps), panel_b(b, j, k, steps), steps, to.sums,
                            to.stride, add || k > b->k0);
                if (k + kc == b->k_end && !to.in_c) store_tile(g, e, to.sums, to.stride, i, j);
            }
    }
}

static int64_t tasks_across(const struct block *b)
{
    return (b->column_end - b->column0 + b->e->task_columns - 1) / b->e->task_columns;
}

static int64_t tasks_down(const struct block *b)
{
    return (b->row_end - b->row0 + b->e->task_rows - 1) / b->e->task_rows;
}

static void multiply_tasks(const void *context, int64_t begin, int64_t end, int thread)
{
    const struct block *b = context;
    const struct cpu_engine *e = b->e;
    const int64_t across = tasks_across(b);
    if (e->begin) e->begin();
    for (int64_t task = begin; task < end; task++) {
        const int64_t i = b->row0 + task / across * e->task_rows;
        const int64_t j = b->column0 + task % across * e->task_columns;
        multiply_task(b, i, cpu_smaller(i + e->task_rows, b->row_end), j,
                      cpu_smaller(j + e->task_columns, b->column_end),
                      b->sums + (int64_t)thread * e->task_rows * e->task_columns);
    }
    if (e->end) e->end();
}

/* Lines that there is room for: whole tasks, at least one. */
static int64_t lines_at_once(const struct cpu_engine *e, int64_t room, int64_t lines, int64_t steps,
                             int task)
{
    const int64_t tasks = room / (packed_steps(e, steps) * e->bytes * task);
    return cpu_smaller(lines, (tasks > 1 ? tasks : 1) * task);
}

/* Room for panels of `lines` lines, of the engine's width. */
static int64_t packed_floats(const struct cpu_engine *e, int64_t lines, int64_t steps, int width)
{
    return cpu_round_up(lines, width) * packed_steps(e, steps) * e->bytes / 4;
}

enum clb_status cpu_gemm(struct clb_device *device, const struct cpu_product *g)
{
    const struct cpu_engine *bf16 = ((const struct cpu_device *)device)->bf16_engine;
    const struct cpu_engine *e = g->operands == CLB_BF16 && bf16 ? bf16 : &cpu_engine_f32;
    /* What is left of an earlier part of K must not have been finished. */
    const int64_t deep = is_plain(g) ? cpu_smaller(g->k, DEEP) : g->k;
    if (g->m == 0 || g->n == 0 || g->k == 0) return CLB_OK;
    const int64_t room = cpu_packed_bytes(cpu_threads(device));
    const int64_t rows = lines_at_once(e, room, g->m, deep, e->task_rows);
    const int64_t columns = lines_at_once(e, room, g->n, deep, e->task_columns);
    struct block b = {.g = g, .e = e};
    b.packed_a =
        (char *)cpu_workspace(device, CPU_WORKSPACE_A, packed_floats(e, rows, deep, e->mr));
    b.packed_b =
        (char *)cpu_workspace(device, CPU_WORKSPACE_B, packed_floats(e, columns, deep, e->nr));
    b.sums = cpu_workspace(device, CPU_WORKSPACE_THREADS,
                           (int64_t)cpu_threads(device) * e->task_rows * e->task_columns);
    if (!b.packed_a || !b.packed_b || !b.sums) return CLB_ERROR_MEMORY;
    for (b.k0 = 0; b.k0 < g->k; b.k0 += deep)
        for (b.row0 = 0; b.row0 < g->m; b.row0 += rows)
            for (b.column0 = 0; b.column0 < g->n; b.column0 += columns) {
                b.k_end = cpu_smaller(b.k0 + deep, g->k);
                b.row_end = cpu_smaller(b.row0 + rows, g->m);
                b.column_end = cpu_smaller(b.column0 + columns, g->n);
                b.has_a = b.column0 > 0;
                b.has_b = b.row0 > 0 && columns == g->n;
                cpu_parallel(device, panels_to_pack(&b), 0, pack_panels, &b);
                cpu_parallel(device, tasks_down(&b) * tasks_across(&b), 1, multiply_tasks, &b);
            }
    return CLB_OK;
}
