/* SPDX-License-Identifier: Apache-2.0 */
#include "data/stretches.h"

#include "data/search.h"

int64_t stretches_most(const struct indexed *set, int64_t length)
{
    /* Keys go up to (tokens - 1 + shift) / length + documents - 1, with shift < length. */
    return (set->tokens - 1 + length - 1) / length + set->documents;
}

int64_t stretches_key(const struct stretches *s, int64_t sentence, int64_t document)
{
    return (indexed_start(s->set, sentence) + s->shift) / s->length + document;
}

int64_t stretches_document_key(const struct stretches *s, int64_t document)
{
    return stretches_key(s, indexed_document_first(s->set, document), document);
}

static int64_t document_key(const void *stretches, int64_t document)
{
    return stretches_document_key(stretches, document);
}

int64_t stretches_document(const struct stretches *s, int64_t key)
{
    return search_last(document_key, s, s->set->documents, key);
}

struct token_range stretches_document_range(const struct indexed *set, int64_t document)
{
    int64_t first = indexed_start(set, indexed_document_first(set, document));
    int64_t end = indexed_start(set, indexed_document_first(set, document + 1));
    return (struct token_range){first, end - first};
}
