/* SPDX-License-Identifier: Apache-2.0 */
#include "data/indexed.h"

#include "base/error.h"
#include "base/files.h"
#include "data/search.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The first thing that went wrong in reading, by whichever thread. */
struct indexed_trouble {
    atomic_int error; /* 0: nothing; errno, or DAMAGED */
};

enum { DAMAGED = -1 };

static void note_trouble(const struct indexed *set, int error)
{
    int none = 0;
    atomic_compare_exchange_strong(&set->trouble->error, &none, error);
}

enum clb_status indexed_damaged(const struct indexed *set)
{
    return clb_fail(CLB_ERROR_FORMAT, "%s.idx: is damaged: prepare it again", set->prefix);
}

enum clb_status indexed_check(const struct indexed *set)
{
    const int error = atomic_load_explicit(&set->trouble->error, memory_order_relaxed);
    if (error == 0) return CLB_OK;
    if (error == DAMAGED) return indexed_damaged(set);
    return clb_fail(CLB_ERROR_IO, "%s.bin or .idx: cannot be read: %s", set->prefix,
                    strerror(error));
}

/* Bytes that are there; fewer than `size` at the file's end. */
static size_t read_bytes(const struct indexed *set, int file, int64_t offset, void *to, size_t size)
{
    size_t all = 0;
    while (all < size) {
        const ssize_t got = pread(file, (char *)to + all, size - all, offset + (int64_t)all);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) note_trouble(set, errno);
        if (got <= 0) break;
        all += (size_t)got;
    }
    return all;
}

/* Zeros where it cannot be read. */
static void read_at(const struct indexed *set, int file, int64_t offset, void *to, size_t size)
{
    const size_t got = read_bytes(set, file, offset, to, size);
    if (got == size) return;
    note_trouble(set, DAMAGED);
    memset((char *)to + got, 0, size - got);
}

/* Of the index a thread keeps the last blocks that it read: what is looked for next often lies
 * beside what was. */
enum { BLOCK_BYTES = 1024, BLOCKS = 32 };

static void read_index(const struct indexed *set, int64_t offset, void *to, size_t size)
{
    static _Thread_local struct {
        uint64_t serial;
        int64_t number;
        size_t size;
        char bytes[BLOCK_BYTES];
    } blocks[BLOCKS];
    const int64_t number = offset / BLOCK_BYTES;
    const size_t at = (size_t)(offset % BLOCK_BYTES);
    const size_t place = ((uint64_t)number * 0x9E3779B97F4A7C15u >> 32) % BLOCKS;
    if (blocks[place].serial != set->serial || blocks[place].number != number) {
        blocks[place].serial = set->serial;
        blocks[place].number = number;
        blocks[place].size =
            read_bytes(set, set->idx, number * BLOCK_BYTES, blocks[place].bytes, BLOCK_BYTES);
    }
    if (at + size <= blocks[place].size)
        memcpy(to, blocks[place].bytes + at, size);
    else /* across two blocks, or not there */
        read_at(set, set->idx, offset, to, size);
}

/* An entry of the index, which is damaged where it is not 0 .. most. */
static int64_t read_entry(const struct indexed *set, int64_t offset, int64_t most)
{
    int64_t value;
    read_index(set, offset, &value, sizeof value);
    if (value >= 0 && value <= most) return value;
    note_trouble(set, DAMAGED);
    return 0;
}

/* ---- opening ---- */

static enum clb_status open_file(const char *path, int *file, int64_t *size)
{
    struct stat info;
    *file = open(path, O_RDONLY | O_CLOEXEC);
    if (*file < 0 || fstat(*file, &info) != 0)
        return clb_fail(CLB_ERROR_IO, "%s: cannot be read: %s", path, strerror(errno));
    *size = info.st_size;
    return CLB_OK;
}

static int64_t offsets_of(const struct indexed *set)
{
    return INDEXED_HEADER + 4 * set->sentences;
}

static int64_t documents_of(const struct indexed *set)
{
    return offsets_of(set) + 8 * set->sentences;
}

static enum clb_status read_header(struct indexed *set, int64_t limit)
{
    struct __attribute__((packed)) {
        char magic[sizeof INDEXED_MAGIC];
        int64_t version;
        uint8_t type;
        int64_t sentences, entries;
    } header;
    if (limit >= INDEXED_HEADER) read_at(set, set->idx, 0, &header, sizeof header);
    if (limit < INDEXED_HEADER || memcmp(header.magic, INDEXED_MAGIC, sizeof header.magic) != 0)
        return clb_fail(CLB_ERROR_FORMAT, "%s.idx: is no Megatron index", set->prefix);
    if (header.version != 1)
        return clb_fail(CLB_ERROR_FORMAT, "%s.idx: version is not 1", set->prefix);
    if (header.type != INDEXED_INT32 && header.type != INDEXED_UINT16)
        return clb_fail(CLB_ERROR_FORMAT, "%s.idx: type %d; 4 (int32) and 8 (uint16) can be read",
                        set->prefix, header.type);
    if (header.sentences < 0 || header.entries < 1 || header.sentences > limit / 12 ||
        header.entries > limit / 8 ||
        INDEXED_HEADER + 12 * header.sentences + 8 * header.entries != limit)
        return clb_fail(CLB_ERROR_FORMAT, "%s.idx: is cut short or damaged: prepare it again",
                        set->prefix);
    set->width = header.type == INDEXED_UINT16 ? 2 : 4;
    set->sentences = header.sentences;
    set->documents = header.entries - 1;
    return CLB_OK;
}

static enum clb_status check_sizes(struct indexed *set, int64_t bin_size)
{
    set->tokens = bin_size / set->width; /* until it is checked: the most that an entry may say */
    int64_t tokens = 0;
    if (set->sentences > 0)
        tokens = indexed_start(set, set->sentences - 1) + indexed_length(set, set->sentences - 1);
    if (tokens * set->width != bin_size || indexed_check(set) != CLB_OK)
        return clb_fail(
            CLB_ERROR_FORMAT,
            "%s.bin: has %lld bytes, which is not what its index says: prepare it again",
            set->prefix, (long long)bin_size);
    if (indexed_document_first(set, 0) != 0 ||
        indexed_document_first(set, set->documents) != set->sentences)
        return clb_fail(CLB_ERROR_FORMAT, "%s.idx: the document index is damaged", set->prefix);
    return CLB_OK;
}

enum clb_status indexed_open(const char *prefix, struct indexed *set)
{
    static atomic_uint_least64_t opened;
    char *idx = base_format("%s.idx", prefix), *bin = base_format("%s.bin", prefix);
    int64_t idx_size, bin_size;
    enum clb_status status;
    *set = (struct indexed){.serial = atomic_fetch_add(&opened, 1) + 1,
                            .prefix = strdup(prefix),
                            .trouble = calloc(1, sizeof *set->trouble),
                            .idx = -1,
                            .bin = -1};
    if (!idx || !bin || !set->prefix || !set->trouble)
        CLB_TRY(clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", prefix));
    CLB_TRY(open_file(idx, &set->idx, &idx_size));
    CLB_TRY(open_file(bin, &set->bin, &bin_size));
    CLB_TRY(read_header(set, idx_size));
    CLB_TRY(check_sizes(set, bin_size));
cleanup:
    if (status != CLB_OK) indexed_close(set);
    free(idx);
    free(bin);
    return status;
}

void indexed_close(struct indexed *set)
{
    if (set->prefix && set->idx >= 0) close(set->idx);
    if (set->prefix && set->bin >= 0) close(set->bin);
    free(set->prefix);
    free(set->trouble);
    *set = (struct indexed){0};
}

/* ---- entries ---- */

int64_t indexed_start(const struct indexed *set, int64_t sentence)
{
    if (sentence == set->sentences) return set->tokens;
    return read_entry(set, offsets_of(set) + 8 * sentence, set->tokens * set->width) / set->width;
}

int32_t indexed_length(const struct indexed *set, int64_t sentence)
{
    int32_t length;
    read_index(set, INDEXED_HEADER + 4 * sentence, &length, sizeof length);
    if (length >= 0) return length;
    note_trouble(set, DAMAGED);
    return 0;
}

int64_t indexed_document_first(const struct indexed *set, int64_t document)
{
    return read_entry(set, documents_of(set) + 8 * document, set->sentences);
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

/* ---- tokens ---- */

void indexed_tokens(const struct indexed *set, int64_t first, int64_t count, int32_t *out)
{
    read_at(set, set->bin, first * set->width, out, (size_t)(count * set->width));
    if (set->width == 4) return;
    /* From the last on: two bytes become four in place. */
    for (int64_t i = count; i-- > 0;) {
        uint16_t id;
        memcpy(&id, (const char *)out + 2 * i, 2);
        out[i] = id;
    }
}
