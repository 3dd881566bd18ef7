/* SPDX-License-Identifier: Apache-2.0 */
/* ICU does not bear to get no memory: it crashes, waits for itself, or goes on with something else.
 * It gets some from a reserve then, and whoever called it finds out. */
#ifndef TEXT_ICU_MEMORY_H
#define TEXT_ICU_MEMORY_H

#include <stdbool.h>

/* Before anything else of ICU; where the program has used ICU already, nothing changes. */
void text_icu_begin(void);
/* Whether memory ran out inside ICU on this thread since this was last asked. */
bool text_icu_starved(void);

#endif
