/* SPDX-License-Identifier: Apache-2.0 */
/* Matrix products C [m, n] = A B, or C += A B, by the tiles of src/compute/opencl/ocl_tuning.c: a
 * program has the kernels of one of them. A and B lie as the operations have them (ocl_gemm.h):
 * element (i, k) at x[i * k_total + k] or, where k_major, at x[k * count + i]; count is m or n.
 *
 * Registers (CPUs; MR, NR), after GotoBLAS and BLIS: A and B are packed into panels, so that the
 * inner loop reads both straight through; a work-item has one tile of C in vector registers.
 *
 *                         B: n / NR panels of                for each k: 2 vectors of B,
 *                            NR numbers for each k           MR numbers of A, each times both:
 *                        | 0 | 1 | 2 | ...
 *                     ---+---+---+---+--                               b_left  b_right
 *    A: m / MR      0    |   |   |   |                       a[0]      left0   right0
 *       panels of   ---  +---+---+---+--                     a[1]      left1   right1
 *       MR numbers  1    |   |   | C |  MR x NR of             ...
 *       for each k  ---  +---+---+---+  work-item (1, 2)     a[MR-1]
 *
 *   NR          two vectors of TILE_LANES = NR / 2 floats, each a register: 16 or 8 lanes
 *   MR          2 MR + 3 registers: 14 of AVX-512's 32, 6 of AVX2's 16; EACH_ROW has a list of each
 *   PACK_CHUNK  steps of K that a work-item packs
 *   KC          (host) steps of K that are packed at once: C is read and written once for each
 *
 * Local memory (GPUs; MWG, NWG, KWG, MWI, KWI are CLBlast's names): a work-group has a tile
 * MWG x NWG of C, a work-item MWI x MWI of it in registers, and K comes KWG steps at a time:
 *
 *          b_tile [KWG][NWG]           MWI = 8: two float4 across, half a tile apart, and twice four
 *         +----------------+           rows down likewise, so that neighbours read neighbouring
 *         +----------------+           float4 of b_tile, and of a_tile the same.
 *   +--+  +----------------+           Each tile is there twice: while one pair is multiplied, the
 *   |  |  |   ##      ##   | 4 x 4     next KWG steps come from global memory into registers, and
 *   |  |  |                | four      from there into the other pair: one barrier for KWG steps.
 *   |  |  |                | times     Rows of the tiles are PAD longer, or the lanes that write
 *   |  |  |   ##      ##   | MWI = 8   one column would meet in the same bank.
 *   +--+  +----------------+           Local memory: 2 KWG (MWG + NWG + 2 PAD) floats.
 *   a_tile [KWG][MWG]                  Work-items: (MWG / MWI) (NWG / MWI).
 *
 *   A_K_MAJOR, B_K_MAJOR  how the operands lie, known to the compiler
 *   A_VECTOR, B_VECTOR    their rows are whole vectors of 4, aligned: one load
 *   KWI                   steps that are unrolled: more need more registers
 *
 * Where the tiles of C are fewer than a device has units, K is split: group (x, y, z) sums steps
 * z k_part .. (z + 1) k_part - 1 into a C of its own, and finish_product adds these in order of z.
 *
 * What follows the sums (epilogue.cl) is done on registers before they are stored, or, where K is
 * split and in register_product, by finish_product. SUMS: the groups of the first column of tiles also
 * add up the lines of A, a work-item one, as these come by in local memory.
 *
 * Types (types.cl): OPERANDS is that of A and B, RESULT that of C. Reduced numbers are widened, tf32
 * ones rounded, on their way into panels or local memory, and all that follows is fp32. A reduced C is rounded once:
 * what is done in blocks or parts of K is compiled for an fp32 C, and finish_product rounds the sum.
 *
 * Edges: panels are filled up with zeros; a tile repeats the last row or column instead, and its
 * last steps of K are counted. What lies outside of C is not stored. Every element of C is summed in
 * the order of k, by shape and device alone: the same bits every time. The rows of a register tile
 * are variables of their own, written out by EACH_ROW: an array may end up in memory. */
#if defined(MR) && defined(NR) && defined(PACK_CHUNK)
#if NR == 32
#define TILE_LANES 16
#elif NR == 16
#define TILE_LANES 8
#else
#error "NR is two vectors of 16 or 8"
#endif
typedef JOIN(float, TILE_LANES) tile_vec;
#define TILE_LOAD JOIN(vload, TILE_LANES)
#define TILE_STORE JOIN(vstore, TILE_LANES)
#define RESULT_LANES(name) JOIN(JOIN(RESULT, name), TILE_LANES)

#if MR == 14
#define EACH_ROW(X) \
    X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13)
#elif MR == 6
#define EACH_ROW(X) X(0) X(1) X(2) X(3) X(4) X(5)
#else
#error "EACH_ROW has no list of MR rows"
#endif

/* Panels [panel][k][width] at `offset`, of k_count columns from k_begin; rows past `count` are
 * zero. Work-item (chunk of k, panel). */
#define PACK(name, width)                                                                         \
    kernel void name(global float *to, long offset, const global operand *x, long count,          \
                     long k_total, long k_begin, long k_count, int k_major)                       \
    {                                                                                             \
        const long panel = (long)get_global_id(1), first = panel * width;                         \
        const long begin = (long)get_global_id(0) * PACK_CHUNK;                                   \
        const long end = min(begin + PACK_CHUNK, k_count), step = k_major ? 1 : k_total;          \
        const int have = (int)min((long)width, count - first);                                    \
        global float *out = to + offset + (panel * k_count + begin) * width;                      \
        x += k_major ? k_begin * count + first : first * k_total + k_begin;                       \
        for (long k = begin; k < end; k++, out += width) {                                        \
            const global operand *from = x + (k_major ? k * count : k);                           \
            if (have == width)                                                                    \
                for (int i = 0; i < width; i++) out[i] = operand_at(from + i * step);             \
            else                                                                                  \
                for (int i = 0; i < width; i++)                                                   \
                    out[i] = i < have ? operand_at(from + i * step) : 0.0f;                       \
        }                                                                                         \
    }
PACK(pack_rows, MR)
PACK(pack_columns, NR)

static inline void store_tile_row(tile_vec x, global result *c, long n, int accumulate)
{
    if (n >= TILE_LANES) {
        if (accumulate) x += RESULT_LANES(_widen)(TILE_LOAD(0, c));
        TILE_STORE(RESULT_LANES(_narrow)(x), 0, c);
        return;
    }
    float lanes[TILE_LANES];
    TILE_STORE(x, 0, lanes);
    for (int i = 0; i < n; i++)
        result_put(accumulate ? result_at(c + i) + lanes[i] : lanes[i], c + i);
}

/* One tile of C [m, n] from panels of A at 0 and of B at b_offset. */
kernel void register_product(global result *c, const global float *panels, long b_offset, long m,
                             long n, long k_count, int accumulate)
{
    const long row = (long)get_global_id(0) * MR, column = (long)get_global_id(1) * NR;
    const global float *a = panels + row * k_count, *b = panels + b_offset + column * k_count;
#define ZERO(r) tile_vec left##r = (tile_vec)(0.0f), right##r = (tile_vec)(0.0f);
    EACH_ROW(ZERO)
    for (long k = 0; k < k_count; k++, a += MR, b += NR) {
        const tile_vec b_left = TILE_LOAD(0, b), b_right = TILE_LOAD(1, b);
#define MULTIPLY(r)                                     \
    {                                                   \
        const tile_vec x = (tile_vec)(a[r]);            \
        left##r = fma(x, b_left, left##r);              \
        right##r = fma(x, b_right, right##r);           \
    }
        EACH_ROW(MULTIPLY)
    }
    global result *to = c + row * n + column;
    const long columns = n - column;
#define STORE_ROW(r)                                                                             \
    if (row + r < m) {                                                                           \
        store_tile_row(left##r, to + r * n, columns, accumulate);                                \
        if (columns > TILE_LANES)                                                                \
            store_tile_row(right##r, to + r * n + TILE_LANES, columns - TILE_LANES, accumulate); \
    }
    EACH_ROW(STORE_ROW)
}

#elif defined(MWG) && defined(NWG) && defined(KWG) && defined(KWI) && defined(A_K_MAJOR) && \
    defined(B_K_MAJOR) && defined(A_VECTOR) && defined(B_VECTOR)
#define MWI 8
#define ITEMS ((MWG / MWI) * (NWG / MWI))
#define ACROSS (NWG / MWI) /* work-items */
#define PAD 4              /* float4 stay aligned */
#define A_ROW (MWG + PAD)
#define B_ROW (NWG + PAD)
#define A_LOADS (MWG * KWG / 4 / ITEMS) /* float4 a work-item brings of each tile */
#define B_LOADS (NWG * KWG / 4 / ITEMS)
#if MWG % MWI || NWG % MWI || KWG % 4 || MWG * KWG / 4 % ITEMS || NWG * KWG / 4 % ITEMS
#error "work-items have 8 x 8 of the tile, and bring whole float4"
#endif
#if EPILOGUE == SUMS && ITEMS < MWG
#error "a work-item sums one line of A"
#endif

/* Four numbers of an operand for a tile: steps k .. k + 3 of line `line` (a row of A, a column of B),
 * or, k_major, lines line .. line + 3 of step k. Past an end the last ones are repeated. */
static inline float4 load_operand(const global operand *x, int line, int lines, int k, int k_total,
                                  int k_major, int vector)
{
    const int i = k_major ? line : k, end = k_major ? lines : k_total;
    x += k_major ? (long)min(k, k_total - 1) * lines : (long)min(line, lines - 1) * k_total;
    if (vector) return operand_load4(x + min(i, end - 4));
    return (float4)(operand_at(x + min(i, end - 1)), operand_at(x + min(i + 1, end - 1)),
                    operand_at(x + min(i + 2, end - 1)), operand_at(x + min(i + 3, end - 1)));
}

/* The e-th float4 of a tile of `side` lines that begins at `first` and k. Neighbours in memory are
 * brought by neighbouring work-items. */
static inline float4 bring(const global operand *x, int e, int side, int first, int lines, int k,
                           int k_total, int k_major, int vector)
{
    return k_major ? load_operand(x, first + e % (side / 4) * 4, lines, k + e / (side / 4), k_total,
                                  1, vector)
                   : load_operand(x, first + e / (KWG / 4), lines, k + e % (KWG / 4) * 4, k_total,
                                  0, vector);
}

INLINE void put(local float *tile, int e, int side, int k_major, float4 x)
{
    const int row = side + PAD;
    if (k_major) {
        LOCAL4(tile + e / (side / 4) * row + e % (side / 4) * 4) = x;
        return;
    }
    local float *to = tile + e % (KWG / 4) * 4 * row + e / (KWG / 4);
    to[0] = x.x;
    to[row] = x.y;
    to[2 * row] = x.z;
    to[3 * row] = x.w;
}

/* One step of K: left and right of each row of the work-item's 8 x 8. */
INLINE void multiply_step(float4 left[MWI], float4 right[MWI], const local float *a,
                          const local float *b)
{
    const float4 p = CONST_LOCAL4(a), q = CONST_LOCAL4(a + MWG / 2);
    const float4 b_left = CONST_LOCAL4(b), b_right = CONST_LOCAL4(b + NWG / 2);
    const float rows[MWI] = {p.x, p.y, p.z, p.w, q.x, q.y, q.z, q.w};
    UNROLL for (int i = 0; i < MWI; i++) {
        left[i] += rows[i] * b_left;
        right[i] += rows[i] * b_right;
    }
}

/* The first `count` of four numbers, or C += those. */
static inline void store_four(float4 x, global result *c, long count, int accumulate)
{
    if (accumulate) x += result_load_part(c, count);
    result_store_part(x, c, count);
}

/* What `steps` steps add to the sum of a line of A. */
INLINE float sum_steps(const local float *a_line, int steps)
{
    float sum = 0.0f;
    for (int d = 0; d < steps; d++) sum += a_line[d * A_ROW];
    return sum;
}

kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1))) void
local_product(global result *c, const global operand *a, const global operand *b, int m, int n,
              int k_total, int k_part, int accumulate EPILOGUE_PARAMETERS)
{
    local float a_tile[2][KWG * A_ROW] __attribute__((aligned(16)));
    local float b_tile[2][KWG * B_ROW] __attribute__((aligned(16)));
    const int lane = (int)get_local_id(0), x = lane % ACROSS * 4, y = lane / ACROSS * 4;
    const int row = (int)get_group_id(1) * MWG, column = (int)get_group_id(0) * NWG;
    const int part = (int)get_group_id(2), end = min((part + 1) * k_part, k_total);
    float4 left[MWI], right[MWI], next_a[A_LOADS], next_b[B_LOADS];
    UNROLL for (int i = 0; i < MWI; i++) left[i] = right[i] = (float4)(0.0f);

#if EPILOGUE == SUMS
    const int line = column == 0 && lane < MWG ? row + lane : m; /* m: none */
    float line_sum = 0.0f;
#endif

    int k = part * k_part, now = 0;
    UNROLL for (int i = 0; i < A_LOADS; i++)
        put(a_tile[0], lane + i * ITEMS, MWG, A_K_MAJOR,
            bring(a, lane + i * ITEMS, MWG, row, m, k, k_total, A_K_MAJOR, A_VECTOR));
    UNROLL for (int i = 0; i < B_LOADS; i++)
        put(b_tile[0], lane + i * ITEMS, NWG, B_K_MAJOR,
            bring(b, lane + i * ITEMS, NWG, column, n, k, k_total, B_K_MAJOR, B_VECTOR));
    barrier(CLK_LOCAL_MEM_FENCE);
    for (; k + KWG < end; k += KWG, now ^= 1) {
        const local float *a_now = a_tile[now] + y, *b_now = b_tile[now] + x;
        UNROLL for (int i = 0; i < A_LOADS; i++)
            next_a[i] = bring(a, lane + i * ITEMS, MWG, row, m, k + KWG, k_total, A_K_MAJOR,
                              A_VECTOR);
        UNROLL for (int i = 0; i < B_LOADS; i++)
            next_b[i] = bring(b, lane + i * ITEMS, NWG, column, n, k + KWG, k_total, B_K_MAJOR,
                              B_VECTOR);
        UNROLL_BY(KWI) for (int d = 0; d < KWG; d++)
            multiply_step(left, right, a_now + d * A_ROW, b_now + d * B_ROW);
#if EPILOGUE == SUMS
        if (line < m) line_sum += sum_steps(a_tile[now] + lane, KWG);
#endif
        UNROLL for (int i = 0; i < A_LOADS; i++)
            put(a_tile[now ^ 1], lane + i * ITEMS, MWG, A_K_MAJOR, next_a[i]);
        UNROLL for (int i = 0; i < B_LOADS; i++)
            put(b_tile[now ^ 1], lane + i * ITEMS, NWG, B_K_MAJOR, next_b[i]);
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    const local float *a_now = a_tile[now] + y, *b_now = b_tile[now] + x;
    UNROLL_BY(1) for (int d = 0; d < end - k; d++)
        multiply_step(left, right, a_now + d * A_ROW, b_now + d * B_ROW);

#if EPILOGUE == SUMS
    const int splits = (int)get_num_groups(2);
    if (line < m) {
        global float *to = splits > 1 ? c + (long)splits * m * n + (long)part * m : sums;
        line_sum += sum_steps(a_tile[now] + lane, end - k);
        to[line] = accumulate ? to[line] + line_sum : line_sum;
    }
#endif
    const int across = column + x;
    const float4 bias_left = EPILOGUE_BIAS(across, (long)n - across);
    const float4 bias_right = EPILOGUE_BIAS(across + NWG / 2, (long)n - across - NWG / 2);
    c += (long)part * m * n;
    EPILOGUE_UNROLL for (int i = 0; i < MWI; i++) {
        const int r = row + y + i % 4 + i / 4 * (MWG / 2);
        const long columns = r < m ? (long)n - across : 0;
        const long at = (long)r * n + across;
        store_four(epilogue_take(left[0], bias_left, at, columns), c + at, columns, accumulate);
        store_four(epilogue_take(right[0], bias_right, at + NWG / 2, columns - NWG / 2),
                   c + at + NWG / 2, columns - NWG / 2, accumulate);
        UNROLL for (int j = 1; j < MWI; j++) { /* the next row moves up: no index but constants */
            left[j - 1] = left[j];
            right[j - 1] = right[j];
        }
    }
}
#else
#error "compile with the options of ocl_tile_options"
#endif
