/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "data/indexed.h"

#include "base/files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Lengths and document ends go to files of their own until their numbers are known. */
enum part { BIN, IDX, LENGTHS, DOCUMENTS, PARTS };

struct indexed_writer {
    struct base_file *files[PARTS];
    char *paths[PARTS];
    int width;
    int64_t document_count, sentences, tokens;
    int64_t document_sentences, document_tokens; /* where the document being written begins */
};

static enum clb_status out_of_memory(const char *where)
{
    return clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", where);
}

static enum clb_status failure(const struct indexed_writer *w, enum part part)
{
    return clb_fail(CLB_ERROR_IO, "%s: could not be written: %s", w->paths[part],
                    errno ? strerror(errno) : "write error (is the disk full?)");
}

static FILE *stream_of(const struct indexed_writer *w, enum part part)
{
    return base_file_stream(w->files[part]);
}

/* Streams remember that a write has failed. */
static enum clb_status check(const struct indexed_writer *w, enum part part)
{
    return ferror(stream_of(w, part)) ? failure(w, part) : CLB_OK;
}

enum clb_status indexed_create(const char *prefix, int width, struct indexed_writer **out)
{
    static const char *const suffixes[PARTS] = {"bin", "idx", "lengths", "documents"};
    struct indexed_writer *w = calloc(1, sizeof *w);
    enum clb_status status = CLB_OK;
    if (!w) return out_of_memory(prefix);
    w->width = width;
    for (enum part p = BIN; p < PARTS; p++) {
        w->paths[p] = base_format("%s.%s", prefix, suffixes[p]);
        if (!w->paths[p]) CLB_TRY(out_of_memory(prefix));
        CLB_TRY(base_file_create(w->paths[p], &w->files[p]));
    }
    *out = w;
    w = NULL;
cleanup:
    indexed_abandon(w);
    return status;
}

static void write_narrow(FILE *bin, const int32_t *ids, int32_t count)
{
    uint16_t narrow[512];
    for (int32_t done = 0; done < count;) {
        int32_t n = 0;
        while (n < 512 && done < count) narrow[n++] = (uint16_t)ids[done++];
        fwrite(narrow, 2, (size_t)n, bin);
    }
}

enum clb_status indexed_add_sentence(struct indexed_writer *w, const int32_t *ids, int32_t count)
{
    errno = 0;
    if (w->width == 4)
        fwrite(ids, 4, (size_t)count, stream_of(w, BIN));
    else
        write_narrow(stream_of(w, BIN), ids, count);
    fwrite(&count, 4, 1, stream_of(w, LENGTHS));
    w->sentences++;
    w->tokens += count;
    const enum clb_status status = check(w, BIN);
    return status == CLB_OK ? check(w, LENGTHS) : status;
}

enum clb_status indexed_end_document(struct indexed_writer *w)
{
    w->document_count++;
    w->document_sentences = w->sentences;
    w->document_tokens = w->tokens;
    errno = 0;
    fwrite(&w->sentences, 8, 1, stream_of(w, DOCUMENTS));
    return check(w, DOCUMENTS);
}

enum clb_status indexed_drop_document(struct indexed_writer *w)
{
    w->sentences = w->document_sentences;
    w->tokens = w->document_tokens;
    if (fseeko(stream_of(w, BIN), w->tokens * w->width, SEEK_SET) != 0) return failure(w, BIN);
    if (fseeko(stream_of(w, LENGTHS), w->sentences * 4, SEEK_SET) != 0) return failure(w, LENGTHS);
    return CLB_OK;
}

/* Ends a part's writing: all that was written has arrived, and what a dropped document at the end
 * has left behind is cut off. */
static enum clb_status end_part(const struct indexed_writer *w, enum part part, int64_t bytes)
{
    FILE *stream = stream_of(w, part);
    errno = 0;
    if (!ferror(stream) && fflush(stream) == 0 && ftruncate(fileno(stream), bytes) == 0)
        return CLB_OK;
    return failure(w, part);
}

static enum clb_status reopen(const struct indexed_writer *w, enum part part, FILE **stream)
{
    *stream = base_file_reopen(w->files[part]);
    return *stream ? CLB_OK
                   : clb_fail(CLB_ERROR_IO, "%s: cannot be read back: %s", w->paths[part],
                              strerror(errno));
}

static enum clb_status read_back(const struct indexed_writer *w, enum part part, FILE *stream,
                                 void *entry, size_t size)
{
    if (fread(entry, size, 1, stream) == 1) return CLB_OK;
    return clb_fail(CLB_ERROR_IO, "%s: cannot be read back completely", w->paths[part]);
}

static void write_header(const struct indexed_writer *w, FILE *idx)
{
    const uint64_t version = 1, sentences = (uint64_t)w->sentences;
    const uint64_t entries = (uint64_t)w->document_count + 1;
    const uint8_t type = w->width == 2 ? INDEXED_UINT16 : INDEXED_INT32;
    fwrite(INDEXED_MAGIC, 1, sizeof INDEXED_MAGIC, idx);
    fwrite(&version, 8, 1, idx);
    fwrite(&type, 1, 1, idx);
    fwrite(&sentences, 8, 1, idx);
    fwrite(&entries, 8, 1, idx);
}

static enum clb_status write_index(const struct indexed_writer *w)
{
    FILE *idx = stream_of(w, IDX), *lengths = NULL, *documents = NULL;
    int32_t length;
    int64_t offset = 0, end = 0;
    enum clb_status status;
    CLB_TRY(reopen(w, LENGTHS, &lengths));
    CLB_TRY(reopen(w, DOCUMENTS, &documents));
    write_header(w, idx);
    for (int64_t s = 0; s < w->sentences; s++) {
        CLB_TRY(read_back(w, LENGTHS, lengths, &length, sizeof length));
        fwrite(&length, 4, 1, idx);
    }
    if (fseeko(lengths, 0, SEEK_SET) != 0) CLB_TRY(failure(w, LENGTHS));
    for (int64_t s = 0; s < w->sentences; s++) {
        CLB_TRY(read_back(w, LENGTHS, lengths, &length, sizeof length));
        fwrite(&offset, 8, 1, idx);
        offset += (int64_t)length * w->width;
    }
    fwrite(&end, 8, 1, idx);
    for (int64_t d = 0; d < w->document_count; d++) {
        CLB_TRY(read_back(w, DOCUMENTS, documents, &end, sizeof end));
        fwrite(&end, 8, 1, idx);
    }
cleanup:
    if (lengths) fclose(lengths);
    if (documents) fclose(documents);
    return status;
}

static enum clb_status commit_part(struct indexed_writer *w, enum part part)
{
    struct base_file *file = w->files[part];
    w->files[part] = NULL;
    return base_file_commit(file);
}

enum clb_status indexed_commit(struct indexed_writer *w)
{
    enum clb_status status;
    CLB_TRY(end_part(w, BIN, w->tokens * w->width));
    CLB_TRY(end_part(w, LENGTHS, w->sentences * 4));
    CLB_TRY(end_part(w, DOCUMENTS, w->document_count * 8));
    CLB_TRY(write_index(w));
    CLB_TRY(commit_part(w, BIN));
    CLB_TRY(commit_part(w, IDX));
cleanup:
    indexed_abandon(w);
    return status;
}

void indexed_abandon(struct indexed_writer *w)
{
    if (!w) return;
    for (enum part p = BIN; p < PARTS; p++) {
        base_file_abandon(w->files[p]);
        free(w->paths[p]);
    }
    free(w);
}

int64_t indexed_written_documents(const struct indexed_writer *w)
{
    return w->document_count;
}

int64_t indexed_written_sentences(const struct indexed_writer *w)
{
    return w->sentences;
}

int64_t indexed_written_tokens(const struct indexed_writer *w)
{
    return w->tokens;
}
