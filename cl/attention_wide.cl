/* SPDX-License-Identifier: Apache-2.0 */
/* Attention over packed sequences for CPU devices: a work-item takes BLOCK rows of one sequence and
 * head, ROWS at a time, against vectors of 16 rows of the other side, which it reads from copies
 * turned to [H, stride] (stride = padded T). No barriers, no local memory. HEAD is D. */
#if W == 16
#ifndef HEAD
#define HEAD 64
#endif
#define HEADS16 ((HEAD + 15) / 16)
#define BLOCK 32
#define ROWS 8
#define SPAN 8 /* vectors of the other side at a time */
#define EACH(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)

static inline float16 low_pairs(float16 a, float16 b)
{
    return (float16)(a.s0, b.s0, a.s1, b.s1, a.s2, b.s2, a.s3, b.s3,
                     a.s4, b.s4, a.s5, b.s5, a.s6, b.s6, a.s7, b.s7);
}

static inline float16 high_pairs(float16 a, float16 b)
{
    return (float16)(a.s8, b.s8, a.s9, b.s9, a.sa, b.sa, a.sb, b.sb,
                     a.sc, b.sc, a.sd, b.sd, a.se, b.se, a.sf, b.sf);
}

/* Four rounds of interleaving rows i and i + 8 transpose 16 x 16. */
#define TURN(to, from)                                                      \
    to##0 = low_pairs(from##0, from##8), to##1 = high_pairs(from##0, from##8); \
    to##2 = low_pairs(from##1, from##9), to##3 = high_pairs(from##1, from##9); \
    to##4 = low_pairs(from##2, from##a), to##5 = high_pairs(from##2, from##a); \
    to##6 = low_pairs(from##3, from##b), to##7 = high_pairs(from##3, from##b); \
    to##8 = low_pairs(from##4, from##c), to##9 = high_pairs(from##4, from##c); \
    to##a = low_pairs(from##5, from##d), to##b = high_pairs(from##5, from##d); \
    to##c = low_pairs(from##6, from##e), to##d = high_pairs(from##6, from##e); \
    to##e = low_pairs(from##7, from##f), to##f = high_pairs(from##7, from##f)
#define SIXTEEN(X) \
    X(0, 0) X(1, 1) X(2, 2) X(3, 3) X(4, 4) X(5, 5) X(6, 6) X(7, 7) \
    X(8, 8) X(9, 9) X(a, 10) X(b, 11) X(c, 12) X(d, 13) X(e, 14) X(f, 15)

/* to[offset + c * stride + t] = x[t * x_stride + x_column + c]; zeros where t >= rows. */
kernel void turn(global float *to, long offset, long stride, const global float *x, long x_stride,
                 long x_column, long rows, long columns)
{
    const long t = (long)get_global_id(0) * 16;
    for (long c = 0; c < columns; c += 16) {
        const long n = columns - c;
        const global float *from = x + x_column + c;
#define ROW(s, i) \
    float16 a##s = t + i < rows ? load_part(from + (t + i) * x_stride, n) : (float16)(0.0f), b##s;
        SIXTEEN(ROW)
        TURN(b, a);
        TURN(a, b);
        TURN(b, a);
        TURN(a, b);
#define PUT(s, i) \
    if (i < n) vstore16(a##s, 0, to + offset + (c + i) * stride + t);
        SIXTEEN(PUT)
    }
}

/* What probabilities of 64 keys from j (j % 64 == 0) of query `row` = n * T + t are multiplied by. */
static inline void keep_keys(DROPOUT, long row, long j, float16 keep[4])
{
    const ulong block = ((ulong)row << 14) + (ulong)(j >> 2);
    /* j / 4 is below 2^14: the low word does not carry */
    uint16 c0 = (uint)block + (uint16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    uint16 c1 = (uint16)((uint)(block >> 32)), c2 = (uint16)(purpose), c3 = (uint16)(stream);
    PHILOX_ROUNDS(uint16, c0, c1, c2, c3, seed);
    const float16 no = (float16)(0.0f), yes = (float16)(keep_scale);
    const float16 k0 = select(no, yes, c0 >= threshold), k1 = select(no, yes, c1 >= threshold);
    const float16 k2 = select(no, yes, c2 >= threshold), k3 = select(no, yes, c3 >= threshold);
    const float16 low02 = low_pairs(k0, k2), high02 = high_pairs(k0, k2);
    const float16 low13 = low_pairs(k1, k3), high13 = high_pairs(k1, k3);
    keep[0] = low_pairs(low02, low13);
    keep[1] = high_pairs(low02, low13);
    keep[2] = low_pairs(high02, high13);
    keep[3] = high_pairs(high02, high13);
}

/* Keys j .. j + 3 (j % 4 == 0) of the 16 queries from row: keep[k][query]. */
static inline void keep_queries(DROPOUT, long row, long j, float16 *keep)
{
    const ulong16 block = (((ulong)row + (ulong16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13,
                                                   14, 15)) << 14) + (ulong)(j >> 2);
    uint16 c0 = convert_uint16(block), c1 = convert_uint16(block >> 32);
    uint16 c2 = (uint16)(purpose), c3 = (uint16)(stream);
    PHILOX_ROUNDS(uint16, c0, c1, c2, c3, seed);
    const float16 no = (float16)(0.0f), yes = (float16)(keep_scale);
    keep[0] = select(no, yes, c0 >= threshold);
    keep[1] = select(no, yes, c1 >= threshold);
    keep[2] = select(no, yes, c2 >= threshold);
    keep[3] = select(no, yes, c3 >= threshold);
}

/* scores[r * SPAN + v] = row r of x . vectors of `turned`; rows are `stride` apart, the last `rows`
 * one stands for those past the end. */
static inline void products(float16 *scores, const global float *x, long x_stride, int rows,
                            const global float *turned, long stride, int vectors)
{
#define ROW_POINTER(r) const global float *x##r = x + min(r, rows - 1) * x_stride;
    EACH(ROW_POINTER)
    for (int v = 0; v < vectors; v++) {
#define ZERO(r) float16 sum##r = (float16)(0.0f);
        EACH(ZERO)
        for (int d = 0; d < HEAD; d++) {
            const float16 other = vload16(0, turned + d * stride + 16 * v);
#define MULTIPLY(r) sum##r = fma((float16)(x##r[d]), other, sum##r);
            EACH(MULTIPLY)
        }
#define KEEP(r) scores[r * SPAN + v] = sum##r;
        EACH(KEEP)
    }
}

/* to[r * HEADS16 + c] += sum over count rows of y of weights[r][row] * y[row]. */
static inline void weigh(float16 *to, const float16 *weights, const global float *y, long y_stride,
                         int count)
{
    const float *weight = (const float *)weights;
    for (int c = 0; c < HEADS16; c++) {
#define FETCH(r) float16 sum##r = to[r * HEADS16 + c];
        EACH(FETCH)
        for (int j = 0; j < count; j++) {
            const float16 row = load_part(y + j * y_stride + 16 * c, HEAD - 16 * c);
#define ADD(r) sum##r = fma((float16)(weight[r * 16 * SPAN + j]), row, sum##r);
            EACH(ADD)
        }
#define GIVE(r) to[r * HEADS16 + c] = sum##r;
        EACH(GIVE)
    }
}

static inline void put_rows(global float *to, long stride, const float16 *x, int rows)
{
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < HEADS16; c++)
            store_part(x[r * HEADS16 + c], to + r * stride + 16 * c, HEAD - 16 * c);
}

/* Softmax of one row's scores over a span, going on from (largest, sum); returns what the row's
 * output so far is to be multiplied by. Scores become kept probabilities. */
static inline float soften(float16 *scores, int vectors, long left, float scale, float *largest,
                           float *sum)
{
    float16 top = (float16)(-INFINITY), total = (float16)(0.0f);
    for (int v = 0; v < vectors; v++) {
        scores[v] = keep_lanes(scores[v] * scale, left - 16 * v, -INFINITY);
        top = fmax(top, scores[v]);
    }
    const float larger = fmax(*largest, max_lanes(top)), shrink = exp(*largest - larger);
    for (int v = 0; v < vectors; v++) {
        scores[v] = exp(scores[v] - larger);
        total += scores[v];
    }
    *sum = *sum * shrink + sum_lanes(total);
    *largest = larger;
    return shrink;
}

kernel void attention_forward(global float *out, global float *lse, const global float *turned,
                              long stride, const global float *qkv, const global int *cu_seqlens,
                              long tokens, long hidden, float scale, DROPOUT)
{
    const long begin = cu_seqlens[get_global_id(1)];
    const long length = cu_seqlens[get_global_id(1) + 1] - begin, head = (long)get_global_id(2);
    const long block = (long)get_global_id(0) * BLOCK, end = min(block + BLOCK, length);
    const global float *base = qkv + begin * 3 * hidden + head * HEAD;
    const global float *keys = turned + head * HEAD * stride + begin;
    for (long i = block; i < end; i += ROWS) {
        const int rows = (int)min((long)ROWS, end - i);
        const long row = head * tokens + begin + i;
        float16 scores[ROWS * SPAN], o[ROWS * HEADS16];
        float largest[ROWS], sum[ROWS];
        for (int r = 0; r < ROWS; r++) largest[r] = -INFINITY, sum[r] = 0.0f;
        for (int c = 0; c < ROWS * HEADS16; c++) o[c] = (float16)(0.0f);
        for (long j = 0; j < length; j += 16 * SPAN) {
            const int count = (int)min(16L * SPAN, length - j), vectors = (count + 15) / 16;
            products(scores, base + i * 3 * hidden, 3 * hidden, rows, keys + j, stride, vectors);
            for (int r = 0; r < ROWS; r++) {
                const float shrink = soften(scores + r * SPAN, vectors, count, scale, &largest[r],
                                            &sum[r]);
                if (j > 0)
                    for (int c = 0; c < HEADS16; c++) o[r * HEADS16 + c] *= shrink;
                for (int v = 0; keep_scale != 1.0f && v < vectors; v += 4) {
                    float16 keep[4];
                    keep_keys(DROPOUT_ARGS, row + r, j + 16 * v, keep);
                    for (int k = 0; k < 4 && v + k < vectors; k++)
                        scores[r * SPAN + v + k] *= keep[k];
                }
            }
            weigh(o, scores, base + j * 3 * hidden + 2 * hidden, 3 * hidden, count);
        }
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < HEADS16; c++) o[r * HEADS16 + c] *= 1.0f / sum[r];
            lse[row + r] = largest[r] + log(sum[r]);
        }
        put_rows(out + (begin + i) * hidden + head * HEAD, hidden, o, rows);
    }
}

/* delta[n, t] = d_out . out within head n of row t. */
kernel void attention_delta(global float *scratch, long offset, const global float *d_out,
                            const global float *out, long tokens, long hidden, long heads)
{
    global float *delta = scratch + offset;
    const long begin = (long)get_global_id(0) * 16, end = min(begin + 16, tokens);
    for (long t = begin; t < end; t++)
        for (long head = 0; head < heads; head++) {
            const long at = t * hidden + head * HEAD;
            float16 sum = (float16)(0.0f);
            for (int c = 0; c < HEADS16; c++)
                sum += load_part(d_out + at + 16 * c, HEAD - 16 * c) *
                       load_part(out + at + 16 * c, HEAD - 16 * c);
            delta[head * tokens + t] = sum_lanes(sum);
        }
}

/* The backward passes' scratch: two turned matrices, then delta. */
kernel void attention_d_query(global float *d_qkv, const global float *d_out,
                              const global float *lse, const global float *scratch,
                              long stride, const global float *qkv, const global int *cu_seqlens,
                              long tokens, long hidden, float scale, DROPOUT)
{
    const global float *turned_keys = scratch, *turned_values = scratch + hidden * stride;
    const global float *delta = scratch + 2 * hidden * stride;
    const long begin = cu_seqlens[get_global_id(1)];
    const long length = cu_seqlens[get_global_id(1) + 1] - begin, head = (long)get_global_id(2);
    const long block = (long)get_global_id(0) * BLOCK, end = min(block + BLOCK, length);
    const global float *base = qkv + begin * 3 * hidden + head * HEAD;
    const global float *d_base = d_out + begin * hidden + head * HEAD;
    const long turned = head * HEAD * stride + begin;
    for (long i = block; i < end; i += ROWS) {
        const int rows = (int)min((long)ROWS, end - i);
        const long row = head * tokens + begin + i;
        float16 scores[ROWS * SPAN], d_p[ROWS * SPAN], d_q[ROWS * HEADS16];
        for (int c = 0; c < ROWS * HEADS16; c++) d_q[c] = (float16)(0.0f);
        for (long j = 0; j < length; j += 16 * SPAN) {
            const int count = (int)min(16L * SPAN, length - j), vectors = (count + 15) / 16;
            products(scores, base + i * 3 * hidden, 3 * hidden, rows, turned_keys + turned + j,
                     stride, vectors);
            products(d_p, d_base + i * hidden, hidden, rows, turned_values + turned + j, stride,
                     vectors);
            for (int r = 0; r < rows; r++) {
                const float row_lse = lse[row + r], row_delta = delta[row + r];
                float16 keep[4];
                for (int v = 0; v < vectors; v++) {
                    const int at = r * SPAN + v;
                    const float16 p = exp(scores[at] * scale - row_lse);
                    if (keep_scale != 1.0f && v % 4 == 0)
                        keep_keys(DROPOUT_ARGS, row + r, j + 16 * v, keep);
                    if (keep_scale != 1.0f) d_p[at] *= keep[v % 4];
                    scores[at] = p * (d_p[at] - row_delta) * scale;
                }
            }
            weigh(d_q, scores, base + j * 3 * hidden + hidden, 3 * hidden, count);
        }
        put_rows(d_qkv + (begin + i) * 3 * hidden + head * HEAD, 3 * hidden, d_q, rows);
    }
}

kernel void attention_d_key_value(global float *d_qkv, const global float *d_out,
                                  const global float *lse, const global float *scratch,
                                  long stride, const global float *qkv,
                                  const global int *cu_seqlens, long tokens, long hidden,
                                  float scale, DROPOUT)
{
    const global float *turned_queries = scratch, *turned_d_outs = scratch + hidden * stride;
    const global float *delta = scratch + 2 * hidden * stride;
    const long begin = cu_seqlens[get_global_id(1)];
    const long length = cu_seqlens[get_global_id(1) + 1] - begin, head = (long)get_global_id(2);
    const long block = (long)get_global_id(0) * BLOCK, end = min(block + BLOCK, length);
    const global float *base = qkv + begin * 3 * hidden + head * HEAD;
    const global float *d_base = d_out + begin * hidden + head * HEAD;
    const long turned = head * HEAD * stride + begin;
    for (long j = block; j < end; j += ROWS) {
        const int rows = (int)min((long)ROWS, end - j);
        float16 p[ROWS * SPAN], d_s[ROWS * SPAN], d_k[ROWS * HEADS16], d_v[ROWS * HEADS16];
        for (int c = 0; c < ROWS * HEADS16; c++) d_k[c] = d_v[c] = (float16)(0.0f);
        for (long i = 0; i < length; i += 16 * SPAN) {
            const int count = (int)min(16L * SPAN, length - i), vectors = (count + 15) / 16;
            products(p, base + j * 3 * hidden + hidden, 3 * hidden, rows,
                     turned_queries + turned + i, stride, vectors);
            products(d_s, base + j * 3 * hidden + 2 * hidden, 3 * hidden, rows,
                     turned_d_outs + turned + i, stride, vectors);
            for (int v = 0; v < vectors; v++) {
                const long row = head * tokens + begin + i + 16 * v, left = count - 16 * v;
                const float16 row_lse = load_part(lse + row, left);
                const float16 row_delta = load_part(delta + row, left);
                float16 keep[ROWS];
                if (keep_scale != 1.0f) {
                    keep_queries(DROPOUT_ARGS, row, j, keep);
                    keep_queries(DROPOUT_ARGS, row, j + 4, keep + 4);
                }
                for (int r = 0; r < ROWS; r++) {
                    const int at = r * SPAN + v;
                    const float16 whole = exp(p[at] * scale - row_lse);
                    const float16 factor = keep_scale != 1.0f ? keep[r] : (float16)(1.0f);
                    d_s[at] = whole * (d_s[at] * factor - row_delta) * scale;
                    p[at] = whole * factor;
                }
            }
            weigh(d_v, p, d_base + i * hidden, hidden, count);
            weigh(d_k, d_s, base + i * 3 * hidden, 3 * hidden, count);
        }
        global float *to = d_qkv + (begin + j) * 3 * hidden + head * HEAD;
        put_rows(to + hidden, 3 * hidden, d_k, rows);
        put_rows(to + 2 * hidden, 3 * hidden, d_v, rows);
    }
}
#endif
