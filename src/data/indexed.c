#include "data/indexed.h"

#include "base/files.h"
#include "data/search.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEPT_MAPPED = 64 << 20 };

static const char magic[9] = "MMIDIDX\0";

/* ---- reading ---- */

static enum clb_status map_file(const char *path, const uint8_t **bytes, size_t *size)
{
    struct stat info;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0 || fstat(descriptor, &info) != 0) {
        enum clb_status status =
            clb_fail(CLB_ERROR_IO, "%s: cannot be read: %s", path, strerror(errno));
        if (descriptor >= 0) close(descriptor);
        return status;
    }
    *size = (size_t)info.st_size;
    void *mapped = *size ? mmap(NULL, *size, PROT_READ, MAP_SHARED, descriptor, 0) : NULL;
    close(descriptor);
    if (mapped == MAP_FAILED)
        return clb_fail(CLB_ERROR_IO, "%s: cannot be mapped: %s", path, strerror(errno));
    *bytes = mapped;
    return CLB_OK;
}

static int64_t read_i64(const uint8_t *at)
{
    int64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static const uint8_t *offsets_of(const struct indexed *set)
{
    return set->idx + INDEXED_HEADER + 4 * set->sentences;
}

static const uint8_t *documents_of(const struct indexed *set)
{
    return offsets_of(set) + 8 * set->sentences;
}

static enum clb_status check(struct indexed *set, const char *prefix)
{
    if (set->idx_size < INDEXED_HEADER || memcmp(set->idx, magic, 9) != 0)
        return clb_fail(CLB_ERROR_FORMAT, "%s.idx: is no Megatron index", prefix);
    const int64_t version = read_i64(set->idx + 9), sentences = read_i64(set->idx + 18);
    const int64_t entries = read_i64(set->idx + 26), limit = (int64_t)set->idx_size;
    const int type = set->idx[17];
    if (version != 1) return clb_fail(CLB_ERROR_FORMAT, "%s.idx: version is not 1", prefix);
    if (type != INDEXED_INT32 && type != INDEXED_UINT16)
        return clb_fail(CLB_ERROR_FORMAT, "%s.idx: type %d; 4 (int32) and 8 (uint16) can be read",
                        prefix, type);
    if (sentences < 0 || entries < 1 || sentences > limit / 12 || entries > limit / 8 ||
        INDEXED_HEADER + 12 * sentences + 8 * entries != limit)
        return clb_fail(CLB_ERROR_FORMAT, "%s.idx: is cut short or damaged: prepare it again",
                        prefix);
    set->width = type == INDEXED_UINT16 ? 2 : 4;
    set->sentences = sentences;
    set->documents = entries - 1;
    set->tokens = 0;
    if (sentences > 0)
        set->tokens = read_i64(offsets_of(set) + 8 * (sentences - 1)) / set->width +
                      indexed_length(set, sentences - 1);
    if (set->tokens < 0 || (uint64_t)set->tokens * (uint64_t)set->width != set->bin_size)
        return clb_fail(CLB_ERROR_FORMAT,
                        "%s.bin: has %zu bytes, its index says %lld: prepare it again", prefix,
                        set->bin_size, (long long)(set->tokens * set->width));
    if (indexed_document_first(set, 0) != 0 ||
        indexed_document_first(set, set->documents) != sentences)
        return clb_fail(CLB_ERROR_FORMAT, "%s.idx: the document index is damaged", prefix);
    return CLB_OK;
}

enum clb_status indexed_open(const char *prefix, struct indexed *set)
{
    char *idx = base_format("%s.idx", prefix), *bin = base_format("%s.bin", prefix);
    enum clb_status status;
    *set = (struct indexed){0};
    if (!idx || !bin) {
        status = clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", prefix);
        goto cleanup;
    }
    CLB_TRY(map_file(idx, &set->idx, &set->idx_size));
    CLB_TRY(map_file(bin, &set->bin, &set->bin_size));
    CLB_TRY(check(set, prefix));
cleanup:
    if (status != CLB_OK) indexed_close(set);
    free(idx);
    free(bin);
    return status;
}

void indexed_close(struct indexed *set)
{
    if (set->idx) munmap((void *)set->idx, set->idx_size);
    if (set->bin) munmap((void *)set->bin, set->bin_size);
    *set = (struct indexed){0};
}

int64_t indexed_start(const struct indexed *set, int64_t sentence)
{
    if (sentence == set->sentences) return set->tokens;
    return read_i64(offsets_of(set) + 8 * sentence) / set->width;
}

int32_t indexed_length(const struct indexed *set, int64_t sentence)
{
    int32_t length;
    memcpy(&length, set->idx + INDEXED_HEADER + 4 * sentence, sizeof length);
    return length;
}

int64_t indexed_document_first(const struct indexed *set, int64_t document)
{
    return read_i64(documents_of(set) + 8 * document);
}

static int64_t document_first(const void *set, int64_t document)
{
    return indexed_document_first(set, document);
}

int64_t indexed_document_of(const struct indexed *set, int64_t sentence)
{
    return search_last(document_first, set, set->documents, sentence);
}

static int64_t sentence_start(const void *set, int64_t sentence)
{
    return indexed_start(set, sentence);
}

int64_t indexed_sentence_at(const struct indexed *set, int64_t token)
{
    return search_last(sentence_start, set, set->sentences, token);
}

void indexed_release(const struct indexed *set)
{
    if (set->idx_size + set->bin_size < KEPT_MAPPED) return;
    madvise((void *)set->idx, set->idx_size, MADV_DONTNEED);
    madvise((void *)set->bin, set->bin_size, MADV_DONTNEED);
}

void indexed_tokens(const struct indexed *set, int64_t first, int64_t count, int32_t *out)
{
    const uint8_t *from = set->bin + first * set->width;
    if (set->width == 4) {
        memcpy(out, from, (size_t)count * 4);
        return;
    }
    for (int64_t i = 0; i < count; i++) {
        uint16_t id;
        memcpy(&id, from + 2 * i, 2);
        out[i] = id;
    }
}

/* ---- writing ---- */

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
    fwrite(magic, 1, 9, idx);
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
