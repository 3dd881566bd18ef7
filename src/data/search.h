/* SPDX-License-Identifier: Apache-2.0 */
/* Looking for a place in an ascending list that is too large to be looked at often. */
#ifndef DATA_SEARCH_H
#define DATA_SEARCH_H

#include <stdint.h>

/* The last of `count` places whose value is at most `wanted`; 0 where there is none. Values never
 * fall. Where they rise evenly, as lengths of a text do when summed, a few are looked at; never
 * more than some times log2(count). */
int64_t search_last(int64_t (*value)(const void *list, int64_t place), const void *list,
                    int64_t count, int64_t wanted);

#endif
