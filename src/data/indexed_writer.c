/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "data/indexed.h"

#include "base/files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Lengths and document ends go to files of their own until their numbers are known. */
struct indexed_writer {
    struct base_file *bin, *idx, *lengths, *documents;
    char *prefix, *lengths_path, *documents_path;
    int width;
    int64_t document_count, sentences, tokens;
    int64_t document_sentences, document_tokens; /* where the document being written begins */
};

static enum clb_status create_part(const char *prefix, const char *suffix, char **path,
                                   struct base_file **file)
{
    char *name = base_format("%s.%s", prefix, suffix);
    if (!name) return clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", prefix);
    enum clb_status status = base_file_create(name, file);
    if (path && status == CLB_OK)
        *path = name;
    else
        free(name);
    return status;
}

enum clb_status indexed_create(const char *prefix, int width, struct indexed_writer **out)
{
    struct indexed_writer *w = calloc(1, sizeof *w);
    if (!w) return clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", prefix);
    w->width = width;
    w->prefix = strdup(prefix);
    enum clb_status status =
        w->prefix ? CLB_OK : clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", prefix);
    if (status != CLB_OK) goto cleanup;
    CLB_TRY(create_part(prefix, "bin", NULL, &w->bin));
    CLB_TRY(create_part(prefix, "idx", NULL, &w->idx));
    CLB_TRY(create_part(prefix, "lengths", &w->lengths_path, &w->lengths));
    CLB_TRY(create_part(prefix, "documents", &w->documents_path, &w->documents));
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
    FILE *bin = base_file_stream(w->bin);
    if (w->width == 4)
        fwrite(ids, 4, (size_t)count, bin);
    else
        write_narrow(bin, ids, count);
    fwrite(&count, 4, 1, base_file_stream(w->lengths));
    w->sentences++;
    w->tokens += count;
    if (!ferror(bin)) return CLB_OK;
    return clb_fail(CLB_ERROR_IO, "%s.bin: could not be written: %s", w->prefix, strerror(errno));
}

enum clb_status indexed_end_document(struct indexed_writer *w)
{
    w->document_count++;
    w->document_sentences = w->sentences;
    w->document_tokens = w->tokens;
    fwrite(&w->sentences, 8, 1, base_file_stream(w->documents));
    return CLB_OK;
}

enum clb_status indexed_drop_document(struct indexed_writer *w)
{
    w->sentences = w->document_sentences;
    w->tokens = w->document_tokens;
    if (fseeko(base_file_stream(w->bin), w->tokens * w->width, SEEK_SET) == 0 &&
        fseeko(base_file_stream(w->lengths), w->sentences * 4, SEEK_SET) == 0)
        return CLB_OK;
    return clb_fail(CLB_ERROR_IO, "%s.bin: could not be written: %s", w->prefix, strerror(errno));
}

/* Cuts off what a dropped document at the end has left behind. */
static enum clb_status trim(const struct indexed_writer *w)
{
    FILE *bin = base_file_stream(w->bin), *lengths = base_file_stream(w->lengths);
    if (fflush(bin) == 0 && ftruncate(fileno(bin), w->tokens * w->width) == 0 &&
        fflush(lengths) == 0 && ftruncate(fileno(lengths), w->sentences * 4) == 0)
        return CLB_OK;
    return clb_fail(CLB_ERROR_IO, "%s.bin: could not be written: %s", w->prefix, strerror(errno));
}

static enum clb_status rewind_part(struct base_file *file, const char *path, FILE **stream)
{
    FILE *written = base_file_stream(file);
    if (fflush(written) != 0)
        return clb_fail(CLB_ERROR_IO, "%s: could not be written: %s", path, strerror(errno));
    *stream = base_file_reopen(file);
    return *stream ? CLB_OK : clb_fail(CLB_ERROR_IO, "%s: %s", path, strerror(errno));
}

static enum clb_status write_index(struct indexed_writer *w)
{
    FILE *idx = base_file_stream(w->idx), *lengths = NULL, *documents = NULL;
    const uint64_t version = 1, sentences = (uint64_t)w->sentences;
    const uint64_t entries = (uint64_t)w->document_count + 1;
    const uint8_t type = w->width == 2 ? INDEXED_UINT16 : INDEXED_INT32;
    enum clb_status status;
    CLB_TRY(rewind_part(w->lengths, w->lengths_path, &lengths));
    CLB_TRY(rewind_part(w->documents, w->documents_path, &documents));
    fwrite(INDEXED_MAGIC, 1, sizeof INDEXED_MAGIC, idx);
    fwrite(&version, 8, 1, idx);
    fwrite(&type, 1, 1, idx);
    fwrite(&sentences, 8, 1, idx);
    fwrite(&entries, 8, 1, idx);
    int32_t length;
    int64_t offset = 0, end;
    while (fread(&length, 4, 1, lengths) == 1) fwrite(&length, 4, 1, idx);
    rewind(lengths);
    while (fread(&length, 4, 1, lengths) == 1) {
        fwrite(&offset, 8, 1, idx);
        offset += (int64_t)length * w->width;
    }
    offset = 0;
    fwrite(&offset, 8, 1, idx);
    while (fread(&end, 8, 1, documents) == 1) fwrite(&end, 8, 1, idx);
cleanup:
    if (lengths) fclose(lengths);
    if (documents) fclose(documents);
    return status;
}

enum clb_status indexed_commit(struct indexed_writer *w)
{
    struct base_file *bin = w->bin, *idx = w->idx;
    enum clb_status status = trim(w);
    if (status == CLB_OK) status = write_index(w);
    if (status == CLB_OK) {
        w->bin = NULL;
        status = base_file_commit(bin);
    }
    if (status == CLB_OK) {
        w->idx = NULL;
        status = base_file_commit(idx);
    }
    indexed_abandon(w);
    return status;
}

void indexed_abandon(struct indexed_writer *w)
{
    if (!w) return;
    base_file_abandon(w->bin);
    base_file_abandon(w->idx);
    base_file_abandon(w->lengths);
    base_file_abandon(w->documents);
    free(w->prefix);
    free(w->lengths_path);
    free(w->documents_path);
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
