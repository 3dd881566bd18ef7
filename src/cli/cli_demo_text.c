/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/files.h"
#include "cli/cli.h"

#include <clbert/demo_tasks.h>
#include <clbert/demo_text.h>
#include <stdlib.h>

static const struct cli_usage usage = {
    .name = "demo-text",
    .arguments = "[--task T] [--documents N] [--seed S] [--output FILE]",
    .summary =
        "Writes short Indonesian stories to practise on: one sentence a line, a blank line after\n"
        "each story. Their words determine each other, so that MLM and NSP can be learnt in\n"
        "minutes. With --task labelled examples from such stories, for clbert fine-tune:\n"
        "classification (text and label as TSV: in which scene is it?), pairs (text_a, text_b and\n"
        "label: does the one go on from the other?), tokens (CoNLL with BIO tags: persons,\n"
        "animals, food, places, times) or answers (SQuAD's JSON). Take another seed for each set.",
    .examples = "clbert demo-text --documents 20000 --seed 1 --output text.txt\n"
                "clbert demo-text --task tokens --documents 50 --seed 2 --output train.conll",
};

struct arguments {
    long long documents, seed;
    char *task, *output;
    int overwrite;
};

static enum clb_status write_to(const struct arguments *a, FILE *stream)
{
    enum clb_demo_task task;
    if (!a->task) return clb_demo_text((uint64_t)a->seed, a->documents, stream);
    const enum clb_status status = clb_demo_task_named(a->task, &task);
    return status == CLB_OK ? clb_demo_examples(task, (uint64_t)a->seed, a->documents, stream)
                            : status;
}

static enum clb_status write_file(const struct arguments *a)
{
    struct base_file *file;
    if (!a->overwrite && base_exists(a->output))
        return clb_fail(CLB_ERROR_ARGUMENT,
                        "%s: is there; replace it by --overwrite, or choose another --output",
                        a->output);
    enum clb_status status = base_file_create(a->output, &file);
    if (status != CLB_OK) return status;
    status = write_to(a, base_file_stream(file));
    if (status == CLB_OK) return base_file_commit(file);
    base_file_abandon(file);
    return status;
}

enum clb_status command_demo_text(int argc, const char **argv)
{
    struct arguments a = {.documents = 1000, .seed = 1};
    const struct poptOption options[] = {
        {"task", 0, POPT_ARG_STRING, &a.task, 0, "labelled examples instead of stories", "T"},
        {"documents", 0, POPT_ARG_LONGLONG, &a.documents, 0, "stories or examples (1000)", "N"},
        {"seed", 0, POPT_ARG_LONGLONG, &a.seed, 0, "another seed, other stories (1)", "S"},
        {"output", 0, POPT_ARG_STRING, &a.output, 0, "file (standard output)", "FILE"},
        {"overwrite", 0, POPT_ARG_NONE, &a.overwrite, 0, "replace a file that is there", NULL},
        POPT_TABLEEND};
    poptContext context = NULL;
    const char **rest;
    int rest_count;
    bool help = false;
    enum clb_status status;
    CLB_TRY(cli_parse(&usage, options, argc, argv, &context, &rest, &rest_count, &help));
    if (help) goto cleanup;
    CLB_TRY(cli_no_arguments(&usage, rest, rest_count));
    if (a.documents < 1)
        status = clb_fail(CLB_ERROR_ARGUMENT, "--documents should be at least 1");
    else
        status = a.output ? write_file(&a) : write_to(&a, stdout);
cleanup:
    poptFreeContext(context);
    free(a.task);
    free(a.output);
    return status;
}
