/* SPDX-License-Identifier: Apache-2.0 */
#include "vocab/word_runs.h"

#include "base/error.h"
#include "base/files.h"
#include "tokenizer/words.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_FILES = 24 };

/* In memory (counts) or in a file, and the word to be read next. */
struct run {
    struct vocab_word_counts *counts;
    size_t at;
    FILE *file;
    struct vocab_word_count word;     /* size 0: at its end */
    char bytes[TOKENIZER_WORD_BYTES]; /* of a file's word */
};

struct vocab_word_runs {
    struct run **runs, **heap; /* the heap: those not at their end, the first word on top */
    int count, heap_count, spilled;
    int64_t total;
    pthread_mutex_t lock;             /* of adding a run: threads do it when they like */
    char bytes[TOKENIZER_WORD_BYTES]; /* of the word given last */
};

static enum clb_status out_of_memory(void)
{
    return clb_fail(CLB_ERROR_MEMORY, "word counts: out of memory");
}

enum clb_status vocab_word_runs_create(struct vocab_word_runs **out)
{
    *out = calloc(1, sizeof **out);
    if (!*out) return out_of_memory();
    pthread_mutex_init(&(*out)->lock, NULL);
    return CLB_OK;
}

static void free_run(struct run *run)
{
    vocab_word_counts_destroy(run->counts);
    if (run->file) fclose(run->file);
    free(run);
}

void vocab_word_runs_destroy(struct vocab_word_runs *r)
{
    if (!r) return;
    for (int i = 0; i < r->count; i++) free_run(r->runs[i]);
    free(r->runs);
    free(r->heap);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

int64_t vocab_word_runs_total(const struct vocab_word_runs *r)
{
    return r->total;
}

int vocab_word_runs_spilled(const struct vocab_word_runs *r)
{
    return r->spilled;
}

/* ---- files: count, size, bytes, word after word ---- */

struct record {
    int64_t count;
    uint32_t size;
};

static void write_word(FILE *file, const struct vocab_word_count *word)
{
    const struct record record = {word->count, word->size};
    fwrite(&record, sizeof record, 1, file);
    fwrite(word->bytes, 1, word->size, file);
}

static enum clb_status read_word(struct run *run)
{
    struct record record;
    run->word.size = 0;
    if (fread(&record, sizeof record, 1, run->file) == 1 && record.size <= sizeof run->bytes &&
        fread(run->bytes, 1, record.size, run->file) == record.size) {
        run->word = (struct vocab_word_count){run->bytes, record.size, 0, record.count};
        return CLB_OK;
    }
    return feof(run->file) ? CLB_OK
                           : clb_fail(CLB_ERROR_IO, "a temporary file could not be read back");
}

/* ---- reading them as one ---- */

static enum clb_status advance(struct run *run)
{
    if (run->file) return read_word(run);
    const bool more = run->at < run->counts->distinct;
    run->word = more ? run->counts->words[run->at++] : (struct vocab_word_count){0};
    return CLB_OK;
}

static void sift_down(struct vocab_word_runs *r, int at)
{
    struct run *moved = r->heap[at];
    for (int child; (child = 2 * at + 1) < r->heap_count; at = child) {
        if (child + 1 < r->heap_count &&
            vocab_word_compare(&r->heap[child + 1]->word, &r->heap[child]->word) < 0)
            child++;
        if (vocab_word_compare(&moved->word, &r->heap[child]->word) <= 0) break;
        r->heap[at] = r->heap[child];
    }
    r->heap[at] = moved;
}

enum clb_status vocab_word_runs_rewind(struct vocab_word_runs *r)
{
    r->heap_count = 0;
    for (int i = 0; i < r->count; i++) {
        struct run *run = r->runs[i];
        run->at = 0;
        if (run->file && fseeko(run->file, 0, SEEK_SET) != 0)
            return clb_fail(CLB_ERROR_IO, "a temporary file cannot be read back: %s",
                            strerror(errno));
        enum clb_status status = advance(run);
        if (status != CLB_OK) return status;
        if (run->word.size) r->heap[r->heap_count++] = run;
    }
    for (int i = r->heap_count / 2 - 1; i >= 0; i--) sift_down(r, i);
    return CLB_OK;
}

enum clb_status vocab_word_runs_next(struct vocab_word_runs *r, struct vocab_word_count *word)
{
    *word = (struct vocab_word_count){.bytes = r->bytes};
    while (r->heap_count > 0) {
        struct run *first = r->heap[0];
        if (word->size == 0) {
            memcpy(r->bytes, first->word.bytes, first->word.size);
            word->size = first->word.size;
        } else if (vocab_word_compare(word, &first->word) != 0) {
            break;
        }
        word->count += first->word.count;
        enum clb_status status = advance(first);
        if (status != CLB_OK) return status;
        if (first->word.size == 0) r->heap[0] = r->heap[--r->heap_count];
        if (r->heap_count > 0) sift_down(r, 0);
    }
    return CLB_OK;
}

/* ---- adding ---- */

/* A new run at the end of the list. */
static enum clb_status add_run(struct vocab_word_runs *r, struct run **run)
{
    struct run **runs = realloc(r->runs, (size_t)(r->count + 1) * sizeof *runs);
    if (!runs) return out_of_memory();
    r->runs = runs;
    struct run **heap = realloc(r->heap, (size_t)(r->count + 1) * sizeof *heap);
    if (!heap) return out_of_memory();
    r->heap = heap;
    *run = calloc(1, sizeof **run);
    if (!*run) return out_of_memory();
    r->runs[r->count++] = *run;
    return CLB_OK;
}

/* All runs, which are files, into one: few files stay open at any number of spills. */
static enum clb_status join_files(struct vocab_word_runs *r)
{
    FILE *file = NULL;
    struct vocab_word_count word;
    enum clb_status status;
    CLB_TRY(base_temporary_file(&file));
    CLB_TRY(vocab_word_runs_rewind(r));
    for (;;) {
        CLB_TRY(vocab_word_runs_next(r, &word));
        if (word.size == 0) break;
        write_word(file, &word);
        if (ferror(file)) break;
    }
    CLB_TRY(base_temporary_flush(file));
    while (r->count > 1) free_run(r->runs[--r->count]);
    fclose(r->runs[0]->file);
    r->runs[0]->file = file;
    return CLB_OK;
cleanup:
    if (file) fclose(file);
    return status;
}

/* Takes the file, after an error too. */
static enum clb_status add_file(struct vocab_word_runs *r, FILE *file, int64_t words)
{
    struct run *run;
    enum clb_status status = r->count == MOST_FILES ? join_files(r) : CLB_OK;
    if (status == CLB_OK) status = add_run(r, &run);
    if (status != CLB_OK) {
        fclose(file);
        return status;
    }
    run->file = file;
    r->spilled++;
    r->total += words;
    return CLB_OK;
}

enum clb_status vocab_word_runs_spill(struct vocab_word_runs *r, struct vocab_word_counts *counts)
{
    FILE *file = NULL;
    enum clb_status status;
    CLB_TRY(vocab_word_counts_sort(counts));
    CLB_TRY(base_temporary_file(&file));
    for (size_t i = 0; i < counts->distinct && !ferror(file); i++)
        write_word(file, &counts->words[i]);
    CLB_TRY(base_temporary_flush(file));
    pthread_mutex_lock(&r->lock);
    status = add_file(r, file, counts->total);
    pthread_mutex_unlock(&r->lock);
    file = NULL;
    if (status == CLB_OK) status = vocab_word_counts_clear(counts);
cleanup:
    if (file) fclose(file);
    return status;
}

enum clb_status vocab_word_runs_keep(struct vocab_word_runs *r, struct vocab_word_counts *counts)
{
    struct run *run;
    enum clb_status status = vocab_word_counts_sort(counts);
    pthread_mutex_lock(&r->lock);
    if (status == CLB_OK && (status = add_run(r, &run)) == CLB_OK) {
        run->counts = counts;
        r->total += counts->total;
    }
    pthread_mutex_unlock(&r->lock);
    if (status != CLB_OK) vocab_word_counts_destroy(counts);
    return status;
}
