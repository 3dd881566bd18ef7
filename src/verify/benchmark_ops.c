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

/* A case, and the least that it has to do: products, or numbers read and written once. */
struct row {
    const char *operation;
    int64_t m, n, k;
    int variant;
    float dropout;
    bool sequences;
    double flops; /* 0: it streams */
    double numbers;
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

static void add(struct rows *rows, struct row row)
{
    rows->rows[rows->count++] = row;
}

/* Forward, and backward both ways, of `tokens` rows. */
static void add_linear(struct rows *rows, int64_t tokens, int64_t inputs, int64_t outputs,
                       enum clb_activation activation)
{
    const double flops = 2.0 * (double)tokens * (double)inputs * (double)outputs;
    add(rows, (struct row){"linear_forward", tokens, inputs, outputs,
                           (int)activation + VERIFY_WITH_BIAS, .flops = flops});
    add(rows, (struct row){"linear_backward_input", tokens, inputs, outputs, .flops = flops});
    add(rows, (struct row){"linear_backward_weight", tokens, inputs, outputs, .flops = flops});
}

static void add_layer(struct rows *rows, const struct clb_bench_options *o)
{
    const struct clb_config *c = &o->config;
    const int64_t batch = o->batch_size, length = o->max_seq_length, tokens = batch * length;
    const int64_t hidden = c->hidden_size, inner = c->intermediate_size;
    const int64_t heads = c->num_attention_heads, size = hidden / heads;
    const double whole = (double)tokens * (double)hidden, pairs = whole * (double)length;
    const float dropout = c->hidden_dropout_prob, p_dropout = c->attention_probs_dropout_prob;
    add_linear(rows, tokens, hidden, 3 * hidden, CLB_ACTIVATION_NONE);
    add_linear(rows, tokens, hidden, hidden, CLB_ACTIVATION_NONE);
    add_linear(rows, tokens, hidden, inner, c->hidden_act);
    add_linear(rows, tokens, inner, hidden, CLB_ACTIVATION_NONE);
    add(rows, (struct row){"activation_backward", tokens, inner, 0, (int)c->hidden_act,
                           .numbers = 3.0 * (double)tokens * (double)inner});
    /* Two products forward; backward these again and four more, one of them for both passes. */
    add(rows, (struct row){"attention_forward", batch, heads, size, 0, p_dropout, true,
                           .flops = 4.0 * pairs});
    add(rows, (struct row){"attention_backward", batch, heads, size, 0, p_dropout, true,
                           .flops = 10.0 * pairs});
    add(rows, (struct row){"norm_forward", tokens, hidden, 0, 0, dropout, .numbers = 4.0 * whole});
    add(rows, (struct row){"norm_backward", tokens, hidden, 0, 0, dropout, .numbers = 4.0 * whole});
}

static void add_ends(struct rows *rows, const struct clb_bench_options *o)
{
    const struct clb_config *c = &o->config;
    const int64_t tokens = (int64_t)o->batch_size * o->max_seq_length, hidden = c->hidden_size;
    const int64_t share = (int64_t)((float)tokens * o->mlm_probability);
    const int64_t masked = share < 1 ? 1 : share < tokens ? share : tokens;
    const double whole = (double)tokens * (double)hidden, some = (double)masked * (double)hidden;
    const float dropout = c->hidden_dropout_prob;
    add(rows,
        (struct row){"embedding_forward", tokens, hidden, c->vocab_size, .numbers = 4.0 * whole});
    add(rows,
        (struct row){"embedding_backward", tokens, hidden, c->vocab_size, .numbers = 3.0 * whole});
    add(rows, (struct row){"dropout_apply", tokens, hidden, 0, 0, dropout, .numbers = 2.0 * whole});
    add(rows, (struct row){"gather_rows", masked, hidden, tokens, .numbers = 2.0 * some});
    add(rows, (struct row){"scatter_add_rows", masked, hidden, tokens, .numbers = 3.0 * some});
    add_linear(rows, masked, hidden, c->vocab_size, CLB_ACTIVATION_NONE);
    add(rows, (struct row){"cross_entropy", masked, c->vocab_size, 0,
                           .numbers = 2.0 * (double)masked * (double)c->vocab_size});
}

/* Plain buffers are as large as all that an optimiser works on. */
static void add_buffers(struct rows *rows, const struct clb_bench_options *o)
{
    const int64_t parameters = clb_config_parameters(&o->config);
    const int64_t blocks = parameters / CLB_BLOCK < 3 ? 3 : parameters / CLB_BLOCK;
    const int64_t elements = 4 * parameters < BUFFER ? 4 * parameters : BUFFER;
    const double n = (double)elements, all = (double)blocks * CLB_BLOCK;
    add(rows, (struct row){"sum_of_squares", blocks, CLB_BLOCK, .numbers = all});
    add(rows, (struct row){"adamw", blocks, 100, .numbers = 7 * all});
    add(rows, (struct row){"bert_adam", blocks, 100, .numbers = 7 * all});
    add(rows, (struct row){"lamb", blocks, 100, .numbers = 10 * all}); /* the update, and again */
    add(rows, (struct row){"fill", elements, 1, .numbers = n});
    add(rows, (struct row){"copy", elements, 1, .numbers = 2 * n});
    for (int type = CLB_BF16; type <= CLB_F16; type++) {
        add(rows, (struct row){"cast", elements, 1, 0, type, .numbers = 1.5 * n});
        add(rows, (struct row){"cast back", elements, 1, 0, type, .numbers = 1.5 * n});
    }
    add(rows, (struct row){"add", elements, 1, .numbers = 3 * n});
    add(rows, (struct row){"scale", elements, 1, .numbers = 2 * n});
    add(rows, (struct row){"fill_uniform", elements, 1, .numbers = n});
    add(rows, (struct row){"fill_truncated_normal", elements, 1, .numbers = n});
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

/* The median of repetitions, each of as many calls as fill 20 ms, and on the same numbers. */
static enum clb_status time_side(const struct verify_case *c, const struct verify_side *side,
                                 int repetitions, double *median)
{
    double first, *seconds = malloc((size_t)repetitions * sizeof *seconds);
    enum clb_status status;
    if (!seconds) return clb_fail(CLB_ERROR_MEMORY, "benchmark: out of memory");
    CLB_TRY(verify_side_write(side));
    CLB_TRY(launch(c, side, 1, &first)); /* chooses products */
    CLB_TRY(launch(c, side, 1, &first));
    const int launches = first * MOST_LAUNCHES < 0.02 ? MOST_LAUNCHES : 1 + (int)(0.02 / first);
    for (int r = 0; r < repetitions; r++) {
        CLB_TRY(verify_side_write(side));
        CLB_TRY(launch(c, side, launches, &seconds[r]));
    }
    *median = bench_median(seconds, repetitions);
cleanup:
    free(seconds);
    return status;
}

/* *seconds below 0: one allocation of the device cannot hold it. */
static enum clb_status time_case(struct clb_device *device, const struct verify_case *c,
                                 int repetitions, double *seconds)
{
    struct verify_plan plan = {.which = c};
    struct verify_side side = {0};
    enum clb_status status;
    c->operation->plan(&plan, c);
    *seconds = -1.0;
    if (plan.out_of_memory) CLB_TRY(clb_fail(CLB_ERROR_MEMORY, "benchmark: out of memory"));
    CLB_TRY(verify_side_plan(&side, &plan, device));
    if (clb_arena_bytes(side.arena) > clb_device_info(device)->max_allocation_bytes) {
        status = CLB_OK;
        goto cleanup;
    }
    CLB_TRY(verify_side_open(&side, &plan));
    CLB_TRY(time_side(c, &side, repetitions, seconds));
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

static enum clb_status add_result(struct clb_device *device, const struct row *row,
                                  const struct verify_case *c, int repetitions,
                                  struct clb_bench_operations *results)
{
    struct clb_bench_operation *result = &results->operations[results->count];
    double seconds;
    verify_case_name(c, result->name, sizeof result->name);
    enum clb_status status = time_case(device, c, repetitions, &seconds);
    if (status != CLB_OK) return status;
    if (seconds < 0.0) {
        base_log("%s: left out, too large for one allocation of the device", result->name);
        return CLB_OK;
    }
    result->seconds = seconds;
    result->multiplies = row->flops > 0.0;
    result->rate = 1e-9 * (result->multiplies ? row->flops : 4.0 * row->numbers) / seconds;
    result->share =
        result->rate / (result->multiplies ? results->peak_gflops : results->stream_gigabytes);
    results->count++;
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
static enum clb_status measure_stream(struct clb_device *device, const struct rows *rows,
                                      int repetitions, double *gigabytes)
{
    for (int i = 0; i < rows->count; i++) {
        const struct row *row = &rows->rows[i];
        if (strcmp(row->operation, "add") != 0) continue;
        const struct verify_case c = case_of(row, NULL);
        double seconds;
        enum clb_status status = time_case(device, &c, repetitions, &seconds);
        if (status != CLB_OK) return status;
        *gigabytes = 4e-9 * row->numbers / seconds;
    }
    return CLB_OK;
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
    CLB_TRY(measure_stream(device, &rows, options->steps, &results->stream_gigabytes));
    for (int i = 0; i < rows.count; i++) {
        const struct verify_case c = case_of(&rows.rows[i], lengths);
        if (chosen[i]) CLB_TRY(add_result(device, &rows.rows[i], &c, options->steps, results));
    }
cleanup:
    return status;
}

void clb_bench_operations_free(struct clb_bench_operations *results)
{
    free(results->operations);
    *results = (struct clb_bench_operations){.count = 0};
}
