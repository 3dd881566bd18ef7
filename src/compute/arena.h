/* SPDX-License-Identifier: Apache-2.0 */
/* What changes in an arena: whoever keeps something made of its tensors asks whether it still is.
 */
#ifndef COMPUTE_ARENA_H
#define COMPUTE_ARENA_H

#include <clbert/device.h>

/* One of its tensors is being written. NULL is allowed: a tensor may be of no arena. */
void arena_note_write(const struct clb_arena *arena);
/* How often that was noted: operations and clb_tensor_write do. */
uint64_t arena_writes(const struct clb_arena *arena);

#endif
