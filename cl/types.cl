/* SPDX-License-Identifier: Apache-2.0 */
/* Prelude of every source: the types of numbers in memory. Arithmetic is fp32 everywhere; what
 * products and attention read and give may be reduced to 16 bits, bf16 or fp16, and what they
 * multiply may be tf32: fp32 in memory, its fraction rounded to 10 bits by every load of an operand.
 * -D options name the types that a program is compiled for (fp32 where they are not given):
 *
 *   OPERANDS  of what it reads:  `operand`, with operand_at, operand_load4, operand_load_part;
 *             kept_load_part, kept_store_part where it is not multiplied
 *   RESULT    of what it gives:  `result`, with the same, result_put, result_store4,
 *             result_store_part
 *
 *   *_at, *_put                one number
 *   *_load4, *_store4          four, aligned to their size together: one load
 *   *_load_part, *_store_part  W, of which the first n exist: as load_part and store_part
 *   *_rounded                  W, as they would be read again
 *
 * Conversions are by integers: not every device has a type fp16, some flush its subnormal numbers,
 * and so the bits are those of src/base/narrow.h. To the nearest, ties to even; NaN stays NaN. */
#ifndef OPERANDS
#define OPERANDS fp32
#endif
#ifndef RESULT
#define RESULT fp32
#endif

/* For N numbers at a time. */
#define CONVERSIONS(N)                                                                           \
    static inline JOIN(float, N) bf16_widen##N(JOIN(ushort, N) x)                                \
    {                                                                                            \
        return JOIN(as_float, N)(JOIN(convert_uint, N)(x) << 16);                                \
    }                                                                                            \
    static inline JOIN(ushort, N) bf16_narrow##N(JOIN(float, N) x)                               \
    {                                                                                            \
        const JOIN(uint, N) bits = JOIN(as_uint, N)(x);                                          \
        const JOIN(uint, N) rounded = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;                \
        return JOIN(convert_ushort, N)((bits & 0x7fffffffu) > 0x7f800000u ? bits >> 16 | 0x40u   \
                                                                          : rounded);            \
    }                                                                                            \
    static inline JOIN(float, N) fp16_widen##N(JOIN(ushort, N) x)                                \
    {                                                                                            \
        const JOIN(uint, N) bits = JOIN(convert_uint, N)(x), rest = bits & 0x7fffu;              \
        const JOIN(uint, N) subnormal =                                                          \
            JOIN(as_uint, N)(JOIN(convert_float, N)(rest) * 0x1p-24f);                           \
        JOIN(uint, N) wide = rest < 0x400u ? subnormal : (rest << 13) + (112u << 23);            \
        wide = rest >= 0x7c00u ? rest << 13 | 0x7f800000u : wide;                                \
        return JOIN(as_float, N)((bits & 0x8000u) << 16 | wide);                                 \
    }                                                                                            \
    static inline JOIN(ushort, N) fp16_narrow##N(JOIN(float, N) x)                               \
    {                                                                                            \
        const JOIN(uint, N) bits = JOIN(as_uint, N)(x), magnitude = bits & 0x7fffffffu;          \
        const JOIN(uint, N) subnormal =                                                          \
            JOIN(as_uint, N)(JOIN(as_float, N)(magnitude) + 0.5f) - 0x3f000000u;                 \
        const JOIN(uint, N) normal =                                                             \
            (magnitude + 0xfffu + (magnitude >> 13 & 1u) - (112u << 23)) >> 13;                  \
        JOIN(uint, N) narrow = magnitude < 0x38800000u ? subnormal : normal;                     \
        narrow = magnitude >= 0x477ff000u ? (JOIN(uint, N))(0x7c00u) : narrow;                   \
        narrow = magnitude > 0x7f800000u ? (JOIN(uint, N))(0x7e00u) : narrow;                    \
        return JOIN(convert_ushort, N)((bits >> 16 & 0x8000u) | narrow);                         \
    }                                                                                            \
    static inline JOIN(float, N) tf32_round##N(JOIN(float, N) x)                                 \
    {                                                                                            \
        const JOIN(uint, N) bits = JOIN(as_uint, N)(x);                                          \
        const JOIN(uint, N) rounded = bits + 0xfffu + (bits >> 13 & 1u);                         \
        return JOIN(as_float, N)(                                                                \
            ((bits & 0x7fffffffu) > 0x7f800000u ? bits | 0x400000u : rounded) & ~0x1fffu);       \
    }
CONVERSIONS()
CONVERSIONS(4)
CONVERSIONS(8)
CONVERSIONS(16)
#define fp32_widen8(x) (x)
#define fp32_widen16(x) (x)
#define fp32_narrow8(x) (x)
#define fp32_narrow16(x) (x)

#if W == 4
#define PARTS(type)                                                                              \
    static inline vec type##_load_part(const global ushort *p, long n)                           \
    {                                                                                            \
        if (n >= W && LIES_WHOLE(p, 8)) return type##_widen4(*(const global ushort4 *)p);         \
        if (n >= W) return type##_widen4(vload4(0, p));                                          \
        return type##_widen4((ushort4)(n > 0 ? p[0] : 0, n > 1 ? p[1] : 0, n > 2 ? p[2] : 0, 0)); \
    }                                                                                            \
    static inline void type##_store_part(vec x, global ushort *p, long n)                        \
    {                                                                                            \
        const ushort4 lanes = type##_narrow4(x);                                                 \
        if (n >= W && LIES_WHOLE(p, 8)) {                                                         \
            *(global ushort4 *)p = lanes;                                                        \
            return;                                                                              \
        }                                                                                        \
        if (n > 0) p[0] = lanes.x;                                                               \
        if (n > 1) p[1] = lanes.y;                                                               \
        if (n > 2) p[2] = lanes.z;                                                               \
        if (n > 3) p[3] = lanes.w;                                                               \
    }
#else
#define PARTS(type)                                                                              \
    static inline vec type##_load_part(const global ushort *p, long n)                           \
    {                                                                                            \
        ushort lanes[W];                                                                         \
        if (n >= W) return JOIN(type##_widen, W)(LOAD(0, p));                                    \
        for (int i = 0; i < W; i++) lanes[i] = i < n ? p[i] : 0;                                 \
        return JOIN(type##_widen, W)(LOAD(0, lanes));                                            \
    }                                                                                            \
    static inline void type##_store_part(vec x, global ushort *p, long n)                        \
    {                                                                                            \
        ushort lanes[W];                                                                         \
        if (n >= W) {                                                                            \
            STORE(JOIN(type##_narrow, W)(x), 0, p);                                              \
            return;                                                                              \
        }                                                                                        \
        STORE(JOIN(type##_narrow, W)(x), 0, lanes);                                              \
        for (int i = 0; i < n; i++) p[i] = lanes[i];                                             \
    }
#endif
PARTS(bf16)
PARTS(fp16)
#define bf16_rounded(x) JOIN(bf16_widen, W)(JOIN(bf16_narrow, W)(x))
#define fp16_rounded(x) JOIN(fp16_widen, W)(JOIN(fp16_narrow, W)(x))

typedef ushort bf16_number;
#define bf16_at(p) bf16_widen(*(p))
#define bf16_put(x, p) (*(p) = bf16_narrow(x))
#define bf16_load4(p) bf16_widen4(*(const global ushort4 *)(p))
#define bf16_store4(x, p) (*(global ushort4 *)(p) = bf16_narrow4(x))

typedef ushort fp16_number;
#define fp16_at(p) fp16_widen(*(p))
#define fp16_put(x, p) (*(p) = fp16_narrow(x))
#define fp16_load4(p) fp16_widen4(*(const global ushort4 *)(p))
#define fp16_store4(x, p) (*(global ushort4 *)(p) = fp16_narrow4(x))

typedef float fp32_number;
#define fp32_at(p) (*(p))
#define fp32_put(x, p) (*(p) = (x))
#define fp32_load4(p) (*(const global float4 *)(p))
#define fp32_store4(x, p) (*(global float4 *)(p) = (x))
#define fp32_load_part load_part
#define fp32_store_part store_part
#define fp32_rounded(x) (x)

typedef float tf32_number; /* of operands only */
#define tf32_at(p) tf32_round(*(p))
#define tf32_load4(p) tf32_round4(*(const global float4 *)(p))
#define tf32_load_part(p, n) JOIN(tf32_round, W)(load_part(p, n))

typedef JOIN(OPERANDS, _number) operand;
#define operand_at JOIN(OPERANDS, _at)
#define operand_load4 JOIN(OPERANDS, _load4)
#define operand_load_part JOIN(OPERANDS, _load_part)

#define KEPT_bf16 bf16
#define KEPT_fp16 fp16
#define KEPT_fp32 fp32
#define KEPT_tf32 fp32
#define KEPT JOIN(KEPT_, OPERANDS)
#define kept_load_part JOIN(KEPT, _load_part)
#define kept_store_part JOIN(KEPT, _store_part)

typedef JOIN(RESULT, _number) result;
#define result_at JOIN(RESULT, _at)
#define result_put JOIN(RESULT, _put)
#define result_load4 JOIN(RESULT, _load4)
#define result_store4 JOIN(RESULT, _store4)
#define result_load_part JOIN(RESULT, _load_part)
#define result_store_part JOIN(RESULT, _store_part)
#define result_rounded JOIN(RESULT, _rounded)
