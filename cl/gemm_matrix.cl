/* SPDX-License-Identifier: Apache-2.0 */
/* Products C [m, n] = A B, or C += A B, of bf16, fp16 or tf32 operands by a GPU's matrix engine: lanes
 * of a sub-group hold small matrices together, and an instruction multiplies them and sums in fp32.
 * Operands lie as in gemm.cl, and the host cuts C and K likewise (MWG, NWG, KWG, KWI, k_part).
 *
 *      b_tile [NWG][KWG + PAD]      Both tiles have a row for each line (a row of A, a column of B)
 *      +----------------+           along which K runs, as every engine wants it; where K is the
 *      +----------------+           slow index in memory, blocks of 4 x 4 are transposed in
 *   +--+ +----+----+----+           registers on the way. Each tile is there twice: while one pair
 *   |  | |s 0 |s 1 |    |           is multiplied, the next comes: one barrier for KWG steps.
 *   |  | |    |    |    |           A sub-group s has SUB_M x SUB_N of C, in FM x FN fragments:
 *   |  | +----+----+----+           64 sums a work-item, so that work-items are MWG NWG / 64.
 *   |  | |    |    |    |           Rows are 80 bytes: eight of them, 16 bytes each, are read from
 *   +--+ +----+----+----+           32 different banks, and blocks of 4 x 4 written likewise.
 *   a_tile [MWG][KWG + PAD]         Local memory: 160 (MWG + NWG) bytes.
 *
 * The engines: who holds what of the fragments A [FRAG_M, 16], B [16, FRAG_N] and C. A lane has of
 * A and B slots s of 16 bits, of C elements e of 32. This is the one place that says which. Numbers
 * of tf32 are slots of 32 bits (mma alone): half as many, and half as many steps, 8.
 *
 *          SUB_LANES FRAG_M FRAG_N   slot of A: row, step           slot of B: column, step
 *   mma        32      16      8     lane / 4 + 8 (s / 2 % 2),      lane / 4,
 *                                    2 (lane % 4) + s % 2           2 (lane % 4) + s % 2
 *                                                 + 8 (s / 4)                    + 8 (s / 2)
 *     of tf32                        lane / 4 + 8 (s % 2),          lane / 4,
 *                                    lane % 4 + 4 (s / 2)           lane % 4 + 4 s
 *   mfma       64      32     32     lane % 32, 8 (lane / 32) + s   lane % 32, 8 (lane / 32) + s
 *   wmma       32      16     16     lane % 16, s                   lane % 16, s
 *   dpas16     16       8     16     s, lane                        lane, s
 *   dpas8       8       8      8     s / 2, 2 lane + s % 2          lane, s
 *
 *            element of C: row                    column
 *   mma      lane / 4 + 8 (e / 2)                 2 (lane % 4) + e % 2
 *   mfma     8 (e / 4) + 4 (lane / 32) + e % 4    lane % 32
 *   wmma     2 e + lane / 16                      lane % 16
 *   dpas     e                                    lane
 *
 *   mma      NVIDIA from sm_80 on: mma.sync.m16n8k16 of PTX, m16n8k8 of tf32; operands by ldmatrix
 *   mfma     AMD gfx90a, gfx94x, gfx950: twice v_mfma_f32_32x32x8. The first sums steps 0-3 and
 *            8-11, the second the others, so that a lane reads 16 bytes that lie together
 *   wmma     AMD gfx11: v_wmma_f32_16x16x16
 *   dpas16   Intel: cl_intel_subgroup_matrix_multiply_accumulate with sub-groups of 16
 *   dpas8    the same with sub-groups of 8 (Arc A)
 *
 * EMULATED runs an engine's tiles, loads and stores on any device; only the instruction is plain
 * OpenCL C then: lanes put their slots into local memory where the table says, and sum from there.
 * That the table is the hardware's, only the hardware shows: the host compares a product before.
 *
 * Edges as in gemm.cl, but steps past the end of K are zeros. Every element of C is summed in the
 * same order every time; within a fragment's steps it is the engine's own. */
#define ENGINE_MMA 1
#define ENGINE_MFMA 2
#define ENGINE_WMMA 3
#define ENGINE_DPAS16 4
#define ENGINE_DPAS8 5
#if !defined(ENGINE) || !defined(EMULATED) || !defined(MWG) || !defined(NWG) || !defined(KWG) || \
    !defined(KWI) || !defined(A_K_MAJOR) || !defined(B_K_MAJOR) || !defined(A_VECTOR) ||          \
    !defined(B_VECTOR)
#error "compile with the options of ocl_tile_options"
#endif

/* A number as it lies in the tiles and in slots, and how many make 32 bits. */
#define SLOTS_OF_bf16 2
#define SLOTS_OF_fp16 2
#define SLOTS_OF_tf32 1
#define IN_WORD JOIN(SLOTS_OF_, OPERANDS)
#if IN_WORD == 1
#define UNIT uint
#define TAKE(p) as_uint(operand_at(p))
#define TAKE4(p) as_uint4(operand_load4(p))
#define STEPS 8 /* of K, in a fragment */
#else
#define UNIT ushort
#define TAKE(p) (*(p))
#define TAKE4(p) (*(const global ushort4 *)(p))
#define STEPS 16
#endif
typedef UNIT unit;
typedef JOIN(UNIT, 4) unit4;
#if IN_WORD == 1 && ENGINE != ENGINE_MMA
#error "this engine has no tf32"
#endif

#if ENGINE == ENGINE_MMA
#define SUB_LANES 32
#define FRAG_M 16
#define FRAG_N 8
#if IN_WORD == 1
#define A_SLOTS 4
#define B_SLOTS 2
#else
#define A_SLOTS 8
#define B_SLOTS 4
#endif
#define C_ELEMENTS 4
#define SUB_M 64
#define SUB_N 32
#define A_ROW(lane, s) ((lane) / 4 + (s) / IN_WORD % 2 * 8)
#define A_STEP(lane, s) ((lane) % 4 * IN_WORD + (s) % IN_WORD + (s) / (2 * IN_WORD) * 4 * IN_WORD)
#define B_COLUMN(lane, s) ((lane) / 4)
#define B_STEP(lane, s) ((lane) % 4 * IN_WORD + (s) % IN_WORD + (s) / IN_WORD * 4 * IN_WORD)
#define C_ROW(lane, e) ((lane) / 4 + (e) / 2 * 8)
#define C_COLUMN(lane, e) ((lane) % 4 * 2 + (e) % 2)
#elif ENGINE == ENGINE_MFMA
#define SUB_LANES 64
#define FRAG_M 32
#define FRAG_N 32
#define A_SLOTS 8
#define B_SLOTS 8
#define C_ELEMENTS 16
#define SUB_M 64
#define SUB_N 64
#define A_ROW(lane, s) ((lane) % 32)
#define A_STEP(lane, s) ((lane) / 32 * 8 + (s))
#define B_COLUMN A_ROW
#define B_STEP A_STEP
#define C_ROW(lane, e) ((e) / 4 * 8 + (lane) / 32 * 4 + (e) % 4)
#define C_COLUMN(lane, e) ((lane) % 32)
#elif ENGINE == ENGINE_WMMA
#define SUB_LANES 32
#define FRAG_M 16
#define FRAG_N 16
#define A_SLOTS 16
#define B_SLOTS 16
#define C_ELEMENTS 8
#define SUB_M 64
#define SUB_N 32
#define A_ROW(lane, s) ((lane) % 16)
#define A_STEP(lane, s) (s)
#define B_COLUMN A_ROW
#define B_STEP A_STEP
#define REPEATS(lane) ((lane) >= 16) /* has the same operands as another */
#define C_ROW(lane, e) ((e)*2 + (lane) / 16)
#define C_COLUMN(lane, e) ((lane) % 16)
#elif ENGINE == ENGINE_DPAS16
#define SUB_LANES 16
#define FRAG_M 8
#define FRAG_N 16
#define A_SLOTS 8
#define B_SLOTS 16
#define C_ELEMENTS 8
#define SUB_M 32
#define SUB_N 32
#define A_ROW(lane, s) (s)
#define A_STEP(lane, s) (lane)
#define B_COLUMN(lane, s) (lane)
#define B_STEP(lane, s) (s)
#define C_ROW(lane, e) (e)
#define C_COLUMN(lane, e) (lane)
#elif ENGINE == ENGINE_DPAS8
#define SUB_LANES 8
#define FRAG_M 8
#define FRAG_N 8
#define A_SLOTS 16
#define B_SLOTS 16
#define C_ELEMENTS 8
#define SUB_M 32
#define SUB_N 16
#define A_ROW(lane, s) ((s) / 2)
#define A_STEP(lane, s) ((lane)*2 + (s) % 2)
#define B_COLUMN(lane, s) (lane)
#define B_STEP(lane, s) (s)
#define C_ROW(lane, e) (e)
#define C_COLUMN(lane, e) (lane)
#else
#error "ENGINE is one of these"
#endif

#define FM (SUB_M / FRAG_M)
#define FN (SUB_N / FRAG_N)
#define SUBS_ACROSS (NWG / SUB_N)
#define ITEMS (MWG / SUB_M * SUBS_ACROSS * SUB_LANES)
#define PAD (4 * IN_WORD) /* 16 bytes */
#define ROW (KWG + PAD)
/* Blocks of 4 x 4 that a work-item brings: some of A and of B, or one of either. */
#define EITHER (MWG == NWG && MWG * KWG / 16 * 2 == ITEMS)
#define A_BLOCKS (EITHER ? 1 : MWG * KWG / 16 / ITEMS)
#define B_BLOCKS (EITHER ? 1 : NWG * KWG / 16 / ITEMS)
#if MWG % SUB_M || NWG % SUB_N || KWG % STEPS || \
    (!EITHER && (MWG * KWG / 16 % ITEMS || NWG * KWG / 16 % ITEMS))
#error "sub-groups have whole fragments, and work-items bring whole blocks"
#endif

#if EMULATED /* on CPUs, which would compile for long */
#define FRAGMENTS
#else
#define FRAGMENTS UNROLL
#endif
#define EACH_SUM(i, j, e)                                           \
    FRAGMENTS for (int i = 0; i < FM; i++)                          \
        FRAGMENTS for (int j = 0; j < FN; j++)                      \
            FRAGMENTS for (int e = 0; e < C_ELEMENTS; e++)
typedef JOIN(UNIT, A_SLOTS) a_fragment;
typedef JOIN(UNIT, B_SLOTS) b_fragment;
#define AS_A JOIN(as_, JOIN(UNIT, A_SLOTS))
#define AS_B JOIN(as_, JOIN(UNIT, B_SLOTS))
typedef union {
    JOIN(float, C_ELEMENTS) all;
    float e[C_ELEMENTS];
} c_fragment;

/* ---- fragments from a tile: `from` is at their first line and step ---- */

#define CONST_USHORT8(p) (*(const local ushort8 *)(p))
#define CONST_UINT(p) (*(const local uint *)(p))

#if ENGINE == ENGINE_MMA
/* ldmatrix brings four (for B two) matrices of 8 rows of 16 bytes: lane l names row l % 8 of matrix
 * l / 8, and gets word l % 4 of row l / 4 of each. */
#define A_NAMES(l) ((l) % 16 * ROW + (l) / 16 * 4 * IN_WORD)
#define B_NAMES(l) ((l) % 8 * ROW + (l) / 8 % 2 * 4 * IN_WORD)
#if EMULATED
#define GETS(names, matrix) CONST_UINT(from + names((matrix)*8 + lane / 4) + lane % 4 * IN_WORD)
INLINE a_fragment load_a(const local unit *from, int lane)
{
    return AS_A((uint4)(GETS(A_NAMES, 0), GETS(A_NAMES, 1), GETS(A_NAMES, 2), GETS(A_NAMES, 3)));
}

INLINE b_fragment load_b(const local unit *from, int lane)
{
    return AS_B((uint2)(GETS(B_NAMES, 0), GETS(B_NAMES, 1)));
}
#else
/* A pointer to local memory, as an integer, is the address in shared memory that ldmatrix wants:
 * NVIDIA's OpenCL C has no generic pointers here. Where it were otherwise, the check of a product
 * fails, and the engine is not used. */
#define SHARED_ADDRESS(p) ((uint)(size_t)(p))

INLINE a_fragment load_a(const local unit *from, int lane)
{
    uint x, y, z, w;
    __asm__ volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                     : "=r"(x), "=r"(y), "=r"(z), "=r"(w)
                     : "r"(SHARED_ADDRESS(from + A_NAMES(lane)))
                     : "memory");
    return AS_A((uint4)(x, y, z, w));
}

INLINE b_fragment load_b(const local unit *from, int lane)
{
    uint x, y;
    __asm__ volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];"
                     : "=r"(x), "=r"(y)
                     : "r"(SHARED_ADDRESS(from + B_NAMES(lane)))
                     : "memory");
    return AS_B((uint2)(x, y));
}
#endif
#elif ENGINE == ENGINE_MFMA
INLINE a_fragment load_a(const local unit *from, int lane)
{
    return CONST_USHORT8(from + lane % 32 * ROW + lane / 32 * 8);
}
#define load_b load_a
#else
/* The 16 steps of a line. */
INLINE b_fragment load_line(const local unit *from, int line)
{
    return (ushort16)(CONST_USHORT8(from + line * ROW), CONST_USHORT8(from + line * ROW + 8));
}
#if ENGINE == ENGINE_WMMA
#define load_a(from, lane) load_line(from, (lane) % 16)
#define load_b load_a
#elif ENGINE == ENGINE_DPAS16
#define load_b load_line
INLINE a_fragment load_a(const local unit *from, int lane)
{
    from += lane;
    return (ushort8)(from[0], from[ROW], from[2 * ROW], from[3 * ROW], from[4 * ROW], from[5 * ROW],
                     from[6 * ROW], from[7 * ROW]);
}
#else
#define load_b load_line
INLINE a_fragment load_a(const local unit *from, int lane)
{
    from += lane * 2;
    return as_ushort16((uint8)(CONST_UINT(from), CONST_UINT(from + ROW), CONST_UINT(from + 2 * ROW),
                               CONST_UINT(from + 3 * ROW), CONST_UINT(from + 4 * ROW),
                               CONST_UINT(from + 5 * ROW), CONST_UINT(from + 6 * ROW),
                               CONST_UINT(from + 7 * ROW)));
}
#endif
#endif

/* ---- sums += a b, by the engine's instruction ---- */

#if EMULATED
#define SUB_GROUPS
#define LANE ((int)get_local_id(0) % SUB_LANES)
#define SUB ((int)get_local_id(0) / SUB_LANES)
#define EXCHANGED ((SUB_M + SUB_N) * STEPS) /* numbers of a sub-group */
#define EXCHANGE(name)                                                                             \
    local unit name[ITEMS / SUB_LANES * EXCHANGED] __attribute__((aligned(32)))
#ifndef REPEATS
#define REPEATS(lane) false
#endif
/* The sum over the steps of a fragment. */
#if IN_WORD == 1
#define LINE(p, i) as_float8(vload8(i, p))
INLINE float sum_steps(float8 x)
{
    return sum4(x.lo + x.hi);
}
#else
#define LINE(p, i) JOIN(OPERANDS, _widen16)(vload16(i, p))
INLINE float sum_steps(float16 x)
{
    return sum4(x.lo.lo + x.lo.hi + x.hi.lo + x.hi.hi);
}
#endif

INLINE void multiply(c_fragment sums[FM][FN], const a_fragment a[FM], const b_fragment b[FN],
                     int lane, local unit *exchange)
{
    local unit *all_a = exchange + SUB * EXCHANGED, *all_b = all_a + SUB_M * STEPS;
    for (int i = 0; i < (REPEATS(lane) ? 0 : FM); i++) {
        unit slots[A_SLOTS];
        JOIN(vstore, A_SLOTS)(a[i], 0, slots);
        for (int s = 0; s < A_SLOTS; s++)
            all_a[(i * FRAG_M + A_ROW(lane, s)) * STEPS + A_STEP(lane, s)] = slots[s];
    }
    for (int j = 0; j < (REPEATS(lane) ? 0 : FN); j++) {
        unit slots[B_SLOTS];
        JOIN(vstore, B_SLOTS)(b[j], 0, slots);
        for (int s = 0; s < B_SLOTS; s++)
            all_b[(j * FRAG_N + B_COLUMN(lane, s)) * STEPS + B_STEP(lane, s)] = slots[s];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    EACH_SUM(i, j, e) {
        const int row = i * FRAG_M + C_ROW(lane, e), column = j * FRAG_N + C_COLUMN(lane, e);
        sums[i][j].e[e] += sum_steps(LINE(all_a, row) * LINE(all_b, column));
    }
    barrier(CLK_LOCAL_MEM_FENCE);
}
#else
#define EXCHANGE(name) local unit *const name = 0
#if ENGINE == ENGINE_DPAS16 || ENGINE == ENGINE_DPAS8
#pragma OPENCL EXTENSION cl_intel_subgroups : enable
#pragma OPENCL EXTENSION cl_intel_subgroup_matrix_multiply_accumulate : enable
#define SUB_GROUPS __attribute__((intel_reqd_sub_group_size(SUB_LANES)))
#define LANE ((int)get_sub_group_local_id())
#define SUB ((int)get_sub_group_id())
#else
#define SUB_GROUPS
#define LANE ((int)get_local_id(0) % SUB_LANES)
#define SUB ((int)get_local_id(0) / SUB_LANES)
#endif

#if ENGINE == ENGINE_MFMA || ENGINE == ENGINE_WMMA
#pragma OPENCL EXTENSION cl_khr_fp16 : enable
#endif
#if ENGINE == ENGINE_MMA
#define TYPES_bf16 "bf16.bf16"
#define TYPES_fp16 "f16.f16"
#define TYPES_tf32 "tf32.tf32"
#define TYPES JOIN(TYPES_, OPERANDS)
#if IN_WORD == 1
#define SHAPE "m16n8k8"
#else
#define SHAPE "m16n8k16"
#endif
INLINE void multiply_fragment(c_fragment *c, a_fragment a, b_fragment b)
{
    const uint4 x = as_uint4(a);
    const uint2 y = as_uint2(b);
    __asm__ volatile(
        "mma.sync.aligned." SHAPE ".row.col.f32." TYPES ".f32 "
        "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%10, %11, %12, %13};"
        : "=f"(c->e[0]), "=f"(c->e[1]), "=f"(c->e[2]), "=f"(c->e[3])
        : "r"(x.x), "r"(x.y), "r"(x.z), "r"(x.w), "r"(y.x), "r"(y.y), "f"(c->e[0]), "f"(c->e[1]),
          "f"(c->e[2]), "f"(c->e[3]));
}
#elif ENGINE == ENGINE_MFMA
#define MFMA_bf16(a, b, c)                                                                         \
    __builtin_amdgcn_mfma_f32_32x32x8bf16_1k(as_short4(a), as_short4(b), c, 0, 0, 0)
#define MFMA_fp16(a, b, c)                                                                         \
    __builtin_amdgcn_mfma_f32_32x32x8f16(as_half4(a), as_half4(b), c, 0, 0, 0)
#define MFMA JOIN(MFMA_, OPERANDS)
INLINE void multiply_fragment(c_fragment *c, a_fragment a, b_fragment b)
{
    c->all = MFMA(a.hi, b.hi, MFMA(a.lo, b.lo, c->all));
}
#elif ENGINE == ENGINE_WMMA
#define WMMA_bf16(a, b, c)                                                                         \
    __builtin_amdgcn_wmma_f32_16x16x16_bf16_w32(as_short16(a), as_short16(b), c)
#define WMMA_fp16(a, b, c) __builtin_amdgcn_wmma_f32_16x16x16_f16_w32(as_half16(a), as_half16(b), c)
INLINE void multiply_fragment(c_fragment *c, a_fragment a, b_fragment b)
{
    c->all = JOIN(WMMA_, OPERANDS)(a, b, c->all);
}
#else
#define DPAS_bf16 intel_sub_group_bf16_bf16_matrix_mad_k16
#define DPAS_fp16 intel_sub_group_f16_f16_matrix_mad_k16
#define DPAS JOIN(DPAS_, OPERANDS)
#if ENGINE == ENGINE_DPAS16
#define DPAS_A short8
#else
#define DPAS_A int8
#endif
#ifdef DECLARE_DPAS /* for compilers that do not know it: tools/check-kernels */
uint get_sub_group_id(void), get_sub_group_local_id(void);
float8 __attribute__((overloadable)) DPAS(DPAS_A a, int8 b, float8 c);
#endif
INLINE void multiply_fragment(c_fragment *c, a_fragment a, b_fragment b)
{
    c->all = DPAS(JOIN(as_, DPAS_A)(a), as_int8(b), c->all);
}
#endif

INLINE void multiply(c_fragment sums[FM][FN], const a_fragment a[FM], const b_fragment b[FN],
                     int lane, local unit *exchange)
{
    FRAGMENTS for (int i = 0; i < FM; i++)
        FRAGMENTS for (int j = 0; j < FN; j++) multiply_fragment(&sums[i][j], a[i], b[j]);
}
#endif

/* KWG steps of the sub-group's tile: a and b are its first lines. */
INLINE void multiply_tiles(c_fragment sums[FM][FN], const local unit *a, const local unit *b,
                           int lane, local unit *exchange)
{
    UNROLL_BY(KWI / STEPS) for (int k = 0; k < KWG; k += STEPS) {
        a_fragment left[FM];
        b_fragment right[FN];
        FRAGMENTS for (int i = 0; i < FM; i++) left[i] = load_a(a + i * FRAG_M * ROW + k, lane);
        FRAGMENTS for (int j = 0; j < FN; j++) right[j] = load_b(b + j * FRAG_N * ROW + k, lane);
        multiply(sums, left, right, lane, exchange);
    }
}

/* ---- tiles from global memory ---- */

/* Four numbers of an operand: steps k .. k + 3 of line `line`, or, k_major, lines line .. line + 3
 * of step k. Past their end the last line is repeated, and steps are zero. */
static inline unit4 load_operand(const global operand *x, int line, int lines, int k, int k_total,
                                   int k_major, int vector)
{
    const int i = k_major ? line : k, end = k_major ? lines : k_total;
    const int left = k_total - k, each = k_major ? 0 : 1;
    unit4 four;
    x += k_major ? (long)min(k, k_total - 1) * lines : (long)min(line, lines - 1) * k_total;
    if (vector) {
        four = TAKE4(x + min(i, end - 4));
        return left > 0 ? four : (unit4)(0);
    }
    four = (unit4)(TAKE(x + min(i, end - 1)), TAKE(x + min(i + 1, end - 1)),
                   TAKE(x + min(i + 2, end - 1)), TAKE(x + min(i + 3, end - 1)));
    return (unit4)(left > 0 ? four.x : 0, left > each ? four.y : 0, left > 2 * each ? four.z : 0,
                   left > 3 * each ? four.w : 0);
}

/* Block e of 4 lines and 4 steps of a tile that begins at `first` and k. Eight neighbours bring
 * what lies together along K. */
#define BLOCK_LINE(e) ((e) / (KWG / 4) * 4)
#define BLOCK_STEP(e) ((e) % (KWG / 4) * 4)
INLINE void bring(unit4 block[4], const global operand *x, int e, int first, int lines, int k,
                  int k_total, int k_major, int vector)
{
    const int line = first + BLOCK_LINE(e), step = k + BLOCK_STEP(e);
    UNROLL for (int i = 0; i < 4; i++)
        block[i] = k_major ? load_operand(x, line, lines, step + i, k_total, 1, vector)
                           : load_operand(x, line + i, lines, step, k_total, 0, vector);
}

INLINE void put(local unit *tile, const unit4 block[4], int e, int k_major)
{
    const unit4 p = block[0], q = block[1], r = block[2], s = block[3];
    local unit *to = tile + BLOCK_LINE(e) * ROW + BLOCK_STEP(e);
    *(local unit4 *)to = k_major ? (unit4)(p.x, q.x, r.x, s.x) : p;
    *(local unit4 *)(to + ROW) = k_major ? (unit4)(p.y, q.y, r.y, s.y) : q;
    *(local unit4 *)(to + 2 * ROW) = k_major ? (unit4)(p.z, q.z, r.z, s.z) : r;
    *(local unit4 *)(to + 3 * ROW) = k_major ? (unit4)(p.w, q.w, r.w, s.w) : s;
}

#if EITHER
#define OF_A (item < ITEMS / 2)
#define BRING(k)                                                                                   \
    if (OF_A)                                                                                      \
        bring(next_a[0], a, item, row, m, k, k_total, A_K_MAJOR, A_VECTOR);                        \
    else                                                                                           \
        bring(next_a[0], b, item - ITEMS / 2, column, n, k, k_total, B_K_MAJOR, B_VECTOR)
#define PUT(which)                                                                                 \
    if (OF_A)                                                                                      \
        put(a_tile[which], next_a[0], item, A_K_MAJOR);                                            \
    else                                                                                           \
        put(b_tile[which], next_a[0], item - ITEMS / 2, B_K_MAJOR)
#else
#define BRING(k)                                                                                   \
    UNROLL for (int i = 0; i < A_BLOCKS; i++)                                                      \
        bring(next_a[i], a, item + i * ITEMS, row, m, k, k_total, A_K_MAJOR, A_VECTOR);            \
    UNROLL for (int i = 0; i < B_BLOCKS; i++)                                                      \
        bring(next_b[i], b, item + i * ITEMS, column, n, k, k_total, B_K_MAJOR, B_VECTOR)
#define PUT(which)                                                                                 \
    UNROLL for (int i = 0; i < A_BLOCKS; i++)                                                      \
        put(a_tile[which], next_a[i], item + i * ITEMS, A_K_MAJOR);                                \
    UNROLL for (int i = 0; i < B_BLOCKS; i++)                                                      \
        put(b_tile[which], next_b[i], item + i * ITEMS, B_K_MAJOR)
#endif

kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1))) SUB_GROUPS void
matrix_product(global result *c, const global operand *a, const global operand *b, int m, int n,
               int k_total, int k_part, int accumulate)
{
    local unit a_tile[2][MWG * ROW] __attribute__((aligned(16)));
    local unit b_tile[2][NWG * ROW] __attribute__((aligned(16)));
    EXCHANGE(exchange);
    const int item = (int)get_local_id(0), lane = LANE;
    const int sub_row = SUB / SUBS_ACROSS * SUB_M, sub_column = SUB % SUBS_ACROSS * SUB_N;
    const int row = (int)get_group_id(1) * MWG, column = (int)get_group_id(0) * NWG;
    const int part = (int)get_group_id(2), end = min((part + 1) * k_part, k_total);
    c_fragment sums[FM][FN];
    unit4 next_a[A_BLOCKS][4];
#if !EITHER
    unit4 next_b[B_BLOCKS][4];
#endif
    EACH_SUM(i, j, e) sums[i][j].e[e] = 0.0f;

    int k = part * k_part, now = 0;
    BRING(k);
    PUT(0);
    barrier(CLK_LOCAL_MEM_FENCE);
    for (; k + KWG < end; k += KWG, now ^= 1) {
        BRING(k + KWG);
        multiply_tiles(sums, a_tile[now] + sub_row * ROW, b_tile[now] + sub_column * ROW, lane,
                       exchange);
        PUT(now ^ 1);
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    multiply_tiles(sums, a_tile[now] + sub_row * ROW, b_tile[now] + sub_column * ROW, lane,
                   exchange);

    c += (long)part * m * n;
    EACH_SUM(i, j, e) {
        const int y = row + sub_row + i * FRAG_M + C_ROW(lane, e);
        const int x = column + sub_column + j * FRAG_N + C_COLUMN(lane, e);
        const int columns = y < m ? n - x : 0;
        global result *to = c + (long)y * n + x;
        const float sum = sums[i][j].e[e];
        if (columns > 0) result_put(accumulate ? result_at(to) + sum : sum, to);
    }
}
