/* SPDX-License-Identifier: Apache-2.0 */
/* Attention over packed sequences, for GPUs: online softmax (Milakov & Gimelshein, 2018) by tiles,
 * as FlashAttention does (Dao et al., 2022). Scores are never stored.
 *
 * Forward, query i of head n against the keys j of its own sequence, four at a time:
 *
 *   s_j = scale q_i . k_j,   scale = 1 / sqrt(D)
 *   m'  = max(m, s_j);   c = exp(m - m')                     row_max, new_max, rescale
 *   l   = c l + sum of exp(s_j - m')                         row_sum
 *   o   = c o + sum of keep_ij exp(s_j - m') v_j             dropout hits o, not l
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
 *   work-group (block, sequence b, head n):       rows of the other side of b and n
 *                                               | TILE | TILE | TILE | ...
 *     ATTENTION_BLOCK rows, one a work-item,  --+------+------+------+--
 *     in registers: forward  q, o               | ===> all work-items walk the tiles together:
 *                   d_query  q, d_out, d_q      | load into local memory, barrier, use, barrier
 *                   d_k, d_v k, v, d_k, d_v     |
 *
 * A block that begins past its sequence's end returns as a whole; work-items past it inside a block
 * repeat the last row, so that all meet at the barriers, and store nothing.
 *
 * ATTENTION_BLOCK  from the table of shapes: a whole number of wavefronts
 * HEAD             D, known to the compiler, so that it may keep rows in registers: 2 D floats of a
 *                  work-item in forward, 3 D and 4 D in backward; what does not fit is spilled
 * TILE             rows of the other side at once, a multiple of 4: two tiles are 2 TILE D floats
 *                  of local memory, 16 KiB up to D = 512 */
#if W != 4
#error "attention.cl is written for W = 4; attention_wide.cl for 16"
#endif
#if !defined(HEAD) || !defined(ATTENTION_BLOCK) || !defined(MAX_SEQLEN)
#error "compile with the options of ocl_shape_options and ocl_attention_options"
#endif
#define HEAD4 ((HEAD + 3) / 4)
#if HEAD <= 64
#define TILE 32
#elif HEAD <= 128
#define TILE 16
#elif HEAD <= 256
#define TILE 8
#else
#define TILE 4
#endif
#define ATTENTION_KERNEL kernel __attribute__((reqd_work_group_size(ATTENTION_BLOCK, 1, 1))) void

static inline float4 load_head(const global float *p, int c)
{
#if HEAD % 4 == 0
    return vload4(c, p);
#else
    float4 x = (float4)(0.0f);
    x.x = p[4 * c];
    if (4 * c + 1 < HEAD) x.y = p[4 * c + 1];
    if (4 * c + 2 < HEAD) x.z = p[4 * c + 2];
    if (4 * c + 3 < HEAD) x.w = p[4 * c + 3];
    return x;
#endif
}

static inline void store_head(float4 x, global float *p, int c)
{
#if HEAD % 4 == 0
    vstore4(x, c, p);
#else
    p[4 * c] = x.x;
    if (4 * c + 1 < HEAD) p[4 * c + 1] = x.y;
    if (4 * c + 2 < HEAD) p[4 * c + 2] = x.z;
    if (4 * c + 3 < HEAD) p[4 * c + 3] = x.w;
#endif
}

/* Rows from .. from + TILE - 1 of a matrix into local memory; zeros past `rows`. */
INLINE void load_tile(local float4 *tile, const global float *x, long stride, long from, long rows)
{
    for (int i = (int)get_local_id(0); i < TILE * HEAD4; i += ATTENTION_BLOCK) {
        const long r = from + i / HEAD4;
        tile[i] = r < rows ? load_head(x + r * stride, i % HEAD4) : (float4)(0.0f);
    }
}

INLINE float dot_head(const float4 *a, const local float4 *b)
{
    float4 sum = (float4)(0.0f);
    for (int c = 0; c < HEAD4; c++) sum += a[c] * b[c];
    return sum4(sum);
}

/* Products with four rows of a tile. */
INLINE float4 dots(const float4 *a, const local float4 *b)
{
    return (float4)(dot_head(a, b), dot_head(a, b + HEAD4), dot_head(a, b + 2 * HEAD4),
                    dot_head(a, b + 3 * HEAD4));
}

/* What probabilities of keys j .. j + 3 (j % 4 == 0) of query `row` = n * T + t are multiplied
 * by. */
static inline float4 keep_keys(struct dropout d, long row, long j)
{
    if (!drops(d)) return (float4)(1.0f);
    const uint4 bits = philox(d.random, (ulong)row * (MAX_SEQLEN / 4) + (ulong)(j / 4));
    return select((float4)(0.0f), (float4)(d.keep_scale), bits >= d.threshold);
}

static inline float keep_key(struct dropout d, long row, long j)
{
    if (!drops(d)) return 1.0f;
    const uint bits = random_u32(d.random, (ulong)row * MAX_SEQLEN + (ulong)j);
    return bits >= d.threshold ? d.keep_scale : 0.0f;
}

ATTENTION_KERNEL attention_forward(global float *out, global float *lse, const global float *qkv,
                                   const global int *cu_seqlens, long tokens, long hidden,
                                   float scale, DROPOUT_PARAMETERS(drop))
{
    local float4 keys[TILE * HEAD4], values[TILE * HEAD4];
    const long begin = cu_seqlens[get_group_id(1)];
    const long length = cu_seqlens[get_group_id(1) + 1] - begin;
    const long block = (long)get_group_id(0) * ATTENTION_BLOCK, head = (long)get_group_id(2);
    if (block >= length) return; /* the whole group */
    const long i = min(block + (long)get_local_id(0), length - 1), t = begin + i;
    const global float *base = qkv + begin * 3 * hidden + head * HEAD;
    float4 q[HEAD4], o[HEAD4];
    float row_max = -INFINITY, row_sum = 0.0f;
    for (int c = 0; c < HEAD4; c++) {
        q[c] = load_head(base + i * 3 * hidden, c) * scale;
        o[c] = (float4)(0.0f);
    }
    for (long from = 0; from < length; from += TILE) {
        barrier(CLK_LOCAL_MEM_FENCE);
        load_tile(keys, base + hidden, 3 * hidden, from, length);
        load_tile(values, base + 2 * hidden, 3 * hidden, from, length);
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int j = 0; j < TILE && from + j < length; j += 4) {
            const local float4 *k = keys + j * HEAD4, *v = values + j * HEAD4;
            const long left = length - from - j;
            const float4 s = keep_lanes(dots(q, k), left, -INFINITY);
            const float new_max = fmax(row_max, max4(s)), rescale = exp(row_max - new_max);
            float4 p = exp(s - new_max);
            row_sum = row_sum * rescale + sum4(p);
            row_max = new_max;
            p *= keep_keys(DROPOUT(drop), head * tokens + t, from + j);
            for (int c = 0; c < HEAD4; c++)
                o[c] = o[c] * rescale + p.x * v[c] + p.y * v[HEAD4 + c] + p.z * v[2 * HEAD4 + c] +
                       p.w * v[3 * HEAD4 + c];
        }
    }
    if (block + (long)get_local_id(0) >= length) return;
    for (int c = 0; c < HEAD4; c++) store_head(o[c] / row_sum, out + t * hidden + head * HEAD, c);
    lse[head * tokens + t] = row_max + log(row_sum);
}

/* delta[n, t] = d_out . out within head n of row t. */
kernel void attention_delta(global float *scratch, long offset, const global float *d_out,
                            const global float *out, long tokens, long hidden, long heads)
{
    global float *delta = scratch + offset;
    const long t = (long)get_global_id(0), head = (long)get_global_id(1);
    const long at = t * hidden + head * HEAD;
    float4 sum = (float4)(0.0f);
    if (t >= tokens) return;
    for (int c = 0; c < HEAD4; c++) sum += load_head(d_out + at, c) * load_head(out + at, c);
    delta[head * tokens + t] = sum4(sum);
}

ATTENTION_KERNEL attention_d_query(global float *d_qkv, const global float *d_out,
                                   const global float *lse, const global float *delta,
                                   const global float *qkv, const global int *cu_seqlens,
                                   long tokens, long hidden, float scale, DROPOUT_PARAMETERS(drop))
{
    local float4 keys[TILE * HEAD4], values[TILE * HEAD4];
    const long begin = cu_seqlens[get_group_id(1)];
    const long length = cu_seqlens[get_group_id(1) + 1] - begin;
    const long block = (long)get_group_id(0) * ATTENTION_BLOCK, head = (long)get_group_id(2);
    if (block >= length) return;
    const long i = min(block + (long)get_local_id(0), length - 1), t = begin + i;
    const long row = head * tokens + t;
    const global float *base = qkv + begin * 3 * hidden + head * HEAD;

    float4 q[HEAD4], d_o[HEAD4], d_q[HEAD4];
    for (int c = 0; c < HEAD4; c++) {
        q[c] = load_head(base + i * 3 * hidden, c) * scale;
        d_o[c] = load_head(d_out + t * hidden + head * HEAD, c);
        d_q[c] = (float4)(0.0f);
    }
    for (long from = 0; from < length; from += TILE) {
        barrier(CLK_LOCAL_MEM_FENCE);
        load_tile(keys, base + hidden, 3 * hidden, from, length);
        load_tile(values, base + 2 * hidden, 3 * hidden, from, length);
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int j = 0; j < TILE && from + j < length; j += 4) {
            const local float4 *k = keys + j * HEAD4, *v = values + j * HEAD4;
            const float4 s = dots(q, k), keep = keep_keys(DROPOUT(drop), row, from + j);
            /* lse and delta are read here: Intel's CPU compiler (2026.22) mixes up the work-items'
             * values where they are kept across the barrier. */
            const float4 p = exp(keep_lanes(s, length - from - j, -INFINITY) - lse[row]);
            const float4 d_s = p * (dots(d_o, v) * keep - delta[row]) * scale;
            for (int c = 0; c < HEAD4; c++)
                d_q[c] += d_s.x * k[c] + d_s.y * k[HEAD4 + c] + d_s.z * k[2 * HEAD4 + c] +
                          d_s.w * k[3 * HEAD4 + c];
        }
    }
    if (block + (long)get_local_id(0) >= length) return;
    for (int c = 0; c < HEAD4; c++) store_head(d_q[c], d_qkv + t * 3 * hidden + head * HEAD, c);
}

ATTENTION_KERNEL attention_d_key_value(global float *d_qkv, const global float *d_out,
                                       const global float *lse, const global float *delta,
                                       const global float *qkv, const global int *cu_seqlens,
                                       long tokens, long hidden, float scale,
                                       DROPOUT_PARAMETERS(drop))
{
    local float4 queries[TILE * HEAD4], d_outs[TILE * HEAD4];
    const long begin = cu_seqlens[get_group_id(1)];
    const long length = cu_seqlens[get_group_id(1) + 1] - begin;
    const long block = (long)get_group_id(0) * ATTENTION_BLOCK, head = (long)get_group_id(2);
    if (block >= length) return;
    const long j = min(block + (long)get_local_id(0), length - 1), first = head * tokens + begin;
    const global float *base = qkv + begin * 3 * hidden + head * HEAD;
    float4 k[HEAD4], v[HEAD4], d_k[HEAD4], d_v[HEAD4];
    for (int c = 0; c < HEAD4; c++) {
        k[c] = load_head(base + j * 3 * hidden + hidden, c) * scale;
        v[c] = load_head(base + j * 3 * hidden + 2 * hidden, c);
        d_k[c] = d_v[c] = (float4)(0.0f);
    }
    for (long from = 0; from < length; from += TILE) {
        const int count = (int)min((long)TILE, length - from);
        barrier(CLK_LOCAL_MEM_FENCE);
        load_tile(queries, base, 3 * hidden, from, length);
        load_tile(d_outs, d_out + begin * hidden + head * HEAD, hidden, from, length);
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int i = 0; i < count; i++) {
            const local float4 *q = queries + i * HEAD4, *d_o = d_outs + i * HEAD4;
            const long row = first + from + i;
            const float p = exp(dot_head(k, q) - lse[row]);
            const float keep = keep_key(DROPOUT(drop), row, j);
            const float d_s = p * (dot_head(v, d_o) * keep - delta[row]) * scale;
            const float kept = p * keep;
            for (int c = 0; c < HEAD4; c++) {
                d_v[c] += kept * d_o[c];
                d_k[c] += d_s * q[c];
            }
        }
    }
    if (block + (long)get_local_id(0) >= length) return;
    global float *to = d_qkv + (begin + j) * 3 * hidden + head * HEAD;
    for (int c = 0; c < HEAD4; c++) {
        store_head(d_k[c], to + hidden, c);
        store_head(d_v[c], to + 2 * hidden, c);
    }
}
