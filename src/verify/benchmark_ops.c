/* SPDX-License-Identifier: Apache-2.0 */
/* Operations at the shapes of a model, through the list of verify. */
#include "verify/benchmark.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "verify/verify_ops.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A case of verify. */
struct row {
    const char *operation;
    int64_t m, n, k;
    int variant;
    float dropout;
    bool sequences;
};

enum {
    MOST_ROWS = 64,
    BUFFER = 1 << 25, /* elements at most of plain buffers: beyond most caches */
    /* At a time: more, and numbers that are scaled again and again would vanish. */
    MOST_LAUNCHES = 50
};

struct rows {
    struct row rows[MOST_ROWS];
    int count;
};

static void add_row(struct rows *rows, struct row row)
{
    rows->rows[rows->count++] = row;
}

static void add(struct rows *rows, const char *operation, int64_t m, int64_t n, int64_t k)
{
    add_row(rows, (struct row){operation, m, n, k, .variant = 0});
}

/* Forward, and backward both ways, of `tokens` rows, with the activation behind it and the one that
 * gave its input. */
static void add_linear(struct rows *rows, int64_t tokens, int64_t inputs, int64_t outputs,
                       enum clb_activation behind, enum clb_activation before)
{
    add_row(rows, (struct row){"linear_forward", tokens, inputs, outputs,
                               .variant = (int)behind + VERIFY_WITH_BIAS});
    add_row(rows, (struct row){"linear_backward_input", tokens, inputs, outputs,
                               .variant = before ? VERIFY_SLOPE + (int)before : 0});
    add(rows, "linear_backward_weight", tokens, inputs, outputs);
}

static void add_layer(struct rows *rows, const struct clb_bench_options *o)
{
    const struct clb_config *c = &o->config;
    const int64_t batch = o->batch_size, tokens = batch * o->max_seq_length;
    const int64_t hidden = c->hidden_size, inner = c->intermediate_size;
    const int64_t heads = c->num_attention_heads, size = hidden / heads;
    const float dropout = c->hidden_dropout_prob, p_dropout = c->attention_probs_dropout_prob;
    add_linear(rows, tokens, hidden, 3 * hidden, CLB_ACTIVATION_NONE, CLB_ACTIVATION_NONE);
    add_linear(rows, tokens, hidden, hidden, CLB_ACTIVATION_NONE, CLB_ACTIVATION_NONE);
    add_linear(rows, tokens, hidden, inner, c->hidden_act, CLB_ACTIVATION_NONE);
    add_linear(rows, tokens, inner, hidden, CLB_ACTIVATION_NONE, c->hidden_act);
    add_row(rows, (struct row){"attention_forward", batch, heads, size, .dropout = p_dropout,
                               .sequences = true});
    add_row(rows, (struct row){"attention_backward", batch, heads, size, .dropout = p_dropout,
                               .sequences = true});
    add_row(rows, (struct row){"norm_forward", tokens, hidden, .dropout = dropout});
    add_row(rows, (struct row){"norm_backward", tokens, hidden, .dropout = dropout});
}

static void add_ends(struct rows *rows, const struct clb_bench_options *o)
{
    const struct clb_config *c = &o->config;
    const int64_t tokens = (int64_t)o->batch_size * o->max_seq_length, hidden = c->hidden_size;
    const int64_t share = (int64_t)((float)tokens * o->mlm_probability);
    const int64_t masked = share < 1 ? 1 : share < tokens ? share : tokens;
    const float dropout = c->hidden_dropout_prob;
    add(rows, "embedding_forward", tokens, hidden, c->vocab_size);
    add(rows, "embedding_backward", tokens, hidden, c->vocab_size);
    add_row(rows, (struct row){"dropout_apply", tokens, hidden, .dropout = dropout});
    add(rows, "gather_rows", masked, hidden, tokens);
    add(rows, "scatter_add_rows", masked, hidden, tokens);
    add_linear(rows, masked, hidden, c->vocab_size, CLB_ACTIVATION_NONE, CLB_ACTIVATION_NONE);
    add(rows, "cross_entropy", masked, c->vocab_size, 0);
    add_row(rows,
            (struct row){"activation_backward", masked, hidden, .variant = (int)c->hidden_act});
}

enum { CLASSES = 9 }; /* of tokens: three kinds of names, where they begin and go on, and none */

static void add_tasks(struct rows *rows, const struct clb_bench_options *o)
{
    const int64_t batch = o->batch_size, tokens = batch * o->max_seq_length;
    for (int kind = CLB_POOLING_MEAN; kind <= CLB_POOLING_FIRST; kind++)
        add_row(rows, (struct row){"pool", batch, o->config.hidden_size, .variant = kind,
                                   .sequences = true});
    add(rows, "class_loss", tokens, CLASSES, 0);
    add_row(rows, (struct row){"span_loss", batch, 2, .sequences = true});
    add(rows, "binary_cross_entropy", batch, CLASSES, 0);
    add(rows, "squared_error", batch, 1, 0);
}

/* Plain buffers are as large as all that an optimiser works on. */
static int64_t buffer_elements(const struct clb_bench_options *o)
{
    const int64_t elements = 4 * clb_config_parameters(&o->config);
    return elements < BUFFER ? elements : BUFFER;
}

static void add_buffers(struct rows *rows, const struct clb_bench_options *o)
{
    const int64_t parameters = clb_config_parameters(&o->config), elements = buffer_elements(o);
    const int64_t blocks = parameters / CLB_BLOCK < 3 ? 3 : parameters / CLB_BLOCK;
    add(rows, "sum_of_squares", blocks, CLB_BLOCK, 0);
    add(rows, "adamw", blocks, 100, 0);
    add(rows, "bert_adam", blocks, 100, 0);
    add(rows, "lamb", blocks, 100, 0);
    add(rows, "fill", elements, 1, 0);
    add(rows, "copy", elements, 1, 0);
    for (int type = CLB_BF16; type <= CLB_F16; type++) {
        add_row(rows, (struct row){"cast", elements, 1, .variant = type});
        add_row(rows, (struct row){"cast back", elements, 1, .variant = type});
    }
    add(rows, "add", elements, 1, 0);
    add(rows, "scale", elements, 1, 0);
    add(rows, "fill_uniform", elements, 1, 0);
    add(rows, "fill_truncated_normal", elements, 1, 0);
}

/* ---- timing ---- */

static enum clb_status launch(const struct verify_case *c, const struct verify_side *side,
                              int launches, double *seconds)
{
    const double begin = base_seconds();
    enum clb_status status;
    for (int i = 0; i < launches; i++) CLB_TRY(c->operation->run(c, side->tensors));
    CLB_TRY(clb_device_finish(side->tensors[0].device));
    *seconds = (base_seconds() - begin) / launches;
cleanup:
    return status;
}

/* What the first launch did, which also chooses products. A case may need more operations than its
 * own (attention backward what forward gives): they are timed with it, and so counted. */
static enum clb_status launch_counted(const struct verify_case *c, const struct verify_side *side,
                                      struct clb_profile_entry *work)
{
    struct clb_device *device = side->tensors[0].device;
    double seconds;
    int count;
    clb_device_profile(device, true);
    const enum clb_status status = launch(c, side, 1, &seconds);
    clb_device_profile(device, false);
    const struct clb_profile_entry *entries = clb_device_profile_entries(device, &count);
    *work = (struct clb_profile_entry){.calls = 1};
    for (int i = 0; i < count; i++) {
        work->flops += entries[i].flops;
        work->bytes += entries[i].bytes;
    }
    return status;
}

/* The median of repetitions, each of as many calls as fill 20 ms, and on the same numbers. */
static enum clb_status time_side(const struct verify_case *c, const struct verify_side *side,
                                 int repetitions, struct clb_profile_entry *work)
{
    double first, *seconds = malloc((size_t)repetitions * sizeof *seconds);
    enum clb_status status;
    if (!seconds) return clb_fail(CLB_ERROR_MEMORY, "benchmark: out of memory");
    CLB_TRY(verify_side_write(side));
    CLB_TRY(launch_counted(c, side, work));
    CLB_TRY(launch(c, side, 1, &first));
    const int launches = first * MOST_LAUNCHES < 0.02 ? MOST_LAUNCHES : 1 + (int)(0.02 / first);
    for (int r = 0; r < repetitions; r++) {
        CLB_TRY(verify_side_write(side));
        CLB_TRY(launch(c, side, launches, &seconds[r]));
    }
    work->seconds = bench_median(seconds, repetitions);
cleanup:
    free(seconds);
    return status;
}

/* What a call does and, as its seconds, how long it takes. No calls: one allocation of the device
 * cannot hold it. */
static enum clb_status time_case(struct clb_device *device, const struct verify_case *c,
                                 int repetitions, struct clb_profile_entry *work)
{
    struct verify_plan plan = {.which = c};
    struct verify_side side = {0};
    enum clb_status status;
    c->operation->plan(&plan, c);
    *work = (struct clb_profile_entry){.calls = 0};
    if (plan.out_of_memory) CLB_TRY(clb_fail(CLB_ERROR_MEMORY, "benchmark: out of memory"));
    CLB_TRY(verify_side_plan(&side, &plan, device));
    if (clb_arena_bytes(side.arena) > clb_device_info(device)->max_allocation_bytes) {
        status = CLB_OK;
        goto cleanup;
    }
    CLB_TRY(verify_side_open(&side, &plan));
    CLB_TRY(time_side(c, &side, repetitions, work));
cleanup:
    if (status != CLB_OK) clb_fail_context(status, "%s", c->operation->name);
    verify_side_close(&side);
    verify_plan_free(&plan);
    return status;
}

/* ---- all of them ---- */

static struct verify_case case_of(const struct row *row, const int32_t *lengths)
{
    return (struct verify_case){verify_operation(row->operation),
                                false,
                                row->m,
                                row->n,
                                row->k,
                                row->variant,
                                row->dropout,
                                row->sequences ? lengths : NULL,
                                VERIFY_PLAIN};
}

static enum clb_status add_result(struct clb_device *device, const struct verify_case *c,
                                  int repetitions, struct clb_bench_operations *results)
{
    struct clb_profile_entry work;
    char name[sizeof results->operations->name];
    verify_case_name(c, name, sizeof name);
    enum clb_status status = time_case(device, c, repetitions, &work);
    if (status != CLB_OK) return status;
    if (work.calls)
        bench_add(results, name, &work);
    else
        base_log("%s: left out, too large for one allocation of the device", name);
    return CLB_OK;
}

static enum clb_status no_such(const struct rows *rows, const char *only)
{
    char names[640] = "";
    size_t length = 0;
    for (int i = 0; i < rows->count; i++) {
        const char *name = rows->rows[i].operation;
        int before = 0;
        while (strcmp(rows->rows[before].operation, name) != 0) before++;
        if (before == i && length + strlen(name) + 3 < sizeof names)
            length += (size_t)snprintf(names + length, sizeof names - length, "%s%s",
                                       length ? ", " : "", name);
    }
    return clb_fail(CLB_ERROR_ARGUMENT, "--op %s: no operation's name contains that; there are %s",
                    only, names);
}

/* What a plain sum reaches, which operations that stream are compared with: a copy is the driver's,
 * and may be one thread's. */
enum clb_status bench_stream(struct clb_device *device, const struct clb_bench_options *options,
                             double *gigabytes)
{
    struct row row = {.operation = "add", .m = buffer_elements(options), .n = 1};
    struct clb_profile_entry work;
    enum clb_status status;
    do { /* smaller where one allocation cannot hold it */
        const struct verify_case c = case_of(&row, NULL);
        status = time_case(device, &c, options->steps, &work);
        row.m /= 2;
    } while (status == CLB_OK && !work.calls && row.m > 0);
    if (status == CLB_OK) *gigabytes = 1e-9 * work.bytes / work.seconds;
    return status;
}

enum clb_status clb_benchmark_operations(struct clb_device *device,
                                         const struct clb_bench_options *options, const char *only,
                                         struct clb_bench_operations *results)
{
    const int32_t lengths[] = {options->max_seq_length, 0};
    struct rows rows = {.count = 0};
    enum clb_status status;
    *results = (struct clb_bench_operations){.count = 0};
    CLB_TRY(bench_check(options));
    add_layer(&rows, options);
    add_ends(&rows, options);
    add_tasks(&rows, options);
    add_buffers(&rows, options);
    bool chosen[MOST_ROWS], any = false;
    for (int i = 0; i < rows.count; i++) {
        const struct verify_case c = case_of(&rows.rows[i], lengths);
        char name[sizeof results->operations->name];
        verify_case_name(&c, name, sizeof name);
        chosen[i] = strstr(name, only) != NULL;
        any = any || chosen[i];
    }
    if (!any) CLB_TRY(no_such(&rows, only));
    results->operations = calloc((size_t)rows.count, sizeof *results->operations);
    if (!results->operations) CLB_TRY(clb_fail(CLB_ERROR_MEMORY, "benchmark: out of memory"));
    CLB_TRY(clb_device_peak(device, &results->peak_gflops));
    CLB_TRY(bench_stream(device, options, &results->stream_gigabytes));
    for (int i = 0; i < rows.count; i++) {
        const struct verify_case c = case_of(&rows.rows[i], lengths);
        if (chosen[i]) CLB_TRY(add_result(device, &c, options->steps, results));
    }
cleanup:
    return status;
}

void clb_bench_operations_free(struct clb_bench_operations *results)
{
    free(results->operations);
    *results = (struct clb_bench_operations){.count = 0};
}
