/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/files.h"
#include "cli/cli.h"

#include <clbert/demo_text.h>
#include <stdlib.h>

static const struct cli_usage usage = {
    .name = "demo-text",
    .arguments = "[--documents N] [--seed S] [--output FILE]",
    .summary =
        "Writes short Indonesian stories to practise on: one sentence a line, a blank line after\n"
        "each story. Their words determine each other, so that MLM and NSP can be learnt in\n"
        "minutes.",
    .examples = "clbert demo-text --documents 20000 --seed 1 --output text.txt",
};

static enum clb_status write_file(uint64_t seed, int64_t documents, const char *path,
                                  bool overwrite)
{
    struct base_file *file;
    if (!overwrite && base_exists(path))
        return clb_fail(CLB_ERROR_ARGUMENT,
                        "%s: is there; replace it by --overwrite, or choose another --output",
                        path);
    enum clb_status status = base_file_create(path, &file);
    if (status != CLB_OK) return status;
    status = clb_demo_text(seed, documents, base_file_stream(file));
    if (status == CLB_OK) return base_file_commit(file);
    base_file_abandon(file);
    return status;
}

enum clb_status command_demo_text(int argc, const char **argv)
{
    long long documents = 1000, seed = 1;
    char *output = NULL;
    int overwrite = 0;
    const struct poptOption options[] = {
        {"documents", 0, POPT_ARG_LONGLONG, &documents, 0, "stories (1000)", "N"},
        {"seed", 0, POPT_ARG_LONGLONG, &seed, 0, "another seed, other stories (1)", "S"},
        {"output", 0, POPT_ARG_STRING, &output, 0, "file (standard output)", "FILE"},
        {"overwrite", 0, POPT_ARG_NONE, &overwrite, 0, "replace a file that is there", NULL},
        POPT_TABLEEND};
    poptContext context = NULL;
    const char **rest;
    int rest_count;
    bool help = false;
    enum clb_status status;
    CLB_TRY(cli_parse(&usage, options, argc, argv, &context, &rest, &rest_count, &help));
    if (help) goto cleanup;
    CLB_TRY(cli_no_arguments(&usage, rest, rest_count));
    if (documents < 1)
        status = clb_fail(CLB_ERROR_ARGUMENT, "--documents should be at least 1");
    else if (output)
        status = write_file((uint64_t)seed, documents, output, overwrite);
    else
        status = clb_demo_text((uint64_t)seed, documents, stdout);
cleanup:
    poptFreeContext(context);
    free(output);
    return status;
}
