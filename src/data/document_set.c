/* SPDX-License-Identifier: Apache-2.0 */
#include "data/document_set.h"

#include "base/error.h"

#include <stdlib.h>
#include <xxhash.h>

enum { FIRST_CAPACITY = 1 << 12 };

struct document_set {
    XXH3_state_t *state;   /* of the document being read */
    XXH128_hash_t *hashes; /* open addressing; zero: free */
    size_t count, capacity;
};

static enum clb_status out_of_memory(void)
{
    return clb_fail(CLB_ERROR_MEMORY, "--deduplicate: out of memory");
}

enum clb_status document_set_create(struct document_set **out)
{
    struct document_set *set = calloc(1, sizeof *set);
    if (!set) return out_of_memory();
    set->capacity = FIRST_CAPACITY;
    set->state = XXH3_createState();
    set->hashes = calloc(set->capacity, sizeof *set->hashes);
    if (!set->state || !set->hashes) {
        document_set_destroy(set);
        return out_of_memory();
    }
    XXH3_128bits_reset(set->state);
    *out = set;
    return CLB_OK;
}

void document_set_destroy(struct document_set *set)
{
    if (!set) return;
    if (set->state) XXH3_freeState(set->state);
    free(set->hashes);
    free(set);
}

void document_set_line(struct document_set *set, const char *line, size_t size)
{
    XXH3_128bits_update(set->state, line, size);
    XXH3_128bits_update(set->state, "\n", 1);
}

static XXH128_hash_t *find(XXH128_hash_t *hashes, size_t capacity, XXH128_hash_t hash)
{
    static const XXH128_hash_t none = {0, 0};
    size_t at = hash.low64 & (capacity - 1);
    while (!XXH128_isEqual(hashes[at], none) && !XXH128_isEqual(hashes[at], hash))
        at = (at + 1) & (capacity - 1);
    return &hashes[at];
}

static enum clb_status grow(struct document_set *set)
{
    const size_t capacity = 2 * set->capacity;
    XXH128_hash_t *hashes = calloc(capacity, sizeof *hashes);
    if (!hashes) return out_of_memory();
    for (size_t i = 0; i < set->capacity; i++)
        if (set->hashes[i].low64 | set->hashes[i].high64)
            *find(hashes, capacity, set->hashes[i]) = set->hashes[i];
    free(set->hashes);
    set->hashes = hashes;
    set->capacity = capacity;
    return CLB_OK;
}

enum clb_status document_set_end(struct document_set *set, bool *seen)
{
    const XXH128_hash_t hash = XXH3_128bits_digest(set->state);
    XXH128_hash_t *place = find(set->hashes, set->capacity, hash);
    XXH3_128bits_reset(set->state);
    *seen = XXH128_isEqual(*place, hash);
    if (*seen) return CLB_OK;
    *place = hash;
    return 4 * ++set->count > 3 * set->capacity ? grow(set) : CLB_OK;
}
