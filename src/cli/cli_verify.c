/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "cli/cli.h"

#include <clbert/verify.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct cli_usage usage = {
    .name = "verify",
    .arguments =
        "[--device D] [--precision TYPE] [--case NAME] [--seed N] [--tiny] [--large] [--json]",
    .summary =
        "Proves a device against the CPU path: every operation over a list of cases, a whole\n"
        "model forward, every gradient and ten training steps, each difference beside the\n"
        "tolerance that follows from rounding. Operations are tried in every precision of the\n"
        "device; the model in that of --precision, and one that is not fp32 beside fp32, too.\n"
        "A device must also give the same bits twice, and leave alone what is not a result.\n"
        "What fails is shown with a map of what differs and the command that repeats it; the\n"
        "exit code is 1.",
    .examples = "clbert verify --device opencl\nclbert verify --device opencl:0.0 --json\n"
                "clbert verify --device opencl --case attention --seed 7\n"
                "clbert verify --device opencl --precision bf16",
};

/* The command that repeats a check: its name up to the colon is the case's. A model is one case. */
static void repeat(const struct clb_verify_check *check, const char *device,
                   const struct clb_verify_options *options, char *line, size_t size)
{
    const char *colon = strchr(check->name, ':');
    const bool model =
        strncmp(check->name, "model", 5) == 0 || strncmp(check->name, "gradient", 8) == 0;
    const bool reduced = model && options->precision != CLB_F32;
    snprintf(line, size, "clbert verify --device %s%s%s --case '%.*s' --seed %u%s", device,
             reduced ? " --precision " : "", reduced ? clb_type_name(options->precision) : "",
             model || !colon ? 5 : (int)(colon - check->name),
             model || !colon ? "model" : check->name, (unsigned)options->seed,
             strncmp(check->name, "large ", 6) == 0 ? " --large"
             : options->tiny                        ? " --tiny"
                                                    : "");
}

static void print_table(const char *device, const struct clb_verify_options *options,
                        const struct clb_verify_report *report)
{
    const bool color = cli_use_color();
    int width = 66;
    for (int i = 0; i < report->count; i++) {
        const int length = (int)strlen(report->checks[i].name);
        if (length > width) width = length;
    }
    printf("%-*s %10s %10s\n", width, "check", "error", "tolerance");
    for (int i = 0; i < report->count; i++) {
        const struct clb_verify_check *check = &report->checks[i];
        const char *begin = !color ? "" : check->passed ? "\033[32m" : "\033[31m";
        printf("%-*s %10.2e %10.2e %s%s%s\n", width, check->name, check->error, check->tolerance,
               begin, check->passed ? "ok" : "FAILED", color ? "\033[0m" : "");
        if (check->passed) continue;
        char line[256];
        repeat(check, device, options, line, sizeof line);
        printf("%s  repeat: %s\n", check->map ? check->map : "", line);
    }
}

/* JSON has no infinity: an error that is not finite is null. */
static json_t *number(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

static enum clb_status print_json(const char *device, const struct clb_verify_options *options,
                                  const struct clb_verify_report *report)
{
    json_t *checks = json_array();
    for (int i = 0; i < report->count; i++) {
        const struct clb_verify_check *check = &report->checks[i];
        json_t *object =
            json_pack("{s:s, s:o, s:o, s:b}", "name", check->name, "error", number(check->error),
                      "tolerance", number(check->tolerance), "passed", check->passed);
        if (!check->passed) {
            char line[256];
            repeat(check, device, options, line, sizeof line);
            json_object_set_new(object, "repeat", json_string(line));
            if (check->map) json_object_set_new(object, "map", json_string(check->map));
        }
        json_array_append_new(checks, object);
    }
    json_t *object = json_pack("{s:s, s:b, s:o}", "device", device, "passed", report->failed == 0,
                               "checks", checks);
    if (!object) return clb_fail(CLB_ERROR_MEMORY, "verify: out of memory");
    enum clb_status status = base_json_print(object);
    json_decref(object);
    return status;
}

static enum clb_status verify(const char *selector, const struct clb_verify_options *options,
                              bool large, bool json)
{
    struct clb_device *device = NULL, *reference = NULL;
    struct clb_verify_report report = {0};
    enum clb_status status;
    CLB_TRY(clb_device_open(selector, 0, &device));
    CLB_TRY(clb_device_open("cpu", 0, &reference));
    const struct clb_device_info *info = clb_device_info(device);
    CLB_TRY(clb_device_check_precision(device, options->precision));
    base_log("verifying %s (%s)", info->selector, info->name);
    CLB_TRY(clb_verify_operations(device, reference, options, &report));
    if (large) CLB_TRY(clb_verify_large(device, options, &report));
    if (!options->only || strstr("model", options->only))
        CLB_TRY(clb_verify_model(device, reference, options, &report));
    if (report.count == 0)
        CLB_TRY(clb_fail(CLB_ERROR_ARGUMENT,
                         "--case %s: no case's name contains that; `clbert "
                         "verify --device cpu` lists them, and model is one",
                         options->only));
    if (json)
        CLB_TRY(print_json(info->selector, options, &report));
    else
        print_table(info->selector, options, &report);
    if (report.failed > 0)
        CLB_TRY(clb_fail(CLB_ERROR_DEVICE, "%d of %d checks failed on %s (%s)", report.failed,
                         report.count, info->selector, info->name));
    if (!json)
        printf("all %d checks passed on %s (%s)\n", report.count, info->selector, info->name);
cleanup:
    clb_verify_report_free(&report);
    clb_device_close(device);
    clb_device_close(reference);
    return status;
}

enum clb_status command_verify(int argc, const char **argv)
{
    int json = 0, tiny = 0, large = 0, rest_count = 0;
    bool help = false;
    long seed = 0;
    char *device = NULL, *only = NULL, *precision = NULL;
    const char **rest = NULL;
    poptContext context = NULL;
    struct poptOption options[] = {
        {"device", 0, POPT_ARG_STRING, &device, 0, "device to prove (default auto)", "D"},
        {"precision", 0, POPT_ARG_STRING, &precision, 0,
         "of the model's products: fp32 (default), tf32, bf16 or fp16", "TYPE"},
        {"case", 0, POPT_ARG_STRING, &only, 0, "only cases whose name contains this", "NAME"},
        {"seed", 0, POPT_ARG_LONG, &seed, 0, "of the cases' numbers (default 0)", "N"},
        {"tiny", 0, POPT_ARG_NONE, &tiny, 0, "smallest shapes only, for simulators", NULL},
        {"large", 0, POPT_ARG_NONE, &large, 0,
         "also buffers of more than 2^31 elements, where memory holds them", NULL},
        {"json", 0, POPT_ARG_NONE, &json, 0, "one JSON object on standard output", NULL},
        POPT_TABLEEND,
    };
    enum clb_status status;
    CLB_TRY(cli_parse(&usage, options, argc, argv, &context, &rest, &rest_count, &help));
    if (help) goto cleanup;
    CLB_TRY(cli_no_arguments(&usage, rest, rest_count));
    if (seed < 0 || seed > UINT32_MAX)
        CLB_TRY(clb_fail(CLB_ERROR_ARGUMENT, "--seed %ld: should be 0 to %u", seed, UINT32_MAX));
    struct clb_verify_options chosen = {.tiny = tiny != 0, .only = only, .seed = (uint32_t)seed};
    CLB_TRY(cli_precision(precision, &chosen.precision));
    CLB_TRY(verify(device ? device : "auto", &chosen, large != 0, json != 0));
cleanup:
    free(precision);
    free(only);
    free(device);
    poptFreeContext(context);
    return status;
}
