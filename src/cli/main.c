/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

static const struct command {
    const char *name, *summary;
    enum clb_status (*run)(int argc, const char **argv);
} commands[] = {
    {"devices", "what --device may be, and what was chosen for each", command_devices},
    {"demo-text", "write a practice corpus in Indonesian", command_demo_text},
    {"vocab", "train a WordPiece vocabulary", command_vocab},
    {"tokenize", "show the pieces of a text", command_tokenize},
    {"prepare", "turn text into a corpus to train on", command_prepare},
    {"inspect", "show the examples that a step trains on", command_inspect},
    {"pretrain", "train: masked language model + next sentence prediction", command_pretrain},
    {"fine-tune", "teach a pretrained model a task", command_fine_tune},
    {"predict", "what a fine-tuned model says of texts", command_predict},
    {"embed", "sentence embeddings: a vector of each text", command_embed},
    {"similarity", "how alike texts are, by their vectors", command_similarity},
    {"evaluate", "losses, accuracies and other figures on held-out text", command_evaluate},
    {"fill-mask", "what a model guesses for [MASK]", command_fill_mask},
    {"next-sentence", "whether a model thinks that B follows A", command_next_sentence},
    {"verify", "prove a device against the CPU path", command_verify},
    {"bench", "measure training speed on a device", command_bench},
    {"tune", "search for a GPU's fastest matrix products, and keep them", command_tune},
};
enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

static void print_help(FILE *stream)
{
    fprintf(stream,
            "clbert %s: pretrain BERT on any OpenCL device or a CPU\n\n"
            "Usage: clbert COMMAND [OPTION...]\n\n",
            clb_version());
    for (int i = 0; i < COMMAND_COUNT; i++)
        fprintf(stream, "  %-14s %s\n", commands[i].name, commands[i].summary);
    fprintf(
        stream,
        "\nclbert COMMAND --help, or clbert help COMMAND, explains a command, with an example.\n");
}

static int run(const struct command *command, int argc, const char **argv)
{
    enum clb_status status = command->run(argc, argv);
    if (fflush(stdout) != 0 && status == CLB_OK)
        status = clb_fail(CLB_ERROR_IO, "standard output cannot be written");
    if (status == CLB_OK) return 0;
    fprintf(stderr, "clbert %s: %s\n", command->name, clb_error_message());
    return status == CLB_ERROR_INTERRUPTED ? 130 : 1;
}

/* The command of a name; NULL and a message on standard error where there is none. */
static const struct command *find_command(const char *name)
{
    const char *names[COMMAND_COUNT];
    for (int i = 0; i < COMMAND_COUNT; i++) {
        names[i] = commands[i].name;
        if (strcmp(name, names[i]) == 0) return &commands[i];
    }
    const char *nearest = cli_command_alias(name);
    if (!nearest) nearest = cli_nearest(name, names, COMMAND_COUNT);
    fprintf(stderr, "clbert: unknown command \"%s\"%s%s%s; clbert --help lists them\n", name,
            nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
    return NULL;
}

int main(int argc, const char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return 2;
    }
    const bool help = strcmp(argv[1], "help") == 0;
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || (help && argc == 2)) {
        print_help(stdout);
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("clbert %s\n", clb_version());
        return 0;
    }
    const struct command *command = find_command(argv[help ? 2 : 1]);
    if (!command) return 2;
    if (help) return run(command, 2, (const char *[]){command->name, "--help", NULL});
    return run(command, argc - 1, argv + 1);
}
