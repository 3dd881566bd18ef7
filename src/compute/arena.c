/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/arena.h"
#include "base/error.h"
#include "compute/backend.h"

#include <stdlib.h>
#include <string.h>

struct arena_entry {
    struct clb_tensor *tensor;
    int64_t offset, bytes; /* of whole blocks, from the arena's beginning */
    int part;
    void *slice;
};

/* One allocation. */
struct arena_part {
    int64_t offset, bytes; /* from the arena's beginning */
    void *memory;
};

struct clb_arena {
    struct clb_device *device;
    char name[64];
    struct arena_entry *entries;
    int count, capacity;
    int64_t bytes;
    enum clb_type type; /* of all its tensors; CLB_I32 where they have several */
    bool in_parts, committed;
    struct arena_part *parts;
    int part_count;
    uint64_t writes;
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
    for (int i = 0; i < arena->part_count; i++)
        if (arena->parts[i].memory) backend->release(arena->device, arena->parts[i].memory);
    free(arena->parts);
    free(arena->entries);
    free(arena);
}

void clb_arena_in_parts(struct clb_arena *arena)
{
    arena->in_parts = true;
}

/* The part for so many blocks more; a new one where the last would be too large. That is counted as
 * if elements had four bytes, so that arenas of the same tensors in other types have the same
 * parts.
 */
static enum clb_status part_for(struct clb_arena *arena, int64_t blocks, enum clb_type type,
                                int *part)
{
    const int64_t most = arena->device->info.max_allocation_bytes / 4 / CLB_BLOCK;
    const int64_t size = CLB_BLOCK * clb_type_size(type);
    const struct arena_part *last = arena->part_count ? &arena->parts[arena->part_count - 1] : NULL;
    *part = arena->part_count - 1;
    if (last && (!arena->in_parts || last->bytes / size + blocks <= most)) return CLB_OK;
    struct arena_part *parts =
        realloc(arena->parts, ((size_t)arena->part_count + 1) * sizeof *parts);
    if (!parts) return clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", arena->name);
    arena->parts = parts;
    *part = arena->part_count++;
    parts[*part] = (struct arena_part){.offset = arena->bytes};
    return CLB_OK;
}

enum clb_status clb_arena_add(struct clb_arena *arena, enum clb_type type, int64_t rows,
                              int64_t columns, struct clb_tensor *tensor)
{
    const int64_t limit = INT64_MAX / 16;
    if (rows < 1 || columns < 1 || rows > limit / columns)
        return clb_fail(CLB_ERROR_ARGUMENT, "%s: a tensor of %lld x %lld cannot be", arena->name,
                        (long long)rows, (long long)columns);
    if (arena->committed) return clb_fail(CLB_ERROR_ARGUMENT, "%s: committed already", arena->name);
    if (arena->count == arena->capacity) {
        int capacity = arena->capacity ? 2 * arena->capacity : 16;
        struct arena_entry *entries = realloc(arena->entries, (size_t)capacity * sizeof *entries);
        if (!entries) return clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", arena->name);
        arena->entries = entries;
        arena->capacity = capacity;
    }
    const int64_t blocks = (rows * columns + CLB_BLOCK - 1) / CLB_BLOCK;
    const int64_t bytes = blocks * CLB_BLOCK * clb_type_size(type);
    int part;
    const enum clb_status status = part_for(arena, blocks, type, &part);
    if (status != CLB_OK) return status;
    if (arena->count == 0) arena->type = type;
    if (type != arena->type) arena->type = CLB_I32;
    arena->entries[arena->count++] = (struct arena_entry){
        .tensor = tensor, .offset = arena->bytes, .bytes = bytes, .part = part};
    *tensor = (struct clb_tensor){.device = arena->device,
                                  .rows = rows,
                                  .columns = columns,
                                  .type = type,
                                  .arena = arena,
                                  .offset = arena->bytes,
                                  .capacity = rows * columns};
    arena->bytes += bytes;
    arena->parts[part].bytes += bytes;
    return CLB_OK;
}

int64_t clb_arena_bytes(const struct clb_arena *arena)
{
    return arena->bytes;
}

static enum clb_status allocate_part(struct clb_arena *arena, struct arena_part *part)
{
    struct clb_device *device = arena->device;
    const double mib = 1.0 / (1 << 20);
    if (part->bytes > device->info.max_allocation_bytes)
        return clb_fail(CLB_ERROR_MEMORY,
                        "%s need %.0f MiB in one allocation, %s allows %.0f MiB: choose a smaller "
                        "model or batch",
                        arena->name, (double)part->bytes * mib, device->info.selector,
                        (double)device->info.max_allocation_bytes * mib);
    enum clb_status status = device->backend->allocate(device, part->bytes, &part->memory);
    if (status != CLB_OK)
        return clb_fail_context(status, "%s (%.0f MiB)", arena->name, (double)part->bytes * mib);
    const struct clb_tensor words = {.device = device,
                                     .memory = part->memory,
                                     .rows = part->bytes / 4,
                                     .columns = 1,
                                     .type = CLB_F32};
    return device->backend->fill(&words, 0.0f); /* 0 is the same in every type */
}

enum clb_status clb_arena_commit(struct clb_arena *arena)
{
    struct clb_device *device = arena->device;
    enum clb_status status = CLB_OK;
    if (arena->count == 0 || arena->committed)
        return clb_fail(CLB_ERROR_ARGUMENT, "%s: nothing to commit", arena->name);
    if (arena->bytes > device->info.memory_bytes)
        return clb_fail(CLB_ERROR_MEMORY,
                        "%s need %.0f MiB, %s has %.0f MiB: choose a smaller model or batch",
                        arena->name, (double)arena->bytes / (1 << 20), device->info.selector,
                        (double)device->info.memory_bytes / (1 << 20));
    arena->committed = true;
    for (int i = 0; i < arena->part_count; i++) CLB_TRY(allocate_part(arena, &arena->parts[i]));
    for (int i = 0; i < arena->count; i++) {
        struct arena_entry *entry = &arena->entries[i];
        const struct arena_part *part = &arena->parts[entry->part];
        status = device->backend->slice(device, part->memory, entry->offset - part->offset,
                                        entry->bytes, &entry->slice);
        if (status != CLB_OK) return clb_fail_context(status, "%s", arena->name);
        entry->tensor->memory = entry->slice;
    }
cleanup:
    return status;
}

void arena_note_write(const struct clb_arena *arena)
{
    if (arena) ((struct clb_arena *)(uintptr_t)arena)->writes++; /* tensors only name their arena */
}

uint64_t arena_writes(const struct clb_arena *arena)
{
    return arena->writes;
}

int clb_arena_parts(const struct clb_arena *arena)
{
    return arena->part_count;
}

struct clb_tensor clb_arena_part(const struct clb_arena *arena, int part)
{
    const struct arena_part *p = &arena->parts[part];
    const int64_t elements = p->bytes / clb_type_size(arena->type);
    return (struct clb_tensor){.device = arena->device,
                               .memory = p->memory,
                               .rows = elements,
                               .columns = 1,
                               .type = arena->type,
                               .arena = arena,
                               .offset = p->offset,
                               .capacity = elements};
}

struct clb_tensor clb_arena_whole(const struct clb_arena *arena)
{
    if (arena->part_count == 1) return clb_arena_part(arena, 0);
    const int64_t elements = arena->bytes / clb_type_size(arena->type);
    return (struct clb_tensor){
        .device = arena->device, .rows = elements, .columns = 1, .type = arena->type};
}
