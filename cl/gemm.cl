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
 * Local memory (GPUs; MWG, NWG, KWG, MWI are CLBlast's names): a work-group has a tile MWG x NWG of
 * C, a work-item MWI x MWI of it in registers, and K comes KWG steps at a time:
 *
 *          b_tile [KWG][NWG]          The work-items load both tiles (neighbours in memory by
 *         +--------+                  neighbouring ones), barrier, multiply, barrier.
 *         +--------+                  Rows of the tiles are PAD longer, or the lanes that write
 *   +--+  +--------+                  one column would meet in the same bank.
 *   |  |  |    ##  | MWI x MWI of     Local memory: KWG (MWG + NWG + 2 PAD) floats.
 *   |  |  |        | work-item (x, y) Work-items: (MWG / MWI) (NWG / MWI).
 *   +--+  +--------+
 *   a_tile [KWG][MWG]
 *
 * Edges: panels and tiles are filled up with zeros; what lies outside of C is not stored. Every
 * element of C is summed by one work-item in the order of k: the same bits every time. The rows of
 * a tile are variables of their own, written out by EACH_ROW: an array may end up in memory. */
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
    kernel void name(global float *to, long offset, const global float *x, long count,            \
                     long k_total, long k_begin, long k_count, int k_major)                       \
    {                                                                                             \
        const long panel = (long)get_global_id(1), first = panel * width;                         \
        const long begin = (long)get_global_id(0) * PACK_CHUNK;                                   \
        const long end = min(begin + PACK_CHUNK, k_count), step = k_major ? 1 : k_total;          \
        const int have = (int)min((long)width, count - first);                                    \
        global float *out = to + offset + (panel * k_count + begin) * width;                      \
        x += k_major ? k_begin * count + first : first * k_total + k_begin;                       \
        for (long k = begin; k < end; k++, out += width) {                                        \
            const global float *from = x + (k_major ? k * count : k);                             \
            if (have == width)                                                                    \
                for (int i = 0; i < width; i++) out[i] = from[i * step];                          \
            else                                                                                  \
                for (int i = 0; i < width; i++) out[i] = i < have ? from[i * step] : 0.0f;        \
        }                                                                                         \
    }
PACK(pack_rows, MR)
PACK(pack_columns, NR)

static inline void store_tile_row(tile_vec x, global float *c, long n, int accumulate)
{
    if (n >= TILE_LANES) {
        TILE_STORE(accumulate ? TILE_LOAD(0, c) + x : x, 0, c);
        return;
    }
    float lanes[TILE_LANES];
    TILE_STORE(x, 0, lanes);
    for (int i = 0; i < n; i++) c[i] = accumulate ? c[i] + lanes[i] : lanes[i];
}

/* One tile of C [m, n] from panels of A at 0 and of B at b_offset. */
kernel void register_product(global float *c, const global float *panels, long b_offset, long m,
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
    global float *to = c + row * n + column;
    const long columns = n - column;
#define STORE_ROW(r)                                                                             \
    if (row + r < m) {                                                                           \
        store_tile_row(left##r, to + r * n, columns, accumulate);                                \
        if (columns > TILE_LANES)                                                                \
            store_tile_row(right##r, to + r * n + TILE_LANES, columns - TILE_LANES, accumulate); \
    }
    EACH_ROW(STORE_ROW)
}

#elif defined(MWG) && defined(NWG) && defined(KWG) && defined(MWI)
#define MDIMC (MWG / MWI) /* work-items down */
#define NDIMC (NWG / MWI) /* and across */
#define PAD 4             /* float4 stay aligned */
#if MWI != 4 || MWG % MWI || NWG % MWI
#error "a work-item of local_product has four float4: MWI is 4 and divides MWG and NWG"
#endif

/* A tile [KWG][side] of an operand. */
INLINE void load_tile(local float *tile, int side, const global float *x, long first, long count,
                      long k, long k_count, int k_major)
{
    const int lane = (int)(get_local_id(1) * NDIMC + get_local_id(0));
    for (int e = lane; e < side * KWG; e += MDIMC * NDIMC) {
        const int i = k_major ? e % side : e / KWG, d = k_major ? e / side : e % KWG;
        const bool inside = first + i < count && k + d < k_count;
        const long at = k_major ? (k + d) * count + first + i : (first + i) * k_count + k + d;
        tile[d * (side + PAD) + i] = inside ? x[at] : 0.0f;
    }
}

kernel __attribute__((reqd_work_group_size(NDIMC, MDIMC, 1))) void
local_product(global float *c, const global float *a, const global float *b, long m, long n,
              long k_count, int a_k_major, int b_k_major, int accumulate)
{
    local float a_tile[KWG * (MWG + PAD)], b_tile[KWG * (NWG + PAD)];
    const long row = (long)get_group_id(1) * MWG, column = (long)get_group_id(0) * NWG;
    const int x = (int)get_local_id(0) * MWI, y = (int)get_local_id(1) * MWI;
    float4 sum0 = (float4)(0.0f), sum1 = sum0, sum2 = sum0, sum3 = sum0;
    for (long k = 0; k < k_count; k += KWG) {
        load_tile(a_tile, MWG, a, row, m, k, k_count, a_k_major);
        load_tile(b_tile, NWG, b, column, n, k, k_count, b_k_major);
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int d = 0; d < KWG; d++) {
            const float4 p = vload4(0, a_tile + d * (MWG + PAD) + y);
            const float4 q = vload4(0, b_tile + d * (NWG + PAD) + x);
            sum0 += p.x * q;
            sum1 += p.y * q;
            sum2 += p.z * q;
            sum3 += p.w * q;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    const float4 sums[MWI] = {sum0, sum1, sum2, sum3};
    for (int i = 0; i < MWI && row + y + i < m; i++) {
        global float *to = c + (row + y + i) * n + column + x;
        const float lanes[MWI] = {sums[i].x, sums[i].y, sums[i].z, sums[i].w};
        for (int j = 0; j < MWI && column + x + j < n; j++)
            to[j] = accumulate ? to[j] + lanes[j] : lanes[j];
    }
}
#else
#error "compile with the options of ocl_tile_options"
#endif
