/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/failure.h"
#include "base/json.h"
#include "base/threads.h"
#include "cli/cli.h"

#include <clbert/tokenizer.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct cli_usage usage = {
    .name = "tokenize",
    .arguments = "--tokenizer DIR [--json] [TEXT...]",
    .summary = "Shows the pieces of each text, or of each line of standard input.",
    .examples = "clbert tokenize --tokenizer tokenizer \"Saya makan nasi di warung.\"",
};

static enum clb_status write_json(const struct clb_tokenizer *tokenizer, const struct clb_ids *ids,
                                  FILE *out)
{
    base_json_starved();
    json_t *tokens = json_array(), *numbers = json_array();
    for (size_t i = 0; i < ids->count; i++) {
        json_array_append_new(tokens, json_string(clb_tokenizer_token(tokenizer, ids->ids[i])));
        json_array_append_new(numbers, json_integer(ids->ids[i]));
    }
    json_t *object = json_pack("{s:o, s:o}", "tokens", tokens, "ids", numbers);
    const bool whole = object && !base_json_starved();
    const int code = whole ? json_dumpf(object, out, 0) : -1;
    json_decref(object);
    return code == 0 ? CLB_OK : clb_fail(CLB_ERROR_MEMORY, "out of memory");
}

static enum clb_status tokenize(const struct clb_tokenizer *tokenizer, const char *text,
                                size_t size, bool json, FILE *out)
{
    struct clb_ids ids = {0};
    enum clb_status status = clb_tokenizer_encode(tokenizer, text, size, &ids);
    if (status == CLB_OK && json) status = write_json(tokenizer, &ids, out);
    for (size_t i = 0; status == CLB_OK && !json && i < ids.count; i++) {
        if (i) putc_unlocked(' ', out);
        fputs_unlocked(clb_tokenizer_token(tokenizer, ids.ids[i]), out);
    }
    putc_unlocked('\n', out);
    clb_ids_free(&ids);
    return status;
}

/* ---- lines of standard input, a block at a time by all threads ---- */

enum { BLOCK_LINES = 4096, PART_LINES = 64 };

struct lines {
    char *line[BLOCK_LINES];
    size_t capacity[BLOCK_LINES], size[BLOCK_LINES];
    int count;
};

/* Somebody who types wants an answer to every line. */
static enum clb_status read_lines(struct lines *block)
{
    const int most = isatty(STDIN_FILENO) ? 1 : BLOCK_LINES;
    ssize_t size;
    errno = 0;
    for (block->count = 0; block->count < most; block->count++) {
        const int i = block->count;
        size = getline(&block->line[i], &block->capacity[i], stdin);
        if (size <= 0) break;
        block->size[i] = (size_t)size - (block->line[i][size - 1] == '\n');
    }
    if (block->count == most || feof(stdin)) return CLB_OK;
    return clb_fail(errno == ENOMEM ? CLB_ERROR_MEMORY : CLB_ERROR_IO,
                    "standard input cannot be read: %s", strerror(errno));
}

static enum clb_status tokenize_part(const struct clb_tokenizer *tokenizer,
                                     const struct lines *block, int begin, bool json, char **text,
                                     size_t *size)
{
    FILE *out = open_memstream(text, size);
    enum clb_status status = out ? CLB_OK : clb_fail(CLB_ERROR_MEMORY, "out of memory");
    for (int i = begin; status == CLB_OK && i < begin + PART_LINES && i < block->count; i++)
        status = tokenize(tokenizer, block->line[i], block->size[i], json, out);
    if (out && fclose(out) != 0 && status == CLB_OK)
        status = clb_fail(CLB_ERROR_MEMORY, "out of memory");
    return status;
}

static enum clb_status tokenize_block(const struct clb_tokenizer *tokenizer,
                                      const struct lines *block, bool json, int threads)
{
    char *texts[BLOCK_LINES / PART_LINES] = {NULL};
    size_t sizes[BLOCK_LINES / PART_LINES] = {0};
    const int parts = (block->count + PART_LINES - 1) / PART_LINES;
    struct base_failure failure = {0};
#pragma omp parallel for num_threads(threads) schedule(dynamic)
    for (int p = 0; p < parts; p++)
        base_failure_note(
            &failure, tokenize_part(tokenizer, block, p * PART_LINES, json, &texts[p], &sizes[p]));
    for (int p = 0; p < parts; p++) {
        if (failure.status == CLB_OK) fwrite(texts[p], 1, sizes[p], stdout);
        free(texts[p]);
    }
    return base_failure_report(&failure);
}

static enum clb_status tokenize_lines(const struct clb_tokenizer *tokenizer, bool json)
{
    struct lines *block = calloc(1, sizeof *block);
    const int threads = base_threads(0);
    enum clb_status status = block ? CLB_OK : clb_fail(CLB_ERROR_MEMORY, "out of memory");
    while (status == CLB_OK) {
        status = read_lines(block);
        if (status != CLB_OK || block->count == 0) break;
        status = tokenize_block(tokenizer, block, json, threads);
        if (isatty(STDIN_FILENO)) fflush(stdout);
    }
    for (int i = 0; block && i < BLOCK_LINES; i++) free(block->line[i]);
    free(block);
    return status;
}

enum clb_status command_tokenize(int argc, const char **argv)
{
    char *directory = NULL;
    int json = 0;
    const struct poptOption options[] = {
        {"tokenizer", 0, POPT_ARG_STRING, &directory, 0, "directory with vocab.txt", "DIR"},
        {"json", 0, POPT_ARG_NONE, &json, 0, "one line of JSON a text: tokens, ids", NULL},
        POPT_TABLEEND};
    struct clb_tokenizer *tokenizer = NULL;
    poptContext context = NULL;
    const char **texts;
    int count;
    bool help = false;
    enum clb_status status;
    CLB_TRY(cli_parse(&usage, options, argc, argv, &context, &texts, &count, &help));
    if (help) goto cleanup;
    CLB_TRY(cli_require(&usage, directory, "--tokenizer DIR"));
    CLB_TRY(clb_tokenizer_open(directory, &tokenizer));
    if (count == 0) status = tokenize_lines(tokenizer, json);
    for (int i = 0; i < count; i++)
        CLB_TRY(tokenize(tokenizer, texts[i], strlen(texts[i]), json, stdout));
cleanup:
    clb_tokenizer_close(tokenizer);
    poptFreeContext(context);
    free(directory);
    return status;
}
