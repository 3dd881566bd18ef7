/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "cli/cli.h"

#include <clbert/model.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static const struct cli_usage usage = {
    .name = "tune",
    .arguments = "[--device DEVICE] [--model MODEL] [OPTION...]",
    .summary =
        "Searches for the fastest tiles of matrix products on a GPU and, in fp32, for CLBlast's\n"
        "best parameters on any OpenCL device, at the shapes that training a model has there, and\n"
        "keeps them: whatever runs there later takes them. Ctrl-C keeps what was found; the same\n"
        "command goes on with what is left. `clbert devices` shows it.",
    .examples = "clbert tune --device gpu --model base --per-device-train-batch-size 32\n"
                "clbert tune --device gpu --model base --precision bf16 --time-limit 600",
};

static enum clb_status expect_model(struct clb_device *device, const struct clb_config *config,
                                    int batch, int length, enum clb_type precision)
{
    struct clb_model *model = NULL;
    const struct clb_model_limits limits = {.max_sequences = batch,
                                            .max_tokens = batch * length,
                                            .max_masked = batch * length,
                                            .training = true,
                                            .operands = precision};
    const enum clb_status status = clb_model_create(device, config, &limits, &model);
    clb_model_destroy(model); /* it was only to say what it multiplies */
    return status;
}

static enum clb_status tell(const struct clb_device *device, const char *model,
                            const struct clb_tuning_options *options,
                            const struct clb_tuning *result, bool json)
{
    const struct clb_device_info *info = clb_device_info(device);
    json_t *out;
    enum clb_status status;
    if (!json) {
        printf("device   %s: %s\n", info->selector, info->name);
        printf("gemm     %s\n", info->gemm);
        printf("found    %d tried, %d left; taken for %d of %d products\n", result->tried,
               result->left, result->faster, result->products);
        if (options->operands == CLB_F32)
            printf("clblast  %s; %d sets of parameters passed over\n",
                   result->clblast[0] ? result->clblast : "by its own parameters",
                   result->passed_over);
        printf("speed    %.1f GFLOP/s over all products, before %.1f\n", result->after,
               result->before);
        return CLB_OK;
    }
    out = json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:o, s:o, s:s, s:i}", "device",
                    info->selector, "name", info->name, "gemm", info->gemm, "model", model,
                    "precision", clb_type_name(options->operands), "tried", result->tried, "left",
                    result->left, "faster", result->faster, "products", result->products,
                    "gflops_before", base_json_number(result->before), "gflops",
                    base_json_number(result->after), "clblast", result->clblast, "passed_over",
                    result->passed_over);
    status = out ? base_json_print(out) : clb_fail(CLB_ERROR_MEMORY, "out of memory");
    json_decref(out);
    return status;
}

enum clb_status command_tune(int argc, const char **argv)
{
    int batch = 32, length = 128, vocab_size = 30522, json = 0, rest_count = 0;
    double seconds = 120.0;
    char *device_name = NULL, *model = NULL, *precision = NULL;
    const struct poptOption table[] = {
        {"device", 0, POPT_ARG_STRING, &device_name, 0, "auto (default), gpu, opencl:0.0, ...",
         "DEVICE"},
        {"model", 0, POPT_ARG_STRING, &model, 0,
         "a size (base), a config.json, or a model's directory", "MODEL"},
        {"vocab-size", 0, POPT_ARG_INT, &vocab_size, 0, "of a size by name (30522)", "N"},
        {"per-device-train-batch-size", 0, POPT_ARG_INT, &batch, 0, "sequences (32)", "N"},
        {"max-seq-length", 0, POPT_ARG_INT, &length, 0, "tokens a sequence (128)", "N"},
        {"precision", 0, POPT_ARG_STRING, &precision, 0,
         "of products: fp32 (default), tf32, bf16 or fp16", "TYPE"},
        {"time-limit", 0, POPT_ARG_DOUBLE, &seconds, 0,
         "seconds of searching, at most (120); what is being tried then is tried to its end",
         "SECONDS"},
        {"json", 0, POPT_ARG_NONE, &json, 0, "one line of JSON", NULL},
        POPT_TABLEEND};
    struct clb_tuning_options options = {.stop = cli_stop_on_signals()};
    struct clb_device *device = NULL;
    struct clb_config config;
    struct clb_tuning result;
    poptContext context = NULL;
    const char **rest;
    bool help = false;
    enum clb_status status;
    CLB_TRY(cli_parse(&usage, table, argc, argv, &context, &rest, &rest_count, &help));
    if (help) goto cleanup;
    CLB_TRY(cli_no_arguments(&usage, rest, rest_count));
    if (batch < 1 || length < 2 || length > INT32_MAX / batch)
        CLB_TRY(clb_fail(CLB_ERROR_ARGUMENT, "%d sequences of %d tokens cannot be", batch, length));
    if (!(seconds >= 0.0))
        CLB_TRY(clb_fail(CLB_ERROR_ARGUMENT, "--time-limit %g: should be 0 or more", seconds));
    options.seconds = seconds;
    CLB_TRY(cli_precision(precision, &options.operands));
    CLB_TRY(cli_config(model ? model : "base", vocab_size, &config));
    CLB_TRY(clb_device_open(device_name ? device_name : "auto", 0, &device));
    CLB_TRY(expect_model(device, &config, batch, length, options.operands));
    CLB_TRY(clb_device_tune(device, &options, &result));
    if (*options.stop) base_log("stopped: what was found is kept");
    CLB_TRY(tell(device, model ? model : "base", &options, &result, json != 0));
cleanup:
    clb_device_close(device);
    poptFreeContext(context);
    free(device_name);
    free(model);
    free(precision);
    return status;
}
