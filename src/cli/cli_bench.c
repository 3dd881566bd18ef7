/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli_bench.h"
#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "cli/cli.h"

#include <clbert/bench.h>

#include <stdlib.h>
#include <string.h>

static const struct cli_usage usage = {
    .name = "bench",
    .arguments = "[--device DEVICE] [--model MODEL] [OPTION...]",
    .summary =
        "Times whole training steps (forward, backward, AdamW) on full synthetic sequences,\n"
        "beside the device's peak measured in the same run. --profile adds each operation of a\n"
        "step. With --op, single operations at the shapes of such a step instead. Operations\n"
        "stand beside the peak, or beside a sum of large buffers where they do not multiply.\n"
        "--task embed times sentence embeddings instead, of 128 synthetic texts whose lengths "
        "vary\n"
        "as real ones', or of those of --input, read and tokenised every time.",
    .examples = "clbert bench --device cpu --model mini --per-device-train-batch-size 32\n"
                "clbert bench --device opencl --model base --op attention_forward\n"
                "clbert bench --task embed --model all-MiniLM-L6-v2 --input texts.txt\n"
                "clbert bench --profile --json >before.json; clbert bench --profile --compare "
                "before.json",
};

/* What is timed, as the command line says it. */
struct arguments {
    const char *model, *op, *compare; /* op, compare NULL: not given */
    bool json;
    struct clb_bench_options options;
};

/* ---- what was measured, of whole steps and of operations ---- */

static bool embeds(const struct arguments *a)
{
    return a->options.task == CLB_BENCH_EMBEDDING;
}

static void print_head(const struct clb_device *device, const struct arguments *a)
{
    const struct clb_device_info *info = clb_device_info(device);
    printf("device   %s: %s\n", info->selector, info->name);
    printf("gemm     %s\n", info->gemm);
    printf("model    %s in %s, ", a->model, clb_type_name(a->options.precision));
    if (embeds(a))
        printf("embeddings of %s\n", a->options.input ? a->options.input : "synthetic texts");
    else
        printf("%d sequences of %d\n", a->options.batch_size, a->options.max_seq_length);
}

static json_t *json_head(const struct clb_device *device, const struct arguments *a)
{
    const struct clb_device_info *info = clb_device_info(device);
    json_t *head = json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:I}", "device", info->selector,
                             "name", info->name, "gemm", info->gemm, "model", a->model, "precision",
                             clb_type_name(a->options.precision), "batch_size",
                             a->options.batch_size, "max_seq_length", a->options.max_seq_length,
                             "parameters", (json_int_t)clb_config_parameters(&a->options.config));
    if (head && embeds(a)) json_object_set_new(head, "task", json_string("embed"));
    return head;
}

static void print_peaks(const struct clb_bench_operations *list)
{
    printf("peak     %.1f GFLOP/s in multiply-adds, %.1f GB/s in large sums\n", list->peak_gflops,
           list->stream_gigabytes);
}

static const char *unit_of(const struct clb_bench_operation *o)
{
    return o->multiplies ? "GFLOP/s" : "GB/s";
}

static void print_profile(const struct clb_bench_operations *list)
{
    print_peaks(list);
    printf("\n%-24s %6s %10s %8s %9s %15s\n", "operation", "calls", "ms", "of step", "rate",
           "of the peak");
    for (int i = 0; i < list->count; i++) {
        const struct clb_bench_operation *o = &list->operations[i];
        printf("%-24s %6lld %10.3f %6.1f %% %9.1f %-7s %5.1f %%\n", o->name, (long long)o->calls,
               1e3 * o->seconds, 100 * o->step_share, o->rate, unit_of(o), 100 * o->share);
    }
}

static void print_operations(const struct clb_device *device, const struct arguments *a,
                             const struct clb_bench_operations *list)
{
    print_head(device, a);
    print_peaks(list);
    printf("\n%-58s %10s %9s %15s\n", "operation", "ms", "rate", "of the peak");
    for (int i = 0; i < list->count; i++) {
        const struct clb_bench_operation *o = &list->operations[i];
        printf("%-58s %10.4f %9.1f %-7s %5.1f %%\n", o->name, 1e3 * o->seconds, o->rate, unit_of(o),
               100 * o->share);
    }
}

static json_t *operations_json(const struct clb_bench_operations *list)
{
    json_t *operations = json_array();
    for (int i = 0; i < list->count; i++) {
        const struct clb_bench_operation *o = &list->operations[i];
        json_t *json = json_pack("{s:s}", "name", o->name);
        if (o->step_share > 0.0) json_object_set_new(json, "calls", json_integer(o->calls));
        json_object_set_new(json, "seconds", json_real(o->seconds));
        if (o->step_share > 0.0) json_object_set_new(json, "step_share", json_real(o->step_share));
        json_object_set_new(json, o->multiplies ? "gflops" : "gigabytes", json_real(o->rate));
        json_object_set_new(json, "share", base_json_number(o->share));
        json_array_append_new(operations, json);
    }
    return json_pack("{s:f, s:o, s:o}", "peak_gflops", list->peak_gflops, "stream_gigabytes",
                     base_json_number(list->stream_gigabytes), "operations", operations);
}

static void print_steps(const struct clb_device *device, const struct arguments *a,
                        const struct clb_bench_result *r)
{
    const struct clb_traffic *t = &r->traffic;
    const double steps = a->options.steps;
    print_head(device, a);
    printf("step     %.1f ms\n", 1e3 * r->seconds_per_step);
    if (embeds(a)) printf("texts    %.1f sentences/s\n", r->sequences_per_second);
    printf("speed    %.0f tokens/s, %.1f GFLOP/s = %.0f %% of the measured fp32 peak %.1f\n",
           r->tokens_per_second, r->gflops, 100 * r->gflops / r->peak_gflops, r->peak_gflops);
    printf("queue    %.0f launches, %.0f uploads of together %.0f KiB, %.0f waits a step\n",
           (double)t->launches / steps, (double)t->writes / steps,
           (double)t->bytes / steps / 1024.0, (double)t->waits / steps);
    if (a->options.profile) print_profile(&r->profile);
}

static json_t *steps_json(const struct arguments *a, const struct clb_bench_result *r)
{
    const struct clb_traffic *t = &r->traffic;
    const double steps = a->options.steps;
    json_t *json = json_pack("{s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "seconds_per_step",
                             r->seconds_per_step, "tokens_per_second", r->tokens_per_second,
                             "gflops", r->gflops, "peak_gflops", r->peak_gflops,
                             "launches_per_step", (double)t->launches / steps, "uploads_per_step",
                             (double)t->writes / steps, "waits_per_step", (double)t->waits / steps);
    if (json && embeds(a))
        json_object_set_new(json, "sentences_per_second", json_real(r->sequences_per_second));
    json_t *profile = a->options.profile ? operations_json(&r->profile) : NULL;
    if (a->options.profile && json_object_update(json, profile) != 0) {
        json_decref(json);
        json = NULL;
    }
    json_decref(profile);
    return json;
}

/* ---- the command ---- */

/* Head and figures, which it takes over, as one line, or beside an earlier output. */
static enum clb_status tell(const struct arguments *a, const struct clb_device *device,
                            json_t *figures, const json_t *before)
{
    json_t *now = json_head(device, a);
    enum clb_status status = CLB_OK;
    if (!now || !figures || json_object_update(now, figures) != 0 || base_json_starved())
        status = clb_fail(CLB_ERROR_MEMORY, "out of memory");
    else if (a->json)
        status = base_json_print(now);
    else if (before)
        cli_bench_compare(a->compare, before, now);
    json_decref(now);
    json_decref(figures);
    return status;
}

static enum clb_status bench_operations(struct clb_device *device, const struct arguments *a,
                                        const json_t *before)
{
    struct clb_bench_operations list;
    enum clb_status status;
    CLB_TRY(clb_benchmark_operations(device, &a->options, a->op, &list));
    if (!a->json) print_operations(device, a, &list);
    CLB_TRY(tell(a, device, operations_json(&list), before));
cleanup:
    clb_bench_operations_free(&list);
    return status;
}

static enum clb_status bench_steps(struct clb_device *device, const struct arguments *a,
                                   const json_t *before)
{
    struct clb_bench_result result;
    enum clb_status status;
    CLB_TRY(clb_benchmark(device, &a->options, &result));
    if (!a->json) print_steps(device, a, &result);
    CLB_TRY(tell(a, device, steps_json(a, &result), before));
cleanup:
    clb_bench_operations_free(&result.profile);
    return status;
}

/* What it is to be compared with is looked at before anything is timed. */
static enum clb_status bench(struct clb_device *device, const struct arguments *a)
{
    json_t *head = NULL, *before = NULL;
    enum clb_status status = CLB_OK;
    if (a->compare) {
        head = json_head(device, a);
        if (!head) CLB_TRY(clb_fail(CLB_ERROR_MEMORY, "out of memory"));
        CLB_TRY(cli_bench_read(a->compare, head, !a->op, &before));
    }
    CLB_TRY(a->op ? bench_operations(device, a, before) : bench_steps(device, a, before));
cleanup:
    json_decref(head);
    json_decref(before);
    return status;
}

static enum clb_status check_arguments(const struct arguments *a)
{
    const struct clb_bench_options *o = &a->options;
    if (embeds(a) && a->op)
        return clb_fail(CLB_ERROR_ARGUMENT, "--op is of training: not with --task embed");
    if (o->input && !embeds(a))
        return clb_fail(CLB_ERROR_ARGUMENT, "--input is of --task embed: training's sequences are "
                                            "synthetic");
    if (o->input && !base_is_directory(a->model))
        return clb_fail(CLB_ERROR_ARGUMENT,
                        "--input needs a tokenizer: --model should be a "
                        "directory with one, and %s is none",
                        a->model);
    if (o->input && strcmp(o->input, "-") == 0)
        return clb_fail(CLB_ERROR_ARGUMENT, "--input is read several times: it should be a file");
    if (a->op && o->profile)
        return clb_fail(CLB_ERROR_ARGUMENT, "--profile is of whole steps: not with --op");
    if (a->json && a->compare)
        return clb_fail(CLB_ERROR_ARGUMENT, "--compare prints a table: not with --json");
    if (o->batch_size > 0 && o->max_seq_length > INT32_MAX / o->batch_size)
        return clb_fail(CLB_ERROR_ARGUMENT, "%d sequences of %d tokens are too large a batch",
                        o->batch_size, o->max_seq_length);
    return CLB_OK;
}

static enum clb_status take_task(const char *name, enum clb_bench_task *task)
{
    *task = name && strcmp(name, "embed") == 0 ? CLB_BENCH_EMBEDDING : CLB_BENCH_TRAINING;
    if (!name || *task == CLB_BENCH_EMBEDDING || strcmp(name, "train") == 0) return CLB_OK;
    return clb_fail(CLB_ERROR_ARGUMENT, "--task %s is unknown; there are: train, embed", name);
}

/* What the command line leaves open: of texts of a file, their embedder's business. */
static void settle(struct clb_bench_options *o)
{
    const int32_t most = o->config.max_position_embeddings;
    const bool training = o->task == CLB_BENCH_TRAINING;
    if (!cli_given("per-device-train-batch-size")) o->batch_size = training ? 32 : 0;
    if (!cli_given("max-seq-length"))
        o->max_seq_length = training ? 128 : o->input ? 0 : most < 256 ? most : 256;
}

enum clb_status command_bench(int argc, const char **argv)
{
    struct arguments a = {.options = {.mlm_probability = 0.15f, .steps = 10}};
    struct clb_bench_options *o = &a.options;
    char *device_name = NULL, *model = NULL, *op = NULL, *compare = NULL, *precision = NULL;
    char *task = NULL, *input = NULL;
    int threads = 0, json = 0, vocab_size = 30522, profile = 0;
    const struct poptOption options[] = {
        {"device", 0, POPT_ARG_STRING, &device_name, 0, "auto (default), cpu, opencl, ...",
         "DEVICE"},
        {"model", 0, POPT_ARG_STRING, &model, 0,
         "a size (mini), a config.json, or a model's directory", "MODEL"},
        {"task", 0, POPT_ARG_STRING, &task, 0, "train (default) or embed", "TASK"},
        {"input", 0, POPT_ARG_STRING, &input, 0, "texts to embed, with a model's directory", "F"},
        {"vocab-size", 0, POPT_ARG_INT, &vocab_size, 0, "of a size by name (30522)", "N"},
        {"per-device-train-batch-size", 0, POPT_ARG_INT, &o->batch_size, 0,
         "sequences (32; to embed: as many as are fast)", "N"},
        {"max-seq-length", 0, POPT_ARG_INT, &o->max_seq_length, 0,
         "tokens a sequence (128; to embed: at most, 256)", "N"},
        {"mlm-probability", 0, POPT_ARG_FLOAT, &o->mlm_probability, 0, "share of tokens (0.15)",
         "X"},
        {"precision", 0, POPT_ARG_STRING, &precision, 0,
         "of products: fp32 (default), tf32, bf16 or fp16", "TYPE"},
        {"op", 0, POPT_ARG_STRING, &op, 0, "operations whose name contains this, not steps",
         "NAME"},
        {"steps", 0, POPT_ARG_INT, &o->steps, 0,
         "timed steps or repetitions, of which the median counts (10)", "N"},
        {"threads", 0, POPT_ARG_INT, &threads, 0, "threads of the CPU path (0: all)", "N"},
        {"profile", 0, POPT_ARG_NONE, &profile, 0, "also each operation of a step", NULL},
        {"compare", 0, POPT_ARG_STRING, &compare, 0, "beside what an earlier --json printed",
         "FILE"},
        {"json", 0, POPT_ARG_NONE, &json, 0, "one line of JSON", NULL},
        POPT_TABLEEND};
    struct clb_device *device = NULL;
    poptContext context = NULL;
    const char **rest;
    int rest_count;
    bool help = false;
    enum clb_status status;
    CLB_TRY(cli_parse(&usage, options, argc, argv, &context, &rest, &rest_count, &help));
    if (help) goto cleanup;
    CLB_TRY(cli_no_arguments(&usage, rest, rest_count));
    a.model = model ? model : "mini";
    a.op = op;
    a.compare = compare;
    a.json = json;
    o->profile = profile;
    o->input = input;
    o->directory = a.model;
    CLB_TRY(cli_precision(precision, &o->precision));
    CLB_TRY(cli_config(a.model, vocab_size, &o->config));
    CLB_TRY(take_task(task, &o->task));
    settle(o);
    CLB_TRY(check_arguments(&a));
    CLB_TRY(clb_device_open(device_name ? device_name : "auto", threads, &device));
    CLB_TRY(bench(device, &a));
cleanup:
    clb_device_close(device);
    poptFreeContext(context);
    free(device_name);
    free(model);
    free(op);
    free(precision);
    free(compare);
    free(task);
    free(input);
    return status;
}
