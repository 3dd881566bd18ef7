/* SPDX-License-Identifier: Apache-2.0 */
/* Names, vector width and block sizes of the instruction set that this file is being compiled for.
 */
#ifndef CPU_ISA_H
#define CPU_ISA_H

#ifndef CPU_ISA
#define CPU_ISA native
#endif
#define CPU_PASTE2(name, isa) name##_##isa
#define CPU_PASTE(name, isa) CPU_PASTE2(name, isa)
/* The name of an exported symbol of the kernels. */
#define CPU_NAME(name) CPU_PASTE(name, CPU_ISA)

/* clang-format off */
/* ---- block sizes: a row for each instruction set, as BLIS's configurations ----
 *
 * lanes   floats of a vector register
 * MR      rows of a product's register tile, whose columns NR are two vectors: 2 MR sums, two
 *         vectors of B and one number of A are 2 MR + 3 registers: of 32 with AVX-512, of 16 before
 * KC      steps of K packed at once: a panel of B, NR x KC, stays in the L1 cache (32 KiB with
 *         AVX-512, 16 with AVX2) while the panels of A pass by
 * task    panels of A and of B that a thread takes at once: those of A, task x MR x KC (144 KiB
 *         with AVX2, 168 with AVX-512), stay in its core's L2 cache for all panels of B
 * Q       attention's block of queries, in tiles of MR: its scores, Q x MR x length, stay in L2
 *
 * KC and Q decide the order of sums, and so their bits; the other columns do not, but for lanes. A
 * row for another instruction set stands above those that it includes. */
/*                       lanes  MR   KC  task A  task B    Q */
#if defined(__AVX512F__)
#define CPU_ROW(ENUM) ENUM(16, 14, 256,     12,      8, 8)
#elif defined(__AVX__)
#define CPU_ROW(ENUM) ENUM( 8,  6, 256,     24,      8, 8)
#else /* SSE, or whatever makes up vectors of four */
#define CPU_ROW(ENUM) ENUM( 4,  6, 256,     12,      8, 8)
#endif
/* clang-format on */
#define CPU_ENUM(lanes, mr, kc, task_a, task_b, q)                                                 \
    enum {                                                                                         \
        CPU_LANES = lanes,                                                                         \
        CPU_MR = mr,                                                                               \
        CPU_NR = 2 * lanes,                                                                        \
        CPU_KC = kc,                                                                               \
        CPU_TASK_ROWS = task_a * CPU_MR,                                                           \
        CPU_TASK_COLUMNS = task_b * CPU_NR,                                                        \
        CPU_QUERIES = q * CPU_MR,                                                                  \
    };
CPU_ROW(CPU_ENUM)

/* Sizes of the other kernels' tasks, the same for every instruction set. */
enum {
    CPU_ELEMENTS = 4096,      /* of a buffer: 16 KiB, half of an L1 cache */
    CPU_SUM_ELEMENTS = 16384, /* of a sum of squares: changes its bits */
    CPU_SUM_COLUMNS = 64,     /* of a sum over rows: four cache lines of every row */
    CPU_DROPOUT_CHUNK = 1024, /* factors of dropout made at once */
};

#if defined(__clang__)
#define CPU_UNROLL _Pragma("unroll")
#define CPU_UNROLL_4 _Pragma("unroll 4")
#else
#define CPU_UNROLL _Pragma("GCC unroll 16")
#define CPU_UNROLL_4 _Pragma("GCC unroll 4")
#endif

#endif
