/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/json.h"
#include "cli/cli.h"

#include <clbert/predict.h>

#include <stdlib.h>

static const struct cli_usage usage = {
    .name = "next-sentence",
    .arguments = "--model DIR A B",
    .summary = "How likely the model thinks it is that sentence B follows sentence A.",
    .examples = "clbert next-sentence --model run \"Saya pergi ke pasar.\" \"Saya membeli buah.\"",
};

static enum clb_status print_answer(double is_next, bool json)
{
    if (!json) {
        printf("%s  (is next %.1f %%, not next %.1f %%)\n", is_next >= 0.5 ? "is next" : "not next",
               100 * is_next, 100 * (1 - is_next));
        return CLB_OK;
    }
    json_t *object = json_pack("{s:f, s:f}", "is_next", is_next, "not_next", 1 - is_next);
    if (!object) return clb_fail(CLB_ERROR_NUMERIC, "the model's answer is not a number");
    enum clb_status status = base_json_print(object);
    json_decref(object);
    return status;
}

enum clb_status command_next_sentence(int argc, const char **argv)
{
    char *model = NULL, *device_name = NULL, *precision = NULL;
    int threads = 0, json = 0;
    const struct poptOption options[] = {
        {"model", 0, POPT_ARG_STRING, &model, 0, "model directory", "DIR"},
        {"device", 0, POPT_ARG_STRING, &device_name, 0, "cpu (default), auto, opencl, ...",
         "DEVICE"},
        {"precision", 0, POPT_ARG_STRING, &precision, 0,
         "of products: fp32 (default), tf32, bf16 or fp16", "TYPE"},
        {"threads", 0, POPT_ARG_INT, &threads, 0, "threads of the CPU path (0: all)", "N"},
        {"json", 0, POPT_ARG_NONE, &json, 0, "one line of JSON", NULL},
        POPT_TABLEEND};
    struct clb_device *device = NULL;
    struct clb_predictor *predictor = NULL;
    poptContext context = NULL;
    const char **rest;
    int count;
    double is_next;
    bool help = false;
    enum clb_type operands;
    enum clb_status status;
    CLB_TRY(cli_parse(&usage, options, argc, argv, &context, &rest, &count, &help));
    if (help) goto cleanup;
    CLB_TRY(cli_require(&usage, model, "--model DIR"));
    CLB_TRY(cli_require(&usage, count == 2 ? rest : NULL, "two sentences, A and B"));
    CLB_TRY(cli_precision(precision, &operands));
    CLB_TRY(clb_device_open(device_name ? device_name : "cpu", threads, &device));
    CLB_TRY(clb_predictor_open(device, model, operands, &predictor));
    CLB_TRY(clb_next_sentence(predictor, rest[0], rest[1], &is_next));
    CLB_TRY(print_answer(is_next, json));
cleanup:
    clb_predictor_close(predictor);
    clb_device_close(device);
    poptFreeContext(context);
    free(model);
    free(device_name);
    free(precision);
    return status;
}
