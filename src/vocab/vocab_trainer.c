/* SPDX-License-Identifier: Apache-2.0 */
#include <clbert/vocab.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/failure.h"
#include "base/files.h"
#include "base/staging.h"
#include "base/threads.h"
#include "text/text_pipeline.h"
#include "tokenizer/tokenizer.h"
#include "vocab/alphabet.h"
#include "vocab/merges.h"
#include "vocab/word_runs.h"

#include <stdlib.h>
#include <string.h>

struct clb_vocab_options clb_vocab_defaults(void)
{
    return (struct clb_vocab_options){.vocab_size = 30000,
                                      .min_frequency = 2,
                                      .limit_alphabet = 1000,
                                      .lower_case = true,
                                      .strip_accents = true,
                                      .chinese_chars = true,
                                      .memory = INT64_C(4) << 30};
}

static struct tokenizer_rules rules_of(const struct clb_vocab_options *options)
{
    return (struct tokenizer_rules){.lower_case = options->lower_case,
                                    .strip_accents = options->strip_accents,
                                    .chinese_chars = options->chinese_chars};
}

/* ---- counting ---- */

struct counting {
    struct tokenizer_rules rules;
    int threads;
    struct vocab_word_runs *runs;
    size_t limit; /* bytes of a thread's table */
    struct counter {
        struct vocab_word_counts *counts;
        const struct counting *all;
    } * counters; /* one a thread */
};

static enum clb_status count_word(void *context, const char *bytes, size_t size, bool over_long)
{
    const struct counter *c = context;
    if (over_long) return CLB_OK;
    if (vocab_word_counts_full(c->counts, c->all->limit)) {
        enum clb_status status = vocab_word_runs_spill(c->all->runs, c->counts);
        if (status != CLB_OK) return status;
    }
    return vocab_word_counts_add(c->counts, bytes, size);
}

static enum clb_status count_line(void *context, int thread, const struct text_block *block,
                                  int line)
{
    const struct counting *c = context;
    return tokenizer_words(c->rules, block->lines[line].text, block->lines[line].size, count_word,
                           &c->counters[thread]);
}

/* Half of the memory is for the tables: when the words become pieces, both are there. */
static enum clb_status create_counters(struct counting *c, int64_t memory)
{
    enum clb_status status = CLB_OK;
    c->limit = (size_t)(memory / 2 / c->threads);
    c->counters = calloc((size_t)c->threads, sizeof *c->counters);
    if (!c->counters) return clb_fail(CLB_ERROR_MEMORY, "word counts: out of memory");
    for (int t = 0; t < c->threads && status == CLB_OK; t++) {
        c->counters[t].all = c;
        status = vocab_word_counts_create(&c->counters[t].counts);
    }
    return status;
}

/* What is left in the tables: to files, too, where some went there. */
static enum clb_status end_counting(struct counting *c)
{
    const bool spill = vocab_word_runs_spilled(c->runs) > 0;
    struct base_failure failure = {0};
#pragma omp parallel for num_threads(c->threads) schedule(static, 1)
    for (int t = 0; t < c->threads; t++) {
        enum clb_status status;
        if (spill) {
            status = vocab_word_runs_spill(c->runs, c->counters[t].counts);
        } else {
            status = vocab_word_runs_keep(c->runs, c->counters[t].counts);
            c->counters[t].counts = NULL;
        }
        base_failure_note(&failure, status);
    }
    return base_failure_report(&failure);
}

static enum clb_status count_texts(const struct clb_vocab_options *options,
                                   const struct clb_texts *texts, struct vocab_word_runs *runs,
                                   struct clb_vocab_report *report)
{
    struct counting c = {.rules = rules_of(options), .threads = base_threads(options->threads), .runs = runs};
    const struct text_pipeline pipeline = {c.threads, &c, count_line, NULL};
    struct text_input *input = NULL;
    enum clb_status status;
    CLB_TRY(text_input_open(texts, &input));
    CLB_TRY(create_counters(&c, options->memory));
    CLB_TRY(text_pipeline_run(&pipeline, input));
    CLB_TRY(end_counting(&c));
    report->bytes = text_input_bytes(input);
    report->texts = *text_input_report(input);
    if (vocab_word_runs_total(runs) == 0) CLB_TRY(text_input_nothing(input, "words"));
cleanup:
    for (int t = 0; c.counters && t < c.threads; t++)
        vocab_word_counts_destroy(c.counters[t].counts);
    free(c.counters);
    text_input_close(input);
    return status;
}

/* ---- words as pieces ---- */

enum { RARE = 1 << 16, BYTES_A_CELL = 8 };

/* What the words are like, before they become pieces. */
struct word_survey {
    struct vocab_alphabet alphabet;
    int64_t distinct;
    int64_t *words; /* [RARE] distinct words by count, and the cells they need; */
    size_t *cells;  /* the last is for the more frequent, too */
    int64_t least;  /* words less frequent are left out */
};

/* Merging needs the cells, and the words' places in lists of pairs, which are no more than that. */
static enum clb_status fit_memory(struct word_survey *s, int64_t memory,
                                  struct clb_vocab_report *report, size_t *cells)
{
    const uint64_t room = memory > 0 ? (uint64_t)memory / BYTES_A_CELL : 0;
    s->least = RARE;
    *cells = 0;
    while (s->least > 1 && *cells + s->cells[s->least - 1] <= room &&
           *cells + s->cells[s->least - 1] < UINT32_MAX)
        *cells += s->cells[--s->least];
    for (int64_t count = 1; count < s->least; count++) {
        report->left_out += s->words[count];
        if (s->words[count]) report->left_out_most = count;
    }
    return *cells > 0 ? CLB_OK
                      : clb_fail(CLB_ERROR_ARGUMENT,
                                 "--memory is too small to merge even the most frequent words");
}

static enum clb_status survey_words(struct vocab_word_runs *runs, struct word_survey *s)
{
    struct vocab_word_count word;
    enum clb_status status;
    CLB_TRY(vocab_alphabet_create(&s->alphabet));
    s->words = calloc(RARE, sizeof *s->words);
    s->cells = calloc(RARE, sizeof *s->cells);
    if (!s->words || !s->cells) CLB_TRY(clb_fail(CLB_ERROR_MEMORY, "vocabulary: out of memory"));
    CLB_TRY(vocab_word_runs_rewind(runs));
    for (;;) {
        CLB_TRY(vocab_word_runs_next(runs, &word));
        if (word.size == 0) break;
        const int64_t count = word.count < RARE ? word.count : RARE - 1;
        s->distinct++;
        s->words[count]++;
        s->cells[count] +=
            VOCAB_PIECE_WORD_CELLS + (size_t)vocab_alphabet_count(&s->alphabet, &word);
    }
cleanup:
    return status;
}

static void free_survey(struct word_survey *s)
{
    vocab_alphabet_free(&s->alphabet);
    free(s->words);
    free(s->cells);
}

static enum clb_status take_words(struct vocab_word_runs *runs, struct word_survey *survey,
                                  struct vocab_merge_tokens *tokens,
                                  struct vocab_word_pieces *words)
{
    int32_t pieces[TOKENIZER_WORD_CHARACTERS];
    struct vocab_word_count word;
    int length;
    enum clb_status status;
    CLB_TRY(vocab_word_runs_rewind(runs));
    for (;;) {
        CLB_TRY(vocab_word_runs_next(runs, &word));
        if (word.size == 0) break;
        if (word.count < survey->least) continue;
        CLB_TRY(vocab_alphabet_pieces(&survey->alphabet, &word, tokens, pieces, &length));
        if (length > 1) vocab_word_pieces_add(words, word.count, pieces, length);
    }
cleanup:
    return status;
}

/* ---- the whole ---- */

/* Counts become special tokens, alphabet and pieces. Takes the runs. */
static enum clb_status begin_vocabulary(const struct clb_vocab_options *options,
                                        struct vocab_word_runs *runs,
                                        struct vocab_merge_tokens *tokens,
                                        struct vocab_word_pieces *words,
                                        struct clb_vocab_report *report)
{
    static const char *const specials[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
    struct word_survey survey = {0};
    size_t cells;
    int32_t id;
    enum clb_status status;
    CLB_TRY(survey_words(runs, &survey));
    report->distinct_words = survey.distinct;
    CLB_TRY(fit_memory(&survey, options->memory, report, &cells));
    for (int s = 0; s < 5; s++) CLB_TRY(vocab_merge_tokens_add(tokens, specials[s], &id));
    CLB_TRY(vocab_alphabet_choose(&survey.alphabet, options->limit_alphabet, tokens,
                                  &report->alphabet));
    CLB_TRY(vocab_word_pieces_create(cells, words));
    CLB_TRY(take_words(runs, &survey, tokens, words));
    if (tokens->count > options->vocab_size)
        CLB_TRY(clb_fail(CLB_ERROR_ARGUMENT,
                         "--vocab-size %d is below the %d characters and special tokens of the "
                         "text: raise it, or lower --limit-alphabet",
                         options->vocab_size, tokens->count));
cleanup:
    free_survey(&survey);
    vocab_word_runs_destroy(runs);
    return status;
}

/* A vocabulary that is there is not lost by accident. */
static enum clb_status check_output(const struct clb_vocab_options *options, const char *directory)
{
    static const char *const names[] = {"vocab.txt", "tokenizer.json"};
    enum clb_status status = base_staging_recover(directory);
    for (int i = 0; i < 2 && status == CLB_OK && !options->overwrite; i++) {
        char *path = base_format("%s/%s", directory, names[i]);
        if (!path)
            status = clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", directory);
        else if (base_exists(path))
            status =
                clb_fail(CLB_ERROR_ARGUMENT,
                         "%s: holds a vocabulary; replace it by --overwrite, or choose another "
                         "--output",
                         directory);
        free(path);
    }
    return status;
}

enum clb_status clb_vocab_train(const struct clb_vocab_options *options,
                                const struct clb_texts *texts, const char *directory,
                                struct clb_vocab_report *report)
{
    struct vocab_word_runs *runs = NULL;
    struct vocab_merge_tokens tokens = {0};
    struct vocab_word_pieces words = {0};
    struct clb_tokenizer *tokenizer = NULL;
    const double begun = base_seconds();
    enum clb_status status;
    *report = (struct clb_vocab_report){0};
    if (options->vocab_size > TOKENIZER_MOST_TOKENS)
        return clb_fail(CLB_ERROR_ARGUMENT, "--vocab-size %d is above %d, the most there can be",
                        options->vocab_size, TOKENIZER_MOST_TOKENS);
    CLB_TRY(check_output(options, directory));
    CLB_TRY(vocab_word_runs_create(&runs));
    CLB_TRY(count_texts(options, texts, runs, report));
    report->words = vocab_word_runs_total(runs);
    report->spilled = vocab_word_runs_spilled(runs);
    CLB_TRY(vocab_merge_tokens_create(&tokens));
    status = begin_vocabulary(options, runs, &tokens, &words, report);
    runs = NULL;
    if (status != CLB_OK) goto cleanup;
    CLB_TRY(vocab_word_pieces_slice(&words, base_threads(options->threads)));
    CLB_TRY(vocab_merge_words(&words, options->vocab_size, options->min_frequency, &tokens));
    report->tokens = tokens.count;
    struct tokenizer_parts parts = {.tokens = tokens.tokens,
                                    .count = tokens.count,
                                    .vocabulary = tokens.count,
                                    .rules = rules_of(options)};
    tokens.tokens = NULL;
    tokens.count = 0;
    CLB_TRY(tokenizer_create(&parts, directory, &tokenizer));
    CLB_TRY(clb_tokenizer_save(tokenizer, directory));
    report->seconds = base_seconds() - begun;
cleanup:
    clb_tokenizer_close(tokenizer);
    vocab_word_pieces_free(&words);
    vocab_merge_tokens_free(&tokens);
    vocab_word_runs_destroy(runs);
    return status;
}
