/* SPDX-License-Identifier: Apache-2.0 */
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE ((size_t)2 << 20)

void *base_table_alloc(size_t size)
{
    if (size < HUGE_PAGE) return malloc(size);
    const size_t whole = (size + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    void *memory = whole >= size ? aligned_alloc(HUGE_PAGE, whole) : NULL;
    if (memory) madvise(memory, whole, MADV_HUGEPAGE);
    return memory;
}

void *base_table_zeros(size_t size)
{
    void *memory = base_table_alloc(size);
    return memory ? memset(memory, 0, size) : NULL;
}
