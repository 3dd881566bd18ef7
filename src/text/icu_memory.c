/* SPDX-License-Identifier: Apache-2.0 */
#include "text/icu_memory.h"

#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unicode/uclean.h>

enum { RESERVE = 1 << 20 }; /* many times what a splitter of sentences takes */

/* Handed out from its beginning, and never taken back. */
static _Alignas(max_align_t) char reserve[RESERVE];
static atomic_size_t reserve_used;
static _Thread_local bool starved;

union header { /* of a block from the reserve */
    size_t size;
    max_align_t alignment;
};

static void *from_reserve(size_t size)
{
    const size_t whole = sizeof(union header) + (size + sizeof(union header) - 1) /
                                                    sizeof(union header) * sizeof(union header);
    starved = true;
    if (size > RESERVE) return NULL;
    const size_t at = atomic_fetch_add(&reserve_used, whole);
    if (at > RESERVE || whole > RESERVE - at) return NULL;
    union header *header = (union header *)(void *)(reserve + at);
    header->size = size;
    return header + 1;
}

static bool is_in_reserve(const void *memory)
{
    return (const char *)memory >= reserve && (const char *)memory < reserve + RESERVE;
}

static void *allocate(const void *context, size_t size)
{
    (void)context;
    void *memory = malloc(size);
    return memory ? memory : from_reserve(size);
}

static void *reallocate(const void *context, void *old, size_t size)
{
    if (!old) return allocate(context, size);
    const bool ours = is_in_reserve(old);
    void *memory = ours ? allocate(context, size) : realloc(old, size);
    if (memory && !ours) return memory;
    if (!memory) memory = from_reserve(size);
    if (!memory) return NULL;
    const size_t before = ours ? ((union header *)old - 1)->size : malloc_usable_size(old);
    memcpy(memory, old, before < size ? before : size);
    if (!ours) free(old);
    return memory;
}

static void release(const void *context, void *memory)
{
    (void)context;
    if (!is_in_reserve(memory)) free(memory);
}

static void set_functions(void)
{
    UErrorCode error = U_ZERO_ERROR;
    u_setMemoryFunctions(NULL, allocate, reallocate, release, &error);
}

void text_icu_begin(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, set_functions);
}

bool text_icu_starved(void)
{
    const bool was = starved;
    starved = false;
    return was;
}
