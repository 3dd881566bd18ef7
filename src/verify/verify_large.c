/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on buffers of more than 2^31 elements. Only windows of them are looked at: around what
 * overflows, and at the end. What they should hold follows from an element's number. */
#include "base/error.h"
#include "base/log.h"
#include "base/narrow.h"
#include "verify/verify_ops.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    WINDOWS = 5,
    WINDOW = 4 * CLB_BLOCK,
    GUARD = 1000 /* elements of the last window that the operation is not told of */
};

/* What elements hold before: uniform numbers, those of out and those of x. */
static const struct clb_random before_random = {7, CLB_PURPOSE_TEST, 1},
                               x_random = {7, CLB_PURPOSE_TEST, 2};

static float uniform(struct clb_random random, int64_t e)
{
    return clb_uniform_from_bits(clb_random_u32(random, (uint64_t)e));
}

/* ---- what element e becomes, of what out and x have there ---- */

static float filled(int64_t e, float before, float x)
{
    (void)e, (void)before, (void)x;
    return VERIFY_FILL;
}

static float copied(int64_t e, float before, float x)
{
    (void)e, (void)before;
    return x;
}

static float added(int64_t e, float before, float x)
{
    (void)e;
    return before + x;
}

static float scaled(int64_t e, float before, float x)
{
    (void)e, (void)x;
    return before * VERIFY_FACTOR;
}

static float uniform_fill(int64_t e, float before, float x)
{
    (void)before, (void)x;
    return uniform(verify_fill_random, e);
}

static float normal_fill(int64_t e, float before, float x)
{
    return VERIFY_DEVIATION * clb_truncated_normal_from_uniform(uniform_fill(e, before, x));
}

static const float dropout = 0.1f;

static float dropped(int64_t e, float before, float x)
{
    const struct clb_dropout d = verify_dropout(&(struct verify_case){.dropout = dropout});
    (void)x;
    if (clb_random_u32(d.random, (uint64_t)e) < clb_dropout_threshold(dropout)) return 0.0f;
    return before * (1.0f / (1.0f - dropout));
}

struct large_case {
    const char *operation;
    enum clb_type out, x; /* CLB_I32: there is no x */
    int variant;
    double tolerance; /* as a part's */
    float (*expected)(int64_t e, float before, float x);
};

static const struct large_case cases[] = {
    {"fill", CLB_F32, CLB_I32, 0, -1, filled},
    {"fill_uniform", CLB_F32, CLB_I32, 0, -1, uniform_fill},
    {"fill_truncated_normal", CLB_F32, CLB_I32, 0, -1, normal_fill},
    {"scale", CLB_F32, CLB_I32, 0, 0, scaled},
    {"dropout_apply", CLB_F32, CLB_I32, 1, 0x1p-24 * (VERIFY_DIVIDE + 1), dropped},
    {"copy", CLB_F32, CLB_F32, 0, -1, copied},
    {"add", CLB_F32, CLB_F32, 0, 0, added},
    {"cast", CLB_BF16, CLB_F32, CLB_BF16, -1, copied},
    {"cast", CLB_F16, CLB_F32, CLB_F16, -1, copied},
    {"cast back", CLB_F32, CLB_BF16, CLB_BF16, -1, copied},
    {"cast back", CLB_F32, CLB_F16, CLB_F16, -1, copied},
    {"sum_of_squares", CLB_I32, CLB_F32, 0, 0x1p-24 * 20, NULL},
};

/* ---- a large tensor ---- */

struct large {
    struct clb_arena *arena;
    struct clb_tensor windows[WINDOWS], gaps[WINDOWS];
    int64_t starts[WINDOWS], total;
    int count;
};

/* Windows at the beginning, around a quarter, a half and all of 2^power, and at the end. */
static enum clb_status open_large(struct large *large, struct clb_device *device,
                                  enum clb_type type, int power, int64_t total)
{
    const int64_t half = WINDOW / 2, most = (int64_t)1 << power;
    const int64_t starts[] = {0, most / 4 - half, most / 2 - half, most - half, total - WINDOW};
    int64_t next = 0;
    enum clb_status status;
    large->total = total;
    CLB_TRY(clb_arena_create(device, "verify --large", &large->arena));
    for (int i = 0; i < WINDOWS; i++) {
        const int w = large->count;
        if (starts[i] < next || starts[i] > total - WINDOW) continue;
        if (starts[i] > next)
            CLB_TRY(clb_arena_add(large->arena, type, starts[i] - next, 1, &large->gaps[w]));
        CLB_TRY(clb_arena_add(large->arena, type, WINDOW, 1, &large->windows[w]));
        large->starts[large->count++] = starts[i];
        next = starts[i] + WINDOW;
    }
    CLB_TRY(clb_arena_commit(large->arena));
cleanup:
    return status;
}

/* Uniform numbers; of a reduced type each is one half of such a number's bits. */
static enum clb_status fill_large(const struct large *large, struct clb_random random)
{
    struct clb_tensor words = clb_arena_whole(large->arena);
    words.rows = clb_tensor_bytes(words) / 4;
    words.type = CLB_F32;
    return clb_fill_uniform(&words, random);
}

static float filled_at(enum clb_type type, struct clb_random random, int64_t e)
{
    if (clb_type_size(type) == 4) return uniform(random, e);
    const uint16_t half = (uint16_t)(base_bits_of(uniform(random, e / 2)) >> 16 * (e % 2));
    return reduced_widen(type, half);
}

/* x as a number of this type. */
static float rounded(enum clb_type type, float x)
{
    return clb_type_size(type) == 4 ? x : reduced_widen(type, reduced_of(type, x));
}

/* ---- one case ---- */

static void name_of(const struct large_case *c, int64_t n, char *name, size_t size)
{
    const bool cast = strncmp(c->operation, "cast", 4) == 0;
    snprintf(name, size, "large %s%s%s %lld", c->operation, cast ? " " : "",
             cast ? clb_type_name((enum clb_type)c->variant) : "", (long long)n);
}

static enum clb_status check(struct clb_verify_report *report, const char *case_name,
                             const char *part_name, const struct verify_operand *operand,
                             const struct verify_part *part, const float *x, const float *expected)
{
    const double error = verify_difference(operand, part, x, expected);
    const double tolerance = fmax(part->tolerance, 0.0);
    char name[sizeof report->checks->name];
    snprintf(name, sizeof name, "%s: %s", case_name, part_name);
    return verify_add_check(report, name, error, tolerance,
                            error <= tolerance ? NULL
                                               : verify_map(operand, part, x, expected, false));
}

static enum clb_status check_windows(const struct large_case *c, const struct large *out, int64_t n,
                                     const char *name, struct clb_verify_report *report)
{
    const struct verify_operand operand = {.shape = {.rows = WINDOW, .columns = 1}};
    const struct verify_part part = {.count = WINDOW, .tolerance = c->tolerance};
    const bool reduced = clb_type_size(c->out) == 2;
    enum clb_status status;
    for (int w = 0; w < out->count; w++) {
        float x[WINDOW], expected[WINDOW];
        uint16_t halves[WINDOW];
        char where[32];
        CLB_TRY(clb_tensor_read(out->windows[w], reduced ? (void *)halves : x, WINDOW));
        for (int i = 0; i < WINDOW; i++) {
            const int64_t e = out->starts[w] + i;
            const float before = filled_at(c->out, before_random, e);
            const float from = c->x == CLB_I32 ? 0.0f : filled_at(c->x, x_random, e);
            expected[i] = e < n ? rounded(c->out, c->expected(e, before, from)) : before;
            if (reduced) x[i] = reduced_widen(c->out, halves[i]);
        }
        snprintf(where, sizeof where, "from %lld", (long long)out->starts[w]);
        CLB_TRY(check(report, name, where, &operand, &part, x, expected));
    }
cleanup:
    return status;
}

static enum clb_status run_elements(const struct large_case *c, struct clb_device *device,
                                    int power, int64_t total, int64_t n, const char *name,
                                    struct clb_verify_report *report)
{
    const struct verify_case which = {.operation = verify_operation(c->operation),
                                      .m = n,
                                      .n = 1,
                                      .variant = c->variant,
                                      .dropout = dropout};
    struct large out = {.arena = NULL}, x = {.arena = NULL};
    struct clb_tensor tensors[2];
    enum clb_status status;
    CLB_TRY(open_large(&out, device, c->out, power, total));
    CLB_TRY(fill_large(&out, before_random));
    tensors[0] = clb_tensor_first_rows(clb_arena_whole(out.arena), n);
    if (c->x != CLB_I32) {
        CLB_TRY(open_large(&x, device, c->x, power, total));
        CLB_TRY(fill_large(&x, x_random));
        tensors[1] = clb_tensor_first_rows(clb_arena_whole(x.arena), n);
    }
    CLB_TRY(which.operation->run(&which, tensors));
    CLB_TRY(check_windows(c, &out, n, name, report));
cleanup:
    clb_arena_destroy(out.arena);
    clb_arena_destroy(x.arena);
    return status;
}

/* Zeros but for the windows, so that the sum is theirs. */
static enum clb_status run_squares(const struct large_case *c, struct clb_device *device, int power,
                                   int64_t total, int64_t n, const char *name,
                                   struct clb_verify_report *report)
{
    const struct verify_operand operand = {.shape = {.rows = 1, .columns = 1}};
    const struct verify_part part = {.count = 1, .tolerance = c->tolerance};
    struct large x = {.arena = NULL};
    struct clb_arena *small = NULL;
    struct clb_tensor tensors[2];
    double sum = 0;
    enum clb_status status;
    CLB_TRY(clb_arena_create(device, "verify --large", &small));
    CLB_TRY(clb_arena_add(small, CLB_F32, 1, 1, &tensors[0]));
    CLB_TRY(clb_arena_commit(small));
    CLB_TRY(open_large(&x, device, c->x, power, total));
    for (int w = 0; w < x.count; w++) {
        float values[WINDOW];
        for (int i = 0; i < WINDOW; i++) {
            const int64_t e = x.starts[w] + i;
            values[i] = uniform(x_random, e);
            if (e < n) sum += (double)values[i] * (double)values[i];
        }
        CLB_TRY(clb_tensor_write(x.windows[w], values, WINDOW));
    }
    tensors[1] = clb_tensor_first_rows(clb_arena_whole(x.arena), n);
    CLB_TRY(verify_operation(c->operation)->run(NULL, tensors));
    const float expected = (float)sum;
    float found;
    CLB_TRY(clb_tensor_read(tensors[0], &found, 1));
    CLB_TRY(check(report, name, "out", &operand, &part, &found, &expected));
cleanup:
    clb_arena_destroy(small);
    clb_arena_destroy(x.arena);
    return status;
}

/* ---- whether there is memory ---- */

/* What the host can still give, less an eighth; large where that is not told. */
static int64_t host_memory(void)
{
    char line[128];
    long long kibibytes = INT64_MAX / 1024;
    FILE *file = fopen("/proc/meminfo", "r");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "MemAvailable: %lld", &kibibytes) == 1) break;
    if (file) fclose(file);
    return kibibytes * 1024 / 8 * 7;
}

static bool fits(const struct clb_device *device, const struct large_case *c, int64_t total,
                 const char *name)
{
    const struct clb_device_info *info = clb_device_info(device);
    const int64_t most = total * (c->out == CLB_F32 || c->x == CLB_F32 ? 4 : 2);
    int64_t all = 0, memory = info->memory_bytes / 8 * 7;
    if (c->out != CLB_I32) all += total * clb_type_size(c->out);
    if (c->x != CLB_I32) all += total * clb_type_size(c->x);
    if ((!info->is_gpu || info->is_integrated) && host_memory() < memory) memory = host_memory();
    const bool allowed = most <= info->max_allocation_bytes;
    if (allowed && all <= memory) return true;
    base_log("%s: left out, %s %s", name,
             allowed ? "it needs more memory than there is on" : "too large for one allocation of",
             info->selector);
    return false;
}

/* ---- all of them ---- */

/* Beyond 2^power, with elements behind that nobody may touch; or just that, where one allocation
 * ends there. */
static int64_t elements_on(const struct clb_device *device, int power)
{
    const int64_t most = (int64_t)1 << power, beyond = most + 4 * WINDOW;
    return 4 * beyond <= clb_device_info(device)->max_allocation_bytes ? beyond : most;
}

enum clb_status verify_large(struct clb_device *device, int power,
                             const struct clb_verify_options *options,
                             struct clb_verify_report *report)
{
    const int64_t total = elements_on(device, power);
    const int64_t n = total > (int64_t)1 << power ? total - GUARD : total;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct large_case *c = &cases[i];
        char name[96];
        name_of(c, n, name, sizeof name);
        if (options->only && !strstr(name, options->only)) continue;
        if (!fits(device, c, total, name)) continue;
        enum clb_status status = c->expected
                                     ? run_elements(c, device, power, total, n, name, report)
                                     : run_squares(c, device, power, total, n, name, report);
        if (status != CLB_OK) return clb_fail_context(status, "%s", name);
    }
    return CLB_OK;
}

enum clb_status clb_verify_large(struct clb_device *device,
                                 const struct clb_verify_options *options,
                                 struct clb_verify_report *report)
{
    return verify_large(device, 31, options, report);
}
