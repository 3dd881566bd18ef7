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
#include "compute/cpu/cpu_vector.h"

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

/* Whether a finished sum is what C gets. */
static bool is_plain(const struct cpu_product *g)
{
    return clb_type_stored(g->c_type) == CLB_F32 && !g->pre && !g->bias && !g->saved &&
           g->activation == CLB_ACTIVATION_NONE;
}

/* A tile of C, or what of it lies within C, and its sums: rows by the stride. */
struct tile {
    float *sums;
    int64_t stride, row, column, rows, columns;
};

static inline struct tile tile_at(const struct cpu_product *g, const struct cpu_engine *e,
                                  float *sums, int64_t stride, int64_t row, int64_t column)
{
    return (struct tile){sums,
                         stride,
                         row,
                         column,
                         cpu_smaller(e->mr, g->m - row),
                         cpu_smaller(e->nr, g->n - column)};
}

/* Where row i of the tile lies in a matrix of C's shape. */
static inline void *row_in(const struct cpu_product *g, const struct tile *t, const void *matrix,
                           enum clb_type type, int64_t i)
{
    return cpu_element(matrix, type, (t->row + i) * g->c_row + t->column);
}

static inline void copy_row(float *to, const float *from)
{
    vec_store(to, vec_load(from));
    vec_store(to + CPU_LANES, vec_load(from + CPU_LANES));
}

static inline void put_row(void *to, enum clb_type type, const float *x, int64_t n)
{
    if (n == CPU_NR && clb_type_stored(type) == CLB_F32)
        copy_row(to, x);
    else
        cpu_narrow(to, type, x, n);
}

static inline void take_row(float *x, const void *from, enum clb_type type, int64_t n)
{
    if (n == CPU_NR && clb_type_stored(type) == CLB_F32)
        copy_row(x, from);
    else
        cpu_widen(x, from, type, n);
}

/* x [rows, columns], without gaps, into a matrix of C's shape. Rows of a whole tile are of a length
 * that the compiler knows, here and below. */
static void put_rows(const struct cpu_product *g, const struct tile *t, void *matrix,
                     enum clb_type type, const float *x)
{
    for (int64_t i = 0; i < t->rows; i++)
        if (t->columns == CPU_NR)
            put_row(row_in(g, t, matrix, type, i), type, x + i * CPU_NR, CPU_NR);
        else
            put_row(row_in(g, t, matrix, type, i), type, x + i * t->columns, t->columns);
}

/* Rows of a matrix of C's shape as x [rows, columns], `stride` apart. */
static void take_rows(const struct cpu_product *g, const struct tile *t, float *x, int64_t stride,
                      const void *matrix, enum clb_type type)
{
    for (int64_t i = 0; i < t->rows; i++)
        if (t->columns == CPU_NR)
            take_row(x + i * stride, row_in(g, t, matrix, type, i), type, CPU_NR);
        else
            take_row(x + i * stride, row_in(g, t, matrix, type, i), type, t->columns);
}

/* The sums and the bias, without gaps. */
static void add_bias(const struct cpu_product *g, const struct tile *t, float *x)
{
    const float *bias = g->bias ? g->bias + t->column : NULL;
    for (int64_t i = 0; i < t->rows; i++) {
        const float *from = t->sums + i * t->stride;
        float *to = x + i * t->columns;
        int64_t j = 0;
        for (; j + CPU_LANES <= t->columns; j += CPU_LANES)
            vec_store(to + j, bias ? vec_load(from + j) + vec_load(bias + j) : vec_load(from + j));
        for (; j < t->columns; j++) to[j] = bias ? from[j] + bias[j] : from[j];
    }
}

/* x times an activation's slope at what is saved, and the activation itself, where that is wanted.
 */
static void take_slope(const struct cpu_product *g, const struct tile *t, float *x)
{
    float saved[CPU_LARGEST_TILE];
    const int64_t n = t->rows * t->columns;
    take_rows(g, t, saved, t->columns, g->saved, g->saved_type);
    cpu_activate_backward(g->activation, x, saved, x, n);
    if (!g->input) return;
    cpu_activate(g->activation, saved, saved, n);
    put_rows(g, t, g->input, g->saved_type, saved);
}

/* C's numbers as sums to be added to. */
static void load_tile(const struct cpu_product *g, const struct tile *t)
{
    take_rows(g, t, t->sums, t->stride, g->c, g->c_type);
}

/* Finished sums, with what follows, into C. */
static void store_tile(const struct cpu_product *g, const struct tile *t)
{
    float x[CPU_LARGEST_TILE];
    add_bias(g, t, x);
    if (g->pre) put_rows(g, t, g->pre, g->pre_type, x);
    if (g->saved)
        take_slope(g, t, x);
    else if (g->activation != CLB_ACTIVATION_NONE)
        cpu_activate(g->activation, x, x, t->rows * t->columns);
    put_rows(g, t, g->c, g->c_type, x);
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
    float sums[CPU_MR * CPU_NR] __attribute__((aligned(64)));
    for (int64_t k0 = 0; k0 < g->k; k0 += CPU_KC) {
        const int64_t kc = cpu_smaller(CPU_KC, g->k - k0);
        const bool add = k0 > 0 || g->accumulate; /* a whole C lies in L2: sums go on from there */
        float *packed_a = scratch, *packed_b = scratch + cpu_round_up(g->m, CPU_MR) * kc;
        for (int64_t i = 0; i < g->m; i += CPU_MR) e->pack_a(&a, i, k0, kc, packed_a + i * kc);
        for (int64_t j = 0; j < g->n; j += CPU_NR) e->pack_b(&b, j, k0, kc, packed_b + j * kc);
        for (int64_t j = 0; j < g->n; j += CPU_NR)
            for (int64_t i = 0; i < g->m; i += CPU_MR) {
                const struct tile t = tile_at(g, e, sums, CPU_NR, i, j);
                if (add) load_tile(g, &t);
                e->multiply(packed_a + i * kc, packed_b + j * kc, kc, sums, CPU_NR, add);
                store_tile(g, &t);
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
    int64_t down, across; /* panels of A, of B */
    bool has_a, has_b;    /* packed already */
};

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
    return panel_at(b, b->packed_a, b->down * b->e->mr, row - b->row0, k, kc);
}

static char *panel_b(const struct block *b, int64_t column, int64_t k, int64_t kc)
{
    return panel_at(b, b->packed_b, b->across * b->e->nr, column - b->column0, k, kc);
}

/* First the panels of B, then those of A. Neighbours go before the next steps of K: they may share
 * cache lines and pages. */
static void pack_panels(const void *context, int64_t begin, int64_t end, int thread)
{
    const struct block *b = context;
    const struct cpu_engine *e = b->e;
    const struct cpu_operand from_a = operand_a(b->g), from_b = operand_b(b->g);
    const int64_t across = b->has_b ? 0 : b->across;
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
                struct tile t = tile_at(g, e, sums, e->nr, i, j);
                const bool in_c = plain && t.rows == e->mr && t.columns == e->nr;
                if (in_c)
                    t.sums = (float *)g->c + i * g->c_row + j, t.stride = g->c_row;
                else if (!at_once)
                    t.sums += (i - row) * e->task_columns + (j - column),
                        t.stride = e->task_columns;
                if (add && k == b->k0 && !in_c) load_tile(g, &t);
                e->multiply(panel_a(b, i, k, steps), panel_b(b, j, k, steps), steps, t.sums,
                            t.stride, add || k > b->k0);
                if (k + kc == b->k_end && !in_c) store_tile(g, &t);
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
                b.down = (b.row_end - b.row0 + e->mr - 1) / e->mr;
                b.across = (b.column_end - b.column0 + e->nr - 1) / e->nr;
                b.has_a = b.column0 > 0;
                b.has_b = b.row0 > 0 && columns == g->n;
                const int64_t panels = (b.has_b ? 0 : b.across) + (b.has_a ? 0 : b.down);
                cpu_parallel(device, panels, 0, pack_panels, &b);
                cpu_parallel(device, tasks_down(&b) * tasks_across(&b), 1, multiply_tasks, &b);
            }
    return CLB_OK;
}
