/* SPDX-License-Identifier: Apache-2.0 */
/* One program at a time in a directory. */
#ifndef BASE_LOCK_H
#define BASE_LOCK_H

#include <clbert/status.h>

struct base_lock;

/* Takes DIR/.lock, which dies with its holder however that ends. Held by another program:
 * CLB_ERROR_ARGUMENT that names it. The directory must exist. */
enum clb_status base_lock_take(const char *directory, struct base_lock **lock);
/* NULL is allowed. */
void base_lock_release(struct base_lock *lock);

#endif
