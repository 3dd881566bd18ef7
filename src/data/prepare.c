/* SPDX-License-Identifier: Apache-2.0 */
/* Text to corpus: blocks of lines are read, split and tokenised, and written in order, all at the
 * same time (text_pipeline.h). */
#include <clbert/prepare.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/staging.h"
#include "base/threads.h"
#include "data/corpus.h"
#include "data/document_set.h"
#include "data/indexed.h"
#include "text/sentences.h"
#include "text/text_input.h"
#include "text/text_pipeline.h"
#include "tokenizer/tokenizer.h"

#include <clbert/random.h>
#include <clbert/tokenizer.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { UINT16_VOCABULARY = 65500, LINES = TEXT_SLOTS * TEXT_BLOCK_LINES };

/* What a thread has made of its lines of one block: ids, and where each sentence ends. */
struct sentences {
    _Alignas(128) int64_t block;
    struct clb_ids ids, ends;
};

/* What a line has become. */
struct line_sentences {
    const struct sentences *in;
    size_t first, count; /* of the ends */
    size_t ids, id_count;
};

struct preparation {
    const struct clb_prepare_options *options;
    struct clb_prepare_report *report;
    struct clb_tokenizer *tokenizer;
    struct text_input *input;
    struct text_sentences **splitters; /* one a thread */
    int threads;
    struct sentences *results;         /* [threads][TEXT_SLOTS] */
    struct line_sentences *lines;      /* [TEXT_SLOTS][TEXT_BLOCK_LINES] */
    struct document_set *documents;    /* NULL: duplicates stay */
    struct base_staging *staging;      /* of the corpus directory */
    struct indexed_writer *writers[2]; /* train, validation */
    int64_t document;                  /* number of the one being written */
    struct document_counts {           /* of it, so far */
        int64_t words, unknown, longest, sentences;
    } counts;
    double begun;
};

static struct line_sentences *line_of(const struct preparation *p, const struct text_block *block,
                                      int line)
{
    return &p->lines[block->slot * TEXT_BLOCK_LINES + line];
}

static struct sentences *results_of(const struct preparation *p, const struct text_block *block,
                                    int thread)
{
    struct sentences *results = &p->results[thread * TEXT_SLOTS + block->slot];
    if (results->block != block->number) results->ids.count = results->ends.count = 0;
    results->block = block->number;
    return results;
}

/* ---- tokenising ---- */

static enum clb_status push_end(struct sentences *result)
{
    struct clb_ids *ends = &result->ends;
    if (ends->count == ends->capacity) {
        size_t capacity = ends->capacity ? 2 * ends->capacity : 16;
        int32_t *more = realloc(ends->ids, capacity * sizeof *more);
        if (!more) return clb_fail(CLB_ERROR_MEMORY, "text: out of memory");
        ends->ids = more;
        ends->capacity = capacity;
    }
    ends->ids[ends->count++] = (int32_t)result->ids.count;
    return CLB_OK;
}

static enum clb_status tokenize_line(void *context, int thread, const struct text_block *block,
                                     int line)
{
    const struct preparation *p = context;
    struct text_sentences *splitter = p->splitters[thread];
    struct sentences *result = results_of(p, block, thread);
    const size_t ids = result->ids.count, first = result->ends.count;
    const char *sentence;
    size_t size;
    enum clb_status status;
    CLB_TRY(text_sentences_begin(splitter, block->lines[line].text, block->lines[line].size));
    while ((sentence = text_sentences_next(splitter, &size))) {
        size_t before = result->ids.count;
        CLB_TRY(clb_tokenizer_encode(p->tokenizer, sentence, size, &result->ids));
        if (result->ids.count > before) CLB_TRY(push_end(result));
    }
    CLB_TRY(text_sentences_end(splitter));
    *line_of(p, block, line) = (struct line_sentences){result, first, result->ends.count - first,
                                                       ids, result->ids.count - ids};
cleanup:
    return status;
}

/* ---- writing ---- */

static int split_of(const struct preparation *p)
{
    const struct clb_random random = {0, CLB_PURPOSE_SPLIT, 0};
    const double fraction = p->options->validation_fraction;
    if (fraction <= 0 || p->document == 0) return 0;
    if (p->document == 1) return 1;
    return (double)clb_uniform_from_bits(clb_random_u32(random, (uint64_t)p->document)) < fraction;
}

static void count_tokens(struct preparation *p, const int32_t *ids, size_t count)
{
    const int32_t unknown = clb_tokenizer_special_ids(p->tokenizer).unk;
    for (size_t i = 0; i < count; i++) {
        p->counts.unknown += ids[i] == unknown;
        p->counts.words += !clb_tokenizer_is_continuation(p->tokenizer, ids[i]);
    }
}

static enum clb_status end_document(struct preparation *p)
{
    struct indexed_writer *writer = p->writers[split_of(p)];
    const struct document_counts counts = p->counts;
    bool seen = false;
    enum clb_status status = CLB_OK;
    if (p->documents) CLB_TRY(document_set_end(p->documents, &seen));
    if (counts.sentences == 0) return CLB_OK;
    p->counts = (struct document_counts){0};
    if (seen) {
        p->report->duplicates++;
        return indexed_drop_document(writer);
    }
    CLB_TRY(indexed_end_document(writer));
    p->document++;
    p->report->words += counts.words;
    p->report->unknown += counts.unknown;
    if (counts.longest > p->report->longest) p->report->longest = counts.longest;
cleanup:
    return status;
}

static enum clb_status write_sentences(struct preparation *p, const struct line_sentences *line)
{
    struct indexed_writer *writer = p->writers[split_of(p)];
    const int32_t *ids = line->in->ids.ids, *ends = line->in->ends.ids;
    int32_t begin = (int32_t)line->ids;
    enum clb_status status = CLB_OK;
    count_tokens(p, ids + line->ids, line->id_count);
    for (size_t s = line->first; s < line->first + line->count; s++) {
        const int32_t length = ends[s] - begin;
        CLB_TRY(indexed_add_sentence(writer, ids + begin, length));
        if (length > p->counts.longest) p->counts.longest = length;
        begin = ends[s];
    }
    p->counts.sentences += (int64_t)line->count;
cleanup:
    return status;
}

static enum clb_status write_block(void *context, const struct text_block *block)
{
    struct preparation *p = context;
    enum clb_status status = CLB_OK;
    if (p->options->stop && *p->options->stop)
        return clb_fail(CLB_ERROR_INTERRUPTED, "interrupted: no corpus has been written");
    for (int i = 0; i < block->count; i++) {
        const struct text_line *line = &block->lines[i];
        if (p->documents && line->size > 0) document_set_line(p->documents, line->text, line->size);
        CLB_TRY(write_sentences(p, line_of(p, block, i)));
        if (line->ends_document) CLB_TRY(end_document(p));
    }
cleanup:
    return status;
}

static enum clb_status run(struct preparation *p)
{
    const struct text_pipeline pipeline = {p->threads, p, tokenize_line, write_block};
    enum clb_status status = text_pipeline_run(&pipeline, p->input);
    if (status == CLB_OK && p->document == 0) status = text_input_nothing(p->input, "text");
    return status;
}

/* ---- around it ---- */

static enum clb_status check_output(const struct clb_prepare_options *options)
{
    char *path = base_format("%s/corpus.json", options->output);
    enum clb_status status;
    if (!path) return clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", options->output);
    CLB_TRY(base_staging_recover(options->output));
    if (base_exists(path) && !options->overwrite)
        status = clb_fail(CLB_ERROR_ARGUMENT,
                          "%s: holds a corpus; replace it by --overwrite, or choose another "
                          "--output",
                          options->output);
cleanup:
    free(path);
    return status;
}

static enum clb_status open_writers(struct preparation *p)
{
    static const char *const names[2] = {"train", "validation"};
    const int width = clb_tokenizer_vocab_size(p->tokenizer) < UINT16_VOCABULARY ? 2 : 4;
    enum clb_status status = base_staging_create(p->options->output, &p->staging);
    for (int s = 0; s < 2 && status == CLB_OK; s++) {
        char *prefix = base_format("%s/%s", base_staging_path(p->staging), names[s]);
        status = prefix ? indexed_create(prefix, width, &p->writers[s])
                        : clb_fail(CLB_ERROR_MEMORY, "out of memory");
        free(prefix);
    }
    return status;
}

static enum clb_status open_all(struct preparation *p)
{
    const struct clb_prepare_options *o = p->options;
    const struct text_sentence_options splitting = {o->language, o->one_sentence_per_line};
    enum clb_status status;
    CLB_TRY(clb_tokenizer_open(o->tokenizer, &p->tokenizer));
    CLB_TRY(text_input_open(&o->texts, &p->input));
    CLB_TRY(check_output(o));
    p->threads = base_threads(o->threads);
    p->splitters = calloc((size_t)p->threads, sizeof *p->splitters);
    const size_t results = (size_t)p->threads * TEXT_SLOTS * sizeof *p->results;
    p->results = aligned_alloc(_Alignof(struct sentences), results);
    p->lines = calloc(LINES, sizeof *p->lines);
    if (p->results) memset(p->results, 0, results);
    if (!p->splitters || !p->results || !p->lines) {
        status = clb_fail(CLB_ERROR_MEMORY, "text: out of memory");
        goto cleanup;
    }
    for (int t = 0; t < p->threads; t++)
        CLB_TRY(text_sentences_create(splitting, &p->splitters[t]));
    if (o->deduplicate) CLB_TRY(document_set_create(&p->documents));
    CLB_TRY(open_writers(p));
cleanup:
    return status;
}

static struct clb_prepare_counts counts_of(const struct indexed_writer *writer)
{
    return (struct clb_prepare_counts){indexed_written_documents(writer),
                                       indexed_written_sentences(writer),
                                       indexed_written_tokens(writer)};
}

static json_t *counts_json(const struct clb_prepare_counts *c)
{
    return json_pack("{s:I, s:I, s:I}", "documents", (json_int_t)c->documents, "sentences",
                     (json_int_t)c->sentences, "tokens", (json_int_t)c->tokens);
}

/* What was left out is said only where something was. */
static void add_left_out(json_t *json, const struct clb_text_report *texts)
{
    json_t *kinds = texts->kinds ? json_object() : NULL;
    for (int k = 0; k < texts->kinds; k++)
        json_object_set_new(kinds, texts->skipped[k].name, json_integer(texts->skipped[k].files));
    if (kinds) json_object_set_new(json, "passed_over_files", kinds);
    if (texts->unreadable)
        json_object_set_new(json, "unreadable_files", json_integer(texts->unreadable));
}

static enum clb_status write_description(const struct preparation *p)
{
    const struct clb_prepare_report *r = p->report;
    char hash[32];
    snprintf(hash, sizeof hash, "%016" PRIx64, clb_tokenizer_hash(p->tokenizer));
    char *path = base_format("%s/corpus.json", base_staging_path(p->staging));
    json_t *json = json_pack(
        "{s:i, s:s, s:i, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "version", CORPUS_VERSION,
        "tokenizer", hash, "vocab_size", clb_tokenizer_vocab_size(p->tokenizer), "train",
        counts_json(&r->train), "validation", counts_json(&r->validation), "bytes",
        (json_int_t)r->bytes, "words", (json_int_t)r->words, "unknown", (json_int_t)r->unknown,
        "replaced", (json_int_t)r->replaced, "longest_sentence", (json_int_t)r->longest,
        "cut_lines", (json_int_t)r->cut, "duplicate_documents", (json_int_t)r->duplicates);
    if (json) add_left_out(json, &r->texts);
    enum clb_status status =
        path && json ? base_json_write(path, json) : clb_fail(CLB_ERROR_MEMORY, "out of memory");
    json_decref(json);
    free(path);
    return status;
}

static enum clb_status commit(struct preparation *p)
{
    struct clb_prepare_report *r = p->report;
    enum clb_status status = CLB_OK;
    r->train = counts_of(p->writers[0]);
    r->validation = counts_of(p->writers[1]);
    r->bytes = text_input_bytes(p->input);
    r->replaced = text_input_replaced(p->input);
    r->cut = text_input_cut(p->input);
    r->texts = *text_input_report(p->input);
    for (int s = 0; s < 2; s++) {
        struct indexed_writer *writer = p->writers[s];
        p->writers[s] = NULL;
        CLB_TRY(indexed_commit(writer));
    }
    CLB_TRY(tokenizer_write(p->tokenizer, base_staging_path(p->staging), p->options->output));
    CLB_TRY(write_description(p));
    struct base_staging *staging = p->staging;
    p->staging = NULL;
    CLB_TRY(base_staging_commit(staging));
    r->seconds = base_seconds() - p->begun;
cleanup:
    return status;
}

static void close_all(struct preparation *p)
{
    for (int s = 0; s < 2; s++) indexed_abandon(p->writers[s]);
    base_staging_abandon(p->staging);
    for (int t = 0; p->splitters && t < p->threads; t++) text_sentences_destroy(p->splitters[t]);
    free(p->splitters);
    for (int i = 0; p->results && i < p->threads * TEXT_SLOTS; i++) {
        clb_ids_free(&p->results[i].ids);
        clb_ids_free(&p->results[i].ends);
    }
    free(p->results);
    free(p->lines);
    document_set_destroy(p->documents);
    text_input_close(p->input);
    clb_tokenizer_close(p->tokenizer);
}

enum clb_status clb_prepare(const struct clb_prepare_options *options,
                            struct clb_prepare_report *report)
{
    struct preparation p = {.options = options, .report = report, .begun = base_seconds()};
    enum clb_status status;
    *report = (struct clb_prepare_report){0};
    if (!(options->validation_fraction >= 0 && options->validation_fraction < 1))
        return clb_fail(CLB_ERROR_ARGUMENT, "--validation-fraction should be in [0, 1)");
    CLB_TRY(open_all(&p));
    CLB_TRY(run(&p));
    CLB_TRY(commit(&p));
cleanup:
    close_all(&p);
    return status;
}
