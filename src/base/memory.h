/* SPDX-License-Identifier: Apache-2.0 */
/* Memory for large tables that are looked up at random. */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stddef.h>

/* Like malloc and calloc, to be freed by free; in huge pages where the system has them, so that a
 * lookup does not miss the TLB, too. */
void *base_table_alloc(size_t size);
void *base_table_zeros(size_t size);

#endif
