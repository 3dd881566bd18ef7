/* SPDX-License-Identifier: Apache-2.0 */
/* Names and vector width of the instruction set that this file is being compiled for. */
#ifndef CPU_ISA_H
#define CPU_ISA_H

#ifndef CPU_ISA
#define CPU_ISA native
#endif
#define CPU_PASTE2(name, isa) name##_##isa
#define CPU_PASTE(name, isa) CPU_PASTE2(name, isa)
/* The name of an exported symbol of the kernels. */
#define CPU_NAME(name) CPU_PASTE(name, CPU_ISA)

/* Floats in a vector register, and the register tile of a product: rows x (2 vectors). */
#if defined(__AVX512F__)
#define CPU_LANES 16
#define CPU_TILE_ROWS 14
#elif defined(__AVX__)
#define CPU_LANES 8
#define CPU_TILE_ROWS 6
#else
#define CPU_LANES 4
#define CPU_TILE_ROWS 6
#endif
#define CPU_TILE_COLUMNS (2 * CPU_LANES)

#if defined(__clang__)
#define CPU_UNROLL _Pragma("unroll")
#else
#define CPU_UNROLL _Pragma("GCC unroll 16")
#endif

#endif
