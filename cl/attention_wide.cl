/* SPDX-License-Identifier: Apache-2.0 */
/* Attention over packed sequences, for CPUs: the formulas and the two passes of backward are those
 * at the head of attention.cl; here a work-item is a thread, there are no barriers and no local
 * memory, and 16 keys (or queries) are the lanes of a vector.
 *
 *   work-item (block, sequence b, head n): ATTENTION_BLOCK rows, TILE_ROWS at a time, against all
 *   rows of the other side, 16 TILE_VECTORS at a time:
 *
 *              columns j, 16 a vector
 *             | v 0 | v 1 | ... | v 7 | next tile        1. dot_products: scores[r][v] of the tile,
 *         ----+-----+-----+-----+-----+------               8 sums in registers for each vector v
 *    row  0   |     |     |     |     |                  2. online_softmax by row; dropout
 *     ...     |   scores (or p, d_s)  |                  3. accumulate: o[r] += scores[r] times the
 *    row  7   |     |     |     |     |                     rows of v, 16 columns of D a vector
 *
 * dot_products reads 16 rows of the other side at one column d as a vector, so these matrices are
 * first copied transposed, [H, stride], into the workspace: K for forward; K and V, then Q and
 * d_out for backward. stride is T rounded up to vectors and to an odd number of cache lines, or the
 * rows of a column would fall into one set of the cache.
 *
 * ATTENTION_BLOCK  from the table of attention's tiles: rows of a work-item, a multiple of TILE_ROWS; smaller
 *                  ones spread short sequences over more threads
 * HEAD             D, known to the compiler; rows of D are padded to HEADS16 vectors
 * TILE_ROWS        8 sums, a vector and a factor fit into 16 registers; EACH writes them out as
 *                  variables: an array may end up in memory
 * TILE_VECTORS     8 x 128 scores are 4 KiB, D columns of 128 rows 32 KiB at D = 64: the L1 cache
 *
 * A row is one work-item's, and its sums go along the sequence: the same bits every time. */
#if W != 16
#error "attention_wide.cl is written for W = 16; attention.cl for 4"
#endif
#if !defined(HEAD) || !defined(ATTENTION_BLOCK) || !defined(MAX_SEQLEN)
#error "compile with the options of ocl_shape_options and ocl_attention_options"
#endif
#define HEADS16 ((HEAD + 15) / 16)
#define TILE_ROWS 8
#define TILE_VECTORS 8
#define EACH(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)
#if ATTENTION_BLOCK % TILE_ROWS
#error "ATTENTION_BLOCK is a multiple of TILE_ROWS"
#endif

static inline float16 interleave_low(float16 a, float16 b)
{
    return (float16)(a.s0, b.s0, a.s1, b.s1, a.s2, b.s2, a.s3, b.s3,
                     a.s4, b.s4, a.s5, b.s5, a.s6, b.s6, a.s7, b.s7);
}

static inline float16 interleave_high(float16 a, float16 b)
{
    return (float16)(a.s8, b.s8, a.s9, b.s9, a.sa, b.sa, a.sb, b.sb,
                     a.sc, b.sc, a.sd, b.sd, a.se, b.se, a.sf, b.sf);
}

/* Four rounds of interleaving rows i and i + 8 transpose 16 x 16. */
#define INTERLEAVE(to, from)                                                             \
    to##0 = interleave_low(from##0, from##8), to##1 = interleave_high(from##0, from##8); \
    to##2 = interleave_low(from##1, from##9), to##3 = interleave_high(from##1, from##9); \
    to##4 = interleave_low(from##2, from##a), to##5 = interleave_high(from##2, from##a); \
    to##6 = interleave_low(from##3, from##b), to##7 = interleave_high(from##3, from##b); \
    to##8 = interleave_low(from##4, from##c), to##9 = interleave_high(from##4, from##c); \
    to##a = interleave_low(from##5, from##d), to##b = interleave_high(from##5, from##d); \
    to##c = interleave_low(from##6, from##e), to##d = interleave_high(from##6, from##e); \
    to##e = interleave_low(from##7, from##f), to##f = interleave_high(from##7, from##f)
#define SIXTEEN(X) \
    X(0, 0) X(1, 1) X(2, 2) X(3, 3) X(4, 4) X(5, 5) X(6, 6) X(7, 7) \
    X(8, 8) X(9, 9) X(a, 10) X(b, 11) X(c, 12) X(d, 13) X(e, 14) X(f, 15)

/* to[offset + c * stride + t] = x[t * x_stride + x_column + c]; zeros where t >= rows. */
kernel void transpose(global float *to, long offset, long stride, const global float *x,
                      long x_stride, long x_column, long rows, long columns)
{
    const long t = (long)get_global_id(0) * 16;
    for (long c = 0; c < columns; c += 16) {
        const long n = columns - c;
        const global float *from = x + x_column + c;
#define ROW(s, i) \
    float16 a##s = t + i < rows ? load_part(from + (t + i) * x_stride, n) : (float16)(0.0f), b##s;
        SIXTEEN(ROW)
        INTERLEAVE(b, a);
        INTERLEAVE(a, b);
        INTERLEAVE(b, a);
        INTERLEAVE(a, b);
#define PUT(s, i) \
    if (i < n) vstore16(a##s, 0, to + offset + (c + i) * stride + t);
        SIXTEEN(PUT)
    }
}

/* What probabilities of 64 keys from j (j % 64 == 0) of query `row` = n * T + t are multiplied
 * by. */
static inline void keep_keys(struct dropout d, long row, long j, float16 keep[4])
{
    const ulong block = (ulong)row * (MAX_SEQLEN / 4) + (ulong)(j / 4);
    /* j / 4 is below MAX_SEQLEN / 4, a power of two: the low word does not carry */
    uint16 c0 = (uint)block + (uint16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    uint16 c1 = (uint16)((uint)(block >> 32)), c2 = (uint16)(d.random.purpose);
    uint16 c3 = (uint16)(d.random.stream);
    PHILOX_ROUNDS(uint16, c0, c1, c2, c3, d.random.seed);
    const float16 no = (float16)(0.0f), yes = (float16)(d.keep_scale);
    const float16 k0 = select(no, yes, c0 >= d.threshold), k1 = select(no, yes, c1 >= d.threshold);
    const float16 k2 = select(no, yes, c2 >= d.threshold), k3 = select(no, yes, c3 >= d.threshold);
    const float16 low02 = interleave_low(k0, k2), high02 = interleave_high(k0, k2);
    const float16 low13 = interleave_low(k1, k3), high13 = interleave_high(k1, k3);
    keep[0] = interleave_low(low02, low13);
    keep[1] = interleave_high(low02, low13);
    keep[2] = interleave_low(high02, high13);
    keep[3] = interleave_high(high02, high13);
}

/* Keys j .. j + 3 (j % 4 == 0) of the 16 queries from row: keep[k][query]. */
static inline void keep_queries(struct dropout d, long row, long j, float16 *keep)
{
    const ulong16 block = (((ulong)row + (ulong16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13,
                                                   14, 15)) * (MAX_SEQLEN / 4)) + (ulong)(j / 4);
    uint16 c0 = convert_uint16(block), c1 = convert_uint16(block >> 32);
    uint16 c2 = (uint16)(d.random.purpose), c3 = (uint16)(d.random.stream);
    PHILOX_ROUNDS(uint16, c0, c1, c2, c3, d.random.seed);
    const float16 no = (float16)(0.0f), yes = (float16)(d.keep_scale);
    keep[0] = select(no, yes, c0 >= d.threshold);
    keep[1] = select(no, yes, c1 >= d.threshold);
    keep[2] = select(no, yes, c2 >= d.threshold);
    keep[3] = select(no, yes, c3 >= d.threshold);
}

/* scores[r * TILE_VECTORS + v] = row r of x . vectors of `transposed`, whose rows are `stride`
 * apart; the last of `rows` stands for those past the end. */
static inline void dot_products(float16 *scores, const global float *x, long x_stride, int rows,
                            const global float *transposed, long stride, int vectors)
{
#define ROW_POINTER(r) const global float *x##r = x + min(r, rows - 1) * x_stride;
    EACH(ROW_POINTER)
    for (int v = 0; v < vectors; v++) {
#define ZERO(r) float16 sum##r = (float16)(0.0f);
        EACH(ZERO)
        for (int d = 0; d < HEAD; d++) {
            const float16 other = vload16(0, transposed + d * stride + 16 * v);
#define MULTIPLY(r) sum##r = fma((float16)(x##r[d]), other, sum##r);
            EACH(MULTIPLY)
        }
#define KEEP(r) scores[r * TILE_VECTORS + v] = sum##r;
        EACH(KEEP)
    }
}

/* to[r * HEADS16 + c] += sum over count rows of y of weights[r][row] * y[row]. */
static inline void accumulate(float16 *to, const float16 *weights, const global float *y,
                              long y_stride, int count)
{
    const float *weight = (const float *)weights;
    for (int c = 0; c < HEADS16; c++) {
#define FETCH(r) float16 sum##r = to[r * HEADS16 + c];
        EACH(FETCH)
        for (int j = 0; j < count; j++) {
            const float16 row = load_part(y + j * y_stride + 16 * c, HEAD - 16 * c);
#define ADD(r) sum##r = fma((float16)(weight[r * 16 * TILE_VECTORS + j]), row, sum##r);
            EACH(ADD)
        }
#define GIVE(r) to[r * HEADS16 + c] = sum##r;
        EACH(GIVE)
    }
}

static inline void store_rows(global result *to, long stride, const float16 *x, int rows)
{
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < HEADS16; c++)
            result_store_part(x[r * HEADS16 + c], to + r * stride + 16 * c, HEAD - 16 * c);
}

/* Softmax of one row's scores over a span, going on from (row_max, sum); returns what the row's
 * output so far is to be multiplied by. Scores become kept probabilities. */
static inline float online_softmax(float16 *scores, int vectors, long left, float scale,
                                   float *row_max, float *row_sum)
{
    float16 top = (float16)(-INFINITY), total = (float16)(0.0f);
    for (int v = 0; v < vectors; v++) {
        scores[v] = keep_lanes(scores[v] * scale, left - 16 * v, -INFINITY);
        top = fmax(top, scores[v]);
    }
    const float new_max = fmax(*row_max, max_lanes(top)), rescale = exp(*row_max - new_max);
    for (int v = 0; v < vectors; v++) {
        scores[v] = exp(scores[v] - new_max);
        total += scores[v];
    }
    *row_sum = *row_sum * rescale + sum_lanes(total);
    *row_max = new_max;
    return rescale;
}

kernel void attention_forward(global result *out, global float *lse, const global float *transposed,
                              long stride, const global float *qkv, const global int *cu_seqlens,
                              long tokens, long hidden, float scale, DROPOUT_PARAMETERS(drop))
{
    const long begin = cu_seqlens[get_global_id(1)];
    const long length = cu_seqlens[get_global_id(1) + 1] - begin, head = (long)get_global_id(2);
    const long block = (long)get_global_id(0) * ATTENTION_BLOCK,
               end = min(block + ATTENTION_BLOCK, length);
    const global float *base = qkv + begin * 3 * hidden + head * HEAD;
    const global float *keys = transposed + head * HEAD * stride + begin;
    for (long i = block; i < end; i += TILE_ROWS) {
        const int rows = (int)min((long)TILE_ROWS, end - i);
        const long row = head * tokens + begin + i;
        float16 scores[TILE_ROWS * TILE_VECTORS], o[TILE_ROWS * HEADS16];
        float row_max[TILE_ROWS], row_sum[TILE_ROWS];
        for (int r = 0; r < TILE_ROWS; r++) row_max[r] = -INFINITY, row_sum[r] = 0.0f;
        for (int c = 0; c < TILE_ROWS * HEADS16; c++) o[c] = (float16)(0.0f);
        for (long j = 0; j < length; j += 16 * TILE_VECTORS) {
            const int count = (int)min(16L * TILE_VECTORS, length - j), vectors = (count + 15) / 16;
            dot_products(scores, base + i * 3 * hidden, 3 * hidden, rows, keys + j, stride,
                         vectors);
            for (int r = 0; r < TILE_ROWS; r++) {
                const float rescale = online_softmax(scores + r * TILE_VECTORS, vectors, count,
                                                     scale, &row_max[r], &row_sum[r]);
                if (j > 0)
                    for (int c = 0; c < HEADS16; c++) o[r * HEADS16 + c] *= rescale;
                for (int v = 0; drops(DROPOUT(drop)) && v < vectors; v += 4) {
                    float16 keep[4];
                    keep_keys(DROPOUT(drop), row + r, j + 16 * v, keep);
                    for (int k = 0; k < 4 && v + k < vectors; k++)
                        scores[r * TILE_VECTORS + v + k] *= keep[k];
                }
            }
            accumulate(o, scores, base + j * 3 * hidden + 2 * hidden, 3 * hidden, count);
        }
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < HEADS16; c++) o[r * HEADS16 + c] *= 1.0f / row_sum[r];
            lse[row + r] = row_max[r] + log(row_sum[r]);
        }
        store_rows(out + (begin + i) * hidden + head * HEAD, hidden, o, rows);
    }
}

/* delta[n, t] = d_out . out within head n of row t. */
kernel void attention_delta(global float *scratch, long offset, const global operand *d_out,
                            const global operand *out, long tokens, long hidden, long heads)
{
    global float *delta = scratch + offset;
    const long begin = (long)get_global_id(0) * 16, end = min(begin + 16, tokens);
    for (long t = begin; t < end; t++)
        for (long head = 0; head < heads; head++) {
            const long at = t * hidden + head * HEAD;
            float16 sum = (float16)(0.0f);
            for (int c = 0; c < HEADS16; c++)
                sum += operand_load_part(d_out + at + 16 * c, HEAD - 16 * c) *
                       operand_load_part(out + at + 16 * c, HEAD - 16 * c);
            delta[head * tokens + t] = sum_lanes(sum);
        }
}

/* The backward passes' scratch: two transposed matrices, then delta. */
kernel void attention_d_query(global result *d_qkv, const global float *d_out,
                              const global float *lse, const global float *scratch,
                              long stride, const global float *qkv, const global int *cu_seqlens,
                              long tokens, long hidden, float scale, DROPOUT_PARAMETERS(drop))
{
    const global float *transposed_keys = scratch, *transposed_values = scratch + hidden * stride;
    const global float *delta = scratch + 2 * hidden * stride;
    const long begin = cu_seqlens[get_global_id(1)];
    const long length = cu_seqlens[get_global_id(1) + 1] - begin, head = (long)get_global_id(2);
    const long block = (long)get_global_id(0) * ATTENTION_BLOCK,
               end = min(block + ATTENTION_BLOCK, length);
    const global float *base = qkv + begin * 3 * hidden + head * HEAD;
    const global float *d_base = d_out + begin * hidden + head * HEAD;
    const long transposed = head * HEAD * stride + begin;
    for (long i = block; i < end; i += TILE_ROWS) {
        const int rows = (int)min((long)TILE_ROWS, end - i);
        const long row = head * tokens + begin + i;
        float16 scores[TILE_ROWS * TILE_VECTORS], d_p[TILE_ROWS * TILE_VECTORS],
            d_q[TILE_ROWS * HEADS16];
        for (int c = 0; c < TILE_ROWS * HEADS16; c++) d_q[c] = (float16)(0.0f);
        for (long j = 0; j < length; j += 16 * TILE_VECTORS) {
            const int count = (int)min(16L * TILE_VECTORS, length - j), vectors = (count + 15) / 16;
            dot_products(scores, base + i * 3 * hidden, 3 * hidden, rows,
                         transposed_keys + transposed + j, stride, vectors);
            dot_products(d_p, d_base + i * hidden, hidden, rows, transposed_values + transposed + j,
                         stride, vectors);
            for (int r = 0; r < rows; r++) {
                const float row_lse = lse[row + r], row_delta = delta[row + r];
                float16 keep[4];
                for (int v = 0; v < vectors; v++) {
                    const int at = r * TILE_VECTORS + v;
                    const float16 p = exp(scores[at] * scale - row_lse);
                    if (drops(DROPOUT(drop)) && v % 4 == 0)
                        keep_keys(DROPOUT(drop), row + r, j + 16 * v, keep);
                    if (drops(DROPOUT(drop))) d_p[at] *= keep[v % 4];
                    scores[at] = p * (d_p[at] - row_delta) * scale;
                }
            }
            accumulate(d_q, scores, base + j * 3 * hidden + hidden, 3 * hidden, count);
        }
        store_rows(d_qkv + (begin + i) * 3 * hidden + head * HEAD, 3 * hidden, d_q, rows);
    }
}

kernel void attention_d_key_value(global result *d_qkv, const global float *d_out,
                                  const global float *lse, const global float *scratch,
                                  long stride, const global float *qkv,
                                  const global int *cu_seqlens, long tokens, long hidden,
                                  float scale, DROPOUT_PARAMETERS(drop))
{
    const global float *transposed_queries = scratch,
                       *transposed_d_outs = scratch + hidden * stride;
    const global float *delta = scratch + 2 * hidden * stride;
    const long begin = cu_seqlens[get_global_id(1)];
    const long length = cu_seqlens[get_global_id(1) + 1] - begin, head = (long)get_global_id(2);
    const long block = (long)get_global_id(0) * ATTENTION_BLOCK,
               end = min(block + ATTENTION_BLOCK, length);
    const global float *base = qkv + begin * 3 * hidden + head * HEAD;
    const global float *d_base = d_out + begin * hidden + head * HEAD;
    const long transposed = head * HEAD * stride + begin;
    for (long j = block; j < end; j += TILE_ROWS) {
        const int rows = (int)min((long)TILE_ROWS, end - j);
        float16 p[TILE_ROWS * TILE_VECTORS], d_s[TILE_ROWS * TILE_VECTORS],
            d_k[TILE_ROWS * HEADS16], d_v[TILE_ROWS * HEADS16];
        for (int c = 0; c < TILE_ROWS * HEADS16; c++) d_k[c] = d_v[c] = (float16)(0.0f);
        for (long i = 0; i < length; i += 16 * TILE_VECTORS) {
            const int count = (int)min(16L * TILE_VECTORS, length - i), vectors = (count + 15) / 16;
            dot_products(p, base + j * 3 * hidden + hidden, 3 * hidden, rows,
                     transposed_queries + transposed + i, stride, vectors);
            dot_products(d_s, base + j * 3 * hidden + 2 * hidden, 3 * hidden, rows,
                     transposed_d_outs + transposed + i, stride, vectors);
            for (int v = 0; v < vectors; v++) {
                const long row = head * tokens + begin + i + 16 * v, left = count - 16 * v;
                const float16 row_lse = load_part(lse + row, left);
                const float16 row_delta = load_part(delta + row, left);
                float16 keep[TILE_ROWS];
                if (drops(DROPOUT(drop))) {
                    keep_queries(DROPOUT(drop), row, j, keep);
                    keep_queries(DROPOUT(drop), row, j + 4, keep + 4);
                }
                for (int r = 0; r < TILE_ROWS; r++) {
                    const int at = r * TILE_VECTORS + v;
                    const float16 whole = exp(p[at] * scale - row_lse);
                    const float16 factor = drops(DROPOUT(drop)) ? keep[r] : (float16)(1.0f);
                    d_s[at] = whole * (d_s[at] * factor - row_delta) * scale;
                    p[at] = whole * factor;
                }
            }
            accumulate(d_v, p, d_base + i * hidden, hidden, count);
            accumulate(d_k, d_s, base + i * 3 * hidden, 3 * hidden, count);
        }
        global result *to = d_qkv + (begin + j) * 3 * hidden + head * HEAD;
        store_rows(to + hidden, 3 * hidden, d_k, rows);
        store_rows(to + 2 * hidden, 3 * hidden, d_v, rows);
    }
}
