/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands share. A command is one file cli_NAME.c with one function
 * `enum clb_status command_NAME(int argc, const char **argv)` in the table of main.c; argv[0] is
 * the command's name. It parses its options, calls the library, prints results to standard
 * output, and returns a status; main prints the error and chooses the exit code. */
#ifndef CLI_H
#define CLI_H

#include <clbert/config.h>
#include <clbert/device.h>
#include <clbert/status.h>
#include <clbert/text.h>
#include <popt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct cli_usage {
    const char *name;      /* "prepare" */
    const char *arguments; /* "--tokenizer DIR --output CORPUS TEXT..." */
    const char *summary;   /* what it does: a few lines */
    const char *examples;  /* one command a line */
};

/* Parses long options (and -h, --help) into their variables. What is left are the positional
 * arguments: *rest points to *rest_count of them, owned by *context, which the caller frees with
 * poptFreeContext. An unknown option is an error that says what it is called here, or suggests the
 * nearest one. Twice the same option is an error, but for POPT_ARG_NONE, and for POPT_ARG_ARGV,
 * which collects its values. "threads" should be 0 (all) .. CLB_MOST_THREADS in every command.
 * After --help has been printed, *help is true and the command returns CLB_OK at once. Strings that
 * popt stores (POPT_ARG_STRING) belong to the caller, as those of POPT_ARG_ARGV do
 * (cli_free_strings). */
enum clb_status cli_parse(const struct cli_usage *usage, const struct poptOption *options, int argc,
                          const char **argv, poptContext *context, const char ***rest,
                          int *rest_count, bool *help);

/* Whether the option of that name was on the command line that cli_parse parsed last. */
bool cli_given(const char *name);

/* Frees a NULL-terminated array of strings (POPT_ARG_ARGV); NULL is allowed. */
void cli_free_strings(char **strings);

/* CLB_OK if value is not NULL, else an error: "prepare needs --tokenizer DIR". */
enum clb_status cli_require(const struct cli_usage *usage, const void *value, const char *option);

/* An error for a command without positional arguments that was given one. */
enum clb_status cli_no_arguments(const struct cli_usage *usage, const char **rest, int rest_count);

/* The name most like `name`: what it begins, or one of the same first letter that differs in a
 * letter of four at most. NULL where none is near. */
const char *cli_nearest(const char *name, const char *const *names, int count);

/* What an option or command of the field is called here: "lr" is --learning-rate. An error that
 * says so, or CLB_OK where the name is none of them. */
enum clb_status cli_explain_option(const char *given, const char *name,
                                   const struct poptOption *options);
const char *cli_command_alias(const char *name);

/* What every --data and the arguments behind them name: "A", or "A:0.7 B:0.3". malloc'd array of
 * *count; its strings are the caller's. */
enum clb_status cli_corpora(char *const *data, const char **rest, int rest_count,
                            const char ***corpora, int *count);

/* What --format says: auto, text or jsonl; NULL: auto. */
enum clb_status cli_text_format(const char *name, enum clb_text_format *format);

/* What --precision says: fp32, tf32, bf16 or fp16; NULL: fp32. */
enum clb_status cli_precision(const char *text, enum clb_type *type);

/* What --mlm-probability says: "0.15", or "0.3:0.15", the first step's and the last one's; *last is
 * 0 where it names one. NULL: both stay. */
enum clb_status cli_mlm_probability(const char *text, float *first, float *last);

/* What --model says: a size by name, of so many words, a config.json, or a model's directory;
 * as it is pretrained, whatever heads it has. */
enum clb_status cli_config(const char *model, int32_t vocab_size, struct clb_config *config);

/* "512M", "4G", "1000000": bytes, in powers of 1024. `option` is for the message. */
enum clb_status cli_size(const char *option, const char *text, int64_t *bytes);

/* A flag that the first SIGINT, SIGTERM or SIGHUP sets; a second one ends the program at once. */
volatile sig_atomic_t *cli_stop_on_signals(void);

/* Colours only on a terminal; NO_COLOR and TERM=dumb are respected. */
bool cli_use_color(void);

enum clb_status command_devices(int argc, const char **argv);
enum clb_status command_demo_text(int argc, const char **argv);
enum clb_status command_vocab(int argc, const char **argv);
enum clb_status command_tokenize(int argc, const char **argv);
enum clb_status command_prepare(int argc, const char **argv);
enum clb_status command_inspect(int argc, const char **argv);
enum clb_status command_pretrain(int argc, const char **argv);
enum clb_status command_fine_tune(int argc, const char **argv);
enum clb_status command_predict(int argc, const char **argv);
enum clb_status command_embed(int argc, const char **argv);
enum clb_status command_similarity(int argc, const char **argv);
enum clb_status command_evaluate(int argc, const char **argv);
enum clb_status command_fill_mask(int argc, const char **argv);
enum clb_status command_next_sentence(int argc, const char **argv);
enum clb_status command_verify(int argc, const char **argv);
enum clb_status command_bench(int argc, const char **argv);
enum clb_status command_tune(int argc, const char **argv);

#endif
