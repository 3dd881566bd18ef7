/* SPDX-License-Identifier: Apache-2.0 */
/* Attention over packed sequences, for GPUs: online softmax (Milakov & Gimelshein, 2018) by tiles,
 * as FlashAttention does (Dao et al., 2022). Scores are never stored.
 *
 * Forward, query i of head n against the keys j of its own sequence, BLOCK by STEP at a time:
 *
 *   s_ij = scale q_i . k_j,   scale = 1 / sqrt(D)
 *   m'   = max(m, s_ij);   c = exp(m - m')                   row_max, new_max, rescale
 *   l    = c l + sum of exp(s_ij - m')                       row_sum
 *   o    = c o + sum of keep_ij exp(s_ij - m') v_j           dropout hits o, not l
 *   at the end  out_i = o / l,   lse_i = m + log l
 *
 * Backward has p_ij = exp(s_ij - lse_i) again from lse, the mask keep_ij from Philox's counters:
 *
 *   delta_i = d_out_i . out_i                                attention_delta
 *   d_s_ij  = scale p_ij (keep_ij d_out_i . v_j - delta_i)
 *   d_q_i   = sum over j of d_s_ij k_j                       attention_d_query
 *   d_k_j   = sum over i of d_s_ij q_i                       attention_d_key_value
 *   d_v_j   = sum over i of keep_ij p_ij d_out_i
 *
 * Two passes, over queries and over keys: no element is written twice, so no atomics, and every sum
 * is taken by one work-item in the order of the sequence: the same bits every time.
 *
 * A work-group (block, sequence b, head n) has BLOCK rows of one side and walks the other STEP rows
 * at a time. All of it computes a tile of scores together, and then what the tile's weights add to
 * the BLOCK x D sums:
 *
 *            STEP rows of b                          D columns, PADDED with zeros
 *          +----------------+                       +--------------------------+
 *          |                |  DEPTH columns of D   |  PART rows of the other  |
 *          +----------------+  at a time: a slice   |  side at a time          |
 *     +--+ +----------------+                       +--------------------------+
 *     |  | |    scores      |  4 x 4 of them by     +--------------------------+
 *     |  | |    ####        |  each of the ITEMS =  |          sums            |  4 rows, PARTS_X
 *     |  | |    ####        |  BLOCK STEP / 16      |   ####   ####   ####     |  float4 of each,
 *     |  | |                |  work-items           |                          |  by a work-item
 *     +--+ +----------------+                       +--------------------------+
 *
 * Slices and parts lie in `stage` in turn, (BLOCK + STEP) x 36 floats, weights in local memory of
 * their own, BLOCK x (STEP + 4), twice in attention_d_key_value: within 32 KiB for any D, since
 * nothing there is as wide as a head but PART rows, and PART shrinks. A row of `stage` is 4 floats
 * longer than it holds, and the four rows of a work-item lie a quarter of the tile apart (SLOT), so
 * that neighbours meet different banks. Rows past the sequence are zeros and weigh nothing; a block
 * that begins there returns as a whole.
 *
 * ATTENTION_BLOCK  BLOCK, from the table of attention's tiles, by D: where the 2 BLOCK D sums of a
 *                  group would not fit its registers, BLOCK is less
 * ATTENTION_STEP   STEP
 * ATTENTION_ITEMS  ITEMS
 * HEAD             D, known to the compiler: all arrays are unrolled into registers
 * OPERANDS         the type of qkv, out of backward and d_out (types.cl)
 * RESULT           that of out and d_qkv */
#if W != 4
#error "attention.cl is written for W = 4; attention_wide.cl for 16"
#endif
#if !defined(HEAD) || !defined(ATTENTION_BLOCK) || !defined(ATTENTION_STEP) || \
    !defined(ATTENTION_ITEMS) || !defined(MAX_SEQLEN)
#error "compile with the options of ocl_shape_options and ocl_attention_options"
#endif
#define BLOCK ATTENTION_BLOCK
#define STEP ATTENTION_STEP
#define ITEMS ATTENTION_ITEMS
#define DEPTH 32                                  /* columns of a slice */
#define PADDED ((HEAD + STEP - 1) / STEP * STEP)  /* columns of the sums */
#define LANES_X (STEP / 4)                        /* work-items across */
#define LANES_Y (BLOCK / 4)                       /* and down */
#define PARTS_X (PADDED / STEP)                   /* float4 of a row of sums a work-item has */
#define SLICE (DEPTH + 4)                         /* floats from row to row of a slice, */
#define ROW (PADDED + 4)                          /* of a part, */
#define WEIGHTS (STEP + 4)                        /* and of the weights */
#if 16 * ITEMS != BLOCK * STEP || ITEMS % BLOCK || STEP % DEPTH || BLOCK * DEPTH / 4 % ITEMS
#error "a work-item has 4 x 4 scores, a share of a row, and whole float4 of every slice"
#endif
#define SLICES ((BLOCK + STEP) * SLICE)
#if STEP * ROW <= SLICES
#define PART STEP
#elif STEP / 2 * ROW <= SLICES
#define PART (STEP / 2)
#elif STEP / 4 * ROW <= SLICES
#define PART (STEP / 4)
#else
#define PART 4
#endif
#if PART * ROW > SLICES
#define STAGE (PART * ROW)
#else
#define STAGE SLICES
#endif
#define ALIGNED __attribute__((aligned(16)))
#define ATTENTION_KERNEL kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1))) void

/* Where a work-item is. */
struct place {
    int begin, length; /* of the sequence: its first row in the batch, and its rows */
    int block, head;   /* the block's first row within the sequence */
    int lane, x, y;    /* work-item (x, y) of LANES_X by LANES_Y */
};

static inline struct place place_of(const global int *cu_seqlens)
{
    const int sequence = (int)get_group_id(1), lane = (int)get_local_id(0);
    struct place at;
    at.begin = cu_seqlens[sequence];
    at.length = cu_seqlens[sequence + 1] - at.begin;
    at.block = (int)get_group_id(0) * BLOCK;
    at.head = (int)get_group_id(2);
    at.lane = lane;
    at.x = lane % LANES_X;
    at.y = lane / LANES_X;
    return at;
}

/* A matrix of which a head has some columns: those of the sequence's first row, and floats from row
 * to row. */
struct rows {
    const global operand *first;
    int stride;
};

/* Queries, keys and values of a sequence and head. */
struct sides {
    struct rows q, k, v;
};

static inline struct sides sides_of(const global operand *qkv, struct place at, long hidden)
{
    const int stride = 3 * (int)hidden;
    const global operand *first = qkv + (long)at.begin * stride + at.head * HEAD;
    struct sides x;
    x.q.first = first;
    x.k.first = first + hidden;
    x.v.first = first + 2 * hidden;
    x.q.stride = x.k.stride = x.v.stride = stride;
    return x;
}

/* The same of a matrix that is as wide as the heads together. */
static inline struct rows rows_of(const global operand *x, struct place at, long hidden)
{
    struct rows rows;
    rows.first = x + (long)at.begin * hidden + at.head * HEAD;
    rows.stride = (int)hidden;
    return rows;
}

/* Columns c .. c + 3 of a head's row; zeros beyond the head. */
static inline float4 load_head(const global operand *row, int c)
{
#if HEAD % 4 == 0
    return c < HEAD ? operand_load4(row + c) : (float4)(0.0f);
#else
    return (float4)(c < HEAD ? operand_at(row + c) : 0.0f,
                    c + 1 < HEAD ? operand_at(row + c + 1) : 0.0f,
                    c + 2 < HEAD ? operand_at(row + c + 2) : 0.0f,
                    c + 3 < HEAD ? operand_at(row + c + 3) : 0.0f);
#endif
}

/* The same to those below `end`. (LLVM 14 and 15 drop a test of the row around a test of the
 * column: there is only one.) */
static inline void store_head(float4 x, global result *row, int c, int end)
{
#if HEAD % 4 == 0
    if (c < end) result_store4(x, row + c);
#else
    if (c < end) result_put(x.x, row + c);
    if (c + 1 < end) result_put(x.y, row + c + 1);
    if (c + 2 < end) result_put(x.z, row + c + 2);
    if (c + 3 < end) result_put(x.w, row + c + 3);
#endif
}

/* Columns c .. c + 3 of row r of the sequence; zeros past its end. */
static inline float4 load_row(struct rows m, int length, int r, int c)
{
    return r < length ? load_head(m.first + (long)r * m.stride, c) : (float4)(0.0f);
}

/* Where row r of a tile of `count` lies. */
#define SLOT(r, count) ((r) % 4 * ((count) / 4) + (r) / 4)

/* Columns column .. column + DEPTH - 1 of rows from .. from + count - 1. */
INLINE void load_slice(local float *to, struct rows m, int length, int from, int count, int column)
{
    UNROLL for (int i = 0; i < count * (DEPTH / 4) / ITEMS; i++) {
        const int e = i * ITEMS + (int)get_local_id(0);
        const int r = e / (DEPTH / 4), c = e % (DEPTH / 4) * 4;
        LOCAL4(to + SLOT(r, count) * SLICE + c) = load_row(m, length, from + r, column + c);
    }
}

/* Rows from .. from + PART - 1, as they lie. */
INLINE void load_rows(local float *to, struct rows m, int length, int from)
{
    for (int e = (int)get_local_id(0); e < PART * (PADDED / 4); e += ITEMS) {
        const int r = e / (PADDED / 4), c = e % (PADDED / 4) * 4;
        LOCAL4(to + r * ROW + c) = load_row(m, length, from + r, c);
    }
}

static inline float dot4(float4 a, float4 b, float sum)
{
    return fma(a.x, b.x, fma(a.y, b.y, fma(a.z, b.z, fma(a.w, b.w, sum))));
}

/* s[i] = products of row 4 y + i of the block of `a` with rows from + 4 x .. from + 4 x + 3 of `b`,
 * over the whole head, a slice at a time. */
INLINE void multiply_rows(float4 s[4], local float *stage, struct place at, struct rows a,
                          struct rows b, int from)
{
    local float *const a_slice = stage, *const b_slice = stage + BLOCK * SLICE;
    UNROLL for (int i = 0; i < 4; i++) s[i] = (float4)(0.0f);
    for (int column = 0; column < PADDED; column += DEPTH) {
        barrier(CLK_LOCAL_MEM_FENCE);
        load_slice(a_slice, a, at.length, at.block, BLOCK, column);
        load_slice(b_slice, b, at.length, from, STEP, column);
        barrier(CLK_LOCAL_MEM_FENCE);
        UNROLL_BY(1) for (int d = 0; d < DEPTH; d += 4) {
            float4 u[4], v[4];
            UNROLL for (int i = 0; i < 4; i++)
                u[i] = LOCAL4(a_slice + (i * LANES_Y + at.y) * SLICE + d);
            UNROLL for (int j = 0; j < 4; j++)
                v[j] = LOCAL4(b_slice + (j * LANES_X + at.x) * SLICE + d);
            UNROLL for (int i = 0; i < 4; i++) {
                s[i].x = dot4(u[i], v[0], s[i].x);
                s[i].y = dot4(u[i], v[1], s[i].y);
                s[i].z = dot4(u[i], v[2], s[i].z);
                s[i].w = dot4(u[i], v[3], s[i].w);
            }
        }
    }
}

/* The weights of a tile, one float4 for each of the work-item's four rows. */
INLINE void put_weights(local float *weights, struct place at, const float4 s[4])
{
    UNROLL for (int i = 0; i < 4; i++)
        LOCAL4(weights + (i * LANES_Y + at.y) * WEIGHTS + 4 * at.x) = s[i];
}

/* sums[i] += weight p[i] times row j of a part. */
INLINE void add_row(float4 sums[4][PARTS_X], float4 p, const local float *part, int j, int x)
{
    UNROLL for (int c = 0; c < PARTS_X; c++) {
        const float4 v = CONST_LOCAL4(part + j * ROW + 4 * (x + LANES_X * c));
        sums[0][c] += p.x * v;
        sums[1][c] += p.y * v;
        sums[2][c] += p.z * v;
        sums[3][c] += p.w * v;
    }
}

INLINE void transpose4(float4 s[4])
{
    const float4 a = s[0], b = s[1], c = s[2], d = s[3];
    s[0] = (float4)(a.x, b.x, c.x, d.x);
    s[1] = (float4)(a.y, b.y, c.y, d.y);
    s[2] = (float4)(a.z, b.z, c.z, d.z);
    s[3] = (float4)(a.w, b.w, c.w, d.w);
}

/* sums[i][c] += the weights of row 4 y + i times columns 4 (x + LANES_X c) .. of the step's rows of
 * `m`, PART of them at a time. */
INLINE void add_weighted(float4 sums[4][PARTS_X], const local float *weights, local float *stage,
                         struct place at, struct rows m, int from)
{
    for (int first = 0; first < STEP; first += PART) {
        barrier(CLK_LOCAL_MEM_FENCE);
        load_rows(stage, m, at.length, from + first);
        barrier(CLK_LOCAL_MEM_FENCE);
        UNROLL_BY(1) for (int j = 0; j < PART; j += 4) {
            float4 p[4];
            UNROLL for (int i = 0; i < 4; i++)
                p[i] = CONST_LOCAL4(weights + (i * LANES_Y + at.y) * WEIGHTS + first + j);
            transpose4(p);
            UNROLL for (int k = 0; k < 4; k++) add_row(sums, p[k], stage, j + k, at.x);
        }
    }
}

INLINE void zero(float4 sums[4][PARTS_X])
{
    UNROLL for (int i = 0; i < 4; i++)
        UNROLL for (int c = 0; c < PARTS_X; c++) sums[i][c] = (float4)(0.0f);
}

/* The block's rows that are in the sequence. */
INLINE void store_rows(float4 sums[4][PARTS_X], struct place at, global result *to, int stride)
{
    UNROLL for (int i = 0; i < 4; i++) {
        const int r = at.block + 4 * at.y + i, end = r < at.length ? HEAD : 0;
        UNROLL for (int c = 0; c < PARTS_X; c++)
            store_head(sums[i][c], to + (long)r * stride, 4 * (at.x + LANES_X * c), end);
    }
}

/* The first `count` of four scores; the others belong to no key. */
static inline float4 mask_keys(float4 s, int count)
{
    return (float4)(count > 0 ? s.x : -INFINITY, count > 1 ? s.y : -INFINITY,
                    count > 2 ? s.z : -INFINITY, count > 3 ? s.w : -INFINITY);
}

/* What probabilities of keys j .. j + 3 (j % 4 == 0) of query `row` = n * T + t are multiplied
 * by. */
static inline float4 keep_keys(struct dropout d, long row, int j)
{
    if (!drops(d)) return (float4)(1.0f);
    const uint4 bits = philox(d.random, (ulong)row * (MAX_SEQLEN / 4) + (ulong)(j / 4));
    return select((float4)(0.0f), (float4)(d.keep_scale), bits >= d.threshold);
}

/* Work-items that share a row where the softmax goes by rows, and the keys of each. */
#define SHARERS (ITEMS / BLOCK)
#define SHARE (STEP / SHARERS)

ATTENTION_KERNEL attention_forward(global result *out, global float *lse, const global operand *qkv,
                                   const global int *cu_seqlens, long tokens, long hidden,
                                   float scale, DROPOUT_PARAMETERS(drop))
{
    local float stage[STAGE] ALIGNED, weights[BLOCK * WEIGHTS] ALIGNED;
    local float rescales[BLOCK], row_sums[ITEMS];
    const struct place at = place_of(cu_seqlens);
    if (at.block >= at.length) return; /* the whole group */
    const struct sides in = sides_of(qkv, at, hidden);
    const int slot = at.lane % BLOCK, share = at.lane / BLOCK * SHARE;
    const int mine = at.block + slot % LANES_Y * 4 + slot / LANES_Y; /* the row in that slot */
    const long row = (long)at.head * tokens + at.begin + mine;
    local float *const row_weights = weights + slot * WEIGHTS;
    float row_max = -INFINITY, row_sum = 0.0f;
    float4 o[4][PARTS_X];
    zero(o);
    for (int from = 0; from < at.length; from += STEP) {
        float4 s[4], p[SHARE / 4], sum = (float4)(0.0f);
        multiply_rows(s, stage, at, in.q, in.k, from);
        UNROLL for (int i = 0; i < 4; i++)
            s[i] = mask_keys(s[i] * scale, at.length - from - 4 * at.x);
        put_weights(weights, at, s);
        barrier(CLK_LOCAL_MEM_FENCE);

        float4 most = LOCAL4(row_weights);
        UNROLL for (int j = 4; j < STEP; j += 4) most = fmax(most, LOCAL4(row_weights + j));
        const float new_max = fmax(row_max, max4(most)), rescale = exp(row_max - new_max);
        UNROLL for (int j = 0; j < SHARE; j += 4) {
            p[j / 4] = exp(LOCAL4(row_weights + share + j) - new_max);
            sum += p[j / 4];
        }
        row_sum = row_sum * rescale + sum4(sum);
        row_max = new_max;
        barrier(CLK_LOCAL_MEM_FENCE); /* everyone has seen the row's scores */
        if (share == 0) rescales[slot] = rescale;
        UNROLL for (int j = 0; j < SHARE; j += 4)
            LOCAL4(row_weights + share + j) =
                p[j / 4] * keep_keys(DROPOUT(drop), row, from + share + j);
        barrier(CLK_LOCAL_MEM_FENCE);

        UNROLL for (int i = 0; i < 4; i++)
            UNROLL for (int c = 0; c < PARTS_X; c++) o[i][c] *= rescales[i * LANES_Y + at.y];
        add_weighted(o, weights, stage, at, in.v, from);
    }
    row_sums[at.lane] = row_sum;
    barrier(CLK_LOCAL_MEM_FENCE);
    row_sum = 0.0f;
    UNROLL for (int i = 0; i < SHARERS; i++) row_sum += row_sums[slot + i * BLOCK];
    if (share == 0) rescales[slot] = 1.0f / row_sum;
    if (share == 0 && mine < at.length) lse[row] = row_max + log(row_sum);
    barrier(CLK_LOCAL_MEM_FENCE);
    UNROLL for (int i = 0; i < 4; i++)
        UNROLL for (int c = 0; c < PARTS_X; c++) o[i][c] *= rescales[i * LANES_Y + at.y];
    store_rows(o, at, out + (long)at.begin * hidden + at.head * HEAD, (int)hidden);
}

/* delta[n, t] = d_out . out within head n of row t. */
kernel void attention_delta(global float *scratch, long offset, const global operand *d_out,
                            const global operand *out, long tokens, long hidden, long heads)
{
    global float *delta = scratch + offset;
    const long t = (long)get_global_id(0), head = (long)get_global_id(1);
    const long first = t * hidden + head * HEAD;
    float4 sum = (float4)(0.0f);
    if (t >= tokens) return;
    for (int c = 0; c < HEAD; c += 4)
        sum += load_head(d_out + first, c) * load_head(out + first, c);
    delta[head * tokens + t] = sum4(sum);
}

ATTENTION_KERNEL attention_d_query(global result *d_qkv, const global operand *d_out,
                                   const global float *lse, const global float *delta,
                                   const global operand *qkv, const global int *cu_seqlens,
                                   long tokens, long hidden, float scale, DROPOUT_PARAMETERS(drop))
{
    local float stage[STAGE] ALIGNED, weights[BLOCK * WEIGHTS] ALIGNED;
    const struct place at = place_of(cu_seqlens);
    if (at.block >= at.length) return;
    const struct sides in = sides_of(qkv, at, hidden);
    const struct rows d_o = rows_of(d_out, at, hidden);
    const long first = (long)at.head * tokens + at.begin;
    float4 d_q[4][PARTS_X];
    zero(d_q);
    for (int from = 0; from < at.length; from += STEP) {
        float4 s[4], d_p[4];
        multiply_rows(s, stage, at, in.q, in.k, from);
        multiply_rows(d_p, stage, at, d_o, in.v, from);
        UNROLL for (int i = 0; i < 4; i++) {
            const long row = first + min(at.block + 4 * at.y + i, at.length - 1);
            const float4 keep = keep_keys(DROPOUT(drop), row, from + 4 * at.x);
            const float4 p = exp(mask_keys(s[i] * scale, at.length - from - 4 * at.x) - lse[row]);
            s[i] = p * (d_p[i] * keep - delta[row]) * scale;
        }
        put_weights(weights, at, s);
        add_weighted(d_q, weights, stage, at, in.k, from);
    }
    store_rows(d_q, at, d_qkv + (in.q.first - qkv), in.q.stride);
}

ATTENTION_KERNEL attention_d_key_value(global result *d_qkv, const global operand *d_out,
                                       const global float *lse, const global float *delta,
                                       const global operand *qkv, const global int *cu_seqlens,
                                       long tokens, long hidden, float scale,
                                       DROPOUT_PARAMETERS(drop))
{
    local float stage[STAGE] ALIGNED, weights[BLOCK * WEIGHTS] ALIGNED;
    local float d_scores[BLOCK * WEIGHTS] ALIGNED;
    const struct place at = place_of(cu_seqlens);
    if (at.block >= at.length) return;
    const struct sides in = sides_of(qkv, at, hidden);
    const struct rows d_o = rows_of(d_out, at, hidden);
    const long first = (long)at.head * tokens + at.begin;
    float4 d_k[4][PARTS_X], d_v[4][PARTS_X];
    zero(d_k);
    zero(d_v);
    for (int from = 0; from < at.length; from += STEP) {
        float4 s[4], d_p[4];
        multiply_rows(s, stage, at, in.k, in.q, from);
        multiply_rows(d_p, stage, at, in.v, d_o, from);
        transpose4(s); /* four keys of a query together, as Philox has them */
        transpose4(d_p);
        UNROLL for (int i = 0; i < 4; i++) {
            const int query = from + 4 * at.x + i;
            const long row = first + min(query, at.length - 1);
            const float4 keep = keep_keys(DROPOUT(drop), row, at.block + 4 * at.y);
            const float4 p = query < at.length ? exp(s[i] * scale - lse[row]) : (float4)(0.0f);
            d_p[i] = p * (d_p[i] * keep - delta[row]) * scale;
            s[i] = p * keep;
        }
        transpose4(s);
        transpose4(d_p);
        put_weights(weights, at, s);
        put_weights(d_scores, at, d_p);
        add_weighted(d_v, weights, stage, at, d_o, from);
        add_weighted(d_k, d_scores, stage, at, in.q, from);
    }
    store_rows(d_k, at, d_qkv + (in.k.first - qkv), in.k.stride);
    store_rows(d_v, at, d_qkv + (in.v.first - qkv), in.v.stride);
}
