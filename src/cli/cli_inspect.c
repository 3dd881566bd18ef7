/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "cli/cli.h"

#include <clbert/corpus.h>
#include <clbert/stream.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const struct cli_usage usage = {
    .name = "inspect",
    .arguments = "--data CORPUS [--step K] [OPTION...]",
    .summary =
        "Shows the very examples that a step of `clbert pretrain` with the same options trains\n"
        "on. [MASK], replaced and kept tokens are marked, with the original behind them.",
    .examples = "clbert inspect --data corpus --step 0\n"
                "clbert inspect --data corpus --statistics 1000",
};

static json_t *json_ints(const int32_t *values, int32_t count)
{
    json_t *array = json_array();
    for (int32_t i = 0; i < count; i++) json_array_append_new(array, json_integer(values[i]));
    return array;
}

static enum clb_status print_json(const struct clb_example *e)
{
    json_t *object =
        json_pack("{s:o, s:o, s:o, s:i}", "input_ids", json_ints(e->input_ids, e->length),
                  "token_type_ids", json_ints(e->token_type_ids, e->length), "labels",
                  json_ints(e->labels, e->length), "next_sentence_label", e->next_sentence_label);
    enum clb_status status =
        object ? base_json_print(object) : clb_fail(CLB_ERROR_MEMORY, "out of memory");
    json_decref(object);
    return status;
}

/* Red: [MASK], yellow: replaced, green: kept. */
static void print_token(const struct clb_tokenizer *tokenizer, int32_t id, int32_t label)
{
    const char *token = clb_tokenizer_token(tokenizer, id);
    if (label < 0) {
        printf(" %s", token);
        return;
    }
    const int paint = id == clb_tokenizer_special_ids(tokenizer).mask ? 31 : id == label ? 32 : 33;
    const char *original = id == label ? "kept" : clb_tokenizer_token(tokenizer, label);
    if (cli_use_color())
        printf(" \033[%dm%s(%s)\033[0m", paint, token, original);
    else
        printf(" %s(%s)", token, original);
}

static void print_example(const struct clb_tokenizer *tokenizer, const struct clb_example *e,
                          long long number)
{
    const bool color = cli_use_color(), pair = e->next_sentence_label >= 0;
    int32_t a = 0;
    while (a < e->length && e->token_type_ids[a] == 0) a++;
    printf("%sexample %lld: ", color ? "\033[1m" : "", number);
    if (pair) printf("%s, ", e->next_sentence_label ? "NotNext" : "IsNext");
    printf("%d tokens: A %d", e->length, a - 2);
    if (pair) printf(", B %d", e->length - a - 1);
    puts(color ? "\033[0m" : "");
    for (int32_t i = 0; i < e->length; i++) {
        if (i == 0 || i == a) printf(i ? "\n  B " : "  A ");
        print_token(tokenizer, e->input_ids[i], e->labels[i]);
    }
    printf("\n\n");
}

/* What the loader gives a training loop that takes its batches as fast as they come. */
struct loader_speed {
    double first_step, tokens_per_second; /* seconds until the first step is there */
};

static double percent(int64_t part, int64_t whole)
{
    return whole > 0 ? 100.0 * (double)part / (double)whole : 0.0;
}

static void print_lengths(const struct clb_stream_statistics *s, int32_t most)
{
    for (int i = 0; i < 8; i++) {
        const int bar = (int)(percent(s->lengths[i], s->examples) / 2.0 + 0.5);
        printf("  %5d .. %5d tokens  %6.2f %%  ", i * most / 8 + 1, (i + 1) * most / 8,
               percent(s->lengths[i], s->examples));
        for (int b = 0; b < bar; b++) putchar('#');
        putchar('\n');
    }
}

static void print_statistics(const struct clb_stream_statistics *s, bool pairs, int32_t most,
                             int64_t epoch, const struct loader_speed *speed)
{
    printf("examples   %" PRId64 ", %.2f epochs; %.1f tokens each\n", s->examples,
           (double)s->examples / (double)epoch, (double)s->tokens / (double)s->examples);
    if (pairs) printf("pairs      %.2f %% NotNext\n", percent(s->not_next, s->examples));
    printf("chosen     %.2f %% of the ordinary tokens\n", percent(s->chosen, s->ordinary));
    printf("of these   %.2f %% [MASK], %.2f %% replaced, %.2f %% kept\n",
           percent(s->masked, s->chosen), percent(s->replaced, s->chosen),
           percent(s->kept, s->chosen));
    printf("seen       %.2f %% of the corpus's %" PRId64 " tokens\n",
           percent(s->seen, s->corpus_tokens), s->corpus_tokens);
    printf("loader     first step after %.2f ms, then %.0f tokens/s\n", 1e3 * speed->first_step,
           speed->tokens_per_second);
    print_lengths(s, most);
}

static enum clb_status print_statistics_json(const struct clb_stream_statistics *s,
                                             const struct loader_speed *speed)
{
    json_t *lengths = json_array();
    for (int i = 0; i < 8; i++) json_array_append_new(lengths, json_integer(s->lengths[i]));
    json_t *object = json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:I, s:I, s:f, s:f}", "examples",
        (json_int_t)s->examples, "not_next", (json_int_t)s->not_next, "tokens",
        (json_int_t)s->tokens, "ordinary", (json_int_t)s->ordinary, "chosen", (json_int_t)s->chosen,
        "masked", (json_int_t)s->masked, "replaced", (json_int_t)s->replaced, "kept",
        (json_int_t)s->kept, "lengths", lengths, "corpus_tokens", (json_int_t)s->corpus_tokens,
        "seen", (json_int_t)s->seen, "loader_first_step_seconds", speed->first_step,
        "loader_tokens_per_second", speed->tokens_per_second);
    enum clb_status status =
        object ? base_json_print(object) : clb_fail(CLB_ERROR_MEMORY, "out of memory");
    json_decref(object);
    return status;
}

struct arguments {
    const char **corpora; /* of --data and behind it */
    int corpus_count;
    char **data, *mlm_probability;
    struct clb_stream_options stream;
    long long step, seed, max_steps, statistics;
    int batch_size, accumulation, json;
};

static long long examples_a_step(const struct arguments *a)
{
    return (long long)a->batch_size * a->accumulation;
}

static enum clb_status check_arguments(const struct arguments *a)
{
    if (a->step < 0 || a->statistics < 0 || a->batch_size < 1 || a->accumulation < 1)
        return clb_fail(CLB_ERROR_ARGUMENT,
                        "step, batch size and accumulation should not be negative");
    const long long steps = INT64_MAX / examples_a_step(a) - 1; /* that can be counted */
    if (a->step > steps || a->statistics > steps - a->step)
        return clb_fail(CLB_ERROR_ARGUMENT, "--step %lld: there are not so many", a->step);
    return CLB_OK;
}

/* The shares of the steps, as pretrain has them; its evaluations have the last one's. */
static enum clb_status take_schedule(struct arguments *a)
{
    struct clb_stream_options *o = &a->stream;
    const enum clb_status status =
        cli_mlm_probability(a->mlm_probability, &o->mlm_probability, &o->mlm_probability_last);
    o->steps = a->max_steps;
    o->step_examples = examples_a_step(a);
    if (!o->validation || o->mlm_probability_last == 0) return status;
    o->mlm_probability = o->mlm_probability_last;
    o->mlm_probability_last = 0;
    return status;
}

static enum clb_status measure_loader(const struct arguments *a, const struct clb_stream *stream,
                                      struct loader_speed *speed)
{
    const struct clb_loader_options options = {.first_step = a->step,
                                               .batch_size = a->batch_size,
                                               .accumulation_steps = a->accumulation,
                                               .prefetch = 2};
    const struct clb_batch_source source = clb_stream_batches(stream);
    const double begun = base_seconds();
    double entered = begun;
    int64_t tokens = 0;
    const struct clb_step_batches *step;
    struct clb_loader *loader = NULL;
    enum clb_status status;
    CLB_TRY(clb_loader_create(&source, &options, &loader));
    for (long long k = 0; k < a->statistics; k++) {
        CLB_TRY(clb_loader_next(loader, &step));
        if (k == 0) entered = base_seconds();
        tokens += step->tokens;
    }
    speed->first_step = entered - begun;
    speed->tokens_per_second = (double)tokens / (base_seconds() - begun);
cleanup:
    clb_loader_destroy(loader);
    return status;
}

static enum clb_status show_statistics(const struct arguments *a, const struct clb_stream *stream)
{
    const long long count = examples_a_step(a);
    struct clb_stream_statistics statistics;
    struct loader_speed speed;
    enum clb_status status;
    CLB_TRY(measure_loader(a, stream, &speed));
    CLB_TRY(clb_stream_measure(stream, a->step * count, a->statistics * count, &statistics));
    if (a->json)
        status = print_statistics_json(&statistics, &speed);
    else
        print_statistics(&statistics, !a->stream.no_nsp, a->stream.max_seq_length,
                         clb_stream_epoch_examples(stream), &speed);
cleanup:
    return status;
}

static enum clb_status show_examples(const struct arguments *a, const struct clb_corpus *corpus,
                                     const struct clb_stream *stream)
{
    struct clb_example example = {0};
    const long long count = examples_a_step(a);
    enum clb_status status = CLB_OK;
    const size_t length = (size_t)a->stream.max_seq_length;
    example.input_ids = malloc(3 * length * sizeof *example.input_ids);
    if (!example.input_ids) {
        status = clb_fail(CLB_ERROR_MEMORY, "out of memory");
        goto cleanup;
    }
    example.token_type_ids = example.input_ids + length;
    example.labels = example.token_type_ids + length;
    for (long long n = a->step * count; n < (a->step + 1) * count; n++) {
        CLB_TRY(clb_stream_example(stream, n, &example));
        if (a->json)
            CLB_TRY(print_json(&example));
        else
            print_example(clb_corpus_tokenizer(corpus), &example, n);
    }
cleanup:
    free(example.input_ids);
    return status;
}

static enum clb_status inspect(const struct arguments *a)
{
    struct clb_corpus *corpus = NULL;
    struct clb_stream *stream = NULL;
    enum clb_status status;
    CLB_TRY(clb_corpora_open(a->corpora, a->corpus_count, &corpus));
    CLB_TRY(clb_stream_create(corpus, &a->stream, &stream));
    CLB_TRY(a->statistics > 0 ? show_statistics(a, stream) : show_examples(a, corpus, stream));
cleanup:
    clb_stream_destroy(stream);
    clb_corpus_close(corpus);
    return status;
}

enum clb_status command_inspect(int argc, const char **argv)
{
    struct arguments a = {
        .stream = {.max_seq_length = 128, .mlm_probability = 0.15f, .short_seq_probability = 0.1f},
        .seed = 42,
        .max_steps = 1000,
        .batch_size = 32,
        .accumulation = 1};
    int whole_words = 0, spans = 0, no_nsp = 0, validation = 0;
    const struct poptOption options[] = {
        {"data", 0, POPT_ARG_ARGV, &a.data, 0, "corpus from clbert prepare", "CORPUS"},
        {"step", 0, POPT_ARG_LONGLONG, &a.step, 0, "which step, 0 for the first", "K"},
        {"seed", 0, POPT_ARG_LONGLONG, &a.seed, 0, "as of pretrain (42)", "N"},
        {"per-device-train-batch-size", 0, POPT_ARG_INT, &a.batch_size, 0, "as of pretrain (32)",
         "N"},
        {"gradient-accumulation-steps", 0, POPT_ARG_INT, &a.accumulation, 0, "as of pretrain (1)",
         "N"},
        {"max-seq-length", 0, POPT_ARG_INT, &a.stream.max_seq_length, 0, "as of pretrain (128)",
         "N"},
        {"mlm-probability", 0, POPT_ARG_STRING, &a.mlm_probability, 0,
         "(0.15); FIRST:LAST as of pretrain, LAST of the validation part", "X"},
        {"max-steps", 0, POPT_ARG_LONGLONG, &a.max_steps, 0,
         "as of pretrain (1000), for --mlm-probability FIRST:LAST", "N"},
        {"short-seq-probability", 0, POPT_ARG_FLOAT, &a.stream.short_seq_probability, 0,
         "(0.1, with --no-nsp 0)", "X"},
        {"whole-word-mask", 0, POPT_ARG_NONE, &whole_words, 0, "mask all pieces of a word", NULL},
        {"span-mask", 0, POPT_ARG_NONE, &spans, 0, "mask spans of whole words", NULL},
        {"no-nsp", 0, POPT_ARG_NONE, &no_nsp, 0, "full sequences, without pairs", NULL},
        {"statistics", 0, POPT_ARG_LONGLONG, &a.statistics, 0,
         "shares and lengths over K steps instead", "K"},
        {"validation", 0, POPT_ARG_NONE, &validation, 0, "of the validation part", NULL},
        {"json", 0, POPT_ARG_NONE, &a.json, 0, "one line of JSON an example", NULL},
        POPT_TABLEEND};
    poptContext context = NULL;
    const char **rest;
    int rest_count;
    bool help = false;
    enum clb_status status;
    CLB_TRY(cli_parse(&usage, options, argc, argv, &context, &rest, &rest_count, &help));
    if (help) goto cleanup;
    CLB_TRY(cli_require(&usage, a.data, "--data CORPUS"));
    CLB_TRY(cli_corpora(a.data, rest, rest_count, &a.corpora, &a.corpus_count));
    a.stream.seed = (uint64_t)a.seed;
    a.stream.whole_word_mask = whole_words;
    a.stream.no_nsp = no_nsp;
    if (no_nsp && !cli_given("short-seq-probability")) a.stream.short_seq_probability = 0.0f;
    a.stream.span_mask = spans;
    a.stream.validation = validation;
    CLB_TRY(check_arguments(&a));
    CLB_TRY(take_schedule(&a));
    CLB_TRY(inspect(&a));
cleanup:
    poptFreeContext(context);
    cli_free_strings(a.data);
    free(a.mlm_probability);
    free(a.corpora);
    return status;
}
