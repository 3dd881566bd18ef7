/* SPDX-License-Identifier: Apache-2.0 */
/* Whole buffers. (Random fills: test_random.c.) */
#include "support_test.h"

static const int64_t sizes[] = {1, 7, 1024, 1025, 40000};
enum { SIZES = sizeof sizes / sizeof *sizes };

static void check_arithmetic(struct clb_device *device, int64_t n)
{
    struct support_call call = support_open(device);
    double *filled = support_floats(&call, n, 1), *copied = support_floats(&call, n, 1);
    double *added = support_floats(&call, n, 1), *scaled = support_floats(&call, n, 1);
    const double *x = support_floats(&call, n, 1);
    support_upload(&call);
    OK(clb_fill(&call.t[0], -1.5f));
    OK(clb_copy(&call.t[1], &call.t[4]));
    OK(clb_add(&call.t[2], &call.t[4]));
    OK(clb_scale(&call.t[3], 0.3f));
    for (int64_t e = 0; e < n; e++) {
        filled[e] = -1.5;
        copied[e] = x[e];
        added[e] += x[e]; /* one rounding: the same fp32 number */
        scaled[e] *= (double)0.3f;
    }
    support_expect_same(&call, 0, filled);
    support_expect_same(&call, 1, copied);
    support_expect_same(&call, 2, added);
    support_expect_same(&call, 3, scaled);
    support_close(&call);
}

/* Better than a plain fp32 sum: a few units whatever the length, of any mix of sizes. */
static void check_squares(struct clb_device *device, int64_t n, double first)
{
    struct support_call call = support_open(device);
    double *out = support_floats(&call, 1, 1), *x = support_floats(&call, n, 1);
    x[0] = first;
    support_upload(&call);
    OK(clb_sum_of_squares(&call.t[0], &call.t[1]));
    out[0] = support_dot(x, x, n);
    support_expect(&call, 0, out, NULL, 16, 0);
    support_close(&call);
}

static void buffers_on(struct clb_device *device)
{
    for (int i = 0; i < SIZES; i++) {
        check_arithmetic(device, sizes[i]);
        check_squares(device, sizes[i], 0.5);
        check_squares(device, sizes[i], 1024);
    }
    check_squares(device, 700001, 0.5);
    check_squares(device, 16384, 65536); /* beside its square a plain sum loses all others */
}

static void test_buffers(void **state)
{
    (void)state;
    support_on_devices(buffers_on);
}

/* ---- types ---- */

enum { PATTERNS = 65536 };

struct format {
    enum clb_type type;
    int fraction_bits, bias;
    uint16_t infinity;
};
static const struct format formats[] = {{CLB_BF16, 7, 127, 0x7f80}, {CLB_F16, 10, 15, 0x7c00}};

/* The number that a pattern stands for; infinity as the number that would follow the largest. */
static double number_of(const struct format *f, uint16_t pattern)
{
    const int exponent = (pattern & 0x7fff) >> f->fraction_bits;
    const int fraction = pattern & ((1 << f->fraction_bits) - 1);
    const double whole = exponent ? fraction + (1 << f->fraction_bits) : fraction;
    const double x = ldexp(whole, (exponent ? exponent : 1) - f->bias - f->fraction_bits);
    return pattern & 0x8000 ? -x : x;
}

struct casts {
    struct clb_arena *arena;
    struct clb_tensor wide, narrow;
    float floats[PATTERNS];
    uint16_t patterns[PATTERNS];
};

static void cast_narrow(struct casts *c)
{
    OK(clb_tensor_write(c->wide, c->floats, PATTERNS));
    OK(clb_cast(&c->narrow, &c->wide));
    OK(clb_tensor_read(c->narrow, c->patterns, PATTERNS));
}

/* Every pattern is its number, and comes back. */
static void check_patterns(struct casts *c, const struct format *f)
{
    for (int p = 0; p < PATTERNS; p++) c->patterns[p] = (uint16_t)p;
    OK(clb_tensor_write(c->narrow, c->patterns, PATTERNS));
    OK(clb_cast(&c->wide, &c->narrow));
    OK(clb_tensor_read(c->wide, c->floats, PATTERNS));
    for (int p = 0; p < PATTERNS; p++) {
        const int magnitude = p & 0x7fff;
        const double x = number_of(f, (uint16_t)p), wide = (double)c->floats[p];
        if (magnitude > f->infinity)
            assert_true(isnan(wide));
        else
            assert_true(magnitude == f->infinity ? isinf(wide) : wide == x);
        assert_int_equal(signbit(c->floats[p]) != 0, p >= 0x8000);
    }
    cast_narrow(c);
    for (int p = 0; p < PATTERNS; p++)
        if ((p & 0x7fff) > f->infinity)
            assert_true((c->patterns[p] & 0x7fff) > f->infinity &&
                        ((c->patterns[p] ^ p) & 0x8000) == 0);
        else
            assert_int_equal(c->patterns[p], p);
}

/* Halfway between neighbours, up to where infinity begins: the even one; a last fp32 digit beside
 * it (`side` -1 or 1): the nearer one. */
static void check_rounding(struct casts *c, const struct format *f, int side)
{
    for (int p = 0; p < PATTERNS; p++) {
        const uint16_t lower = (uint16_t)(p & 0x7fff) < f->infinity ? (uint16_t)(p & 0x7fff) : 0;
        const float half =
            (float)(number_of(f, lower) / 2 + number_of(f, (uint16_t)(lower + 1)) / 2);
        const float x = side ? nextafterf(half, side < 0 ? 0.0f : INFINITY) : half;
        c->floats[p] = p < 0x8000 ? x : -x;
    }
    cast_narrow(c);
    for (int p = 0; p < PATTERNS; p++) {
        const int lower = (p & 0x7fff) < f->infinity ? p & 0x7fff : 0;
        const int up = side ? side > 0 : lower & 1;
        assert_int_equal(c->patterns[p], (p & 0x8000) | (lower + up));
    }
}

/* NaN with its only digits at either end: rounded they would be infinity, or zero. */
static void check_ends(struct casts *c, const struct format *f)
{
    const uint32_t nans[] = {0x7f800001, 0xffffffff, 0x7fffffff, 0xff800001};
    memcpy(c->floats, nans, sizeof nans);
    c->floats[4] = 3.4e38f, c->floats[5] = -3.4e38f;
    cast_narrow(c);
    for (int p = 0; p < 4; p++) {
        assert_true((c->patterns[p] & 0x7fff) > f->infinity);
        assert_int_equal(c->patterns[p] >> 15, nans[p] >> 31);
    }
    assert_int_equal(c->patterns[4], f->infinity);
    assert_int_equal(c->patterns[5], f->infinity | 0x8000);
}

static void casts_on(struct clb_device *device)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        const struct format *f = &formats[i];
        struct casts *c = calloc(1, sizeof *c);
        assert_non_null(c);
        OK(clb_arena_create(device, "casts", &c->arena));
        OK(clb_arena_add(c->arena, CLB_F32, PATTERNS, 1, &c->wide));
        OK(clb_arena_add(c->arena, f->type, PATTERNS, 1, &c->narrow));
        OK(clb_arena_commit(c->arena));
        check_patterns(c, f);
        for (int side = -1; side <= 1; side++) check_rounding(c, f, side);
        check_ends(c, f);
        clb_arena_destroy(c->arena);
        free(c);
    }
}

static void test_casts(void **state)
{
    (void)state;
    support_on_devices(casts_on);
}

/* 13 digits of an fp32 number are rounded away, ties to even, with the carry that may follow;
 * whatever the sign. */
static const uint32_t tf32_patterns[][2] = {
    {0x00000000, 0x00000000},                           /* zero */
    {0x3f800000, 0x3f800000},                           /* 1 */
    {0x3f800fff, 0x3f800000},                           /* below half of a digit, */
    {0x3f801000, 0x3f800000},                           /* half of one after an even digit, */
    {0x3f801001, 0x3f802000},                           /* above it, */
    {0x3f803000, 0x3f804000},                           /* half of one after an odd digit */
    {0x3fffefff, 0x3fffe000}, {0x3ffff000, 0x40000000}, /* a carry into the exponent */
    {0x7f7fefff, 0x7f7fe000}, {0x7f7ff000, 0x7f800000}, /* the largest, and beyond */
    {0x7f800000, 0x7f800000},                           /* infinity */
    {0x00000001, 0x00000000}, {0x00001001, 0x00002000}, /* subnormal ones, */
    {0x00003000, 0x00004000}, {0x007ff000, 0x00800000}, /* to the smallest normal one */
};
static const uint32_t tf32_nans[] = {0x7f800001, 0x7fffffff, 0x7fc00000, 0x7f801000};

enum {
    TF32_PATTERNS = sizeof tf32_patterns / sizeof *tf32_patterns,
    TF32_NANS = sizeof tf32_nans / sizeof *tf32_nans,
    TF32_ALL = 2 * (TF32_PATTERNS + TF32_NANS), /* of both signs */
};

static void tf32_on(struct clb_device *device)
{
    struct clb_arena *arena;
    struct clb_tensor wide, other;
    uint32_t bits[TF32_ALL];
    for (int i = 0; i < TF32_ALL; i++)
        bits[i] =
            (i / 2 < TF32_PATTERNS ? tf32_patterns[i / 2][0] : tf32_nans[i / 2 - TF32_PATTERNS]) |
            (uint32_t)(i % 2) << 31;
    OK(clb_arena_create(device, "casts", &arena));
    OK(clb_arena_add(arena, CLB_F32, TF32_ALL, 1, &wide));
    OK(clb_arena_add(arena, CLB_TF32, TF32_ALL, 1, &other));
    OK(clb_arena_commit(arena));
    for (int back = 0; back < 2; back++) {
        uint32_t got[TF32_ALL];
        const struct clb_tensor *from = back ? &other : &wide, *to = back ? &wide : &other;
        OK(clb_tensor_write(*from, bits, TF32_ALL));
        OK(clb_cast(to, from));
        OK(clb_tensor_read(*to, got, TF32_ALL));
        for (int i = 0; i < TF32_ALL; i++) {
            assert_int_equal(got[i] >> 31, i % 2);
            assert_int_equal(got[i] & 0x1fff, 0);
            if (i / 2 < TF32_PATTERNS)
                assert_int_equal(got[i] & 0x7fffffff, tf32_patterns[i / 2][1]);
            else
                assert_true((got[i] & 0x7fffffff) > 0x7f800000);
        }
    }
    clb_arena_destroy(arena);
}

static void test_tf32(void **state)
{
    (void)state;
    support_on_devices(tf32_on);
}

static void not_finite_on(struct clb_device *device)
{
    static const double bad[] = {(double)NAN, (double)INFINITY, 3e38};
    for (int which = 0; which < 3; which++) {
        struct support_call call = support_open(device);
        float square;
        support_floats(&call, 1, 1);
        support_floats(&call, 5000, 1)[4321] = bad[which];
        support_upload(&call);
        OK(clb_sum_of_squares(&call.t[0], &call.t[1]));
        OK(clb_tensor_read(call.t[0], &square, 1));
        assert_false(isfinite(square));
        support_close(&call);
    }
}

static void test_not_finite(void **state)
{
    (void)state;
    support_on_devices(not_finite_on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buffers),
        cmocka_unit_test(test_casts),
        cmocka_unit_test(test_tf32),
        cmocka_unit_test(test_not_finite),
    };
    return cmocka_run_group_tests_name("buffers", tests, NULL, support_close_devices);
}
