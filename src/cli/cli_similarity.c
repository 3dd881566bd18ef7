/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/json.h"
#include "cli/cli_embedder.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct cli_usage usage = {
    .name = "similarity",
    .arguments = "--model DIR [--input F|-] [OPTION...] [TEXT TEXT...]",
    .summary = "How alike texts are: the cosine of each two of their vectors (see clbert embed),\n"
               "1 for the same meaning, about 0 for nothing in common. With --json one line,\n"
               "{\"similarity\": [[...], ...]}.",
    .examples = "clbert similarity --model all-MiniLM-L6-v2 \"A cat sleeps.\" \"A kitten naps.\" "
                "\"Tax law\"\n"
                "clbert similarity --model all-MiniLM-L6-v2 --input texts.txt --json",
};

/* All vectors: the matrix needs them at once. */
struct vectors {
    float *rows;
    int64_t count;
    int32_t width;
};

static enum clb_status keep_rows(void *context, const float *rows, int64_t count)
{
    struct vectors *v = context;
    const size_t width = (size_t)v->width, before = (size_t)v->count, more = (size_t)count;
    float *grown = realloc(v->rows, (before + more) * width * sizeof *grown);
    if (!grown) return clb_fail(CLB_ERROR_MEMORY, "embeddings: out of memory");
    memcpy(grown + before * width, rows, more * width * sizeof *rows);
    v->rows = grown;
    v->count += count;
    return CLB_OK;
}

static enum clb_status print_json(const float *matrix, int64_t count)
{
    json_t *rows = json_array();
    for (int64_t i = 0; i < count; i++) {
        json_t *row = json_array();
        for (int64_t j = 0; j < count; j++)
            json_array_append_new(row, json_real((double)matrix[i * count + j]));
        json_array_append_new(rows, row);
    }
    json_t *object = json_pack("{s:o}", "similarity", rows);
    const enum clb_status status =
        object ? base_json_print(object) : clb_fail(CLB_ERROR_MEMORY, "out of memory");
    json_decref(object);
    return status;
}

enum { TEXT_WIDTH = 32 };

/* The beginning of a text, its blanks and control characters as one blank each, filled up to
 * TEXT_WIDTH characters. */
static void print_cut(const char *text)
{
    int column = 0;
    for (const char *at = text; *at && column < TEXT_WIDTH; column++) {
        const char *next = at + 1;
        while ((*next & 0xc0) == 0x80) next++;
        if (column == TEXT_WIDTH - 1 && *next)
            fputs("…", stdout);
        else if ((unsigned char)*at < ' ')
            putchar(' ');
        else
            fwrite(at, 1, (size_t)(next - at), stdout);
        at = next;
    }
    printf("%*s", TEXT_WIDTH - column, "");
}

/* For people: a line a text, numbered as the columns are; texts of a file by their numbers alone.
 */
static void print_matrix(const float *matrix, int64_t count, const char **texts)
{
    printf("%5s  ", "");
    if (texts) printf("%*s", TEXT_WIDTH, "");
    for (int64_t j = 0; j < count; j++) printf(" %7" PRId64, j + 1);
    putchar('\n');
    for (int64_t i = 0; i < count; i++) {
        printf("%5" PRId64 "  ", i + 1);
        if (texts) print_cut(texts[i]);
        for (int64_t j = 0; j < count; j++) printf(" %7.4f", (double)matrix[i * count + j]);
        putchar('\n');
    }
}

static enum clb_status similarity(struct cli_embedder *e, bool json, const char **texts, int count)
{
    struct vectors v = {0};
    float *matrix = NULL;
    enum clb_status status;
    CLB_TRY(cli_embedder_open(e, &usage, count));
    v.width = clb_embedder_info(e->embedder).dimension;
    CLB_TRY(cli_embedder_run(e, texts, count, keep_rows, &v));
    matrix = calloc((size_t)v.count * (size_t)v.count, sizeof *matrix);
    if (!matrix) CLB_TRY(clb_fail(CLB_ERROR_MEMORY, "%" PRId64 " texts: out of memory", v.count));
    clb_cosine_similarity(v.rows, v.count, v.width, matrix);
    if (json)
        status = print_json(matrix, v.count);
    else
        print_matrix(matrix, v.count, count > 0 ? texts : NULL);
cleanup:
    free(v.rows);
    free(matrix);
    return status;
}

enum clb_status command_similarity(int argc, const char **argv)
{
    struct cli_embedder e = {0};
    struct poptOption options[CLI_EMBEDDER_OPTIONS + 2], *row = options;
    int json = 0;
    poptContext context = NULL;
    const char **rest;
    int rest_count;
    bool help = false;
    enum clb_status status;
    cli_embedder_options(&e, &row);
    *row++ = (struct poptOption){"json", 0, POPT_ARG_NONE, &json, 0, "one line of JSON", NULL};
    *row = (struct poptOption)POPT_TABLEEND;
    CLB_TRY(cli_parse(&usage, options, argc, argv, &context, &rest, &rest_count, &help));
    if (help) goto cleanup;
    CLB_TRY(similarity(&e, json, rest, rest_count));
cleanup:
    poptFreeContext(context);
    cli_embedder_free(&e);
    return status;
}
