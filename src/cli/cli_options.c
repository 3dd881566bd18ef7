/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/files.h"
#include "cli/cli.h"

#include <clbert/device.h>
#include <clbert/model.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the nearest name ---- */

static int minimum(int a, int b)
{
    return a < b ? a : b;
}

/* Levenshtein distance, for names below 63 characters. */
static int distance(const char *a, const char *b)
{
    int row[64];
    int n = (int)strlen(b);
    if (n > 62 || strlen(a) > 62) return 63;
    for (int j = 0; j <= n; j++) row[j] = j;
    for (int i = 1; a[i - 1]; i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= n; j++) {
            int substituted = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = minimum(substituted, minimum(row[j], row[j - 1]) + 1);
        }
    }
    return row[n];
}

const char *cli_nearest(const char *name, const char *const *names, int count)
{
    const int length = (int)strlen(name);
    const char *best = NULL;
    int best_distance = 2 + length / 4;
    for (int i = 0; i < count && length > 1; i++) {
        const int d = strncmp(names[i], name, (size_t)length) == 0 ? 1 : distance(name, names[i]);
        if (names[i][0] != name[0] || d >= best_distance) continue;
        best_distance = d;
        best = names[i];
    }
    return best;
}

/* ---- options ---- */

enum { MOST_OPTIONS = 80 };

static int count_options(const struct poptOption *options)
{
    int count = 0;
    while (options[count].longName || options[count].arg) count++;
    return count;
}

/* The name of "--name" or "--name=value", as options are spelled here: with hyphens. */
static void option_name(const char *given, char *name, size_t size)
{
    snprintf(name, size, "%s", given + strspn(given, "-"));
    name[strcspn(name, "=")] = 0;
    for (char *at = name; *at; at++)
        if (*at == '_') *at = '-';
}

static enum clb_status unknown_option(const struct cli_usage *usage, const char *given,
                                      const struct poptOption *options)
{
    char name[64];
    const char *names[MOST_OPTIONS];
    int count = count_options(options);
    if (count > MOST_OPTIONS) count = MOST_OPTIONS;
    option_name(given, name, sizeof name);
    enum clb_status status = cli_explain_option(given, name, options);
    if (status != CLB_OK) return status;
    for (int i = 0; i < count; i++) names[i] = options[i].longName;
    const char *nearest = cli_nearest(name, names, count);
    if (nearest)
        return clb_fail(CLB_ERROR_ARGUMENT, "unknown option %s; did you mean --%s?", given,
                        nearest);
    return clb_fail(CLB_ERROR_ARGUMENT, "unknown option %s; clbert %s --help lists them", given,
                    usage->name);
}

static void print_option(const struct poptOption *option)
{
    char left[64];
    snprintf(left, sizeof left, "  --%s%s%s", option->longName, option->argDescrip ? " " : "",
             option->argDescrip ? option->argDescrip : "");
    printf("%-38s %s\n", left, option->descrip ? option->descrip : "");
}

static void print_usage(const struct cli_usage *usage, const struct poptOption *options)
{
    printf("Usage: clbert %s %s\n\n%s\n\nOptions:\n", usage->name, usage->arguments,
           usage->summary);
    int count = count_options(options);
    for (int i = 0; i < count; i++) print_option(&options[i]);
    printf("  --help                               show this\n\nExample:\n");
    for (const char *line = usage->examples; *line;) {
        int length = (int)strcspn(line, "\n");
        printf("  %.*s\n", length, line);
        line += length + (line[length] == '\n');
    }
}

static bool wants_help(int argc, const char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) return true;
    return false;
}

/* popt names a bad value, not the option it was given to: the argument before it. */
static const char *option_before(const char *value, int argc, const char **argv)
{
    for (int i = 2; i < argc; i++)
        if (strcmp(argv[i], value) == 0) return argv[i - 1];
    return "";
}

/* The options of the table that were on the command line, and their values. */
static const char *given_names[MOST_OPTIONS], *given_values[MOST_OPTIONS];
static int given_count;

bool cli_given(const char *name)
{
    for (int i = 0; i < given_count; i++)
        if (strcmp(given_names[i], name) == 0) return true;
    return false;
}

static const struct poptOption *find_option(const struct poptOption *options, const char *argument)
{
    const size_t length = strcspn(argument, "=");
    for (; options->longName; options++)
        if (strlen(options->longName) == length &&
            strncmp(options->longName, argument, length) == 0)
            return options;
    return NULL;
}

/* Notes the options as popt will find them. It would take the last of two values without a word. */
static enum clb_status note_options(const struct poptOption *options, int argc, const char **argv)
{
    given_count = 0;
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strncmp(argv[i], "--", 2) != 0) continue;
        const struct poptOption *option = find_option(options, argv[i] + 2);
        if (!option) continue;
        const int type = (int)(option->argInfo & POPT_ARG_MASK);
        const bool again = cli_given(option->longName);
        if (again && type != POPT_ARG_NONE && type != POPT_ARG_ARGV)
            return clb_fail(CLB_ERROR_ARGUMENT, "--%s is given twice", option->longName);
        const char *equals = strchr(argv[i], '=');
        if (!again && given_count < MOST_OPTIONS) {
            given_values[given_count] = equals ? equals + 1 : i + 1 < argc ? argv[i + 1] : "";
            given_names[given_count++] = option->longName;
        }
        if (type != POPT_ARG_NONE && !equals) i++;
    }
    return CLB_OK;
}

static enum clb_status check_threads(const struct poptOption *options)
{
    const struct poptOption *option = find_option(options, "threads");
    if (!option) return CLB_OK;
    const int threads = *(const int *)option->arg;
    if (threads >= 0 && threads <= CLB_MOST_THREADS) return CLB_OK;
    return clb_fail(CLB_ERROR_ARGUMENT, "--threads %d: should be 1 .. %d, or 0 for all", threads,
                    CLB_MOST_THREADS);
}

/* Whether popt has stored 0. */
static bool is_zero(const struct poptOption *o)
{
    switch (o->argInfo) {
    case POPT_ARG_STRING:
        return !*(char *const *)o->arg;
    case POPT_ARG_INT:
        return *(const int *)o->arg == 0;
    case POPT_ARG_LONGLONG:
        return *(const long long *)o->arg == 0;
    case POPT_ARG_FLOAT:
        return *(const float *)o->arg == 0.0f;
    case POPT_ARG_DOUBLE:
        return *(const double *)o->arg == 0.0;
    default:
        return false;
    }
}

/* popt takes a value for which it got no memory as nothing: no string, the number 0. */
static enum clb_status check_values(const struct poptOption *options)
{
    for (int i = 0; i < given_count; i++) {
        const struct poptOption *o = find_option(options, given_names[i]);
        const double value = strtod(given_values[i], NULL);
        const bool said = o->argInfo == POPT_ARG_STRING ||
                          (o->argInfo == POPT_ARG_FLOAT ? (float)value != 0.0f : value != 0.0);
        if (said && is_zero(o))
            return clb_fail(CLB_ERROR_MEMORY, "--%s: out of memory", o->longName);
    }
    return CLB_OK;
}

void cli_free_strings(char **strings)
{
    for (char **string = strings; string && *string; string++) free(*string);
    free(strings);
}

enum clb_status cli_parse(const struct cli_usage *usage, const struct poptOption *options, int argc,
                          const char **argv, poptContext *context, const char ***rest,
                          int *rest_count, bool *help)
{
    static const char *none[] = {NULL};
    *context = poptGetContext("clbert", argc, argv, options, 0);
    if (!*context) return clb_fail(CLB_ERROR_MEMORY, "out of memory");
    *rest = none;
    *rest_count = 0;
    *help = wants_help(argc, argv);
    if (*help) {
        print_usage(usage, options);
        return CLB_OK;
    }
    enum clb_status status = note_options(options, argc, argv);
    if (status != CLB_OK) return status;
    int code;
    while ((code = poptGetNextOpt(*context)) > 0) continue;
    if (code < -1) {
        const char *given = poptBadOption(*context, POPT_BADOPTION_NOALIAS);
        if (code == POPT_ERROR_BADOPT) return unknown_option(usage, given, options);
        return clb_fail(CLB_ERROR_ARGUMENT, "%s %s: %s; see clbert %s --help",
                        option_before(given, argc, argv), given, poptStrerror(code), usage->name);
    }
    const char **arguments = poptGetArgs(*context);
    if (arguments) *rest = arguments;
    while ((*rest)[*rest_count]) ++*rest_count;
    status = check_values(options);
    return status == CLB_OK ? check_threads(options) : status;
}

enum clb_status cli_require(const struct cli_usage *usage, const void *value, const char *option)
{
    if (value) return CLB_OK;
    return clb_fail(CLB_ERROR_ARGUMENT, "needs %s; see clbert %s --help", option, usage->name);
}

enum clb_status cli_no_arguments(const struct cli_usage *usage, const char **rest, int rest_count)
{
    if (rest_count == 0) return CLB_OK;
    return clb_fail(CLB_ERROR_ARGUMENT, "what is \"%s\" for? see clbert %s --help", rest[0],
                    usage->name);
}

bool cli_use_color(void)
{
    const char *terminal = getenv("TERM");
    const char *no_color = getenv("NO_COLOR");
    if (no_color && *no_color) return false;
    return isatty(STDOUT_FILENO) && !(terminal && strcmp(terminal, "dumb") == 0);
}

enum clb_status cli_text_format(const char *name, enum clb_text_format *format)
{
    static const char *const names[] = {"auto", "text", "jsonl"};
    *format = CLB_TEXT_AUTO;
    for (int i = 0; i < 3; i++) {
        if (name && strcmp(name, names[i]) != 0) continue;
        *format = (enum clb_text_format)i;
        return CLB_OK;
    }
    return clb_fail(CLB_ERROR_ARGUMENT, "--format %s is unknown; there are: auto, text, jsonl",
                    name);
}

enum clb_status cli_corpora(char *const *data, const char **rest, int rest_count,
                            const char ***corpora, int *count)
{
    int named = 0;
    while (data[named]) named++;
    *corpora = malloc(((size_t)named + (size_t)rest_count) * sizeof **corpora);
    if (!*corpora) return clb_fail(CLB_ERROR_MEMORY, "out of memory");
    for (int i = 0; i < named; i++) (*corpora)[i] = data[i];
    for (int i = 0; i < rest_count; i++) (*corpora)[named + i] = rest[i];
    *count = named + rest_count;
    return CLB_OK;
}

enum clb_status cli_precision(const char *text, enum clb_type *type)
{
    return clb_precision_named(text ? text : "fp32", type);
}

enum clb_status cli_mlm_probability(const char *text, float *first, float *last)
{
    char *end;
    if (!text) return CLB_OK;
    *last = 0;
    *first = strtof(text, &end);
    bool sound = end != text;
    if (sound && *end == ':') {
        const char *second = end + 1;
        *last = strtof(second, &end);
        sound = end != second && *last > 0;
    }
    if (sound && !*end) return CLB_OK;
    return clb_fail(CLB_ERROR_ARGUMENT,
                    "--mlm-probability %s: should be a number, or two: FIRST:LAST", text);
}

enum clb_status cli_config(const char *model, int32_t vocab_size, struct clb_config *config)
{
    enum clb_status status;
    if (base_is_directory(model))
        CLB_TRY(clb_model_read_config(model, config));
    else if (strchr(model, '/') || strstr(model, ".json"))
        CLB_TRY(clb_config_read(model, config));
    else
        CLB_TRY(clb_config_named(model, vocab_size, config));
    if (config->architecture != CLB_BERT_FOR_MASKED_LM)
        config->architecture = CLB_BERT_FOR_PRETRAINING;
cleanup:
    return status;
}

enum clb_status cli_size(const char *option, const char *text, int64_t *bytes)
{
    static const char units[] = "KMGT";
    char *end;
    errno = 0;
    const long long number = strtoll(text, &end, 10);
    const char *unit = *end ? strchr(units, *end >= 'a' ? *end - 32 : *end) : NULL;
    const int shift = unit ? 10 * (int)(unit - units + 1) : 0;
    if (end == text || errno || number < 1 || (*end && (!unit || end[1])) ||
        number > INT64_MAX >> shift)
        return clb_fail(CLB_ERROR_ARGUMENT, "%s %s: should be a size like 512M or 4G", option,
                        text);
    *bytes = (int64_t)number << shift;
    return CLB_OK;
}

static volatile sig_atomic_t stop_asked;

static void ask_to_stop(int signal_number)
{
    stop_asked = 1;
    signal(signal_number, SIG_DFL);
}

volatile sig_atomic_t *cli_stop_on_signals(void)
{
    struct sigaction hangup;
    signal(SIGINT, ask_to_stop);
    signal(SIGTERM, ask_to_stop);
    sigaction(SIGHUP, NULL, &hangup);
    if (hangup.sa_handler != SIG_IGN) signal(SIGHUP, ask_to_stop); /* nohup ignores it */
    return &stop_asked;
}
