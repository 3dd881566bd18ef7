/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/json.h"
#include "cli/cli.h"

#include <clbert/device.h>
#include <stdio.h>
#include <stdlib.h>

static const struct cli_usage usage = {
    .name = "devices",
    .arguments = "[--json]",
    .summary =
        "What --device may be: the CPU path and every usable OpenCL device, with the matrix\n"
        "product chosen for each, once it has been measured at the first use.",
    .examples = "clbert devices\nclbert devices --json",
};

static void print_line(const char *name, const char *value)
{
    if (*value) printf("  %-18s %s\n", name, value);
}

static void print_device(const struct clb_device_info *info)
{
    const double gib = 1.0 / (1 << 30);
    const bool cpu = info->is_cpu_path;
    const bool bold = cli_use_color();
    printf("%s%s%s  %s%s\n", bold ? "\033[1m" : "", info->selector, bold ? "\033[0m" : "",
           info->name,
           !info->is_gpu         ? ""
           : info->is_integrated ? " (GPU, integrated)"
                                 : " (GPU)");
    print_line("platform", info->platform);
    print_line("vendor", info->vendor);
    print_line(cpu ? "compiler" : "driver", info->driver);
    print_line(cpu ? "instruction set" : "version", info->version);
    printf("  %-18s %.1f GiB, at most %.1f GiB at once\n", "memory",
           (double)info->memory_bytes * gib, (double)info->max_allocation_bytes * gib);
    printf("  %-18s %d", cpu ? "threads" : "compute units", info->compute_units);
    if (info->clock_mhz > 0) printf(" at up to %d MHz", info->clock_mhz);
    printf("\n");
    print_line("matrix product", info->gemm[0] ? info->gemm : "measured at the first use");
}

static json_t *pack(const struct clb_device_info *info)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:i, s:i, s:b, s:b, s:s}",
                     "selector", info->selector, "name", info->name, "vendor", info->vendor,
                     "platform", info->platform, "driver", info->driver, "version", info->version,
                     "memory_bytes", (json_int_t)info->memory_bytes, "max_allocation_bytes",
                     (json_int_t)info->max_allocation_bytes, "compute_units", info->compute_units,
                     "clock_mhz", info->clock_mhz, "gpu", info->is_gpu, "integrated",
                     info->is_integrated, "gemm", info->gemm);
}

static enum clb_status print_json(const struct clb_device_info *infos, int count)
{
    json_t *list = json_array();
    enum clb_status status = CLB_OK;
    for (int i = 0; i < count && status == CLB_OK; i++)
        if (json_array_append_new(list, pack(&infos[i])) != 0)
            status =
                clb_fail(CLB_ERROR_FORMAT, "%s: its description is not UTF-8, or memory is out",
                         infos[i].selector);
    if (status == CLB_OK) status = base_json_print(list);
    json_decref(list);
    return status;
}

enum clb_status command_devices(int argc, const char **argv)
{
    int json = 0, rest_count = 0, count = 0;
    bool help = false;
    const char **rest = NULL;
    poptContext context = NULL;
    struct clb_device_info *infos = NULL;
    struct poptOption options[] = {
        {"json", 0, POPT_ARG_NONE, &json, 0, "one JSON array on standard output", NULL},
        POPT_TABLEEND,
    };
    enum clb_status status;
    CLB_TRY(cli_parse(&usage, options, argc, argv, &context, &rest, &rest_count, &help));
    if (help) goto cleanup;
    CLB_TRY(cli_no_arguments(&usage, rest, rest_count));
    CLB_TRY(clb_device_list(&infos, &count));
    if (json) {
        CLB_TRY(print_json(infos, count));
        goto cleanup;
    }
    for (int i = 0; i < count; i++) print_device(&infos[i]);
    if (count == 1) printf("no OpenCL device: install the vendor's driver, or pocl-opencl-icd\n");
cleanup:
    free(infos);
    poptFreeContext(context);
    return status;
}
