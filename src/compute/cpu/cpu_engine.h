/* SPDX-License-Identifier: Apache-2.0 */
/* What multiplies one tile of a product: how its operands are packed into panels, and what it does
 * with two panels. cpu_gemm.c has the loops around it. */
#ifndef CPU_ENGINE_H
#define CPU_ENGINE_H

#include "compute/cpu/cpu_isa.h"

#include <clbert/device.h>
#include <string.h>

/* One operand: `lines` (rows of A, columns of B) of numbers along K; element k of line l at
 * x[l * line_stride + k * depth_stride], one of the two strides being 1. */
struct cpu_operand {
    const void *x;
    enum clb_type type;
    int64_t lines, line_stride, depth_stride;
};

enum { CPU_LARGEST_TILE = 1024 }; /* MR * NR is at most so many */

struct cpu_engine {
    int mr, nr;                  /* rows and columns of a tile */
    int kc;                      /* steps of K that a tile adds up at once */
    int step, bytes;             /* K is filled up to whole `step`s, `bytes` a number */
    int task_rows, task_columns; /* of C that a thread takes at once: whole tiles */
    void (*begin)(void);         /* a thread begins to multiply, and has done so; or NULL */
    void (*end)(void);
    /* Lines line .. line + mr - 1 (nr for B), steps k0 .. k0 + kc - 1, as a panel of that width;
     * zero where there is nothing. */
    void (*pack_a)(const struct cpu_operand *a, int64_t line, int64_t k0, int64_t kc, void *panel);
    void (*pack_b)(const struct cpu_operand *b, int64_t line, int64_t k0, int64_t kc, void *panel);
    /* sums[i * stride + j] (+)= sum over the panels' kc steps, whole `step`s. */
    void (*multiply)(const void *a, const void *b, int64_t kc, float *sums, int64_t stride,
                     bool add);
};

/* By vectors of fp32, of any type of operands. */
#define cpu_engine_f32 CPU_NAME(cpu_engine_f32)
extern const struct cpu_engine cpu_engine_f32;

/* Of bf16 operands, where the CPU can: cpu_device.c knows. */
extern const struct cpu_engine cpu_engine_bf16_dot, cpu_engine_bf16_amx;

static inline int64_t cpu_smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t cpu_round_up(int64_t n, int64_t unit)
{
    return (n + unit - 1) / unit * unit;
}

#endif
