/* Text to corpus: blocks of lines are read, split and tokenised by all threads, and written in
 * order, so that the bytes are the same for any number of threads and memory is a block's. */
#include <clbert/prepare.h>

#include "base/clock.h"
#include "base/files.h"
#include "base/json.h"
#include "base/log.h"
#include "data/indexed.h"
#include "text/sentences.h"
#include "text/text_input.h"

#include <clbert/random.h>
#include <clbert/tokenizer.h>
#include <inttypes.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_LINES = 4096, BLOCK_BYTES = 4 << 20, UINT16_VOCABULARY = 65500 };

/* A line, and then its sentences: ids one after another, and where each ends. */
struct line {
    size_t begin, size;
    bool ends_document;
    struct clb_ids ids, ends;
};

struct block {
    char *text;
    size_t size, capacity;
    struct line *lines; /* [BLOCK_LINES] */
    int count;
};

struct preparation {
    const struct clb_prepare_options *options;
    struct clb_prepare_report *report;
    struct clb_tokenizer *tokenizer;
    struct text_input *input;
    struct text_sentences **sentences; /* one a thread */
    int threads;
    struct block block;
    struct indexed_writer *writers[2]; /* train, validation */
    int64_t document;                  /* number of the one being written */
    bool document_empty;
    double begun;
};

/* ---- reading ---- */

static enum clb_status append_line(struct block *b, const char *text, size_t size)
{
    if (b->size + size > b->capacity) {
        size_t capacity = 2 * (b->size + size);
        char *more = realloc(b->text, capacity);
        if (!more) return clb_fail(CLB_ERROR_MEMORY, "text: out of memory");
        b->text = more;
        b->capacity = capacity;
    }
    struct line *line = &b->lines[b->count++];
    memcpy(b->text + b->size, text, size);
    line->begin = b->size;
    line->size = size;
    line->ends_document = false;
    b->size += size;
    return CLB_OK;
}

/* Fills the block; *more is false where the text has ended. */
static enum clb_status read_block(struct preparation *p, bool *more)
{
    struct block *b = &p->block;
    enum clb_status status = CLB_OK;
    b->count = 0;
    b->size = 0;
    *more = true;
    while (b->count < BLOCK_LINES - 1 && b->size < BLOCK_BYTES) {
        enum text_event event;
        const char *text;
        size_t size;
        CLB_TRY(text_input_next(p->input, &event, &text, &size));
        if (event == TEXT_LINE) {
            CLB_TRY(append_line(b, text, size));
        } else if (event == TEXT_DOCUMENT_END) {
            if (b->count == 0)
                CLB_TRY(append_line(b, "", 0)); /* its lines were of the last block */
            b->lines[b->count - 1].ends_document = true;
        } else {
            *more = false;
            break;
        }
    }
cleanup:
    return status;
}

/* ---- tokenising ---- */

static enum clb_status push_end(struct line *line)
{
    struct clb_ids *ends = &line->ends;
    if (ends->count == ends->capacity) {
        size_t capacity = ends->capacity ? 2 * ends->capacity : 16;
        int32_t *more = realloc(ends->ids, capacity * sizeof *more);
        if (!more) return clb_fail(CLB_ERROR_MEMORY, "text: out of memory");
        ends->ids = more;
        ends->capacity = capacity;
    }
    ends->ids[ends->count++] = (int32_t)line->ids.count;
    return CLB_OK;
}

static enum clb_status tokenize_line(const struct preparation *p, struct text_sentences *sentences,
                                     struct line *line)
{
    const char *sentence;
    size_t size;
    enum clb_status status;
    line->ids.count = line->ends.count = 0;
    CLB_TRY(text_sentences_begin(sentences, p->block.text + line->begin, line->size));
    while ((sentence = text_sentences_next(sentences, &size))) {
        size_t before = line->ids.count;
        CLB_TRY(clb_tokenizer_encode(p->tokenizer, sentence, size, &line->ids));
        if (line->ids.count > before) CLB_TRY(push_end(line));
    }
cleanup:
    return status;
}

static enum clb_status tokenize_block(struct preparation *p)
{
    enum clb_status failure = CLB_OK;
    char message[512] = "";
#pragma omp parallel for schedule(dynamic, 16) num_threads(p->threads)
    for (int i = 0; i < p->block.count; i++) {
        enum clb_status status =
            tokenize_line(p, p->sentences[omp_get_thread_num()], &p->block.lines[i]);
        if (status == CLB_OK) continue;
#pragma omp critical
        {
            failure = status;
            snprintf(message, sizeof message, "%s", clb_error_message());
        }
    }
    return failure == CLB_OK ? CLB_OK : clb_fail(failure, "%s", message);
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

static void count_tokens(struct preparation *p, const struct line *line)
{
    const int32_t unknown = clb_tokenizer_special_ids(p->tokenizer).unk;
    for (size_t i = 0; i < line->ids.count; i++) {
        p->report->unknown += line->ids.ids[i] == unknown;
        p->report->words += !clb_tokenizer_is_continuation(p->tokenizer, line->ids.ids[i]);
    }
}

static enum clb_status write_line(struct preparation *p, const struct line *line)
{
    struct indexed_writer *writer = p->writers[split_of(p)];
    int32_t begin = 0;
    enum clb_status status = CLB_OK;
    count_tokens(p, line);
    for (size_t s = 0; s < line->ends.count; s++) {
        const int32_t end = line->ends.ids[s];
        CLB_TRY(indexed_add_sentence(writer, line->ids.ids + begin, end - begin));
        if (end - begin > p->report->longest) p->report->longest = end - begin;
        begin = end;
        p->document_empty = false;
    }
    if (line->ends_document && !p->document_empty) {
        CLB_TRY(indexed_end_document(writer));
        p->document++;
        p->document_empty = true;
    }
cleanup:
    return status;
}

static void show_progress(const struct preparation *p)
{
    double mib = (double)text_input_bytes(p->input) / (1 << 20);
    base_log_progress("%.1f MiB, %" PRId64 " documents, %.1f MiB/s", mib, p->document,
                      mib / (base_seconds() - p->begun));
}

static enum clb_status run(struct preparation *p)
{
    bool more = true;
    enum clb_status status = CLB_OK;
    while (more) {
        CLB_TRY(read_block(p, &more));
        CLB_TRY(tokenize_block(p));
        for (int i = 0; i < p->block.count; i++) CLB_TRY(write_line(p, &p->block.lines[i]));
        show_progress(p);
    }
    if (p->document == 0)
        status = clb_fail(CLB_ERROR_FORMAT, "%s: no text in it", p->options->texts[0]);
cleanup:
    base_log_progress(NULL);
    return status;
}

/* ---- around it ---- */

static enum clb_status check_output(const struct clb_prepare_options *options)
{
    char *path = base_format("%s/corpus.json", options->output);
    enum clb_status status = path ? CLB_OK : clb_fail(CLB_ERROR_MEMORY, "out of memory");
    if (status == CLB_OK && base_exists(path)) {
        if (!options->overwrite)
            status = clb_fail(
                CLB_ERROR_ARGUMENT,
                "%s: holds a corpus; replace it by --overwrite, or choose another --output",
                options->output);
        else
            status = base_remove_tree(path); /* without it the rest is no corpus */
    }
    free(path);
    return status == CLB_OK ? base_make_directory(options->output) : status;
}

static enum clb_status open_all(struct preparation *p)
{
    static const char *const names[2] = {"train", "validation"};
    const struct clb_prepare_options *o = p->options;
    enum clb_status status;
    CLB_TRY(clb_tokenizer_open(o->tokenizer, &p->tokenizer));
    CLB_TRY(text_input_open(o->texts, o->text_count, &p->input));
    CLB_TRY(check_output(o));
    p->threads = o->threads > 0 ? o->threads : omp_get_max_threads();
    p->sentences = calloc((size_t)p->threads, sizeof *p->sentences);
    p->block.lines = calloc(BLOCK_LINES, sizeof *p->block.lines);
    if (!p->sentences || !p->block.lines) {
        status = clb_fail(CLB_ERROR_MEMORY, "text: out of memory");
        goto cleanup;
    }
    for (int t = 0; t < p->threads; t++) CLB_TRY(text_sentences_create(&p->sentences[t]));
    const int width = clb_tokenizer_vocab_size(p->tokenizer) < UINT16_VOCABULARY ? 2 : 4;
    for (int s = 0; s < 2; s++) {
        char *prefix = base_format("%s/%s", o->output, names[s]);
        status = prefix ? indexed_create(prefix, width, &p->writers[s])
                        : clb_fail(CLB_ERROR_MEMORY, "out of memory");
        free(prefix);
        if (status != CLB_OK) goto cleanup;
    }
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

static enum clb_status write_description(const struct preparation *p)
{
    const struct clb_prepare_report *r = p->report;
    char hash[32];
    snprintf(hash, sizeof hash, "%016" PRIx64, clb_tokenizer_hash(p->tokenizer));
    char *path = base_format("%s/corpus.json", p->options->output);
    json_t *json = json_pack(
        "{s:i, s:s, s:i, s:o, s:o, s:I, s:I, s:I, s:I, s:I}", "version", 1, "tokenizer", hash,
        "vocab_size", clb_tokenizer_vocab_size(p->tokenizer), "train", counts_json(&r->train),
        "validation", counts_json(&r->validation), "bytes", (json_int_t)r->bytes, "words",
        (json_int_t)r->words, "unknown", (json_int_t)r->unknown, "replaced",
        (json_int_t)r->replaced, "longest_sentence", (json_int_t)r->longest);
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
    for (int s = 0; s < 2; s++) {
        struct indexed_writer *writer = p->writers[s];
        p->writers[s] = NULL;
        CLB_TRY(indexed_commit(writer));
    }
    CLB_TRY(clb_tokenizer_save(p->tokenizer, p->options->output));
    CLB_TRY(write_description(p));
    r->seconds = base_seconds() - p->begun;
cleanup:
    return status;
}

static void close_all(struct preparation *p)
{
    for (int s = 0; s < 2; s++) indexed_abandon(p->writers[s]);
    for (int t = 0; p->sentences && t < p->threads; t++) text_sentences_destroy(p->sentences[t]);
    free(p->sentences);
    for (int i = 0; p->block.lines && i < BLOCK_LINES; i++) {
        clb_ids_free(&p->block.lines[i].ids);
        clb_ids_free(&p->block.lines[i].ends);
    }
    free(p->block.lines);
    free(p->block.text);
    text_input_close(p->input);
    clb_tokenizer_close(p->tokenizer);
}

enum clb_status clb_prepare(const struct clb_prepare_options *options,
                            struct clb_prepare_report *report)
{
    struct preparation p = {
        .options = options, .report = report, .document_empty = true, .begun = base_seconds()};
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
