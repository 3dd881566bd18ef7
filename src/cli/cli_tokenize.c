#include "base/json.h"
#include "cli/cli.h"

#include <clbert/tokenizer.h>
#include <stdlib.h>
#include <string.h>

static const struct cli_usage usage = {
    .name = "tokenize",
    .arguments = "--tokenizer DIR [--json] [TEXT...]",
    .summary = "Shows the pieces of each text, or of each line of standard input.",
    .examples = "clbert tokenize --tokenizer tokenizer \"Saya makan nasi di warung.\"",
};

static enum clb_status print_json(const struct clb_tokenizer *tokenizer, const struct clb_ids *ids)
{
    json_t *tokens = json_array(), *numbers = json_array();
    for (size_t i = 0; i < ids->count; i++) {
        json_array_append_new(tokens, json_string(clb_tokenizer_token(tokenizer, ids->ids[i])));
        json_array_append_new(numbers, json_integer(ids->ids[i]));
    }
    json_t *object = json_pack("{s:o, s:o}", "tokens", tokens, "ids", numbers);
    enum clb_status status =
        object ? base_json_print(object) : clb_fail(CLB_ERROR_MEMORY, "out of memory");
    json_decref(object);
    return status;
}

static enum clb_status tokenize(const struct clb_tokenizer *tokenizer, const char *text,
                                size_t size, bool json)
{
    struct clb_ids ids = {0};
    enum clb_status status = clb_tokenizer_encode(tokenizer, text, size, &ids);
    if (status == CLB_OK && json) status = print_json(tokenizer, &ids);
    for (size_t i = 0; status == CLB_OK && !json && i < ids.count; i++)
        printf("%s%s", i ? " " : "", clb_tokenizer_token(tokenizer, ids.ids[i]));
    if (!json) putchar('\n');
    clb_ids_free(&ids);
    return status;
}

static enum clb_status tokenize_lines(const struct clb_tokenizer *tokenizer, bool json)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t size;
    enum clb_status status = CLB_OK;
    while (status == CLB_OK && (size = getline(&line, &capacity, stdin)) > 0) {
        if (line[size - 1] == '\n') size--;
        status = tokenize(tokenizer, line, (size_t)size, json);
    }
    free(line);
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
    for (int i = 0; i < count; i++) CLB_TRY(tokenize(tokenizer, texts[i], strlen(texts[i]), json));
cleanup:
    clb_tokenizer_close(tokenizer);
    poptFreeContext(context);
    free(directory);
    return status;
}
