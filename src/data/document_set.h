/* SPDX-License-Identifier: Apache-2.0 */
/* Which documents have been seen: 128-bit hashes of their lines, 16 bytes a document and room to
 * spare. */
#ifndef DATA_DOCUMENT_SET_H
#define DATA_DOCUMENT_SET_H

#include <clbert/status.h>
#include <stdbool.h>
#include <stddef.h>

struct document_set;

enum clb_status document_set_create(struct document_set **set);
void document_set_destroy(struct document_set *set);

/* A line of the document that is being read. */
void document_set_line(struct document_set *set, const char *line, size_t size);
/* The document has ended; *seen: one with the same lines has ended before. */
enum clb_status document_set_end(struct document_set *set, bool *seen);

#endif
