/* SPDX-License-Identifier: Apache-2.0 */
/* Megatron-LM's indexed dataset: NAME.idx and NAME.bin (megatron/core/datasets/indexed_dataset.py).
 *   .idx: "MMIDIDX\0\0", u64 version 1, u8 type code, u64 sequences, u64 document-index entries,
 *         i32 lengths[sequences], i64 byte offsets[sequences], i64 document index[entries]
 * The document index goes from 0 to the number of sequences. Little-endian; arrays begin at byte
 * 34, unaligned. One sequence is one sentence here. */
#ifndef DATA_INDEXED_H
#define DATA_INDEXED_H

#include "base/little_endian.h"

#include <clbert/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INDEXED_MAGIC "MMIDIDX\0" /* and the 0 that ends it: 9 bytes */

enum { INDEXED_INT32 = 4, INDEXED_UINT16 = 8, INDEXED_HEADER = 34 };

/* ---- reading ---- */

/* Read where it is needed: no part of it is kept in memory but by the kernel, as long as that has
 * room. Any thread may read. */
struct indexed {
    uint64_t serial; /* no two sets have the same */
    char *prefix;
    int idx, bin; /* open files */
    int width;    /* bytes a token */
    int64_t sentences, documents, tokens;
    struct indexed_trouble *trouble;
};

/* Opens PREFIX.idx and PREFIX.bin and checks that they fit each other. */
enum clb_status indexed_open(const char *prefix, struct indexed *set);
void indexed_close(struct indexed *set);

/* What has gone wrong in the functions below, which give 0 then: a file that cannot be read or has
 * changed, an entry that cannot be right. To be asked before what they gave is used. */
enum clb_status indexed_check(const struct indexed *set);
/* The error of an index that cannot be right. */
enum clb_status indexed_damaged(const struct indexed *set);

/* Tokens before a sentence; sentence == sentences gives all tokens. */
int64_t indexed_start(const struct indexed *set, int64_t sentence);
int32_t indexed_length(const struct indexed *set, int64_t sentence);
/* First sentence of a document; document == documents gives all sentences. */
int64_t indexed_document_first(const struct indexed *set, int64_t document);
/* The document of a sentence. */
int64_t indexed_document_of(const struct indexed *set, int64_t sentence);
/* The sentence in which a token lies. */
int64_t indexed_sentence_at(const struct indexed *set, int64_t token);
/* Copies tokens [first, first + count) of the whole set. */
void indexed_tokens(const struct indexed *set, int64_t first, int64_t count, int32_t *out);

/* ---- writing, in constant memory ---- */

struct indexed_writer;

enum clb_status indexed_create(const char *prefix, int width, struct indexed_writer **writer);
enum clb_status indexed_add_sentence(struct indexed_writer *writer, const int32_t *ids,
                                     int32_t count);
enum clb_status indexed_end_document(struct indexed_writer *writer);
/* Forgets the sentences since the last document's end. */
enum clb_status indexed_drop_document(struct indexed_writer *writer);
/* Both files appear. Frees `writer` either way. */
enum clb_status indexed_commit(struct indexed_writer *writer);
/* NULL is allowed. */
void indexed_abandon(struct indexed_writer *writer);
int64_t indexed_written_documents(const struct indexed_writer *writer);
int64_t indexed_written_sentences(const struct indexed_writer *writer);
int64_t indexed_written_tokens(const struct indexed_writer *writer);

#endif
