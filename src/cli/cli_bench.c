/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "cli/cli.h"

#include <clbert/bench.h>
#include <clbert/model.h>

#include <stdlib.h>
#include <string.h>

static const struct cli_usage usage = {
    .name = "bench",
    .arguments = "[--device DEVICE] [--model MODEL] [OPTION...]",
    .summary =
        "Times whole training steps (forward, backward, AdamW) on full synthetic sequences,\n"
        "beside the device's peak measured in the same run. --profile adds each operation.\n"
        "With --op, single operations at the shapes of such a step instead, each beside the\n"
        "peak, or beside a sum of large buffers where it does not multiply.",
    .examples = "clbert bench --device cpu --model mini --per-device-train-batch-size 32\n"
                "clbert bench --device opencl --model base --op attention_forward",
};

/* ---- what was measured, of whole steps and of operations ---- */

static void print_head(const struct clb_device *device, const char *model,
                       const struct clb_bench_options *o)
{
    const struct clb_device_info *info = clb_device_info(device);
    printf("device   %s: %s\n", info->selector, info->name);
    printf("gemm     %s\n", info->gemm);
    printf("model    %s, %d sequences of %d\n", model, o->batch_size, o->max_seq_length);
}

static json_t *json_head(const struct clb_device *device, const char *model,
                         const struct clb_bench_options *o)
{
    const struct clb_device_info *info = clb_device_info(device);
    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:i}", "device", info->selector, "name", info->name,
                     "gemm", info->gemm, "model", model, "batch_size", o->batch_size,
                     "max_seq_length", o->max_seq_length);
}

/* Both together as one line; takes them over. */
static enum clb_status print_json(json_t *head, json_t *figures)
{
    enum clb_status status = head && figures && json_object_update(head, figures) == 0
                                 ? base_json_print(head)
                                 : clb_fail(CLB_ERROR_MEMORY, "out of memory");
    json_decref(head);
    json_decref(figures);
    return status;
}

static void print_profile(const struct clb_device *device)
{
    int count;
    const struct clb_profile_entry *entries = clb_device_profile_entries(device, &count);
    double total = 0;
    for (int i = 0; i < count; i++) total += entries[i].seconds;
    printf("\n%-24s %6s %10s %7s\n", "operation", "calls", "ms", "share");
    for (int i = 0; i < count; i++)
        if (entries[i].calls)
            printf("%-24s %6lld %10.3f %6.1f %%\n", entries[i].operation,
                   (long long)entries[i].calls, 1e3 * entries[i].seconds,
                   100 * entries[i].seconds / total);
}

static void print_traffic(const struct clb_traffic *t, double steps)
{
    printf("queue    %.0f launches, %.0f uploads of together %.0f KiB, %.0f waits a step\n",
           (double)t->launches / steps, (double)t->writes / steps,
           (double)t->bytes / steps / 1024.0, (double)t->waits / steps);
}

static void print_operations(const struct clb_device *device, const char *model,
                             const struct clb_bench_options *o,
                             const struct clb_bench_operations *list)
{
    print_head(device, model, o);
    printf("peak     %.1f GFLOP/s in multiply-adds, %.1f GB/s in large sums\n", list->peak_gflops,
           list->stream_gigabytes);
    printf("\n%-58s %10s %9s %15s\n", "operation", "ms", "rate", "of the peak");
    for (int i = 0; i < list->count; i++) {
        const struct clb_bench_operation *b = &list->operations[i];
        printf("%-58s %10.4f %9.1f %-7s %5.1f %%\n", b->name, 1e3 * b->seconds, b->rate,
               b->multiplies ? "GFLOP/s" : "GB/s", 100 * b->share);
    }
}

static enum clb_status print_operations_json(const struct clb_device *device, const char *model,
                                             const struct clb_bench_options *o,
                                             const struct clb_bench_operations *list)
{
    json_t *object = json_head(device, model, o), *operations = json_array();
    for (int i = 0; i < list->count; i++) {
        const struct clb_bench_operation *b = &list->operations[i];
        json_array_append_new(operations,
                              json_pack("{s:s, s:f, s:f, s:o}", "name", b->name, "seconds",
                                        b->seconds, b->multiplies ? "gflops" : "gigabytes", b->rate,
                                        "share", base_json_number(b->share)));
    }
    return print_json(
        object, json_pack("{s:f, s:o, s:o}", "peak_gflops", list->peak_gflops, "stream_gigabytes",
                          base_json_number(list->stream_gigabytes), "operations", operations));
}

static enum clb_status bench_operations(struct clb_device *device, const char *model,
                                        const struct clb_bench_options *o, const char *only,
                                        bool json)
{
    struct clb_bench_operations list;
    enum clb_status status;
    CLB_TRY(clb_benchmark_operations(device, o, only, &list));
    if (json)
        CLB_TRY(print_operations_json(device, model, o, &list));
    else
        print_operations(device, model, o, &list);
cleanup:
    clb_bench_operations_free(&list);
    return status;
}

static enum clb_status print_result(const struct clb_device *device, const char *model,
                                    const struct clb_bench_options *o,
                                    const struct clb_bench_result *r, bool json)
{
    if (!json) {
        print_head(device, model, o);
        printf("step     %.1f ms\n", 1e3 * r->seconds_per_step);
        printf("speed    %.0f tokens/s, %.1f GFLOP/s = %.0f %% of the measured peak %.1f\n",
               r->tokens_per_second, r->gflops, 100 * r->gflops / r->peak_gflops, r->peak_gflops);
        print_traffic(&r->traffic, o->steps);
        if (o->profile) print_profile(device);
        return CLB_OK;
    }
    const struct clb_traffic *t = &r->traffic;
    return print_json(json_head(device, model, o),
                      json_pack("{s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "seconds_per_step",
                                r->seconds_per_step, "tokens_per_second", r->tokens_per_second,
                                "gflops", r->gflops, "peak_gflops", r->peak_gflops,
                                "launches_per_step", (double)t->launches / o->steps,
                                "uploads_per_step", (double)t->writes / o->steps, "waits_per_step",
                                (double)t->waits / o->steps));
}

enum clb_status command_bench(int argc, const char **argv)
{
    struct clb_bench_options o = {
        .batch_size = 32, .max_seq_length = 128, .mlm_probability = 0.15f, .steps = 10};
    char *device_name = NULL, *model = NULL, *op = NULL, *precision = NULL;
    int threads = 0, json = 0, vocab_size = 30522, profile = 0;
    const struct poptOption options[] = {
        {"device", 0, POPT_ARG_STRING, &device_name, 0, "auto (default), cpu, opencl, ...",
         "DEVICE"},
        {"model", 0, POPT_ARG_STRING, &model, 0,
         "a size (mini), a config.json, or a model's directory", "MODEL"},
        {"vocab-size", 0, POPT_ARG_INT, &vocab_size, 0, "of a size by name (30522)", "N"},
        {"per-device-train-batch-size", 0, POPT_ARG_INT, &o.batch_size, 0, "sequences (32)", "N"},
        {"max-seq-length", 0, POPT_ARG_INT, &o.max_seq_length, 0, "tokens a sequence (128)", "N"},
        {"mlm-probability", 0, POPT_ARG_FLOAT, &o.mlm_probability, 0, "share of tokens (0.15)",
         "X"},
        {"precision", 0, POPT_ARG_STRING, &precision, 0,
         "of products: fp32 (default), bf16 or fp16", "TYPE"},
        {"op", 0, POPT_ARG_STRING, &op, 0, "operations whose name contains this, not steps",
         "NAME"},
        {"steps", 0, POPT_ARG_INT, &o.steps, 0,
         "timed steps or repetitions, of which the median counts (10)", "N"},
        {"threads", 0, POPT_ARG_INT, &threads, 0, "threads of the CPU path (0: all)", "N"},
        {"profile", 0, POPT_ARG_NONE, &profile, 0, "also each operation's time", NULL},
        {"json", 0, POPT_ARG_NONE, &json, 0, "one line of JSON", NULL},
        POPT_TABLEEND};
    struct clb_device *device = NULL;
    struct clb_bench_result result;
    poptContext context = NULL;
    const char **rest;
    int rest_count;
    bool help = false;
    enum clb_status status;
    CLB_TRY(cli_parse(&usage, options, argc, argv, &context, &rest, &rest_count, &help));
    if (help) goto cleanup;
    CLB_TRY(cli_no_arguments(&usage, rest, rest_count));
    const char *name = model ? model : "mini";
    if (base_is_directory(name))
        CLB_TRY(clb_model_read_config(name, &o.config));
    else if (strchr(name, '/') || strstr(name, ".json"))
        CLB_TRY(clb_config_read(name, &o.config));
    else
        CLB_TRY(clb_config_named(name, vocab_size, &o.config));
    if (o.config.architecture != CLB_BERT_FOR_MASKED_LM) /* what is timed is pretraining */
        o.config.architecture = CLB_BERT_FOR_PRETRAINING;
    o.profile = profile;
    CLB_TRY(cli_precision(precision, &o.precision));
    if (op && profile)
        CLB_TRY(clb_fail(CLB_ERROR_ARGUMENT, "--profile is of whole steps: not with --op"));
    if (o.batch_size > 0 && o.max_seq_length > INT32_MAX / o.batch_size) {
        status = clb_fail(CLB_ERROR_ARGUMENT, "%d sequences of %d tokens are too large a batch",
                          o.batch_size, o.max_seq_length);
        goto cleanup;
    }
    CLB_TRY(clb_device_open(device_name ? device_name : "auto", threads, &device));
    if (op) {
        CLB_TRY(bench_operations(device, name, &o, op, json));
        goto cleanup;
    }
    CLB_TRY(clb_benchmark(device, &o, &result));
    CLB_TRY(print_result(device, name, &o, &result, json));
cleanup:
    clb_device_close(device);
    poptFreeContext(context);
    free(device_name);
    free(model);
    free(op);
    free(precision);
    return status;
}
