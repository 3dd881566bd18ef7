/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "compute/backend.h"

#include <stdlib.h>
#include <string.h>

struct arena_entry {
    struct clb_tensor *tensor;
    int64_t offset, bytes; /* of whole blocks, from the arena's beginning */
    void *slice;
};

struct clb_arena {
    struct clb_device *device;
    char name[64];
    struct arena_entry *entries;
    int count, capacity;
    int64_t bytes;
    enum clb_type type; /* of all its tensors; CLB_I32 where they have several */
    void *memory;
};

enum clb_status clb_arena_create(struct clb_device *device, const char *name,
                                 struct clb_arena **out)
{
    struct clb_arena *arena = calloc(1, sizeof *arena);
    if (!arena) return clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", name);
    arena->device = device;
    strncpy(arena->name, name, sizeof arena->name - 1);
    *out = arena;
    return CLB_OK;
}

void clb_arena_destroy(struct clb_arena *arena)
{
    if (!arena) return;
    const struct clb_backend *backend = arena->device->backend;
    for (int i = 0; i < arena->count; i++)
        if (arena->entries[i].slice) backend->release_slice(arena->device, arena->entries[i].slice);
    if (arena->memory) backend->release(arena->device, arena->memory);
    free(arena->entries);
    free(arena);
}

enum clb_status clb_arena_add(struct clb_arena *arena, enum clb_type type, int64_t rows,
                              int64_t columns, struct clb_tensor *tensor)
{
    const int64_t limit = INT64_MAX / 16;
    if (rows < 1 || columns < 1 || rows > limit / columns)
        return clb_fail(CLB_ERROR_ARGUMENT, "%s: a tensor of %lld x %lld cannot be", arena->name,
                        (long long)rows, (long long)columns);
    if (arena->memory) return clb_fail(CLB_ERROR_ARGUMENT, "%s: committed already", arena->name);
    if (arena->count == arena->capacity) {
        int capacity = arena->capacity ? 2 * arena->capacity : 16;
        struct arena_entry *entries = realloc(arena->entries, (size_t)capacity * sizeof *entries);
        if (!entries) return clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", arena->name);
        arena->entries = entries;
        arena->capacity = capacity;
    }
    const int64_t blocks = (rows * columns + CLB_BLOCK - 1) / CLB_BLOCK;
    const int64_t bytes = blocks * CLB_BLOCK * clb_type_size(type);
    if (arena->count == 0) arena->type = type;
    if (type != arena->type) arena->type = CLB_I32;
    arena->entries[arena->count++] =
        (struct arena_entry){.tensor = tensor, .offset = arena->bytes, .bytes = bytes};
    *tensor = (struct clb_tensor){.device = arena->device,
                                  .rows = rows,
                                  .columns = columns,
                                  .type = type,
                                  .arena = arena,
                                  .offset = arena->bytes,
                                  .capacity = rows * columns};
    arena->bytes += bytes;
    return CLB_OK;
}

int64_t clb_arena_bytes(const struct clb_arena *arena)
{
    return arena->bytes;
}

enum clb_status clb_arena_commit(struct clb_arena *arena)
{
    struct clb_device *device = arena->device;
    const int64_t bytes = clb_arena_bytes(arena);
    const double mib = 1.0 / (1 << 20);
    if (arena->count == 0 || arena->memory)
        return clb_fail(CLB_ERROR_ARGUMENT, "%s: nothing to commit", arena->name);
    if (bytes > device->info.max_allocation_bytes)
        return clb_fail(CLB_ERROR_MEMORY,
                        "%s need %.0f MiB in one allocation, %s allows %.0f MiB: choose a smaller "
                        "model or batch",
                        arena->name, (double)bytes * mib, device->info.selector,
                        (double)device->info.max_allocation_bytes * mib);
    enum clb_status status = device->backend->allocate(device, bytes, &arena->memory);
    if (status != CLB_OK)
        return clb_fail_context(status, "%s (%.0f MiB)", arena->name, (double)bytes * mib);
    for (int i = 0; i < arena->count; i++) {
        struct arena_entry *entry = &arena->entries[i];
        status = device->backend->slice(device, arena->memory, entry->offset, entry->bytes,
                                        &entry->slice);
        if (status != CLB_OK) return clb_fail_context(status, "%s", arena->name);
        entry->tensor->memory = entry->slice;
    }
    const struct clb_tensor words = {.device = device,
                                     .memory = arena->memory,
                                     .rows = bytes / 4,
                                     .columns = 1,
                                     .type = CLB_F32};
    return device->backend->fill(&words, 0.0f); /* 0 is the same in every type */
}

struct clb_tensor clb_arena_whole(const struct clb_arena *arena)
{
    const int64_t elements = arena->bytes / clb_type_size(arena->type);
    return (struct clb_tensor){.device = arena->device,
                               .memory = arena->memory,
                               .rows = elements,
                               .columns = 1,
                               .type = arena->type,
                               .arena = arena,
                               .capacity = elements};
}
