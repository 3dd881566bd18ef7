/* SPDX-License-Identifier: Apache-2.0 */
/* Products of our own. For CPU devices: panels packed so that the inner loop reads both operands in
 * order, and a tile of TILE_ROWS x (2 * TILE_VECTOR) kept in registers by one work-item. For GPUs:
 * tiles of 64 x 64 by way of local memory. */
#ifndef TILE_ROWS
#define TILE_ROWS 14
#define TILE_VECTOR 16
#endif
#define TILE_COLUMNS (2 * TILE_VECTOR)
typedef JOIN(float, TILE_VECTOR) tile_vec;
#define TILE_LOAD JOIN(vload, TILE_VECTOR)
#define TILE_STORE JOIN(vstore, TILE_VECTOR)

/* Panels [panel][k][width] at `offset`, of k_count columns from k_begin of a matrix whose element
 * (i, k) is x[i * k_total + k] or, where `k_major`, x[k * count + i]. Rows past `count` are zero. A
 * work-item packs a chunk of k. */
#define PACK_CHUNK 64
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
PACK(pack_rows, TILE_ROWS)
PACK(pack_columns, TILE_COLUMNS)

#if TILE_ROWS == 14
#define EACH_ROW(X) \
    X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13)
#else
#define EACH_ROW(X) X(0) X(1) X(2) X(3) X(4) X(5)
#endif

static inline void put_part(tile_vec x, global float *c, long n, int accumulate)
{
    if (n >= TILE_VECTOR) {
        TILE_STORE(accumulate ? TILE_LOAD(0, c) + x : x, 0, c);
        return;
    }
    float lanes[TILE_VECTOR];
    TILE_STORE(x, 0, lanes);
    for (int i = 0; i < n; i++) c[i] = accumulate ? c[i] + lanes[i] : lanes[i];
}

/* One tile of C [m, n] from panels of A at 0 and of B at b_offset. */
kernel void tile_product(global float *c, const global float *panels, long b_offset, long m, long n,
                         long k_count, int accumulate)
{
    const long row = (long)get_global_id(0) * TILE_ROWS, column = (long)get_global_id(1) * TILE_COLUMNS;
    const global float *a = panels + row * k_count, *b = panels + b_offset + column * k_count;
#define ZERO(r) tile_vec left##r = (tile_vec)(0.0f), right##r = (tile_vec)(0.0f);
    EACH_ROW(ZERO)
    for (long k = 0; k < k_count; k++, a += TILE_ROWS, b += TILE_COLUMNS) {
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
#define PUT(r)                                                                          \
    if (row + r < m) {                                                                  \
        put_part(left##r, to + r * n, columns, accumulate);                             \
        if (columns > TILE_VECTOR)                                                      \
            put_part(right##r, to + r * n + TILE_VECTOR, columns - TILE_VECTOR, accumulate); \
    }
    EACH_ROW(PUT)
}

/* ---- 64 x 64 by 256 work-items, each 4 x 4, K in steps of 16 ---- */

#define SIDE 64
#define DEPTH 16

/* A tile [DEPTH][SIDE] of an operand; neighbours in memory are read by neighbouring work-items. */
INLINE void fetch(local float *tile, const global float *x, long first, long count, long k,
                  long k_count, int k_major)
{
    const int lane = (int)(get_local_id(1) * 16 + get_local_id(0));
    for (int e = lane; e < SIDE * DEPTH; e += 256) {
        const int i = k_major ? e % SIDE : e / DEPTH, d = k_major ? e / SIDE : e % DEPTH;
        const bool inside = first + i < count && k + d < k_count;
        const long at = k_major ? (k + d) * count + first + i : (first + i) * k_count + k + d;
        tile[d * (SIDE + 4) + i] = inside ? x[at] : 0.0f;
    }
}

kernel __attribute__((reqd_work_group_size(16, 16, 1))) void
local_product(global float *c, const global float *a, const global float *b, long m, long n,
              long k_count, int a_k_major, int b_k_major, int accumulate)
{
    local float a_tile[DEPTH * (SIDE + 4)], b_tile[DEPTH * (SIDE + 4)];
    const long row = (long)get_group_id(1) * SIDE, column = (long)get_group_id(0) * SIDE;
    const int x = (int)get_local_id(0) * 4, y = (int)get_local_id(1) * 4;
    float4 sum0 = (float4)(0.0f), sum1 = sum0, sum2 = sum0, sum3 = sum0;
    for (long k = 0; k < k_count; k += DEPTH) {
        fetch(a_tile, a, row, m, k, k_count, a_k_major);
        fetch(b_tile, b, column, n, k, k_count, b_k_major);
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int d = 0; d < DEPTH; d++) {
            const float4 p = vload4(0, a_tile + d * (SIDE + 4) + y);
            const float4 q = vload4(0, b_tile + d * (SIDE + 4) + x);
            sum0 += p.x * q;
            sum1 += p.y * q;
            sum2 += p.z * q;
            sum3 += p.w * q;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    const float4 sums[4] = {sum0, sum1, sum2, sum3};
    for (int i = 0; i < 4 && row + y + i < m; i++) {
        global float *to = c + (row + y + i) * n + column + x;
        const float lanes[4] = {sums[i].x, sums[i].y, sums[i].z, sums[i].w};
        for (int j = 0; j < 4 && column + x + j < n; j++)
            to[j] = accumulate ? to[j] + lanes[j] : lanes[j];
    }
}
