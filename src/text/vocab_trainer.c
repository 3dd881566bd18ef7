#include <clbert/vocab.h>

#include "base/files.h"
#include "text/merges.h"
#include "text/text_pipeline.h"
#include "text/tokenizer.h"
#include "text/word_counts.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <unicode/utf8.h>

struct clb_vocab_options clb_vocab_defaults(void)
{
    return (struct clb_vocab_options){.vocab_size = 30000,
                                      .min_frequency = 2,
                                      .limit_alphabet = 1000,
                                      .lower_case = true,
                                      .strip_accents = true,
                                      .chinese_chars = true};
}

static struct text_rules rules_of(const struct clb_vocab_options *options)
{
    return (struct text_rules){options->lower_case, options->strip_accents, options->chinese_chars};
}

/* ---- counting ---- */

struct counting {
    struct text_rules rules;
    int threads;
    struct text_word_counts **counts; /* one a thread */
};

static enum clb_status count_word(void *context, const char *bytes, size_t size, bool over_long)
{
    return over_long ? CLB_OK : text_word_counts_add(context, bytes, size, 1);
}

static enum clb_status count_line(void *context, int thread, const struct text_block *block,
                                  int line)
{
    const struct counting *c = context;
    return text_words(c->rules, block->lines[line].text, block->lines[line].size, count_word,
                      c->counts[thread]);
}

/* Everything into the first table. */
static enum clb_status join_counts(struct counting *c)
{
    enum clb_status status = CLB_OK;
    for (int t = 1; t < c->threads; t++) {
        const struct text_word_counts *from = c->counts[t];
        for (size_t i = 0; i < from->capacity; i++)
            if (from->words[i].size)
                CLB_TRY(text_word_counts_add(c->counts[0], from->words[i].bytes,
                                             from->words[i].size, from->words[i].count));
    }
cleanup:
    return status;
}

static enum clb_status count_texts(const struct clb_vocab_options *options,
                                   const struct clb_texts *texts, struct text_word_counts **counts,
                                   int64_t *bytes)
{
    struct counting c = {rules_of(options),
                         options->threads > 0 ? options->threads : omp_get_max_threads(), NULL};
    const struct text_pipeline pipeline = {c.threads, &c, count_line, NULL};
    struct text_input *input = NULL;
    enum clb_status status;
    *counts = NULL;
    CLB_TRY(text_input_open(texts, &input));
    c.counts = calloc((size_t)c.threads, sizeof *c.counts);
    if (!c.counts) CLB_TRY(clb_fail(CLB_ERROR_MEMORY, "word counts: out of memory"));
    for (int t = 0; t < c.threads; t++) CLB_TRY(text_word_counts_create(&c.counts[t]));
    CLB_TRY(text_pipeline_run(&pipeline, input));
    CLB_TRY(join_counts(&c));
    *bytes = text_input_bytes(input);
    if (c.counts[0]->total == 0)
        CLB_TRY(clb_fail(CLB_ERROR_FORMAT, "%s: no words in the text", texts->paths[0]));
    *counts = c.counts[0];
    c.counts[0] = NULL;
cleanup:
    for (int t = 0; c.counts && t < c.threads; t++) text_word_counts_destroy(c.counts[t]);
    free(c.counts);
    text_input_close(input);
    return status;
}

/* ---- alphabet ---- */

struct character {
    int32_t code;
    int64_t count;
};

static int by_count(const void *a, const void *b)
{
    const struct character *x = a, *y = b;
    if (x->count != y->count) return x->count < y->count ? 1 : -1;
    return (x->code > y->code) - (x->code < y->code);
}

static int by_code(const void *a, const void *b)
{
    const struct character *x = a, *y = b;
    return (x->code > y->code) - (x->code < y->code);
}

/* The most frequent characters of all words, by code point. `kept` [0x110000] says which. */
static enum clb_status take_alphabet(const struct text_word_counts *counts, int32_t limit,
                                     bool *kept, struct merge_tokens *tokens, int32_t *size)
{
    int64_t *frequency = calloc(0x110000, sizeof *frequency);
    struct character *all = calloc(0x110000, sizeof *all);
    int32_t found = 0;
    enum clb_status status = CLB_OK;
    if (!frequency || !all) {
        status = clb_fail(CLB_ERROR_MEMORY, "alphabet: out of memory");
        goto cleanup;
    }
    for (size_t w = 0; w < counts->distinct; w++)
        for (int32_t i = 0; i < (int32_t)counts->words[w].size;) {
            UChar32 c;
            U8_NEXT(counts->words[w].bytes, i, (int32_t)counts->words[w].size, c);
            if (c >= 0) frequency[c] += counts->words[w].count;
        }
    for (int32_t c = 0; c < 0x110000; c++)
        if (frequency[c]) all[found++] = (struct character){c, frequency[c]};
    qsort(all, (size_t)found, sizeof *all, by_count);
    *size = found < limit ? found : limit;
    qsort(all, (size_t)*size, sizeof *all, by_code);
    for (int32_t i = 0; i < *size; i++) {
        char text[8] = "";
        int32_t length = 0, id;
        U8_APPEND_UNSAFE(text, length, all[i].code);
        kept[all[i].code] = true;
        CLB_TRY(merge_tokens_add(tokens, text, &id));
    }
cleanup:
    free(frequency);
    free(all);
    return status;
}

/* ---- words as pieces ---- */

/* One piece a character, "##" before all but the first; characters outside the alphabet are left
 * out. */
static enum clb_status take_pieces(const struct text_word_count *from, const bool *kept,
                                   struct merge_tokens *tokens, struct merge_word *word)
{
    word->count = from->count;
    word->pieces = malloc(from->size * sizeof *word->pieces);
    if (!word->pieces) return clb_fail(CLB_ERROR_MEMORY, "vocabulary: out of memory");
    for (int32_t i = 0; i < (int32_t)from->size;) {
        char text[8] = "##";
        int32_t length = i > 0 ? 2 : 0;
        UChar32 c;
        U8_NEXT(from->bytes, i, (int32_t)from->size, c);
        if (c < 0 || !kept[c]) continue;
        U8_APPEND_UNSAFE(text, length, c);
        text[length] = 0;
        enum clb_status status = merge_tokens_add(tokens, text, &word->pieces[word->length]);
        if (status != CLB_OK) return status;
        word->length++;
    }
    return CLB_OK;
}

static enum clb_status build(const struct clb_vocab_options *options,
                             struct text_word_counts *counts, struct merge_tokens *tokens,
                             int32_t *alphabet)
{
    static const char *const specials[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
    struct merge_word *words = calloc(counts->distinct, sizeof *words);
    bool *kept = calloc(0x110000, sizeof *kept);
    int32_t id;
    enum clb_status status = CLB_OK;
    if (!words || !kept) {
        status = clb_fail(CLB_ERROR_MEMORY, "vocabulary: out of memory");
        goto cleanup;
    }
    text_word_counts_sort(counts);
    for (int s = 0; s < 5; s++) CLB_TRY(merge_tokens_add(tokens, specials[s], &id));
    CLB_TRY(take_alphabet(counts, options->limit_alphabet, kept, tokens, alphabet));
    for (size_t w = 0; w < counts->distinct; w++)
        CLB_TRY(take_pieces(&counts->words[w], kept, tokens, &words[w]));
    if (tokens->count > options->vocab_size) {
        status =
            clb_fail(CLB_ERROR_ARGUMENT,
                     "--vocab-size %d is below the %d characters and special tokens of the text: "
                     "raise it, or lower --limit-alphabet",
                     options->vocab_size, tokens->count);
        goto cleanup;
    }
    CLB_TRY(merge_words(words, (int64_t)counts->distinct, options->vocab_size,
                        options->min_frequency, tokens));
cleanup:
    for (size_t w = 0; words && w < counts->distinct; w++) free(words[w].pieces);
    free(words);
    free(kept);
    return status;
}

enum clb_status clb_vocab_train(const struct clb_vocab_options *options,
                                const struct clb_texts *texts, const char *directory,
                                struct clb_vocab_report *report)
{
    struct text_word_counts *counts = NULL;
    struct merge_tokens tokens = {0};
    struct clb_tokenizer *tokenizer = NULL;
    enum clb_status status;
    *report = (struct clb_vocab_report){0};
    CLB_TRY(count_texts(options, texts, &counts, &report->bytes));
    report->words = counts->total;
    report->distinct_words = (int64_t)counts->distinct;
    CLB_TRY(merge_tokens_create(&tokens));
    CLB_TRY(build(options, counts, &tokens, &report->alphabet));
    report->tokens = tokens.count;
    char **list = tokens.tokens;
    tokens.tokens = NULL;
    tokens.count = 0;
    CLB_TRY(text_tokenizer_create(list, report->tokens, rules_of(options), directory, &tokenizer));
    CLB_TRY(base_make_directory(directory));
    CLB_TRY(clb_tokenizer_save(tokenizer, directory));
cleanup:
    clb_tokenizer_close(tokenizer);
    merge_tokens_free(&tokens);
    text_word_counts_destroy(counts);
    return status;
}
